"""The number of trials of a search: as many as are wanted, as there are combinations, or as hyperband starts."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from lstmzoo.config.averages import AVERAGES
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.schedules import SCHEDULES
from lstmzoo.config.sources import LENGTHS, Problem
from lstmzoo.sweep.space.dimensions import Dimension, count
from lstmzoo.sweep.space.hyperband import sizes
from lstmzoo.sweep.space.sections import SearchSpec, SweepSpec

Dimensions = Sequence[Dimension]
MAX_GRID = 100_000


class Size(NamedTuple):
    """Size of a search."""

    trials: int
    length: tuple[str, int] = ("", 0)
    """Key and value of the base's own length, for hyperband."""


def size_of(sweep: SweepSpec, dimensions: Dimensions, base: Experiment) -> tuple[Size, list[Problem]]:
    """Compute the number of trials of a search, and the problems if it cannot have one."""
    spec = sweep.search
    if spec.kind == "hyperband":
        return _hyperband(sweep, dimensions, base)
    there = count(dimensions, max(MAX_GRID, spec.trials or 0) + 1)
    if spec.kind == "grid":
        return Size(there or 0), _grid(dimensions, there, spec.trials)
    trials = spec.trials or 0
    return Size(trials if there is None else min(trials, there)), []


def _grid(dimensions: Dimensions, there: int | None, wanted: int | None) -> list[Problem]:
    """Return the problems of a grid of `there` combinations (None: countless); a part of a grid is not allowed."""
    if there is None:
        endless = next(each.path for each in dimensions if each.listed() is None)
        return [
            Problem(
                ("space", endless), "expected choices or a step in a grid, received a range without end: add a step"
            )
        ]
    if there <= (wanted or MAX_GRID):
        return []
    number = f"{there:,}" if there <= MAX_GRID else f"more than {MAX_GRID:,}"
    text = f"expected as many as the grid has combinations, {number}, received {wanted or MAX_GRID:,}"
    advice = "raise it, or take fewer values" if there <= MAX_GRID else "take fewer values"
    return [Problem(("search", "trials"), f"{text}: {advice}")]


def _hyperband(sweep: SweepSpec, dimensions: Dimensions, base: Experiment) -> tuple[Size, list[Problem]]:
    spec, key = sweep.search, next(key for key in LENGTHS if getattr(base.train, key) is not None)
    length = getattr(base.train, key)
    if problem := _unfit(sweep.space, base, key) or _indivisible(spec, key, length):
        return Size(0), [problem]
    once = sum(rounds[0] for rounds in sizes(length // spec.smallest, spec.factor))
    if spec.trials is not None and spec.trials < once:
        text = f"expected as many as hyperband starts in one pass, {once}, or more, received {spec.trials}"
        return Size(0), [Problem(("search", "trials"), f"{text}: raise it, or search.smallest")]
    passes = max(1, (spec.trials or once) // once)
    there = count(dimensions, once * passes)
    trials = once * passes if there is None else min(once * passes, there)
    return Size(trials, (key, length)), []


def _unfit(space: dict[str, Any], base: Experiment, key: str) -> Problem | None:
    """Return the problem, or None, because of which a short run would not be the start of a longer one."""
    taken = [f"train.{name}" for name in LENGTHS if f"train.{name}" in space]
    if key == "time_budget" or taken:
        received = taken[0] + " in the space" if taken else "train.time_budget"
        text = "expected a base bounded by epochs or steps, and neither in the space, for hyperband"
        return Problem(("search", "kind"), f"{text}, received {received}")
    for name, table in (("schedule", SCHEDULES), ("average", AVERAGES)):
        wanted = (getattr(getattr(base.train, name), "kind", None), *_kinds(space, f"train.{name}"))
        if unfit := next((kind for kind in wanted if kind in table and table[kind].needs_length), None):
            fit = ", ".join(kind for kind, section in table.items() if not section.needs_length)
            text = f"expected {name}s that do not depend on the length ({fit}) for hyperband"
            return Problem(("search", "kind"), f"{text}, received {unfit}")
    return None


def _indivisible(spec: SearchSpec, key: str, length: int) -> Problem | None:
    if length % spec.smallest == 0:
        return None
    text = f"expected a divisor of the base's {length} {key}, received {spec.smallest}"
    return Problem(("search", "smallest"), text)


def _kinds(space: dict[str, Any], section: str) -> Iterator[Any]:
    """Yield the kinds of a section, such as "train.schedule", that a space may give it."""
    for path, entry in space.items():
        values = entry.get("choices", []) if isinstance(entry, dict) else [entry]
        for value in values if isinstance(values, list) else []:
            if path == f"{section}.kind":
                yield value
            elif path == section and isinstance(value, dict):
                yield value.get("kind")
