"""Tables of numbers: how fast they are read and written, beside NumPy's own reader and the csv module.

`python experiments/speed/tables.py [MB]` prints MB a second of the file, the median of 5 rounds in which all take
turns, and writes tables.md beside this. A CSV file is read the first time (converted, no cache), and again.
"""

import csv
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lstmzoo.data.columns import Sound
from lstmzoo.data.table_writers import csv_writer, wav_writer
from lstmzoo.data.tables import open_table

HERE = Path(__file__).parent
ROUNDS, COLUMNS, BLOCK = 5, 6, 65_536  # rows of a block
NAMES = ["time, s", 'flow "in"', "flow out", "heat", "level", "valve"]


def numbers(share: float) -> np.ndarray:
    """Rows of normal numbers `[BLOCK, COLUMNS]`, of which so many are missing."""
    draws = np.random.default_rng(0)
    block = draws.normal(size=(BLOCK, COLUMNS)).astype(np.float32)
    block[draws.random(block.shape) < share] = np.nan
    return block


def make_csv(path: Path, size: int, share: float, quoted: bool = False) -> None:
    """Write one block again and again, under quoted names."""
    with csv_writer(path, NAMES) as write:
        write(numbers(share))
    head, _, rows = path.read_bytes().partition(b"\n")
    if quoted:
        rows = b"".join(b'"%b"\n' % row.replace(b",", b'","') for row in rows.splitlines())
    with path.open("wb") as file:
        file.write(head + b"\n")
        while file.tell() < size:
            file.write(rows)


def read_all(path: Path) -> None:
    """Read a table to its end, a block at a time."""
    (table,) = open_table(path)
    for first in range(0, table.rows, BLOCK):
        table.read(None, first, BLOCK)


def read_first(path: Path) -> None:
    """Read a table that was never read."""
    shutil.rmtree(os.environ["LSTMZOO_CACHE"], ignore_errors=True)
    read_all(path)


def with_numpy(path: Path) -> None:
    """Read all rows with NumPy's own reader, which takes no empty cells."""
    np.loadtxt(path, np.float64, delimiter=",", skiprows=1)


def with_csv(path: Path) -> None:
    """Read all rows with the csv module."""
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        np.array([[float(cell or "nan") for cell in row] for row in rows])


def write_csv(path: Path) -> None:
    """Write a block as CSV."""
    with csv_writer(path, NAMES) as write:
        write(numbers(0.1))


def write_wav(path: Path) -> None:
    """Write ten seconds of two channels many times, as 24 bits."""
    frames = np.random.default_rng(0).uniform(-1, 1, (441_000, 2)).astype(np.float32)
    with wav_writer(path, Sound(44_100, "int24"), 2, print) as write:
        for _ in range(10):
            write(frames)


def cases(folder: Path, size: int) -> dict[str, tuple[Callable[[Path], None], Path]]:
    """Make the files; return what is done with each."""
    for name, share, quoted in (("plain", 0, False), ("empty", 0.1, False), ("quoted", 0.1, True)):
        make_csv(folder / f"{name}.csv", size, share, quoted)
    np.save(folder / "a.npy", np.tile(numbers(0), (max(size // (BLOCK * COLUMNS * 4), 1), 1)))
    write_wav(folder / "a.wav")
    return {
        "numpy.loadtxt, no empty cells": (with_numpy, folder / "plain.csv"),
        "csv module, a tenth of the cells empty": (with_csv, folder / "empty.csv"),
        "CSV, no empty cells, the first time": (read_first, folder / "plain.csv"),
        "CSV, a tenth of the cells empty, the first time": (read_first, folder / "empty.csv"),
        "CSV, the same with each cell quoted, the first time": (read_first, folder / "quoted.csv"),
        "CSV, again": (read_all, folder / "quoted.csv"),
        "NPY of float32": (read_all, folder / "a.npy"),
        "WAV of 24 bits": (read_all, folder / "a.wav"),
        "writing CSV": (write_csv, folder / "out.csv"),
        "writing WAV of 24 bits": (write_wav, folder / "out.wav"),
    }


def main(size: int) -> None:
    """Measure in turns; print and write the table."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        os.environ["LSTMZOO_CACHE"] = f"{place}/cache"
        todo = cases(Path(place), size)
        for _ in range(ROUNDS):
            for name, (call, path) in todo.items():
                start = time.perf_counter()
                call(path)
                seconds.setdefault(name, []).append(time.perf_counter() - start)
        sizes = {name: path.stat().st_size / 1e6 for name, (_, path) in todo.items()}
    lines = ["| what | MB | MB/s |", "|---|---|---|"]
    for name, found in seconds.items():
        lines.append(f"| {name} | {sizes[name]:,.0f} | {sizes[name] / statistics.median(found):,.0f} |")
    made_with = f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}; median of {ROUNDS}"
    (HERE / "tables.md").write_text("\n".join([*lines, "", made_with, ""]))
    print("\n".join([*lines, "", made_with]))


if __name__ == "__main__":
    main(int(sys.argv[1]) * 1_000_000 if len(sys.argv) > 1 else 40_000_000)
