"""Shared by all tests: quiet TensorFlow, and the reference trajectories."""

import gc
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

REFERENCE = Path(__file__).parent / "reference"
BESIDE = Path(__file__).parents[2] / "shared"  # what may not be committed, where it lies beside the clone


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
