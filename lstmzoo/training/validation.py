"""Validation: B lanes from zero state, every target once, while training notices nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lstmzoo.execution.engine import Execution
from lstmzoo.execution.network import States
from lstmzoo.report.views import Viewer
from lstmzoo.tasks.task import Task


class Validator:
    """Validator on the fixed validation lanes of a run; their last partial window is padded with weight 0."""

    def __init__(
        self,
        task: Task,
        execution: Execution,
        seq_length: int,
        windows_per_call: int,
        make_viewer: type[Viewer] | None = None,
    ):
        self.scored, self.task, self.execution = task.validation(), task, execution
        self.seq_length, self.windows_per_call = seq_length, windows_per_call
        self.total, self.windows = self.scored.total(), self.scored.windows(seq_length)
        self.make_viewer = make_viewer
        self.view: Any = None
        """What the picture shows of the last validation; None before the first one, and without a viewer."""

    def measure(self, give_up: Callable[[], bool] = lambda: False) -> dict[str, float] | None:
        """Measure val_loss and the task's other numbers of the model; None when `give_up()` says so between calls."""
        viewer = self._viewer()
        states: States | None = None
        sums: dict[str, Any] = {"weight": self.total}
        for first in range(0, self.windows, self.windows_per_call):
            if give_up():
                return None
            windows = self.scored.cut(self.seq_length, first, self.windows_per_call)
            assert windows.weights is not None
            found = self.execution.evaluate(windows.inputs, windows.targets, windows.weights, states, windows.resets)
            states = found.states
            for name, values in found.sums.items():
                sums[name] = sums.get(name, 0.0) + values.sum(0, np.float64)
            if viewer is not None:
                viewer.add(windows, found.predictions)
        measures = self.task.metrics(sums)
        self.view = None if viewer is None else viewer.view(measures)
        return measures

    def _viewer(self) -> Viewer | None:
        steps, lanes = self.windows * self.seq_length, self.execution.batch_size
        return self.make_viewer(steps, lanes) if self.make_viewer else None
