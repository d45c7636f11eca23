"""The reading of a sweep's YAML file into a `Search`, or into one report of all its problems, before anything runs."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lstmzoo.config.checking import report_lines, sound_part
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.find import find_config
from lstmzoo.config.load import load_config, name_of
from lstmzoo.config.sources import Problem, Sources
from lstmzoo.errors import ConfigError, InputError, did_you_mean, written
from lstmzoo.sweep.space.budget import BUDGET
from lstmzoo.sweep.space.dimensions import (
    Choices,
    Dimension,
    Fixed,
    Range,
    Values,
    dimension,
    in_order,
    read_entry,
    stepped,
)
from lstmzoo.sweep.space.feasible import Entries, bad_conditions, impossible
from lstmzoo.sweep.space.foreign import LEGAL
from lstmzoo.sweep.space.meant import advice, lists_in_the_way, meaning, notes, twice
from lstmzoo.sweep.space.search import Search, check_laid
from lstmzoo.sweep.space.sections import SweepSpec
from lstmzoo.sweep.space.sizing import size_of


def load_sweep(path: str | os.PathLike[str], trials: int | None = None, overrides: Sequence[str] = ()) -> Search:
    """Return the search that a YAML file describes; `trials` replaces the file's `search.trials`.

    `overrides`: texts "KEY=VALUE" that are laid over the base, as `--set` of a run is.

    `path` may also be the name of one of the package's sweeps, such as `echo`, if no file has that name; and its `base`
    the name of one of the package's configs.
    Raises `ConfigError` that names every problem: file and line, path, expected, received, nearest name.
    """
    path = find_config(path, "sweeps")
    sources = Sources(path, (), SweepSpec)
    problems = list(sources.problems)
    if isinstance(sources.data, dict):
        sources.data.setdefault("name", name_of(path))
        if trials is not None and isinstance(sources.data.setdefault("search", {}), dict):
            sources.data["search"]["trials"] = trials
        spec, more = sound_part(sources.data, {problem.path for problem in problems}, {}, SweepSpec)
        problems += more
        if spec is not None:
            search, more = _read(spec, sources, overrides, bool(problems))
            problems += more
            if search is not None and not problems:
                return search
    raise ConfigError(report_lines(sources, problems))


def _read(
    spec: SweepSpec, sources: Sources, overrides: Sequence[str], is_wrong: bool
) -> tuple[Search | None, list[Problem]]:
    """Return the search, or None, and problems; of sections that are wrong elsewhere those that do not follow."""
    try:
        reading = _Reading(spec, sources, overrides)
    except InputError:
        if is_wrong:  # the base can be mended after them
            return None, []
        raise
    if is_wrong:
        reading.look()
        return None, reading.problems
    return reading.search()


class _Reading:
    """The steps from checked sections to a search; none is taken after a step that found problems."""

    def __init__(self, spec: SweepSpec, sources: Sources, overrides: Sequence[str]):
        self.spec, self.problems = spec, list[Problem]()
        path = find_config(spec.base, folder=Path(sources.file).parent)
        self.experiment = load_config(path, overrides)
        base = Sources(path, overrides, Experiment)
        self.base, self.folders = base.data, tuple(base.folders)
        self.lists: dict[str, list[Any]] = {}  # plain ones, whose values would be legal one by one

    def search(self) -> tuple[Search | None, list[Problem]]:
        """Return the search, or None, and the problems."""
        entries = self.look()
        if self.problems:
            return None, self.problems
        dimensions = self._dimensions(entries)
        if self.problems:
            return None, self.problems
        size, problems = size_of(self.spec, dimensions, self.experiment)
        problems = problems or lists_in_the_way(self.spec.search, size.trials, self.lists)
        if problems:
            return None, problems
        search = Search(self.spec, tuple(dimensions), self.base, self.folders, *size)
        return search._replace(notes=notes(search, self.lists)), impossible(search)

    def look(self) -> Entries:
        """Return the entries of the space, and find what is wrong with each of them and the objective."""
        entries = self._entries()
        self._check_objective()
        self._check_values(entries)
        return entries

    def _entries(self) -> Entries:
        entries: Entries = {}
        for path, given in self.spec.space.items():
            entry, problems = read_entry(path, given)
            self.problems += problems
            if entry is not None:
                entries[path] = entry
        if BUDGET in entries and "model.units" in entries:
            text = (
                f"expected {BUDGET} or model.units, received both: the units follow from the parameters, leave one out"
            )
            self.problems.append(Problem(("space", BUDGET), text))
        return entries

    def _check_objective(self) -> None:
        name, task = self.spec.objective.name, self.experiment.task
        legal = (*task.measured, "train_loss")
        if name not in legal:
            text = f"expected a measure that runs of the base write, received '{name}'{did_you_mean(name, legal)}"
            self.problems.append(Problem(("objective", "name"), text))
        elif name != "train_loss" and not self.experiment.validation.every_steps:
            text = (
                f"expected a base that is validated, received '{name}' with its validate.every_steps: 0: set it above 0"
            )
            self.problems.append(Problem(("objective", "name"), text))

    def _check_values(self, entries: Entries) -> None:
        """Try each value alone in the base: unknown paths, wrong types and values out of range become problems."""
        fixed = {path: e.choices[0] for path, e in entries.items() if isinstance(e, Choices) and len(e.choices) == 1}
        for path, entry in entries.items():
            beside = {**fixed, **{other: v[0] if isinstance(v, list) and v else v for other, v in entry.when.items()}}
            if isinstance(entry, Fixed):
                self._check_fixed(path, entry.choices[0], beside)
            elif isinstance(entry, Choices):
                self._check_choices(path, entry.choices, beside)
            else:
                self._all_fit(path, {"min": entry.min, "max": entry.max}.items(), beside)

    def _check_fixed(self, path: str, value: Any, beside: Values) -> None:
        several = value if isinstance(value, list) and len(value) > 1 else []
        if several and not any(self._wrong(path, each, beside) for each in several):
            self.lists[path] = several
        if text := self._wrong(path, value, beside):
            hint = f": {advice(several)}" if path in self.lists else f"; legal: {LEGAL}" if type(value) is dict else ""
            self.problems.append(Problem(("space", path), text + hint))

    def _check_choices(self, path: str, choices: list[Any], beside: Values) -> None:
        if self._all_fit(path, [("choices", value) for value in choices], beside):
            meanings = [meaning(value, self._alone(path, value, beside)[0]) for value in choices]
            self.problems += twice(path, choices, meanings)

    def _all_fit(self, path: str, given: Iterable[tuple[str, Any]], beside: Values) -> bool:
        """Report each value, given with its place in the entry, that does not fit the base; True if all fit."""
        found = [(place, text) for place, value in given if (text := self._wrong(path, value, beside))]
        unknown = next((text for _, text in found if "a key that exists" in text), None)
        if unknown is not None:
            self.problems.append(Problem(("space", path), unknown))
        else:
            self.problems += [Problem(("space", path, place), text) for place, text in found]
        return not found

    def _wrong(self, path: str, value: Any, beside: Values) -> str | None:
        """Return the problem, or None, of a value in the base, beside the fixed values and those of its condition."""
        if path == BUDGET:
            fits = type(value) is int and value > 0
            return None if fits else f"expected a number of parameters, received {written(value)}"
        _, problems = self._alone(path, value, beside)
        keys = tuple(path.split("."))
        for at, text, _ in problems:
            unknown = "a key that exists" in text and at == keys[: len(at)]
            if unknown or at[: len(keys)] == keys:
                return text
        return None

    def _alone(self, path: str, value: Any, beside: Values) -> tuple[Experiment | None, list[Problem]]:
        """Return what one value makes of the base, beside the fixed values and those of its condition."""
        others = {other: fixed for other, fixed in beside.items() if other != BUDGET}
        return check_laid(self.base, {**others, path: value}, self.folders)

    def _dimensions(self, entries: Entries) -> list[Dimension]:
        dimensions = []
        for path, entry in entries.items():
            is_whole = path == BUDGET or (isinstance(entry, Range) and self._is_whole(path, entry))
            if is_whole and isinstance(entry, Range) and any(value != round(value) for value in stepped(entry)):
                text = f"expected a step that hits whole numbers only, received {entry.step:g}"
                self.problems.append(Problem(("space", path, "step"), text))
                continue
            dimensions.append(dimension(path, entry, is_whole))
            self.problems += bad_conditions(path, entry, entries)
        ordered = in_order(dimensions)
        if not self.problems:
            for other in (each for each in dimensions if each not in ordered):
                text = (
                    "expected conditions that form no circle, received one that depends on itself: remove one of them"
                )
                self.problems.append(Problem(("space", other.path, "when"), text))
        return ordered

    def _is_whole(self, path: str, entry: Range) -> bool:
        """Tell whether a path takes integers only: then the base refuses a fraction between min and max."""
        if not (isinstance(entry.min, int) and isinstance(entry.max, int)):
            return False  # `_check_values` has refused it where only integers fit
        return entry.min == entry.max or self._wrong(path, entry.min + 0.5, {}) is not None
