"""From a sweep's YAML file to a `Search`, or to one report of all that is wrong with it, before anything runs."""

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lstmzoo.budget import BUDGET
from lstmzoo.config import check, load_config, name_of, report
from lstmzoo.errors import ConfigError
from lstmzoo.hyperband import sizes
from lstmzoo.nearest import did_you_mean
from lstmzoo.search import Search, check_laid, pairs
from lstmzoo.sources import LENGTHS, Problem, Sources
from lstmzoo.space import Choices, Dimension, Range, combinations, count, dimension, in_order, read_entry
from lstmzoo.strict_yaml import shown
from lstmzoo.sweepspec import SweepSpec

MAX_CORNERS, MAX_GRID, MAX_SHOWN = 1000, 100_000, 5
Entries = dict[str, Range | Choices]


def load_sweep(path: str | os.PathLike[str], trials: int | None = None) -> Search:
    """The search that a YAML file describes; `trials` replaces the file's.

    Raises `ConfigError` that names every problem: file and line, path, expected, received, nearest name.
    """
    sources = Sources(Path(path), ())
    problems = list(sources.problems)
    if isinstance(sources.data, dict):
        sources.data.setdefault("name", name_of(Path(path)))
        if trials is not None and isinstance(sources.data.setdefault("search", {}), dict):
            sources.data["search"]["trials"] = trials
        spec, found = check(sources.data, {problem.path for problem in problems}, {}, SweepSpec)
        problems += found
        if spec is not None and not problems:
            search, problems = _Reading(spec, sources).search()
            if search is not None and not problems:
                return search
    raise ConfigError(report(sources, problems))


