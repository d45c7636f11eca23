"""The command `python -m lstmzoo.inspect RUN [TEXT]`: one HTML page that shows what each cell does."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lstmzoo.system.command_line import command_line


def inspect(
    run: Annotated[Path, typer.Argument(help="run directory, or zoo:NAME")],
    text: Annotated[
        Path | None,
        typer.Argument(help="text that a char run reads, table of a series run (default: one of its own)"),
    ] = None,
    out: Annotated[Path, typer.Option(help="file to write; an older page is replaced")] = Path("page.html"),
    length: Annotated[
        int | None,
        typer.Option(
            help="symbols or rows that are shown (default: 10,000 of a text, 500 of numbers beside a warm-up)"
        ),
    ] = None,
) -> None:
    """Write one HTML page that shows what each cell does; it works from disk, without a server or a network."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of NumPy, not yet imported: two take twice the processor time
    from lstmzoo.inspect.page import check_out, write_page
    from lstmzoo.runs.trained import open_run
    from lstmzoo.system.terminal import printable

    check_out(out)
    trained = open_run(run)
    for note in trained.notes:
        print(note, file=sys.stderr)
    for note in write_page(trained, text, out, length):
        print(printable(note), file=sys.stderr)
    print(printable(f"{out}: {out.stat().st_size / 1e6:,.1f} MB; open it in a browser"))


def main(prog_name: str) -> None:
    """Run the command line of `python -m lstmzoo.inspect RUN [TEXT]`."""
    command_line(inspect, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.inspect")
