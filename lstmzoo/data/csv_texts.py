"""A column of texts in CSV, such as the names of recordings, as numbers that change where the text does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lstmzoo.data.csv_head import MISSING
from lstmzoo.data.csv_rows import Rows

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


class Texts:
    """A reader of one column: each cell is the number of its run of equal texts, 0, 1, ...

    So it remembers one text, however many there are.
    """

    def __init__(self, rows: Rows, place: int):
        self.rows, self.place = rows, place
        self._run, self._last = -1, ""

    def read(self, piece: bytes) -> np.ndarray:
        """Return whole rows as float64 `[n, 1]`, NaN where a cell is missing; raise `InputError` as `Rows` does."""
        found = [self._number(row[self.place].strip()) for _, row in self.rows.cells_of(piece)]
        return np.array(found, float)[:, None]

    def _number(self, text: str) -> float:
        if text.lower() in MISSING:
            return math.nan
        if text != self._last:
            self._run, self._last = self._run + 1, text
        return self._run
