"""Tables written as CSV: what is read back, by this package and by others, and where nothing is left behind."""

import csv
import errno

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from lstmzoo.data.table_writers import csv_lines, csv_writer
from lstmzoo.data.tables import open_table
from lstmzoo.errors import EnvironmentFailure, InputError

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), min_size=1, max_size=6)
SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 4))
FLOATS = st.floats(width=32, allow_infinity=False)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))


@given(SHAPES.flatmap(lambda shape: st.tuples(arrays(np.float32, shape, elements=FLOATS), st.lists(NAMES.map(str.strip).filter(bool), min_size=shape[1], max_size=shape[1], unique=True))))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_any_table_reads_back(tmp_path_factory, table):
    """The same float32 and the same names, here and in the csv module; NaN is an empty cell."""
    block, names = table
    names[0] = f"x{names[0]}" if f"x{names[0]}" not in names else "a longer name"
    path = tmp_path_factory.mktemp("any") / "a.csv"
    with csv_writer(path, names) as write:
        for row in block:
            write(row[None])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMZOO_CACHE", str(path.parent / "cache"))
        (found,) = open_table(path)
        assert found.names == tuple(names)
        np.testing.assert_array_equal(found.read().astype(np.float32), block)
    with path.open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == names
    np.testing.assert_array_equal(np.array([[cell or "nan" for cell in row] for row in rows], np.float32), block)


LINES = {  # blocks, lines
    "float32 in its shortest form": ([np.float32([[0.1, 1 / 3], [1e-30, -2]])], "0.1,0.33333334\n1e-30,-2.0\n"),
    "float64 in its own": ([np.array([[0.1, 1 / 3]])], "0.1,0.3333333333333333\n"),
    "both, side by side": ([np.array([[0.1 + 0.2]]), np.float32([[0.1, np.nan]])], "0.30000000000000004,0.1,\n"),
    "missing values": ([np.array([[np.nan, 1], [2, np.nan], [np.nan, np.nan]])], ",1.0\n2.0,\n,\n"),
    "one column": ([np.array([[1], [np.nan], [2]])], '1.0\n""\n2.0\n'),
    "no rows": ([np.zeros((0, 2))], ""),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_lines(name):
    blocks, lines = LINES[name]
    assert csv_lines(*blocks).decode() == lines


HEADS = {  # names, first line
    "plain": (["flow", "flow_predicted"], "flow,flow_predicted\n"),
    "commas and quotes": (["a, b", 'c"d'], '"a, b","c""d"\n'),
    "one that begins as a comment": (["#a", "b"], '"#a","b"\n'),
    "two lines": (["a\nb", "c"], '"a\nb",c\n'),
    "some that are numbers": (["0", "0_predicted"], "0,0_predicted\n"),
    "those of columns without names": (["0", "1"], ""),
}


@pytest.mark.parametrize("name", HEADS)
def test_names_read_back(tmp_path, name):
    names, line = HEADS[name]
    with csv_writer(tmp_path / "a.csv", names) as write:
        write(np.array([[1.0, 2.0]]))
    assert (tmp_path / "a.csv").read_text() == f"{line}1.0,2.0\n"
    (found,) = open_table(tmp_path / "a.csv")
    assert found.names == tuple(names)


PLACES = {
    "a folder that is not there": (
        "no/a.csv",
        r"expected a file that can be written, received .*no/a.csv \(No such file",
    ),
    "a folder": ("folder", r"received .*folder \(Is a directory\): choose another one"),
    "under a file": ("file/a.csv", r"received .*file/a.csv \(Not a directory\)"),
}


@pytest.mark.parametrize("name", PLACES)
def test_where_nothing_can_be_written(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    file, message = PLACES[name]
    with pytest.raises(InputError, match=message), csv_writer(tmp_path / file, ["a"]) as write:
        write(np.zeros((1, 1)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_names_that_would_be_a_row(tmp_path):
    with (
        pytest.raises(InputError, match="expected a name that is no number, received '3, 7'"),
        csv_writer(tmp_path / "a.csv", ["3", "7"]),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(KeyError), csv_writer(tmp_path / "a.csv", ["a"]) as write:
        write(np.zeros((1, 1)))
        raise KeyError
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
    with csv_writer(tmp_path / "a.csv", ["a"]) as write:
        write(np.zeros((1, 1)))
        assert (tmp_path / "a.csv").read_text() == "old"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["a\n0.0\n"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with (
        pytest.raises(EnvironmentFailure, match=r"a.csv cannot be written \(No space left on device\): make room, or"),
        csv_writer(tmp_path / "a.csv", ["a"]) as write,
    ):
        write(np.zeros((1, 1)))
    assert list(tmp_path.iterdir()) == []
