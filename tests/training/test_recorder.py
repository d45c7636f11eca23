"""Pictures and TensorBoard's files never end a run: it ends as it would have, with one warning for each."""

import os
import shutil
import subprocess
import sys

import pytest

import lstmzoo
from lstmzoo.training.progress import SilentProgress
from tests.helpers.killing import metrics, result
from tests.helpers.places import ECHO, ROOT

OPTIONS = ["train.steps=30", "validate.every_steps=10", "checkpoint.every_steps=0", "execution.kernel=scan", "task.series_length=500"]  # fmt: skip


class Lines(SilentProgress):
    """The lines that a run says."""

    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def run(directory):
    lines = Lines()
    lstmzoo.train_run(lstmzoo.load_config(ECHO, OPTIONS), directory, progress=lines)
    return [line for line in lines.said if line.startswith("warning: ")]


def failing(*_, **__):
    raise ValueError("no room\nfor a margin")


def no_folder(self, *_):
    shutil.rmtree(self.directory.plots, ignore_errors=True)
    (self.directory.plots / "loss.png").write_bytes(b"")


def test_a_run_without_pictures_and_tensorboard_is_completed(tmp_path, monkeypatch):
    monkeypatch.setattr("lstmzoo.report.run_plots.draw_loss", failing)
    monkeypatch.setattr("tensorflow.summary.scalar", failing)
    assert run(tmp_path / "run") == [
        "warning: TensorBoard's files are left out (ValueError: no room for a margin)",
        "warning: pictures are left out (ValueError: no room for a margin)",
    ]
    assert result(tmp_path / "run")["status"] == "completed" and len(metrics(tmp_path / "run")) == 30


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["nonsense", "module://nowhere.at_all", ""])
@pytest.mark.parametrize("settings", [b"text.usetex: True\nbackend: nope\nzzz\n", b"\xff\xfe"])
def test_a_command_draws_and_says_the_same_whatever_matplotlib_is_set_to(tmp_path, backend, settings):
    """Before TensorFlow is imported, which imports matplotlib itself by way of Keras 3."""
    (tmp_path / "matplotlibrc").write_bytes(settings)
    words = [sys.executable, "-m", "lstmzoo.run", str(ECHO), "--run-dir", "run"]
    words += [word for option in OPTIONS for word in ("--set", option)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": backend}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "run" / "plots").iterdir()} == {"loss.png", "echo.png"}
    assert not any(word in done.stderr for word in ("matplotlib", "backend", "warning", "Traceback"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "work", "warned"),
    [
        ("lstmzoo.report.run_plots.draw_loss", failing, "pictures are left out (ValueError: no room for a margin)"),
        ("tensorflow.summary.scalar", failing, "TensorBoard's files are left out (ValueError: no room for a margin)"),
        ("tensorflow.summary.create_file_writer", failing, "TensorBoard's files are left out (ValueError: "),
        ("tensorboard.summary.writer.event_file_writer.EventFileWriter", failing, "TensorBoard's files are left out"),
        ("lstmzoo.training.recorder.import_matplotlib", failing, "pictures are left out (ValueError: "),
        ("lstmzoo.training.recorder.Recorder._draw", no_folder, "pictures are left out (FileNotFoundError: "),
    ],
)
def test_what_accompanies_a_run_never_ends_it(tmp_path, monkeypatch, blank_pictures, whole, what, work, warned):
    monkeypatch.setattr(what, work)
    (line,) = run(tmp_path / "run")
    assert line.startswith(f"warning: {warned}")
    assert metrics(tmp_path / "run") == metrics(whole) and result(tmp_path / "run") == result(whole)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder / "run") == []
    return folder / "run"
