"""The scaling of a model of numbers as an exported graph computes it, so that the units of the data go in and come out.

Graphs compute in float32, where `x * a + b` loses the digits of a mean that is large beside the deviation: the mean is
taken away first, and what float32 cannot hold of it after.
"""

from typing import NamedTuple

import numpy as np

from lstmzoo.data.scaling import Scaling
from lstmzoo.errors import InputError, shown

LEAST, MOST = 1e-37, 1e37  # of a deviation, so that it and its inverse are float32 with all their digits


class Units(NamedTuple):
    """Means and deviations, `[n]` each in float64, of a model's inputs or of its outputs."""

    means: np.ndarray
    deviations: np.ndarray

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Return numbers in the units of the data, `[..., n]`, as the model has them."""
        return (values - self.means) / self.deviations

    def unscaled(self, values: np.ndarray) -> np.ndarray:
        """Return numbers of the model, `[..., n]`, in the units of the data."""
        return values * self.deviations + self.means

    def into_model(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return center, factor, rest, `[n]` each in float32: scaled numbers are `(x - center) * factor - rest`."""
        center = self.means.astype(np.float32)
        rest = (self.means - center) / self.deviations
        return center, (1 / self.deviations).astype(np.float32), rest.astype(np.float32)

    def out_of_model(self) -> tuple[np.ndarray, np.ndarray]:
        """Return factor and offset, `[n]` each in float32: numbers of the data are `y * factor + offset`."""
        return self.deviations.astype(np.float32), self.means.astype(np.float32)


def units_of(scaling: Scaling) -> tuple[Units, Units]:
    """Return the units of a model's D inputs, of which those that say what is missing stay 0 or 1, and of its outputs.

    Raises `InputError` for a column whose mean or deviation float32 cannot hold.
    """
    for name, mean, deviation in zip(scaling.columns, scaling.means, scaling.deviations, strict=True):
        if not (abs(mean) <= MOST and LEAST <= deviation <= MOST):
            raise InputError(
                f"column {shown(name)}: expected a mean and a deviation that float32 can hold, in which exported "
                f"models compute, received {mean:g} and {deviation:g}: train on the column in another unit"
            )
    means, deviations = scaling.of(scaling.inputs)
    zeros = np.zeros(len(scaling.held))
    return Units(np.append(means, zeros), np.append(deviations, zeros + 1)), Units(*scaling.of(scaling.targets))
