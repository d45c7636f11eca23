"""Tables: CSV, NPY and NPZ by column, whatever their form; and what is none, in one message with file, line and name."""

import csv
import errno
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lstmzoo.data import csv_rows, csv_table, tables
from lstmzoo.data.tables import open_table
from lstmzoo.errors import EnvironmentFailure, InputError

NAN = np.nan


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(params=["at once", "cell by cell"])
def way(request, monkeypatch):
    """Both ways of reading rows."""
    if request.param == "cell by cell":
        monkeypatch.setattr(csv_rows.Rows, "_at_once", lambda self, piece: None)


def table_of(tmp_path, content, name="pump.csv"):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (found,) = open_table(tmp_path / name)
    return found


CSV = {  # content, names, values
    "a head": ("a,b\n1,2\n3,4\n", "a b", [[1, 2], [3, 4]]),
    "no head": ("1,2\n3,4\n", "0 1", [[1, 2], [3, 4]]),
    "no line's end at the end": ("a,b\n1,2\n3,4", "a b", [[1, 2], [3, 4]]),
    "semicolons": ("a;b\n1.5;2\n", "a b", [[1.5, 2]]),
    "tabs": ("a\tb\n1\t\n\t2\n", "a b", [[1, NAN], [NAN, 2]]),
    "bars": ("a|b\n1|2\n", "a b", [[1, 2]]),
    "one column": ("a\n1\n2\n", "a", [[1], [2]]),
    "one column, with empty cells": ('a\n1\n""\n"" \n2\n', "a", [[1], [NAN], [NAN], [2]]),
    "empty cells": ("a,b,c\n,,\n1,,\n,2,\n,,3\n", "a b c", [[NAN] * 3, [1, NAN, NAN], [NAN, 2, NAN], [NAN, NAN, 3]]),
    "empty cells in the first row": (",1\n2,3\n", "0 1", [[NAN, 1], [2, 3]]),
    "words for missing": ("a,b\nNA,nan\nNaN,NA\n NA ,1\n", "a b", [[NAN, NAN], [NAN, NAN], [NAN, 1]]),
    "quoted names": ('"a","b"\n1,2\n', "a b", [[1, 2]]),
    "quoted cells": ('a,b\n"1","2"\n"",3\n', "a b", [[1, 2], [NAN, 3]]),
    "spaces": ("a, b\n1, 2\n 3 ,\t4 \n , 5\n", "a b", [[1, 2], [3, 4], [NAN, 5]]),
    "CRLF": ("a,b\r\n1,2\r\n3,\r\n", "a b", [[1, 2], [3, NAN]]),
    "the mark of UTF-8": ("\ufeffa,b\n1,2\n", "a b", [[1, 2]]),
    "comments before": ("# from a\n#,,,\n\na,b\n1,2\n", "a b", [[1, 2]]),
    "empty lines": ("a,b\n\n1,2\n\n\n3,4\n\n", "a b", [[1, 2], [3, 4]]),
    "an index without a name": (",a\n0,5\n1,6\n", "0 a", [[0, 5], [1, 6]]),
    "columns that pandas numbered": ("0,1,2\n5,6,7\n", "0 1 2", [[5, 6, 7]]),
    "those after its index": (",0,1\n0,5,6\n1,7,8\n", "index 0 1", [[0, 5, 6], [1, 7, 8]]),
    "one after its index": (',"0"\n0,5\n', "index 0", [[0, 5]]),
    "one column that begins with 0": ("0\n1\n2\n", "0", [[0], [1], [2]]),
    "numbers that are no count": ("0,1.0\n1,2\n", "0 1", [[0, 1], [1, 2]]),
    "a count that begins with 1": ("1,2\n3,4\n", "0 1", [[1, 2], [3, 4]]),
    "a name that is an empty one's number": (",0,a\n1,2,3\n", "index 0 a", [[1, 2, 3]]),
    "forms of numbers": ("a,b\n+1,-2.\n.5,1e3\n1E-3,-0\n", "a b", [[1, -2], [0.5, 1000], [0.001, 0]]),
    "float64": ("a\n0.1\n1e300\n1700000000.125\n", "a", [[0.1], [1e300], [1700000000.125]]),
    "a comma at the end": ("a,b,\n1,2,\n", "a b 2", [[1, 2, NAN]]),
    "a semicolon in a name": ("a,b; c\n1,2\n", "a b;_c", [[1, 2]]),
    "commas in names": ('"a, b";c\n1;2\n', "a,_b c", [[1, 2]]),
    "one column with another delimiter": ('"a;b|"\n1\n', "a;b|", [[1]]),
    "a quoted semicolon": ('"a",";"\n1,2\n', "a ;", [[1, 2]]),
    "a quote within a name": ('5" pipe,b\n1,2\n', '5"_pipe b', [[1, 2]]),
    "names of other alphabets": ("größe,温度\n1,2\n", "größe 温度", [[1, 2]]),
    "a name of two lines": ('"a\nb",c\n1,2\n', "a/b c", [[1, 2]]),
}  # fmt: skip


