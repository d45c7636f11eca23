"""Tables written a block of rows at a time, as CSV or WAV: the file is there when it is whole, or not at all."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lstmzoo.data.columns import Sound
from lstmzoo.data.csv_head import is_number
from lstmzoo.data.wav import FLOATS, form_of, wav_head
from lstmzoo.errors import EnvironmentFailure, InputError, shown
from lstmzoo.system.files import open_atomically, remedy

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

MOST = (1 << 32) - 256  # bytes of samples in a WAV file
WRONG_PLACE = (FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


@contextmanager
def csv_writer(path: Path, names: Sequence[str]) -> Iterator[Callable[..., None]]:
    """Open a CSV file and give a function that writes rows: `write(block, ...)`, arrays `[n, columns]` side by side.

    Raises `InputError` for a path that cannot be written and for names that `csv_head` refuses, and
    `EnvironmentFailure` for a full disk; then no file is there.
    """
    head = csv_head(names)
    with _output(path) as file:

        def write(*blocks: np.ndarray) -> None:
            with _reported(path):
                file.write(csv_lines(*blocks))

        with _reported(path):
            file.write(head)
        yield write


@contextmanager
def wav_writer(
    path: Path, sound: Sound, channels: int, say: Callable[[str], None]
) -> Iterator[Callable[[np.ndarray], None]]:
    """Open a WAV file and give a function that writes frames `[n, channels]`, of which -1..1 is the whole range.

    A missing sample (NaN) is silence. In integers samples beyond the range are clipped; `say` is given one line about
    them at the end. Raises as `csv_writer` does, and `InputError` for more than 4 GB.
    """
    form, size, clipped = form_of(sound.form), 0, 0
    with _output(path) as file:

        def write(block: np.ndarray) -> None:
            nonlocal size, clipped
            content = form.encode(block)
            size += len(content)
            clipped += int((np.abs(block) > 1).sum()) if form.format != FLOATS else 0
            if size > MOST:
                raise InputError(f"{path}: expected at most {MOST:,} bytes of samples in a WAV file, received more")
            with _reported(path):
                file.write(content)

        file.write(wav_head(form, channels, sound.rate, 0))
        yield write
        with _reported(path):
            file.write(b"\0" * (size % 2))
            file.seek(0)
            file.write(wav_head(form, channels, sound.rate, size))
    if clipped:
        say(f"warning: {path}: {clipped:,} samples beyond -1..1 were clipped (float32 would keep them)")


def csv_head(names: Sequence[str]) -> bytes:
    """Return the line of names; nothing for "0", "1", ..., the names of columns without any.

    Raises `InputError` if all names are other numbers, for they would be read as a row.
    """
    if list(names) == [str(place) for place in range(len(names))]:
        return b""
    if all(map(is_number, names)):
        raise InputError(f"expected a name that is no number, received {shown(', '.join(names))}")
    text, is_odd = io.StringIO(), re.search("^#|[\t;|]", ",".join(names))  # a comment, another delimiter
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if is_odd else csv.QUOTE_MINIMAL).writerow(names)
    return text.getvalue().encode()


def csv_lines(*blocks: np.ndarray) -> bytes:
    """Return rows of arrays `[n, columns]` that stand side by side: missing values (NaN) are empty cells.

    A number is the shortest that reads back to the same one of its array's type, such as float32.
    """
    columns = [_cells(column) for block in blocks for column in block.T]
    lines = [",".join(row) for row in zip(*columns, strict=True)]
    if len(columns) == 1:
        lines = [line or '""' for line in lines]  # an empty line is no row
    return "".join(f"{line}\n" for line in lines).encode()


def _cells(column: np.ndarray) -> list[str]:
    return np.where(np.isnan(column), "", column.astype(str)).tolist()


@contextmanager
def _output(path: Path) -> Iterator[BinaryIO]:
    with ExitStack() as stack:
        with _reported(path):
            file = stack.enter_context(open_atomically(path))
        yield file
        with _reported(path):
            stack.close()


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except WRONG_PLACE as error:
        raise InputError(
            f"expected a file that can be written, received {path} ({error.strerror}): choose another one"
        ) from error
    except OSError as error:
        raise EnvironmentFailure(
            f"{path} cannot be written ({error.strerror or error}): {remedy(error)}, or choose another place"
        ) from error
