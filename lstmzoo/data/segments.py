"""Segments: recordings of any lengths, their parts, and how they are laid into B lanes, none joined to another.

NumPy only.

A segment of n rows fills ceil(n / T) windows, the last one padded. It lies in a lane whole, or is cut at window starts
into pieces that lie in several lanes. A piece begins with zero state in its lane alone, and its first `warmup` rows
count in no loss. With a horizon h the target of row t is row t + h of the segment, so the last h rows have none; a
target that lies in the next piece counts, since it is of the same recording.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import ceil
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.data.layout import Layout, Pieces, windows_of
from lstmzoo.errors import InputError

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

BLOCK = 1 << 18  # numbers read at once

Part = tuple[int, int, int, int]  # lane, segment, its first window within the segment, windows


class Segment(NamedTuple):
    """Rows of one recording that follow one another: all of it, or a part."""

    table: int
    """Number of its table; 0 for a text."""
    first: int
    """Its first row in the table."""
    rows: int
    begins: int
    """The row where its recording begins: in a part, what is before `first` was recorded before."""

    def blocks(self, columns: int) -> Iterator[tuple[int, int]]:
        """Yield (row of the table, count) of blocks that hold about BLOCK numbers of so many columns."""
        size = max(BLOCK // columns, 1)
        for row in range(self.first, self.first + self.rows, size):
            yield row, min(size, self.first + self.rows - row)


def split(segments: Sequence[Segment], *fractions: float) -> list[list[Segment]]:
    """Cut each segment: what is trained on, and behind it a part of each fraction of the whole, rounded up.

    A fraction is what its decimal digits say.
    """
    cuts = [_cut(segment, fractions) for segment in segments]
    return [[parts[number] for parts in cuts] for number in range(len(fractions) + 1)]


def _cut(segment: Segment, fractions: Sequence[float]) -> list[Segment]:
    parts, left = [], segment.rows
    for fraction in reversed(fractions):
        rows = min(ceil(segment.rows * Fraction(str(fraction))), left)
        left -= rows
        parts.append(segment._replace(first=segment.first + left, rows=rows))
    return [segment._replace(rows=left), *reversed(parts)]


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
    windows = windows_of(sizes, seq_length).tolist()
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
