"""Validation: B lanes from zero state, every target once, while training notices nothing."""

from collections.abc import Callable

import numpy as np

from lstmzoo.data import pad_windows
from lstmzoo.execution import Execution
from lstmzoo.network import States
from lstmzoo.tasks import Task


class Validator:
    """The fixed validation windows of a run; the last partial window is filled up with steps of weight 0."""

    def __init__(self, task: Task, execution: Execution, seq_length: int, windows_per_call: int):
        lanes, weights = task.validation()
        parts = (lanes.inputs, lanes.targets, weights)
        self.inputs, self.targets, self.weights = (pad_windows(part, seq_length) for part in parts)
        self.task, self.execution, self.windows_per_call = task, execution, windows_per_call
        self.predictions = np.zeros((0, *self.targets.shape[1:]), np.int32)

    def measure(self, give_up: Callable[[], bool] = lambda: False) -> dict[str, float] | None:
        """val_loss and the task's other measures of the model as it is; None when `give_up()` says so between calls."""
        states: States | None = None
        found = []
        for first in range(0, len(self.inputs), self.windows_per_call):
            if give_up():
                return None
            part = slice(first, first + self.windows_per_call)
            result = self.execution.evaluate(self.inputs[part], self.targets[part], self.weights[part], states)
            states = result.states
            found.append(result)
        total = float(self.weights.sum(dtype=np.float64))
        loss = sum(float(part.losses.sum(dtype=np.float64)) for part in found) / total
        accuracy = sum(float(part.hits.sum(dtype=np.float64)) for part in found) / total
        self.predictions = np.concatenate([part.predictions for part in found])
        return self.task.measures(loss, accuracy)
