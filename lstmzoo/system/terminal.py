"""Text for a terminal: control characters, which a terminal would obey, are shown as escapes such as \\x1b."""

import codecs
import os
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

OBEYED = (
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Cn",
    "Zl",
    "Zp",
)  # controls, invisible and bidirectional marks, surrogates, unassigned

SECONDS = 0.5  # between two lines of a count


def printable(text: str) -> str:
    """Escape all characters that a terminal would obey and not show, except newline and tab."""
    if text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def one_line(text: str) -> str:
    """Return a text on one line, without characters that a terminal would obey; a newline or tab becomes a space."""
    return printable(re.sub(r"[\r\n\t]+", " ", text))


def _shown(char: str) -> str:
    if char in "\n\t" or unicodedata.category(char) not in OBEYED:
        return char
    return char.encode("unicode_escape").decode()


class TextOutput:
    """A byte stream for text that is written in pieces: unchanged, or escaped for a terminal."""

    def __init__(self, stream: BinaryIO, is_terminal: bool):
        self.stream, self.is_terminal = stream, is_terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")  # a piece may end within a character

    def write(self, piece: bytes, last: bool = False) -> None:
        """Write and flush a piece; the `last` one ends the text."""
        if self.is_terminal:
            piece = printable(self._decoder.decode(piece, last)).encode()
        self.stream.write(piece)
        self.stream.flush()


class Printed:
    """Text printed in pieces to Python's stdout, which a notebook replaces: escaped, each text ending its line."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def write(self, piece: bytes, last: bool = False) -> None:
        """Print a piece; the `last` one ends the text."""
        print(printable(self._decoder.decode(piece, last)), end="\n" * last, flush=True)


@contextmanager
def counted_line(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Give a function that adds to a count, which stands on stderr, if that is a terminal: "50 of 200 rows (25 %)".

    The line is written again every half a second, and goes at the end.
    """
    if not sys.stderr.isatty():
        yield lambda more: None
        return
    done, line, last = 0, "", time.monotonic()
    terminal = os.dup(sys.stderr.fileno())  # where others' messages are held back, this is not

    def add(more: int) -> None:
        nonlocal done, line, last
        done += more
        if time.monotonic() - last >= SECONDS:
            line, last = f"{done:,} of {total:,} {what} ({100 * done // total} %)", time.monotonic()
            _write(terminal, f"\r{line}")

    try:
        yield add
    finally:
        _write(terminal, f"\r{' ' * len(line)}\r" if line else "")
        os.close(terminal)


def _write(descriptor: int, text: str) -> None:
    with suppress(OSError):  # the terminal may be gone
        os.write(descriptor, text.encode())


def short_number(number: float) -> str:
    """Return a number with three digits and a unit: 12.3, 123, 1.23k, 12.3k, 123k, 1.23M, ..."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def duration(seconds: float) -> str:
    """Return seconds in readable units: 0.45 s, 3 s, 2 min 5 s, 1 h 20 min."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
