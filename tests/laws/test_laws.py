"""The laws of lanes, state, evaluation, one mathematics and repeatability, for any B, T and length."""

import json
from itertools import product

import numpy as np
import pytest
import tf_keras as keras
from hypothesis import HealthCheck, given, settings, strategies as st

import lstmzoo
from lstmzoo.data.lanes import Lanes, cut_windows, padded_windows, split_lanes
from lstmzoo.execution.engine import Execution
from lstmzoo.runs.checkpoint import load_checkpoint
from lstmzoo.tasks.echo import Echo, EchoSpec
from tests.helpers.places import CONFIGS
from tests.helpers.products import rounding_of_rows
from tests.helpers.rows import few

KINDS = ["stacked_layers", "stacked_cells"]
quick = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
sizes = {"batch_size": st.integers(1, 4), "seq_length": st.integers(1, 6), "count": st.integers(1, 5)}


def built(kind="stacked_layers", batch_size=2, vocab_size=3, encoding="one_hot", **description):
    description = {"units": [3, 4], **description}
    return lstmzoo.build_model(
        {"kind": kind, **description}, vocab_size=vocab_size, encoding=encoding, batch_size=batch_size
    )


def symbols(count, batch_size, seq_length, vocab_size=3, seed=0):
    stream = np.random.default_rng(seed).integers(0, vocab_size, (batch_size, count * seq_length + 1))
    return cut_windows(stream, seq_length, 0, count), cut_windows(stream[:, 1:], seq_length, 0, count)


# Law 1: lanes


@given(length=st.integers(0, 400), batch_size=st.integers(1, 9), seq_length=st.integers(1, 20))
def test_row_b_of_the_next_window_continues_row_b(length, batch_size, seq_length):
    stream = np.arange(length)
    lanes = split_lanes(stream, batch_size)
    left_over = length - lanes.size
    epoch = Lanes(lanes, lanes, left_over)
    count = epoch.windows(seq_length)
    cut = cut_windows(lanes, seq_length, 0, count)
    assert cut.shape == (count, batch_size, seq_length)
    assert epoch.dropped(seq_length) + cut.size == length
    rows = cut.swapaxes(0, 1).reshape(batch_size, -1)
    for row, lane in zip(rows, lanes, strict=True):
        np.testing.assert_array_equal(row, lane[: len(row)])
        assert len(lane) - len(row) < seq_length


@given(length=st.integers(1, 60), batch_size=st.integers(1, 5), seq_length=st.integers(1, 20))
def test_validation_windows_hold_everything_once(length, batch_size, seq_length):
    lanes = np.arange(1, length * batch_size + 1).reshape(batch_size, length)
    padded = padded_windows(lanes, seq_length, 0, lanes.shape[1]).swapaxes(0, 1).reshape(batch_size, -1)
    np.testing.assert_array_equal(padded[:, :length], lanes)
    assert not padded[:, length:].any()


@given(
    batch_size=st.integers(1, 6),
    lane=st.integers(2, 40),
    over=st.integers(0, 5),
    step=st.integers(1, 39),
    epoch=st.integers(0, 9),
)
def test_echo_is_the_whole_series_rolled_before_it_is_cut(batch_size, lane, over, step, epoch):
    length = batch_size * lane + min(over, batch_size - 1)
    spec = EchoSpec(kind="echo", series_length=length, echo_step=min(step, lane - 1))
    x, y, left_over = Echo(spec, batch_size, seed=1).epoch_lanes(epoch)
    flat_x, flat_y = x.ravel(), y.ravel()
    assert x.shape == y.shape == (batch_size, lane)
    assert left_over == length - batch_size * lane
    assert not flat_y[: spec.echo_step].any()
    np.testing.assert_array_equal(flat_y[spec.echo_step :], flat_x[: -spec.echo_step])


def test_series_are_fresh_or_fixed_and_validation_has_its_own():
    def series(epoch, **spec):
        return Echo(EchoSpec(kind="echo", series_length=100, **spec), 2, seed=0).epoch_lanes(epoch).inputs

    assert not np.array_equal(series(0), series(1))
    np.testing.assert_array_equal(series(0, fresh_series=False), series(1, fresh_series=False))
    task = Echo(EchoSpec(kind="echo", series_length=1000), 2, seed=0)
    validation = task.validation()
    assert not np.array_equal(validation.lanes.inputs, series(0))
    np.testing.assert_array_equal(validation.lanes.inputs, task.validation().lanes.inputs)
    assert validation.weights[:, :3].sum() == 0
    assert validation.weights[:, 3:].all()


# Law 2: state


