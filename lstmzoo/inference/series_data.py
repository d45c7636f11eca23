"""A table that a series run is given to predict: its columns by the names that the run knows. No TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.data.columns import Table
from lstmzoo.data.scaling import Scaling
from lstmzoo.data.segments import BLOCK, Segment
from lstmzoo.data.tables import FileName, open_table
from lstmzoo.errors import InputError, did_you_mean, shown
from lstmzoo.tasks.series.holding import LastKnown
from lstmzoo.tasks.series.segments import find_segments

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


class SeriesData(NamedTuple):
    """A table with all inputs of a run, and its recordings in their order; it may lack targets."""

    table: Table
    segments: list[Segment]
    inputs: LastKnown
    targets: tuple[str, ...]
    """Those of the run that the table has, in the run's order."""
    notes: list[str]
    """What its user should know."""

    def blocks(self, segment: Segment, most: int) -> Iterator[tuple[int, int]]:
        """Yield (row, count) of blocks of a recording: `most` rows at most, fewer where the table has many columns."""
        size = min(most, max(BLOCK // len(self.table.columns), 1))
        for row in range(segment.first, segment.first + segment.rows, size):
            yield row, min(size, segment.first + segment.rows - row)

    def read_inputs(self, segment: Segment, row: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Read `count` rows `[n, inputs]` of a recording: as they are, and with no value missing."""
        return self.inputs.read(segment, row, count)

    def read_targets(self, row: int, count: int) -> np.ndarray:
        """Read `count` rows `[n, targets]` from a row on."""
        return self.table.read(self.targets, row, count)

    def no_targets(self, count: int) -> np.ndarray:
        """Return the targets of `count` rows that the table has not: NaN."""
        return np.full((count, len(self.targets)), np.nan)

    def where(self, first: int) -> Callable[[int, str], str]:
        """Return a function that names the place of a row, counted from row `first` on, and a column."""
        return lambda row, column: self.table.where(column, first + row)


def open_data(path: FileName, scaling: Scaling, segment: str | int | None, rate: int | None = None) -> SeriesData:
    """Open a table for a run; columns are taken by name, or those without names in the order of the run's inputs.

    `segment`: the column, by name or number, that changes where a recording begins; None: the table is one.
    `rate`: that of the sound which the run was trained on, in Hz. Raises `InputError` for more than one table, for
    sound of another rate, for an input that is not there or has no numbers, and as `open_table`.
    """
    tables = open_table(path)
    if len(tables) > 1:
        raise InputError(
            f"expected one table, received {len(tables):,} ({shown(str(path), 200)}): predict one after another"
        )
    _check_rate(tables[0], rate)
    table, notes = _named(tables[0], scaling.inputs)
    for name in scaling.inputs:
        if name not in table.names:
            raise InputError(
                f"{table.columns[0].numbers.path}: expected the inputs of the run, {shown(', '.join(scaling.inputs))}, "
                f"received no column {shown(name)}{did_you_mean(name, table.names[:100])}"
            )
        table.find(name)
    targets = tuple(table.find(name).name for name in scaling.targets if name in table.names)
    column = None if segment is None else _segment(table, scaling, segment)
    if segment is not None and column is None:
        notes = [*notes, f"no column {shown(segment)} (task.segment): the table is taken as one recording"]
    segments = find_segments([table], column)
    return SeriesData(table, segments, LastKnown([table], scaling.inputs, scaling.first()), targets, notes)


def _check_rate(table: Table, rate: int | None) -> None:
    """Raise `InputError` for sound of another rate than a run's, if that has one."""
    if rate is not None and table.sound is not None and table.sound.rate != rate:
        raise InputError(
            f"{table.columns[0].numbers.path}: expected {rate:,} Hz as the run was trained on, received "
            f"{table.sound.rate:,} Hz: resample it (ffmpeg -i IN -ar {rate} OUT.wav)"
        )


def _named(table: Table, inputs: tuple[str, ...]) -> tuple[Table, list[str]]:
    """Return a table with the names of the inputs for columns that have none, if there are as many, and notes of it.

    So a WAV file alone is an input that was one of several files side by side in training.
    """
    unnamed = table.names == tuple(str(place) for place in range(len(table.names)))
    if not unnamed or set(inputs) & set(table.names) or len(inputs) != len(table.names):
        return table, []
    columns = tuple(column._replace(name=name) for column, name in zip(table.columns, inputs, strict=True))
    return replace(table, columns=columns), [f"columns without names are taken as {shown(', '.join(inputs))}"]


def _segment(table: Table, scaling: Scaling, column: str | int) -> str | None:
    """Return the name of the column of a table that says the segment, if it has that.

    By its number it is none of the run's inputs and targets, or the table is not laid out as those of the run.
    """
    if isinstance(column, str):
        return column if column in table.names else None
    name = dict(enumerate(table.names)).get(column)
    return None if name in (*scaling.inputs, *scaling.targets) else name
