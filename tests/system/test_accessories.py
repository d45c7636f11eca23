"""Accessories, such as pictures: they read no settings of the user's, and never end the work."""

import os
import subprocess
import sys
import warnings
from copy import copy
from dataclasses import replace
from pathlib import Path

import matplotlib
import pytest
from matplotlib.font_manager import findfont, fontManager, json_dump

from lstmzoo.report.curves import draw_runs
from lstmzoo.report.run_plots import draw_loss
from lstmzoo.report.summary import Summary
from lstmzoo.runs.curve import Curve
from lstmzoo.sweep.results.plots import draw_search
from lstmzoo.sweep.results.trials import TrialResult
from lstmzoo.sweep.space.objective import Objective
from lstmzoo.system.accessories import Accessories
from tests.helpers.places import ROOT
from tests.helpers.rows import few

STYLE = b"text.usetex: True\nfont.size: 40\naxes.facecolor: red\nsavefig.dpi: 10\nsavefig.bbox: tight\n"
SETTINGS = {  # what stands in matplotlibrc where one works, and variables
    "LaTeX, a style and an unknown backend": (STYLE, {"MPLBACKEND": "nonsense"}),
    "LaTeX and a style": (STYLE, {}),
    "a style elsewhere": (b"", {"MATPLOTLIBRC": "style"}),
    "a style of the user's folder": (b"", {"MPLCONFIGDIR": "config"}),
    "keys that do not exist": (b"nonsense here\nbackend: nope\nfont.size: large large\n", {}),
    "no text": (b"\xff\xfe\x00", {}),
    "an unknown backend": (b"", {"MPLBACKEND": "nonsense"}),
    "a backend that is not there": (STYLE, {"MPLBACKEND": "module://nowhere.at_all"}),
    "a folder that cannot be": (b"", {"MPLCONFIGDIR": "/dev/null/x"}),
    "a list of fonts that lacks matplotlib's": (b"", {"MPLCONFIGDIR": "fonts"}),
}
NAMES = few(list(SETTINGS), ["LaTeX, a style and an unknown backend", "a list of fonts that lacks matplotlib's"])


def curve(losses):
    found = Curve(losses[0])
    for step, loss in enumerate(losses, 1):
        found.add({"step": step, "train_loss": loss, "val_loss": loss})
    return found


def picture(folder):
    draw_loss(folder / "loss.png", curve([3.0, 2.0, 1.0]), 0.1, "a name with $ and _")
    return (folder / "loss.png").read_bytes()


def write_fonts(folder):
    """Write the list of fonts that matplotlib keeps, without its own and with another one of the same name."""
    fonts, other = copy(fontManager), folder / "other.ttf"
    folder.mkdir()
    other.write_bytes(Path(findfont("STIXGeneral")).read_bytes())
    fonts.ttflist = [replace(font, fname=str(other)) for font in fonts.ttflist if font.name == "DejaVu Sans"]
    json_dump(fonts, folder / f"fontlist-v{fonts.__version__}.json")


DRAW = """
from pathlib import Path
from lstmzoo.runs.curve import Curve
from lstmzoo.system.accessories import import_matplotlib

import_matplotlib()
from lstmzoo.report.run_plots import draw_loss

curve = Curve(3.0)
for step, loss in enumerate([3.0, 2.0, 1.0], 1):
    curve.add({"step": step, "train_loss": loss, "val_loss": loss})
draw_loss(Path("here.png"), curve, 0.1, "a name with $ and _")
"""


@pytest.mark.parametrize("name", NAMES)
def test_no_setting_of_the_users_shapes_a_picture_or_prevents_it(tmp_path, name):
    settings, variables = SETTINGS[name]
    expected = picture(tmp_path)
    (tmp_path / "config").mkdir()
    write_fonts(tmp_path / "fonts")
    for place, content in (("matplotlibrc", settings), ("style", STYLE), ("config/matplotlibrc", STYLE)):
        (tmp_path / place).write_bytes(content)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run([sys.executable, "-c", DRAW], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "here.png").read_bytes() == expected


