"""Text files, read as code points or bytes, a piece at a time. NumPy only."""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.data.normal_forms import composed
from lstmzoo.data.vocabulary import codes_of
from lstmzoo.errors import InputError
from lstmzoo.system.reader import open_file
from lstmzoo.system.unicode import MARK, cure, other_encoding, probable_encoding

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


PIECE = 1 << 23  # bytes read at a time


class Reading(NamedTuple):
    """Settings for reading bytes as symbols: `unit` char or byte; `errors` strict or replace, for bad UTF-8.

    `normalize`: NFC, or None to take characters as they are written; `mark`: U+FEFF before a text is a symbol of it.
    """

    unit: str = "char"
    lowercase: bool = False
    errors: str = "strict"
    normalize: str | None = None
    mark: bool = False


def check_file(path: Path) -> None:
    """Raise `InputError` for a path that is no readable file."""
    if problem := file_problem(path):
        raise InputError(f"expected a text file, received {str(path)!r}, which {problem}")


def file_problem(path: Path, like: str = "*.txt") -> str | None:
    """Return the reason why a path cannot be read as a file, such as "is not there"; None if it can.

    `like`: the files that a directory may hold, for the advice to name them.
    """
    if "\0" in str(path):
        return "contains a NUL character, which no path can"
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "is not there"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if stat.S_ISDIR(mode):
        return f"is a directory: name its files, such as {path}/{like}"
    if not stat.S_ISREG(mode) or not os.access(path, os.R_OK):
        return "cannot be read as a file"
    return None


def digest_of(files: Sequence[Path]) -> str:
    """Return the SHA-256 of the bytes of all files, one after another; raise `InputError` for an unreadable file."""
    found = hashlib.sha256()
    for path in files:
        check_file(path)
        for piece in _bytes(path):
            found.update(piece)
    return found.hexdigest()


def _bytes(path: Path, on_piece: Callable[[bytes], None] = lambda piece: None) -> Iterator[bytes]:
    with open_file(path) as file:
        while piece := file.read(PIECE):
            on_piece(piece)
            yield piece


def pieces_of(
    files: Sequence[Path], reading: Reading, on_piece: Callable[[bytes], None] = lambda piece: None
) -> Iterator[np.ndarray]:
    """Yield the code points or bytes of the files, a piece at a time; call `on_piece` with each piece of bytes.

    Raises `InputError` for NUL characters and bad UTF-8, with the offset in bytes.
    """
    for path in files:
        if reading.unit == "byte":
            yield from (codes_of(piece, "byte") for piece in _bytes(path, on_piece))
        else:
            codes = _characters(path, reading, on_piece)
            yield from composed(codes) if reading.normalize else codes


def _characters(path: Path, reading: Reading, on_piece: Callable[[bytes], None]) -> Iterator[np.ndarray]:
    offset, rest, errors, is_first = 0, b"", reading.errors, True
    for piece in _bytes(path, on_piece):
        codes, rest, offset = _decoded(path, rest + piece, errors, False, offset)
        if is_first and len(codes):
            codes, is_first = codes[int(codes[0] == MARK and not reading.mark) :], False
        yield codes
    if rest:
        yield _decoded(path, rest, errors, True, offset)[0]


def _decoded(path: Path, data: bytes, errors: str, final: bool, offset: int) -> tuple[np.ndarray, bytes, int]:
    """Decode UTF-8: return the code points, the bytes of an incomplete last character, and their offset."""
    if offset == 0 and (name := other_encoding(data)):
        raise InputError(f"{path}: expected UTF-8, received {name}: {cure(name)}")
    if b"\0" in data:
        place, likely = offset + data.index(b"\0"), None if offset else probable_encoding(data)
        advice = "is it a text file? (a run with task.unit: byte takes any bytes)"
        advice = f"it is probably {likely}: {cure(likely)}" if likely else advice
        raise InputError(f"{path}: expected text, received a NUL byte at offset {place:,}: {advice}")
    if data.isascii():
        return codes_of(data, "byte"), b"", offset + len(data)
    try:
        text, used = codecs.utf_8_decode(data, errors, final)
    except UnicodeDecodeError as error:
        place = offset + error.start
        raise InputError(
            f"{path}: expected UTF-8, received the byte 0x{data[error.start]:02x} at offset {place:,} "
            f"({error.reason}): save it as UTF-8 (or train with task.errors: replace, or task.unit: byte)"
        ) from error
    return codes_of(text, "char"), data[used:], offset + used
