"""Places of run directories: the default ones, names that a directory cannot have, parts that would be elsewhere."""

import errno
import os
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lstmzoo.errors import EnvironmentFailure, InputError, shown
from lstmzoo.system.files import remedy

USERS = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP)


def runs_root() -> Path:
    """Return the folder of default run directories: `LSTMZOO_RUNS`, or experiments/runs."""
    return Path(os.environ.get("LSTMZOO_RUNS") or Path("experiments", "runs"))


def sweeps_root() -> Path:
    """Return the folder of default sweep directories: experiments/sweeps."""
    return Path("experiments", "sweeps")


def last_default(name: str) -> Path:
    """Find the last-numbered default directory of a name; the first one if there is none yet."""
    found = [(1, runs_root() / name)]
    for path in runs_root().glob(f"{name}-*"):
        if (number := re.fullmatch(r"-([1-9]\d{0,8})", path.name[len(name) :])) and path.is_dir():
            found.append((int(number[1]), path))
    return max(found)[1]


def make_folders(path: Path) -> list[Path]:
    """Make a folder and those above it; return those that were not there, the innermost first."""
    missing = [each for each in (path, *path.parents) if not os.path.lexists(each)]
    path.mkdir(parents=True, exist_ok=True)
    return missing


def make_free(name: str) -> tuple[Path, list[Path]]:
    """Make the first default directory of a name that is free; return it and the folders above it that were made."""
    root = runs_root()
    try:
        above = make_folders(root)
        number = 1
        while True:
            path = root / (name if number == 1 else f"{name}-{number}")
            with suppress(FileExistsError):
                path.mkdir()
                return path, above
            number += 1
    except OSError as error:
        raise unusable(root / name, error) from error


def check_name(path: Path, kind: str = "run directory", option: str = "--run-dir") -> None:
    """Raise `InputError` for a name that is not UTF-8: TensorFlow takes no other."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{kind}: expected a name in UTF-8, received {shown(str(path))}: choose another one with {option}"
        ) from error


def check_parts(
    path: Path,
    files: Iterable[str],
    folders: Iterable[str],
    in_place: Iterable[str] = (),
    what: str = "run directory",
    option: str = "--run-dir",
) -> None:
    """Raise `InputError` for a part of a directory that a command would write elsewhere with: a symbolic link.

    So is something else in the place of a file or a folder, and a file that is written `in_place` (others are replaced)
    and has a second name, a hard link. What is not there is right.
    """
    in_place = tuple(in_place)
    kinds = dict.fromkeys((*files, *in_place), stat.S_ISREG) | dict.fromkeys(folders, stat.S_ISDIR)
    for name, fits in kinds.items():
        try:
            found = (path / name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        received, advice = "" if fits(found.st_mode) else "something else", "remove it"
        if stat.S_ISLNK(found.st_mode):
            received = "a symbolic link"
        elif name in in_place and found.st_nlink > 1:
            received = "one with a second name (a hard link), which would be written to as well"
            advice = f"replace it by a copy (cp {name} copy && mv copy {name})"
        if received:
            kind = "folder" if fits is stat.S_ISDIR else "file"
            raise InputError(
                f"{what}: expected {path / name} to be a {kind} of its own, received {received}: {advice}, or "
                f"choose another directory with {option}"
            )


def unusable(path: Path, error: OSError) -> InputError | EnvironmentFailure:
    """Make the error for a directory that cannot be made or written."""
    if error.errno not in (*USERS, errno.EEXIST):
        reason = f"{error.strerror or error}): {remedy(error)}"
        return EnvironmentFailure(f"the run directory {path} cannot be written ({reason}, or choose another --run-dir")
    return InputError(
        f"run directory: expected a directory that can be written, received {path} ({error.strerror}): "
        "choose another one with --run-dir"
    )
