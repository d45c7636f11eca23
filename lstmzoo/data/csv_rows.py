"""Rows of CSV as numbers, a piece of the file at a time: NumPy's own parser where it can, or else cell by cell.

Both give the same numbers. Cell by cell costs three times as much, and finds what is wrong, with its line.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lstmzoo.data.csv_head import DECIMAL_COMMA, INFINITY, MISSING, NUMBER, Head, is_number
from lstmzoo.errors import InputError, shown

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

PIECE = 1 << 21  # bytes read at a time
LONGEST = 4 * PIECE  # bytes of a row
SHOWN = 60  # characters of a cell that are kept for a message
MOST_PAIRS = 10_000  # of rows and lines
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)  # or a decimal comma


class Rows:
    """A reader of rows; it counts them, and notes the first cell of each column that is no number, and line numbers.

    `cells`: by column, the line (from 1 on) and the cell; the column is NaN from there on. `lines`: pairs of a row
    (from 0 on) and its line, one where the distance of the two changes; none where it changes too often.
    """

    def __init__(self, head: Head, path: Path):
        self.head, self.path, self.line = head, path, head.line
        self.count, self.cells, self.lines = 0, dict[int, tuple[int, str]](), list[tuple[int, int]]()
        self._counts_lines = True
        mark = re.escape(head.delimiter.encode())
        self._missing = re.compile(rb"NA(?<=[%b\n]NA)(?=[%b\n])" % (mark, mark))

    def read(self, piece: bytes) -> np.ndarray:
        """Return whole rows as float64 `[n, columns]`, NaN where a cell is missing.

        The last row of a file may lack its line's end. Raises `InputError` for a row of another length.
        """
        piece += b"\n" * (not piece.endswith(b"\n"))
        found = self._at_once(piece)
        if found is None:
            return self._by_cell(piece)
        self._note(self.count, self.line)
        self.count += len(found)
        self.line += piece.count(b"\n")
        return found

    def cells_of(self, piece: bytes) -> Iterator[tuple[int, list[str]]]:
        """Yield whole rows as texts, each with its first line; raise `InputError` for a row of another length."""
        for line, row in self._rows(piece):
            if len(row) != len(self.head.names):
                raise InputError(f"{self.path}: line {line:,}: {self._of_length(row)}")
            self._note(self.count, line)
            self.count += 1
            yield line, row
        self.line += piece.count(b"\n")

    def _at_once(self, piece: bytes) -> np.ndarray | None:
        """Return what NumPy reads of rows that are numbers and missing cells; None if they are others."""
        columns = [place for place in range(len(self.head.names)) if place not in self.cells]
        content = self._words(piece) if columns else None
        if content is None:
            return None
        text, some = io.BytesIO(content), columns if self.cells else None
        try:
            found = np.loadtxt(text, float, None, self.head.delimiter, usecols=some, ndmin=2, encoding="latin1")
        except ValueError:
            return None
        return None if np.isinf(found).any() else self._spread(found, columns)

    def _words(self, piece: bytes) -> bytes | None:
        """Return rows, after an empty line, in which each cell is a word, nan if it is missing.

        None for rows of other lengths, and for cells that need their quotes.
        """
        content = b"\n" + (piece.replace(b"\r\n", b"\n") if b"\r" in piece else piece)
        content = self._unquoted(content) if b'"' in content else content
        content = self._missing.sub(b"nan", content) if b"A" in content else content
        codes, separators = self._separators(content)
        edges = np.flatnonzero(separators)
        cells = np.diff(np.flatnonzero(codes[edges] == ord("\n")))
        lengths = np.diff(edges) - 1
        is_plain = (cells == len(self.head.names)).all() and (len(self.head.names) > 1 or lengths.all())
        if not is_plain or b'"' in content or b"\r" in content:
            return None
        if b" " in content:
            lengths -= np.diff(np.cumsum(codes == ord(" "))[edges])
        gaps = edges[:-1][lengths == 0] + 1
        return np.insert(codes, np.repeat(gaps, 3), np.frombuffer(b"nan" * len(gaps), np.uint8)).tobytes()

    def _unquoted(self, content: bytes) -> bytes:
        """Return rows without quotes where each pair of them is around a cell that does not need them."""
        codes, separators = self._separators(content)
        quotes = np.flatnonzero(codes == ord('"'))
        first, last = quotes[::2], quotes[1::2]
        if len(first) > len(last):
            return content
        before = np.cumsum(separators)
        is_plain = separators[first - 1] & separators[last + 1] & (before[first] == before[last])
        return content.replace(b'"', b"") if is_plain.all() else content

    def _separators(self, content: bytes) -> tuple[np.ndarray, np.ndarray]:
        codes = np.frombuffer(content, np.uint8)
        return codes, (codes == ord(self.head.delimiter)) | (codes == ord("\n"))

    def _spread(self, found: np.ndarray, columns: Sequence[int]) -> np.ndarray:
        if len(columns) == len(self.head.names):
            return found
        whole = np.full((len(found), len(self.head.names)), np.nan)
        whole[:, columns] = found
        return whole

    def _by_cell(self, piece: bytes) -> np.ndarray:
        rows = self.cells_of(piece)
        found = [[self._value(cell, place, line) for place, cell in enumerate(row)] for line, row in rows]
        return np.array(found, float).reshape(len(found), len(self.head.names))

    def _of_length(self, row: list[str]) -> str:
        """Return what is wrong with a row of another length; one of decimal commas has each cell in two."""
        count = len(self.head.names)
        cure = "correct the line (a cell that contains the delimiter is quoted)"
        if self.head.delimiter == "," and len(row) == 2 * count and all(map(is_number, row)):
            cure = (
                "if its commas are decimal ones too, export the table with decimal points, or semicolons between cells"
            )
        return f"expected {count:,} cells as in the first row, received {len(row):,}: {cure}"

    def _rows(self, piece: bytes) -> Iterator[tuple[int, list[str]]]:
        """Yield each row with its first line; empty lines are none."""
        text, line = io.StringIO(piece.decode(errors="replace"), newline=""), self.line
        rows = csv.reader(text, delimiter=self.head.delimiter)
        try:
            for row in rows:
                if row and (len(self.head.names) == 1 or len(row) > 1 or row[0].strip()):
                    yield line, row
                line = self.line + rows.line_num
        except csv.Error as error:
            raise InputError(f"{self.path}: line {line:,}: expected a row, received {error}: correct it") from error

    def _value(self, cell: str, place: int, line: int) -> float:
        try:
            value = float(cell)
        except ValueError:
            value = math.nan if cell.strip().lower() in MISSING else math.inf
        if math.isinf(value) or "_" in cell or not cell.isascii():  # what Python alone takes for numbers
            self.cells.setdefault(place, (line, cell.strip()[:SHOWN]))
            return math.nan
        return value

    def _note(self, row: int, line: int) -> None:
        """Note the line of a row; forget all where empty lines are so many that their list would be long."""
        distance = self.lines[-1][1] - self.lines[-1][0] if self.lines else None
        if line - row != distance and self._counts_lines:
            self.lines.append((row, line))
        if len(self.lines) > MOST_PAIRS:
            self._counts_lines = False
            self.lines.clear()


def complaint(line: int, cell: str) -> str:
    """Return what is wrong with a cell: "line 7: expected a number, received 'a': ..."."""
    if INFINITY.fullmatch(cell) or NUMBER.fullmatch(cell):
        wanted, cure = "a finite number", "correct the cell, or leave it empty (missing)"
    elif DECIMAL_COMMA.fullmatch(cell):
        wanted, cure = "a decimal point", f"write {cell.replace(',', '.')} (export the table with decimal points)"
        if THOUSANDS.fullmatch(cell):
            cure += f", or {cell.replace(',', '')} if its comma separates thousands"
    elif len(parts := cell.split()[:2]) == 2 and all(map(NUMBER.fullmatch, parts)):
        wanted, cure = "a comma, semicolon, tab or bar between cells", "replace the spaces (tr -s ' ' , < FILE > NEW)"
    else:
        wanted, cure = "a number", "correct the cell, leave it empty (missing), or do not use the column"
    return f"line {line:,}: expected {wanted}, received {shown(cell)}: {cure}"


def whole_rows(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Yield the content of a file in pieces of whole rows: no piece ends within a quoted cell.

    Raises `InputError` for a row of more than 8 MB.
    """
    rest = b""
    while piece := file.read(PIECE):
        content = rest + piece
        end = _last_end(content)
        if len(content) - end > LONGEST:
            raise InputError(
                f"{path}: expected rows of at most {LONGEST:,} bytes, received a longer one, which begins with "
                f"{shown(content[end:][:SHOWN].decode(errors='replace'))}: is a quote not closed?"
            )
        if end:
            yield content[:end]
        rest = content[end:]
    if rest:
        yield rest


def _last_end(content: bytes) -> int:
    """Return where the last whole row ends: after the last line's end before which quotes come in pairs; 0: nowhere."""
    end = content.rfind(b"\n") + 1
    is_open = content.count(b'"', 0, end) % 2
    while is_open:
        before = content.rfind(b"\n", 0, content.rfind(b'"', 0, end)) + 1
        is_open ^= content.count(b'"', before, end) % 2
        end = before
    return end
