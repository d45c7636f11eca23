"""Locks of directories: one process at a time writes there, also where the file system has no locks of its own."""

import errno
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from filelock import BaseFileLock

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)
"""Errors of a file system that cannot lock: some network, FUSE and overlay ones."""


class Lock(NamedTuple):
    """A lock that this process holds until `release`."""

    file: "BaseFileLock"
    note: str
    """What its user should know; empty where the file system has locks."""

    def release(self) -> None:
        """Let another process have it."""
        self.file.release()


def take_lock(path: Path) -> Lock:
    """Lock a file, which is made if it is missing, without waiting.

    Where the file system cannot lock, the file itself is the lock: it names its process, and one that a dead process
    of this machine left is taken over. Raises `filelock.Timeout` if another process has it, and `OSError` if the file
    cannot be made.
    """
    from filelock import FileLock, Timeout  # who only reads starts without it

    lock = FileLock(path)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            lock.acquire(blocking=False)
        return Lock(lock, _note(path, "no locks") if said else "")
    except Timeout:
        raise
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        return _take_softly(path, str(getattr(error, "strerror", None) or error))


def _take_softly(path: Path, reason: str) -> Lock:
    from filelock import SoftFileLock

    if path.is_file() and not path.stat().st_size:
        path.unlink()  # the lock that was tried made it; a soft one holds the name of its process
    lock = SoftFileLock(path)
    lock.acquire(blocking=False)
    return Lock(lock, _note(path, reason))


def _note(path: Path, reason: str) -> str:
    where = os.fspath(path.parent)
    return f"warning: {where} is in a file system without locks ({reason}): let no other machine write there meanwhile"
