"""A search: its dimensions, the experiment that they vary, and the experiment of each trial. No TensorFlow."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lstmzoo.config.checking import check
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.plan import memory_problem
from lstmzoo.config.sources import Problem, lay_over
from lstmzoo.errors import ConfigError, written
from lstmzoo.sweep.space.budget import BUDGET, bound_task, units_for
from lstmzoo.sweep.space.dimensions import Dimension, Values
from lstmzoo.sweep.space.objective import Objective, usual_direction
from lstmzoo.sweep.space.sections import SweepSpec
from lstmzoo.tasks.optional import sizes_of


class Search(NamedTuple):
    """A sweep whose parts fit one another."""

    spec: SweepSpec
    dimensions: tuple[Dimension, ...]
    """The dimensions, each after those in its condition."""
    base: dict[str, Any]
    """The data of the experiment that is varied, as they are in its file."""
    folders: tuple[Path, ...]
    """The folders in which relative paths of the base are looked up."""
    trials: int
    """The number of trials."""
    length: tuple[str, int] = ("", 0)
    """Key and value of the base's own length; hyperband only."""
    notes: tuple[str, ...] = ()
    """What is legal but probably not meant, a sentence each."""

    @property
    def objective(self) -> Objective:
        """The number that is searched for, and its direction."""
        name, direction = self.spec.objective.name, self.spec.objective.direction
        return Objective(name, direction or usual_direction(name))

    def decoded(self, raw: Mapping[str, float]) -> Values:
        """Return values by path from an oracle's numbers."""
        return {each.path: each.decoded(raw[each.path]) for each in self.dimensions if each.path in raw}

    def experiment(self, values: Values, repeat: int = 0, length: int | None = None) -> Experiment:
        """Return the experiment of a trial; raise `ConfigError` for values that are impossible together.

        `length`: length of a hyperband trial after this round, in the unit of the base's own length (epochs or steps);
        it validates once in each `smallest`.
        """
        experiment = self.varied(values)
        update: dict[str, Any] = {"name": self.spec.name, "seed": experiment.seed + repeat}
        if experiment.execution.threads == "auto":  # trials run beside one another
            update["execution"] = experiment.execution.model_copy(update={"threads": 1})
        if length is not None:
            update["train"] = experiment.train.model_copy(update={self.length[0]: length})
            update["validation"] = experiment.validation.model_copy(update={"every_steps": self._cadence(experiment)})
        return experiment.model_copy(update=update)

    def varied(self, values: Values) -> Experiment:
        """Return the base with these values in place of its own; raise `ConfigError` if they are impossible."""
        experiment, problems = self.problems(values)
        if experiment is None or problems:
            lines = [f"{'.'.join(map(str, path)) or 'the experiment'}: {text}" for path, text, _ in problems]
            raise ConfigError(lines)
        return experiment

    def problems(self, values: Values) -> tuple[Experiment | None, list[Problem]]:
        """Return the base with these values in place of its own, or None and the problems."""
        given = {path: value for path, value in values.items() if path != BUDGET}
        experiment, problems = check_laid(self.base, given, self.folders)
        if experiment is None or problems:
            return None, problems
        if BUDGET in values:
            depth = len(experiment.model.layers)
            laid = {**given, "model.units": units_for(experiment, values[BUDGET])}
            laid |= {"model.depth": depth} if depth > 1 else {}
            experiment, problems = check_laid(self.base, laid, self.folders)
        if experiment is not None and (too_large := memory_problem(experiment, sizes_of(experiment.task))):
            return None, [Problem(("model",), too_large)]
        return experiment, problems

    def shown(self, values: Values) -> Values:
        """Return values as a table shows them: with the units that follow from a number of parameters."""
        if BUDGET not in values:
            return values
        return {**values, "model.units": self.varied(values).model.layers[0]}

    def _cadence(self, experiment: Experiment) -> int:
        """Return the number of steps of the shortest hyperband trials."""
        if self.length[0] == "steps":
            return self.spec.search.smallest
        windows, _ = bound_task(experiment).windows(experiment.train.seq_length)
        return self.spec.search.smallest * windows


def check_laid(
    base: Mapping[str, Any], values: Values, folders: Sequence[Path]
) -> tuple[Experiment | None, list[Problem]]:
    """Return the experiment of a base's data with values at dotted paths in place of its own; or None and problems."""
    data = copy.deepcopy(dict(base))
    given = sorted(((tuple(path.split(".")), value) for path, value in values.items()), key=lambda each: len(each[0]))
    problems = lay_over(data, given)  # a section before what is varied in it
    if problems:
        return None, problems
    return check(data, set(), {"folders": list(folders), "files_may_lack": False}, Experiment)


def pairs(values: Values) -> str:
    """Return values as part of a sentence."""
    return ", ".join(f"{path} {written(value).strip(chr(39))}" for path, value in values.items())
