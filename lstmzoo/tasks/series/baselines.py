"""Baselines that a model must beat: the last known value of each target, and its mean in the training part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.tasks.losses import error_sums
from lstmzoo.tasks.series.holding import LastKnown
from lstmzoo.tasks.series.metrics import Known, Measures, measures_of
from lstmzoo.tasks.series.recordings import Part, Recordings

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

ROUNDING = 1e-12  # of a difference of two sums


class Baselines(NamedTuple):
    """Metrics of both baselines on the validation part, and the sums over its targets, which a model's need too."""

    known: Known
    persistence: Measures
    mean: Measures


class Persistence:
    """The prediction that nothing changes: the target's last value that is known when the prediction is made.

    With a horizon that is the one of row t, at horizon 0 that of row t - 1; where it is missing, the last one of the
    recording that was there (what is trained on included), and at its start the training mean.
    """

    def __init__(self, part: Part, means: np.ndarray):
        self.part, self.means = part, means
        self.known = LastKnown(part.tables, part.scaling.targets, means)
        self.behind = 1 if part.layout.horizon == 0 else 0

    def windows(self, first: int, count: int) -> np.ndarray:
        """Return scaled predictions `[K, B, T, M]` for K = `count` windows from window `first` on."""
        return self.part.layout.take(self._read, first, count)

    def _read(self, number: int, row: int, count: int) -> np.ndarray:
        segment = self.part.segments[number]
        start = segment.first + row - self.behind
        lacking = 1 if start < segment.begins else 0
        _, known = self.known.read(segment, start + lacking, max(count - lacking, 0))
        return self.part.scaling.scale_targets(np.concatenate([self.means[None][: min(lacking, count)], known]))


def measure_baselines(recordings: Recordings) -> Baselines:
    """Read the validation part once, a block of windows at a time, and return the metrics of both baselines."""
    dataset, part = recordings.dataset, recordings.validating
    assert part is not None
    scaling = dataset.scaling
    means = dataset.survey.means_of(scaling.targets)
    persistence, mean = Persistence(part, means), scaling.scale_targets(means)
    sums: dict[str, dict[str, np.ndarray]] = {"persistence": {}, "mean": {}, "targets": {}}
    for first, count in part.blocks():
        _, targets, weights, _ = part.windows(first, count)
        assert weights is not None
        for name, outputs in ("persistence", persistence.windows(first, count)), ("mean", mean):
            _add(sums[name], error_sums(dataset.spec.loss, outputs, targets, weights, (0, 1, 2)))
        _add(sums["targets"], _target_sums(targets, weights, mean))
    known = _known(sums["targets"], sums["mean"]["squared"])
    _, deviations = scaling.of(scaling.targets)
    return Baselines(
        known, *(measures_of(sums[name], known, scaling.targets, deviations) for name in ("persistence", "mean"))
    )


def _add(sums: dict[str, np.ndarray], block: Mapping[str, np.ndarray]) -> None:
    for name, values in block.items():
        sums[name] = sums.get(name, 0) + values


def _target_sums(targets: np.ndarray, weights: np.ndarray, center: np.ndarray) -> dict[str, np.ndarray]:
    """Add up weights, and distances from a number near the mean: sums of their squares lose no digits."""
    return {
        "weights": weights.sum((0, 1, 2), dtype=np.float64),
        "distance": (weights * (targets.astype(np.float64) - center)).sum((0, 1, 2)),
    }


def _known(sums: Mapping[str, np.ndarray], squared: np.ndarray) -> Known:
    variation = squared - sums["distance"] ** 2 / sums["weights"]
    return Known(sums["weights"], np.where(variation > ROUNDING * squared, variation, 0))
