"""Files of predictions: CSV or WAV, or CSV on stdout, written a block of rows at a time. No TensorFlow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lstmzoo.data.table_writers import csv_head, csv_lines, csv_writer, wav_writer
from lstmzoo.errors import InputError, shown
from lstmzoo.export.target import require_free
from lstmzoo.inference.series_data import SeriesData
from lstmzoo.system.terminal import TextOutput

if TYPE_CHECKING:
    import numpy as np

Write = Callable[["np.ndarray", "np.ndarray"], None]
"""A function that writes the targets `[n, targets there]` and predictions `[n, M]` of n rows."""
STDOUT = Path("-")
ENDINGS = (".csv", ".wav")


def check_out(out: Path) -> None:
    """Raise `InputError` for a path that exists, and for a name of another kind of file."""
    if out == STDOUT:
        return
    if out.suffix.lower() not in ENDINGS:
        raise InputError(
            f"--out: expected a name that ends with {' or '.join(ENDINGS)}, or - for CSV on stdout, received "
            f"{shown(str(out), 200)}"
        )
    require_free(out)


@contextmanager
def prediction_writer(
    out: Path, data: SeriesData, targets: Sequence[str], say: Callable[[str], None]
) -> Iterator[Write]:
    """Open a file and give a function that writes rows; `say` is given a line about samples of a WAV that were clipped.

    A CSV file has two columns for each target: NAME, if the table has it, and NAME_predicted. A WAV file has the
    predictions alone, a channel for each target, in the rate and form of the table. Raises `InputError` for a WAV file
    of a table that is none, and as `csv_writer` does.
    """
    if out.suffix.lower() == ".wav":
        if data.table.sound is None:
            raise InputError(f"--out: expected a name that ends with .csv, as the table has no rate, received {out}")
        with wav_writer(out, data.table.sound, len(targets), say) as write:
            yield lambda _, found: write(found)
        return
    names = [name for target in targets for name in (*_there(data, target), f"{target}_predicted")]
    with _stdout(names) if out == STDOUT else csv_writer(out, names) as write:
        yield lambda truths, found: write(*_side_by_side(data, targets, truths, found))


def _there(data: SeriesData, target: str) -> tuple[str, ...]:
    return (target,) if target in data.targets else ()


def _side_by_side(
    data: SeriesData, targets: Sequence[str], truths: np.ndarray, found: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the columns `[n, 1]` of a CSV file in their order."""
    for place, target in enumerate(targets):
        if target in data.targets:
            at = data.targets.index(target)
            yield truths[:, at : at + 1]
        yield found[:, place : place + 1]


@contextmanager
def _stdout(names: Sequence[str]) -> Iterator[Callable[..., None]]:
    """Give a function that writes to stdout: the names stand before the first rows, so that an error comes alone."""
    output, head = TextOutput(sys.stdout.buffer, sys.stdout.isatty()), csv_head(names)

    def write(*blocks: np.ndarray) -> None:
        nonlocal head
        output.write(head + csv_lines(*blocks))
        head = b""

    yield write
