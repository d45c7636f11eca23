"""Atomic writing: after a crash, and for every reader, there is the old file or the new one, never half of one."""

import errno
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # errors that more free space would solve
_SCRATCH: dict[Path, list[Path]] = {}


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside `path`, flush it, and rename it to `path`.

    The directory is flushed too, so that the name survives a power cut.
    """
    beside = name_beside(path)
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except FileExistsError:  # another process has made it
        raise
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def name_beside(path: Path) -> Path:
    """Return a name beside a path that no other process has: containers that share a folder have equal numbers."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")


def publish(beside: Path, path: Path) -> None:
    """Flush a file, or a directory and all that it holds, and rename it to a name that is free.

    Raises `FileExistsError` where the name is taken; of two processes that publish under one name, only one succeeds.
    """
    for part in [*beside.rglob("*"), beside]:
        _flush(part)
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists")
    if beside.is_dir() or not _linked(beside, path):
        beside.rename(path)
    _flush(path.parent)


def _linked(beside: Path, path: Path) -> bool:
    """Link the file to a second name, which never replaces another file; False where the file system has no links."""
    try:
        os.link(beside, path)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


@contextmanager
def scratch(prefix: str, folder: Path | None = None, made: Sequence[Path] = ()) -> Iterator[Path]:
    """Make a directory (in `folder`, or in the system's folder for temporary files) and remove it afterwards.

    `made`: directories above it, the innermost first, that `drop_scratch` removes too, if they are empty.
    """
    name = Path(folder or tempfile.gettempdir(), f"{prefix}{secrets.token_hex(6)}.tmp")
    _SCRATCH[name] = [*made]  # before it is made: a signal may come at once
    try:
        name.mkdir(0o700)
        yield name
    finally:
        shutil.rmtree(name, ignore_errors=True)
        _SCRATCH.pop(name, None)


def drop_scratch() -> None:
    """Remove all scratch directories, for a process that is about to end without leaving any `with`."""
    for folder, made in tuple(_SCRATCH.items()):
        for _ in range(3):  # another thread may still write there
            shutil.rmtree(folder, ignore_errors=True)
        for above in made:
            with suppress(OSError):
                above.rmdir()


def remove_leftovers(folder: Path) -> None:
    """Remove unfinished files of processes that were killed; call it only where no other process writes there."""
    for path in folder.glob(".*.tmp"):
        if re.fullmatch(r"\..+\.[0-9a-f]{12}\.tmp", path.name) and path.is_file():
            path.unlink()


def _flush(path: Path) -> None:
    """Flush to the disk, so that the content survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
