"""The char tutorial's own numbers: every step's loss and the sampled ids, with its weights and data."""

import json
from itertools import product

import numpy as np
import pytest
import tf_keras as keras

import lstmzoo
from lstmzoo.inference import draw
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw_tf import GraphSampler
from tests.helpers.rows import few

WEIGHTS = ["l0_kernel", "l0_recurrent_kernel", "l0_bias", "dense_kernel", "dense_bias"]
KERNELS = ["keras", "scan", "xla"]


def model_of(golden, weights, kind="single"):
    units, vocab_size = weights[1].shape[0], len(golden["vocab"])
    model = lstmzoo.build_model({"kind": kind, "units": units}, vocab_size=vocab_size, encoding="one_hot", batch_size=1)
    model.set_weights(weights)
    return model


def windows(golden, steps):
    seq_length = json.loads(str(golden["meta"]))["seq_length"]
    ids = golden["text_ids"].astype(np.int64)
    cut = [ids[shift : shift + steps * seq_length].reshape(steps, 1, seq_length) for shift in (0, 1)]
    return cut[0], cut[1]


def trained(golden, weights, steps, kernel, kind="single"):
    optimizer = keras.optimizers.Adam(0.01, epsilon=1e-8)
    model = model_of(golden, weights, kind)
    return lstmzoo.train_windows(model, optimizer, *windows(golden, steps), kernel=kernel)


def limit(spread):
    return 20 * np.maximum.accumulate(spread) + 1e-5


TABLE = list(product(["single", "stacked_cells", "stacked_layers"], KERNELS))
EACH_ONCE = [("single", "scan"), ("stacked_layers", "xla"), ("stacked_cells", "keras")]


@pytest.mark.parametrize(("kind", "kernel"), few(TABLE, EACH_ONCE))
def test_training_follows_the_tutorial(reference, kind, kernel):
    golden = reference("char_markov")
    losses = trained(golden, [golden[f"init_{name}"] for name in WEIGHTS], len(golden["loss"]), kernel, kind)
    np.testing.assert_array_less(np.abs(losses - golden["loss"]), limit(golden["loss_spread"]))


@pytest.mark.parametrize("kernel", few(KERNELS, ["xla"]))
def test_training_follows_the_tutorial_on_its_book(beside, kernel):
    golden = np.load(beside("golden/char_jose.npz"))
    losses = trained(golden, [golden[f"init_{name}"] for name in WEIGHTS], len(golden["loss"]), kernel)
    np.testing.assert_array_less(np.abs(losses - golden["loss"]), limit(golden["loss_spread"]))


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["scan", "xla"])
def test_the_chaotic_run_of_500_units(beside, kernel):
    """Rounding grows tenfold a step here: the first steps by value, then means of fifty."""
    golden = np.load(beside("golden/char_jose.npz"))
    losses = trained(golden, big_weights(golden), 200, kernel)
    np.testing.assert_array_less(np.abs(losses - golden["big_loss"])[:8], limit(golden["big_loss_spread"])[:8])
    noisy = golden["big_loss_noisy"].reshape(3, 4, 50).mean(2)
    spread = 3 * np.ptp(noisy, axis=0) + 0.05
    np.testing.assert_array_less(np.abs(losses.reshape(4, 50).mean(1) - noisy.mean(0)), spread)


def big_weights(golden):
    vocab_size, units = len(golden["vocab"]), 500
    draws = np.random.RandomState(500)

    def uniform(bound, *shape):
        return draws.uniform(-bound, bound, shape).astype(np.float32)

    kernel = uniform(np.sqrt(6 / (vocab_size + 5 * units)), vocab_size + units, 4 * units)
    out = uniform(np.sqrt(6 / (units + vocab_size)), units, vocab_size)
    offset = uniform(np.sqrt(3 / vocab_size), vocab_size)
    np.testing.assert_allclose([part.sum(dtype=np.float64) for part in (kernel, out, offset)], golden["big_init_sums"])
    i, j, f, o = np.split(kernel, 4, axis=1)
    gates = np.concatenate([i, f, j, o], axis=1)
    bias = np.zeros(4 * units, np.float32)
    bias[units : 2 * units] = 1
    return [gates[:vocab_size], gates[vocab_size:], bias, out, offset]


class Legacy:
    """NumPy's old generator, as `np.random.choice` of the tutorial uses it: one number a draw."""

    def __init__(self, state):
        self.state = state

    def random(self, count):
        return self.state.random_sample(count)


def assert_samples_as_the_tutorial(golden):
    model = model_of(golden, [golden[f"final_{name}"] for name in WEIGHTS])
    state = np.random.RandomState(json.loads(str(golden["meta"]))["seed"])
    first = int(state.uniform(0, len(golden["vocab"])))
    assert first == golden["sample_first_id"]
    sampler = GraphSampler(model, Choice())
    place = draw.Place(sampler, (0,))
    place.last, place.streams = np.array([first], np.int32), [Legacy(state)]
    pieces = draw.draw(sampler, place, 200)
    np.testing.assert_array_equal(np.concatenate(list(pieces))[:, 0], golden["sample_ids"])


def test_sampling_draws_the_tutorials_ids(reference):
    assert_samples_as_the_tutorial(reference("char_markov"))


def test_sampling_draws_the_tutorials_ids_of_its_book(beside):
    assert_samples_as_the_tutorial(np.load(beside("golden/char_jose.npz")))
