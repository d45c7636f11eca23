"""The command `python -m lstmzoo.report RUN...`: a comparison of runs as a page, a table and a picture."""

from pathlib import Path
from typing import Annotated

import typer

from lstmzoo.errors import InputError
from lstmzoo.report.write import write_files
from lstmzoo.system.command_line import command_line
from lstmzoo.system.terminal import printable


def report(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="run directories and sweep directories")],
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="directory that the report is written to")
    ] = "report",
) -> None:
    """Compare runs: all their curves in one picture, and a table of what differs."""
    if not out:
        raise InputError("--out: expected a directory, received an empty text (a shell variable that is not set?)")
    from lstmzoo.report.comparison import compare
    from lstmzoo.report.tables import terminal_text

    comparison = compare(runs)
    names = write_files(comparison, Path(out))
    print(terminal_text(comparison) + "\n")
    print(printable("\n".join(str(Path(out) / name) for name in names)))


def main(prog_name: str) -> None:
    """Run the command line of `python -m lstmzoo.report RUN...`."""
    command_line(report, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.report")
