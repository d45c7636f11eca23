"""Another package adds a model and a task by entry points: it is made, installed and used as its users would.

By default what pip writes is written by hand; `pytest -m install` installs it.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import EntryPoint
from typing import Literal

import pytest

from lstmzoo.errors import InputError
from lstmzoo.models import registry as models
from lstmzoo.schema.section import Section
from lstmzoo.system import plugins
from lstmzoo.tasks import registry as tasks
from tests.helpers.places import ROOT, TESTS

CONFIG = """\
task: {kind: parity}
model: parity_6
train: {batch_size: 5, seq_length: 10, steps: 30}
validate: {every_steps: 15}
execution: {kernel: scan}
"""
NUMBERS = """\
task: {kind: drift, rows: 2003, loss: huber}
model: {units: 6, skip: true}
train: {batch_size: 5, seq_length: 10, steps: 30, optimizer: {name: adam, learning_rate: 0.03}}
validate: {every_steps: 30}
"""
SWEEP = "base: parity.yaml\nspace:\n  train.optimizer.learning_rate: {choices: [0.1, 0.3]}\nsearch: {kind: grid}\n"


INSTALL = pytest.mark.install


@pytest.fixture(scope="module", params=["by hand", pytest.param("installed", marks=INSTALL)])
def python(request, tmp_path_factory):
    """A Python that finds the package, and a folder for its path."""
    place = tmp_path_factory.mktemp("environment")
    return (install if request.param == "installed" else lay_out)(place)


def lay_out(place):
    """The files that an installed package consists of."""
    shutil.copytree(TESTS / "foreign" / "foreign", place / "foreign")
    (place / "foreign-1.0.dist-info").mkdir()
    (place / "foreign-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    project = (TESTS / "foreign" / "pyproject.toml").read_text()
    groups = re.findall(r'^\[project.entry-points."(.*)"\]\n((?:.+\n)*)', project, flags=re.M)
    text = "".join(f"[{name}]\n{points}" for name, points in groups).replace('"', "")
    (place / "foreign-1.0.dist-info" / "entry_points.txt").write_text(text)
    return sys.executable, place


def install(place):
    """In an environment of its own, beside what is here."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "env"], check=True)
    python = place / "env" / "bin" / "python"
    site = place / "env" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    paths = [ROOT, *dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))]
    (site / "beside.pth").write_text("\n".join(map(str, paths)))
    shutil.copytree(TESTS / "foreign", place / "foreign")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--no-build-isolation", str(place / "foreign")], check=True)
    return python, ""


@pytest.fixture
def command(python, tmp_path):
    (tmp_path / "parity.yaml").write_text(CONFIG)
    places = [str(place) for place in (python[1], ROOT) if place]  # this checkout, wherever another one is installed
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}

    def run(*words):
        line = [python[0], "-m", *words]
        return subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300)

    return run


def test_the_zoo_shows_it_and_passes_over_what_is_broken(command):
    done = command("lstmzoo.zoo", "parity*")
    assert done.returncode == 0
    count = 4 * 6 * (1 + 6 + 1) + 4 * 3 * (6 + 3 + 1) + 2 * (3 + 1)
    assert re.search(rf"parity_6 +stacked_layers +6 3 +{count} +\[1\] +-\n", done.stdout)
    assert "[1] a test" in done.stdout
    assert "lstmzoo.models: 'broken_model' of the package foreign (foreign:NOTHING) cannot be used" in done.stderr
    assert "lstmzoo.tasks: 'broken_task' of the package foreign" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_run_trains_its_task_with_its_model(command, tmp_path):
    planned = command("lstmzoo.run", "parity.yaml", "--plan")
    assert "stacked_layers [6, 3], 320 parameters, encoding scalar" in planned.stdout
    done = command("lstmzoo.run", "parity.yaml", "--run-dir", "run")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "result.json").read_text())["steps"] == 30
    assert "kind: parity" in (tmp_path / "run" / "config.yaml").read_text()


@pytest.mark.slow
def test_its_run_is_as_any_other(command, tmp_path):
    assert command("lstmzoo.run", "parity.yaml", "--run-dir", "run").returncode == 0
    longer = command("lstmzoo.run", "--resume", "--run-dir", "run", "--set", "train.steps=40")
    assert longer.returncode == 0, longer.stderr
    assert command("lstmzoo.report", "run").returncode == 0
    (tmp_path / "use.py").write_text(
        "import lstmzoo\nprint(lstmzoo.load_model('run').output_shape, lstmzoo.stream('run').run([1, 0, 1]).shape)\n"
    )
    shown = command("use")
    assert shown.stdout == "(1, None, 2) (3, 2)\n", shown.stderr


