"""Missing values: the last value of a column stands for those that are missing after it, within one recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lstmzoo.data.columns import Table
from lstmzoo.data.segments import BLOCK, Segment

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

NEAR = 64  # rows that are looked through first


def carry_forward(values: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return rows `[n, C]` with each missing value replaced by the last one above it, or else by `before` `[C]`."""
    rows = np.where(np.isnan(values), 0, np.arange(1, len(values) + 1)[:, None])
    np.maximum.accumulate(rows, axis=0, out=rows)
    return np.take_along_axis(np.concatenate([before[None], values]), rows, axis=0)


class LastKnown:
    """Reader of some columns that knows their last values before any row, without keeping rows.

    It looks back in the table, within the recording. Where a read goes on from the one before, it remembers.
    """

    def __init__(self, tables: Sequence[Table], names: Sequence[str], first: np.ndarray):
        """Make a reader; `first` `[C]`: what stands before the first value of a recording."""
        self.tables, self.names, self.first = tables, names, first
        self._ends: dict[tuple[Segment, int], np.ndarray] = {}

    def go_on(self, segment: Segment, last: np.ndarray) -> None:
        """Take the last values `[C]` of what came before the table for those before its first row."""
        self._ends[segment, segment.first] = last

    def read(self, segment: Segment, row: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Read `count` rows `[n, C]` from a row of the table on: as they are, and with no value missing."""
        values = self.tables[segment.table].read(self.names, row, count)
        before = self._ends.pop((segment, row), None)
        lacking = np.isnan(values)
        if not lacking.any():
            return values, values
        if before is None:
            before = self._look_back(segment, row) if lacking[0].any() else self.first
        known = carry_forward(values, before)
        if lacking[-1].any():
            self._ends[segment, row + count] = known[-1]
        return values, known

    def _look_back(self, segment: Segment, row: int) -> np.ndarray:
        known, size = np.full(len(self.names), np.nan), NEAR
        while row > segment.begins and np.isnan(known).any():
            count = min(size, row - segment.begins)
            row -= count
            found = carry_forward(self.tables[segment.table].read(self.names, row, count), np.full_like(known, np.nan))
            known = np.where(np.isnan(known), found[-1], known)
            size = min(2 * size, max(BLOCK // len(self.names), NEAR))
        return np.where(np.isnan(known), self.first, known)
