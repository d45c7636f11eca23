"""The axes of a search's pictures: places of values, which are numbers, logarithms, categories or bins."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from matplotlib.ticker import MaxNLocator

LOG_FACTOR = 20  # positive numbers that span more than this get a log axis
MOST_TICKED = 8  # up to so many distinct numbers have a tick each
OFF = -0.16  # the place of a trial that has no value at a path

Tick = tuple[float, str]


class Scale(NamedTuple):
    """The axis of one path; its values have places from 0 to 1."""

    low: float
    high: float
    log: bool
    categories: tuple[str, ...]
    """The texts of the categories in the order of the axis; empty for numbers."""
    ticks: tuple[Tick, ...]
    """The place and label of each tick, from low to high."""
    jitter: float
    """The largest distance of a point from its place, so that equal values can be seen apart."""

    def varies(self) -> bool:
        """Tell whether there is more than one value."""
        return len(self.categories) > 1 or self.high > self.low

    def place(self, value: Any) -> float:
        """Return a value's place from 0 to 1; a single number or category has the middle."""
        if self.categories:
            return (self.categories.index(text(value)) + 0.5) / len(self.categories)
        return _between(self.low, self.high, value, self.log)


def scale_of(values: Sequence[Any]) -> Scale:
    """Return the scale that suits all values, one or more: of numbers if all are finite numbers, else of categories."""
    if not all(is_number(value) for value in values):
        categories = tuple(sorted({text(value) for value in values}, key=_natural))
        count = len(categories)
        ticks = tuple(((at + 0.5) / count, shortened(name, 18)) for at, name in enumerate(categories))
        return Scale(0, 0, False, categories, ticks, min(0.06, 0.3 / count))
    distinct = sorted(set(values))
    low, high, log = distinct[0], distinct[-1], is_log(values)
    few = len(distinct) <= MOST_TICKED
    places = [_between(low, high, value, log) for value in distinct]
    gap = min((b - a for a, b in pairwise(places)), default=0.2)
    marked = distinct if few else round_numbers(low, high, log)
    ticks = tuple((_between(low, high, value, log), number(value)) for value in marked)
    return Scale(low, high, log, (), ticks, min(0.03, gap / 3) if few else 0.0)


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite int or float; true and false are categories."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_log(numbers: Sequence[float]) -> bool:
    """Tell whether all numbers are positive, and the largest is more than LOG_FACTOR times the smallest."""
    return bool(numbers) and min(numbers) > 0 and max(numbers) / LOG_FACTOR > min(numbers)


def round_numbers(low: float, high: float, log: bool) -> list[float]:
    """Return the numbers for ticks between low and high; on a log axis powers of ten, and 2 and 5 times them.

    From three decades on there are only the powers.

    >>> round_numbers(1, 100, True), round_numbers(1, 1000, True)
    ([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0], [1.0, 10.0, 100.0, 1000.0])
    """
    if not log:
        marks = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high)
        return [float(mark) for mark in marks if low <= mark <= high]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if high / low >= 1000 else (1, 2, 5)
    step = math.ceil(len(decades) / 7)
    marks = [factor * 10.0**decade for decade in decades[::step] for factor in factors]
    return [mark for mark in marks if low * 0.999 <= mark <= high * 1.001]


def thinned(ticks: Iterable[Tick], room: float, upright: bool = False) -> list[Tick]:
    """Return the ticks whose labels do not overlap; room: characters along the axis, or lines if upright."""
    chosen: list[Tick] = []
    for place, label in ticks:
        half = 0.5 if upright else len(label) / 2 + 0.5
        before = chosen[-1] if chosen else (-math.inf, "")
        if place * room - half >= before[0] * room + (0.5 if upright else len(before[1]) / 2 + 0.5):
            chosen.append((place, label))
    return chosen


def text(value: Any) -> str:
    """Return a value as text: a text as it is, numbers rounded, other values as JSON without quotes."""
    if isinstance(value, str):
        return value
    if is_number(value):
        return number(value)
    return str(value) if isinstance(value, float) else json.dumps(value, allow_nan=False).replace('"', "")


def number(value: float) -> str:
    """Return a number as text: four digits of a whole number, five of one just below 1 (an accuracy), three of others.

    >>> number(12345.0), number(0.98765), number(0.12345)
    ('1.234e+04', '0.98765', '0.123')
    """
    digits = 4 if value == int(value) else 5 if 0.9 < value < 1 else 3
    return f"{value:.{digits}g}"


def shortened(words: str, most: int) -> str:
    """Return at most so many characters, without the middle; $ is escaped, which matplotlib takes for a formula."""
    words = " ".join(words.split())
    if len(words) > most:
        words = words[: most // 2] + "…" + words[len(words) - (most - 1 - most // 2) :]
    return words.replace("$", r"\$")


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Return the last part of each path, by path; the whole path if two have the same last part."""
    last = [path.rpartition(".")[2] for path in paths]
    return {path: name if last.count(name) == 1 else path for path, name in zip(paths, last, strict=True)}


def bins(sizes: Iterable[int], most_alone: int = 12, most_bins: int = 8) -> list[tuple[int, int]]:
    """Return first and last size of each bin: every size alone, or logarithmic bins if there are too many sizes.

    >>> bins(range(1, 17))
    [(1, 1), (2, 2), (3, 3), (4, 5), (6, 7), (8, 11), (12, 16)]
    """
    distinct = sorted(set(sizes))
    if len(distinct) <= most_alone:
        return [(size, size) for size in distinct]
    low, past = distinct[0], distinct[-1] + 1
    edges = sorted({round(low * (past / low) ** (k / most_bins)) for k in range(most_bins + 1)})
    pairs = [(first, after - 1) for first, after in pairwise(edges)]
    return [(a, b) for a, b in pairs if any(a <= size <= b for size in distinct)]


def bin_label(bounds: tuple[int, int]) -> str:
    """Return a bin's label.

    >>> bin_label((4, 4)), bin_label((3, 4))
    ('4', '3-4')
    """
    return "-".join(str(bound) for bound in dict.fromkeys(bounds))


def _between(low: float, high: float, value: float, log: bool) -> float:
    """Return a value's place from 0 at low to 1 at high."""
    if low == high:
        return 0.5
    if log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _natural(words: str) -> list[tuple[int, str]]:
    """Return a key that sorts texts by the numbers in them: `[4]` before `[16]`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", words)]
