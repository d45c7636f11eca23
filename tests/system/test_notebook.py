"""What runs, searches and samples show in a notebook: a cell's parts in a fake one, all of it in a real one."""

import importlib.util
import json
import os
import subprocess
import sys
import types
from io import StringIO

import pytest
from rich.console import Console

import lstmzoo
from lstmzoo.sweep import progress as sweep_progress
from lstmzoo.sweep.results.trials import TrialResult
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.system.notebook import Gallery, Part, in_notebook
from lstmzoo.system.terminal import Printed
from lstmzoo.training.progress import BarProgress, Moment, NotebookProgress, PlainProgress, SilentProgress, for_output
from tests.helpers.places import ROOT

MOMENT = Moment(500, 1000, 1, 0.5, 0.25, 2000.0, 150_000.0, 3.0)


@pytest.fixture
def cell(monkeypatch):
    """A list of what a cell's output shows, one entry for each part of it, as the last content of the part."""
    shown = []

    class Handle:
        def __init__(self, place):
            self.update = lambda content: shown.__setitem__(place, content)

    def display(content, display_id):
        shown.append(content)
        return Handle(len(shown) - 1)

    shell = types.SimpleNamespace(kernel=object())
    fake = types.ModuleType("IPython")
    fake.get_ipython = lambda: shell
    fake.display = types.ModuleType("IPython.display")
    fake.display.display, fake.display.Image = display, lambda data, format: (format, data)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", fake.display)
    return shown


def test_a_notebook_is_recognised(cell, monkeypatch):
    assert in_notebook()
    assert isinstance(for_output(), NotebookProgress)
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: types.SimpleNamespace())  # a terminal's IPython
    assert not in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()
    assert isinstance(for_output(), PlainProgress)


def test_a_part_is_replaced(cell):
    one, other = Part(), Part()
    for part, content in ((one, 1), (other, 2), (one, 3)):
        part.show(content)
    assert cell == [3, 2]


def test_a_gallery_shows_what_is_new_or_has_changed(cell, tmp_path):
    gallery, times = Gallery(), iter(range(1, 9))

    def draw(name, content):
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, ns=(next(times),) * 2)
        gallery.show(tmp_path)

    draw("b.png", b"1")
    draw("a.png", b"2")
    draw("b.png", b"3")
    draw("c.txt", b"4")
    assert cell == [("png", b"3"), ("png", b"2")]


def test_the_bar_stays_in_its_place_and_the_pictures_in_theirs(cell, capsys, tmp_path):
    progress = NotebookProgress(seconds=0)
    progress.say("a line\x1b[2J")
    progress.show(MOMENT)
    progress.show(MOMENT._replace(step=1000, fraction=1.0))
    (tmp_path / "loss.png").write_bytes(b"png")
    progress.pictures(tmp_path)
    progress.close()
    assert capsys.readouterr().out == "a line\\x1b[2J\n"
    bar, picture = cell
    assert picture == ("png", b"png")
    console = Console(file=StringIO(), width=100)
    console.print(bar)
    text = console.file.getvalue()
    assert text.startswith("step 1,000/1,000 ")
    assert text.endswith(" loss 0.2500  2k steps/s  150k symbols/s  3 s left\n")
    assert len(text) == 101


def test_the_others_show_no_pictures(tmp_path, capsys):
    for progress in (SilentProgress(), PlainProgress(sys.stderr), BarProgress()):
        progress.pictures(tmp_path)
    assert capsys.readouterr() == ("", "")


def test_a_search_shows_its_table_and_its_pictures(cell, capsys, tmp_path):
    search = load_sweep("echo")
    watch = sweep_progress.for_output(search, tmp_path)
    watch.say("a line")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "trials.png").write_bytes(b"png")
    watch.show([TrialResult("trial-0000", "completed", "", {"model.units": 4}, 0.5)])
    watch.close()
    assert capsys.readouterr().out == "a line\n"
    table, picture = cell
    assert picture == ("png", b"png")
    assert (table.title, table.row_count) == ("1 of 64 trials, best 0.5 (trial-0000)", 1)


def test_a_text_is_printed_as_it_is_drawn(capsys):
    output = Printed()
    for piece in ("é".encode()[:1], "é".encode()[1:] + b"\x1b", b"x"):
        output.write(piece)
    output.write(b"", last=True)
    assert capsys.readouterr().out == "é\\x1bx\n"


def test_sampling_prints_what_it_returns(capsys):
    texts = lstmzoo.sample_text("zoo:char_python", prompt="def ", length=20, samples=2, verbose=True)
    assert capsys.readouterr().out == "".join(f"{text}\n" for text in texts)
    lstmzoo.sample_text("zoo:char_python", prompt="def ", length=20)
    assert capsys.readouterr().out == ""


