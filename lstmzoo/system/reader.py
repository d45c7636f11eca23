"""The one reader of small files: regular ones, up to a size. Nothing else is waited for, and nothing fills memory."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

MOST = 1 << 26  # bytes of a file that is read whole


def open_file(path: Path) -> BinaryIO:
    """Open a regular file to read; raise `OSError` at once for a pipe, a device, a socket or a directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without a writer would wait
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is no regular file", str(path))


def read_file(path: Path, most: int = MOST) -> bytes:
    """Read a regular file of at most `most` bytes; raise `OSError` for any other, as `open_file` does."""
    with open_file(path) as file:
        return read_all(file, most)


def read_all(file: BinaryIO, most: int = MOST) -> bytes:
    """Read an open file to its end; raise `OSError` if it holds more than `most` bytes."""
    content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EINVAL, f"it has more than {most:,} bytes")
    return content