class _Reading:
    """The steps from checked sections to a search; each stops where one before it has found problems."""

    def __init__(self, spec: SweepSpec, sources: Sources):
        self.spec, self.problems = spec, list[Problem]()
        path = Path(sources.file).parent / spec.base
        self.experiment = load_config(path)
        base = Sources(path, ())
        self.base, self.folders = base.data, tuple(base.folders)

    def search(self) -> tuple[Search | None, list[Problem]]:
        entries = self._entries()
        self._check_objective()
        self._check_values(entries)
        if self.problems:
            return None, self.problems
        dimensions = self._dimensions(entries)
        search = Search(self.spec, tuple(dimensions), self.base, self.folders, 0)
        if not self.problems:
            search = self._sized(search)
        if not self.problems:
            self.problems += _impossible(search)
        return search, self.problems

    def _entries(self) -> Entries:
        found: Entries = {}
        for path, given in self.spec.space.items():
            entry, problems = read_entry(path, given)
            self.problems += problems
            if entry is not None:
                found[path] = entry
        if BUDGET in found and "model.units" in found:
            text = f"expected {BUDGET} or model.units, received both: the units follow from the parameters"
            self.problems.append(Problem(("space", BUDGET), text))
        return found

    def _check_objective(self) -> None:
        name, task = self.spec.objective.name, self.experiment.task
        legal = (*task.measured, "train_loss")
        if name not in legal:
            text = f"expected a measure that runs of the base write, received '{name}'{did_you_mean(name, legal)}"
            self.problems.append(Problem(("objective", "name"), text))
        elif name != "train_loss" and not self.experiment.validation.every_steps:
            text = f"expected a base that is validated, received '{name}' with its validate.every_steps: 0"
            self.problems.append(Problem(("objective", "name"), text))

    def _check_values(self, entries: Entries) -> None:
        """Each value alone, laid over the base: unknown paths, wrong types and ranges."""
        for path, entry in entries.items():
            if isinstance(entry, Choices):
                given = [("choices", value) for value in entry.choices]
            else:
                given = [("min", entry.min), ("max", entry.max)]
            for place, value in given:
                if text := self._wrong(path, value):
                    unknown = "a key that exists" in text
                    self.problems.append(Problem(("space", path) if unknown else ("space", path, place), text))
                    if unknown:
                        break

    def _wrong(self, path: str, value: Any) -> str | None:
        """What is wrong with a value whatever the others are."""
        if path == BUDGET:
            fits = type(value) is int and value > 0
            return None if fits else f"expected a number of parameters, received {shown(value)}"
        _, problems = check_laid(self.base, {path: value}, self.folders)
        keys = tuple(path.split("."))
        for at, text, _ in problems:
            unknown = "a key that exists" in text and at == keys[: len(at)]
            if unknown or at[: len(keys)] == keys:
                return text
        return None

    def _dimensions(self, entries: Entries) -> list[Dimension]:
        found = []
        for path, entry in entries.items():
            is_whole = path == BUDGET or (isinstance(entry, Range) and self._is_whole(path, entry))
            found.append(dimension(path, entry, is_whole))
            self.problems += _bad_conditions(path, entry, entries)
        ordered = in_order(found)
        if not self.problems:
            for other in (each for each in found if each not in ordered):
                text = "expected conditions that do not ask about one another in a circle, received one that does"
                self.problems.append(Problem(("space", other.path, "when"), text))
        return ordered

    def _is_whole(self, path: str, entry: Range) -> bool:
        """Whether a path takes integers only: a broken number between min and max is refused."""
        return self._wrong(path, min(entry.min + 0.5, (entry.min + entry.max) / 2 + 1e-3)) is not None

    def _sized(self, search: Search) -> Search:
        kind, wanted = self.spec.search.kind, self.spec.search.trials
        if kind == "hyperband":
            return self._hyperband(search)
        there = count(search.dimensions, MAX_GRID + 1)
        if kind == "grid":
            return search._replace(trials=self._grid(search, there, wanted))
        trials = wanted or 0
        return search._replace(trials=trials if there is None else min(trials, there))

    def _grid(self, search: Search, there: int | None, wanted: int | None) -> int:
        if there is None:
            endless = next(each.path for each in search.dimensions if each.listed() is None)
            text = "expected choices or a step in a grid, received a range without end"
            self.problems.append(Problem(("space", endless), text))
        elif there > (wanted or MAX_GRID):
            number = f"{there:,}" if there <= MAX_GRID else f"more than {MAX_GRID:,}"
            text = f"expected as many as the grid has combinations, {number}, received {wanted or MAX_GRID:,}"
            advice = "raise it, or take fewer values" if there <= MAX_GRID else "take fewer values"
            self.problems.append(Problem(("search", "trials"), f"{text}: {advice}"))
        return there or 0

    def _hyperband(self, search: Search) -> Search:
        train, spec = self.experiment.train, self.spec.search
        key = next(key for key in LENGTHS if getattr(train, key) is not None)
        length = getattr(train, key)
        taken = [f"train.{name}" for name in LENGTHS if f"train.{name}" in self.spec.space]
        if key == "time_budget" or taken:
            text = "expected a base bounded by epochs or steps, and neither in the space, for hyperband"
            received = taken[0] + " in the space" if taken else "train.time_budget"
            self.problems.append(Problem(("search", "kind"), f"{text}, received {received}"))
        elif length % spec.smallest:
            text = f"expected a divisor of the base's {length} {key}, received {spec.smallest}"
            self.problems.append(Problem(("search", "smallest"), text))
        elif "cosine" in (train.schedule.kind, *_schedules(self.spec.space)):
            text = "expected a schedule that does not depend on the length (constant, exponential) for hyperband"
            self.problems.append(Problem(("search", "kind"), f"{text}, received cosine"))
        else:
            return search._replace(trials=self._passes(length // spec.smallest), length=(key, length))
        return search

    def _passes(self, most: int) -> int:
        """Trials of as many passes over all brackets as `search.trials` has room for."""
        once, wanted = sum(rounds[0] for rounds in sizes(most, self.spec.search.factor)), self.spec.search.trials
        if wanted is not None and wanted < once:
            text = f"expected as many as hyperband begins in one pass, {once}, or more, received {wanted}"
            self.problems.append(Problem(("search", "trials"), f"{text}: raise it, or search.smallest"))
        return once * max(1, (wanted or once) // once)


def _schedules(space: dict[str, Any]) -> Iterator[Any]:
    for path, entry in space.items():
        values = entry.get("choices", []) if isinstance(entry, dict) else [entry]
        for value in values if isinstance(values, list) else []:
            if path == "train.schedule.kind":
                yield value
            elif path == "train.schedule" and isinstance(value, dict):
                yield value.get("kind")


def _bad_conditions(path: str, entry: Range | Choices, entries: Entries) -> list[Problem]:
    """Conditions on paths that the space does not have, or on values that they never take."""
    found = []
    for other, wanted in entry.when.items():
        asked = entries.get(other)
        if asked is None:
            near = did_you_mean(other, set(entries) - {path})
            found.append(
                Problem(("space", path, "when", other), f"expected a path of the space, received '{other}'{near}")
            )
            continue
        for value in wanted if isinstance(wanted, list) else [wanted]:
            known = value in asked.choices if isinstance(asked, Choices) else _within(asked, value)
            if not known:
                text = f"expected a value that {other} takes in the space, received {shown(value)}"
                found.append(Problem(("space", path, "when", other), text))
    return found


def _within(entry: Range, value: Any) -> bool:
    """Conditions can only ask for whole numbers of a range."""
    return type(value) is int and entry.min <= value <= entry.max


def _impossible(search: Search) -> list[Problem]:
    """What is wrong with combinations of least, greatest and chosen values: each reason once."""
    found: dict[str, Problem] = {}
    for values in _corners(search.dimensions):
        _, problems = search.problems(values)
        for at, text, _ in problems:
            reason = f"{'.'.join(map(str, at)) or 'the experiment'}: {text.partition(', received')[0]}"
            near = {path: value for path, value in values.items() if at and path.split(".")[0] == at[0]} or values
            advice = "add a condition (when: {path: value}) or take values that fit"
            text = f"expected values that are possible together, received {pairs(near)} ({reason}): {advice}"
            found.setdefault(reason, Problem(("space",), text))
        if len(found) >= MAX_SHOWN:
            break
    return list(found.values())


def _corners(dimensions: Sequence[Dimension]) -> Iterator[dict[str, Any]]:
    """Combinations of corner values; of very many an even part."""
    corners = {each.path: each.corners() for each in dimensions}
    number = 1
    for values in corners.values():
        number *= len(values)
    return itertools.islice(combinations(dimensions, corners), 0, 50 * MAX_CORNERS, max(1, number // MAX_CORNERS))