@pytest.mark.parametrize("name", CSV)
def test_a_csv_file_is_its_numbers(tmp_path, way, name):
    content, names, values = CSV[name]
    found = table_of(tmp_path, content)
    assert found.names == tuple(word.replace("_", " ").replace("/", "\n") for word in names.split())
    np.testing.assert_array_equal(found.read(), values)
    assert (found.read().dtype, found.rows) == (float, len(values))


def test_columns_by_name_and_number_in_windows(tmp_path):
    found = table_of(tmp_path, "a,b,3\n" + "".join(f"{n},{n * 10},{n * 100}\n" for n in range(50)))
    np.testing.assert_array_equal(found.read(["3", 0], 10, 3), [[1000, 10], [1100, 11], [1200, 12]])
    np.testing.assert_array_equal(found.read([1, "b"], 48, 9), [[480, 480], [490, 490]])
    assert found.read(["a"], 50, 5).shape == found.read(["a"], 99, 5).shape == (0, 1)
    assert found.where("b", 7) == f"{tmp_path}/pump.csv: line 9, column b"


@pytest.mark.parametrize("piece", [1, 7, 30, 1 << 21])
def test_pieces_make_no_difference(tmp_path, monkeypatch, piece):
    """Neither to values nor to lines, with cells of several lines and empty lines."""
    monkeypatch.setattr(csv_rows, "PIECE", piece)
    rows = [f'{n},"a\n""{n}""\nb",{n / 7!r}\n' + "\n" * (n % 3 == 0) for n in range(20)]
    found = table_of(tmp_path, "# c\nx,note,y\n" + "".join(rows))
    np.testing.assert_array_equal(found.read(["y", "x"]), [[n / 7, n] for n in range(20)])
    lines = [3 + sum(row.count("\n") for row in rows[:n]) for n in range(20)]
    assert [found.where("x", n) for n in range(20)] == [f"{tmp_path}/pump.csv: line {n}, column x" for n in lines]
    monkeypatch.setattr(csv_rows, "MOST_PAIRS", 19)
    found = table_of(tmp_path, "# d\nx,note,y\n" + "".join(rows))
    assert found.where("x", 19) == f"{tmp_path}/pump.csv: row 20, column x"


