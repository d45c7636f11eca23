"""Features: what people know of a text at each of its symbols, and what a cell may tell. NumPy only.

The value of a feature at symbol t is what holds when symbol t was read, as the activation of a cell is: at a quote that
begins a quotation "inside quotes" is 1, at the one that ends it 0.
"""

import re
from typing import NamedTuple

import numpy as np

QUOTED = re.compile(
    r'("""(?:\\.|[^\\])*?""")'
    r"|('''(?:\\.|[^\\])*?''')"
    r'|("(?:\\.|[^"\\\n]|\n(?!\s*\n))*")'  # it may go over lines, but over no empty one
    r"|(?<!\w)(?:[rbuf]{1,2})?('(?:\\.|[^'\\\n])*')(?!\w)"  # an apostrophe in a word begins none
    r"|(“[^“”]*”)|(«[^«»]*»)",
    re.DOTALL | re.IGNORECASE,
)
BRACKETS = {")": "(", "]": "[", "}": "{"}
TAB = 8


class Feature(NamedTuple):
    """Property of each step that people know, with its name."""

    name: str
    values: np.ndarray
    """`[N]` in float32."""


def text_features(text: str) -> list[Feature]:
    """Return the features of a text of N symbols, those that are the same everywhere too."""
    quoted = _inside_quotes(text)
    indents, places = _places(text)
    symbols = zip(" " + text, text, strict=False)
    found = {
        "inside quotes": quoted,
        "inside brackets": _inside_brackets(text, quoted),
        "depth of indentation": indents,
        "place in the line": places,
        "line ends": [symbol == "\n" for symbol in text],
        "word starts": [symbol.isalnum() and not before.isalnum() for before, symbol in symbols],
        "capitals": [symbol.isupper() for symbol in text],
    }
    return [Feature(name, np.array(values, np.float32)) for name, values in found.items()]


def delays(x: np.ndarray, most: int) -> list[Feature]:
    """Return the inputs `[N]` of 0 to `most` steps ago as features; before the first one they are 0."""
    padded = np.concatenate([np.zeros(most), x]).astype(np.float32)
    return [Feature(f"input {_ago(steps)}", padded[most - steps : len(padded) - steps]) for steps in range(most + 1)]


def _ago(steps: int) -> str:
    return ("now", "1 step ago")[steps] if steps < 2 else f"{steps} steps ago"


def _inside_quotes(text: str) -> np.ndarray:
    """Return 1 from a quote up to the symbol before the quote that ends it; one without an end begins nothing."""
    found = np.zeros(len(text), bool)
    for match in QUOTED.finditer(text):
        first, end = match.span(match.lastindex or 0)
        found[first : end - 1] = True
    return found


def _inside_brackets(text: str, quoted: np.ndarray) -> np.ndarray:
    """Return 1 from a bracket up to the symbol before the one that closes it; brackets inside quotes do not count."""
    found, opened = np.zeros(len(text), bool), list[int]()
    for place in (match.start() for match in re.finditer(r"[()\[\]{}]", text)):
        if quoted[place]:
            continue
        if text[place] not in BRACKETS:
            opened.append(place)
            continue
        partners = [k for k, other in enumerate(opened) if text[other] == BRACKETS[text[place]]]
        if partners:
            found[opened[partners[-1]] : place] = True
            del opened[partners[-1] :]
    return found


def _places(text: str) -> tuple[list[int], list[int]]:
    """Return for each symbol the columns of indentation of its line, as far as they are read, and its place in it."""
    indents, places = list[int](), list[int]()
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        columns = 0
        leading = len(line) - len(line.lstrip(" \t"))
        for place, symbol in enumerate(line):
            if place < leading:
                columns += TAB - columns % TAB if symbol == "\t" else 1
            indents.append(columns)
            places.append(place)
    return indents, places
