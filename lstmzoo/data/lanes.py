"""Lanes and windows of a stream: the one place that orders symbols in time. NumPy only.

A stream of N symbols becomes B lanes of N // B; window k is columns k T to (k + 1) T of all lanes,
so row b of window k + 1 continues row b of window k, and nothing is ever shuffled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


class Windows(NamedTuple):
    """K windows of all lanes, as a run trains or validates on them."""

    inputs: np.ndarray
    """`[K, B, T]`, or `[K, B, T, D]` features."""
    targets: np.ndarray
    """`[K, B, T]`, or `[K, B, T, M]` numbers."""
    weights: np.ndarray | None = None
    """`[K, B, T]`, or `[K, B, T, M]`: what each target counts; None: all the same."""
    resets: np.ndarray | None = None
    """`[K, B]` booleans: True where a lane starts from zero state; None: nowhere."""


class Lanes(NamedTuple):
    """Inputs and targets `[B, n]` of one epoch, and the number of symbols of the stream that are in no lane.

    Features are `[B, n, D]`, numbers as targets `[B, n, M]`.
    """

    inputs: np.ndarray
    targets: np.ndarray
    left_over: int = 0

    def windows(self, seq_length: int) -> int:
        """Count the whole windows in an epoch."""
        return self.inputs.shape[1] // seq_length

    def dropped(self, seq_length: int) -> int:
        """Count the symbols of an epoch that fill no window: in all lanes, and those that are in no lane."""
        lanes, length = self.inputs.shape[:2]
        return lanes * (length - self.windows(seq_length) * seq_length) + self.left_over

    def cut(self, seq_length: int, first: int, count: int) -> Windows:
        """Cut `count` windows from window `first` on."""
        return Windows(*(cut_windows(part, seq_length, first, count) for part in self[:2]))


class Scored(NamedTuple):
    """Validation lanes `[B, n]`, with weights `[B, n]`: 1 where the target counts, 0 where it cannot be known.

    Weights of M numbers may be `[B, n, M]`.
    """

    lanes: Lanes
    weights: np.ndarray

    def windows(self, seq_length: int) -> int:
        """Count the windows, the last partial one included."""
        return -(-self.weights.shape[1] // seq_length)

    def cut(self, seq_length: int, first: int, count: int) -> Windows:
        """Cut up to `count` windows from window `first` on; the lanes' last one is filled with weight 0."""
        parts = (*self.lanes[:2], self.weights)
        return Windows(*(padded_windows(part, seq_length, first, count) for part in parts))

    def total(self) -> np.ndarray:
        """Return the sum of the weights in float64: a number, or `[M]`."""
        return self.weights.sum((0, 1), np.float64)


def split_lanes(stream: np.ndarray, batch_size: int) -> np.ndarray:
    """Cut `[N]` into contiguous lanes `[B, N // B]` (`[N, D]`: `[B, N // B, D]`); the last N mod B are left over.

    A stream of 0 to 6 in 2 lanes is [[0, 1, 2], [3, 4, 5]], and 6 is left over.
    """
    length = len(stream) // batch_size
    return stream[: batch_size * length].reshape(batch_size, length, *stream.shape[1:])


def targets_a_lane(stream: np.ndarray, batch_size: int) -> int:
    """Count the targets in a lane of N // B symbols where the next symbol is the target.

    The stream's last symbol has none: 7 symbols in 2 lanes give 3 targets a lane, 6 symbols give 2.
    """
    length = len(stream) // batch_size
    return length if len(stream) % batch_size else length - 1


def next_symbol_lanes(stream: np.ndarray, batch_size: int) -> Lanes:
    """Cut a stream `[N]` into B lanes where the target of a symbol is the next one of the stream; no copy is made."""
    start, length, (size,) = len(stream) // batch_size, targets_a_lane(stream, batch_size), stream.strides
    inputs, targets = (
        np.lib.stride_tricks.as_strided(stream[shift:], (batch_size, length), (start * size, size), writeable=False)
        for shift in (0, 1)
    )
    return Lanes(inputs, targets, len(stream) - batch_size * length)


def cut_windows(lanes: np.ndarray, seq_length: int, first: int, count: int) -> np.ndarray:
    """Cut K = `count` windows of T symbols from `[B, n]` lanes, from window `first` on: `[K, B, T]`.

    Features `[B, n, D]` give `[K, B, T, D]`.
    """
    piece = lanes[:, first * seq_length : (first + count) * seq_length]
    return np.ascontiguousarray(piece.reshape(len(lanes), count, seq_length, *lanes.shape[2:]).swapaxes(0, 1))


def padded_windows(lanes: np.ndarray, seq_length: int, first: int, count: int) -> np.ndarray:
    """Cut windows as `cut_windows` does; the lanes' last, partial window counts too and is filled with zeros."""
    piece = lanes[:, first * seq_length : (first + count) * seq_length]
    padded = np.pad(piece, [(0, 0), (0, -piece.shape[1] % seq_length), *[(0, 0)] * (piece.ndim - 2)])
    return cut_windows(padded, seq_length, 0, padded.shape[1] // seq_length)
