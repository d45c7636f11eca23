"""Writing a file so that a reader, or a crash, finds the old one or the new one and never half of it."""

import os
import re
from pathlib import Path


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
    """Flush a file, or a directory and all in it, and give it the name under which it is to be found."""
    for part in [*beside.rglob("*"), beside]:
        _flush(part)
    beside.rename(path)
    _flush(path.parent)


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
