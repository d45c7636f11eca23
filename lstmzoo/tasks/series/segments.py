"""Segments of tables, and their parts: the first rows to train on, the last ones to validate on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.data.columns import Table
from lstmzoo.errors import InputError

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

BLOCK = 1 << 18  # numbers read at once


class Segment(NamedTuple):
    """Rows of one recording that follow one another: all of it, or a part."""

    table: int
    """Number of its table."""
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


def find_segments(tables: Sequence[Table], column: str | None) -> list[Segment]:
    """Return the segments of tables: each table is one, or several where a column changes.

    Raises `InputError` for a row where that column has no value.
    """
    found = []
    for number, table in enumerate(tables):
        begins = [0, *(_changes(table, column) if column is not None else ()), table.rows]
        found += [Segment(number, row, end - row, row) for row, end in pairwise(begins)]
    return found


def _changes(table: Table, column: str) -> Iterator[int]:
    """Yield the rows that have another number, or another text, than the row before."""
    table = table.with_texts(column)
    last = table.read([column], 0, 1)[0]
    for row, count in Segment(0, 0, table.rows, 0).blocks(1):
        values = np.concatenate([last, table.read([column], row, count)[:, 0]])
        if (missing := np.flatnonzero(np.isnan(values[1:]))).size:
            raise InputError(
                f"{table.where(column, row + int(missing[0]))}: expected a value in the column that says the segment, "
                "received none: fill it"
            )
        yield from (np.flatnonzero(values[1:] != values[:-1]) + row).tolist()
        last = values[-1:]


def split(segments: Sequence[Segment], fraction: float) -> tuple[list[Segment], list[Segment]]:
    """Cut each segment in two: to train on, and its last `fraction`, rounded up, to validate on."""
    held = [ceil(segment.rows * Fraction(str(fraction))) for segment in segments]
    pairs = list(zip(segments, held, strict=True))
    training = [each._replace(rows=each.rows - rows) for each, rows in pairs]
    return training, [each._replace(first=each.first + each.rows - rows, rows=rows) for each, rows in pairs]
