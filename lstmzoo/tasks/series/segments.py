"""Segments of tables: each file, or each stretch of one in which a column does not change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from lstmzoo.data.columns import Table
from lstmzoo.data.segments import Segment
from lstmzoo.errors import InputError

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


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
