"""CSV files as columns of numbers: converted once, in pieces, and kept in the cache under the digest of the bytes.

A folder of the cache holds `numbers.f64` (float64, row by row), `table.json` and, written last, the SHA-256 of both. No
function holds more than a piece of the table in memory, however long it is. NumPy only.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lstmzoo.data.cache import SUMS, cached, sums
from lstmzoo.data.columns import Column
from lstmzoo.data.csv_head import HEAD, read_head
from lstmzoo.data.csv_rows import Rows, complaint, whole_rows
from lstmzoo.data.reading import PIECE
from lstmzoo.data.stored import Layout, Opened, Stored
from lstmzoo.errors import InputError
from lstmzoo.system.files import write_atomically
from lstmzoo.system.reader import open_file, read_file

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

FORMAT = 2  # of the files in the cache; part of their names
NUMBERS, TABLE = "numbers.f64", "table.json"


def csv_columns(file: BinaryIO, path: Path, digest: str) -> tuple[Column, ...]:
    """Return the columns of a CSV file by their names, or by "0", "1", ... if it has none.

    A column with a cell that is no number is one that cannot be read; its problem names the cell. Raises `InputError`
    for a file of no rows, for a row of another length, and for other encodings than UTF-8; `EnvironmentFailure` for a
    full disk.
    """
    return cached(
        "tables",
        [FORMAT, digest],
        lambda place: _load(place, path),
        lambda place: _convert(file, path, digest, place),
        "the table could not be converted",
    )


def _convert(file: BinaryIO, path: Path, digest: str, place: Path) -> tuple[Column, ...]:
    """Convert a file whose bytes have this digest; if they have another one, it has changed (`InputError`)."""
    file.seek(0)
    head = read_head(file.read(HEAD), path)
    file.seek(0)
    read, kept, rows = hashlib.sha256(file.read(head.start)), hashlib.sha256(), Rows(head, path)
    with (place / NUMBERS).open("wb") as out:
        for piece in whole_rows(file, path):
            read.update(piece)
            content = rows.read(piece).astype("<f8").tobytes()
            kept.update(content)
            out.write(content)
        out.flush()
        os.fsync(out.fileno())
    if read.hexdigest() != digest:
        raise InputError(f"{path}: the table changed while it was read: start again")
    table = {"names": head.names, "rows": rows.count, "cells": rows.cells, "lines": rows.lines}
    content = json.dumps(table, allow_nan=False).encode()
    write_atomically(place / TABLE, content)
    write_atomically(place / SUMS, _sums(kept.hexdigest(), content))
    with open_file(place / NUMBERS) as numbers:
        return _columns(json.loads(content), numbers, path)


def _load(place: Path, path: Path) -> tuple[Column, ...]:
    """Return the columns that a folder of the cache holds; `OSError` or `ValueError` if it is not what was written."""
    content, kept = read_file(place / TABLE), hashlib.sha256()
    with open_file(place / NUMBERS) as file:
        while piece := file.read(PIECE):
            kept.update(piece)
        if _sums(kept.hexdigest(), content) != read_file(place / SUMS):
            raise ValueError("another table")
        return _columns(json.loads(content), file, path)


def _columns(table: dict[str, Any], file: BinaryIO, path: Path) -> tuple[Column, ...]:
    numbers = Stored(Opened(file, path), Layout(table["rows"], len(table["names"]), 0, 8, _decode))
    lines = tuple((row, line) for row, line in table["lines"])
    problems = {int(place): complaint(*cell) for place, cell in table["cells"].items()}
    return tuple(
        Column(name, numbers, place, problems.get(place, ""), lines) for place, name in enumerate(table["names"])
    )


def _decode(content: bytes) -> np.ndarray:
    return np.frombuffer(content, "<f8").astype(float)


def _sums(numbers: str, table: bytes) -> bytes:
    return sums([(numbers, NUMBERS), (hashlib.sha256(table).hexdigest(), TABLE)])
