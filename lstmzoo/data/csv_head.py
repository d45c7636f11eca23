"""Head of a CSV file: its encoding, its delimiter, the names of its columns, and where its rows begin."""

import csv
import io
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from lstmzoo.errors import InputError
from lstmzoo.system.unicode import UTF8_MARK, cure, other_encoding, probable_encoding

HEAD = 1 << 20  # bytes at the beginning of a file that are looked at
LOOK = 20  # rows that tell the delimiter
DELIMITERS = "\t;|,"  # a comma last: it may be a decimal one
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
INFINITY = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
MISSING = ("", "na", "nan", "+nan", "-nan")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)


class Head(NamedTuple):
    """Head of a CSV file: delimiter, names of columns, and the byte and line (from 1 on) where its rows begin."""

    delimiter: str
    names: tuple[str, ...]
    start: int
    line: int


def read_head(start: bytes, path: Path) -> Head:
    """Return the head of a file that begins with `start` (its first megabyte).

    Lines that begin with # before the first row are comments. Whether the first row has the names `_has_names` tells.
    Raises `InputError` for other encodings than UTF-8, for a file without a row, and for one that is no CSV.
    """
    _check_encoding(start, path)
    first, line = _first_row(start)
    if len(start) >= HEAD and b"\n" not in start[first:]:
        raise InputError(
            f"{path}: line {line:,}: expected a first row of at most {HEAD - first:,} bytes, received a longer one: "
            "is it a table? (save one of so many columns as NPY)"
        )
    text = start[first:].decode(errors="replace")
    try:
        delimiter = _delimiter(text)
        row, lines = _row(text, delimiter)
    except csv.Error as error:
        raise InputError(f"{path}: line {line:,}: expected a row, received {error}: is a quote not closed?") from error
    if not row:
        raise InputError(f"{path}: expected a table (CSV, NPY, NPZ or WAV), received no row")
    if not _has_names(row):
        return Head(delimiter, tuple(map(str, range(len(row)))), first, line)
    end = first
    for _ in range(lines):
        end = start.find(b"\n", end) + 1 or len(start)
    _check_names(start[first:end], path)
    return Head(delimiter, _names(row), end, line + lines)


def _has_names(row: list[str]) -> bool:
    """Tell whether a first row has names: where a cell is no number, and where they are those that pandas gives.

    These are 0, 1, ..., n - 1, of two columns or more, or after an empty cell, which stands for its index. One column
    that begins with 0 is one of numbers.
    """
    return not all(map(is_number, row)) or (len(row) > 1 and _is_counted(row))


def _is_counted(row: list[str]) -> bool:
    cells = [cell.strip() for cell in row]
    counted = cells if cells[0] else cells[1:]
    return counted == [str(place) for place in range(len(counted))]


def _names(row: list[str]) -> tuple[str, ...]:
    """Return names; one that is empty is its column's number, or "index" where that is the name of another."""
    names = [cell.strip() for cell in row]
    return tuple(name or ("index" if str(place) in names else str(place)) for place, name in enumerate(names))


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number or missing: infinity and 1,5 are meant as numbers too."""
    cell = cell.strip()
    known = cell.lower() in MISSING or NUMBER.fullmatch(cell) or INFINITY.fullmatch(cell)
    return bool(known or DECIMAL_COMMA.fullmatch(cell))


def _check_encoding(start: bytes, path: Path) -> None:
    if name := other_encoding(start) or (probable_encoding(start) if b"\0" in start else None):
        raise InputError(f"{path}: expected UTF-8, received {name}: {cure(name)}")
    if b"\0" in start:
        raise InputError(f"{path}: expected a table (CSV, NPY, NPZ or WAV), received a file of another format")
    if b"\r" in start and b"\n" not in start:
        raise InputError(
            f"{path}: expected lines that end with LF, received CR: convert it (tr '\\r' '\\n' < FILE > NEW)"
        )


def _first_row(start: bytes) -> tuple[int, int]:
    """Return the byte and the line of the first row: after the mark of UTF-8, comments and empty lines."""
    first, line = len(UTF8_MARK) * start.startswith(UTF8_MARK), 1
    while first < len(start):
        end = (start.find(b"\n", first) + 1) or len(start)
        row = start[first:end].strip()
        if row and not row.startswith(b"#"):
            break
        first, line = end, line + 1
    return first, line


def _check_names(content: bytes, path: Path) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected names of columns in UTF-8, received the byte {content[error.start]:#04x}: "
            f"{cure('LATIN1')}"
        ) from error
    if len(content) > HEAD // 2:
        raise InputError(
            f"{path}: expected names of at most {HEAD // 2:,} bytes in the first row, received {len(content):,}: is a "
            "quote not closed?"
        )


def _row(text: str, delimiter: str) -> tuple[list[str], int]:
    """Return the first row of a text and on how many lines it stands."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return next(rows, []), rows.line_num


def _delimiter(text: str) -> str:
    """Return the delimiter that cuts the first rows to equally many cells, or else the first row to the most cells.

    Of several it is the one that finds the most rows: with a wrong one a quote may begin in a cell and end nowhere.
    """
    found = {delimiter: _lengths(text, delimiter) for delimiter in DELIMITERS}
    alike = [delimiter for delimiter, lengths in found.items() if len(set(lengths)) == 1 and lengths[0] > 1]
    if alike:
        return max(alike, key=lambda delimiter: len(found[delimiter]))
    return max(reversed(DELIMITERS), key=lambda delimiter: found[delimiter][:1])


def _lengths(text: str, delimiter: str) -> list[int]:
    """Return the numbers of cells in the first rows; none where a cell is too long to be one."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    with suppress(csv.Error):
        return [len(row) for row, _ in zip(rows, range(LOOK), strict=False) if row]
    return []
