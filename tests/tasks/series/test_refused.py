"""Data that a series cannot be trained on, through the command: one message with its place, status 2, nothing written.

What the sections and tables refuse is in `test_spec`, `test_recordings` and `tests/data`; here is what a user sees.
"""

import os
import struct
import sys
import wave

import numpy as np
import pytest

import lstmzoo
from lstmzoo import run
from lstmzoo.errors import InputError
from lstmzoo.training.progress import SilentProgress

CONFIG = """
task: {{kind: series, data: {data}{keys}}}
model: {{units: 3}}
train: {{batch_size: 2, seq_length: 10, steps: {steps}}}
validate: {{every_steps: 2}}
checkpoint: {{every_steps: 5}}
execution: {{kernel: scan, windows_per_call: 2}}
"""
ROWS = [f"{row % 7},{row % 5},{row}\n" for row in range(100)]


def csv(*more, head="pressure,flow,time\n", rows=ROWS):
    return lambda path: path.write_bytes("".join([head, *rows, *more]).encode())


def sound(rate=8000, frames=100, channels=1):
    def write(path):
        with wave.open(str(path), "wb") as file:
            file.setparams((channels, 2, rate, frames, "NONE", ""))
            file.writeframes(np.arange(frames * channels, dtype="<i2").tobytes())

    return write


def cut(write, size):
    return lambda path: (write(path), os.truncate(path, size))


def extensible(path):
    """As format 0xFFFE says, but without what it says."""
    sound()(path)
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, 20, 0xFFFE)
    path.write_bytes(content)


def saved(array, **options):
    return lambda path: np.save(path, array, **options)


FLOW = ", inputs: pressure, targets: flow"
BOTH = "[x.wav, y.wav]"
REFUSED = {  # files, task.data, more keys, what the message says
    "no such column": ({"x.csv": csv()}, "x.csv", ", inputs: presure", "task.inputs: x.csv: expected one of its 3 columns, received 'presure'; did you mean pressure?"),
    "a word": ({"x.csv": csv("1,x,3\n")}, "x.csv", "", "x.csv: column flow: line 102: expected a number, received 'x': correct the cell"),
    "ragged rows": ({"x.csv": csv("1,2\n")}, "x.csv", "", "x.csv: line 102: expected 3 cells as in the first row, received 2"),
    "a head only": ({"x.csv": csv(rows=[])}, "x.csv", "", "x.csv: expected rows of numbers, received none (a head only)"),
    "decimal commas": ({"x.csv": csv(head="a;b\n", rows=["1,5;2\n"] * 9)}, "x.csv", "", "x.csv: column a: line 2: expected a decimal point, received '1,5': write 1.5"),
    "a missing input": ({"x.csv": csv(",2,3\n")}, "x.csv", FLOW, "x.csv: line 102, column pressure: expected a number in each row of an input, received none: set task.missing: hold"),
    "infinity": ({"x.csv": csv("1,-inf,3\n")}, "x.csv", "", "x.csv: column flow: line 102: expected a finite number, received '-inf'"),
    "infinity in an array": ({"x.npy": saved(np.full((50, 2), np.inf))}, "x.npy", "", "x.npy: row 1, column 0: expected a finite number, received inf"),
    "no target at all": ({"x.csv": csv(rows=[f"{row},,0\n" for row in range(100)])}, "x.csv", FLOW, "x.csv: expected values of the column 'flow' to train on, received none: all are missing"),
    "no target to validate on": ({"x.csv": csv(rows=[f"{row},{row if row < 50 else ''},0\n" for row in range(100)])}, "x.csv", FLOW, "task, what is validated on: expected a value of the target 'flow' that counts, received none"),
    "targets in the warm-up alone": ({"x.csv": csv(rows=[f"{row},{row if row < 3 or row > 90 else ''},0\n" for row in range(100)])}, "x.csv", FLOW + ", warmup: 5", "task, what is trained on: expected a value of the target 'flow' that counts, received none: all are missing or in the warm-up"),
    "shorter than a window": ({"x.csv": csv(rows=ROWS[:9])}, "x.csv", FLOW, "task.data: expected a segment with 10 rows or more to train on, a window of train.seq_length and a target, received at most 8 ("),
    "a warm-up longer than all": ({"x.csv": csv()}, "x.csv", ", warmup: 100", "task, what is trained on: warmup: expected less than 50 steps"),
    "another rate": ({"x.wav": sound(), "y.wav": sound(44_100)}, BOTH, "", "y.wav: expected 8,000 Hz as"),
    "another rate beside": ({"x.wav": sound(), "y.wav": sound(44_100)}, "{u: x.wav, y: y.wav}", "", "y.wav: expected 8,000 Hz as"),
    "another length beside": ({"x.wav": sound(), "y.wav": sound(frames=99)}, "{u: x.wav, y: y.wav}", "", "y.wav: expected 100 rows as"),
    "a cut sound": ({"x.wav": cut(sound(), 100)}, "x.wav", "", "x.wav: expected 200 bytes of samples (frames of 2), received 56: the file was cut"),
    "half a head": ({"x.wav": extensible}, "x.wav", "", "x.wav: expected a WAV file, received one that was cut: write it again (ffmpeg"),
    "objects": ({"x.npy": saved(np.array([{}, 1]), allow_pickle=True)}, "x.npy", "", "x.npy: expected numbers (integers or floats of at most 64 bits), received objects"),
    "rows as columns": ({"x.npy": saved(np.zeros((2, 70_000), "i1"))}, "x.npy", "", "x.npy: expected at most 65,536 columns, received 70,000 (and 2 rows): do rows stand as columns?"),
    "UTF-16": ({"x.csv": lambda path: path.write_text("a,b\n1,2\n", "utf-16")}, "x.csv", "", "x.csv: expected UTF-8, received UTF-16: save it as UTF-8"),
    "a pipe": ({"x.csv": os.mkfifo}, "x.csv", "", "c.yaml:2: task.data: expected a table or a simulated series ("),
    "a device": ({}, "/dev/zero", "", "c.yaml:2: task.data: expected a table or a simulated series (/dev/zero cannot be read as a file)"),
    "nothing": ({}, "pump.csv", "", "c.yaml:2: task.data: expected a table or a simulated series ("),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LSTMZOO_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, files, data, keys="", steps=2):
    for name, content in files.items():
        content(folder / name)
    (folder / "c.yaml").write_text(CONFIG.format(data=data, keys=keys, steps=steps))
    return folder / "c.yaml"


