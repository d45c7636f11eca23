"""The losses of `losses` in TensorFlow, for training."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lstmzoo.tasks.losses import DELTA

Tensor = Any


def losses_of(name: str, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Compute the loss of each target, times its weight if weights are given.

    `name`: "cross_entropy", of logits `[T, B, V]` against symbols `[T, B]`, in nats; "mse", "mae" or "huber", of
    outputs against numbers, `[T, B, M]` each. A number of weight 0 is left out before the arithmetic, so that neither
    the loss nor its gradient sees what it is.
    """
    if name == "cross_entropy":
        losses = cross_entropy(outputs, targets)
    else:
        errors = outputs - targets
        losses = OF_NUMBERS[name](errors if weights is None else tf.where(weights > 0, errors, tf.zeros_like(errors)))
    return losses if weights is None else weights * losses


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Compute the cross-entropy in nats `[T, B]` of logits `[T, B, V]` against symbols `[T, B]`."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)


def huber(errors: Tensor) -> Tensor:
    """Compute half the square of each error up to 1, and its size minus 1/2 beyond."""
    size = tf.abs(errors)
    return tf.where(size <= DELTA, size * size / 2, DELTA * (size - DELTA / 2))


OF_NUMBERS: dict[str, Callable[[Tensor], Tensor]] = {"mse": tf.square, "mae": tf.abs, "huber": huber}
