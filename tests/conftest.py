"""Shared by all tests: quiet TensorFlow, and the reference trajectories."""

import gc
import os
import signal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # two processes test beside one another

import numpy as np
import pytest

from lstmzoo.system.signals import SIGNALS
from tests.helpers.places import ROOT, TESTS
from tests.helpers.trying import BASE, SPACE, write_sweep

REFERENCE = TESTS / "reference"
BESIDE = ROOT.parent / "shared"  # what may not be committed, where it lies beside the clone


LONGEST = [  # a file is the work of one process
    "laws/test_resume.py",
    "training/test_run.py",
    "execution/test_kernels.py",
    "laws/test_faults.py",
    "export/test_c.py",
    "laws/test_every_model.py",
    "system/test_accessories.py",
    "convert/test_keras_bodies.py",
    "inference/test_streaming.py",
    "inference/test_restored.py",
    "sweep/test_run.py",
    "export/test_write.py",
    "inference/test_sampling.py",
    "laws/test_laws.py",
    "training/test_hosts.py",
    "laws/test_reference.py",
    "convert/test_keras.py",
    "laws/test_sweep_killed.py",
    "laws/test_char_reference.py",
    "models/test_own_code.py",
    "export/test_formats.py",
]


def pytest_collection_modifyitems(items):
    """The longest files first, so that none of them is what everybody waits for at the end."""
    place = {TESTS / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish():
    """What is imported stays: the garbage collector need not look through TensorFlow again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def signals():
    """A command that is called in this process leaves all signals ignored: it would have ended."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def reference():
    """Loads a reference trajectory by name."""
    return lambda name: dict(np.load(REFERENCE / f"{name}.npz", allow_pickle=False))


@pytest.fixture(scope="session")
def beside():
    """Finds a file that is not part of the project, or skips the test."""

    def find(name):
        if not (BESIDE / name).is_file():
            pytest.skip(f"{name} is not at hand: it holds somebody's text")
        return BESIDE / name

    return find


@pytest.fixture
def sweep(tmp_path):
    """Writes a sweep's file."""

    def write(search, space=SPACE, base=BASE, **keys):
        return write_sweep(tmp_path, search, space, base, **keys)

    return write


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Loads a driver with so many GPUs, or none; `listed` is the user's CUDA_VISIBLE_DEVICES."""

    def load(gpus, listed=None):
        files = () if gpus is None else ("nvidiactl", "nvidia-uvm", *(f"nvidia{2 * n}" for n in range(gpus)))
        (tmp_path / "dev").mkdir()
        for name in files:
            (tmp_path / "dev" / name).touch()
        monkeypatch.setattr("lstmzoo.system.machine.DRIVER", tmp_path / "dev" / "nvidiactl")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if listed is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)

    return load


@pytest.fixture
def blank_pictures(monkeypatch):
    """For tests that look at none: drawing takes half of a short run. The files are there."""
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, file, **options: file.write(b"\x89PNG"))
