"""`python -m lstmzoo.report RUN...`: runs beside one another, as a page, a table and a picture."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.files import write_atomically
from lstmzoo.startup import command_line
from lstmzoo.terminal import printable

if TYPE_CHECKING:
    from lstmzoo.comparison import Comparison

PAGE, TABLE, PICTURE = "report.md", "report.csv", "curves.png"


def write_report(
    runs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], path: str | os.PathLike[str]
) -> list[dict[str, Any]]:
    """Write report.md, report.csv and curves.png about runs to the directory `path`, which is made if need be.

    `runs`: one or more run directories, and sweep directories for the runs in them. Returns the rows of report.csv,
    best validation loss first: losses in nats a symbol, times in seconds. A run that goes on, was killed, interrupted
    or has diverged is one of them, with its status. Raises `InputError` for what is no run, for a damaged file and
    for a `path` that cannot be written to, and `EnvironmentFailure` when the disk fails.
    """
    from lstmzoo.comparison import compare

    comparison = compare([runs] if isinstance(runs, (str, os.PathLike)) else runs)
    _write(comparison, Path(path))
    return comparison.rows()


def report(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="run directories and sweep directories")],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="where the report is written")] = "report",
) -> None:
    """Compare runs: their curves over one another, and a table of what differs."""
    if not out:
        raise InputError("--out: expected a directory, received an empty text (a shell variable that is not set?)")
    from lstmzoo.comparison import compare
    from lstmzoo.tables import terminal_text

    comparison = compare(runs)
    _write(comparison, Path(out))
    print(terminal_text(comparison) + "\n")
    print(printable("\n".join(str(Path(out) / name) for name in (PAGE, TABLE, PICTURE))))


def _write(comparison: "Comparison", path: Path) -> None:
    from lstmzoo.overlay import draw_runs
    from lstmzoo.pretrained import refuse_to_write
    from lstmzoo.tables import csv_text, markdown_text

    refuse_to_write(path, "report", "--out")
    try:
        path.mkdir(parents=True, exist_ok=True)
        draw_runs(path / PICTURE, comparison.runs)
        write_atomically(path / TABLE, csv_text(comparison).encode())
        write_atomically(path / PAGE, markdown_text(comparison, PICTURE).encode())
    except (FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise InputError(
            f"report: expected a directory that can be written, received {path} ({error.strerror}): choose another one"
        ) from error
    except OSError as error:
        raise EnvironmentFailure(
            f"the report in {path} cannot be written ({error.strerror or error}): make room"
        ) from error


def main(prog_name: str) -> None:
    """`python -m lstmzoo.report RUN...`."""
    command_line(report, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.report")
