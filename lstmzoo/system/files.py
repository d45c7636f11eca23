"""Atomic writing: after a crash, and for every reader, there is the old file or the new one, never half of one."""

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # errors that more free space would solve
NO_WAY = (errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM)
"""Errors of a file system that cannot flush a directory: some network, FUSE and overlay ones."""
_REMEDIES = {
    **dict.fromkeys(FULL, "make room"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "get the right to write there"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "raise the limit of open files (ulimit -n)"),
}
_SCRATCH: dict[Path, list[Path]] = {}


def remedy(error: OSError) -> str:
    """Return what a person can do against an error of the system."""
    return _REMEDIES.get(error.errno or 0, "correct the cause")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside `path`, flush it, and rename it to `path`."""
    with open_atomically(path) as file:
        file.write(content)


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` to write; at the end flush it and rename it to `path`, or remove it after an error.

    The directory is flushed too, so that the name survives a power cut.
    """
    beside = name_beside(path)
    file = beside.open("xb")  # fails if another process has made it
    _SCRATCH[beside] = []
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    finally:
        _SCRATCH.pop(beside, None)
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


def open_to_append(path: Path) -> int:
    """Open a file to append to, made if it is missing, and return its descriptor; `OSError` for a link or no file.

    A file that has another name too, such as a backup's, is copied first: what is appended stands under one name only.
    """
    if os.path.lexists(path) and stat.S_ISREG(path.lstat().st_mode) and path.lstat().st_nlink > 1:
        write_atomically(path, path.read_bytes())
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe without a reader would wait
    descriptor = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "expected a file", str(path))
    return descriptor


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
    """Remove scratch directories and unfinished files, for a process that will end without leaving any `with`."""
    for folder, made in tuple(_SCRATCH.items()):
        for _ in range(3):  # another thread may still write there
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # a directory
            folder.unlink(missing_ok=True)
        for above in made:
            with suppress(OSError):
                above.rmdir()


def remove_leftovers(folder: Path) -> None:
    """Remove unfinished files of processes that were killed; call it only where no other process writes there."""
    for path in folder.glob(".*.tmp"):
        if re.fullmatch(r"\..+\.[0-9a-f]{12}\.tmp", path.name) and path.is_file():
            path.unlink()


def _flush(path: Path) -> None:
    """Flush to the disk, so that the content survives a power cut.

    Where a file system cannot flush a directory, the names in it are as safe as it makes them; a file must be flushed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in NO_WAY or not path.is_dir():
            raise
