"""Texts as ids: read once in pieces, encoded to a memory-mapped array, and kept under the digest of the bytes.

A folder of the cache holds `ids.npy`, `vocab.json` and, written last, the SHA-256 of both. No function holds more than
a piece of the text in memory, however large it is. NumPy only.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from lstmzoo.data.cache import SUMS, cached, sums
from lstmzoo.data.vocabulary import CODES, Vocabulary
from lstmzoo.errors import InputError
from lstmzoo.system.unicode import MARK

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

from lstmzoo.data.reading import PIECE, Reading, check_file, digest_of, pieces_of
from lstmzoo.system.files import write_atomically
from lstmzoo.system.reader import open_file, read_file

FORMAT = 2  # of the files in the cache; part of their names
IDS, VOCABULARY = "ids.npy", "vocab.json"


class Text(NamedTuple):
    """Ids `[N]` of a text, their vocabulary, the SHA-256 of the text's bytes, and the memory map of the ids."""

    ids: np.ndarray
    vocabulary: Vocabulary
    digest: str
    mapping: mmap.mmap

    def facts(self) -> dict[str, Any]:
        """Return what environment.json records: digest, number of symbols, size of the vocabulary."""
        return {"text_sha256": self.digest, "text_symbols": len(self.ids), "vocab_size": len(self.vocabulary)}

    def release(self) -> None:
        """Free the memory of pages that were read: they are on disk, and a long run would collect them all."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.mapping.madvise(mmap.MADV_DONTNEED)


def read_text(files: Sequence[Path], reading: Reading) -> Text:
    """Read files, one after another, as one text: encode it the first time, later map the ids from the cache.

    Raises `InputError` for an empty text, bad UTF-8 (with its offset), NUL characters, and a file that changes while it
    is read; `EnvironmentFailure` for a full disk.
    """
    digest = digest_of(files)
    return cached(
        "texts",
        [FORMAT, digest, *reading],
        lambda place: _load(place, digest),
        lambda place: _encode_files(files, reading, digest, place),
        "the text could not be encoded",
    )


def count_symbols(files: Sequence[Path], reading: Reading, text: Text) -> list[int]:
    """Count the symbols of each file of a text that was read so; raise `InputError` for files that have changed."""
    reading = reading._replace(mark=MARK in text.vocabulary.codes)
    counts = [sum(map(len, pieces_of([path], reading))) for path in files]
    if sum(counts) != len(text.ids):
        raise _changed(files)
    return counts


def encode_file(path: Path, reading: Reading, vocabulary: Vocabulary) -> np.ndarray:
    """Return the ids `[N]` of a file in a known vocabulary, memory-mapped.

    Raises `InputError` for an unreadable or empty file, and for symbols that the vocabulary does not have, naming them.
    """
    check_file(path)
    with tempfile.TemporaryFile() as file:
        first = 0
        for codes in pieces_of([path], reading._replace(mark=MARK in vocabulary.codes)):
            file.write(vocabulary.encode(codes, path.name, first).tobytes())
            first += len(codes)
        if not first:
            raise InputError(f"{path}: expected a text, received an empty file")
        file.flush()
        return np.memmap(file, vocabulary.dtype, "r")


def _encode_files(files: Sequence[Path], reading: Reading, digest: str, place: Path) -> Text:
    """Encode a text in two passes: the first finds the symbols, the second writes their ids.

    The second pass must read the bytes that the digest was made of; else the text has changed (`InputError`).
    """
    seen = np.zeros(CODES[reading.unit], bool)
    length = 0
    for codes in pieces_of(files, reading):
        seen[codes] = True
        length += len(codes)
    if not length:
        raise InputError(f"expected a text, received nothing: {', '.join(map(str, files))} is empty")
    if reading.unit == "char" and seen[MARK] and not reading.mark:  # a symbol anyway, so at the beginning too
        return _encode_files(files, reading._replace(mark=True), digest, place)
    vocabulary = Vocabulary(np.flatnonzero(seen), reading.unit, reading.lowercase, reading.normalize)
    read, written, head = hashlib.sha256(), 0, _header(vocabulary, length)
    kept = hashlib.sha256(head)
    with (place / IDS).open("wb") as file:
        file.write(head)
        for codes in pieces_of(files, reading, read.update):
            if not seen[codes].all():
                break
            content = vocabulary.encode(codes, "text").tobytes()
            file.write(content)
            kept.update(content)
            written += len(codes)
        file.flush()
        os.fsync(file.fileno())
    if read.hexdigest() != digest or written != length:
        raise _changed(files)
    vocabulary.save(place / VOCABULARY)
    write_atomically(place / SUMS, _sums(kept.hexdigest(), vocabulary))
    with open_file(place / IDS) as file:
        return _mapped(file, vocabulary, length, len(head), digest)


def _changed(files: Sequence[Path]) -> InputError:
    return InputError(f"the text changed while it was read ({', '.join(map(str, files))}): start again")


def _header(vocabulary: Vocabulary, length: int) -> bytes:
    """Return what stands before so many ids in a file of NumPy's."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": vocabulary.dtype.str, "fortran_order": False, "shape": (length,)}
    )
    return head.getvalue()


def _sums(ids_digest: str, vocabulary: Vocabulary) -> bytes:
    return sums([(ids_digest, IDS), (hashlib.sha256(vocabulary.content()).hexdigest(), VOCABULARY)])


def _mapped(file: BinaryIO, vocabulary: Vocabulary, length: int, start: int, digest: str) -> Text:
    """Map the ids of a file, which begin at byte `start`."""
    mapping = mmap.mmap(file.fileno(), start + length * vocabulary.dtype.itemsize, access=mmap.ACCESS_READ)
    return Text(np.frombuffer(mapping, vocabulary.dtype, length, start), vocabulary, digest, mapping)


def _load(place: Path, digest: str) -> Text:
    """Return the text that a folder of the cache holds; `OSError` or `ValueError` if it is not what was written."""
    vocabulary = Vocabulary.load(place / VOCABULARY)
    with open_file(place / IDS) as file:
        length, start = _check_ids(file, vocabulary, read_file(place / SUMS))
        return _mapped(file, vocabulary, length, start, digest)


def _check_ids(file: BinaryIO, vocabulary: Vocabulary, written: bytes) -> tuple[int, int]:
    """Return the number of ids in a file and where they begin; `ValueError` for other ids than were written."""
    most, length, head = 0, 0, file.read(len(_header(vocabulary, 0)))  # NumPy fills it up to a multiple of 64
    found = hashlib.sha256(head)
    while piece := file.read(PIECE):
        found.update(piece)
        ids = np.frombuffer(piece, vocabulary.dtype)
        most, length = max(most, int(ids.max())), length + len(ids)
    whole = head == _header(vocabulary, length) and most < len(vocabulary)
    if not whole or _sums(found.hexdigest(), vocabulary) != written:
        raise ValueError("other ids")
    return length, len(head)
