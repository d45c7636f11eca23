"""Tables of numbers by column: CSV, NPY, NPZ and WAV files, alone or side by side, read in windows of rows.

Only what is asked for is read, so that a table of any length takes little memory; a CSV file is converted once. A
missing value is NaN. NumPy only.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from lstmzoo.data.columns import Column, Sound, Table
from lstmzoo.data.csv_table import csv_columns
from lstmzoo.data.npy import npy_columns, npz_columns
from lstmzoo.data.reading import PIECE, file_problem
from lstmzoo.data.stored import state_of
from lstmzoo.data.wav import wav_columns
from lstmzoo.errors import EnvironmentFailure, InputError, shown
from lstmzoo.system.files import remedy
from lstmzoo.system.reader import open_file

FileName = str | os.PathLike[str]
Source = FileName | Mapping[str, FileName]
MAGIC = {
    b"\x93NUMPY": "NPY",
    b"PK\x03\x04": "NPZ",
    b"PK\x05\x06": "NPZ",
    b"RIFF": "WAV",
    b"RIFX": "WAV",
    b"RF64": "WAV",
}  # first bytes
MOST_COLUMNS = 1 << 16
ENDINGS = {".npy": "NPY", ".npz": "NPZ", ".wav": "WAV"}


def open_table(source: Source | Sequence[Source]) -> list[Table]:
    """Open files: one table for each, in the order of a list, sorted by name for a glob such as pumps/*.csv.

    A mapping such as `{"dry": "dry.wav", "wet": "wet.wav"}` is one table, its files side by side; a file of several
    columns gives "dry.0", "dry.1" or "dry.NAME". Raises `InputError` for what is no table, and for WAV files of other
    rates.
    """
    sources = source if isinstance(source, Sequence) and not isinstance(source, str) else [source]
    tables = [table for each in sources for table in _opened(each)]
    if not tables:
        raise InputError(f"expected one or more files, received {shown(source)}")
    _check_rates([column for table in tables for column in table.columns[:1]], [table.sound for table in tables])
    return tables


def _opened(source: Source) -> list[Table]:
    if not isinstance(source, Mapping):
        return [_open_file(path) for path in _files(source)]
    tables = {}
    for name, file in source.items():
        paths = _files(file)
        if len(paths) > 1:
            raise InputError(f"{shown(name)}: expected one file beside the others, received {len(paths):,} ({file})")
        tables[str(name)] = _open_file(paths[0])
    return [_join(tables)] if tables else []


def _files(name: FileName) -> list[Path]:
    if not isinstance(name, (str, os.PathLike)):
        raise InputError(f"expected the path of a table (CSV, NPY, NPZ or WAV), received {shown(name)}")
    path = os.path.expanduser(os.fspath(name))  # noqa: PTH111  (Path's own raises)
    if not glob.has_magic(path) or os.path.lexists(path):
        return [Path(path)]
    found = sorted(file for file in glob.glob(path, recursive=True) if not Path(file).is_dir())  # noqa: PTH207
    if not found:
        raise InputError(
            f"expected files that match {shown(path, 200)}, received none: check the folder and the pattern"
        )
    return [Path(file) for file in found]


def _open_file(path: Path) -> Table:
    if problem := file_problem(path, "*.csv"):
        raise InputError(f"expected a table (CSV, NPY, NPZ or WAV), received {shown(str(path), 200)}, which {problem}")
    try:
        with open_file(path) as file:
            table = _read_head(file, path)
    except OSError as error:
        raise EnvironmentFailure(f"{path} cannot be read ({error.strerror or error}): {remedy(error)}") from error
    if not table.rows:
        raise InputError(f"{path}: expected rows of numbers, received none (a head only)")
    return _with_names(table, path)


def _with_names(table: Table, what: Path | str) -> Table:
    """Return a table; raise `InputError` for a name that two of its columns have, and for too many columns."""
    if len(table.columns) > MOST_COLUMNS:
        raise InputError(
            f"{what}: expected at most {MOST_COLUMNS:,} columns, received {len(table.columns):,} (and {table.rows:,} "
            "rows): do rows stand as columns? (array.T turns them)"
        )
    twice = [name for name, count in Counter(table.names).items() if count > 1]
    if twice:
        raise InputError(f"{what}: expected a name for each column, received {shown(twice[0])} twice: rename one")
    return table


def _read_head(file: BinaryIO, path: Path) -> Table:
    state, start = state_of(file.fileno()), file.read(8)
    size = state[0]
    if not size:
        raise InputError(f"{path}: expected a table (CSV, NPY, NPZ or WAV), received an empty file")
    kind = next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), "CSV")
    named = ENDINGS.get(path.suffix.lower(), kind)
    if named != kind:
        raise InputError(f"{path}: expected {named}, as its name says, received another format: write it again")
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    file.seek(0)
    table = _table(kind, file, path, size, digest.hexdigest())
    if state_of(file.fileno()) != state:
        raise InputError(f"{path}: the table changed while it was read: start again")
    return table


def _table(kind: str, file: BinaryIO, path: Path, size: int, digest: str) -> Table:
    sound = None
    if kind == "WAV":
        columns, sound = wav_columns(file, path, size)
    elif kind == "CSV":
        columns = csv_columns(file, path, digest)
    else:
        columns = npy_columns(file, path, size) if kind == "NPY" else npz_columns(file, path)
    return Table(columns, columns[0].numbers.layout.rows, digest, sound)


def _join(tables: Mapping[str, Table]) -> Table:
    """Return one table of all columns, each with the name of its file before its own, if that has several."""
    (_, first), *others = tables.items()
    for _, table in others:
        if table.rows != first.rows:
            raise InputError(
                f"{table.columns[0].numbers.path}: expected {first.rows:,} rows as {first.columns[0].numbers.path} "
                f"has beside it, received {table.rows:,}: cut or fill one of them"
            )
    _check_rates([table.columns[0] for table in tables.values()], [table.sound for table in tables.values()])
    columns = tuple(
        column._replace(name=f"{name}.{column.name}" if len(table.columns) > 1 else name)
        for name, table in tables.items()
        for column in table.columns
    )
    digest = hashlib.sha256("".join(f"{table.digest}  {name}\n" for name, table in tables.items()).encode())
    sound = next((table.sound for table in tables.values() if table.sound), None)
    return _with_names(Table(columns, first.rows, digest.hexdigest(), sound), ", ".join(tables))


def _check_rates(columns: Sequence[Column], sounds: Sequence[Sound | None]) -> None:
    """Raise `InputError` where WAV files have not all the same rate."""
    found = [(column.numbers.path, sound.rate) for column, sound in zip(columns, sounds, strict=True) if sound]
    for path, rate in found:
        if rate != found[0][1]:
            raise InputError(
                f"{path}: expected {found[0][1]:,} Hz as {found[0][0]} has, received {rate:,} Hz: resample it "
                f"(ffmpeg -i IN -ar {found[0][1]} OUT.wav)"
            )
