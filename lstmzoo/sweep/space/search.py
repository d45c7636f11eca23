"""A search: what is varied, in which experiment, and the experiment of each trial. No TensorFlow."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lstmzoo.config.checking import check
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.plan import memory_problem
from lstmzoo.config.sources import Problem, lay_over
from lstmzoo.errors import ConfigError, shown
from lstmzoo.sweep.space.budget import BUDGET, bound_task, units_for
from lstmzoo.sweep.space.dimensions import Dimension, Values
from lstmzoo.sweep.space.objective import Objective
from lstmzoo.sweep.space.sections import SweepSpec


class Search(NamedTuple):
    """A sweep whose parts fit one another."""

    spec: SweepSpec
    dimensions: tuple[Dimension, ...]
    """Each after those that its condition asks about."""
    base: dict[str, Any]
    """The data of the experiment that is varied, as its file has them."""
    folders: tuple[Path, ...]
    """Where relative paths of the base start."""
    trials: int
    """How many there will be."""
    length: tuple[str, int] = ("", 0)
    """hyperband: key and value of the base's own length."""

    @property
    def objective(self) -> Objective:
        """What is searched for."""
        name, direction = self.spec.objective.name, self.spec.objective.direction
        return Objective(name, direction or ("max" if name.endswith("accuracy") else "min"))

    def decoded(self, raw: Mapping[str, float]) -> Values:
        """Values by path from what an oracle says."""
        return {each.path: each.decoded(raw[each.path]) for each in self.dimensions if each.path in raw}

    def experiment(self, values: Values, repeat: int = 0, length: int | None = None) -> Experiment:
        """The experiment of a trial; `ConfigError` for values that are impossible together.

        `length`: of a hyperband trial so far, in the unit of the base's own; it validates once in each `smallest`.
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
        """The base with values laid over it; `ConfigError` if they are impossible."""
        experiment, problems = self.problems(values)
        if experiment is None or problems:
            lines = [f"{'.'.join(map(str, path)) or 'the experiment'}: {text}" for path, text, _ in problems]
            raise ConfigError(lines)
        return experiment

    def problems(self, values: Values) -> tuple[Experiment | None, list[Problem]]:
        """The base with values laid over it, or what is wrong then."""
        given = {path: value for path, value in values.items() if path != BUDGET}
        experiment, problems = check_laid(self.base, given, self.folders)
        if experiment is None or problems:
            return None, problems
        if BUDGET in values:
            depth = len(experiment.model.layers)
            laid = {**given, "model.units": units_for(experiment, values[BUDGET])}
            laid |= {"model.depth": depth} if depth > 1 else {}
            experiment, problems = check_laid(self.base, laid, self.folders)
        if experiment is not None and (too_large := memory_problem(experiment, experiment.task.vocab_size)):
            return None, [Problem(("model",), too_large)]
        return experiment, problems

    def shown(self, values: Values) -> Values:
        """Values as a table has them: with the units that a budget came to."""
        if BUDGET not in values:
            return values
        return {**values, "model.units": self.varied(values).model.layers[0]}

    def _cadence(self, experiment: Experiment) -> int:
        """Steps of the shortest hyperband trials."""
        if self.length[0] == "steps":
            return self.spec.search.smallest
        windows, _ = bound_task(experiment).windows(experiment.train.seq_length)
        return self.spec.search.smallest * windows


def check_laid(
    base: Mapping[str, Any], values: Values, folders: Sequence[Path]
) -> tuple[Experiment | None, list[Problem]]:
    """The experiment of some data with values laid over them by dotted path, or all that is wrong."""
    data = copy.deepcopy(dict(base))
    given = sorted(((tuple(path.split(".")), value) for path, value in values.items()), key=lambda each: len(each[0]))
    problems = lay_over(data, given)  # a section before what is varied in it
    if problems:
        return None, problems
    return check(data, set(), {"folders": list(folders), "files_may_lack": False}, Experiment)


def pairs(values: Values) -> str:
    """Values in a sentence."""
    return ", ".join(f"{path} {shown(value).strip(chr(39))}" for path, value in values.items())
