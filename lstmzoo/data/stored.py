"""Numbers in a file, read in windows: memory stays small however large the file is. NumPy only.

A window is read where it stands in the file; nothing is mapped. So a limit of memory does not count the whole file, and
a file that is cut while it is used is a message, where a map would end the process. One that is written to is a message
too: a run must not go on with other numbers than those of its digest.
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


class Opened:
    """A file that stays open until the last user is gone, also when it is removed; it must stay as it is."""

    def __init__(self, file: BinaryIO, path: Path):
        self.path = path
        self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)
        self._state = state_of(self._descriptor)

    def read(self, start: int, size: int) -> bytes:
        """Read `size` bytes from byte `start` on; raise `InputError` if the file is another one than it was."""
        pieces, left = [], size
        while left and (piece := os.pread(self._descriptor, left, start + size - left)):
            pieces.append(piece)
            left -= len(piece)
        if left or state_of(self._descriptor) != self._state:
            raise InputError(
                f"{self.path}: expected a file that stays as it was at the start, received one that was changed or "
                "cut: restore it, and start again (a run goes on with --resume)"
            )
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def state_of(descriptor: int) -> tuple[int, int]:
    """Return what tells that an open file was written to: its size, and when it was changed last."""
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns


class Stored:
    """Numbers `[rows, columns]` of a file."""

    def __init__(self, file: Opened, layout: Layout):
        self.file, self.layout = file, layout

    @property
    def path(self) -> Path:
        """Path of the file, for messages."""
        return self.file.path

    def read(self, places: Sequence[int], first: int, count: int) -> np.ndarray:
        """Read `count` rows of some columns, by their numbers, from row `first` on: `[count, len(places)]`.

        Raises `InputError` if the file has changed.
        """
        rows, columns, start, size, decode, by_column = self.layout
        if by_column:
            found = [decode(self.file.read(start + (place * rows + first) * size, count * size)) for place in places]
            return np.stack(found, axis=1)
        width = columns * size
        block = decode(self.file.read(start + first * width, count * width)).reshape(count, columns)
        return block if list(places) == list(range(columns)) else block[:, list(places)]
