"""A text as ids: read once in pieces, encoded to a memory-mapped array, and kept under the digest of its bytes.

Nothing here holds more than a piece of the text in memory, however large it is. NumPy only.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import mmap
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lstmzoo.corpora import cache_root
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.vocabulary import CODES, Vocabulary, codes_of

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.lazy import np

PIECE = 1 << 23  # bytes read at a time
FORMAT = 1  # of what is kept; part of its name
DAY = 86_400  # seconds


class Text(NamedTuple):
    """Ids `[N]` of a text, what they stand for, and the SHA-256 of the bytes they come from."""

    ids: np.ndarray
    vocabulary: Vocabulary
    digest: str
    mapping: mmap.mmap

    def facts(self) -> dict[str, Any]:
        """What environment.json says of it."""
        return {"text_sha256": self.digest, "text_symbols": len(self.ids), "vocab_size": len(self.vocabulary)}

    def release(self) -> None:
        """Let go of the pages that were read: they are on disk, and a long run would collect them all."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.mapping.madvise(mmap.MADV_DONTNEED)


class Reading(NamedTuple):
    """How bytes become symbols: `unit` char or byte, `errors` strict or replace (bad UTF-8)."""

    unit: str = "char"
    lowercase: bool = False
    errors: str = "strict"


def read_text(files: Sequence[Path], reading: Reading) -> Text:
    """The files one after another as one text; encoded at the first time, memory-mapped from the cache ever after.

    Raises `InputError` for an empty text, bad UTF-8 (with its offset), NUL characters, and a file that changes while it
    is read; `EnvironmentFailure` for a full disk.
    """
    digest = _digest(files)
    settings = json.dumps([FORMAT, digest, *reading])
    texts = cache_root() / "texts"
    place = texts / hashlib.sha256(settings.encode()).hexdigest()[:32]
    if kept := _kept(place, digest):
        return kept
    beside = _new_folder(texts)
    try:
        text = _encode_files(files, reading, digest, beside)
        _keep(beside, place, digest)
        return text  # it is mapped, and stays so wherever its files go
    except OSError as error:
        raise EnvironmentFailure(
            f"the text could not be encoded in {beside.parent} ({error.strerror or error}): "
            "make room, or set LSTMZOO_CACHE to another directory"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _new_folder(texts: Path) -> Path:
    """A folder to encode in: of the cache, or for this process only where the cache cannot be written."""
    try:
        texts.mkdir(parents=True, exist_ok=True)
        for left in texts.glob(".new-*"):  # of processes that were killed
            if time.time() - left.stat().st_mtime > DAY:
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=texts))
        folder.chmod(0o755)  # others may share the cache
        return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="lstmzoo-"))


def _keep(beside: Path, place: Path, digest: str) -> None:
    """Put what was encoded in its place, unless another process was faster."""
    with suppress(OSError):
        if beside.parent == place.parent:
            if place.exists() and _kept(place, digest) is None:
                shutil.rmtree(place)  # damaged
            beside.rename(place)


def encode_file(path: Path, reading: Reading, vocabulary: Vocabulary) -> np.ndarray:
    """Ids of a file by a known vocabulary, memory-mapped; `InputError` names what it does not know."""
    check_file(path)
    with tempfile.TemporaryFile() as file:
        first = 0
        for codes in _pieces([path], reading):
            file.write(vocabulary.encode(codes, path.name, first).tobytes())
            first += len(codes)
        if not first:
            raise InputError(f"{path}: expected a text, received an empty file")
        file.flush()
        return np.memmap(file, vocabulary.dtype, "r")


def check_file(path: Path) -> None:
    """Raise `InputError` for what is no readable file."""
    if problem := file_problem(path):
        raise InputError(f"expected a text file, received {str(path)!r}, which {problem}")


def file_problem(path: Path) -> str | None:
    """Why a path is no text file that can be read; None for one that is."""
    if "\0" in str(path):
        return "holds a NUL, as no path does"
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "is not there"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if stat.S_ISDIR(mode):
        return f"is a directory: name its files, such as {path}/*.txt"
    if not stat.S_ISREG(mode) or not os.access(path, os.R_OK):
        return "cannot be read as a file"
    return None


def _encode_files(files: Sequence[Path], reading: Reading, digest: str, place: Path) -> Text:
    """Two passes: which symbols there are, then their ids; the second one must see the very bytes of the digest."""
    seen = np.zeros(CODES[reading.unit], bool)
    length = 0
    for codes in _pieces(files, reading):
        seen[codes] = True
        length += len(codes)
    if not length:
        raise InputError(f"expected a text, received nothing: {', '.join(map(str, files))} is empty")
    vocabulary = Vocabulary(np.flatnonzero(seen), reading.unit, reading.lowercase)
    read = hashlib.sha256()
    with (place / "ids.npy").open("wb") as file:
        header = {"descr": vocabulary.dtype.str, "fortran_order": False, "shape": (length,)}
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        for codes in _pieces(files, reading, read.update):
            if not seen[codes].all():
                break
            file.write(vocabulary.encode(codes, "text").tobytes())
        written = (file.tell() - start) // vocabulary.dtype.itemsize
        file.flush()
        os.fsync(file.fileno())
    if read.hexdigest() != digest or written != length:
        raise InputError(f"the text changed while it was read ({', '.join(map(str, files))}): start again")
    vocabulary.save(place / "vocab.json")
    return _mapped(place, digest)


def _mapped(place: Path, digest: str) -> Text:
    """What a folder holds; `ValueError` for an array that is not whole."""
    with (place / "ids.npy").open("rb") as file:
        np.lib.format.read_magic(file)
        (length,), _, dtype = np.lib.format.read_array_header_1_0(file)
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        ids = np.frombuffer(mapping, dtype, length, file.tell())
    return Text(ids, Vocabulary.load(place / "vocab.json"), digest, mapping)


def _kept(place: Path, digest: str) -> Text | None:
    """What the cache holds, if it can be read."""
    try:
        return _mapped(place, digest)
    except Exception:  # NumPy's reader of headers has many
        return None


def _digest(files: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for path in files:
        check_file(path)
        for piece in _bytes(path):
            found.update(piece)
    return found.hexdigest()


def _bytes(path: Path, listen: Callable[[bytes], None] = lambda piece: None) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            listen(piece)
            yield piece


def _pieces(
    files: Sequence[Path], reading: Reading, listen: Callable[[bytes], None] = lambda piece: None
) -> Iterator[np.ndarray]:
    """Code points or bytes of the files, a piece at a time; `listen` is told of each piece of bytes."""
    for path in files:
        if reading.unit == "byte":
            yield from (codes_of(piece, "byte") for piece in _bytes(path, listen))
        else:
            yield from _characters(path, reading.errors, listen)


def _characters(path: Path, errors: str, listen: Callable[[bytes], None]) -> Iterator[np.ndarray]:
    offset, rest = 0, b""
    for piece in _bytes(path, listen):
        codes, rest, offset = _decoded(path, rest + piece, errors, False, offset)
        yield codes
    if rest:
        yield _decoded(path, rest, errors, True, offset)[0]


def _decoded(path: Path, data: bytes, errors: str, final: bool, offset: int) -> tuple[np.ndarray, bytes, int]:
    """Code points of UTF-8, the bytes of a character that is not all there yet, and the offset of these."""
    if b"\0" in data:
        place = offset + data.index(b"\0")
        raise InputError(
            f"{path}: expected text, received a NUL byte at offset {place:,}: is it a text file? "
            "(a run with task.unit: byte takes any bytes)"
        )
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
