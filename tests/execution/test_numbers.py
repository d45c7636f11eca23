"""Losses, weights and resets of windows, against NumPy, PyTorch, and what they must be."""

import functools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.execution.engine import Execution
from lstmzoo.tasks import losses, losses_tf
from tests.helpers.kernels import LAYERS
from tests.helpers.rows import few

LANES, LENGTH, WINDOWS = 3, 4, 5


def built(lanes=LANES, **description):
    return lstmzoo.build_model(
        {"units": 4, **description}, encoding="features", input_dim=2, outputs=2, batch_size=lanes, seed=1
    )


@functools.cache
def series():
    rng = np.random.default_rng(0)
    inputs, targets = (rng.normal(size=(WINDOWS, LANES, LENGTH, 2)).astype("float32") for _ in range(2))
    return inputs, targets, rng.integers(0, 3, inputs.shape)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_losses_and_gradients_are_those_of_numpy(name):
    rng = np.random.default_rng(0)
    outputs = 2 * rng.normal(size=(4, 3, 5))
    symbols = name == "cross_entropy"
    targets = rng.integers(0, 5, (4, 3)) if symbols else outputs + np.linspace(-2, 2, 60).reshape(outputs.shape)

    def ours(outputs):
        return losses.cross_entropy(outputs, targets) if symbols else losses.OF_NUMBERS[name](outputs - targets)

    given = tf.constant(outputs)
    with tf.GradientTape() as tape:
        tape.watch(given)
        theirs = losses_tf.losses_of(name, given, targets)
    np.testing.assert_allclose(theirs, ours(outputs), rtol=1e-12, atol=1e-12)
    gradient, step = tape.gradient(theirs, given).numpy(), 1e-6
    for place in np.ndindex(outputs.shape):
        shift = np.zeros(outputs.shape)
        shift[place] = step
        slope = (ours(outputs + shift) - ours(outputs - shift)).sum() / (2 * step)
        np.testing.assert_allclose(gradient[place], slope, atol=1e-6)
    assert losses.OF_NUMBERS.keys() == losses_tf.OF_NUMBERS.keys()


def test_huber_is_that_of_keras():
    errors = np.linspace(-3, 3, 61)
    theirs = [keras.losses.huber([0.0], [error]) for error in errors]
    np.testing.assert_allclose(losses.huber(errors), theirs, rtol=1e-5)


@pytest.mark.parametrize("loss", few(losses.OF_NUMBERS, ["huber"]))
def test_a_window_has_the_weighted_mean(loss):
    model, (x, y, w) = built(skip=True), series()
    execution = Execution(model, keras.optimizers.SGD(0.0), "scan", loss=loss)
    outputs = execution.evaluate(x, y, w).predictions
    for weights in (w, w[..., 0]):
        wide = np.broadcast_to(weights.reshape(*y.shape[:3], -1), y.shape)
        each = wide * losses.OF_NUMBERS[loss](outputs.astype(float) - y)
        lstmzoo.reset_states(model)
        found = execution.train(x, y, weights=weights)
        np.testing.assert_allclose(found, each.sum((1, 2, 3)) / wide.sum((1, 2, 3)), rtol=1e-6)
        sums = execution.evaluate(x, y, weights).sums
        np.testing.assert_allclose(sums["loss"], each.sum((1, 2)), rtol=1e-12)
        np.testing.assert_allclose(sums["squared"], (wide * (outputs.astype(float) - y) ** 2).sum((1, 2)), rtol=1e-12)
        np.testing.assert_allclose(sums["absolute"], (wide * abs(outputs.astype(float) - y)).sum((1, 2)), rtol=1e-12)


def test_a_window_without_weight_has_no_loss_and_no_gradient():
    x, y, _ = series()
    for loss in losses.OF_NUMBERS:
        model = built(skip=True)
        before = model.get_weights()
        nothing = np.full_like(y, np.nan)
        found = lstmzoo.train_windows(
            model, keras.optimizers.SGD(9.0), x, nothing, kernel="scan", loss=loss, weights=np.zeros(y.shape)
        )
        np.testing.assert_array_equal(found, np.zeros(WINDOWS))
        for part, other in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("kernel", few(["scan", "xla", "keras"], ["scan"]))
def test_a_reset_lane_starts_from_zero_alone(kernel):
    model, (x, y, w) = built(kind="stacked_cells", units=[4, 3]), series()
    resets = np.zeros((WINDOWS, LANES), bool)
    resets[2, 1] = resets[4, 0] = True
    execution = Execution(model, keras.optimizers.SGD(0.0), kernel, loss="mse")
    found = execution.evaluate(x, y, w, resets=resets).predictions
    carried = execution.evaluate(x, y, w).predictions
    wanted = carried.copy()
    wanted[2:, 1] = execution.evaluate(x[2:], y[2:], w[2:]).predictions[:, 1]
    wanted[4:, 0] = execution.evaluate(x[4:], y[4:], w[4:]).predictions[:, 0]
    np.testing.assert_array_equal(found, wanted)
    assert not np.array_equal(found[2:, 1], carried[2:, 1])
    execution.train(x, y, resets=resets)
    states = execution.evaluate(x, y, w, resets=resets).states
    for state, wanted in zip(sum(lstmzoo.get_states(model), ()), states, strict=True):
        np.testing.assert_array_equal(state, wanted)


