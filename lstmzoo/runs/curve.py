"""Loss curve of a run for a picture, in bounded memory for any number of steps."""

import math
from array import array
from typing import Any

import numpy as np

GROUPS = 2000  # at most: then two neighbours become one
SMOOTHING, RECENT = 0.999, 0.95  # of the picture; of the line on the terminal


class Curve:
    """Least, greatest and smoothed training loss of each group of steps, and the validation losses."""

    def __init__(self, start: float):
        self.steps, self.group, self.smoothed = 0, 1, start
        self.known = start  # of a step whose targets do not count the curve has the loss before it
        self.recent = math.nan
        """Mean of about the last twenty steps."""
        self.parts = (array("d"), array("d"), array("d"))  # least, greatest, smoothed after the group's first step
        self.validations: list[tuple[int, float]] = []

    def add(self, line: dict[str, Any]) -> None:
        """Add one step's line of metrics.jsonl.

        With 2000 groups at most, 5000 steps make 1250 groups of 4: each has the least and greatest loss.
        """
        loss = self.known = line.get("train_loss", self.known)
        self.recent = RECENT * self.recent + (1 - RECENT) * loss if self.steps else loss
        self.smoothed = SMOOTHING * self.smoothed + (1 - SMOOTHING) * loss
        if self.steps == self.group * GROUPS:
            self._halve()
        low, high, smoothed = self.parts
        if self.steps % self.group == 0:
            low.append(loss)
            high.append(loss)
            smoothed.append(self.smoothed)
        low[-1], high[-1] = min(low[-1], loss), max(high[-1], loss)
        self.steps += 1
        if "val_loss" in line:
            self.validations.append((line["step"], line["val_loss"]))
            if len(self.validations) > 2 * GROUPS:
                del self.validations[1:-1:2]

    def drawn(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the first step of each group (from 1) and its least, greatest and smoothed loss."""
        low, high, smoothed = (np.array(part) for part in self.parts)
        return 1 + self.group * np.arange(len(low)), low, high, smoothed

    def _halve(self) -> None:
        low, high, smoothed = (np.array(part) for part in self.parts)
        pairs = (np.minimum(low[::2], low[1::2]), np.maximum(high[::2], high[1::2]), smoothed[::2])
        self.parts = tuple(array("d", part) for part in pairs)  # type: ignore[assignment]
        self.group *= 2