@pytest.mark.parametrize("case", REFUSED)
def test_one_message_says_what_is_wrong_and_nothing_is_begun(folder, capfd, monkeypatch, case):
    *given, says = REFUSED[case]
    write(folder, *given)
    monkeypatch.setattr(sys, "argv", ["lstmzoo.run", "c.yaml"])
    with pytest.raises(SystemExit) as left:
        run.main("python -m lstmzoo.run")
    said = capfd.readouterr()
    assert (left.value.code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert line.replace(f"{folder}/", "").startswith(says)
    assert not (folder / "runs").exists()


class Meanwhile(SilentProgress):
    """Does something to the data after step 5."""

    def __init__(self, do):
        self.do = do

    def show(self, moment):
        if moment.step == 5:
            self.do()


TABLE = np.random.default_rng(0).normal(size=(400, 2)).cumsum(0)


@pytest.mark.slow
def test_a_table_that_is_overwritten_stops_the_run_and_one_that_is_removed_does_not(folder):
    config = write(folder, {"x.npy": saved(TABLE)}, "x.npy", steps=15)
    kept = (folder / "x.npy").read_bytes()
    whole = lstmzoo.train_run(config, folder / "whole", progress=Meanwhile((folder / "x.npy").unlink))
    (folder / "x.npy").write_bytes(kept)
    with pytest.raises(InputError, match=r"x.npy: expected a file that stays as it was at the start, received one"):
        lstmzoo.train_run(config, folder / "run", progress=Meanwhile(lambda: saved(TABLE + 1)(folder / "x.npy")))
    with pytest.raises(InputError, match=r"task.data: expected the same tables that the run was trained with"):
        lstmzoo.train_run(config, folder / "run", resume=True)
    (folder / "x.npy").write_bytes(kept)
    assert lstmzoo.train_run(config, folder / "run", resume=True)["final"] == whole["final"]
