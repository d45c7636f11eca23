"""The data of a series run: windows to train on and to validate on, read as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lstmzoo.data.columns import Table
from lstmzoo.data.lanes import Windows
from lstmzoo.data.layout import Layout
from lstmzoo.data.scaling import Scaling
from lstmzoo.data.segments import BLOCK, Segment, lay
from lstmzoo.errors import InputError, shown
from lstmzoo.tasks.series.dataset import Dataset
from lstmzoo.tasks.series.holding import LastKnown

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

TRAINING, VALIDATING = "what is trained on", "what is validated on"
LEAST_WARMUPS = 4  # rows of a lane to validate on, in warm-ups


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
        """Read K = `count` windows from window `first` on, or fewer where they end; the numbers are scaled, float32.

        Inputs are 0 in padding, and targets where their weight is 0: in padding and warm-up, and where no target is.
        """
        count = min(count, self.layout.windows - first)
        targets, weights = self._targets(first, count)
        inputs = self.layout.take(self._read_inputs, first, count)
        return Windows(inputs, targets, weights, self.layout.resets(first, count))

    def check_targets(self, what: str) -> None:
        """Raise `InputError` for a target of which no value counts; reads no further than to the first ones."""
        seen = np.zeros(len(self.loss_weights), bool)
        for first, count in self.blocks():
            seen |= self._targets(first, count)[1].any((0, 1, 2))
            if seen.all():
                return
        name = self.scaling.targets[int(np.argmin(seen))]
        raise InputError(
            f"task, {what}: expected a value of the target {shown(name)} that counts, received none: all are missing "
            "or in the warm-up: give more rows of it, lower task.warmup, or leave the target out"
        )

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield (first window, count) of blocks of the epoch that are small in memory."""
        layout = self.layout
        numbers = layout.batch_size * layout.seq_length * (len(self.scaling.features) + len(self.scaling.targets))
        size = max(BLOCK // numbers, 1)
        for first in range(0, layout.windows, size):
            yield first, min(size, layout.windows - first)

    def where(self, lane: int, step: int) -> str:
        """Return the place of the first target from a lane's step on, for people: "pump.csv, row 1,001" (from 1 on).

        What is between segments, padding and rows without a target, is passed over.
        """
        number, row = next(self._targets_from(lane, step))
        segment = self.segments[number]
        path = self.tables[segment.table].find(self.scaling.targets[0]).numbers.path
        return f"{path.name}, row {segment.first + row + 1:,}"

    def _targets_from(self, lane: int, step: int) -> Iterator[tuple[int, int]]:
        """Yield (segment, row) of the first target of each stretch from a lane's step on."""
        layout = self.layout
        window, ahead = divmod(step, layout.seq_length)
        for each in layout.stretches(window, layout.windows - window):
            row = each.row + max(ahead - each.step, 0)
            end = min(each.row + each.rows, int(layout.lengths[each.segment]) - layout.horizon)
            if each.lane == lane and row < end:
                yield each.segment, row + layout.horizon

    def _targets(self, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Read targets and their weights `[K, B, T, M]` of K = `count` windows."""
        targets = self.layout.take(self._read_targets, first, count, shift=self.layout.horizon)
        weights = self.layout.weights(first, count)[..., None] * self.loss_weights
        weights[np.isnan(targets)] = 0
        targets[weights == 0] = 0
        return targets, weights

    def _read_inputs(self, number: int, row: int, count: int) -> np.ndarray:
        segment = self.segments[number]
        return self.scaling.scale_inputs(*self._inputs.read(segment, segment.first + row, count))

    def _read_targets(self, number: int, row: int, count: int) -> np.ndarray:
        segment = self.segments[number]
        values = self.tables[segment.table].read(self.scaling.targets, segment.first + row, count)
        return self.scaling.scale_targets(values)


class Recordings:
    """The data of a run, laid into B lanes of windows of T rows; `validating` is None where nothing is validated on."""

    def __init__(self, dataset: Dataset, batch_size: int, seq_length: int, validates: bool = True):
        """Lay a dataset; raises `InputError` for segments that are too short to train or validate on."""
        self.dataset, self.shape = dataset, (batch_size, seq_length)
        dataset.check_rows(seq_length)
        self.training = self._part(dataset.training, TRAINING)
        self.validating = None
        if validates and dataset.holds_out:
            dataset.check_validation()
            self.validating = self._part(dataset.validating, VALIDATING)

    def _part(self, segments: Sequence[Segment], what: str) -> Part:
        """Lay segments into lanes: files to validate on whole, other segments cut where that makes lanes equal."""
        spec, (batch_size, seq_length) = self.dataset.spec, self.shape
        lengths = [segment.rows for segment in segments]
        lanes = batch_size if what == TRAINING else self._lanes(sum(lengths))
        cut = what == TRAINING or spec.validation is None
        try:
            found = lay(lengths, lanes, seq_length, horizon=spec.horizon, warmup=spec.warmup, cut=cut)
        except InputError as error:
            raise InputError(f"task, {what}: {error}") from error
        layout = replace(found, batch_size=batch_size)
        part = Part(self.dataset.tables, segments, layout, self.dataset.scaling, self.dataset.chosen.loss_weights)
        part.check_targets(what)
        return part

    def _lanes(self, rows: int) -> int:
        """Return in how many lanes to validate: all, or fewer where pieces would be mostly warm-up."""
        warmup, lanes = self.dataset.spec.warmup, self.shape[0]
        most = rows // (LEAST_WARMUPS * warmup) if warmup else lanes
        return min(max(most, 1), lanes)
