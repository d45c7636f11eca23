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
    _flush_directory(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed have written beside; only one process may write there."""
    for path in folder.glob(".*.tmp"):
        if re.fullmatch(r"\..+\.\d+\.tmp", path.name) and path.is_file():
            path.unlink()


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
