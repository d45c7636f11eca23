"""Writing a file so that a reader, or a crash, finds the old one or the new one and never half of it."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # where to make room helps
_SCRATCH: dict[Path, list[Path]] = {}


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside, flush, rename; the directory is flushed too, so the name survives a power cut."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _flush(path.parent)


def publish(beside: Path, path: Path) -> None:
    """Flush a file, or a directory and all in it, and give it a name that nothing bears.

    Raises `FileExistsError` where something does: of two who publish under one name, one.
    """
    for part in [*beside.rglob("*"), beside]:
        _flush(part)
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists")
    if beside.is_dir() or not _linked(beside, path):
        beside.rename(path)
    _flush(path.parent)


def _linked(beside: Path, path: Path) -> bool:
    """Whether it has a second name now, which never replaces another file; not on every file system."""
    try:
        os.link(beside, path)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


@contextmanager
def scratch(prefix: str, folder: Path | None = None, made: Sequence[Path] = ()) -> Iterator[Path]:
    """A new directory (in `folder`, or where temporary ones are) that is gone afterwards.

    `made`: directories above it, the innermost first, that go with it where `drop_scratch` ends it.
    """
    with tempfile.TemporaryDirectory(prefix=prefix, suffix=".tmp", dir=folder, ignore_cleanup_errors=True) as name:
        _SCRATCH[Path(name)] = [*made]
        try:
            yield Path(name)
        finally:
            _SCRATCH.pop(Path(name), None)


def drop_scratch() -> None:
    """Remove all of them: the process is about to end without leaving any `with`."""
    for folder, made in tuple(_SCRATCH.items()):
        for _ in range(3):  # somebody may still be writing there
            shutil.rmtree(folder, ignore_errors=True)
        for above in made:
            with suppress(OSError):
                above.rmdir()


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed have written beside; only one process may write there."""
    for path in folder.glob(".*.tmp"):
        if re.fullmatch(r"\..+\.\d+\.tmp", path.name) and path.is_file():
            path.unlink()


def _flush(path: Path) -> None:
    """To the disk, so that it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
