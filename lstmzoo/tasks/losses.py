"""Losses in NumPy: cross-entropy of symbols; mse, mae and huber of numbers. `losses_tf` has them in TensorFlow.

A target of weight 0 counts in no loss and may be NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

DELTA = 1.0  # of huber: where its slope ends to grow


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the nats `[B, T]` of logits `[B, T, V]` against symbols `[B, T]`."""
    with np.errstate(invalid="ignore"):
        logits = logits - logits.max(-1, keepdims=True)
        chosen = np.take_along_axis(logits, targets[..., None], -1)[..., 0]
        return np.log(np.exp(logits).sum(-1)) - chosen


def errors_of(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return outputs minus targets in float64, `[..., M]` each; 0 where the weight is 0."""
    return np.where(weights > 0, outputs.astype(np.float64) - targets, 0)


def mse(errors: np.ndarray) -> np.ndarray:
    """Return the square of each error."""
    return errors * errors


def mae(errors: np.ndarray) -> np.ndarray:
    """Return the size of each error."""
    return np.abs(errors)


def huber(errors: np.ndarray) -> np.ndarray:
    """Return half the square of each error up to 1, and its size minus 1/2 beyond (Huber 1964)."""
    size = np.abs(errors)
    return np.where(size <= DELTA, size * size / 2, DELTA * (size - DELTA / 2))


OF_NUMBERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"mse": mse, "mae": mae, "huber": huber}
LOSSES = ("cross_entropy", *OF_NUMBERS)


def error_sums(
    loss: str, outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray, axes: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Add up "loss", "squared" and "absolute" errors `[..., M]` over some axes, times their weights, in float64."""
    errors = errors_of(outputs, targets, weights)
    each = {"loss": OF_NUMBERS[loss](errors), "squared": errors * errors, "absolute": np.abs(errors)}
    return {name: (weights * values).sum(axes) for name, values in each.items()}
