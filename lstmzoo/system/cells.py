"""Cells of tables: whatever text stands in one, a spreadsheet computes nothing and a page shows it as text."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from lstmzoo.system.terminal import one_line

FORMULA = tuple("=+-@＝＋－＠")
MARKS = re.compile(r"[\\`*|~]|\](?=\()|(?<![^\W_])_|_(?![^\W_])")  # within a word _ means nothing
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def csv_table(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV, a line each; numbers with all digits, and None as an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([map(csv_cell, row) for row in rows])
    return text.getvalue()


def csv_cell(value: Any) -> Any:
    """Return a value for a cell of CSV: a text that a spreadsheet would compute gets an apostrophe in front.

    >>> csv_cell("=1+1"), csv_cell("-0.5"), csv_cell(-0.5)
    ("'=1+1", '-0.5', -0.5)
    """
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA) and not _is_number(text) else text


def markdown_row(cells: Iterable[str]) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(map(markdown_text, cells)) + " |"


def markdown_text(text: str) -> str:
    r"""Return a text for a line of Markdown, escaped where it would be taken for a table, a link, code or HTML.

    >>> markdown_text("a|b <i> [x](y)")
    'a\\|b &lt;i&gt; [x\\](y)'
    """
    return one_line(MARKS.sub(r"\\\g<0>", text.translate(ENTITIES)))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
