"""Folders of the cache: what was read once from a user's files, made again for whatever else has its name.

A folder is made beside its place, under a name of its own, and renamed when all is written. It ends with the SHA-256 of
its files in `SHA256SUMS` (as `sha256sum` writes it). Whoever opens it checks them, and that it is this user's own. Only
this user can enter it, as what was read may be private, whatever its file's mode.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from lstmzoo.data.corpora import cache_root
from lstmzoo.errors import EnvironmentFailure
from lstmzoo.system.files import remedy

SUMS = "SHA256SUMS"
DAY = 86_400  # seconds
Kept = TypeVar("Kept")


def cached(
    kind: str, settings: list[Any], load: Callable[[Path], Kept], make: Callable[[Path], Kept], what: str
) -> Kept:
    """Return what the folder of these settings holds: loaded from the cache, or else made and kept there.

    `load(folder)` raises `OSError` or `ValueError` for all that is not what was made; `make(folder)` fills a new folder
    and returns what stays valid when its files are renamed or removed. Raises `EnvironmentFailure`, which begins with
    `what`, for a full disk.
    """
    root = cache_root() / kind
    place = root / hashlib.sha256(json.dumps(settings, allow_nan=False).encode()).hexdigest()[:32]
    if (found := _kept(place, load)) is not None:
        return found
    beside = _new_folder(root)
    try:
        made = make(beside)
        _keep(beside, place, load)
        return made
    except OSError as error:
        raise EnvironmentFailure(
            f"{what} in {beside.parent} ({error.strerror or error}): "
            f"{remedy(error)}, or set LSTMZOO_CACHE to another directory"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def sums(files: Iterable[tuple[str, str]]) -> bytes:
    """Return what `SHA256SUMS` says of files: their digests and names, as `sha256sum` writes them."""
    return "".join(f"{digest}  {name}\n" for digest, name in files).encode()


def _kept(place: Path, load: Callable[[Path], Kept]) -> Kept | None:
    """Return what a folder of the cache holds; None if there is none, or not all that was written there."""
    try:
        return load(place) if place.lstat().st_uid == os.geteuid() else None
    except (OSError, ValueError):
        return None


def _new_folder(root: Path) -> Path:
    """Make a folder that only this user can enter: in the cache, or a temporary one where it cannot be written."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        for left in root.iterdir():
            if _is_left(left):
                shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=".new-", dir=root))
    except OSError:
        return Path(tempfile.mkdtemp(prefix="lstmzoo-"))


def _is_left(place: Path) -> bool:
    """Tell whether a folder is that of a killed process, or this user's own of the first format, which others can read.

    Folders of the first format have no digests, and serve no more.
    """
    with suppress(OSError):  # another process has removed it
        if place.name.startswith(".new-"):
            return time.time() - place.lstat().st_mtime > DAY
        own = stat.S_ISDIR(place.lstat().st_mode) and place.lstat().st_uid == os.geteuid()
        return bool(own and re.fullmatch("[0-9a-f]{32}", place.name) and not (place / SUMS).exists())
    return False


def _keep(beside: Path, place: Path, load: Callable[[Path], Kept]) -> None:
    """Move a folder to its place in the cache, unless another process was faster."""
    with suppress(OSError):
        if beside.parent == place.parent:
            if place.exists() and _kept(place, load) is None:
                shutil.rmtree(place)  # damaged
            beside.rename(place)
