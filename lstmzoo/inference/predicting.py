"""Predictions of a trained series model, in the units of the data: of a table of any length, or of an array.

No TensorFlow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from lstmzoo.data.scaling import Scaling
from lstmzoo.errors import InputError, check_count, shown
from lstmzoo.inference.carried import Carried
from lstmzoo.inference.numbers import check_numbers
from lstmzoo.inference.restored import StateFile, restore
from lstmzoo.inference.runtimes import LONG_ROWS, check_runtime, choose_runtime, open_runner
from lstmzoo.inference.series_data import SeriesData
from lstmzoo.inference.state import StreamState
from lstmzoo.models.signature import Runner
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.runs.trained import Trained, open_with_warnings
from lstmzoo.tasks.optional import table_rows_of
from lstmzoo.tasks.series.holding import carry_forward
from lstmzoo.tasks.task import TableRows
from lstmzoo.zoo.pretrained import run_path

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

ROWS = 4096  # of one call
Rows: TypeAlias = "tuple[np.ndarray, np.ndarray]"
"""Targets `[n, targets there]` and predictions `[n, M]` of the same rows."""


def series_of(trained: Trained) -> tuple[TableRows, Scaling]:
    """Return how a run reads the rows of a table, and its scaling; raise `InputError` for a task without tables."""
    spec, scaling = trained.experiment.task, trained.scaling
    rows = table_rows_of(spec)
    if rows is None or scaling is None:
        raise InputError(f"expected a run of a series task, received {trained.run!r}, a run of the {spec.kind} task")
    return rows, scaling


def rate_of(trained: Trained) -> int | None:
    """Return the rate of the sound that a run was trained on, in Hz, as its environment.json says; None: no sound."""
    rate = RunDirectory(run_path(trained.run)).read_facts().get("sample_rate")
    return rate if isinstance(rate, int) else None


def check_steps(steps: int, horizon: int, scaling: Scaling) -> None:
    """Raise `InputError` for steps beyond the end of a run whose predictions are not its next inputs."""
    check_count("steps", steps, 0)
    if steps and (horizon != 1 or set(scaling.inputs) != set(scaling.targets)):
        raise InputError(
            "steps: expected 0, as only a run with task.horizon 1 whose targets are its inputs can go on from its own "
            f"predictions, received {steps:,} (task.horizon {horizon:,}, inputs "
            f"{shown(', '.join(scaling.inputs))}, targets {shown(', '.join(scaling.targets))})"
        )


class Predictor:
    """A series model that reads recordings one after another, in the units of the data; its state is carried."""

    def __init__(self, runner: Runner, scaling: Scaling, start: StreamState):
        """Make one that goes on from a state of one lane, or begins where that has read nothing."""
        self.scaling, self.carried = scaling, Carried(runner, start, scaling.unscale_targets)

    @property
    def state(self) -> StreamState:
        """The state after all rows that were read."""
        return self.carried.state

    def reset(self) -> None:
        """Set the state to zero: the next row begins a recording."""
        self.carried.state = self.state.reset(slice(None))

    def waiting(self, horizon: int) -> np.ndarray:
        """Return what was predicted of the next rows, `[horizon, M]`; NaN where nothing was."""
        found = self.state.outputs[0][max(1, horizon) - horizon :].copy()
        found[: max(0, horizon - int(self.state.steps[0]))] = np.nan
        return found

    def read(self, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return what is predicted at each of the next n rows, `[n, M]` in float64.

        `values` `[n, inputs]`: the rows, NaN: missing; `known`: the same rows with no value missing, as `carry_forward`
        gives them. Raises `InputError` for predictions that are not finite.
        """
        with np.errstate(over="ignore"):
            x = self.scaling.scale_inputs(values, known)
        return self.carried.read(x[None], known[-1:])[0]


