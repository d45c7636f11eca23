"""The path of an exported model: checked before the work, and a hidden place beside it during the work."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lstmzoo.errors import EnvironmentFailure, InputError, shown
from lstmzoo.export.formats.registry import FORMATS, choose_format
from lstmzoo.system.files import remedy, scratch
from lstmzoo.zoo.pretrained import refuse_to_write


def check_target(path: Path, format: str | None) -> str:
    """Return the name of the format; raise `InputError` if the format or the path cannot be used."""
    refuse_to_write(path, "OUT", "OUT")
    require_free(path)
    chosen = choose_format(format, path)
    odd = [mark for mark in FORMATS[chosen].odd if mark in os.path.realpath(path)]
    if odd:
        raise InputError(
            f"{_quoted(path)}: expected a path without {odd[0]} with format {chosen}, received one with it: rename it"
        )
    return chosen


def require_free(path: Path) -> None:
    """Raise `InputError` for a path that exists, or that cannot be one, or that is no UTF-8, as its readers need it."""
    try:
        place = os.path.realpath(path.parent)
    except OSError as error:  # a relative path, and no working directory
        raise taken(path, f"one that cannot be used ({error.strerror})") from error
    except ValueError:
        raise taken(path, "one that is not UTF-8") from None
    try:
        os.path.join(place, path.name).encode()  # noqa: PTH118
        path.lstat()
        received = "one that exists"
    except FileNotFoundError:
        if path.name != "..":
            return
        received = "one without a name at its end"
    except OSError as error:  # a file among its parents, a name too long
        received = f"one that cannot be used ({error.strerror})"
    except ValueError:  # a NUL, half a character
        received = "one that is not UTF-8"
    raise taken(path, received)


def taken(path: Path, received: str = "one that exists") -> InputError:
    """Return the error for a path that cannot be written to; `received` says why."""
    expected = f"{_quoted(path)}: expected a path that does not exist yet, received {received}"
    return InputError(f"{expected}: remove it, or choose another path")


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give a path in a hidden directory beside another path, and remove that directory and all unused parents after.

    Raises `EnvironmentFailure` if the system cannot write there.
    """
    place = Path(os.path.realpath(path.parent))
    made = [folder for folder in (place, *place.parents) if not folder.exists()]
    try:
        place.mkdir(parents=True, exist_ok=True)
        with scratch(".export.", place, made) as folder:
            yield folder / path.name
    except BaseException as error:
        for folder in made:
            with suppress(OSError):  # it could not be made, or another process uses it now
                folder.rmdir()
        if isinstance(error, OSError):
            reason = f"expected to write it, received: {error.strerror or error}"
            raise EnvironmentFailure(
                f"{_quoted(path)}: {reason}; nothing was written: {remedy(error)}, or choose another path"
            ) from error
        raise


def _quoted(path: Path) -> str:
    return shown(str(path), 200)
