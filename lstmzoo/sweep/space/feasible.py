"""The check that the parts of a space fit one another: conditions, and combinations of values."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from lstmzoo.config.sources import Problem
from lstmzoo.errors import did_you_mean, written
from lstmzoo.sweep.space.dimensions import Choices, Dimension, Range, combinations, stepped
from lstmzoo.sweep.space.search import Search, pairs

MAX_CORNERS, MAX_SHOWN = 1000, 5
Entries = dict[str, Range | Choices]


def bad_conditions(path: str, entry: Range | Choices, entries: Entries) -> list[Problem]:
    """Return the problems of an entry's conditions: paths that the space does not have, values that they never take."""
    problems = []
    for other, wanted in entry.when.items():
        asked = entries.get(other)
        if asked is None:
            near = did_you_mean(other, set(entries) - {path})
            text = f"expected a path of the space, received '{other}'{near}"
            problems.append(Problem(("space", path, "when", other), text))
            continue
        for value in wanted if isinstance(wanted, list) else [wanted]:
            known = value in asked.choices if isinstance(asked, Choices) else _within(asked, value)
            if not known:
                text = f"expected a value that {other} takes in the space, received {written(value)}"
                problems.append(Problem(("space", path, "when", other), text))
    return problems


def _within(entry: Range, value: Any) -> bool:
    """Tell whether a range has a value; a condition can only ask for a whole number of it."""
    return type(value) is int and entry.min <= value <= entry.max and (entry.step is None or value in stepped(entry))


def impossible(search: Search) -> list[Problem]:
    """Try the combinations of least, greatest and chosen values; return the problems, each reason once."""
    by_reason: dict[str, Problem] = {}
    for values in _corners(search.dimensions):
        _, problems = search.problems(values)
        for at, text, _ in problems:
            reason = f"{'.'.join(map(str, at)) or 'the experiment'}: {text.partition(', received')[0]}"
            near = {path: value for path, value in values.items() if at and path.split(".")[0] == at[0]} or values
            advice = "add a condition (when: {path: value}) or take values that fit"
            text = f"expected values that are possible together, received {pairs(near)} ({reason}): {advice}"
            by_reason.setdefault(reason, Problem(("space",), text))
        if len(by_reason) >= MAX_SHOWN:
            break
    return list(by_reason.values())


def _corners(dimensions: Sequence[Dimension]) -> Iterator[dict[str, Any]]:
    """Yield all combinations of corner values; if they are too many, those of each pair of paths.

    In the second case the paths that are not of the pair have their first corner value.
    """
    corners = {each.path: each.corners() for each in dimensions}
    if math.prod(map(len, corners.values())) <= MAX_CORNERS:
        yield from combinations(dimensions, corners)
        return
    first = {path: values[:1] for path, values in corners.items()}
    for one, other in itertools.combinations(corners, 2):
        yield from combinations(dimensions, {**first, one: corners[one], other: corners[other]})