TEXTS = {  # cells of a column as they stand in the file, and its runs of equal texts; NaN: missing
    "names": (["pump-A", "pump-A", "pump-B", "pump-A"], [0, 0, 1, 2]),
    "ids of which some are numbers": (["7", "07", "7", "7b", "7b"], [0, 1, 2, 3, 3]),
    "quotes and spaces": (['"a,b"', '"a,b"', " x", "x ", '"x"', '"a\nb"'], [0, 0, 1, 1, 1, 2]),
    "other alphabets": (["Pumpe-Ä", "ポンプ", "ポンプ"], [0, 1, 1]),
    "missing": (["a", "", "a", "NA", "b"], [0, NAN, 0, NAN, 1]),
    "dates": (["2020-01-01", "2020-01-01", "2020-01-02"], [0, 0, 1]),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("piece", [1, 9, 1 << 21])
def test_a_column_of_texts_is_the_numbers_of_its_runs(tmp_path, monkeypatch, piece, name):
    monkeypatch.setattr(csv_rows, "PIECE", piece)
    cells, runs = TEXTS[name]
    found = table_of(tmp_path, "x,who\r\n" + "".join(f"{n},{cell}\r\n\n" for n, cell in enumerate(cells)))
    coded = found.with_texts("who")
    np.testing.assert_array_equal(coded.read(["who", "x"]), np.column_stack([runs, range(len(cells))]))
    np.testing.assert_array_equal(coded.read(["who"], 1, 1), np.array(runs)[1:2, None])
    lines = [2 + sum(2 + cell.count("\n") for cell in cells[:n]) for n in range(len(cells))]
    assert [coded.where("who", n) for n in range(len(cells))] == [
        f"{tmp_path}/pump.csv: line {n}, column who" for n in lines
    ]
    assert found.with_texts("x") is found
    with pytest.raises(InputError, match="column who: line .*: expected a number"):
        found.read(["who"])


def test_texts_are_converted_once_from_the_file_that_was_opened(tmp_path, monkeypatch):
    found = table_of(tmp_path, "a,b\nx,1\ny,2\n")
    (tmp_path / "pump.csv").write_text("a,b\nx\ny,2\n")
    with pytest.raises(InputError, match="pump.csv: line 2: expected 2 cells"):
        found.with_texts("a")
    (tmp_path / "pump.csv").write_text("a,b\nx,1\nx,2\n")
    with pytest.raises(InputError, match="pump.csv: the table changed while it was read"):
        found.with_texts("a")
    (tmp_path / "pump.csv").unlink()
    with pytest.raises(EnvironmentFailure, match="pump.csv cannot be read"):
        found.with_texts("a")
    found = table_of(tmp_path, "a,b\nx,1\ny,2\n")
    assert found.with_texts("a").read().tolist() == [[0, 1], [1, 2]]
    monkeypatch.setattr(csv_table, "_convert", None)
    assert table_of(tmp_path, "a,b\nx,1\ny,2\n").with_texts("a").read().tolist() == [[0, 1], [1, 2]]


NUMBERS = st.one_of(
    st.none(), st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(-(10**20), 10**20)
)
CELLS = st.one_of(
    NUMBERS.map(lambda n: "" if n is None else repr(n)), st.text("0123456789+-.eEnaNif_ x\"'\t\u0661", max_size=5)
)


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=8)), st.sampled_from(",;|"), st.booleans())  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_both_ways_read_what_the_csv_module_reads(tmp_path_factory, cells, delimiter, is_quoted):
    """Any cells: numbers are Python's floats; a column is refused, with its first cell, where Python's are none."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL if is_quoted else 0)
    writer.writerows([[f"n{place}" for place in range(len(cells[0]))], *cells])
    folder = tmp_path_factory.mktemp("any")
    for refused in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LSTMZOO_CACHE", str(folder / str(refused)))
            if refused:
                patch.setattr(csv_rows.Rows, "_at_once", lambda self, piece: None)
            found = table_of(folder, text.getvalue())
        for place, column in enumerate(zip(*cells, strict=True)):
            wanted = [_float(cell) for cell in column]
            if None in wanted:
                with pytest.raises(InputError, match=f"column n{place}: line {wanted.index(None) + 2}: expected"):
                    found.read([place])
            else:
                np.testing.assert_array_equal(found.read([place])[:, 0], wanted)


def _float(cell):
    """Python's float of a cell; None for what this table refuses."""
    cell = cell.strip()
    if cell in ("", "NA", "na", "Na", "nA"):
        return NAN
    try:
        value = float(cell)
    except ValueError:
        return None
    return None if "_" in cell or not cell.isascii() or np.isinf(value) else value


def test_a_column_of_text_is_refused_only_where_it_is_asked_for(tmp_path, way):
    found = table_of(tmp_path, "time,flow,note\n2020-01-01,1.5,\n2020-01-02,,dry\n2020-01-03,2,\n")
    np.testing.assert_array_equal(found.read(["flow"]), [[1.5], [NAN], [2]])
    with pytest.raises(InputError, match=r"pump.csv: column note: line 3: expected a number, received 'dry'"):
        found.read(["note"])
    assert found.names == ("time", "flow", "note")


