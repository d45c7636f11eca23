"""Shared by all tests: quiet TensorFlow, and the reference trajectories."""

import gc
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

BASE = {"task": {"kind": "echo"}, "model": {"units": 4}, "train": {"epochs": 9}}
REFERENCE = Path(__file__).parent / "reference"
BESIDE = Path(__file__).parents[2] / "shared"  # what may not be committed, where it lies beside the clone


def rounding_of_rows():
    """What a product's row may differ by from the same row in a product of other rows beside it.

    With AVX-512 it is the same to the bit in TensorFlow's small products; with AVX2 alone the last place may differ (numbers are of size 1).
    """
    processor = Path("/proc/cpuinfo")
    return 0.0 if processor.exists() and "avx512f" in processor.read_text() else 2**-22


LONGEST = ("test_sweep_killed.py", "test_resume.py", "test_sweep.py", "test_kernels.py")  # a file is one process's work


def pytest_collection_modifyitems(items):
    """The longest files first, so that none of them is what everybody waits for at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_collection_finish():
    """What is imported stays: the garbage collector need not look through TensorFlow again and again."""
    gc.collect()
    gc.freeze()


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
    from trying import SPACE, write_sweep

    def write(search, space=SPACE, base=BASE, **keys):
        return write_sweep(tmp_path, search, space, base, **keys)

    return write
