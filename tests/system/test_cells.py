"""Cells of CSV and Markdown: what is read back is the text, on one line, and nothing computes or obeys it."""

import csv
import html
import io
import re

import pytest
from hypothesis import given, strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from lstmzoo.sweep.progress import Table
from lstmzoo.sweep.results.leaderboard import as_csv, as_markdown
from lstmzoo.sweep.results.trials import TrialResult
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.system.cells import csv_cell, csv_table, markdown_row, markdown_text
from lstmzoo.system.terminal import one_line
from lstmzoo.zoo import catalogue

ODD = [
    "=cmd|' /C calc'!A1", "@SUM(1)", "+1+cmd", "-1+cmd|x", " =1+1", "\t=1", "\r=1", "\n=1", "＝1+1", "=1", "-", "a\n=1",
    "<script>alert(1)</script>", "![x](http://a/b.png)", "[x](javascript:y)", "a|b", "`a`", "*a* ~~b~~ _c_", "&lt;b&gt;",
    "\\", "\\|", "\x1b[31mred", "two\nlines\r\nand\ttab", "\u202eback", "a\u2028b", "", "<!-- ", "<http://a.b>", "# a", "a" * 3000, '"', '","', "'=1",
    "\ud800", "__init__", "a_b_c", "[a]: http://b", "1e5 &amp;",
]  # fmt: skip
TEXTS = st.text(st.sampled_from(list("=+-@|<>[]()!`*_~\\&;#'\"\n\r\t aé1\x1b\u202e＝")), max_size=12) | st.text(
    max_size=8
)


def read_back(text):
    """The texts of the cells of a row of Markdown, and the tags that a page makes of it."""
    page = MarkdownIt("commonmark").enable("table").enable("strikethrough").render(f"| a |\n|---|\n{text}\n")
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [html.unescape(cell) for cell in re.findall("<td>(.*?)</td>", body, re.DOTALL)], set(
        re.findall("<(/?[a-z]+)", body)
    )


def holds(text):
    found = markdown_row([text])
    assert found == one_line(found)
    (cell,), tags = read_back(found)
    assert cell.strip() == one_line(text).strip() and tags == {"tr", "/tr", "td", "/td"}
    ((cell, other),) = csv.reader(io.StringIO(csv_table([[text, 1.5]])))
    assert other == "1.5" and cell.removeprefix("'") == one_line(text).removeprefix("'")
    assert cell.lstrip()[:1] not in tuple("=+-@＝＋－＠") or float(cell) is not None


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_odd_texts_are_only_text(text):
    holds(text)


@given(text=TEXTS)
def test_any_text_is_only_text(text):
    holds(text)


@pytest.mark.parametrize("value", [-0.5, 1e-300, 7, None, "-0.5", "+3", "-1e-5", "[4, 5]", "{name: adam}", "nan"])
def test_numbers_and_lists_stay_as_they_are(value):
    assert csv_cell(value) == value
    assert markdown_text("- a [4, 5] {name: adam} char_2x128 val_loss") == "- a [4, 5] {name: adam} char_2x128 val_loss"


@pytest.mark.parametrize("text", ["=1+1", "<b>", "a|b\n\x1b[31m"])
def test_a_leaderboard_holds_reasons_and_values_as_text(sweep, text):
    search = load_sweep(sweep({"kind": "random", "trials": 5}))
    trials = [TrialResult("trial-0000", "failed", text, {"task.text": text}, None)]
    heads, row = csv.reader(io.StringIO(as_csv(trials, ["task.text"], search)))
    assert row == ["trial-0000", "FAILED", csv_cell(text), csv_cell(text), ""] and len(heads) == 5
    last = as_markdown(trials, ["task.text"], search).splitlines()[-1]
    assert read_back(last)[0][:1] == [""] and "<b>" not in last and last.isprintable()


def test_the_zoo_is_listed_without_what_a_terminal_would_obey(monkeypatch, capsys):
    monkeypatch.setattr(catalogue, "describe_models", lambda pattern: "a \x1b[31mred model")
    monkeypatch.setattr("lstmzoo.system.command_line.run_and_leave", lambda command, quiet: command())
    monkeypatch.setattr("sys.argv", ["zoo"])
    from lstmzoo.zoo.__main__ import main

    main("zoo")
    assert capsys.readouterr().out == "a \\x1b[31mred model\n"


@pytest.mark.parametrize("text", ["[/red]", "[bold]x", "\x1b[31m", "a\nb"])
def test_the_table_on_a_terminal_shows_values_as_text(sweep, tmp_path, text):
    search = load_sweep(sweep({"kind": "random", "trials": 5}))
    table, console = Table(search, tmp_path), Console(file=io.StringIO(), width=200)
    console.print(table._drawn([TrialResult("trial-0000", "completed", "", {"model.units": text}, 0.5)]))
    assert one_line(text) in console.file.getvalue()