def predict_series(
    run: str | os.PathLike[str],
    array: Any,
    *,
    runtime: str = "auto",
    state: StateFile = None,
    save_state: StateFile = None,
) -> np.ndarray:
    """Return what the model of a series run predicts at each row of an array: `[n, M]` in float64, units of the data.

    `array` `[n, inputs]`: one recording, a column for each input in the order of `inputs` in the run's scaling.json;
    `[n]` for a single input. Row t of the result is the prediction of row t + horizon (`task.horizon`), made from rows
    0 to t; so the last `horizon` ones are beyond the array. A column for each target. NaN: missing, for inputs that had
    missing values in training (`task.missing: hold`). `runtime` is as in `sample_text`. The state is zero before row 0,
    or that of the file `state`; `save_state`: the file for the state after the last row.

    Raises `InputError` for a path that is no series run, for other shapes, for numbers that are not finite, for a value
    that is missing in an input that had none in training, and for a state that is not the run's.
    """
    check_runtime(runtime)
    trained = open_with_warnings(run)
    _, scaling = series_of(trained)
    restored, values = restore(trained, state, save_state), _array(array, scaling)
    runner = open_runner(trained, choose_runtime(runtime, len(values), LONG_ROWS))
    predictor = Predictor(runner, scaling, restored.start)
    known = carry_forward(values, restored.start.last[0] if restored.start.steps[0] else scaling.first())
    found = np.empty((len(values), len(scaling.targets)))
    for first in range(0, len(values), ROWS):
        part = slice(first, first + ROWS)
        found[part] = predictor.read(values[part], known[part])
    restored.save(predictor.state)
    return found


def all_predictions(predictor: Predictor, data: SeriesData, horizon: int, steps: int) -> Iterator[Rows]:
    """Yield the rows of `predictions`, then those of `steps` rows beyond; the state stays that after the data."""
    yield from predictions(predictor, data, horizon)
    state = predictor.state
    yield from predictions_beyond(predictor, data, steps)
    predictor.carried.state = state


def predictions(predictor: Predictor, data: SeriesData, horizon: int) -> Iterator[Rows]:
    """Yield the targets that a table has, `[n, targets there]`, and predictions of the same rows, `[n, M]`.

    A prediction of row t is made at row t - horizon of the same recording, so it is NaN in the first `horizon` rows of
    each, but for those that the predictor's state has predicted of the first one. What is predicted beyond the end of a
    recording has no row, but for the last one: `horizon` rows more follow, without targets.
    """
    for number, segment in enumerate(data.segments):
        if number:
            predictor.reset()
        elif predictor.state.steps[0]:
            data.inputs.go_on(segment, predictor.state.last[0])
        waiting = predictor.waiting(horizon)
        for row, count in data.blocks(segment, ROWS):
            values, known = data.read_inputs(segment, row, count)
            check_numbers(values, predictor.scaling, data.where(row))
            found = np.concatenate([waiting, predictor.read(values, known)])
            yield data.read_targets(row, count), found[:count]
            waiting = found[count:]
    yield data.no_targets(horizon), predictor.waiting(horizon)


def predictions_beyond(predictor: Predictor, data: SeriesData, steps: int) -> Iterator[Rows]:
    """Yield the same of `steps` rows more, each predicted from the predictions before it; they have no targets."""
    for first in range(0, steps, ROWS):
        found = _closed_loop(predictor, min(ROWS, steps - first))
        yield data.no_targets(len(found)), found


def _closed_loop(predictor: Predictor, count: int) -> np.ndarray:
    """Return `count` predictions `[count, M]` that follow the last one, each made from the one before it."""
    order, found = [predictor.scaling.targets.index(name) for name in predictor.scaling.inputs], []
    last = predictor.state.outputs[0, -1]
    for _ in range(count):
        row = last[None, order]
        (last,) = predictor.read(row, row)
        found.append(last)
    return np.stack(found)


def _array(array: Any, scaling: Scaling) -> np.ndarray:
    """Return rows `[n, inputs]` in float64; raise `InputError` for what cannot be that."""
    names, expected = scaling.inputs, f"array: expected numbers [n, {len(scaling.inputs)}]"
    try:
        values = np.asarray(array, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{expected}, received {shown(array)}") from error
    values = values[:, None] if values.ndim == 1 and len(names) == 1 else values
    if values.ndim != 2 or values.shape[1] != len(names):
        raise InputError(f"{expected}, a column for each of {shown(', '.join(names))}, received {list(values.shape)}")
    check_numbers(values, scaling, lambda row, name: f"array: row {row:,} (from 0 on), input {shown(name)}")
    return values