CALLS = [
    "build_model('echo_4', vocab_size=2, encoding='scalar', batch_size=1)",
    "score_text('zoo:char_python', 'abc', runtime='tensorflow')",
    "sample_text('zoo:char_python', length=2, runtime='tensorflow')",
    "sample_text('zoo:char_python', length=2, runtime='tflite')",
    "load_model('zoo:echo_4')",
    "export_model('zoo:echo_4', 'echo.onnx')",
]


FIRST = """
import sys

import lstmzoo


class Finder:
    def find_spec(self, name, *others):
        if name in ("tensorflow", "tf_keras"):
            raise SystemExit(0 if "matplotlib.figure" in sys.modules else "TensorFlow comes first")


sys.meta_path.insert(0, Finder())
lstmzoo.CALL
raise SystemExit("TensorFlow is not needed")
"""


@pytest.mark.parametrize("call", few(CALLS, CALLS[:2]))
def test_matplotlib_comes_before_tensorflow_in_the_library_too(tmp_path, call):
    words = [sys.executable, "-c", FIRST.replace("CALL", call)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_no_setting_of_the_users_ends_a_call_of_the_library(tmp_path, call):
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\x00")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "nonsense"}
    words = [sys.executable, "-c", f"import lstmzoo; lstmzoo.{call}"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_needs_no_tensorflow_does_not_wait_for_matplotlib():
    code = "import sys, lstmzoo; lstmzoo.score_text('zoo:char_python', 'abc'); assert 'matplotlib' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0


def test_settings_of_a_notebook_are_left_as_they_are(tmp_path):
    expected = picture(tmp_path)
    with matplotlib.rc_context({"text.usetex": True, "font.size": 40}):
        assert picture(tmp_path) == expected
        assert (matplotlib.rcParams["text.usetex"], matplotlib.rcParams["font.size"]) == (True, 40)


LOSSES = [
    [1e308] * 5, [1e308, 1e-308, 1.0], [1.7e308, 1.7e308], [5e-324, 1.7e308], [0.0, 0.0], [-1.0, -2.0], [1e-310, 1.0],
    [3.4e38, 1.0], [1e300] * 3, [1e-320] * 3, [7.0],
]  # fmt: skip


@pytest.mark.parametrize("losses", few(LOSSES, LOSSES[:2]), ids=str)
def test_any_finite_loss_is_drawn(tmp_path, blank_pictures, losses):
    found = curve(losses)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an axis without positive numbers
        draw_loss(tmp_path / "loss.png", found, 0.1, "x")
        draw_runs(tmp_path / "runs.png", [Summary("x", "completed", {"best_val_loss": losses[0]}, {}, found)] * 2)
        trials = [TrialResult(f"trial-{n:04d}", "completed", "", {"model.units": n, "model.depth": 1}, loss) for n, loss in enumerate(losses)]  # fmt: skip
        draw_search(tmp_path, trials, Objective("val_loss", "min"), lambda trial: ([1, 2], [trial.objective] * 2))
    assert len(list(tmp_path.glob("*.png"))) == 6


def fails(error):
    def work():
        warnings.warn("of a library", RuntimeWarning, stacklevel=2)
        raise error

    return work


@pytest.mark.parametrize(
    "error", [ValueError("a\nb\x1b[31m"), OSError(28, "full"), MemoryError(), KeyError("x" * 10**6)]
)
def test_what_fails_is_left_out_with_one_line(error):
    said = []
    accessories = Accessories(said.append)
    assert not accessories.attempt("pictures", fails(error)) and not accessories.attempt("pictures", fails(error))
    assert accessories.attempt("pictures", lambda: None)
    (line,) = said
    assert line.startswith(f"warning: pictures are left out ({type(error).__name__}:")
    assert line.isprintable() and len(line) < 400
    accessories.attempt("others", fails(error))
    assert len(said) == 2


def test_an_interrupt_is_no_failure_of_a_picture():
    with pytest.raises(KeyboardInterrupt):
        Accessories(print).attempt("pictures", fails(KeyboardInterrupt()))
