"""Numbers in a file, read in windows: memory stays small however large the file is. NumPy only.

A window is read where it stands in the file; nothing is mapped. So a limit of memory does not count the whole file, and
a file that is cut while it is used is a message, where a map would end the process.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from lstmzoo.errors import InputError

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


class Layout(NamedTuple):
    """Place of numbers `[rows, columns]` in a file: from byte `start` on, `size` bytes each, decoded to floats `[n]`.

    `by_column`: all rows of a column stand together (Fortran's order), or else all columns of a row.
    """

    rows: int
    columns: int
    start: int
    size: int
    decode: Callable[[bytes], np.ndarray]
    by_column: bool = False


class Stored:
    """Numbers `[rows, columns]` of a file, which stays open until the last user is gone, also when it is removed."""

    def __init__(self, file: BinaryIO, path: Path, layout: Layout):
        self.path, self.layout = path, layout
        self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)

    def read(self, places: Sequence[int], first: int, count: int) -> np.ndarray:
        """Read `count` rows of some columns, by their numbers, from row `first` on: `[count, len(places)]`.

        Raises `InputError` if the file has become shorter.
        """
        rows, columns, start, size, decode, by_column = self.layout
        if by_column:
            found = [decode(self._bytes(start + (place * rows + first) * size, count * size)) for place in places]
            return np.stack(found, axis=1)
        width = columns * size
        block = decode(self._bytes(start + first * width, count * width)).reshape(count, columns)
        return block if list(places) == list(range(columns)) else block[:, list(places)]

    def _bytes(self, start: int, size: int) -> bytes:
        pieces, left = [], size
        while left:
            piece = os.pread(self._descriptor, left, start + size - left)
            if not piece:
                raise InputError(f"{self.path}: expected {left:,} bytes more, received the file's end: it was cut")
            pieces.append(piece)
            left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