@pytest.mark.slow
def test_its_task_of_numbers_is_as_any_other(command, tmp_path):
    (tmp_path / "drift.yaml").write_text(NUMBERS)
    planned = command("lstmzoo.run", "drift.yaml", "--plan").stdout
    assert "single [6], 225 parameters, encoding features" in planned
    assert "40 windows of [5, 10] an epoch, 3 rows dropped" in planned
    straight = command("lstmzoo.run", "drift.yaml", "--run-dir", "straight", "--set", "train.steps=60")
    assert straight.returncode == 0, straight.stderr
    assert re.search(r"step 60: val_loss 0\.\d+  val_rmse 0\.\d+\n", straight.stdout + straight.stderr)
    for words in (("drift.yaml",), ("--resume", "--set", "train.steps=60")):
        assert command("lstmzoo.run", *words, "--run-dir", "resumed").returncode == 0
    one, other = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("straight", "resumed"))
    assert (one["final"], one["best"]) == (other["final"], other["best"])
    assert 0 < one["final"]["val_rmse"] < 1 and one["final"].keys() >= {"val_loss", "train_loss"}
    assert command("lstmzoo.report", "straight", "resumed").returncode == 0
    page = (tmp_path / "report" / "report.md").read_text()
    assert "rows/s" in page and "nats" not in page
    exported = command("lstmzoo.export", "resumed", "x.onnx")
    assert exported.returncode == 0 and "outputs: outputs [B, T, 1]" in exported.stdout
    (tmp_path / "use.py").write_text(
        "import lstmzoo\nprint(lstmzoo.load_model('resumed').output_shape)\n"
        "for model in ('resumed', 'x.onnx'):\n    print(lstmzoo.stream(model, lanes=2).step([[1.5, 0], [2, 1]]).shape)\n"
    )
    assert command("use").stdout == "(1, None, 1)\n(2, 1)\n(2, 1)\n"


def test_mistakes_in_its_section_are_told_as_ours(command):
    done = command("lstmzoo.run", "parity.yaml", "--set", "task.series_lenth=5", "--set", "train.seq_length=5000")
    assert done.returncode == 2
    assert (
        "task.series_lenth: expected a key that exists, received 'series_lenth'; did you mean series_length"
        in done.stderr
    )
    done = command("lstmzoo.run", "parity.yaml", "--set", "task.kind=party")
    assert "did you mean parity" in done.stderr
    assert "parity" in command("lstmzoo.run", "--schema").stdout


@pytest.mark.slow
def test_a_sweep_searches_it(command, tmp_path):
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    done = command("lstmzoo.sweep", "sweep.yaml", "--dir", "found")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "found" / "leaderboard.csv").open() as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["COMPLETED"] * 2


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"kind": "single", "unit": 3}, "InputError: model unit: expected a key that exists"),
        (7, "cannot be used, InputError: expected a mapping, a ModelSpec or a function that returns one, received 7"),
        (lambda: 1 / 0, "cannot be used, ZeroDivisionError: division by zero"),
        (lambda: sys.exit("a licence"), "cannot be used, SystemExit: a licence"),
        ({"source": "\x1b[31m"}, "source and task: expected a line of text each"),
    ],
)
def test_a_model_that_is_none_is_a_warning(monkeypatch, caplog, found, said):
    point = EntryPoint("odd", "somewhere:odd", "lstmzoo.models")
    monkeypatch.setattr(EntryPoint, "load", lambda self: found)
    monkeypatch.setattr(plugins, "_in_order", lambda group: [point])
    monkeypatch.setattr(models, "_REGISTRY", dict(models._REGISTRY))
    plugins.each_plugin("lstmzoo.models", models._enter_plugin)
    assert said in caplog.text
    assert "odd" not in models._REGISTRY


def test_a_name_of_ours_stays_ours(monkeypatch, caplog):
    assert models.get_model("echo_4").layers == (4,)
    monkeypatch.setattr(EntryPoint, "load", lambda self: {"units": 1})
    monkeypatch.setattr(plugins, "_in_order", lambda group: [EntryPoint("echo_4", "a:b", "lstmzoo.models")])
    plugins.each_plugin("lstmzoo.models", models._enter_plugin)
    assert "'echo_4' of the package unknown (a:b) cannot be used, InputError: expected a new model name" in caplog.text
    assert models.get_model("echo_4").layers == (4,)


def test_a_plugin_may_register_models_itself(monkeypatch, caplog):
    monkeypatch.setattr(models, "_REGISTRY", dict(models._REGISTRY))
    monkeypatch.setattr(models, "_LOADED", [])
    calls = []

    def make():
        calls.append(models.register_model("beside", units=3))
        return {"units": 5}

    monkeypatch.setattr(EntryPoint, "load", lambda self: make)
    monkeypatch.setattr(plugins, "_in_order", lambda group: [EntryPoint("made", "a:b", "lstmzoo.models")])
    assert (models.get_model("made").layers, models.get_model("beside").layers, len(calls)) == ((5,), (3,), 1)
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"encodings": ()}, "encodings: expected one or more of scalar, one_hot, embedding"),
        ({"measured": ("x",)}, "measured: expected val_loss among them"),
        ({"vocab_size": "two"}, "vocab_size: expected an integer >= 2"),
        (
            {"encodings": ("features",)},
            "encodings: expected features alone, with vocab_size None, for a task of numbers",
        ),
        ({"encodings": ("features",), "vocab_size": None}, "a section of numbers with input_dim and outputs"),
        ({}, "received Spoilt without check"),
    ],
)
def test_a_task_that_could_not_be_used_is_refused(monkeypatch, spoilt, said):
    base, values = (tasks.EchoSpec, spoilt) if spoilt else (Section, {})
    section = type("Spoilt", (base,), {"__annotations__": {"kind": Literal["odd"]}, **values})
    monkeypatch.setattr(tasks, "TASKS", dict(tasks.TASKS))
    with pytest.raises(InputError, match=said):
        tasks._enter("odd", type("Odd", (tasks.Echo,), {"Spec": section}))
    assert "odd" not in tasks.TASKS
