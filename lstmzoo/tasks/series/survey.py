"""Survey of all rows in one pass: mean and deviation of the training part, missing values, what is refused; scaling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.data.columns import Table
from lstmzoo.data.scaling import Scaling
from lstmzoo.data.segments import Segment
from lstmzoo.errors import InputError, shown
from lstmzoo.schema.section import LARGEST
from lstmzoo.tasks.series.columns import Chosen

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

SAME_STEP = 1e-3  # of a step, which values with few digits change


class Survey(NamedTuple):
    """Numbers of each of C columns, `[C]`: those of the training part, in float64, and whether any value is missing."""

    columns: tuple[str, ...]
    means: np.ndarray
    """The value itself in a constant column."""
    deviations: np.ndarray
    """Square root of the mean squared distance from the mean; 0 in a constant column."""
    missing: np.ndarray
    """True where a value is missing anywhere, in the validation part too."""
    even: np.ndarray
    """True where each value of a recording is as much above the one before it, as in an index or a time."""

    def means_of(self, names: Sequence[str]) -> np.ndarray:
        """Return the means of some columns."""
        places = {name: place for place, name in enumerate(self.columns)}
        return self.means[[places[name] for name in names]]


class Moments:
    """Count, mean and squared distances from it of C columns, added a block at a time (Chan, Golub & LeVeque 1979)."""

    def __init__(self, columns: int):
        self.count, self.mean, self.squares = np.zeros(columns), np.zeros(columns), np.zeros(columns)
        self.least, self.most = np.full(columns, np.inf), np.full(columns, -np.inf)
        self.least_step, self.most_step = self.least.copy(), self.most.copy()

    def add(self, block: np.ndarray) -> None:
        """Add rows `[C, n]` of each column, which follow one another; NaN: missing."""
        known = ~np.isnan(block)
        count = known.sum(1)
        mean = block.sum(1, where=known) / np.maximum(count, 1)
        squares = np.square(block - mean[:, None]).sum(1, where=known)
        share = count / np.maximum(self.count + count, 1)
        self.squares += squares + (mean - self.mean) ** 2 * self.count * share
        self.mean += (mean - self.mean) * share
        self.count += count
        self.least = np.minimum(self.least, block.min(1, where=known, initial=np.inf))
        self.most = np.maximum(self.most, block.max(1, where=known, initial=-np.inf))
        steps = np.diff(block)
        known = ~np.isnan(steps)
        self.least_step = np.minimum(self.least_step, steps.min(1, where=known, initial=np.inf))
        self.most_step = np.maximum(self.most_step, steps.max(1, where=known, initial=-np.inf))

    def survey(self, columns: tuple[str, ...], missing: np.ndarray) -> Survey:
        """Return the survey; a constant column is known by its values, as sums of them are rounded."""
        constant = self.least == self.most
        deviations = np.where(constant, 0, np.sqrt(self.squares / np.maximum(self.count, 1)))
        even = (self.least_step > 0) & (self.most_step <= (1 + SAME_STEP) * self.least_step)
        even &= np.isfinite(self.least_step)
        return Survey(columns, np.where(constant, self.least, self.mean), deviations, missing, even)


def survey(
    tables: Sequence[Table],
    columns: tuple[str, ...],
    complete: Sequence[str],
    training: Sequence[Segment],
    validating: Sequence[Segment],
) -> Survey:
    """Read all rows of the columns once, a block at a time, and return what is known of them.

    Raises `InputError` with file, row and column for a missing value in a column that must be `complete`, and for a
    number that float32 cannot hold; and for a column without a value in the training part.
    """
    needed = set(complete)
    moments, missing = Moments(len(columns)), np.zeros(len(columns), bool)
    must = np.array([name in needed for name in columns])
    for number, segment in enumerate([*training, *validating]):
        table = tables[segment.table]
        for row, count in segment.blocks(len(columns)):
            block = np.ascontiguousarray(table.read(columns, row, count).T, np.float64)
            lacking = np.isnan(block)
            _check(table, columns, row, block, lacking & must[:, None])
            missing |= lacking.any(1)
            if number < len(training):
                moments.add(block)
    for name, values in zip(columns, moments.count.tolist(), strict=True):
        if not values:
            raise InputError(
                f"{tables[training[0].table].columns[0].numbers.path}: expected values of the column {shown(name)} to "
                "train on, received none: all are missing, leave the column out"
            )
    return moments.survey(columns, missing)


def make_scaling(found: Survey, chosen: Chosen, standard: bool, hold: bool) -> Scaling:
    """Return the scaling of a survey's columns; not `standard`: mean 0 and deviation 1. A constant one has deviation 1.

    `hold`: an input of which a value is missing is held, from the training mean on.
    """
    count = len(found.columns)
    means = found.means.tolist() if standard else [0.0] * count
    deviations = [deviation or 1.0 for deviation in found.deviations.tolist()] if standard else [1.0] * count
    lacking, inputs = zip(found.columns, found.missing.tolist(), found.means.tolist(), strict=True), set(chosen.inputs)
    held = {name: mean for name, missing, mean in lacking if missing and hold and name in inputs}
    return Scaling(found.columns, tuple(means), tuple(deviations), chosen.inputs, chosen.targets, held)


def _check(table: Table, columns: Sequence[str], row: int, block: np.ndarray, wrong: np.ndarray) -> None:
    if wrong.any():
        column, place = np.argwhere(wrong)[0].tolist()
        raise InputError(
            f"{table.where(columns[column], row + place)}: expected a number in each row of an input, received none: "
            "set task.missing: hold (the last value stands for it), fill it, or leave the column out of task.inputs"
        )
    large = np.abs(block) > LARGEST
    if large.any():
        column, place = np.argwhere(large)[0].tolist()
        raise InputError(
            f"{table.where(columns[column], row + place)}: expected a number of at most {LARGEST:g} (float32), "
            f"received {block[column, place]:g}: take another unit"
        )
