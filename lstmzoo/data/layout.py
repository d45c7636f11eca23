"""Segments in lanes: which rows each window holds, where state begins at zero, and which targets count. NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.data.lanes import cut_windows

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

Reader = Callable[[int, int, int], "np.ndarray"]
"""Of a segment, a first row and a count n: its rows `[n]` or `[n, D]`; with n = 0 an empty array of that type."""


class Stretch(NamedTuple):
    """Rows of one segment that follow one another in one lane."""

    lane: int
    step: int
    """Place of the first one in the lane, from the start of the windows that were asked for."""
    segment: int
    row: int
    """The first one, from the segment's start."""
    rows: int
    before: int
    """Rows of the same piece before it: 0 at a piece's start, where the state is zero."""


class Facts(NamedTuple):
    """Counts of one epoch; the last three together are all rows of all segments."""

    windows: int
    segments: int
    pieces: int
    """As many as segments, or more where segments were cut."""
    padded: int
    """Steps of all lanes that hold no row."""
    warmup: int
    """Rows in the warm-up of a piece: they are read, and count in no loss."""
    without_target: int
    """Rows after it whose target would lie beyond the segment's end."""
    trained: int


class Pieces(NamedTuple):
    """Pieces by lane and place, arrays `[P]`."""

    lane: np.ndarray
    window: np.ndarray
    """The window of the epoch that it begins with."""
    segment: np.ndarray
    row: np.ndarray
    """Its first row, from the segment's start."""
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Layout:
    """Segments in B lanes: which rows each window holds, where state begins at zero, and which targets count.

    It keeps numbers for each piece and none for rows; the arrays of windows are made when they are asked for.
    """

    lengths: np.ndarray  # rows of each segment
    pieces: Pieces
    batch_size: int
    seq_length: int
    horizon: int
    warmup: int

    @cached_property
    def windows(self) -> int:
        """Number of windows of an epoch, which is that of the longest lane."""
        return int((self.pieces.window + windows_of(self.pieces.rows, self.seq_length)).max())

    def targets(self) -> np.ndarray:
        """Count the rows of each piece `[P]` that have a target, those of its warm-up too; below 0 is none."""
        return np.minimum(self.pieces.rows, self.lengths[self.pieces.segment] - self.horizon - self.pieces.row)

    def facts(self) -> Facts:
        """Count windows, segments, pieces, padding, and the rows that are trained on or are not."""
        pieces, total = self.pieces, int(self.lengths.sum())
        warmup = int(np.minimum(pieces.rows, self.warmup).sum())
        trained = int(np.maximum(self.targets() - self.warmup, 0).sum())
        padded = self.windows * self.batch_size * self.seq_length - total
        without = total - warmup - trained
        return Facts(self.windows, len(self.lengths), len(pieces.row), padded, warmup, without, trained)

    def stretches(self, first: int, count: int) -> Iterator[Stretch]:
        """Yield what lies in K = `count` windows from window `first` on, lane by lane; what is between is padding."""
        pieces = self.pieces
        before = np.maximum(first - pieces.window, 0) * self.seq_length
        rows = np.minimum(pieces.rows, (first + count - pieces.window) * self.seq_length) - before
        step = np.maximum(pieces.window - first, 0) * self.seq_length
        columns = (pieces.lane, step, pieces.segment, pieces.row + before, rows, before)
        here = np.flatnonzero(rows > 0)
        return map(Stretch, *(column[here].tolist() for column in columns))

    def take(self, read: Reader, first: int, count: int, shift: int = 0) -> np.ndarray:
        """Read K = `count` windows from window `first` on: `[K, B, T]` or `[K, B, T, D]`, zeros where no row is.

        `shift`: read the row that stands so many rows later in the segment; the horizon gives targets.
        """
        like = read(0, 0, 0)
        lanes = np.zeros((self.batch_size, count * self.seq_length, *like.shape[1:]), like.dtype)
        for lane, step, segment, row, rows, _ in self.stretches(first, count):
            rows = min(rows, int(self.lengths[segment]) - row - shift)
            if rows > 0:
                lanes[lane, step : step + rows] = read(segment, row + shift, rows)
        return cut_windows(lanes, self.seq_length, 0, count)

    def weights(self, first: int, count: int) -> np.ndarray:
        """Return weights `[K, B, T]` of targets, 1 or 0: 0 in padding, in the warm-up, and where no target is."""
        lanes = np.zeros((self.batch_size, count * self.seq_length), np.float32)
        for lane, step, segment, row, rows, before in self.stretches(first, count):
            known = min(rows, int(self.lengths[segment]) - row - self.horizon)
            lanes[lane, step + max(self.warmup - before, 0) : step + max(known, 0)] = 1
        return cut_windows(lanes, self.seq_length, 0, count)

    def resets(self, first: int, count: int) -> np.ndarray:
        """Return `[K, B]`, true where a lane's state is zero at the window's start: where a piece begins."""
        resets = np.zeros((count, self.batch_size), bool)
        here = (self.pieces.window >= first) & (self.pieces.window < first + count)
        resets[self.pieces.window[here] - first, self.pieces.lane[here]] = True
        return resets


def windows_of(rows: np.ndarray, seq_length: int) -> np.ndarray:
    """Count the windows that pieces of so many rows fill; the last one of each may be padded."""
    return -(-rows // seq_length)
