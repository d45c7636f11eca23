"""The vocabulary of a text: its distinct symbols, sorted; the place of a symbol is its id. NumPy only.

A symbol is a character (a Unicode code point) or, with `unit: byte`, a byte. Lower-casing and Unicode's normal form are
properties of the vocabulary: an upper-case symbol then has the id of its lower-case one, and texts are read in NFC. The
mark U+FEFF before a text is no symbol, unless the vocabulary has it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmzoo.data.normal_forms import nfc, other_form
from lstmzoo.errors import InputError, shown
from lstmzoo.system.files import write_atomically
from lstmzoo.system.reader import read_file
from lstmzoo.system.unicode import MARK, UTF8_MARK, cure, other_encoding, probable_encoding

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

CODES = {"char": 0x110000, "byte": 0x100}  # the number of possible symbols
LARGEST = 1 << 16


class Vocabulary:
    """The symbols `codes` (code points or bytes, ascending) of a text, and the mapping between text and ids."""

    def __init__(self, codes: Any, unit: str, lowercase: bool = False, normalize: str | None = None):
        found = {_lower(code, unit) if lowercase else code for code in map(int, codes)}
        self.codes, self.unit, self.lowercase = np.array(sorted(found), np.uint32), unit, bool(lowercase)
        self.normalize = normalize
        if len(self.codes) > LARGEST:
            raise InputError(f"text: expected at most {LARGEST:,} distinct symbols, received {len(self.codes):,}")
        self.dtype = np.dtype(np.uint8 if len(self.codes) <= 256 else np.uint16)
        self._ids: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.as_json() == other.as_json()

    __hash__ = None  # type: ignore[assignment]

    def encode(self, codes: np.ndarray, where: str, first: int = 0) -> np.ndarray:
        """Return the ids `[N]` of code points or bytes `[N]`; raise `InputError` that names unknown symbols.

        `where`: the name of the text in the message; `first`: the place in it of the first code, from 0.
        """
        table = self._table()
        ids = table[codes]
        if (ids == len(self)).any():
            known = np.isin(codes, np.flatnonzero(table < len(self)))
            unknown = list(dict.fromkeys(codes[~known].tolist()))
            names = ", ".join(_name(code, self.unit) for code in unknown[:5])
            more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
            place = int(np.argmin(known))
            raise InputError(
                f"{where}: expected only symbols that the model knows ({len(self)} of them, in the run's vocab.json), "
                f"received {names}{more}, first at symbol {first + place + 1:,}: {self._advice(codes, place)}"
            )
        return ids.astype(self.dtype)

    def _advice(self, codes: np.ndarray, place: int) -> str:
        """Return what to do about an unknown symbol: the text may write it in Unicode's other normal form."""
        found = None
        if self.unit == "char":
            found = other_form(codes, place, lambda other: bool((self._table()[other] < len(self)).all()))
        if found is None:
            return "remove or replace them"
        form, other = found
        names = " + ".join(_name(code, self.unit) for code in other)
        return f"the run's text writes {names} there: convert it to {form}, or train with task.normalize: NFC"

    def plain(self, text: str | bytes) -> str | bytes:
        """Return a text without the mark before it, unless the mark is a symbol of this vocabulary."""
        mark: Any = UTF8_MARK if isinstance(text, bytes) else chr(MARK)
        return text if self.unit == "byte" or MARK in self.codes else text.removeprefix(mark)

    def encode_text(self, text: str | bytes, where: str) -> np.ndarray:
        """Return the ids `[N]` of a text; a string is first encoded as UTF-8 where symbols are bytes.

        Raises `InputError` for unknown symbols, and for bytes that are not UTF-8 where symbols are characters.
        """
        content = text if isinstance(text, bytes) and self.unit == "char" and 0 not in self.codes else b""
        if b"\0" in content and (name := other_encoding(content) or probable_encoding(content)):
            raise InputError(f"{where}: expected UTF-8, received text that is probably {name}: {cure(name)}")
        try:
            codes = codes_of(self.plain(text), self.unit)
            return self.encode(nfc(codes) if self.normalize else codes, where)
        except UnicodeDecodeError as error:
            if name := other_encoding(error.object):
                raise InputError(f"{where}: expected UTF-8, received {name}: {cure(name)}") from error
            bad = f"the byte 0x{text[error.start]:02x} at offset {error.start:,}"
            raise InputError(f"{where}: expected UTF-8, received {bad}: save it as UTF-8") from error

    def decode(self, ids: np.ndarray) -> bytes:
        """Return the text of ids `[N]` as bytes: UTF-8 where symbols are characters."""
        codes = self.codes[np.asarray(ids, np.int64)]
        if self.unit == "byte":
            return codes.astype(np.uint8).tobytes()
        return codes.astype("<u4").tobytes().decode("utf-32-le").encode()

    def as_json(self) -> dict[str, Any]:
        """Return the data of vocab.json: symbols are characters, or bytes as numbers."""
        symbols = [int(code) if self.unit == "byte" else chr(code) for code in self.codes]
        form = {"normalize": self.normalize} if self.normalize else {}
        return {"unit": self.unit, "lowercase": self.lowercase, **form, "symbols": symbols}

    def digest(self) -> str:
        """Return the SHA-256 of the vocabulary, which checkpoints keep."""
        return hashlib.sha256(json.dumps(self.as_json(), allow_nan=False).encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write vocab.json."""
        write_atomically(path, self.content())

    def content(self) -> bytes:
        """Return the bytes of vocab.json."""
        return (json.dumps(self.as_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read vocab.json; raise `InputError` for a file that cannot be read or is damaged."""
        try:
            content = read_file(path)
        except OSError as error:
            raise _unreadable(path, error) from error
        return cls.parse(content, path)

    @classmethod
    def parse(cls, content: bytes, path: Path) -> Vocabulary:
        """Return the vocabulary of the bytes of vocab.json; `path`: where they stand, for the message of an error."""
        try:
            kept = json.loads(content)
            codes = [code if isinstance(code, int) else ord(code) for code in kept["symbols"]]
            known = [code for code in codes if 0 <= code < CODES[kept["unit"]]]
            vocabulary = cls(known, kept["unit"], kept["lowercase"], kept.get("normalize"))
            if vocabulary.as_json() != kept or any(0xD800 <= code < 0xE000 for code in codes):
                raise ValueError("it has been changed")
            return vocabulary
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _unreadable(path, error) from error

    def _table(self) -> np.ndarray:
        """Return the id of every possible code; `len(self)` for unknown ones."""
        if self._ids is None:
            size = CODES[self.unit]
            self._ids = np.full(size, len(self), np.min_scalar_type(len(self)))
            self._ids[self.codes] = np.arange(len(self))
            if self.lowercase:
                upper = [code for code in range(size) if _lower(code, self.unit) != code]
                self._ids[upper] = self._ids[[_lower(code, self.unit) for code in upper]]
        return self._ids


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"expected a run's vocabulary, received {path}, which cannot be read ({error})")


def codes_of(text: str | bytes, unit: str) -> np.ndarray:
    """Return the code points or bytes `[N]` of a text."""
    if unit == "byte":
        return np.frombuffer(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text, np.uint8)
    whole = text.decode() if isinstance(text, bytes) else text
    return np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), np.uint32)


def _lower(code: int, unit: str) -> int:
    """Return the lower case of one symbol.

    It does not depend on the symbols around it, so that a text can be read in pieces and keeps its length.
    """
    if unit == "byte":
        return bytes([code]).lower()[0]
    return ord(chr(code).lower()[0])


def _name(code: int, unit: str) -> str:
    return f"byte {code}" if unit == "byte" else f"{shown(chr(code))} (U+{code:04X})"
