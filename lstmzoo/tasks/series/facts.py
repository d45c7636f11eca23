"""Facts of the data of a series run: what `--plan` says, and what it warns of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lstmzoo.errors import shown
from lstmzoo.tasks.laid import counted, describe_layout, describe_lengths
from lstmzoo.tasks.series.baselines import Baselines
from lstmzoo.tasks.series.dataset import Dataset
from lstmzoo.tasks.series.recordings import Recordings

LISTED = 6  # columns that a line names


def describe_recordings(recordings: Recordings) -> dict[str, str]:
    """Describe the data by name, a line each: columns, scaling, segments, what is trained on, what is validated on."""
    dataset, validating = recordings.dataset, recordings.validating
    return {
        "columns": _columns(dataset),
        "scaling": _scaling(dataset),
        "segments": _segments(dataset),
        "training": describe_layout(recordings.training.layout, "rows"),
        "validation": describe_layout(validating.layout, "rows") if validating else _withheld(dataset),
    }


def _withheld(dataset: Dataset) -> str:
    """Say how many rows are kept from training though nothing is validated on: validation changes no training."""
    rows = 0 if dataset.spec.validation else sum(part.rows for part in dataset.validating)
    return f"none; {counted(rows, 'row')} withheld from training (0 with validate.fraction: 0)" if rows else "none"


def describe_baselines(baselines: Baselines) -> str:
    """Say what a model must beat, in the units of the data."""
    named = (("the last value", baselines.persistence), ("the mean", baselines.mean))
    return "; ".join(f"{name} val_rmse {each.means['val_rmse']:.6g}" for name, each in named)


def say_ahead(dataset: Dataset) -> str:
    """Say how far ahead a prediction is, and how many rows a second has where that is known."""
    horizon, sound = dataset.spec.horizon, dataset.tables[0].sound
    ahead = "in the same row" if horizon == 0 else f"{counted(horizon, 'row')} ahead"
    return f"{ahead}, {sound.rate:,} rows a second" if sound else ahead


def facts_of(dataset: Dataset) -> dict[str, Any]:
    """Return digests, columns and rows, for environment.json."""
    tables = dataset.tables[: dataset.sources.trained]
    rate = {"sample_rate": tables[0].sound.rate} if tables[0].sound else {}
    sizes = {"rows": sum(table.rows for table in tables), "segments": len(dataset.segments)}
    return {**dataset.sources.digests(), **sizes, **rate}


def warnings_of(recordings: Recordings) -> list[str]:
    """List what is legal but probably not meant, a sentence each."""
    dataset = recordings.dataset
    survey = dataset.survey
    constant = [name for name, deviation in zip(survey.columns, survey.deviations, strict=True) if deviation == 0]
    found = []
    if constant:
        found.append(f"task: constant in the training part: {_listed(constant)}: a model learns nothing from that")
    return [*found, *_even(dataset), *_leak(dataset), *_shared(dataset), *_idle(recordings)]


def warn_of_validation(baselines: Baselines, names: Sequence[str]) -> list[str]:
    """Return a warning of the M targets, of these names, that never change in what is validated on."""
    still = [name for name, varies in zip(names, baselines.known.variation > 0, strict=True) if not varies]
    said = f"task: a target that never changes in what is validated on: {_listed(still)}: its val_r2 says nothing"
    return [f"{said}, validate on other rows (task.validation, validate.fraction)"] if still else []


def _even(dataset: Dataset) -> list[str]:
    """Return a warning of inputs that count the rows."""
    inputs, survey = set(dataset.chosen.inputs), dataset.survey
    even = [name for name, same in zip(survey.columns, survey.even, strict=True) if same and name in inputs]
    said = f"task: an input that rises by the same step in each row, as an index or a time: {_listed(even)}: later rows"
    return [f"{said} have values that no model has trained on, leave it out of task.inputs"] if even else []


def _leak(dataset: Dataset) -> list[str]:
    """Return a warning of targets that stand among the inputs of their own row."""
    chosen = dataset.chosen
    inputs = set(chosen.inputs)
    both = [name for name in chosen.targets if name in inputs]
    if dataset.spec.horizon or not both:
        return []
    said = f"task: an input and a target of the same row (task.horizon 0): {_listed(both)}: a model need only copy that"
    return [f"{said}, leave it out of task.inputs or predict ahead"]


def _shared(dataset: Dataset) -> list[str]:
    """Return a warning of tables that are trained on and validated on."""
    trained, tables = dataset.sources.trained, dataset.tables
    both = {table.digest for table in tables[:trained]} & {table.digest for table in tables[trained:]}
    said = f"task.validation: {counted(len(both), 'table')} with the content of one in task.data: what is validated on"
    return [f"{said} is trained on too, name others"] if both else []


def _idle(recordings: Recordings) -> list[str]:
    """Return warnings of rows and lanes that train nothing."""
    layout, lanes = recordings.training.layout, recordings.shape[0]
    spec, too_short = recordings.dataset.spec, recordings.dataset.too_short
    idle = int((layout.targets() <= spec.warmup).sum())
    empty = lanes - len(set(layout.pieces.lane.tolist()))
    found = []
    if idle and spec.warmup:
        pieces = f"{idle:,} of {len(layout.pieces.row):,} pieces of segments are not longer"
        found.append(f"task.warmup {spec.warmup:,}: {pieces} and train nothing: lower it, or train.batch_size")
    if empty:
        found.append(f"train.batch_size {lanes:,}: {empty:,} lanes are empty: lower it, or train.seq_length")
    if too_short:
        rows = f"{too_short:,} rows are in parts of segments that have no target"
        found.append(f"task.horizon {spec.horizon:,}: {rows}: they are left out")
    return found


def _columns(dataset: Dataset) -> str:
    scaling, sound = dataset.scaling, dataset.tables[0].sound
    scale = f" ({sound.form} read as -1 to 1)" if sound and "int" in sound.form else ""
    return (
        f"{len(scaling.features)} in ({_listed(scaling.features)}), {len(scaling.targets)} out "
        f"({_listed(scaling.targets)}), {say_ahead(dataset)}{scale}"
    )


def _scaling(dataset: Dataset) -> str:
    """Say how columns are scaled, and mean and deviation of each in the training part."""
    names, means, deviations, *_ = dataset.survey
    columns = zip(names, means.tolist(), deviations.tolist(), strict=True)
    said = _listed([f"{name} {mean:.4g} +- {deviation:.4g}" for name, mean, deviation in columns])
    return f"{dataset.spec.scale}: {said}"


def _segments(dataset: Dataset) -> str:
    rows = [segment.rows for segment in dataset.segments]
    return describe_lengths(rows, "rows", f"in {counted(len(dataset.tables), 'table')}")


def _listed(names: Sequence[str]) -> str:
    said = [shown(name).strip("'") for name in names[:LISTED]]
    return ", ".join([*said, f"... {len(names) - LISTED:,} more"] if len(names) > LISTED else said)
