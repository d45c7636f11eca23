"""The objective of a run, read from its metrics.jsonl while that may still grow."""

import json
from contextlib import suppress
from pathlib import Path

from lstmzoo.sweep.space.objective import Objective


class Measured:
    """The steps at which a run measured an objective, and the best value so far."""

    def __init__(self, run: Path, objective: Objective):
        self.path, self.objective = run / "metrics.jsonl", objective
        self.step, self.size = 0, 0
        self.steps: list[int] = []
        self.values: list[float] = []

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
                self._look()
            except (ValueError, KeyError, TypeError):
                self.step, self.size = 0, 0
                self.steps, self.values = [], []
                self._look()
        return self

    def _look(self) -> None:
        with self.path.open("rb") as file:
            file.seek(max(0, self.size - 1))
            if self.size and file.read(1) != b"\n":
                raise ValueError("the file is shorter than at the last look")
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read(line)
                self.size += len(line)

    def _read(self, text: bytes) -> None:
        """Read the line of one step; most lines have no objective and are only counted."""
        self.step += 1
        if f'"{self.objective.name}"'.encode() not in text:
            return
        line = json.loads(text)
        self.step = line["step"]
        while self.steps and self.steps[-1] >= self.step:  # written again after a kill
            self.steps.pop(), self.values.pop()
        self.steps.append(self.step)
        self.values.append(line[self.objective.name])
