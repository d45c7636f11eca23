"""Unicode's normal forms: one letter with its accent is one symbol (NFC) or several (NFD). NumPy only."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

FIRST_MARK = 0x300  # below it no symbol joins the one before it
_STARTS = ((0x3041, 0x3097), (0x30A1, 0x30FB), (0x3400, 0xA000), (0xAC00, 0xD7A4))  # nor do these: kana, Han, Hangul
LONGEST = 4  # symbols that are one in the other form, where a text is compared with what a model knows


def composed(pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the code points of a text in NFC, from its pieces; a letter may be in one and its accent in the next."""
    rest = np.zeros(0, np.uint32)
    for piece in pieces:
        codes = np.concatenate([rest, piece.astype(np.uint32, copy=False)])
        starts = codes < FIRST_MARK
        for low, high in _STARTS:
            starts |= (codes >= low) & (codes < high)
        end = int(np.flatnonzero(starts)[-1]) if starts.any() else 0
        yield nfc(codes[:end])
        rest = codes[end:]
    yield nfc(rest)


def nfc(codes: np.ndarray) -> np.ndarray:
    """Return code points `[N]` in NFC, `[M]`."""
    if not len(codes) or codes.max() < FIRST_MARK:
        return codes
    return np.frombuffer(unicodedata.normalize("NFC", _text(codes)).encode("utf-32-le", "surrogatepass"), np.uint32)


def other_form(codes: np.ndarray, place: int, is_known: Callable[[np.ndarray], bool]) -> tuple[str, list[int]] | None:
    """Return the normal form, NFC or NFD, in which the symbols at a place are known, and its codes; None if in none."""
    for form in ("NFD", "NFC"):
        for start in (place, max(0, place - 1)):
            for end in range(place + 1, min(place + LONGEST, len(codes)) + 1):
                part = _text(codes[start:end])
                other = [ord(char) for char in unicodedata.normalize(form, part)]
                if other != [ord(char) for char in part] and is_known(np.array(other)):
                    return form, other
    return None


def _text(codes: np.ndarray) -> str:
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
