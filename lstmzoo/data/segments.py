"""Segments to lanes: recordings of any lengths laid into B lanes, none joined to another. NumPy only.

A segment of n rows fills ceil(n / T) windows, the last one padded. It lies in a lane whole, or is cut at window starts
into pieces that lie in several lanes. A piece begins with zero state in its lane alone, and its first `warmup` rows
count in no loss. With a horizon h the target of row t is row t + h of the segment, so the last h rows have none; a
target that lies in the next piece counts, since it is of the same recording.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.data.lanes import cut_windows
from lstmzoo.errors import InputError

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

Part = tuple[int, int, int, int]  # lane, segment, its first window within the segment, windows
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
        return int((self.pieces.window + _windows_of(self.pieces.rows, self.seq_length)).max())

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


def lay(
    lengths: Sequence[int] | np.ndarray,
    batch_size: int,
    seq_length: int,
    *,
    horizon: int = 0,
    warmup: int = 0,
    cut: bool = True,
) -> Layout:
    """Lay segments, given by their numbers of rows, into B lanes of windows of T rows.

    With `cut` no lane has more windows than the mean of all lanes, rounded up, and fewer than B cuts are made; without
    it each segment lies whole in one lane, the longest ones first, each in the shortest lane.
    Raises `InputError` for a segment without a target, and where the warm-up leaves nothing to count.
    """
    sizes = _checked(np.asarray(lengths, np.int64), horizon)
    windows = _windows_of(sizes, seq_length).tolist()
    parts = (_cut_parts if cut else _whole_parts)(windows, batch_size)
    layout = Layout(sizes, _pieces(parts, sizes, seq_length), batch_size, seq_length, horizon, warmup)
    if warmup >= (most := int(layout.targets().max())):
        raise InputError(
            f"warmup: expected less than {most:,} steps, the most targets that a piece of a segment has in "
            f"{batch_size} lanes, received {warmup:,}: shorten the warm-up, or give longer segments or fewer lanes"
        )
    return layout


def _checked(lengths: np.ndarray, horizon: int) -> np.ndarray:
    if lengths.size == 0:
        raise InputError("expected a segment or more, received none")
    if lengths.min() <= horizon:
        number = int(lengths.argmin())
        raise InputError(
            f"segment {number + 1} of {len(lengths):,}: expected more than {horizon} rows, as the target stands "
            f"{horizon} rows later (horizon), received {lengths[number]}: leave it out, or choose a smaller horizon"
        )
    return lengths


def _cut_parts(windows: list[int], batch_size: int) -> Iterator[Part]:
    """Yield parts, the longest segment first: whole where it leaves least room, or else filling the emptiest lane."""
    share = -(-sum(windows) // batch_size)
    rooms = [(share, lane) for lane in range(batch_size)]  # sorted, so that look-ups are binary
    for segment in _longest_first(windows):
        first, left = 0, windows[segment]
        while left:
            room, lane = rooms.pop(bisect_left(rooms, (min(left, rooms[-1][0]),)))
            size = min(left, room)
            yield lane, segment, first, size
            insort(rooms, (room - size, lane))
            first, left = first + size, left - size


def _whole_parts(windows: list[int], batch_size: int) -> Iterator[Part]:
    """Yield segments, the longest first, each in the lane that is shortest then (Graham 1969)."""
    lanes = [(0, lane) for lane in range(batch_size)]
    for segment in _longest_first(windows):
        length, lane = lanes[0]
        heapq.heapreplace(lanes, (length + windows[segment], lane))
        yield lane, segment, 0, windows[segment]


def _longest_first(windows: list[int]) -> list[int]:
    return sorted(range(len(windows)), key=lambda segment: -windows[segment])


def _pieces(parts: Iterable[Part], lengths: np.ndarray, seq_length: int) -> Pieces:
    """Sort parts by segment within each lane, and number the lanes by their first parts."""
    numbers: dict[int, int] = {}
    filled: defaultdict[int, int] = defaultdict(int)
    found = []
    for lane, segment, first, size in sorted(parts, key=itemgetter(1, 2)):
        number = numbers.setdefault(lane, len(numbers))
        rows = min(size * seq_length, int(lengths[segment]) - first * seq_length)
        found.append((number, filled[number], segment, first * seq_length, rows))
        filled[number] += size
    return Pieces(*np.array(sorted(found), np.int64).T)


def _windows_of(rows: np.ndarray, seq_length: int) -> np.ndarray:
    return -(-rows // seq_length)
