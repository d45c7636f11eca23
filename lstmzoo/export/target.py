"""Where an exported model is to appear: what may stand there, and a place beside it in the meantime."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lstmzoo.errors import EnvironmentFailure, InputError, shown
from lstmzoo.export.formats.registry import FORMATS, choose_format
from lstmzoo.system.files import scratch
from lstmzoo.zoo.pretrained import refuse_to_write


def check_target(path: Path, format: str | None) -> str:
    """The format; `InputError` for one that cannot be, and for a path where something is, or that cannot be."""
    refuse_to_write(path, "OUT", "OUT")
    require_free(path)
    chosen = choose_format(format, path)
    odd = [mark for mark in FORMATS[chosen].odd if mark in os.path.realpath(path)]
    if odd:
        raise InputError(
            f"{_quoted(path)}: expected a path without {odd[0]} with format {chosen}, received one with it"
        )
    return chosen


def require_free(path: Path) -> None:
    """Raise `InputError` for a path where something is, or that cannot be; programs that are to open it take UTF-8."""
    try:
        os.path.join(os.path.realpath(path.parent), path.name).encode()  # noqa: PTH118
        path.lstat()
        received = "one that exists"
    except FileNotFoundError:
        if path.name != "..":
            return
        received = "one without a name at its end"
    except OSError as error:  # a file among its parents, a name too long
        received = f"one that cannot be ({error.strerror})"
    except ValueError:  # a NUL, half a character
        received = "one that is no UTF-8"
    raise taken(path, received)


def taken(path: Path, received: str = "one that exists") -> InputError:
    """The error for a path that nothing can be written to."""
    expected = f"{_quoted(path)}: expected a path where nothing is, received {received}"
    return InputError(f"{expected}: remove what is there, or choose another")


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A path in a hidden directory beside another, which is gone afterwards, with any parents that had to be made.

    Raises `EnvironmentFailure` where the disk or the place does not take it.
    """
    place = Path(os.path.realpath(path.parent))
    made = [folder for folder in (place, *place.parents) if not folder.exists()]
    try:
        place.mkdir(parents=True, exist_ok=True)
        with scratch(".export.", place, made) as folder:
            yield folder / path.name
    except BaseException as error:
        for folder in made:
            with suppress(OSError):  # it could not be made, or somebody else uses it now
                folder.rmdir()
        if isinstance(error, OSError):
            reason = f"expected to write it, received: {error.strerror or error}"
            raise EnvironmentFailure(f"{_quoted(path)}: {reason}; nothing was kept") from error
        raise


def _quoted(path: Path) -> str:
    return shown(str(path), 200)
