"""Shared by all tests: quiet TensorFlow, and the reference trajectories."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

REFERENCE = Path(__file__).parent / "reference"


@pytest.fixture(scope="session")
def reference():
    """Loads a reference trajectory by name."""
    return lambda name: dict(np.load(REFERENCE / f"{name}.npz", allow_pickle=False))
