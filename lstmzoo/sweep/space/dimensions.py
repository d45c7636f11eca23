"""The dimensions of a space: ranges and choices by dotted path, and the conditions under which they count."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError, model_validator
from typing_extensions import Self

from lstmzoo.config.sources import Problem
from lstmzoo.schema.problems import explain
from lstmzoo.schema.section import Section, expected
from lstmzoo.sweep.space.foreign import foreign_words

MOST_VALUES = 100_000
DIGITS = 6  # significant ones of a drawn number: as many as a float32 carries through keras-tuner's messages
When = dict[str, Any]
Values = dict[str, Any]  # by dotted path; a path that a condition switches off is missing


class Range(Section):
    """Numbers from `min` to `max`, both included."""

    min: int | float
    """The least value."""
    max: int | float
    """The greatest value."""
    step: Annotated[int | float, Field(gt=0)] | None = None
    """Step from one value to the next: linear adds it, log multiplies by it. Integers: 1 unless given."""
    sampling: Literal["linear", "log"] = "linear"
    """linear: values are drawn evenly; log: their logarithms are."""
    when: When = {}
    """Other paths of the space, and the value (or list of values) at which this one counts."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.min > self.max:
            raise expected(f"min of at most max, {self.max}", at="min")
        if self.sampling == "log" and self.min <= 0:
            raise expected("more than 0 with sampling log", at="min")
        if self.step is not None:
            self._check_step(self.step)
        return self

    def _check_step(self, step: float) -> None:
        if self.sampling == "log" and step <= 1:
            raise expected("more than 1 with sampling log (each value times step is the next)", at="step")
        if _steps(self) > MOST_VALUES:
            raise expected(f"a step that makes at most {MOST_VALUES:,} values", at="step")
        values = stepped(self)
        if not math.isclose(values[-1], self.max, rel_tol=1e-6):
            shown = ", ".join(f"{value:g}" for value in values[:3])
            raise expected(f"a step that leads from min to max {self.max:g} (this one: {shown}, ...)", at="step")


class Choices(Section):
    """A list of values of any kind, of which a trial has one."""

    choices: Annotated[list[Any], Field(min_length=1)]
    """The values."""
    when: When = {}
    """Other paths of the space, and the value (or list of values) at which this one counts."""


class Fixed(Choices):
    """A plain value, which all trials have."""


class Dimension(NamedTuple):
    """One path of the space. An oracle handles countable values by their indices, others by the values themselves."""

    path: str
    low: float
    high: float
    is_whole: bool
    is_log: bool
    values: Sequence[Any] | None
    """All values in order if they can be counted; None: any number from low to high."""
    when: dict[str, list[Any]]

    def decoded(self, raw: float) -> Any:
        """Return the value that an oracle's number means."""
        if self.values is not None:
            return self.values[round(raw)]
        return int(raw) if self.is_whole else min(max(rounded(raw), self.low), self.high)

    def encoded(self, value: Any) -> Any:
        """Return the number that an oracle has for a value."""
        return value if self.values is None else self.values.index(value)

    def corners(self) -> Sequence[Any]:
        """Return the values at which a combination is most likely to be impossible: both ends, or all choices."""
        if self.values is None or isinstance(self.values, range):
            ends = (self.low, self.high) if self.values is None else (self.values[0], self.values[-1])
            return list(dict.fromkeys(int(end) if self.is_whole else end for end in ends))
        return self.values

    def listed(self) -> Sequence[Any] | None:
        """Return all values for a grid; None if they cannot be counted."""
        if self.values is None and self.is_whole:
            return range(int(self.low), int(self.high) + 1)
        return self.values

    def counts(self, others: Mapping[str, Any]) -> bool:
        """Tell whether its condition holds, given the values of other paths."""
        return all(path in others and others[path] in wanted for path, wanted in self.when.items())


def read_entry(path: str, entry: Any) -> tuple[Range | Choices | None, list[Problem]]:
    """Read the entry at a path of `space`: a range, choices or a single value; return it, or its problems."""
    if problems := foreign_words(path, entry):
        return None, problems
    if not isinstance(entry, dict) or not set(entry) & {"min", "max", "choices"}:
        return Fixed(choices=[entry]), []
    section: type[Range | Choices] = Choices if "choices" in entry else Range
    try:
        return section.model_validate(entry), []
    except ValidationError as error:
        reasons = explain(error, entry, section)
    return None, [Problem(("space", path, *inner), reason.text) for inner, reason in reasons.items()]


def dimension(path: str, entry: Range | Choices, is_whole: bool) -> Dimension:
    """Return the dimension that an entry describes; `is_whole`: the path takes integers only."""
    when = {other: wanted if isinstance(wanted, list) else [wanted] for other, wanted in entry.when.items()}
    if isinstance(entry, Choices):
        return Dimension(path, 0, 0, False, False, entry.choices, when)
    is_log = entry.sampling == "log"
    values: Sequence[Any] | None = None
    if entry.step is not None:
        values = stepped(entry)
        values = [round(value) for value in values] if is_whole else values
    elif is_whole and not is_log:
        values = range(int(entry.min), int(entry.max) + 1)
    return Dimension(path, entry.min, entry.max, is_whole, is_log, values, when)


def stepped(entry: Range) -> list[float]:
    """Return the values of a range with a step, both ends included; an empty list if it has no step."""
    if entry.step is None:
        return []
    if entry.sampling == "log":
        return [_clean(entry.min * entry.step**index) for index in range(_steps(entry) + 1)]
    return [_clean(entry.min + entry.step * index) for index in range(_steps(entry) + 1)]


def _steps(entry: Range) -> int:
    """Return the number of steps from the first value to the last one."""
    assert entry.step is not None
    if entry.sampling == "log":
        return math.floor(math.log(entry.max / entry.min) / math.log(entry.step) + 1e-9)
    return math.floor((entry.max - entry.min) / entry.step + 1e-9)


def rounded(value: float) -> float:
    """Round to DIGITS significant digits, which every part of a search can carry."""
    return float(f"{value:.{DIGITS}g}")


def _clean(value: float) -> float:
    """Remove the error of binary fractions: 0.3, not 0.30000000000000004."""
    return float(f"{value:.12g}")


def in_order(dimensions: Sequence[Dimension]) -> list[Dimension]:
    """Sort dimensions so that each comes after those in its condition; conditions in a circle are left out."""
    ordered: list[Dimension] = []
    while ready := [
        dimension
        for dimension in dimensions
        if dimension not in ordered and set(dimension.when) <= {other.path for other in ordered}
    ]:
        ordered += ready
    return ordered


def combinations(dimensions: Sequence[Dimension], values: Mapping[str, Sequence[Any]]) -> Iterator[Values]:
    """Yield all combinations of values, without a path whose condition does not hold; the last path changes fastest."""
    if not dimensions:
        yield {}
        return
    *before, last = dimensions
    for others in combinations(before, values):
        if last.counts(others):
            yield from ({**others, last.path: value} for value in values[last.path])
        else:
            yield others


def count(dimensions: Sequence[Dimension], most: int) -> int | None:
    """Count the combinations, up to `most`; None if they cannot be counted."""
    listed: dict[str, Sequence[Any]] = {}
    for each in dimensions:
        values = each.listed()
        if values is None:
            return None
        listed[each.path] = values
    return len(list(islice(combinations(dimensions, listed), most)))
