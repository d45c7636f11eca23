"""Columns of numbers, and tables of them, read in windows of rows. NumPy only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.data.stored import Stored
from lstmzoo.errors import InputError, did_you_mean, nearest, shown

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


LISTED = 20  # columns that a message lists


class Column(NamedTuple):
    """Column of a table: its name, its numbers, which column there it is, and what of it cannot be read, if anything.

    `lines`: pairs (row from 0 on, line of the file from 1 on), one where the distance of the two changes; none where
    rows are no lines, or lines too irregular. `texts`: makes the column of its texts, as numbers that change where a
    text does; None: the file has only numbers.
    """

    name: str
    numbers: Stored
    place: int
    problem: str = ""
    lines: tuple[tuple[int, int], ...] = ()
    texts: Callable[[], Column] | None = None

    def where(self, row: int) -> str:
        """Return the place of a row (from 0 on) for a message: "pump.csv: line 7, column flow"."""
        said = f"row {row + 1:,}"
        for first, line in self.lines:
            said = f"line {line + row - first:,}" if first <= row else said
        return f"{self.numbers.path}: {said}, column {self.label}"

    @property
    def label(self) -> str:
        """Name as messages show it."""
        return shown(self.name).strip("'")


class Sound(NamedTuple):
    """Rate of a WAV file in samples a second, and the form of its samples: uint8, int16, int24, int32, float32, ..."""

    rate: int
    form: str


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of numbers of equal length, the SHA-256 of what they were read from, and the sound of WAV files."""

    columns: tuple[Column, ...]
    rows: int
    digest: str
    sound: Sound | None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns; "0", "1", ... where a file has none."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def find(self, name: str | int) -> Column:
        """Return a column by its name (a text) or its number from 0 on (an integer).

        Raises `InputError` for one that is not there, with the nearest name, and for one that has no numbers.
        """
        found = self.locate(name)
        if found.problem:
            raise InputError(f"{found.numbers.path}: column {found.label}: {found.problem}")
        return found

    def locate(self, name: str | int) -> Column:
        """Return a column, which may be one of texts, as `find` does."""
        if isinstance(name, int) and 0 <= name < len(self.columns):
            return self.columns[name]
        if name in self._places:
            return self.columns[self._places[str(name)]]
        near = did_you_mean if len(self.names) <= LISTED else nearest
        raise InputError(
            f"{self.columns[0].numbers.path}: expected one of its {len(self.columns):,} columns, received "
            f"{shown(name)}{near(name, self.names)}{self._of_several()}"
        )

    def with_texts(self, name: str) -> Table:
        """Return the table with numbers in a column of texts: they change where the text does. Others stay."""
        found = self.locate(name)
        if not found.problem or found.texts is None:
            return self
        made = found.texts()._replace(name=name)
        return replace(self, columns=tuple(made if each is found else each for each in self.columns))

    def _of_several(self) -> str:
        """Return what to do where the name of the only column is probably those of several."""
        is_probable = len(self.names) == 1 and re.search(r"[\s;|,]", self.names[0])
        cure = "put a comma, semicolon, tab or bar between cells, and no quotes around a row"
        return f" (if these are several columns, {cure})" if is_probable else ""

    def read(self, columns: Iterable[str | int] | None = None, first: int = 0, count: int | None = None) -> np.ndarray:
        """Read `count` rows of some columns (default: all) from row `first` (from 0 on): `[n, columns]`, NaN: missing.

        There are fewer rows at the end of the table. They are float32 where that holds the file's numbers exactly, and
        else float64. Raises `InputError` for infinity, with its row, as `find` does, and for a file that is cut.
        """
        found = [self.find(name) for name in (self.names if columns is None else columns)]
        first = min(max(first, 0), self.rows)
        count = self.rows - first if count is None else min(count, self.rows - first)
        values = _side_by_side(found, first, count) if found else np.zeros((count, 0), np.float32)
        if np.isinf(values).any():
            row, place = np.argwhere(np.isinf(values))[0].tolist()
            raise InputError(
                f"{found[place].where(first + row)}: expected a finite number, received {values[row, place]}: correct "
                "it, or make it NaN (missing)"
            )
        return values

    def where(self, name: str | int, row: int) -> str:
        """Return the place of a row (from 0 on) for a message: "pump.csv: line 7, column flow"."""
        return self.find(name).where(row)


def _side_by_side(columns: Sequence[Column], first: int, count: int) -> np.ndarray:
    """Read columns, those of one file at once."""
    groups: dict[int, list[int]] = {}
    for place, column in enumerate(columns):
        groups.setdefault(id(column.numbers), []).append(place)
    blocks = []
    for places in groups.values():
        numbers = columns[places[0]].numbers
        blocks.append(numbers.read([columns[place].place for place in places], first, count))
    order = [place for places in groups.values() for place in places]
    values = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
    return values if order == sorted(order) else values[:, np.argsort(order)]
