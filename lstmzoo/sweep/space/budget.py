"""Units from a number of parameters, so that a search can vary the depth and keep the size of the net."""

from functools import lru_cache
from typing import Any

from lstmzoo.config.experiment import Experiment
from lstmzoo.config.plan import count_parameters
from lstmzoo.tasks.optional import sizes_of
from lstmzoo.tasks.registry import make_task
from lstmzoo.tasks.task import Task

BUDGET = "model.parameters"
MAX_UNITS = 1 << 20


def units_for(experiment: Experiment, budget: int) -> int:
    """Return the units, equal in all layers and at least 1, whose net comes nearest to `budget` parameters."""
    sizes = sizes_of(bound_task(experiment))

    def parameters(units: int) -> int:
        return count_parameters(_with_units(experiment, units), sizes)

    low, high = 1, 2
    while parameters(high) < budget and high < MAX_UNITS:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if parameters(middle) <= budget else (low, middle)
    return min((low, high), key=lambda units: abs(parameters(units) - budget))


def _with_units(experiment: Experiment, units: int) -> Experiment:
    model = experiment.model.model_copy(update={"units": units, "depth": len(experiment.model.layers)})
    return experiment.model_copy(update={"model": model})


def bound_task(experiment: Experiment) -> Task:
    """Return the task of an experiment, with its data read."""
    return _bound(experiment.task, experiment.train.batch_size, experiment.validation.fraction)


@lru_cache(maxsize=16)
def _bound(task: Any, batch_size: int, fraction: float) -> Task:
    return make_task(task, batch_size, 0, fraction)
