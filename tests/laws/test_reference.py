"""The tutorials' own numbers: every step's loss, with their initial weights and data, on every path that we have."""

import functools
from itertools import product

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import lstmzoo
from tests.helpers.rows import few

WEIGHTS = ["l0_kernel", "l0_recurrent_kernel", "l0_bias", "dense_kernel", "dense_bias"]
KINDS = ["single", "stacked_layers", "stacked_cells"]
KERNELS = ["keras", "scan", "xla"]
OPTIMIZERS = {
    "echo_hallstrom": lambda: keras.optimizers.Adagrad(0.3, initial_accumulator_value=0.1, epsilon=0.0),
    "echo_sshanu": lambda: keras.optimizers.Adam(0.3, epsilon=1e-8),
}


@functools.cache
def built(kind, batch_size):
    """All kernels train the same model."""
    return lstmzoo.build_model({"kind": kind, "units": 4}, vocab_size=2, encoding="scalar", batch_size=batch_size)


def start(golden, kind):
    model = built(kind, golden["x"].shape[1])
    model.set_weights([golden[f"init_{name}"] for name in WEIGHTS])
    return model


def windows(golden, epoch, seq_length):
    x, y = golden["x"][epoch], golden["y"][epoch]
    count = x.shape[1] // seq_length
    cut = [a[:, : count * seq_length].reshape(len(a), count, seq_length).swapaxes(0, 1) for a in (x, y)]
    return cut[0], cut[1]


def assert_follows(losses, golden):
    limit = 20 * np.maximum.accumulate(golden["loss_spread"]) + 1e-5
    np.testing.assert_array_less(np.abs(losses - golden["loss"]), limit)


TABLE = list(product(OPTIMIZERS, KINDS, KERNELS))
EACH_ONCE = [
    *(("echo_hallstrom", *pair) for pair in (("single", "keras"), ("stacked_cells", "xla"), ("stacked_layers", "scan"))),
    ("echo_sshanu", "stacked_layers", "xla"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "kernel"), few(TABLE, EACH_ONCE))
def test_train_windows_follows_the_tutorial(reference, name, kind, kernel):
    golden = reference(name)
    model, optimizer = start(golden, kind), OPTIMIZERS[name]()
    seq_length = {"echo_hallstrom": 15, "echo_sshanu": 10}[name]
    losses = []
    for epoch in range(2):
        lstmzoo.reset_states(model)
        losses.append(lstmzoo.train_windows(model, optimizer, *windows(golden, epoch, seq_length), kernel=kernel))
        (h, c), tolerance = lstmzoo.get_states(model)[0], {"echo_hallstrom": 1e-3, "echo_sshanu": 0.2}[name]
        np.testing.assert_allclose(h, golden["state_h_l0"][epoch], atol=tolerance)
        np.testing.assert_allclose(c, golden["state_c_l0"][epoch], atol=tolerance)
    assert_follows(np.concatenate(losses), golden)


@pytest.mark.parametrize(
    ("name", "kind"), few(list(product(OPTIMIZERS, ["single", "stacked_cells"])), [("echo_sshanu", "single")])
)
def test_plain_keras_follows_the_tutorial(reference, name, kind):
    golden = reference(name)
    model = start(golden, kind)
    model.compile(OPTIMIZERS[name](), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = []
    for epoch in range(2):
        model.reset_states()
        losses += keras_losses(model, *windows(golden, epoch, golden_length(name)))
    assert_follows(np.array(losses), golden)


def keras_losses(model, inputs, targets):
    """As `model.train_on_batch` for each window, which makes a data set of each."""
    step, found = model.make_train_function(), []
    data = iter(tf.data.Dataset.from_tensor_slices((inputs, targets)))
    for _ in inputs:
        model.reset_metrics()
        found.append(float(step(data)["loss"]))
    return found


def golden_length(name):
    return {"echo_hallstrom": 15, "echo_sshanu": 10}[name]


def test_one_cell_step_of_the_notebook(reference):
    golden = reference("cell_basics")
    model = lstmzoo.build_model(
        {"kind": "single", "units": 4}, vocab_size=None, encoding="features", input_dim=6, batch_size=1
    )
    model.set_weights([golden[f"single_{name}"] for name in ("kernel", "recurrent_kernel", "bias")])
    output = model.predict(golden["single_input"][:, None], verbose=0)
    ((h, c),) = lstmzoo.get_states(model)
    np.testing.assert_allclose(output[:, 0], golden["single_output"], atol=1e-6)
    np.testing.assert_allclose(h, golden["single_h"], atol=1e-6)
    np.testing.assert_allclose(c, golden["single_c"], atol=1e-6)


@pytest.mark.parametrize("activation", ["sigmoid", "hard_sigmoid"])
@pytest.mark.parametrize("kind", ["stacked_cells", "stacked_layers"])
def test_stacked_cells_of_the_notebook(reference, kind, activation):
    golden = reference("cell_basics")
    description = {"kind": kind, "units": [4, 5], "recurrent_activation": activation}
    model = lstmzoo.build_model(description, vocab_size=None, encoding="features", input_dim=6, batch_size=2)
    names = [f"stacked_l{layer}_{part}" for layer in (0, 1) for part in ("kernel", "recurrent_kernel", "bias")]
    model.set_weights([golden[name] for name in names])
    output = model.predict(golden["stacked_input"], verbose=0)
    np.testing.assert_allclose(output, golden[f"stacked_{activation}_output"], atol=1e-6)
    for layer, state in enumerate(lstmzoo.get_states(model)):
        for part, value in zip("hc", state, strict=True):
            np.testing.assert_allclose(value, golden[f"stacked_{activation}_{part}_l{layer}"], atol=1e-6)
