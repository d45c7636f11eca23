"""Subject of a page: what the model reads, and what people know of it. NumPy only.

A char run reads a text, or one that it writes itself; other runs read a table, or the first lane that they validate on.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstmzoo.config.experiment import ValidateSpec
from lstmzoo.errors import InputError, check_count, shown
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import RunnerSampler
from lstmzoo.inference.numbers import check_numbers
from lstmzoo.inference.predicting import rate_of, series_of
from lstmzoo.inference.scoring import ids_of
from lstmzoo.inference.series_data import open_data
from lstmzoo.inspect.features import Feature, delays, text_features
from lstmzoo.models.numpy_runner import NumpyRunner
from lstmzoo.runs.trained import Trained
from lstmzoo.tasks.registry import make_task
from lstmzoo.tasks.task import Task, Windows

HIDDEN = 1 << 26  # values of h, at most: 131,072 symbols of 2 x 256
LENGTHS = {"text": 10_000, "own": 3_000, "numbers": 500}  # steps that are shown unless one says another number
TEMPERATURE = 1.0  # of a text of its own
DELAYS = 8  # features of an echo run: the inputs of so many steps ago, or of one more than its echo


class Subject(NamedTuple):
    """N steps that a model reads, with their features."""

    name: str
    x: np.ndarray
    """Ids `[N]`, or features `[N, D]`."""
    features: list[Feature]
    tracks: list[Feature]
    """Inputs and targets to draw above the cells, in the units of the data; none of a text."""
    notes: list[str]
    """What its reader should know."""


def subject_of(trained: Trained, text: str | bytes | Path | None, length: int | None) -> Subject:
    """Return what a run's model reads: a text, by its content or a `Path`; the `Path` of a table; None: its own.

    `length`: N at most, or None for the usual number. Raises `InputError` for what the model cannot read, and for more
    steps than a page can show.
    """
    if not isinstance(text, (str, bytes, Path, type(None))):
        raise InputError(f"text: expected a text, bytes, the Path of a file, or None, received {shown(text)}")
    most = HIDDEN // sum(trained.experiment.model.layers)
    if length is not None:
        check_count("length", length, 2, most)
    kind = "numbers" if trained.symbols is None else "own" if text is None else "text"
    length = min(LENGTHS[kind], most) if length is None else int(length)
    if trained.symbols is not None:
        return _own_text(trained, length) if text is None else _text(trained, text, length, most)
    if text is None:
        return _validation(trained, length)
    if not isinstance(text, Path):
        raise InputError(f"text: expected the path of a table, or none, received {shown(text)}")
    return _table(trained, text, length)


def _own_text(trained: Trained, length: int) -> Subject:
    """Let the model write: its first symbol is any one."""
    sampler = RunnerSampler(NumpyRunner(trained.blueprint()), Choice(TEMPERATURE))
    ids = np.concatenate([piece[:, 0] for piece in sampler.draw(length, (0,))])
    note = f"The model wrote this text itself (temperature {TEMPERATURE:g}); name a text to see that one."
    return Subject("a text of its own", ids, _known(trained, ids), [], [note])


def _text(trained: Trained, text: str | bytes | Path, length: int, most: int) -> Subject:
    ids = ids_of(trained, text)
    if not len(ids):
        raise InputError("text: expected one symbol or more, received none")
    notes = []
    if len(ids) > length:
        cure = (
            f"--length {len(ids)} shows all, in a larger file" if len(ids) <= most else f"a page shows {most:,} at most"
        )
        notes = [f"The first {length:,} of {len(ids):,} symbols ({cure})."]
    ids, name = np.array(ids[:length], np.int32), text.name if isinstance(text, Path) else "a text"
    return Subject(name, ids, _known(trained, ids), [], notes)


def _known(trained: Trained, ids: np.ndarray) -> list[Feature]:
    """Return the features of a text, those of a character for each of its bytes."""
    codes = trained.vocabulary.codes[ids]
    if trained.symbols is None or trained.symbols.unit == "char":
        return text_features("".join(map(chr, codes)))
    text = bytes(codes.tolist()).decode("utf-8", "surrogateescape")  # a byte that is no UTF-8 is one character
    sizes = [len(symbol.encode("utf-8", "surrogateescape")) for symbol in text]
    return [Feature(name, values.repeat(sizes)) for name, values in text_features(text)]


def _validation(trained: Trained, length: int) -> Subject:
    """Return the beginning of the first lane that the run validates on, up to where its state is set to zero."""
    experiment, train = trained.experiment, trained.experiment.train
    task = make_task(experiment.task, train.batch_size, experiment.seed, _share(trained))
    task.check(train.seq_length, True)
    stream, length = task.validation(), length + getattr(experiment.task, "warmup", 0)
    count = min(-(-length // train.seq_length), stream.windows(train.seq_length))
    windows = _first_lane(stream.cut(train.seq_length, 0, count))
    x, targets, weights = (np.concatenate(list(part))[:length] for part in windows)
    counts = weights.reshape(*weights.shape, *[1] * (targets.ndim - weights.ndim)) > 0
    targets, is_all = np.where(counts, targets, np.nan), len(x) < length  # one that cannot be known, warm-up, padding
    x, targets = (part[: _end(counts)] for part in (x, targets))
    notes = [f"These {len(x):,} steps are all: after them the state is set to zero."] if is_all else []
    if trained.scaling is None:
        tracks = [Feature("input", x), Feature("target", targets)]
        most = max(DELAYS, getattr(experiment.task, "echo_step", 0) + 1)
        return Subject("its validation series", x, delays(x, most), tracks, notes)
    _check_scaling(trained, task)
    unscaled = trained.scaling.unscale_targets(targets)
    means, deviations = trained.scaling.of(trained.scaling.inputs)
    tracks = _named(trained.scaling.inputs, x[:, : len(means)] * deviations + means, "input")
    return Subject("its validation", x, *_both(tracks, _named(trained.scaling.targets, unscaled, "target")), notes)


def _share(trained: Trained) -> float:
    """Return the share of the data to show; a run that never validates may have none, but an echo is drawn anyway."""
    validation, section = trained.experiment.validation, trained.experiment.task
    if trained.scaling is None:
        return validation.fraction if validation.every_steps else max(validation.fraction, ValidateSpec().fraction)
    if not validation.fraction and getattr(section, "validation", None) is None:
        raise InputError("validate.fraction: expected a part of the run's data to show, received 0: name a table")
    return validation.fraction


def _check_scaling(trained: Trained, task: Task) -> None:
    """Raise `InputError` where the tables of a run give another scaling than when it was trained."""
    if task.scaling is None or trained.scaling is None or task.scaling.digest() != trained.scaling.digest():
        raise InputError(
            "task.data: expected the tables that the run was trained on, received others (they give another "
            "scaling.json): put them back, or name a table"
        )


def _first_lane(windows: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, targets and weights `[K, T, ...]` of lane 0, until it begins again."""
    end = len(windows.inputs)
    if windows.resets is not None and windows.resets[1:, 0].any():
        end = 1 + int(np.argmax(windows.resets[1:, 0]))
    assert windows.weights is not None
    return windows.inputs[:end, 0], windows.targets[:end, 0], windows.weights[:end, 0]


