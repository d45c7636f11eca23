"""The series task: predict numbers from numbers.

What reads tables is imported where it is used, since a config of any task is loaded with this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lstmzoo.tasks.laid import Laid
from lstmzoo.tasks.series.metrics import Measures, measures_of
from lstmzoo.tasks.series.spec import SeriesSpec
from lstmzoo.tasks.task import Numbers, Picture

if TYPE_CHECKING:
    from lstmzoo.tasks.series.baselines import Baselines
    from lstmzoo.tasks.series.recordings import Recordings

UNITS = ("val_rmse", "val_mae", "val_r2")  # measures in the units of the data, of each target


class Series:
    """The series task of one run."""

    Spec = SeriesSpec
    vocab_size = None
    vocabulary = None
    recordings: Recordings
    """The windows of a run; from `check` on."""
    baselines: Baselines | None
    """What a model must beat; from `check` on. None: nothing is validated on."""

    def __init__(self, spec: SeriesSpec, batch_size: int, seed: int, fraction: float = 0.1):
        from lstmzoo.tasks.series.dataset import Dataset

        self.batch_size, self.loss = batch_size, spec.loss
        self.dataset = Dataset(spec, seed, fraction)
        self.scaling = self.dataset.scaling
        self.input_dim, self.outputs = self.scaling.input_dim, self.scaling.outputs

    def release(self) -> None:
        """Do nothing: rows are read as they are needed, and not kept."""

    def facts(self) -> dict[str, Any]:
        """Return digests and sizes of the tables, for environment.json."""
        from lstmzoo.tasks.series.facts import facts_of

        return facts_of(self.dataset)

    def check(self, seq_length: int, validates: bool) -> None:
        """Lay the rows into windows and measure the baselines; raise `InputError` for rows that are too few."""
        from lstmzoo.tasks.series.baselines import measure_baselines
        from lstmzoo.tasks.series.recordings import Recordings

        self.recordings = Recordings(self.dataset, self.batch_size, seq_length, validates)
        self.baselines = measure_baselines(self.recordings) if self.recordings.validating else None

    def describe(self) -> dict[str, str]:
        """Describe columns, scaling, segments, both parts of the data, and the baselines."""
        from lstmzoo.tasks.series.facts import describe_baselines, describe_recordings

        found = describe_recordings(self.recordings)
        return found | ({"baselines": describe_baselines(self.baselines)} if self.baselines else {})

    def warnings(self) -> list[str]:
        """Return warnings of constant columns, counts of rows, leaks, and pieces that train or measure nothing."""
        from lstmzoo.tasks.series.facts import warn_of_validation, warnings_of

        still = warn_of_validation(self.baselines, self.scaling.targets) if self.baselines else []
        return warnings_of(self.recordings) + still

    def windows(self, seq_length: int) -> tuple[int, int]:
        """Count the windows of an epoch, and the rows of parts of segments that have no target."""
        return self.recordings.training.layout.windows, self.dataset.too_short

    def epoch_lanes(self, epoch: int) -> Laid:
        """Return the windows to train on, the same ones in every epoch."""
        return Laid(self.recordings.training)

    def validation(self) -> Laid:
        """Return the windows to validate on."""
        assert self.recordings.validating is not None and self.baselines is not None
        return Laid(self.recordings.validating, self.baselines.known.weights)

    def metrics(self, sums: dict[str, Any]) -> dict[str, float]:
        """Return val_loss, and in the units of the data val_rmse, val_mae and val_r2; of several targets each too."""
        assert self.baselines is not None
        names = self.scaling.targets
        found = measures_of(sums, self.baselines.known, names, self.scaling.of(names)[1])
        each = {f"{key}/{name}": value for name, values in found.targets.items() for key, value in values.items()}
        return found.means | (each if len(names) > 1 else {})

    def results(self, last: Mapping[str, Any], best: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the measures of each target, those of the best step, and the baselines."""
        if self.baselines is None or "val_loss" not in last:
            return {}
        kept = {"persistence": _by_target(self.baselines.persistence), "mean": _by_target(self.baselines.mean)}
        return {
            "final": {"targets": {name: self._of_target(last, name) for name in self.scaling.targets}},
            "best": {key: best[key] for key in UNITS if key in best},
            "baselines": kept,
        }

    def _of_target(self, line: Mapping[str, Any], name: str) -> dict[str, float]:
        suffix = f"/{name}" if len(self.scaling.targets) > 1 else ""
        return {key: line[f"{key}{suffix}"] for key in UNITS}

    def first_loss(self) -> float:
        """Return the loss of the mean, which knows nothing."""
        return self.baselines.mean.means["val_loss"] if self.baselines else 1.0

    def loss_floor(self, seq_length: int, reset_state: str) -> None:
        """Return None: the lowest possible loss is unknown."""
        return None

    def picture(self) -> Picture | None:
        """Name the picture of targets and predictions; None where nothing is validated on."""
        from lstmzoo.tasks.series.facts import say_ahead

        part = self.recordings.validating
        if part is None or self.baselines is None:
            return None
        named = {"persistence": self.baselines.persistence, "mean": self.baselines.mean}
        errors = {
            name: {target: each["val_rmse"] for target, each in found.targets.items()} for name, found in named.items()
        }
        label = f"rows; the target stands {say_ahead(self.dataset)}"
        return Picture("series", label, Numbers(self.scaling, errors, part.where))


def _by_target(measures: Measures) -> dict[str, Any]:
    return {**measures.means, "targets": measures.targets}
