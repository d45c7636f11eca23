"""The data of a series run: windows to train on and to validate on, read as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.data.columns import Table
from lstmzoo.data.segments import Layout, lay
from lstmzoo.errors import InputError
from lstmzoo.tasks.series.columns import choose_columns
from lstmzoo.tasks.series.holding import LastKnown
from lstmzoo.tasks.series.scaling import Scaling, make_scaling
from lstmzoo.tasks.series.segments import BLOCK, Segment, find_segments, split
from lstmzoo.tasks.series.sources import open_sources
from lstmzoo.tasks.series.spec import SeriesSpec
from lstmzoo.tasks.series.survey import survey

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

TRAINING, VALIDATING = "what is trained on", "what is validated on"
LEAST_WARMUPS = 4  # rows of a lane to validate on, in warm-ups


class Windows(NamedTuple):
    """K windows of B lanes and T steps; the numbers are scaled, float32."""

    inputs: np.ndarray
    """`[K, B, T, D]`; 0 in padding."""
    targets: np.ndarray
    """`[K, B, T, M]`; 0 where the weight is 0."""
    weights: np.ndarray
    """`[K, B, T, M]`: the target's weight in the loss; 0 in padding and warm-up, and where no target is."""
    resets: np.ndarray
    """`[K, B]`: true where a lane starts a window from zero state."""


class Part:
    """Segments in lanes: those to train on, or those to validate on."""

    def __init__(
        self,
        tables: Sequence[Table],
        segments: Sequence[Segment],
        layout: Layout,
        scaling: Scaling,
        loss_weights: Sequence[float],
    ):
        self.tables, self.segments, self.layout, self.scaling = tables, segments, layout, scaling
        self.loss_weights = np.array(loss_weights, np.float32)
        self._inputs = LastKnown(tables, scaling.inputs, scaling.first())

    def windows(self, first: int, count: int) -> Windows:
        """Read K = `count` windows from window `first` of the epoch on."""
        layout = self.layout
        targets = layout.take(self._read_targets, first, count, shift=layout.horizon)
        weights = layout.weights(first, count)[..., None] * self.loss_weights
        weights[np.isnan(targets)] = 0
        targets[weights == 0] = 0
        inputs = layout.take(self._read_inputs, first, count)
        return Windows(inputs, targets, weights, layout.resets(first, count))

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield (first window, count) of blocks of the epoch that are small in memory."""
        layout = self.layout
        numbers = layout.batch_size * layout.seq_length * (len(self.scaling.features) + len(self.scaling.targets))
        size = max(BLOCK // numbers, 1)
        for first in range(0, layout.windows, size):
            yield first, min(size, layout.windows - first)

    def _read_inputs(self, number: int, row: int, count: int) -> np.ndarray:
        segment = self.segments[number]
        return self.scaling.scale_inputs(*self._inputs.read(segment, segment.first + row, count))

    def _read_targets(self, number: int, row: int, count: int) -> np.ndarray:
        segment = self.segments[number]
        values = self.tables[segment.table].read(self.scaling.targets, segment.first + row, count)
        return self.scaling.scale_targets(values)


class Recordings:
    """The tables of a run, cut into segments, split, scaled and laid into lanes.

    `validating` is None where nothing is validated on. All rows are read once, so that what cannot be used is refused
    before anything is written.
    """

    def __init__(self, spec: SeriesSpec, batch_size: int, seq_length: int, seed: int, fraction: float):
        """Open the data of a section; `fraction`: the last part of each segment to validate on, 0: nothing.

        Raises `InputError` for what cannot be read, trained on or validated on.
        """
        self.spec, self.shape = spec, (batch_size, seq_length)
        self.sources = open_sources(spec, seed)
        self.tables = self.sources.tables
        self.chosen = choose_columns(spec, self.tables)
        self.segments = find_segments(self.tables, self.chosen.segment)
        training, validating = self._split(fraction)
        complete = () if spec.missing == "hold" else self.chosen.inputs
        self.survey = survey(self.tables, self.chosen.all, complete, training, validating)
        self.scaling = make_scaling(self.survey, self.chosen, spec.scale == "standard", spec.missing == "hold")
        self.training = self._part(training, TRAINING)
        self.validating = self._part(validating, VALIDATING) if validating else None

    def _split(self, fraction: float) -> tuple[list[Segment], list[Segment]]:
        """Return what is trained on and what is validated on; rows that are too few for a target are in neither."""
        own = [segment for segment in self.segments if segment.table < self.sources.trained]
        others = self.segments[len(own) :]
        training, validating = (own, others) if self.spec.validation else split(own, fraction)
        kept = [[part for part in parts if part.rows > self.spec.horizon] for parts in (training, validating)]
        self.too_short = sum(part.rows for part in (*training, *validating)) - sum(p.rows for ps in kept for p in ps)
        self._check_rows(max((part.rows for part in kept[0]), default=0), bool(kept[1]), fraction)
        return kept[0], kept[1]

    def _check_rows(self, longest: int, validates: bool, fraction: float) -> None:
        needed, path = max(self.shape[1], self.spec.horizon + 1), self.tables[0].columns[0].numbers.path
        if longest < needed:
            raise InputError(
                f"task.data: expected a segment with {needed:,} rows or more to train on, a window of train.seq_length "
                f"and a target, received at most {longest:,} ({path}): give longer recordings, or lower "
                "train.seq_length, task.horizon or validate.fraction"
            )
        if not validates and (self.spec.validation or fraction):
            what = "task.validation" if self.spec.validation else "validate.fraction"
            raise InputError(
                f"{what}: expected more than {self.spec.horizon:,} rows of a segment to validate on (task.horizon), "
                "received no such segment: give more, or set validate.every_steps: 0"
            )

    def _part(self, segments: list[Segment], what: str) -> Part:
        """Lay segments into lanes: files to validate on whole, other segments cut where that makes lanes equal."""
        lengths, (batch_size, seq_length) = [segment.rows for segment in segments], self.shape
        lanes = batch_size if what == TRAINING else self._lanes(sum(lengths))
        cut = what == TRAINING or self.spec.validation is None
        try:
            found = lay(lengths, lanes, seq_length, horizon=self.spec.horizon, warmup=self.spec.warmup, cut=cut)
        except InputError as error:
            raise InputError(f"task, {what}: {error}") from error
        layout = replace(found, batch_size=batch_size)
        return Part(self.tables, segments, layout, self.scaling, self.chosen.loss_weights)

    def _lanes(self, rows: int) -> int:
        """Return in how many lanes to validate: all, or fewer where pieces would be mostly warm-up."""
        most = rows // (LEAST_WARMUPS * self.spec.warmup) if self.spec.warmup else self.shape[0]
        return min(max(most, 1), self.shape[0])