def test_columns_of_text_do_not_hide_ragged_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_rows, "PIECE", 40)
    rows = ["2020-01-01,1,2\n"] * 9
    for wrong in ("2020-01-01,1\n", "2020-01-01,1,2,3\n"):
        with pytest.raises(InputError, match=r"pump.csv: line 11: expected 3 cells"):
            table_of(tmp_path, "".join(["time,a,b\n", *rows, wrong, *rows]))


REFUSED = {  # content, message
    "an empty file": ("", "received an empty file"),
    "empty lines": ("\n\n# a\n", "received no row"),
    "names only": ("a,b\n", r"expected rows of numbers, received none \(a head only\)"),
    "fewer cells": ("a,b\n1,2\n3\n", "line 3: expected 2 cells as in the first row, received 1: correct the line"),
    "more cells": ("a,b\n1,2\n\n3,4,5\n", "line 4: expected 2 cells as in the first row, received 3"),
    "text": ("a,b\n1,2\n3,x4\n", "column b: line 3: expected a number, received 'x4': correct the cell, leave it"),
    "text on line 3 of a cell of two": ('a,b\n"1\n",2\nx,2\n', "column a: line 4: expected a number, received 'x'"),
    "infinity": ("a\n1\ninf\n", "column a: line 3: expected a finite number, received 'inf'"),
    "a number too large": ("a\n1\n-1e999\n", "column a: line 3: expected a finite number, received '-1e999'"),
    "decimal commas": ("a;b\n1,5;2\n", "column a: line 2: expected a decimal point, received '1,5': write 1.5"),
    "decimal commas without a head": ("1,5;2\n2,5;3\n", "column 0: line 1: expected a decimal point, received '1,5'"),
    "thousands, or decimals": ('a,b\n"1,000",2\n', r"column a: line 2: expected a decimal point, received '1,000': write 1.000 .export the table with decimal points., or 1000 if its comma separates thousands"),
    "decimals alone": ('a,b\n"0,125",2\n', r"received '0,125': write 0.125 .export the table with decimal points.$"),
    "decimal commas between commas": ("a,b\n1,5,2,25\n", "line 2: expected 2 cells as in the first row, received 4: if its commas are decimal ones too, export the table with decimal points, or semicolons"),
    "those of one column": ("a\n1,5\n", "line 2: expected 1 cells as in the first row, received 2: if its commas are decimal"),
    "twice the cells with a word": ("a\n1,x\n", "line 2: expected 1 cells as in the first row, received 2: correct the line"),
    "spaces between cells": ("a b c\n0.5 -1 2\n", "column a b c: line 2: expected a comma, semicolon, tab or bar between cells, received '0.5 -1 2': replace the spaces"),
    "a name twice": ("a,b,a\n1,2,3\n", "expected a name for each column, received 'a' twice: rename one"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "expected UTF-8, received UTF-16: save it as UTF-8 .iconv"),
    "UTF-16 without its mark": ("a,b\n1,2\n".encode("utf-16-le"), "expected UTF-8, received UTF-16LE"),
    "names in Latin 1": ("größe,b\n1,2\n".encode("latin1"), "names of columns in UTF-8, received the byte 0xf6"),
    "another program's file": (b"PAR1\0\1\2\3", "received a file of another format"),
    "a quote that is not closed": ('a,b\n1,"2\n3,4\n', "line 2: expected|column b: line 2: expected a number"),
    "lines of old Macs": ("a,b\r1,2\r", "expected lines that end with LF, received CR: convert it"),
    "names of a quote that is not closed": ('"a,b\n' + "1,2\n" * 40_000, "line 1: expected a row, received field larger than field limit .*: is a quote not closed"),
    "long names": (",".join(f"name{n}" for n in range(99_999)) + "\n", "expected names of at most 524,288 bytes in the first row, received 988,880"),
    "a row without an end": ("1," * 600_000 + "1\n2\n", "line 1: expected a first row of at most 1,048,576 bytes, received a longer one: is it a table"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", "received a file of another format"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_csv_table_is(tmp_path, way, name):
    content, message = REFUSED[name]
    with pytest.raises(InputError, match=rf"pump.csv.*({message})") as caught:
        table_of(tmp_path, content).read()
    assert len(str(caught.value)) < 400


PATHS = {  # what is opened, message
    "no file": (lambda folder: folder / "no.csv", r"expected a table \(CSV, NPY, NPZ or WAV\).*no.csv', which is not there"),
    "a glob without files": (lambda folder: str(folder / "*.txt"), "expected files that match .*txt', received none"),
    "a directory": (lambda folder: folder, r"which is a directory: name its files, such as .*\*.csv"),
    "a pipe": (lambda folder: folder / "pipe", "pipe', which cannot be read as a file"),
    "a path that none is": (lambda folder: f"{folder}/*\0", "expected files that match .*received none"),
    "a name twice, side by side": (lambda folder: {"x": folder / "a.csv", "x.flow": folder / "c.csv"}, "x, x.flow: expected a name for each column, received 'x.flow' twice"),
    "a number": (lambda folder: 7, "expected the path of a table .*received 7"),
    "an empty list": (lambda folder: [], r"expected one or more files, received \[\]"),
    "no files beside one another": (lambda folder: {}, r"expected one or more files, received \{\}"),
    "two files for one name": (lambda folder: {"x": f"{folder}/*.csv"}, "'x': expected one file beside the others, received 3"),
    "another length": (lambda folder: {"x": folder / "a.csv", "y": folder / "b.csv"}, "b.csv: expected 1 rows as .*a.csv has beside it, received 2"),
    "no such column": (lambda folder: folder / "a.csv", "a.csv: expected one of its 2 columns, received 'flwo'; did you mean flow"),
}  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
def test_what_cannot_be_opened(tmp_path, name):
    (tmp_path / "a.csv").write_text("flow,heat\n1,2\n")
    (tmp_path / "b.csv").write_text("flow,heat\n1,2\n3,4\n")
    (tmp_path / "c.csv").write_text("n\n1\n")
    os.mkfifo(tmp_path / "pipe")
    source, message = PATHS[name]
    with pytest.raises(InputError, match=message):
        open_table(source(tmp_path))[0].read(["flwo"])
    with pytest.raises(InputError, match="expected one of its 2 columns, received 2; legal: flow, heat"):
        open_table(tmp_path / "a.csv")[0].find(2)


@pytest.mark.parametrize("content", ["flow heat\n1 2\n", '"flow;heat"\n"1;2"\n'])
def test_one_column_that_is_probably_several(tmp_path, content):
    with pytest.raises(
        InputError, match="expected one of its 1 columns, received 'heat'.*if these are several columns, put a"
    ):
        table_of(tmp_path, content).find("heat")
    with pytest.raises(InputError, match="expected one of its 1 columns, received 'heat'; legal: flow$"):
        table_of(tmp_path, "flow\n1\n").find("heat")


def test_a_failure_of_the_system_is_none_of_the_file(tmp_path, monkeypatch):
    def scarce(path):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(tables, "open_file", scarce)
    with pytest.raises(
        EnvironmentFailure, match=r"pump.csv cannot be read \(Too many open files\): raise the limit of open"
    ):
        table_of(tmp_path, "a\n1\n")


def test_lists_globs_and_files_side_by_side(tmp_path):
    for name, scale in (("b", 10), ("a", 1)):
        (tmp_path / f"{name}.csv").write_text(f"u,y\n{scale},{scale + 1}\n{scale + 2},{scale + 3}\n")
    np.save(tmp_path / "c.npy", np.array([5.0, 6.0]))
    assert [table.read(["u"], 0, 1).item() for table in open_table(str(tmp_path / "*.csv"))] == [1, 10]
    assert [table.rows for table in open_table([tmp_path / "b.csv", str(tmp_path / "[ab].csv")])] == [2] * 3
    (beside,) = open_table({"left": tmp_path / "a.csv", "right": tmp_path / "c.npy"})
    assert beside.names == ("left.u", "left.y", "right")
    np.testing.assert_array_equal(beside.read(["right", "left.y", 2, 0]), [[5, 2, 5, 1], [6, 4, 6, 3]])
    assert beside.where("right", 0) == f"{tmp_path}/c.npy: row 1, column right"
    (turned,) = open_table({"right": tmp_path / "a.csv", "left": tmp_path / "c.npy"})
    assert len({beside.digest, turned.digest, open_table(tmp_path / "a.csv")[0].digest}) == 3


ARRAYS = [
    *[
        np.arange(6).reshape(3, 2).astype(dtype)
        for dtype in ("?", "u1", "i1", "<i2", ">i2", "u4", "i8", "f2", ">f4", "f8")
    ],
    np.asfortranarray(np.arange(12.0).reshape(4, 3)),
    np.arange(5, dtype=np.float32),
    np.array([[0.1, NAN], [3, 4]]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.str} {array.shape}")
@pytest.mark.parametrize("ending", ["npy", "npz", "compressed"])
def test_an_array_is_its_columns(tmp_path, array, ending):
    path = tmp_path / f"a.{ending[:3]}"
    {"npy": np.save, "npz": np.savez, "compressed": np.savez_compressed}[ending](
        path.with_suffix(".npz") if ending != "npy" else path, array
    )
    (found,) = open_table(path if ending == "npy" else path.with_suffix(".npz"))
    columns = array.reshape(len(array), -1).astype(float)
    single = array.ndim == 1 and ending != "npy"
    assert found.names == (("arr_0",) if single else tuple(map(str, range(columns.shape[1]))))
    np.testing.assert_array_equal(found.read(), columns)
    np.testing.assert_array_equal(found.read([columns.shape[1] - 1, 0], 1, 1), columns[1:2, [-1, 0]])
    exact = (columns.astype(np.float32) == columns)[~np.isnan(columns)].all() and array.dtype.itemsize < 4
    assert found.read().dtype == (np.float32 if exact or array.dtype.str[1:] == "f4" else float)


def test_columns_of_an_npz_file_by_name(tmp_path):
    np.savez(tmp_path / "a.npz", flow=np.arange(5.0), heat=np.arange(5, dtype="i2"), wet=np.ones(5, "f4"))
    (found,) = open_table(tmp_path / "a.npz")
    assert found.names == ("flow", "heat", "wet")
    np.testing.assert_array_equal(found.read(["wet", "flow"], 3, 9), [[1, 3], [1, 4]])


def zipped(**members):
    def write(path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name.replace("_", "."), content)

    return write


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.npy", npy(np.zeros(5)))
        for member in archive.filelist:
            member.file_size = 1 << 40


def npy(array, **options):
    content = io.BytesIO()
    np.save(content, array, **options)
    return content.getvalue()


def objects(path):
    path.write_bytes(npy(np.zeros(3)).replace(b"'<f8'", b"'|O' "))


def saved(array, cut=0):
    return lambda path: path.write_bytes(npy(array)[: -cut or None])


def savez(**arrays):
    return lambda path: np.savez(path, **arrays)


def twice(path):
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "w") as archive:
        for _ in range(2):
            archive.writestr("flow.npy", npy(np.zeros(3)))


NO_ARRAYS = {
    "a name twice": ("a.npz", twice, "expected a name for each array, received 'flow' twice"),
    "rows as columns": ("a.npy", saved(np.zeros((2, 70_000), "i1")), r"expected at most 65,536 columns, received 70,000 .and 2 rows.: do rows stand as columns\?"),
    "objects": ("a.npy", objects, "expected numbers .integers or floats.*received objects: save it as floats"),
    "strings": ("a.npy", saved(np.array(["a", "b"])), "received strings"),
    "times": ("a.npy", saved(np.array(["2020-01-01"], "M8[D]")), "received times"),
    "complex numbers": ("a.npy", saved(np.ones(3, complex)), "received complex numbers"),
    "records": ("a.npy", saved(np.zeros(3, [("x", "f4")])), "received records: write an array .* for each"),
    "three dimensions": ("a.npy", saved(np.zeros((2, 3, 4))), r"\[rows\] or \[rows, columns\], received the shape '?\(2, 3, 4\)"),
    "a number": ("a.npy", saved(np.float64(3)), r"received the shape '?\(\)"),
    "no columns": ("a.npy", saved(np.zeros((3, 0))), r"received the shape '?\(3, 0\)"),
    "no rows": ("a.npy", saved(np.zeros((0, 3))), "expected rows of numbers, received none"),
    "a file that was cut": ("a.npy", saved(np.zeros((9, 3)), cut=1), r"expected 216 bytes of numbers for the shape \(9, 3\), received 215"),
    "a damaged head": ("a.npy", lambda path: path.write_bytes(npy(np.zeros(3))[:40]), "expected an NPY file, received a damaged head"),
    "a head that is a program": ("a.npy", lambda path: path.write_bytes(npy(np.zeros(3)).replace(b"{'descr'", b"exit(),a")), "received a damaged head"),
    "another format": ("a.npy", lambda path: path.write_text("1,2\n"), "expected NPY, as its name says, received another format"),
    "text under a WAV's name": ("a.WAV", lambda path: path.write_text("1,2\n"), "expected WAV, as its name says"),
    "infinity": ("a.npy", saved(np.array([[1, 2], [3, -np.inf]])), ": row 2, column 1: expected a finite number, received -inf"),
    "infinity in an NPZ": ("a.npz", savez(x=np.array([1, np.inf])), ": row 2, column x: expected a finite number"),
    "arrays of other lengths": ("a.npz", savez(x=np.ones(3), y=np.ones(4)), r"1-D arrays of equal length .a column each., received 'x \(3,\), y \(4,\)'"),
    "several of two dimensions": ("a.npz", savez(x=np.ones((3, 2)), y=np.ones((3, 2))), "expected one array, or 1-D arrays"),
    "objects in an NPZ": ("a.npz", zipped(x_npy=npy(np.zeros(3)).replace(b"'<f8'", b"'|O' ")), "array 'x': expected numbers .*received objects"),
    "a spreadsheet": ("a.xlsx", zipped(workbook_xml="<a/>"), "expected an NPZ file, with arrays alone, received 'workbook.xml': export"),
    "an empty archive": ("a.npz", zipped(), "with arrays alone, received none"),
    "half an archive": ("a.npz", lambda path: (savez(x=np.ones(99))(path), path.write_bytes(path.read_bytes()[:500])), "expected an NPZ file, received a damaged one"),
    "a bomb": ("a.npz", bomb, "expected at most 1,073,741,824 bytes of arrays, received 3,298,534,883,328: save it as NPY"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_ARRAYS)
def test_what_no_array_is(tmp_path, name):
    file, write, message = NO_ARRAYS[name]
    write(tmp_path / file)
    with pytest.raises(InputError, match=rf"{file}.*{message}"):
        open_table(tmp_path / file)[0].read()


@pytest.mark.parametrize("how", ["cut", "overwritten", "appended to"])
def test_a_file_that_changes_while_it_is_used(tmp_path, how):
    path = tmp_path / "a.npy"
    path.write_bytes(npy(np.zeros(1000)))
    (found,) = open_table(path)
    time.sleep(0.02)  # the clock of files has ticks
    if how == "cut":
        os.truncate(path, 1000)
    else:
        with path.open("ab" if how == "appended to" else "r+b") as file:
            file.write(bytes(1000))
    said = r"a.npy: expected a file that stays as it was at the start, received one that was changed or cut: restore it"
    with pytest.raises(InputError, match=said):
        found.read()


def test_a_file_that_changes_while_it_is_opened(tmp_path, monkeypatch):
    path, real = tmp_path / "a.npy", tables.npy_columns
    path.write_bytes(npy(np.zeros(1000)))

    def meanwhile(*arguments):
        time.sleep(0.02)
        path.write_bytes(npy(np.ones(1000)))
        return real(*arguments)

    monkeypatch.setattr(tables, "npy_columns", meanwhile)
    with pytest.raises(InputError, match=r"a.npy: the table changed while it was read: start again"):
        open_table(path)


def open_files():
    return {os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()}


def test_many_columns_are_found_by_name_at_once_and_need_one_open_file(tmp_path):
    np.savez(tmp_path / "a.npz", **{f"n{number}": np.full(3, number) for number in range(2000)})
    before = open_files()
    (found,) = open_table(tmp_path / "a.npz")
    assert len(open_files() - before) == 1  # others may be closed meanwhile
    start = time.process_time()
    np.testing.assert_array_equal(found.read(None, 1, 1), [range(2000)])
    assert time.process_time() - start < 0.5


def test_a_removed_file_can_be_read_to_the_end(tmp_path, cache):
    found = table_of(tmp_path, "a\n1\n2\n")
    subprocess.run(["rm", "-r", cache, tmp_path / "pump.csv"], check=True)
    np.testing.assert_array_equal(found.read(), [[1], [2]])


def test_a_table_is_converted_once_and_its_cache_is_checked(tmp_path, cache, monkeypatch):
    """As that of a text, which `test_text.py` damages in many more ways."""
    found, made = table_of(tmp_path, "a,b\n1,x\n2,3\n"), []
    (place,) = (cache / "tables").iterdir()
    assert {path.name for path in place.iterdir()} == {"numbers.f64", "table.json", "SHA256SUMS"}
    assert subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=place).returncode == 0
    assert place.stat().st_mode & 0o777 == 0o700
    convert = csv_table._convert
    monkeypatch.setattr(csv_table, "_convert", lambda *all: (made.append(1), convert(*all))[1])
    for name, change, count in (
        ("none", lambda content: content, 0),
        ("numbers.f64", lambda content: content[:-1] + b"\1", 1),
        ("numbers.f64", lambda content: content[:-8], 1),
        ("table.json", lambda content: content.replace(b'"a"', b'"c"'), 1),
        ("SHA256SUMS", lambda content: b"", 1),
    ):
        made.clear()
        path = place / name
        if path.exists():
            path.write_bytes(change(path.read_bytes()))
        again = table_of(tmp_path, "a,b\n1,x\n2,3\n", "copy.csv")
        assert (len(made), again.names, again.digest) == (count, found.names, found.digest)
        np.testing.assert_array_equal(again.read(["a"]), [[1], [2]])
        with pytest.raises(InputError, match="copy.csv: column b: line 2: expected a number, received 'x'"):
            again.read(["b"])
    assert json.loads((place / "table.json").read_text())["names"] == ["a", "b"]


def test_a_table_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_table, "whole_rows", lambda file, path: iter([b"1\n9\n"]))
    with pytest.raises(InputError, match="pump.csv: the table changed while it was read: start again"):
        table_of(tmp_path, "a\n1\n2\n")


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from lstmzoo.data.tables import open_table
np.loadtxt(["1"])
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 128_000_000, -1))
table, = open_table(sys.argv[1])
total = sum(float(np.nansum(table.read([1], first, 65_536))) for first in range(0, table.rows, 65_536))
print(table.rows, total, table.read([0, 3], table.rows - 2, 9).tolist())
"""


def large_npy(path):
    array = np.lib.format.open_memmap(path, "w+", np.float32, (1_000_000_000 // 16, 4))
    array[-2:] = [[5, 1, 5, 5], [1, 2, 3, 4]]
    array.flush()
    return len(array)


def large_csv(row, count):
    def write(path):
        with path.open("wb") as file:
            file.write(b"a,b,c,d\n")
            for _ in range(count // 100_000):
                file.write(row * 100_000)
            file.write(b"5,1,5,5\n1,2,3,4\n")
        return count + 2

    return write


@pytest.mark.slow
@pytest.mark.parametrize(
    "write",
    [large_npy, large_csv(b"1.25,,3,4\n", 10_000_000), large_csv(b"1.25,,3,4\n\n", 400_000)],
    ids=["an array of 1 GB", "CSV of 100 MB", "CSV of 4 MB, cell by cell"],
)
def test_a_large_table_takes_little_memory(tmp_path, write):
    """It is read in a process that may have 128 MB more than NumPy takes."""
    rows = write(tmp_path / "large")
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    line = [sys.executable, "-c", LIMITED, tmp_path / "large"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    assert done.stdout == f"{rows} 3.0 [[5.0, 5.0], [1.0, 4.0]]\n", done.stderr