X, Y = np.zeros((2, 3, 4, 2)), np.zeros((2, 3, 4, 2))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loss": "msa"}, "loss: expected a known one, received 'msa'; did you mean mse"),
        ({"loss": "cross_entropy"}, "loss: expected mse, mae, huber for a model of numbers, received 'cross_entropy'"),
        (
            {"targets": Y[..., :1]},
            r"targets: expected shape \[K, B, T, M\] = \[2, 3, 4, 2\] .*, received \[2, 3, 4, 1\]",
        ),
        ({"targets": Y.astype(str)}, "targets: expected numbers, received <U32"),
        (
            {"weights": Y[0]},
            r"weights: expected \[2, 3, 4\] or \[2, 3, 4, 2\] numbers, received \[3, 4, 2\] of float64",
        ),
        ({"weights": Y - 1}, "weights: expected finite numbers >= 0, received -1 to -1"),
        ({"weights": Y + np.nan}, "weights: expected finite numbers >= 0, received nan to nan"),
    ],
)
def test_misfitting_arrays_change_nothing(given, message):
    model = built()
    before = model.get_weights()
    with pytest.raises(InputError, match=message):
        lstmzoo.train_windows(model, keras.optimizers.SGD(1.0), X, **{"targets": Y, "loss": "mse", **given})
    assert all(map(np.array_equal, model.get_weights(), before))


def test_resets_and_losses_that_do_not_fit_are_refused():
    execution = Execution(built(), keras.optimizers.SGD(1.0), "scan", loss="mse")
    for resets in (np.zeros((2, 3)), np.zeros((2, 4), bool)):
        with pytest.raises(InputError, match=r"resets: expected \[K, B\] = \[2, 3\] booleans, received \[2, "):
            execution.train(X, Y, resets=resets)
    symbols = lstmzoo.build_model({"units": 4}, vocab_size=5, encoding="one_hot", batch_size=3)
    with pytest.raises(InputError, match="loss: expected 'cross_entropy' where symbols go in, received 'mse'"):
        Execution(symbols, keras.optimizers.SGD(1.0), "scan", loss="mse")


@pytest.mark.parametrize(
    ("loss", "kernel"), few([(loss, kernel) for loss in losses.OF_NUMBERS for kernel in LAYERS], [("huber", "scan")])
)
def test_pytorch_has_the_same_losses_and_gradients(loss, kernel):
    golden = np.load(Path(__file__).parents[1] / "reference" / "numbers_torch.npz")
    x, y, weights, resets = golden["x"] / 32, golden["y"] / 32, golden["weights"], golden["resets"]
    y[weights == 0] = np.nan
    start = [golden[f"init_{number}"] for number in range(5)]
    model = lstmzoo.build_model({"units": 5}, encoding="features", input_dim=3, outputs=2, batch_size=4)
    model.set_weights(start)
    Execution(model, keras.optimizers.SGD(1.0), kernel, loss=loss).train(x[:1], y[:1], None, True, weights[:1])
    for number, (before, after) in enumerate(zip(start, model.get_weights(), strict=True)):
        np.testing.assert_allclose(before - after, golden[f"gradient_{loss}_{number}"], atol=1e-6)
    model.set_weights(start)
    lstmzoo.reset_states(model)
    sgd = keras.optimizers.SGD(0.05, momentum=0.9)
    found = Execution(model, sgd, kernel, loss=loss).train(x, y, None, True, weights, resets)
    np.testing.assert_allclose(found, golden[f"loss_{loss}"], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": [[1], [2, 3]]}, r"inputs: expected an array, received \[\[1\], \[2, 3\]\]"),
        ({"inputs": np.full((1, LANES, 4, 2), "a")}, "inputs: expected numbers, received <U1"),
        ({"inputs": np.zeros((1, LANES, 4, 2), "M8[s]")}, r"inputs: expected numbers, received datetime64\[s\]"),
        ({"inputs": np.zeros((1, LANES, 4, 2), complex)}, "inputs: expected numbers, received complex128"),
        ({"inputs": np.zeros((1, LANES, 3, 2))}, "targets: expected shape"),
        ({"kernel": ["xla"]}, r"kernel: expected a known one, received \['xla'\]"),
        ({"loss": ["mse"]}, r"loss: expected a known one, received \['mse'\]"),
        ({"seed": -1}, "seed: expected an integer >= 0, received -1"),
    ],
)
def test_a_refused_call_leaves_the_optimizer_to_other_models(options, message):
    optimizer, (inputs, targets, _) = keras.optimizers.Adam(0.01), series()
    given = {"inputs": inputs[:1], "targets": targets[:1], "loss": "mse", "kernel": "scan"}
    with pytest.raises(InputError, match=message):
        lstmzoo.train_windows(built(), optimizer, **given | options)
    assert len(optimizer.variables) == 1  # the count of steps
    lstmzoo.train_windows(built(), optimizer, **given)
