"""Arrays from outside, checked and laid as the programs take them: time first, `[K, T, B]`."""

from typing import Any, NamedTuple

import numpy as np
import tf_keras as keras

from lstmzoo.errors import InputError, did_you_mean, shown
from lstmzoo.models.anatomy import Anatomy
from lstmzoo.tasks.losses import LOSSES, OF_NUMBERS


class Arrays(NamedTuple):
    """The arrays that a model and its loss take."""

    batch_size: int
    features: tuple[int, ...]
    """(D,) where features go in, else ()."""
    symbols: int | None
    """The number of different symbols that go in; None: numbers."""
    size: int
    """V classes, or M numbers."""
    numbers: bool
    """True if the targets are numbers."""
    dtype: Any

    def inputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return inputs `[K, B, T]` (`[K, B, T, D]` for features) as `[K, T, B]` (`[K, T, B, D]`)."""
        inputs, shape = _array("inputs", inputs), ["K", self.batch_size, "T", *self.features]
        fits = inputs.ndim == len(shape) and [inputs.shape[1], *inputs.shape[3:]] == [self.batch_size, *self.features]
        if not fits:
            raise InputError(f"inputs: expected shape [{', '.join(map(str, shape))}], received {list(inputs.shape)}")
        inputs = self._numbers("inputs", inputs) if self.symbols is None else _symbols("inputs", inputs, self.symbols)
        return np.swapaxes(inputs, 1, 2)

    def targets(self, targets: np.ndarray, windows: tuple[int, ...]) -> np.ndarray:
        """Return the targets of windows `(K, B, T)`: symbols `[K, T, B]`, or numbers `[K, T, B, M]`."""
        targets, shape = _array("targets", targets), (*windows, *((self.size,) if self.numbers else ()))
        if targets.shape != shape or 0 in shape[1:]:
            words = "[K, B, T, M]" if self.numbers else "[K, B, T]"
            raise InputError(
                f"targets: expected shape {words} = {list(shape)} with T >= 1, received {list(targets.shape)}"
            )
        if not self.numbers:
            return np.swapaxes(_symbols("targets", targets, self.size), 1, 2)
        return np.swapaxes(self._numbers("targets", targets), 1, 2)

    def weights(self, weights: np.ndarray, windows: tuple[int, ...]) -> np.ndarray:
        """Return the weights of windows as `[K, T, B]`; for numbers as `[K, T, B, M]`, or 1 where they are equal."""
        weights = _array("weights", weights)
        shapes = [windows, *([(*windows, self.size)] if self.numbers else [])]
        if weights.shape not in shapes or weights.dtype.kind not in "iubf":
            wanted = " or ".join(str(list(shape)) for shape in shapes)
            raise InputError(f"weights: expected {wanted} numbers, received {list(weights.shape)} of {weights.dtype}")
        if weights.size and not (weights.min() >= 0 and weights.max() < np.inf):  # NaN is neither
            raise InputError(
                f"weights: expected finite numbers >= 0, received {weights.min():.6g} to {weights.max():.6g}"
            )
        weights = weights[..., None] if self.numbers and weights.ndim == len(windows) else weights
        return np.swapaxes(weights.astype(self.dtype), 1, 2)

    def check(self, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> None:
        """Raise `InputError` for arrays of windows that do not fit."""
        x = self.inputs(inputs)
        windows = (x.shape[0], x.shape[2], x.shape[1])
        self.targets(targets, windows)
        if weights is not None:
            self.weights(weights, windows)

    def _numbers(self, name: str, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind not in "iubf":
            raise InputError(f"{name}: expected numbers, received {values.dtype}")
        return values.astype(self.dtype)

    def shares(self, weights: np.ndarray) -> np.ndarray:
        """Return weights, as `weights` gives them, that sum to 1 over all targets of a window; zeros stay zeros.

        Who computes some of the lanes needs no other lane's weights then: a window's loss is the sum of all products.
        """
        axes = tuple(range(1, weights.ndim))
        total = weights.sum(axes, np.float64, keepdims=True) * (self.size // weights.shape[-1] if self.numbers else 1)
        return (weights / np.where(total > 0, total, 1)).astype(self.dtype)

    def resets(self, resets: np.ndarray, windows: tuple[int, ...]) -> np.ndarray:
        """Return the booleans `[K, B]`: True where a lane starts a window with zero state."""
        resets = _array("resets", resets)
        if resets.shape != windows[:2] or resets.dtype != bool:
            wanted = f"[K, B] = {list(windows[:2])} booleans"
            raise InputError(f"resets: expected {wanted}, received {list(resets.shape)} of {resets.dtype}")
        return resets


def arrays_of(model: keras.Model, anatomy: Anatomy, loss: str) -> Arrays:
    """Return what a model and a loss take; raise `InputError` for a model without a head, and a loss unfit for it."""
    if anatomy.head is None:
        raise InputError(
            "model: expected a model with a head, received one without, which has no loss: build it with vocab_size "
            "or outputs"
        )
    _check_loss(anatomy, loss)
    table, head = anatomy.embedding, anatomy.head
    symbols = table.input_dim if table is not None else anatomy.one_hot_size
    batch_size, _, *features = model.input_shape
    dtype = head.kernel.dtype.as_numpy_dtype
    return Arrays(batch_size, tuple(features), symbols, head.units, loss in OF_NUMBERS, dtype)


def _check_loss(anatomy: Anatomy, loss: str) -> None:
    if not isinstance(loss, str) or loss not in LOSSES:
        raise InputError(f"loss: expected a known one, received {shown(loss)}{did_you_mean(loss, LOSSES)}")
    if loss in OF_NUMBERS and anatomy.encoding != "features":
        raise InputError(f"loss: expected 'cross_entropy' where symbols go in, received {shown(loss)}")
    if loss not in OF_NUMBERS and anatomy.outputs is not None:
        raise InputError(
            f"loss: expected {', '.join(OF_NUMBERS)} for a model of numbers, received {shown(loss)}: give loss='mse'"
        )


def _array(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:  # lists of several lengths
        raise InputError(f"{name}: expected an array, received {shown(values)}") from error


def _symbols(name: str, values: np.ndarray, size: int) -> np.ndarray:
    """Return symbols as int32; raise `InputError` unless all are from 0 to size - 1.

    With others a loss would be NaN on a CPU and a wrong number on a GPU.
    """
    if values.dtype.kind not in "iub":
        raise InputError(f"{name}: expected symbols as integers, received {values.dtype}")
    if values.size and not (values.min() >= 0 and values.max() < size):
        raise InputError(f"{name}: expected symbols from 0 to {size - 1}, received {values.min()} to {values.max()}")
    return values.astype(np.int32)
