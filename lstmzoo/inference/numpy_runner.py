"""A trained model in NumPy alone: `models/numpy_runner.py` has the mathematics."""

import os

from lstmzoo.models.numpy_runner import NumpyRunner
from lstmzoo.runs.trained import open_with_warnings


def load(run: str | os.PathLike[str]) -> NumpyRunner:
    """Return the model of a run directory, or of a trained model of the package such as "zoo:char_python".

    Raises `InputError` for a path that is no run with a whole checkpoint.
    """
    return NumpyRunner(open_with_warnings(run).blueprint())
