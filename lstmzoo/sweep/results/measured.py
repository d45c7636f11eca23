"""The objective of a run, read from its metrics.jsonl while that may still grow."""

import json
import sys
from contextlib import suppress
from pathlib import Path

from lstmzoo.runs.best import is_before_average
from lstmzoo.runs.metrics import METRICS, Line, Metrics
from lstmzoo.sweep.space.objective import Objective


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
        if not self.metrics.path.is_file():  # there is none yet
            return self
        with suppress(OSError):
            try:
                self.size = self.metrics.follow(self.size, self._take)
            except ValueError:
                self._forget()
                with suppress(ValueError):  # a line that no run writes: what came before it counts
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
        line = _read(text, self.objective.name)
        if line is None:
            return
        self.step = line["step"]
        if is_before_average(line):
            self.steps, self.values = [], []
            return
        while self.steps and self.steps[-1] >= self.step:  # written again after a kill
            self.steps.pop(), self.values.pop()
        self.steps.append(self.step)
        self.values.append(float(line[self.objective.name]))


def _read(text: bytes, name: str) -> Line | None:
    """Return the line of a step with a measure in it; None for a line that is none of ours."""
    try:
        line = json.loads(text)
        step, value = line["step"], line[name]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    fits = type(step) is int and isinstance(value, int | float) and abs(value) <= sys.float_info.max
    return line if fits else None
