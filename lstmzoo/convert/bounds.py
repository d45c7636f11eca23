"""Bounds on what a file may cost, checked before anything is inflated: bytes in memory, and the length of names."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from lstmzoo.errors import InputError, shown

_EXPANSION = 1100  # bytes out of one byte; deflate gives 1032 at most
_USUAL = 64 << 20, 100  # bytes, and bytes out of one byte: zeros and pruned weights in a large file stay below
MOST_CHARACTERS = 500  # in a name: regular expressions and integers take the square of it
Member = zipfile.ZipInfo


class Room:
    """A count of the bytes that the content of one file, the outermost, may still take in memory."""

    def __init__(self, path: Path, size: int):
        self.path = path
        self.left = self.most = min(_EXPANSION * size, _USUAL[0] + _USUAL[1] * size)

    def take(self, size: int, what: str) -> None:
        """Take `size` bytes of it; raise `InputError` that says what they are for where the file cannot hold them."""
        if size > self.left:
            raise InputError(
                f"{self.path}: expected what a file of its size can hold, {self.most:,} bytes at most, received {what} "
                f"of {size:,} bytes: if the file is yours, save the model again, without compression"
            )
        self.left -= size


def require_plain(path: Path, members: Iterable[Member], compressions: tuple[int, ...]) -> None:
    """Raise `InputError` for a member of a zip archive whose compression is another one."""
    for member in members:
        if member.compress_type not in compressions:
            raise InputError(
                f"{path}: expected {shown(member.filename)} as the library writes it, received it in another "
                "compression: save the model again"
            )


def require_short(names: Iterable[str]) -> None:
    """Raise `InputError` for a name of more than 500 characters."""
    for name in names:
        if len(name) > MOST_CHARACTERS:
            raise InputError(
                f"{shown(name)}: expected a name of at most {MOST_CHARACTERS} characters, received {len(name):,}"
            )


def listed(names: Iterable[str]) -> str:
    """Return names as messages show them: the first eight, and how many more."""
    found = [name if len(name) <= 100 else shown(name, 100) for name in names]
    return ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "") or "nothing"