CELLS = [
    "lstmzoo.train_run(CONFIG, 'run', verbose=True)['status']",
    "lstmzoo.sample_text('run', prompt='wor', length=9, verbose=True);",
    "lstmzoo.run_sweep(SWEEP, 'sweep', verbose=True).best.name",
    "lstmzoo.train_run(CONFIG, 'quiet')['status']",
    "lstmzoo.train_run(LONG, 'long', verbose=True)",
    "lstmzoo.train_run(LONG, 'long', resume=True)['status']",
    "lstmzoo.train_run(LONG, 'straight')['status']",
]
FILES = """
import json, pathlib
pathlib.Path('text.txt').write_text('hello world, this is a text. ' * 200)
train = {'steps': 20, 'batch_size': 2, 'seq_length': 8}
every = {'validate': {'every_steps': 10}, 'sample': {'every_steps': 20, 'length': 9}, 'checkpoint': {'every_steps': 0}}
config = {'task': {'kind': 'char', 'text': 'text.txt'}, 'model': {'units': 4}, 'train': train, **every}
CONFIG, SWEEP = 'c.yaml', 's.yaml'
pathlib.Path(CONFIG).write_text(json.dumps(config))
pathlib.Path(SWEEP).write_text(json.dumps({'base': CONFIG, 'space': {'model.units': {'choices': [2, 3]}}, 'search': {'kind': 'grid'}}))
import lstmzoo
LONG = lstmzoo.load_config(CONFIG, ['train.steps=6000'])
"""
USED = "import tensorflow as tf, tf_keras; print(tf_keras.layers.LSTM(2)(tf.zeros([1, 2, 3])).shape)"
PROGRAM = r"""
import asyncio, json, pathlib, sys, threading, time
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

cells = json.loads(sys.argv[1])
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
client = NotebookClient(book, timeout=200, kernel_name="python3", resources={"metadata": {"path": "."}})

def interrupt():
    metrics = pathlib.Path("long/metrics.jsonl")
    while not metrics.exists():
        time.sleep(0.1)
    asyncio.run(client.km._async_interrupt_kernel())

with client.setup_kernel():
    for number, cell in enumerate(book.cells):
        if "LONG, 'long', verbose" in cell.source:
            threading.Thread(target=interrupt, daemon=True).start()
        try:
            client.execute_cell(cell, number)
        except CellExecutionError:
            pass
print(json.dumps([cell.outputs for cell in book.cells]))
"""


def output_of(cell):
    """(text of stdout, what the parts show, name of the error) of a cell."""
    text = "".join(each["text"] for each in cell if each["output_type"] == "stream" and each["name"] == "stdout")
    parts = [each["data"] for each in cell if each["output_type"] in ("display_data", "execute_result")]
    errors = [each["ename"] for each in cell if each["output_type"] == "error"]
    return text, parts, errors


@pytest.mark.slow
@pytest.mark.parametrize("used", [False, True], ids=["fresh", "after TensorFlow"])
def test_a_real_notebook(tmp_path, used):
    for module in ("nbclient", "ipykernel"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    cells = [FILES + USED * used, *CELLS]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "IPYTHONDIR": str(tmp_path), "LSTMZOO_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM, json.dumps(cells)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    _, run, sample, sweep, quiet, long, resumed, straight = map(output_of, json.loads(done.stdout.splitlines()[-1]))
    assert [
        word in run[0]
        for word in ("model: single [4]", "step 20: val_loss", "sample after step 20", "completed: 20 steps")
    ] == [True] * 4
    assert any("step 20/20" in part["text/plain"] for part in run[1])
    assert sum("image/png" in part for part in run[1]) == 1  # of the loss, replaced in its place
    assert sample[0].startswith("wor")
    assert len(sample[0]) == 3 + 9 + 1
    assert any("2 of 2 trials" in part["text/plain"] for part in sweep[1])
    assert any("image/png" in part for part in sweep[1])
    assert quiet == ("", [{"text/plain": "'completed'"}], [])
    assert long[2] == ["Interrupted"]
    assert (resumed[1], straight[1]) == ([{"text/plain": "'completed'"}],) * 2
    weights = [checkpoints(tmp_path / name)[-1].read_bytes() for name in ("long", "straight")]
    from safetensors.numpy import load

    one, other = map(load, weights)
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def checkpoints(run):
    return sorted((run / "checkpoints").glob("step-*.safetensors"))
