"""The objective of a run, read from its metrics.jsonl while that may still grow."""

import json
from contextlib import suppress
from pathlib import Path

from lstmzoo.runs.metrics import METRICS, Metrics
from lstmzoo.sweep.space.objective import Objective

BAD = (ValueError, KeyError, TypeError, OverflowError, RecursionError)  # that a line can bring


class Measured:
    """The steps at which a run measured an objective, and the best value so far."""

    def __init__(self, run: Path, objective: Objective):
        self.metrics, self.objective = Metrics(run / METRICS), objective
        self.step, self.size = 0, 0
        self._forget()

    @property
    def best(self) -> float | None:
        """The best value so far; None before the first one."""
        if not self.values:
            return None
        return max(self.values) if self.objective.direction == "max" else min(self.values)

    def look(self) -> "Measured":
        """Read the lines since the last look, and return this; a file that became shorter is read from its start."""
        with suppress(OSError):  # there is none yet
            try:
                self.size = self.metrics.follow(self.size, self._take)
            except BAD:
                self._forget()
                with suppress(*BAD):  # a line that no run writes: what came before it counts
                    self.size = self.metrics.follow(0, self._take)
        return self

    def _forget(self) -> None:
        self.step, self.size = 0, 0
        self.steps: list[int] = []
        self.values: list[float] = []

    def _take(self, text: bytes) -> None:
        """Take one step's line; most hold nothing but the step."""
        self.step += 1
        if f'"{self.objective.name}"'.encode() not in text:
            return
        line = json.loads(text)
        self.step, value = int(line["step"]), float(line[self.objective.name])
        while self.steps and self.steps[-1] >= self.step:  # written again after a kill
            self.steps.pop(), self.values.pop()
        self.steps.append(self.step)
        self.values.append(value)
