"""Arrays as a `tf.data.Dataset` of windows in lane order, for Keras's `fit` and your own loops."""

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.data.lanes import Lanes, cut_windows, next_symbol_lanes, split_lanes
from lstmzoo.errors import InputError, check_count, shown

PIECE = 1 << 18  # bytes of windows that are cut at once


def windows(
    array: Any,
    batch_size: int,
    seq_length: int,
    targets: Any = None,
    *,
    class_weight: Mapping[int, float] | None = None,
) -> tf.data.Dataset:
    """Cut a stream into windows `(x [B, T], y [B, T])`, in order: row b of window k + 1 continues row b of window k.

    `array` `[N]` is cut into B lanes of N // B symbols, and the target of a symbol is the next one. With `targets`
    `[N]` the target of a symbol is the one at its place; features `[N, D]` (x is `[B, T, D]`) need them, and they too
    may be `[N, D]`. Nothing is shuffled, no target wraps round, each lane's tail that fills no window is dropped.

    `class_weight`, `{0: weight, ..., V - 1: weight}` for targets that are classes, adds the weight of each target
    (`[B, T]`): Keras's `fit(class_weight=...)` takes the largest class over time for all targets of a lane.

    The data set knows its length, gives the same windows each epoch, and reads the array piece by piece: no copy is
    made, and a memory-mapped one stays on disk. Integers become int32 (int64 if they may be larger), other numbers
    Keras's float type. Raises `InputError` for shapes, types and sizes that do not fit, and for streams that are too
    short for one window in each lane.
    """
    check_count("batch_size", batch_size, 1)
    check_count("seq_length", seq_length, 1)
    stream, wanted = _numbers("array", array), None if targets is None else _numbers("targets", targets)
    _check(stream, wanted, int(batch_size), int(seq_length))
    data = _sliced(_lanes(stream, wanted, int(batch_size)), int(seq_length))
    if class_weight is None:
        return data
    table = tf.constant(_table(class_weight, stream if wanted is None else wanted), keras.backend.floatx())
    return data.map(lambda x, y: (x, y, tf.gather(table, y)))


def _table(class_weight: Any, targets: np.ndarray) -> list[float]:
    """Return the weights of classes 0, 1, ..., checked; all targets are read once."""
    count = len(class_weight) if isinstance(class_weight, Mapping) else 0
    if not count or set(class_weight) != set(range(count)):
        raise InputError(
            "class_weight: expected a weight for each class from 0 on, as in {0: 1.0, 1: 2.5}, received "
            f"{shown(class_weight)}"
        )
    table = [class_weight[index] for index in range(count)]
    if any(not isinstance(weight, numbers.Real) or not 0 <= float(weight) < np.inf for weight in table):
        raise InputError(f"class_weight: expected finite weights >= 0, received {shown(class_weight)}")
    if targets.ndim != 1 or targets.dtype.kind not in "biu":
        raise InputError(
            f"class_weight: expected targets that are classes, integers [N], received {targets.dtype} "
            f"{list(targets.shape)}"
        )
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= count:
        raise InputError(
            f"class_weight: expected weights for all targets, {low} to {high}, received them for 0 to {count - 1}"
        )
    return table


def _sliced(lanes: Lanes, seq_length: int) -> tf.data.Dataset:
    """Make a data set that cuts the windows of lanes when they are needed.

    Many are cut at once, since one call of Python takes as long as a training step of a small net.
    """
    parts, total = (lanes.inputs, lanes.targets), lanes.windows(seq_length)
    types = [_as_symbols_or_numbers(part.dtype) for part in parts]
    window = sum(part[:, :seq_length].size * dtype.itemsize for part, dtype in zip(parts, types, strict=True))
    at_once = max(1, PIECE // window)

    def cut(first: int) -> list[np.ndarray]:
        count = min(at_once, total - first)
        pieces = (cut_windows(part, seq_length, first, count) for part in parts)
        return [piece.astype(dtype) for piece, dtype in zip(pieces, types, strict=True)]

    def piece(first: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found = tf.numpy_function(cut, [first], types, stateful=False)
        shapes = [(None, len(part), seq_length, *part.shape[2:]) for part in parts]
        return tuple(tf.ensure_shape(tensor, shape) for tensor, shape in zip(found, shapes, strict=True))

    pieces = tf.data.Dataset.range(0, total, at_once).map(piece)
    return pieces.unbatch().apply(tf.data.experimental.assert_cardinality(total))


def _lanes(stream: np.ndarray, targets: np.ndarray | None, batch_size: int) -> Lanes:
    if targets is None:
        return next_symbol_lanes(stream, batch_size)
    return Lanes(split_lanes(stream, batch_size), split_lanes(targets, batch_size), len(stream) % batch_size)


def _check(stream: np.ndarray, targets: np.ndarray | None, batch_size: int, seq_length: int) -> None:
    if targets is None and stream.ndim != 1:
        shape = list(stream.shape)
        wanted = f"targets: expected an array, since features of shape {shape} have no next symbol"
        raise InputError(f"{wanted}, received None: pass targets=...")
    if targets is not None and len(targets) != len(stream):
        raise InputError(f"targets: expected {len(stream):,}, one for each symbol, received {len(targets):,}")
    least, last = batch_size * seq_length, ""
    if targets is None:
        least, last = least + 1, " and a last target"
    if len(stream) < least:
        raise InputError(
            f"array: expected {least:,} symbols or more, a window of {seq_length} in each of {batch_size} lanes{last}, "
            f"received {len(stream):,}: take a longer one, or lower batch_size or seq_length"
        )


def _numbers(name: str, values: Any) -> np.ndarray:
    """Return values as an array `[N]` or `[N, D]`; a memory-mapped array stays one."""
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise InputError(f"{name}: expected numbers [N] or [N, D], received {error}") from error
    if isinstance(values, np.ma.MaskedArray):
        raise InputError(f"{name}: expected plain numbers, received a masked array: fill it first (array.filled(0))")
    if found.ndim not in (1, 2) or 0 in found.shape[1:]:
        raise InputError(f"{name}: expected one stream, shape [N] or [N, D], received shape {list(found.shape)}")
    if found.dtype.kind not in "biuf":
        raise InputError(f"{name}: expected numbers, received {found.dtype}: encode symbols as ids from 0 on")
    if found.dtype == np.uint64 and len(found) and found.max() > np.iinfo(np.int64).max:
        raise InputError(f"{name}: expected integers that an int64 holds, received larger ones")
    return found


def _as_symbols_or_numbers(dtype: np.dtype) -> np.dtype:
    """Return int32 for integers that fit, which embeddings and losses take, int64 for others; Keras's float type."""
    if dtype.kind == "f":
        return np.dtype(keras.backend.floatx())
    return np.dtype(np.int32 if np.can_cast(dtype, np.int32) else np.int64)
