"""Tables of a series task: its files, or a simulated series."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from lstmzoo.data.columns import Column, Table
from lstmzoo.data.simulated import find_simulation
from lstmzoo.data.stored import Layout, Opened, Stored
from lstmzoo.data.tables import open_table
from lstmzoo.errors import EnvironmentFailure
from lstmzoo.system.files import remedy
from lstmzoo.tasks.series.spec import SeriesSpec

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


class Sources(NamedTuple):
    """Tables of a run, first those of `data`, and how many these are; the others are for validation alone."""

    tables: list[Table]
    trained: int

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of the tables of `data`, and of those of `validation` if any."""
        parts = {"data_sha256": self.tables[: self.trained], "validation_sha256": self.tables[self.trained :]}
        return {name: _digest(tables) for name, tables in parts.items() if tables}


def open_sources(spec: SeriesSpec, seed: int) -> Sources:
    """Open the tables of a section; raise `InputError` for what is no table, and for WAV files of several rates."""
    validation = list(spec.validation or ())
    if not isinstance(spec.data, str):
        return Sources(open_table([*spec.data, *validation]), len(spec.data))
    table = simulate(spec.data, seed, spec.rows or 0)
    return Sources([table, *(open_table(validation) if validation else [])], 1)


def simulate(name: str, seed: int, rows: int) -> Table:
    """Return a simulated series as a table; its numbers are in a file that has no name."""
    found = find_simulation(name)
    try:
        with tempfile.TemporaryFile() as file:
            file.write(np.ascontiguousarray(found.rows(seed, rows), np.float64).data)
            file.flush()
            layout = Layout(rows, len(found.columns), 0, 8, lambda content: np.frombuffer(content, np.float64))
            numbers = Stored(Opened(cast(BinaryIO, file), Path(name)), layout)
    except OSError as error:
        where = tempfile.gettempdir()
        raise EnvironmentFailure(
            f"{name} cannot be written to {where} ({error.strerror or error}): {remedy(error)}"
        ) from error
    columns = tuple(Column(column, numbers, place) for place, column in enumerate(found.columns))
    return Table(columns, rows, hashlib.sha256(f"{name} seed {seed} rows {rows}".encode()).hexdigest(), None)


def _digest(tables: Sequence[Table]) -> str:
    if len(tables) == 1:
        return tables[0].digest
    return hashlib.sha256("".join(f"{table.digest}\n" for table in tables).encode()).hexdigest()
