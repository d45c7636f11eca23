"""CSV files as columns of numbers: converted once, in pieces, and kept in the cache under the digest of the bytes.

A folder of the cache holds `numbers.f64` (float64, row by row), `table.json` and, written last, the SHA-256 of both. No
function holds more than a piece of the table in memory, however long it is. NumPy only.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lstmzoo.data.cache import SUMS, cached, sums
from lstmzoo.data.columns import Column
from lstmzoo.data.csv_head import HEAD, read_head
from lstmzoo.data.csv_rows import Rows, complaint, whole_rows
from lstmzoo.data.csv_texts import Texts
from lstmzoo.data.reading import PIECE
from lstmzoo.data.stored import Layout, Opened, Stored
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.system.files import remedy, write_atomically
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
    return _cached(file, path, digest)


def _texts(path: Path, digest: str, column: int) -> Column:
    """Return a column of texts, by its number, as numbers that change where the text does; it is kept on its own."""
    try:
        with open_file(path) as file:
            return _cached(file, path, digest, column)[0]._replace(texts=None)
    except OSError as error:
        raise EnvironmentFailure(f"{path} cannot be read ({error.strerror or error}): {remedy(error)}") from error


def _cached(file: BinaryIO, path: Path, digest: str, *texts: int) -> tuple[Column, ...]:
    return cached(
        "tables",
        [FORMAT, digest, *texts],
        lambda place: _load(place, path, digest),
        lambda place: _convert(file, path, digest, place, *texts),
        "the table could not be converted",
    )


def _convert(file: BinaryIO, path: Path, digest: str, place: Path, texts: int | None = None) -> tuple[Column, ...]:
    """Convert a file whose bytes have this digest; if they have another one, it has changed (`InputError`).

    `texts`: the number of the only column to convert, one of texts.
    """
    file.seek(0)
    head = read_head(file.read(HEAD), path)
    file.seek(0)
    read, kept, rows = hashlib.sha256(file.read(head.start)), hashlib.sha256(), Rows(head, path)
    numbers_of = rows.read if texts is None else Texts(rows, texts).read
    with (place / NUMBERS).open("wb") as out:
        for piece in whole_rows(file, path):
            read.update(piece)
            content = numbers_of(piece).astype("<f8").tobytes()
            kept.update(content)
            out.write(content)
        out.flush()
        os.fsync(out.fileno())
    if read.hexdigest() != digest:
        raise InputError(f"{path}: the table changed while it was read: start again")
    names = head.names if texts is None else [head.names[texts]]
    table = {"names": names, "rows": rows.count, "cells": rows.cells, "lines": rows.lines}
    content = json.dumps(table, allow_nan=False).encode()
    write_atomically(place / TABLE, content)
    write_atomically(place / SUMS, _sums(kept.hexdigest(), content))
    with open_file(place / NUMBERS) as numbers:
        return _columns(json.loads(content), numbers, path, digest)


def _load(place: Path, path: Path, digest: str) -> tuple[Column, ...]:
    """Return the columns that a folder of the cache holds; `OSError` or `ValueError` if it is not what was written."""
    content, kept = read_file(place / TABLE), hashlib.sha256()
    with open_file(place / NUMBERS) as file:
        while piece := file.read(PIECE):
            kept.update(piece)
        if _sums(kept.hexdigest(), content) != read_file(place / SUMS):
            raise ValueError("another table")
        return _columns(json.loads(content), file, path, digest)


def _columns(table: dict[str, Any], file: BinaryIO, path: Path, digest: str) -> tuple[Column, ...]:
    numbers = Stored(Opened(file, path), Layout(table["rows"], len(table["names"]), 0, 8, _decode))
    lines = tuple((row, line) for row, line in table["lines"])
    problems = {int(place): complaint(*cell) for place, cell in table["cells"].items()}
    return tuple(
        Column(name, numbers, place, problems.get(place, ""), lines, partial(_texts, path, digest, place))
        for place, name in enumerate(table["names"])
    )


def _decode(content: bytes) -> np.ndarray:
    return np.frombuffer(content, "<f8").astype(float)


def _sums(numbers: str, table: bytes) -> bytes:
    return sums([(numbers, NUMBERS), (hashlib.sha256(table).hexdigest(), TABLE)])
