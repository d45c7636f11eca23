"""Texts as ids: read once in pieces, encoded to a memory-mapped array, and kept under the digest of the bytes.

No function holds more than a piece of the text in memory, however large it is. NumPy only.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lstmzoo.data.corpora import cache_root
from lstmzoo.data.vocabulary import CODES, Vocabulary
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.system.unicode import MARK

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

from lstmzoo.data.reading import Reading, check_file, digest_of, pieces_of

FORMAT = 1  # of the files in the cache; part of their names
DAY = 86_400  # seconds


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
    settings = json.dumps([FORMAT, digest, *reading])
    texts = cache_root() / "texts"
    place = texts / hashlib.sha256(settings.encode()).hexdigest()[:32]
    if kept := _kept(place, digest):
        return kept
    beside = _new_folder(texts)
    try:
        text = _encode_files(files, reading, digest, beside)
        _keep(beside, place, digest)
        return text  # its map stays valid when the files are renamed or removed
    except OSError as error:
        raise EnvironmentFailure(
            f"the text could not be encoded in {beside.parent} ({error.strerror or error}): "
            "make room, or set LSTMZOO_CACHE to another directory"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _new_folder(texts: Path) -> Path:
    """Make a folder to encode in: in the cache, or a temporary one where the cache cannot be written."""
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
    """Move the encoded text to its place in the cache, unless another process was faster."""
    with suppress(OSError):
        if beside.parent == place.parent:
            if place.exists() and _kept(place, digest) is None:
                shutil.rmtree(place)  # damaged
            beside.rename(place)


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
    read = hashlib.sha256()
    with (place / "ids.npy").open("wb") as file:
        header = {"descr": vocabulary.dtype.str, "fortran_order": False, "shape": (length,)}
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        for codes in pieces_of(files, reading, read.update):
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
    """Map the text that a folder of the cache holds; raise `ValueError` for an incomplete array."""
    with (place / "ids.npy").open("rb") as file:
        np.lib.format.read_magic(file)
        (length,), _, dtype = np.lib.format.read_array_header_1_0(file)
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        ids = np.frombuffer(mapping, dtype, length, file.tell())
    return Text(ids, Vocabulary.load(place / "vocab.json"), digest, mapping)


def _kept(place: Path, digest: str) -> Text | None:
    """Return the text that a folder of the cache holds; None if it is not there or cannot be read."""
    try:
        return _mapped(place, digest)
    except Exception:  # NumPy's reader of headers raises many kinds
        return None
