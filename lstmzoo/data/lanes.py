"""Streams to lanes to windows: the one place that orders symbols in time. NumPy only.

A stream of N symbols becomes B lanes of N // B; window k is columns k T to (k + 1) T of all lanes,
so row b of window k + 1 continues row b of window k, and nothing is ever shuffled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


class Lanes(NamedTuple):
    """Inputs and targets `[B, n]` of one epoch, and how many symbols of the stream had no place in them."""

    inputs: np.ndarray
    targets: np.ndarray
    left_over: int = 0

    def windows(self, seq_length: int) -> int:
        """Number of whole windows in an epoch."""
        return self.inputs.shape[1] // seq_length

    def dropped(self, seq_length: int) -> int:
        """Symbols an epoch that fill no window, over all lanes, the stream's left-over included."""
        lanes, length = self.inputs.shape
        return lanes * (length - self.windows(seq_length) * seq_length) + self.left_over


class Scored(NamedTuple):
    """Validation lanes `[B, n]`, with weights `[B, n]`: 1 where the target counts, 0 where nobody can know it."""

    lanes: Lanes
    weights: np.ndarray


def split_lanes(stream: np.ndarray, batch_size: int) -> np.ndarray:
    """`[N]` to `[B, N // B]` (`[N, D]` to `[B, N // B, D]`): contiguous parts; the last N mod B are left over."""
    length = len(stream) // batch_size
    return stream[: batch_size * length].reshape(batch_size, length, *stream.shape[1:])


def targets_a_lane(stream: np.ndarray, batch_size: int) -> int:
    """Targets in a lane of N // B symbols where the next symbol is the target: the stream's last symbol has none."""
    length = len(stream) // batch_size
    return length if len(stream) % batch_size else length - 1


def next_symbol_lanes(stream: np.ndarray, batch_size: int) -> Lanes:
    """B lanes of N // B symbols `[N]`, each with the next symbol of the stream as its target; no copy is made."""
    start, length, (size,) = len(stream) // batch_size, targets_a_lane(stream, batch_size), stream.strides
    inputs, targets = (
        np.lib.stride_tricks.as_strided(stream[shift:], (batch_size, length), (start * size, size), writeable=False)
        for shift in (0, 1)
    )
    return Lanes(inputs, targets, len(stream) - batch_size * length)


def cut_windows(lanes: np.ndarray, seq_length: int, first: int, count: int) -> np.ndarray:
    """Windows `first` to `first + count` of `[B, n]` lanes, as `[K, B, T]`; D features come along."""
    piece = lanes[:, first * seq_length : (first + count) * seq_length]
    return np.ascontiguousarray(piece.reshape(len(lanes), count, seq_length, *lanes.shape[2:]).swapaxes(0, 1))


def padded_windows(lanes: np.ndarray, seq_length: int, first: int, count: int) -> np.ndarray:
    """As `cut_windows`, where the lanes' last partial window counts too: it is filled up with zeros."""
    piece = lanes[:, first * seq_length : (first + count) * seq_length]
    padded = np.pad(piece, ((0, 0), (0, -piece.shape[1] % seq_length)))
    return cut_windows(padded, seq_length, 0, padded.shape[1] // seq_length)
