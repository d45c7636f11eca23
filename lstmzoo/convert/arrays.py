"""Checks of every array that a loader receives: floating-point, finite, and of the expected shape."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstmzoo.errors import InputError, shown


def floats(value: Any, name: str) -> np.ndarray:
    """Return an array, nested list or tensor (PyTorch's on any device) as a contiguous float32 copy.

    Raises `InputError` with the name for values that are not floating-point (quantized ones too), NaN or infinity.
    """
    value = _on_the_host(value, name)
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected an array of numbers, received {shown(value)}") from error
    if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
        raise InputError(
            f"{name}: expected floating-point numbers, received {array.dtype}: convert it first, quantized weights too"
        )
    with np.errstate(over="ignore"):
        array = np.array(array, np.float32, order="C")
    if not np.isfinite(array).all():
        raise InputError(f"{name}: expected finite numbers of float32, received NaN or infinity: the model is damaged")
    return array


def require_shape(array: np.ndarray, shape: Sequence[int | str], name: str) -> None:
    """Raise `InputError` unless an array has this shape; a letter in it stands for any size, as in `["V", 8]`."""
    fits = len(shape) == array.ndim and all(
        isinstance(wanted, str) or wanted == size for wanted, size in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(map(str, shape))
        raise InputError(f"{name}: expected shape [{wanted}], received {list(array.shape)}")


def is_dense(value: Any) -> bool:
    """Tell whether a value is an array or tensor with its numbers in memory, each in a place of its own or shared."""
    if not hasattr(value, "detach"):
        return hasattr(value, "nbytes")
    return not (value.is_meta or value.is_nested) and str(value.layout) == "torch.strided"


def _on_the_host(value: Any, name: str) -> Any:
    """Return a PyTorch tensor as a NumPy array, and other values unchanged.

    Tensors are recognized by their methods, so torch need not be installed.
    """
    if not hasattr(value, "detach"):
        return value
    if getattr(value, "is_quantized", False) or not value.is_floating_point():
        raise InputError(
            f"{name}: expected floating-point numbers, received {value.dtype}: convert it first, quantized weights too"
        )
    if not is_dense(value):
        received = "one on the meta device, without numbers" if value.is_meta else f"one of layout {value.layout}"
        raise InputError(f"{name}: expected a dense tensor, received {received}")
    return value.detach().cpu().float().numpy()