def _end(counts: np.ndarray) -> int | None:
    """Return the number of steps up to the last one that counts; after it there may be padding."""
    places = np.flatnonzero(counts.reshape(len(counts), -1).any(1))
    return int(places[-1]) + 1 if len(places) else None


def _table(trained: Trained, path: Path, length: int) -> Subject:
    """Return the first rows of the first recording of a table, and the targets `horizon` rows ahead."""
    rows, scaling = series_of(trained)
    data = open_data(path, scaling, rows.segment, rate_of(trained))
    segment = data.segments[0]
    count = min(length, segment.rows)
    values, known = data.read_inputs(segment, segment.first, count)
    check_numbers(values, scaling, data.where(segment.first))
    there = min(count, max(0, segment.rows - rows.horizon))
    targets = np.full((count, len(data.targets)), np.nan)
    targets[:there] = data.read_targets(segment.first + rows.horizon, there)
    notes = [*data.notes]
    if len(data.segments) > 1:
        notes.append(f"The first of {len(data.segments):,} recordings.")
    if count < segment.rows:
        notes.append(f"The first {count:,} of {segment.rows:,} rows (--length shows more).")
    both = _both(_named(scaling.inputs, values, "input"), _named(data.targets, targets, "target"))
    return Subject(os.fspath(path.name), scaling.scale_inputs(values, known), *both, notes)


def _named(names: tuple[str, ...], values: np.ndarray, what: str) -> list[Feature]:
    return [Feature(f"{what} {name}", column.astype(np.float32)) for name, column in zip(names, values.T, strict=True)]


def _both(inputs: list[Feature], targets: list[Feature]) -> tuple[list[Feature], list[Feature]]:
    """Return features and tracks: a feature has a known value at least."""
    tracks = [*inputs, *targets]
    return [each for each in tracks if np.isfinite(each.values).any()], tracks
