"""The lowest versions that pyproject.toml allows are true: they can be installed together, and the commands run.

`pytest -m install tests/house/test_bounds.py` makes an environment of them with uv (about 2 GB from the network).
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.helpers.places import ROOT

tomllib = pytest.importorskip("tomllib")  # Python 3.10 has none
EXTRAS = ("tflite", "onnx")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BOUNDS = [*PROJECT["dependencies"], *(each for extra in EXTRAS for each in PROJECT["optional-dependencies"][extra])]
CONFIG = {
    "task": {"kind": "char", "text": "text.txt"},
    "model": {"units": 8},
    "train": {"steps": 30, "batch_size": 4, "seq_length": 8},
    "validate": {"every_steps": 10},
    "sample": {"every_steps": 30, "length": 10},
}
SWEEP = {"base": "c.yaml", "space": {"model.units": {"choices": [2, 3]}}, "search": {"kind": "bayesian", "trials": 2}}
COMMANDS = [
    ("run c.yaml --run-dir run", "completed: 30 steps"),
    ("sample run --length 20", ""),
    ("score run text.txt", "carried (one lane)"),
    ("export run run.keras --format keras", "logits equal to the live model's"),
    ("export run run.tflite --format tflite", "checked over"),
    ("export run run.onnx --format onnx", "checked over"),
    ("export run saved --format savedmodel", "checked over"),
    ("sample run --length 20 --runtime onnx", ""),
    ("sample run --length 20 --runtime tflite", ""),
    ("report run", "report.md"),
    ("sweep s.yaml --dir sweep", "2 trials completed, 0 failed"),
    ("zoo", "echo_4"),
    ("doctor", "all is well"),
]


def test_each_bound_says_a_lowest_version():
    for bound in BOUNDS:
        assert [each.operator for each in Requirement(bound).specifier] == [">="], bound


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A Python with the package and the lowest versions that it allows."""
    if sys.version_info >= (3, 13):
        pytest.skip("the lowest TensorFlow has no wheel for this Python")
    place = tmp_path_factory.mktemp("lowest") / "env"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python, uv = place / "bin" / "python", shutil.which("uv")
    if uv is None:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        uv = place / "bin" / "uv"
    wanted = f"{ROOT}[{','.join(EXTRAS)}]"
    subprocess.run([uv, "pip", "install", "--python", python, "--resolution", "lowest-direct", wanted], check=True)
    return python


@pytest.mark.install
def test_the_lowest_versions_are_those_of_the_bounds(python):
    """A bound below what another package needs, or that nobody has published, is not true."""
    program = "import json, importlib.metadata as m; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    found = json.loads(subprocess.run([python, "-c", program], check=True, capture_output=True).stdout)
    installed = {canonicalize_name(name): Version(version).release for name, version in found.items()}
    for requirement in map(Requirement, BOUNDS):
        (bound,) = (Version(each.version).release for each in requirement.specifier)
        assert installed[canonicalize_name(requirement.name)][: len(bound)] == bound, requirement


@pytest.mark.install
def test_the_commands_run_with_the_lowest_versions(python, tmp_path):
    (tmp_path / "text.txt").write_text("hello world, this is a text. " * 300)
    (tmp_path / "c.yaml").write_text(json.dumps(CONFIG))
    (tmp_path / "s.yaml").write_text(json.dumps(SWEEP))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["LSTMZOO_CACHE"] = str(tmp_path / "cache")
    for command, text in COMMANDS:
        words = [python, "-m", *f"lstmzoo.{command}".split()]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), (command, done.stderr)
        assert text in done.stdout, (command, done.stdout)
