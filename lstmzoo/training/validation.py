"""Validation: B lanes from zero state, every target once, while training notices nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lstmzoo.execution.engine import Execution
from lstmzoo.execution.network import States
from lstmzoo.tasks.task import Task, View

SHOWN_STEPS = 45


class Validator:
    """Validator on the fixed validation lanes of a run; their last partial window is padded with weight 0."""

    def __init__(self, task: Task, execution: Execution, seq_length: int, windows_per_call: int):
        self.scored, self.task, self.execution = task.validation(), task, execution
        self.seq_length, self.windows_per_call = seq_length, windows_per_call
        self.total = self.scored.total()
        self.shown: list[list[np.ndarray]] = []

    def view(self) -> View | None:
        """Return the first SHOWN_STEPS of all lanes as the last validation saw them, None before the first one."""
        if not self.shown:
            return None
        parts = (np.concatenate(calls) for calls in zip(*self.shown, strict=True))
        inputs, targets, weights, predictions = (np.concatenate(list(p), 1)[:, :SHOWN_STEPS] for p in parts)
        return View(inputs, targets, predictions, weights)

    def measure(self, give_up: Callable[[], bool] = lambda: False) -> dict[str, float] | None:
        """Measure val_loss and the task's other numbers of the model; None when `give_up()` says so between calls.

        `shown` keeps inputs, targets, weights and predictions `[K, B, T]` of the first calls, for a picture.
        """
        states: States | None = None
        sums: dict[str, Any] = {"weight": self.total}
        shown: list[list[np.ndarray]] = []
        for first in range(0, self.scored.windows(self.seq_length), self.windows_per_call):
            if give_up():
                return None
            x, y, weights, resets = self.scored.cut(self.seq_length, first, self.windows_per_call)
            assert weights is not None
            found = self.execution.evaluate(x, y, weights, states, resets)
            states = found.states
            for name, values in found.sums.items():
                sums[name] = sums.get(name, 0.0) + values.sum(0, np.float64)
            if first * self.seq_length < SHOWN_STEPS:
                shown.append([x, y, weights, found.predictions])
        self.shown = shown
        return self.task.metrics(sums)
