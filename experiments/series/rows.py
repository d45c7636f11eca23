"""Rows of a series run as lanes of scaled numbers, what a model makes of them, and how wrong it is.

A *step* is a model as a function: of inputs `[B, n, D]` and a state (None: zero) it gives outputs `[B, n, M]` and the
next state. Everything that is compared is one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lstmzoo.tasks.series.recordings import Part

Step = Callable[[np.ndarray, Any], tuple[np.ndarray, Any]]
READ, APART = 500, 10  # rows: read before a free run begins, and from one start to the next


class Rows(NamedTuple):
    """B lanes of n rows: inputs `[B, n, D]`, targets and weights `[B, n, M]`; weight 0 does not count."""

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


def rows_of(part: Part) -> Rows:
    """All windows of a part, one after another."""
    windows = part.windows(0, part.layout.windows)
    lanes = (np.concatenate(list(each), axis=1) for each in windows[:3] if each is not None)
    return Rows(*lanes)


def nrmse(outputs: np.ndarray, rows: Rows) -> float:
    """The root of the mean squared error, over the deviation of the targets: 1 is the mean, which knows nothing."""
    mean = np.average(rows.targets, weights=rows.weights)
    errors, spread = ((rows.weights * (rows.targets - guess) ** 2).sum(dtype=np.float64) for guess in (outputs, mean))
    return float(np.sqrt(errors / spread))


def starts(series: np.ndarray, ahead: int) -> tuple[np.ndarray, np.ndarray]:
    """S starts in a series `[n]`: the rows before each, `[S, READ, 1]`, and those ahead of it, `[S, ahead]`."""
    pieces = np.lib.stride_tricks.sliding_window_view(series, READ + ahead)[::APART]
    return pieces[:, :READ, None], pieces[:, READ:]


def free_run(step: Step, read: np.ndarray, ahead: int) -> np.ndarray:
    """Predict `[S, ahead]` rows from those that were read, each prediction the next input."""
    outputs, state = step(read, None)
    found = [outputs[:, -1:]]
    while len(found) < ahead:
        outputs, state = step(found[-1], state)
        found.append(outputs)
    return np.concatenate(found, axis=1)[..., 0]


def nrmse_ahead(predicted: np.ndarray, truth: np.ndarray, deviation: float) -> np.ndarray:
    """Of each row ahead `[ahead]` the root mean square of all starts' errors, over the deviation of the series."""
    return np.sqrt(np.mean((predicted - truth) ** 2, axis=0)) / deviation
