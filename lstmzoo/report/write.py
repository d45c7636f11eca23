"""A report of runs as files: a page, a table and a picture."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmzoo.errors import EnvironmentFailure, InputError, path_of
from lstmzoo.system.accessories import Accessories, import_matplotlib
from lstmzoo.system.files import remedy, write_atomically

if TYPE_CHECKING:
    from lstmzoo.report.comparison import Comparison


PAGE, TABLE, PICTURE = "report.md", "report.csv", "curves.png"


def write_report(
    runs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], path: str | os.PathLike[str]
) -> list[dict[str, Any]]:
    """Write report.md, report.csv and curves.png about runs to the directory `path`, which is made if it is missing.

    `runs`: one or more run directories, and sweep directories, which stand for all runs in them. Returns the rows of
    report.csv, best validation loss first; times are in seconds. A run that still goes on, or that
    was killed, interrupted or diverged, is one of them, with its status. Raises `InputError` for a path that is no run,
    for a damaged file and for a `path` that cannot be written to, and `EnvironmentFailure` if the disk fails. Where
    matplotlib cannot draw, curves.png is left out, with a warning in the log.
    """
    from lstmzoo.report.comparison import compare

    comparison = compare([runs] if isinstance(runs, (str, os.PathLike)) else runs)
    write_files(comparison, path_of("path", path))
    return comparison.rows()


def write_files(comparison: "Comparison", path: Path) -> list[str]:
    """Write the files to a directory, which is made if it is missing; return their names.

    A picture that cannot be drawn is left out, with a warning in the log.
    """
    from lstmzoo.report.tables import csv_text, markdown_page
    from lstmzoo.runs.places import check_parts
    from lstmzoo.zoo.pretrained import refuse_to_write

    refuse_to_write(path, "report", "--out")
    try:
        path.mkdir(parents=True, exist_ok=True)
        check_parts(path, (PAGE, TABLE, PICTURE), (), what="report", option="--out")
        picture = _draw(path / PICTURE, comparison)
        write_atomically(path / TABLE, csv_text(comparison).encode())
        write_atomically(path / PAGE, markdown_page(comparison, picture).encode())
        return [PAGE, TABLE, *([picture] if picture else [])]
    except (FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise InputError(
            f"report: expected a directory that can be written, received {path} ({error.strerror}): choose another one"
        ) from error
    except OSError as error:
        raise EnvironmentFailure(
            f"the report in {path} cannot be written ({error.strerror or error}): {remedy(error)}, or choose another "
            "place"
        ) from error


def _draw(path: Path, comparison: "Comparison") -> str:
    """Draw the picture and return its name; "" if it cannot be drawn. Raises `OSError` if it cannot be written."""
    failed: list[OSError] = []

    def draw() -> None:
        import_matplotlib()
        from lstmzoo.report.curves import draw_runs

        try:
            draw_runs(path, comparison.runs)
        except OSError as error:
            failed.append(error)

    is_drawn = Accessories(logging.getLogger("lstmzoo").warning).attempt("pictures", draw)
    if failed:
        raise failed[0]
    if not is_drawn:
        path.unlink(missing_ok=True)  # an older one shows other runs
    return path.name if is_drawn else ""
