"""Metrics of a validation, from sums of errors: val_loss, and in the units of the data val_rmse, val_mae and val_r2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

Sums = Mapping[str, "np.ndarray"]
"""Sums over all steps of a validation, each times its weight: "loss", "squared" and "absolute" errors, `[M]` each,
of scaled targets in float64."""


class Known(NamedTuple):
    """Sums over the targets of a validation, `[M]` each in float64: what does not depend on predictions."""

    weights: np.ndarray
    variation: np.ndarray
    """Squared distances of the scaled targets from their mean, each times its weight."""


class Measures(NamedTuple):
    """Metrics of one validation."""

    means: dict[str, float]
    """val_loss (scaled), and the means over all targets of val_rmse, val_mae and val_r2."""
    targets: dict[str, dict[str, float]]
    """val_rmse, val_mae and val_r2 of each target, in the units of the data."""


def measures_of(sums: Sums, known: Known, names: Sequence[str], deviations: np.ndarray) -> Measures:
    """Return the metrics of M targets; `deviations` `[M]`: what one scaled unit is in the units of the data.

    val_r2 is 1 - squared errors / variation, the efficiency of Nash & Sutcliffe 1970. Of a target that never changes
    it is 1 without error and else 0, as in scikit-learn. A weight of a target in the loss does not change its metrics.
    """
    varies = known.variation > 0
    r2 = np.where(
        varies, 1 - sums["squared"] / np.where(varies, known.variation, 1), np.where(sums["squared"] > 0, 0.0, 1.0)
    )
    columns = {
        "val_rmse": deviations * np.sqrt(sums["squared"] / known.weights),
        "val_mae": deviations * sums["absolute"] / known.weights,
        "val_r2": r2,
    }
    loss = float(sums["loss"].sum() / known.weights.sum())
    return Measures(
        {"val_loss": loss, **{name: float(values.mean()) for name, values in columns.items()}},
        {name: {key: float(values[place]) for key, values in columns.items()} for place, name in enumerate(names)},
    )
