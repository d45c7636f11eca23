"""The laws of lanes, state and resume for a series: recordings of any lengths, through the whole task."""

import signal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.runs.checkpoint import load_checkpoint
from lstmzoo.tasks.series.task import Series
from tests.helpers.kernels import LAYERS
from tests.helpers.killing import assert_same_run, metrics, random_moments, result, run_in_process
from tests.helpers.pumps import write_config
from tests.helpers.series import QUIET, numbered_tables

# Laws 1 and 2: rows are numbered through all tables, so that each window says what it holds


@settings(max_examples=20, **QUIET)
@given(
    case=numbered_tables(),
    batch_size=st.integers(1, 5),
    seq_length=st.integers(1, 9),
    horizon=st.integers(0, 3),
    warmup=st.integers(0, 6),
    fraction=st.sampled_from([0.0, 0.1, 0.5]),
    size=st.integers(1, 7),
)
def test_each_row_is_an_input_once_an_epoch_and_state_begins_only_with_a_piece(
    tmp_path_factory, case, batch_size, seq_length, horizon, warmup, fraction, size
):
    keys, recordings = case(tmp_path_factory.getbasetemp())
    spec = Series.Spec(kind="series", inputs=0, targets=0, scale="none", horizon=horizon, warmup=warmup, **keys)
    try:
        task = Series(spec, batch_size, 0, fraction)
        task.check(seq_length, fraction > 0)
    except InputError:
        assume(False)  # too short, or too much warm-up
    held = [-int(-(len(rows) * fraction) // 1) for rows in recordings]
    parts = [rows[: len(rows) - n] for rows, n in zip(recordings, held, strict=True)]
    assert_lanes(task.epoch_lanes(0), [part for part in parts if len(part) > horizon], task, seq_length, size)
    assert task.windows(seq_length)[0] == task.epoch_lanes(1).windows(seq_length)
    if fraction:
        parts = [rows[len(rows) - n :] for rows, n in zip(recordings, held, strict=True)]
        assert_lanes(task.validation(), [part for part in parts if len(part) > horizon], task, seq_length, size)


def assert_lanes(stream, parts, task, seq_length, size):
    """Each lane, cut `size` windows at a time, goes on row by row, or begins at zero at a window's start."""
    total, warmup, horizon = stream.windows(seq_length), task.dataset.spec.warmup, task.dataset.spec.horizon
    cut = [stream.cut(seq_length, first, size) for first in range(0, total, size)]
    inputs, targets, weights, resets = (np.concatenate(each) for each in zip(*cut, strict=True))
    assert len(inputs) == total
    lanes = [np.swapaxes(each, 0, 1).reshape(inputs.shape[1], -1) for each in (inputs, targets, weights)]
    begins = {part[0]: place for place, part in enumerate(parts)}
    ends = {row: part[-1] for part in parts for row in part}
    read = []
    for lane, (x, y, counts) in enumerate(zip(*lanes, strict=True)):
        starts = [int(window) * seq_length for window in np.flatnonzero(resets[:, lane])]
        assert not x[: starts[0] if starts else len(x)].any()
        for first, end in pairwise([*starts, len(x)]):
            rows = x[first:end][x[first:end] != 0]
            assert (np.diff(rows) == 1).all() and not x[first + len(rows) : end].any()  # in order, then padding
            assert end - first == -(-len(rows) // seq_length) * seq_length or end == len(x)
            start = next(part[0] for part in parts if part[0] <= rows[0] <= part[-1])
            assert (rows[0] - start) % seq_length == 0 and rows[-1] <= ends[rows[0]]  # cut at a window, joined never
            for step, row in enumerate(rows):
                known = row + horizon <= ends[row] and step >= warmup
                assert (y[first + step], counts[first + step]) == ((row + horizon, 1) if known else (0, 0))
            assert not counts[first + len(rows) : end].any()
            read.extend(rows.tolist())
    assert sorted(read) == [row for part in parts for row in part]
    assert len(begins) <= resets.sum()


# What no setting of the execution changes


CALLS = ["execution.windows_per_call=1", "execution.windows_per_call=3"]  # auto: the whole epoch
OTHERS = [*(f"execution.kernel={name}" for name in LAYERS if name != "scan"), "execution.shards=3"]
MORE = ", loss_weights: [2, 1], segment: {column: part}"
SHORT = [
    "execution.kernel=scan",
    "validate={every_steps: 8, fraction: 0.25}",
    "checkpoint.every_steps=8",
    "train.epochs=2",
    "model={kind: single, units: 6, skip: true}",
]


def trained(folder, run, *overrides):
    config = folder / "pumps.yaml"
    if not config.exists():
        write_config(folder, targets="[load, flow]", more=MORE)
    lstmzoo.train_run(lstmzoo.load_config(config, [*SHORT, *overrides]), folder / run)
    return folder / run


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("pumps"), "whole")


@pytest.mark.slow
@pytest.mark.parametrize("override", CALLS)
def test_how_many_windows_a_call_has_changes_nothing(whole, override):
    assert metrics(trained(whole.parent, override, override)) == metrics(whole)


@pytest.mark.slow
@pytest.mark.parametrize("override", OTHERS)
def test_kernels_and_shards_agree(whole, override):
    other = trained(whole.parent, override, override)
    for line, wanted in zip(metrics(other), metrics(whole), strict=True):
        assert line == pytest.approx(wanted, rel=2e-4, abs=2e-5)


# Law 5


PATIENT = [
    SHORT[-1],
    "execution.windows_per_call=3",
    "train.epochs=30",
    "train.optimizer.learning_rate=0.3",
    "validate={every_steps: 3, fraction: 0.25, patience: 3}",
]


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [name for name in LAYERS if name in ("scan", "native")])
def test_kills_change_nothing_of_a_run_that_stops_early(tmp_path, kernel):
    """Segments, two targets, missing values, warm-up and patience; all that is written but times."""
    config, overrides = (
        write_config(tmp_path, targets="[load, flow]", more=MORE),
        [*PATIENT, f"execution.kernel={kernel}"],
    )
    lstmzoo.train_run(lstmzoo.load_config(config, overrides), tmp_path / "whole")
    assert result(tmp_path / "whole")["status"] == "stopped_early"
    kills = sum(
        run_in_process(config, overrides, tmp_path / "run", moment).status == -signal.SIGKILL
        for moment in random_moments(3, 3, 40)
    )
    assert kills > 1
    assert run_in_process(config, overrides, tmp_path / "run").status == 0
    assert_same_run(tmp_path / "whole", tmp_path / "run")
    last = sorted((tmp_path / "run" / "checkpoints").iterdir())[-1]
    assert load_checkpoint(last).metadata.keys() >= {"data_sha256", "scaling_sha256"}