@quick
@given(kind=st.sampled_from(["single", *KINDS]), **sizes)
def test_one_long_sequence_equals_its_pieces(kind, batch_size, seq_length, count):
    model = built(kind, batch_size, units=4) if kind == "single" else built(kind, batch_size)
    x, _ = symbols(count, batch_size, seq_length)
    whole = np.asarray(model(np.concatenate(list(x), 1)))
    ends = lstmzoo.get_states(model)
    lstmzoo.reset_states(model)
    pieces = np.concatenate([np.asarray(model(piece)) for piece in x], 1)
    np.testing.assert_allclose(pieces, whole, rtol=0, atol=rounding_of_rows())
    for pair, other in zip(lstmzoo.get_states(model), ends, strict=True):
        np.testing.assert_allclose(pair, other, rtol=0, atol=rounding_of_rows())


@pytest.mark.parametrize("kernel", few(["keras", "scan", "xla"], ["scan", "xla"]))
def test_a_window_equals_its_pieces(kernel):
    """XLA's products differ in the last place with the number of rows."""
    description, still = {"kind": "stacked_layers", "units": [20, 20]}, keras.optimizers.SGD(0.0)
    model = lstmzoo.build_model(description, encoding="features", input_dim=3, vocab_size=5, batch_size=2)
    x, y = np.random.default_rng(0).normal(size=(1, 2, 24, 3)), symbols(1, 2, 24, 5)[1]
    found = []
    for length in (24, 6, 1):
        lstmzoo.reset_states(model)
        cut = [part.reshape(2, 24 // length, length, *part.shape[3:]).swapaxes(0, 1) for part in (x, y)]
        lstmzoo.train_windows(model, still, *cut, kernel=kernel)
        found.append(sum(lstmzoo.get_states(model), ()))
    for states in found[1:]:
        for part, whole in zip(states, found[0], strict=True):
            np.testing.assert_allclose(part, whole, rtol=0, atol=1e-6 if kernel == "xla" else rounding_of_rows())


@pytest.mark.parametrize(
    ("dropout", "kernel"),
    few(list(product([0.0, 0.5], ["keras", "scan", "xla"])), [(0.0, "keras"), (0.5, "xla")]),
)
def test_windows_in_one_call_equal_windows_one_by_one(kernel, dropout):
    x, y = symbols(6, 2, 5)

    model, optimizer = built(dropout=dropout), keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    variables = [*model.weights, *optimizer.variables]
    start = [variable.numpy() for variable in variables]

    def run(cuts):
        lstmzoo.reset_states(model)
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        losses = [lstmzoo.train_windows(model, optimizer, x[a:b], y[a:b], kernel=kernel) for a, b in cuts]
        return [np.concatenate(losses), *model.get_weights(), *sum(lstmzoo.get_states(model), ())]

    whole = run([(0, 6)])
    for part, other in zip(run([(0, 1), (1, 2), (2, 6)]), whole, strict=True):
        np.testing.assert_array_equal(part, other)


EACH_ONCE = [("single", "scan"), ("stacked_layers", "xla"), ("stacked_cells", "keras")]


@pytest.mark.parametrize(
    ("kind", "kernel"), few(list(product(("single", *KINDS), ("keras", "scan", "xla"))), EACH_ONCE)
)
def test_the_next_initial_state_is_the_last_final_state(kind, kernel):
    model, still = built(kind, units=4) if kind == "single" else built(kind), keras.optimizers.SGD(0.0)
    zero = lstmzoo.get_states(model)

    def trained(x, y, states):
        lstmzoo.set_states(model, states)
        losses = lstmzoo.train_windows(model, still, x, y, kernel=kernel)
        return losses, lstmzoo.get_states(model)

    x, y = symbols(4, 2, 5)
    whole, ends = trained(x, y, zero)
    first, middle = trained(x[:2], y[:2], zero)
    assert all(part.any() for pair in middle for part in pair)
    lstmzoo.reset_states(model)
    second, theirs = trained(x[2:], y[2:], middle)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    for pair, other in zip(theirs, ends, strict=True):
        np.testing.assert_array_equal(pair, other)


@pytest.mark.parametrize("kind", ["single", *KINDS])
def test_states_are_h_then_c_and_go_in_as_they_come_out(kind):
    model = built(kind, units=4) if kind == "single" else built(kind)
    widths = [4] if kind == "single" else [3, 4]
    rng = np.random.default_rng(0)
    states = [(rng.normal(size=(2, n)).astype("f"), rng.normal(size=(2, n)).astype("f")) for n in widths]
    lstmzoo.set_states(model, states)
    for pair, other in zip(lstmzoo.get_states(model), states, strict=True):
        np.testing.assert_array_equal(pair, other)
    model(np.zeros((2, 1), int))
    (h, c), *_ = lstmzoo.get_states(model)
    assert np.abs(h).max() < 1  # h = o tanh(c) is bounded, c is not
    assert not np.array_equal(h, c)
    lstmzoo.reset_states(model)
    assert not any(part.any() for pair in lstmzoo.get_states(model) for part in pair)


# Law 3: evaluation never touches training


def test_evaluation_leaves_training_alone():
    x, y = symbols(6, 2, 5)
    results = []
    for validate in (False, True):
        model, optimizer = built(), keras.optimizers.Adam(0.01)
        execution = Execution(model, optimizer, "scan")
        losses = []
        for k in range(6):
            if validate:
                execution.evaluate(x, y, np.ones(y.shape))
            losses.append(execution.train(x[k : k + 1], y[k : k + 1]))
        results.append([*losses, *model.get_weights(), *sum(lstmzoo.get_states(model), ())])
    for part, other in zip(*results, strict=True):
        np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("kernel", ["keras", "scan", "xla"])
def test_evaluation_says_what_keras_says(kernel):
    x, y = symbols(3, 2, 5)
    model = built()
    execution = Execution(model, keras.optimizers.SGD(0.1), kernel)
    weights = np.random.default_rng(0).integers(0, 2, y.shape)
    found = execution.evaluate(x, y, weights)
    logits = np.stack([np.asarray(model(piece)) for piece in x])
    losses = keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True).numpy()
    np.testing.assert_allclose(found.sums["loss"], (losses * weights).sum((1, 2)), rtol=1e-5)
    np.testing.assert_array_equal(found.predictions, logits.argmax(-1))
    np.testing.assert_allclose(found.sums["hits"], ((logits.argmax(-1) == y) * weights).sum((1, 2)))
    for part, other in zip(found.states, sum(lstmzoo.get_states(model), ()), strict=True):
        np.testing.assert_allclose(part, other, atol=1e-6)


def run(directory, *overrides):
    experiment = lstmzoo.load_config(CONFIGS / "echo.yaml", ["train.steps=300", *overrides])
    result = lstmzoo.train_run(experiment, directory)
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    return result, [line["train_loss"] for line in lines], lines


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One without validation, and the same one validated, with more checkpoints and other graph calls."""
    folder = tmp_path_factory.mktemp("runs")
    plain = run(folder / "plain", "validate.every_steps=0", "checkpoint.every_steps=0")
    cadence = ["validate.every_steps=70", "checkpoint.every_steps=50", "execution.windows_per_call=37"]
    return folder, plain, run(folder / "validated", *cadence)


def test_a_run_with_validation_has_the_losses_of_one_without(runs):
    _, (_, plain, _), (_, validated, lines) = runs
    assert plain == validated
    assert [line["step"] for line in lines if "val_loss" in line] == [70, 140, 210, 280, 300]


# Law 4: one architecture, one mathematics (logits, states and gradients; kernels have their own table)


models = {"depth": st.integers(1, 3), "encoding": st.sampled_from(["scalar", "one_hot"]), **sizes}


@settings(quick, max_examples=3)
@given(**models)
def test_kinds_agree_in_logits_states_and_gradients(**model):
    assert_kinds_agree(**model)


@pytest.mark.slow
@settings(quick, max_examples=20)
@given(**models)
def test_kinds_agree_in_twenty_models(**model):
    assert_kinds_agree(**model)


def assert_kinds_agree(depth, encoding, batch_size, seq_length, count):
    x, y = symbols(count, batch_size, seq_length)
    results = []
    for kind in (*KINDS, *(["single"] if depth == 1 else [])):
        model = built(kind, batch_size, encoding=encoding, units=4, depth=depth)
        logits = [np.asarray(model(piece)) for piece in x]
        lstmzoo.reset_states(model)
        lstmzoo.train_windows(model, keras.optimizers.SGD(0.1), x, y, kernel="scan")
        results.append([*logits, *model.get_weights(), *sum(lstmzoo.get_states(model), ())])
    for other in results[1:]:
        for part, wanted in zip(other, results[0], strict=True):
            np.testing.assert_allclose(part, wanted, atol=1e-6)


# Law 8: the same config and seed give the same numbers


def test_same_config_same_bits_and_another_seed_another_run(runs, tmp_path):
    folder, (_, first, _), (_, second, _) = runs
    _, third, _ = run(tmp_path, "seed=1")
    assert first == second
    assert first != third
    last = "checkpoints/step-00000300.safetensors"
    weights = [load_checkpoint(folder / name / last).tensors for name in ("plain", "validated")]
    for name, value in weights[0].items():
        if not name.startswith("best"):
            np.testing.assert_array_equal(weights[1][name], value)
