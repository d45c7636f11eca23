"""NPY and NPZ files as columns of numbers. No object is ever made of what they hold. NumPy only."""

from __future__ import annotations

import errno
import math
import struct
import tempfile
import warnings
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, cast

from lstmzoo.data.columns import Column
from lstmzoo.data.reading import PIECE
from lstmzoo.data.stored import Layout, Opened, Stored
from lstmzoo.errors import InputError, shown

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

MOST = 1 << 30  # bytes of the arrays in an NPZ file, which are unpacked to a temporary file
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, KeyError, OSError)


class Array(NamedTuple):
    """Head of an array `[rows]` or `[rows, columns]`: its shape, the type of its numbers, Fortran's order or C's."""

    shape: tuple[int, ...]
    dtype: np.dtype
    by_column: bool

    @property
    def size(self) -> int:
        """Bytes of its numbers."""
        return math.prod(self.shape) * self.dtype.itemsize

    def layout(self, start: int) -> Layout:
        """Return where its numbers are in a file that has them from byte `start` on.

        They are read as float32 where that holds each of them exactly, and else as float64.
        """
        dtype, wide = self.dtype, self.dtype.kind in "iu" and self.dtype.itemsize > 2
        as_float = np.float64 if wide or self.dtype.itemsize > 4 else np.float32

        def decode(content: bytes) -> np.ndarray:
            return np.frombuffer(content, dtype).astype(as_float)

        return Layout(self.shape[0], math.prod(self.shape[1:]), start, dtype.itemsize, decode, self.by_column)


def npy_columns(file: BinaryIO, path: Path, size: int) -> tuple[Column, ...]:
    """Return the columns of an NPY file of `size` bytes, named "0", "1", ...

    Raises `InputError` for an array of other than one or two dimensions or of no numbers, and for a file that is cut.
    """
    array = _array(file, str(path))
    start = file.tell()
    _check_size(array, size - start, str(path))
    return _numbered(Stored(Opened(file, path), array.layout(start)))


def npz_columns(file: BinaryIO, path: Path) -> tuple[Column, ...]:
    """Return the columns of an NPZ file: those of its one array, or its 1-D arrays of equal length by their names.

    They are unpacked to a temporary file. Raises `InputError` for other arrays, for more than 1 GB of them, and for a
    damaged file.
    """
    try:
        with zipfile.ZipFile(file) as archive, tempfile.TemporaryFile() as unpacked:
            members = archive.infolist()
            _check_members(path, members)
            found = {member.filename[:-4]: _unpacked(archive, member, unpacked, path) for member in members}
            opened = Opened(cast(BinaryIO, unpacked), path)
    except BROKEN as error:
        if isinstance(error, InputError) or getattr(error, "errno", errno.EINVAL) != errno.EINVAL:
            raise  # of ours, or of the disk: a damaged archive leads to places that no file has
        reason = shown(str(error), 100)
        raise InputError(f"{path}: expected an NPZ file, received a damaged one ({reason}): write it again") from error
    numbers = {name: Stored(opened, array.layout(start)) for name, (array, start) in found.items()}
    shapes = {name: array.shape for name, (array, _) in found.items()}
    if [len(shape) for shape in shapes.values()] == [2]:
        return _numbered(*numbers.values())
    _check_equal(path, shapes)
    return tuple(Column(name, stored, 0) for name, stored in numbers.items())


def _numbered(numbers: Stored) -> tuple[Column, ...]:
    return tuple(Column(str(place), numbers, place) for place in range(numbers.layout.columns))


def _array(file: IO[bytes], name: str) -> Array:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that Python 2 wrote
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, by_column, dtype = read(file)
    except Exception as error:  # a head is Python, and what is none of it fails in many ways
        raise InputError(f"{name}: expected an NPY file, received a damaged head: write it again") from error
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise InputError(f"{name}: expected numbers (integers or floats of at most 64 bits), received {_kind(dtype)}")
    if len(shape) not in (1, 2) or min(shape) < 0 or shape[1:] == (0,):
        raise InputError(f"{name}: expected an array [rows] or [rows, columns], received the shape {shown(shape)}")
    return Array(shape, dtype, by_column and len(shape) == 2)


def _kind(dtype: np.dtype) -> str:
    if dtype.names:
        return "records: write an array of numbers for each of their fields into one NPZ file"
    return {"O": "objects", "U": "strings", "S": "strings", "M": "times", "c": "complex numbers"}.get(
        dtype.kind, str(dtype)
    ) + ": save it as floats (array.astype('float32'))"


def _check_size(array: Array, size: int, name: str) -> None:
    if array.size != size:
        raise InputError(
            f"{name}: expected {array.size:,} bytes of numbers for the shape {array.shape}, received {size:,}: "
            "the file was cut or changed, write it again"
        )


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    strange = [member.filename for member in members if not member.filename.endswith(".npy")]
    if strange or not members:
        received = shown(strange[0]) if strange else "none"
        raise InputError(
            f"{path}: expected an NPZ file, with arrays alone, received {received}: "
            "export the table of another program as CSV"
        )
    name, count = Counter(member.filename for member in members).most_common(1)[0]
    if count > 1:
        raise InputError(f"{path}: expected a name for each array, received {shown(name[:-4])} twice: write it again")
    size = sum(member.file_size for member in members)
    if size > MOST:
        raise InputError(f"{path}: expected at most {MOST:,} bytes of arrays, received {size:,}: save it as NPY")


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, unpacked: IO[bytes], path: Path) -> tuple[Array, int]:
    """Write an array's numbers to the end of a file; return its head and the byte that they begin with."""
    start = unpacked.seek(0, 2)
    with archive.open(member) as packed:
        array = _array(packed, f"{path}, array {shown(member.filename[:-4])}")
        while piece := packed.read(PIECE):
            unpacked.write(piece)
    unpacked.flush()
    _check_size(array, unpacked.tell() - start, f"{path}, array {shown(member.filename[:-4])}")
    return array, start


def _check_equal(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
        said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise InputError(
            f"{path}: expected one array, or 1-D arrays of equal length (a column each), received {shown(said, 200)}"
        )
