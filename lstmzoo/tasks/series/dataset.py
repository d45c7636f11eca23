"""The tables of a series run: opened, cut into segments, split, surveyed and scaled."""

from __future__ import annotations

from operator import attrgetter

from lstmzoo.data.segments import Segment, split
from lstmzoo.errors import InputError
from lstmzoo.tasks.series.columns import choose_columns
from lstmzoo.tasks.series.segments import find_segments
from lstmzoo.tasks.series.sources import open_sources
from lstmzoo.tasks.series.spec import SeriesSpec
from lstmzoo.tasks.series.survey import make_scaling, survey


class Dataset:
    """Tables, the columns of inputs and targets, the segments to train and validate on, and the scaling.

    All rows are read once, so that what cannot be used is refused before anything is written.
    """

    def __init__(self, spec: SeriesSpec, seed: int, fraction: float):
        """Open the data of a section; `fraction`: the last part of each segment to validate on, 0: nothing.

        Raises `InputError` for what cannot be read or trained on.
        """
        self.spec, self.holds_out = spec, spec.validation is not None or fraction > 0
        self.sources = open_sources(spec, seed)
        self.tables = self.sources.tables
        self.chosen = choose_columns(spec, self.tables)
        self.segments = find_segments(self.tables, self.chosen.segment)
        self.training, self.validating = self._split(fraction)
        self.check_rows(1)
        hold = spec.missing == "hold"
        complete = () if hold else self.chosen.inputs
        self.survey = survey(self.tables, self.chosen.all, complete, self.training, self.validating)
        self.scaling = make_scaling(self.survey, self.chosen, spec.scale == "standard", hold)

    def _split(self, fraction: float) -> tuple[list[Segment], list[Segment]]:
        """Return what is trained on and what is validated on; rows that are too few for a target are in neither."""
        own = [segment for segment in self.segments if segment.table < self.sources.trained]
        others = self.segments[len(own) :]
        training, validating = (own, others) if self.spec.validation else split(own, fraction)
        self._longest = max(training, key=attrgetter("rows"))
        kept = [[part for part in parts if part.rows > self.spec.horizon] for parts in (training, validating)]
        self.too_short = sum(part.rows for part in (*training, *validating)) - sum(p.rows for ps in kept for p in ps)
        return kept[0], kept[1]

    def check_rows(self, seq_length: int) -> None:
        """Raise `InputError` unless a segment to train on has a window of T rows and a target."""
        needed, longest = max(seq_length, self.spec.horizon + 1), self._longest
        if longest.rows < needed:
            path = self.tables[longest.table].find(self.chosen.targets[0]).numbers.path
            raise InputError(
                f"task.data: expected a segment with {needed:,} rows or more to train on, a window of train.seq_length "
                f"and a target, received at most {longest.rows:,} ({path}): give longer recordings, or lower "
                "train.seq_length, task.horizon or validate.fraction"
            )

    def check_validation(self) -> None:
        """Raise `InputError` unless a segment to validate on has a target."""
        if not self.validating:
            what = "task.validation" if self.spec.validation else "validate.fraction"
            raise InputError(
                f"{what}: expected more than {self.spec.horizon:,} rows of a segment to validate on (task.horizon), "
                "received no such segment: give more, or set validate.every_steps: 0"
            )
