"""The check of numbers that a model of numbers is given. No TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lstmzoo.data.scaling import Scaling
from lstmzoo.errors import InputError
from lstmzoo.schema.section import LARGEST

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


def check_numbers(values: np.ndarray, scaling: Scaling | None, where: Callable[[int, str], str]) -> None:
    """Raise `InputError` for a missing value of an input that may lack none, and for a number beyond float32.

    `values`: rows `[n, inputs]`; `where`: names the place of a row (of these) and a column. Without a scaling columns
    have numbers for names, and none may lack a value.
    """
    names = tuple(map(str, range(values.shape[1]))) if scaling is None else scaling.inputs
    complete = np.array([scaling is None or name not in scaling.held for name in names])
    lacking, large = np.isnan(values) & complete, np.abs(values) > LARGEST
    for wrong, expected, cure in (
        (
            lacking,
            "a number, as in each row of the run's data (so its model has no input that says it is missing)",
            "fill it, or train with task.missing: hold on data that lacks some of it too",
        ),
        (large, f"a number of at most {LARGEST:g} (float32)", "take the unit that the run was trained with"),
    ):
        if wrong.any():
            row, place = np.argwhere(wrong)[0].tolist()
            received = "none" if np.isnan(values[row, place]) else f"{values[row, place]:g}"
            raise InputError(f"{where(row, names[place])}: expected {expected}, received {received}: {cure}")
