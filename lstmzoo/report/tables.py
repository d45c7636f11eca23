"""A comparison of runs as text: CSV for programs, Markdown for a page, a table for a terminal."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lstmzoo.report.comparison import Comparison, shortest_ends
from lstmzoo.report.summary import Summary, shared_words
from lstmzoo.system.cells import csv_table, markdown_row, markdown_text
from lstmzoo.system.terminal import duration, short_number

WIDTH, GAP = 100, 2  # characters of the table for a terminal, and between two of its columns
MOST_ROWS, MOST_LABEL = 40, 28  # runs in it, characters of a run's name
HEADS = ("at step", "last train_loss", "steps", "training takes")
BRIEF = ("at step", "train_loss", "steps", "time")
MAIN = ("task", "model", "train")

Row = list[str]


def csv_text(comparison: Comparison) -> str:
    """Return one row a run, with all digits; an empty cell: the run does not have it; `null`: the setting is null."""
    rows = [{key: _exact(key, value) for key, value in row.items()} for row in comparison.rows()]
    names = dict.fromkeys(key for row in rows for key in row if key not in comparison.differing)
    heads = [*names, *comparison.differing]
    return csv_table([heads, *([row.get(head) for head in heads] for row in rows)])


def markdown_page(comparison: Comparison, picture: str) -> str:
    """Return a page: the picture (unless ""), a table of the runs with what differs, and the main shared settings."""
    runs = comparison.runs
    title = f"{len(runs)} runs compared" if len(runs) > 1 else f"The run {markdown_text(runs[0].label)}"
    words = shared_words(runs)
    best = [f"best {name}" for name in comparison.measures()]
    heads, rows = _table(comparison, comparison.telling(), (*best, *comparison.tested(), *HEADS, f"{words.steps}/s"))
    lines = [f"# {title}", "", *([f"![training and validation losses by step]({picture})", ""] if picture else [])]
    unit = f"Losses are in {words.loss}; the" if words.loss else "The"
    lines += [f"{unit} best run is first. `report.csv` has all digits.", ""]
    lines += [markdown_row(heads), "|" + "---|" * len(heads), *map(markdown_row, rows)]
    return "\n".join([*lines, "", *_shared_lines(comparison), ""])


def terminal_text(comparison: Comparison) -> str:
    """Return a table of 100 columns: long names are cut, and of what differs only some settings may fit."""
    heads, rows = _table(comparison, [], (*comparison.measures(), *comparison.tested(), *BRIEF))
    rows = [heads, *([_cut(row[0]), *row[1:]] for row in rows[:MOST_ROWS])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = WIDTH - sum(widths) - GAP * (len(widths) - 1)
    for column in reversed(_fitting(comparison, heads, room)):
        widths.insert(1, max(map(len, column)))
        rows = [[row[0], cell, *row[1:]] for row, cell in zip(rows, column, strict=True)]
    lines = [_aligned(row, widths) for row in rows]
    more = len(comparison.runs) - MOST_ROWS
    return "\n".join([*lines, *([f"... and {more:,} more"] if more > 0 else [])])


def _fitting(comparison: Comparison, heads: Row, room: int) -> list[Row]:
    """Return the columns of what differs that fit in `room` characters, each under the end of its path."""
    paths = [tuple(path.split(".")) for path in comparison.telling()]
    ends = shortest_ends([*paths, *((head,) for head in heads)])
    columns = []
    for path, end in zip(paths, ends, strict=False):
        values = [_setting(run.settings, ".".join(path)) for run in comparison.runs[:MOST_ROWS]]
        column = [".".join(end), *values]
        width = GAP + max(map(len, column))
        if width <= room:
            columns.append(column)
            room -= width
    return columns


def _table(comparison: Comparison, paths: Sequence[str], heads: Sequence[str]) -> tuple[Row, list[Row]]:
    """Return heads and rows: the run, the status (if one is not completed), values at these paths, and results."""
    is_telling = any(run.status != "completed" for run in comparison.runs)
    rows = []
    for run in comparison.runs:
        status = [run.status] if is_telling else []
        values = [_setting(run.settings, path) for path in paths]
        rows.append([run.label, *status, *values, *_reached(run, comparison)[: len(heads)]])
    return ["run", *(["status"] if is_telling else []), *paths, *heads], rows


def _reached(run: Summary, comparison: Comparison) -> Row:
    numbers = run.numbers
    names = [*(f"best_{name}" for name in comparison.measures()), *comparison.tested()]
    best = [_rounded(numbers.get(name)) for name in names]
    steps = ["" if numbers[name] is None else f"{numbers[name]:,}" for name in ("best_step", "steps")]
    seconds, speed = numbers["train_seconds"], numbers["symbols_per_second"]
    took = ["" if seconds is None else duration(seconds), "" if speed is None else short_number(speed)]
    return [*best, steps[0], _rounded(numbers["final_train_loss"]), steps[1], *took]


def _setting(settings: Mapping[str, Any], path: str) -> str:
    """Return a setting's value as text; empty if the run does not have it; of a digest the first 12 characters."""
    if path not in settings:
        return ""
    text = _rounded(settings[path]) or "null"
    return text[:12] if path.endswith("sha256") else text


def _exact(key: str, value: Any) -> Any:
    """Return a cell of the CSV; None is empty for a measure (a name without a dot), and `null` for a setting."""
    return (
        value
        if isinstance(value, (str, float)) or (value is None and "." not in key)
        else json.dumps(value, allow_nan=False)
    )


def _rounded(value: Any) -> str:
    """Return a value as text, with four significant digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, allow_nan=False)


def _shared_lines(comparison: Comparison) -> list[str]:
    """Return the main settings that are the same in all runs, one line a section, without those that are null."""
    shared = {path: value for path, value in comparison.shared.items() if value is not None and not _is_minor(path)}
    lines = []
    for section in MAIN:
        paths = [path for path in shared if path.startswith(f"{section}.")]
        parts = [f"{path.removeprefix(f'{section}.')} {markdown_text(_setting(shared, path))}" for path in paths]
        lines += [f"- {section}: {', '.join(parts)}"] if parts else []
    return ["The same in all:", "", *lines] if lines and len(comparison.runs) > 1 else ["Settings:", "", *lines]


def _is_minor(path: str) -> bool:
    """Tell whether a path is an optimizer's argument other than its name and learning rate."""
    return path.startswith("train.optimizer.") and path.split(".")[-1] not in ("name", "learning_rate")


def _cut(label: str) -> str:
    return label if len(label) <= MOST_LABEL else "..." + label[3 - MOST_LABEL :]


def _aligned(row: Row, widths: Sequence[int]) -> str:
    """Return a row as a line: the name to the left of its column, the other cells to the right."""
    cells = [f"{row[0]:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))]
    return (" " * GAP).join(cells).rstrip()
