"""Whatever stands under the name of a file that a command reads: one message at once, no hang, no memory filled."""

import shutil
import signal

import pytest

import lstmzoo
from lstmzoo import sample
from lstmzoo.errors import InputError
from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.zoo.pretrained import MODELS
from tests.helpers.rows import few
from tests.system.test_reader import device, large, listening, pipe


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A trained model with the files of a run, in the working directory (the name of a socket must be short)."""
    shutil.copytree(MODELS / "char_python", tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").write_text("")
    monkeypatch.chdir(tmp_path)
    signal.alarm(20)
    yield type(tmp_path)("run")
    signal.alarm(0)


def sampled(run):
    return lstmzoo.sample_text(run, length=1)


def reported(run):
    return lstmzoo.write_report(run, run.parent / "report")


def prompted(run):
    return sample._prompt("", run / "prompt.txt")


def trained(run):
    return lstmzoo.train_run(lstmzoo.load_config(run / "config.yaml", []), "new")


def searched(run):
    return SweepDirectory(run).prepare(load_sweep("echo"))


CHECKPOINT = "checkpoints/step-00030000.safetensors"
READ = [
    ("config.yaml", sampled),
    ("vocab.json", sampled),
    (CHECKPOINT, sampled),
    ("config.yaml", reported),
    ("environment.json", reported),
    ("result.json", reported),
    ("metrics.jsonl", reported),
    ("prompt.txt", prompted),
    ("config.yaml", trained),
    ("search/sweep.json", searched),
    ("search/oracle.json", searched),
]
ROWS = [(name, command, make) for name, command in READ for make in (pipe, large, device, listening)]
ALWAYS = [row for row in ROWS if row[2] is pipe or (row[2] is large and row[0] in ("metrics.jsonl", "prompt.txt"))]


@pytest.mark.parametrize(("name", "command", "make"), few(ROWS, ALWAYS))
def test_what_stands_under_the_name_of_a_file(run, name, command, make):
    if name.startswith("search"):
        shutil.rmtree(run)
        SweepDirectory(run).prepare(load_sweep("echo"))
    (run / name).unlink(missing_ok=True)
    make(run / name)
    with pytest.raises(InputError, match=r"expected .*, received .*") as caught:
        command(run)
    assert len(str(caught.value)) < 600
