"""Each kernel, kind and option has its row: 50 steps from the same weights end with the same losses and weights.

The yardstick is the `keras` kernel on stacked layers: Keras's own LSTM and TensorFlow's own gradient.
"""

import functools
import json
import time
from itertools import product

import numpy as np
import pytest
import tf_keras as keras

import lstmzoo
from lstmzoo.config.optimizers import OPTIMIZERS, SECTIONS, make_optimizer
from lstmzoo.data.lanes import Windows
from lstmzoo.errors import InputError
from lstmzoo.execution import engine
from lstmzoo.execution.auto import choose_shards
from tests.helpers.kernels import LAYERS
from tests.helpers.rows import few

STEPS, BATCH, LENGTH, VOCAB = 50, 3, 7, 5
ENCODINGS = {
    "scalar": {},
    "one_hot": {},
    "embedding": {"embedding_dim": 3},
    "features": {"input_dim": 4},
    "numbers": {"encoding": "features", "vocab_size": None, "input_dim": 4, "outputs": 2},
}
LACKING = (np.random.default_rng(1).random((STEPS, BATCH, LENGTH)) < 0.3) | (np.arange(STEPS) == 9)[:, None, None]
WEIGHTS = np.where(LACKING, 0, np.random.default_rng(2).random(LACKING.shape))  # a window has none at all
RESETS = np.random.default_rng(3).random((STEPS, BATCH)) < 0.2
NUMBERS = {  # what `train` is given, beside inputs and targets, of which those without weight are NaN
    "mse": {"loss": "mse"},
    "mae": {"loss": "mae"},
    "huber": {"loss": "huber"},
    "weights": {"loss": "mse", "weights": WEIGHTS},
    "weights of each": {"loss": "huber", "weights": np.stack([WEIGHTS, 1 - LACKING], -1), "resets": RESETS},
    "symbols, weights": {"weights": WEIGHTS, "resets": RESETS},
}


def data(encoding, seed=0, weights=None):
    rng = np.random.default_rng(seed)
    symbols = rng.integers(0, VOCAB, (STEPS, BATCH, LENGTH))
    inputs = rng.normal(size=(*symbols.shape, 4)) if encoding in ("features", "numbers") else symbols
    if encoding == "numbers":
        targets = 3 * np.sin(np.cumsum(inputs, 2))[..., :2]
        return inputs, targets if weights is None else np.where(weights.reshape(*LACKING.shape, -1), targets, np.nan)
    return inputs, np.roll(symbols, 1, axis=2)


@functools.cache
def built(description, encoding, floatx):
    """A model and the weights that it starts with: all kernels train the same one."""
    sizes = {"vocab_size": VOCAB, "encoding": encoding, **ENCODINGS[encoding]}
    model = lstmzoo.build_model(json.loads(description), batch_size=BATCH, seed=1, **sizes)
    assert model.dtype == floatx
    return model, model.get_weights()


def trained(description, encoding="one_hot", kernel="keras", optimizer=None, given=None):
    description = {"kind": "stacked_layers", "units": [4, 6], **description}
    model, weights = built(json.dumps(description), encoding, keras.backend.floatx())
    model.set_weights(weights)
    lstmzoo.reset_states(model)
    optimizer = optimizer or keras.optimizers.Adam(0.01)
    options = dict(NUMBERS[given]) if given else {}
    x, y = data(encoding, weights=options.get("weights"))
    if "resets" in options:
        execution = engine.Execution(model, optimizer, kernel, seed=1, loss=options.pop("loss", "cross_entropy"))
        losses = execution.train(x, y, **options)
    else:
        losses = lstmzoo.train_windows(model, optimizer, x, y, kernel=kernel, seed=1, **options)
    return losses, model.get_weights(), lstmzoo.get_states(model)


def assert_same(found, wanted, tolerance=2e-5):
    np.testing.assert_allclose(found[0], wanted[0], atol=tolerance)
    for part, other in zip([*found[1], *sum(found[2], ())], [*wanted[1], *sum(wanted[2], ())], strict=True):
        np.testing.assert_allclose(part, other, atol=20 * tolerance)


DROPOUT = {"recurrent_dropout": 0.3, "input_dropout": 0.2, "output_dropout": 0.25}
ROWS = {  # one layer where a second one would only be compiled once more
    "one_hot": ({}, "one_hot"),
    "scalar": ({"units": 6}, "scalar"),
    "embedding": ({"units": 6}, "embedding"),
    "features": ({"units": 6}, "features"),
    "dropout": ({"dropout": 0.4}, "one_hot"),
    "every dropout": ({"dropout": 0.4, **DROPOUT}, "one_hot"),
    "hard_sigmoid": ({"units": 6, "recurrent_activation": "hard_sigmoid"}, "one_hot"),
    "depth 3": ({"units": 4, "depth": 3}, "one_hot"),
    "depth 1": ({"units": 4}, "one_hot"),
    "skip outputs": ({"units": 5, "depth": 3, "skip_outputs": True, "output_dropout": 0.3}, "one_hot"),
    "mse": ({"units": 6, "skip": True, **DROPOUT}, "numbers", "mse"),
    "mae": ({"units": 6}, "numbers", "mae"),
    "huber": ({"units": 6}, "numbers", "huber"),
    "weights": ({"dropout": 0.4}, "numbers", "weights"),
    "weights of each": ({"units": 6, "skip": True}, "numbers", "weights of each"),
    "symbols, weights": ({"units": 6}, "one_hot", "symbols, weights"),
}
SLOW = (*NUMBERS, "scalar", "depth 1", "depth 3", "dropout", "skip outputs")


@functools.cache
def yardstick(row):
    """The keras kernel on stacked layers, once for each row."""
    return trained_row(row)


def trained_row(row, kernel="keras", **description):
    given, encoding, *options = ROWS[row]
    return trained({**given, **description}, encoding, kernel, None, *options)


TABLE = [
    row
    for row in product(LAYERS, ["stacked_layers", "stacked_cells"], ROWS)
    if row[1:] != ("stacked_cells", "skip outputs")
]
SHORT = [("stacked_layers", row) for row in ROWS if row not in SLOW]
TWINS = ("every dropout",)  # of cells, always: the other options reach the same programs as those of layers


@pytest.mark.parametrize(
    ("kernel", "kind", "row"),
    few(TABLE, [row for row in TABLE if row[0] in ("keras", "xla") and (row[1:] in SHORT or row[2] in TWINS)]),
)
def test_every_kernel_kind_and_option_agrees(kernel, kind, row):
    if (kernel, kind) == ("keras", "stacked_layers"):
        losses, weights, states = yardstick(row)  # has trained 50 steps, and was not at rest
        assert losses.shape == (STEPS,)
        assert all(np.isfinite(part).all() and part.any() for part in [losses, *weights, *sum(states, ())])
        assert (losses == 0).sum() == ("weights" in row)
        return
    assert_same(trained_row(row, kernel, kind=kind), yardstick(row))


CUT = list(product(LAYERS, ROWS, [2, 3]))  # lanes 0 and 1 beside lane 2, or each of the three


@pytest.mark.parametrize(
    ("kernel", "row", "shards"),
    few(CUT, [("xla", "weights of each", 2), ("scan", "every dropout", 3), ("keras", "embedding", 2)]),
)
def test_sharded_lanes_agree(monkeypatch, kernel, row, shards):
    wanted = yardstick(row)
    monkeypatch.setattr(engine, "choose_shards", lambda *_: shards)
    assert_same(trained_row(row, kernel), wanted)


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 2, 3])
def test_preparing_changes_nothing(monkeypatch, shards):
    monkeypatch.setattr(engine, "choose_shards", lambda *_: shards)
    model = lstmzoo.build_model("char_1x128", vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH)
    optimizer = keras.optimizers.Adam(0.01)
    made = engine.Execution(model, optimizer, "xla")
    x, y = data("one_hot")
    lstmzoo.train_windows(model, optimizer, x[:3], y[:3], kernel="scan")
    before = [v.numpy() for v in (*model.weights, *optimizer.variables)] + [*sum(lstmzoo.get_states(model), ())]
    made.prepare(Windows(x[:1], y[:1]), carry=True)
    after = [v.numpy() for v in (*model.weights, *optimizer.variables)] + [*sum(lstmzoo.get_states(model), ())]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_shards_follow_from_sizes_alone():
    assert choose_shards("xla", [128, 128], batch_size=50, threads=2) == 2
    assert choose_shards("xla", [128, 128], batch_size=50, threads=1) == 1
    assert choose_shards("xla", [128, 128], batch_size=9, threads=2) == 1
    assert choose_shards("xla", [4], batch_size=500, threads=16) == 1
    assert choose_shards("keras", [512], batch_size=500, threads=16) == 1


@pytest.mark.parametrize("kernel", few(LAYERS, LAYERS.keys() - {"native"}))
def test_single_equals_depth_one(kernel):
    assert_same(trained({"kind": "single", "units": 4}, kernel=kernel), yardstick("depth 1"))


@pytest.mark.parametrize("name", few(OPTIMIZERS, ["adafactor"]))
def test_every_optimizer_in_the_loop_equals_keras_train_on_batch(name):
    spec = SECTIONS[name](name=name, learning_rate=0.01, weight_decay=0.001, global_clipnorm=0.5)
    losses, weights, _ = trained({"units": 4}, kernel="scan", optimizer=make_optimizer(spec))
    model = lstmzoo.build_model({"units": 4}, vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH, seed=1)
    model.compile(make_optimizer(spec), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    theirs = [model.train_on_batch(x, y) for x, y in zip(*data("one_hot"), strict=True)]
    np.testing.assert_allclose(losses, theirs, atol=5e-5)
    for ours, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, other, atol=2e-3 if name == "lion" else 5e-4)


def test_legacy_optimizer_and_schedule_object():
    theirs = trained(
        {"units": 4}, optimizer=keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9))
    )
    legacy = keras.optimizers.legacy.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9))
    assert_same(trained({"units": 4}, kernel="scan", optimizer=legacy), theirs, 1e-4)


@pytest.fixture
def float64():
    keras.backend.set_floatx("float64")
    yield
    keras.backend.set_floatx("float32")


@functools.cache
def yardstick_of_cells(row):
    return trained_row(row, kind="stacked_cells")


PRECISE = list(product(LAYERS, ["every dropout", "hard_sigmoid"]))


@pytest.mark.parametrize(("kernel", "row"), few(PRECISE, [("xla", "hard_sigmoid")]))
def test_float64_agrees_to_the_last_places(float64, kernel, row):
    found, wanted = trained_row(row, kernel), yardstick_of_cells(row)
    assert {part.dtype for part in (*found[1], *wanted[1])} == {np.dtype("float64")}
    assert_same(found, wanted, 1e-13)


def test_dropout_changes_with_seed_and_step_alone():
    description = {"kind": "stacked_cells", "units": [4, 6], "dropout": 0.5}
    model = lstmzoo.build_model(description, vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH)
    still = keras.optimizers.SGD(0.0)
    x, y = (part[:1] for part in data("one_hot"))

    def losses(seed, windows):
        still.iterations.assign(0)
        found = []
        for _ in range(windows):
            lstmzoo.reset_states(model)
            found.append(lstmzoo.train_windows(model, still, x, y, kernel="scan", seed=seed)[0])
        return found

    first = losses(0, 4)
    assert len(set(first)) == 4
    assert losses(0, 4) == first
    assert losses(1, 4) != first


def test_frozen_layers_stay():
    model = lstmzoo.build_model({"units": 4}, vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH)
    model.get_layer("lstm_0").trainable = False
    before = model.get_weights()
    lstmzoo.train_windows(model, keras.optimizers.Adam(0.01), *data("one_hot"), kernel="scan")
    after = model.get_weights()
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (
            np.zeros((2, 4, 7), int),
            np.zeros((2, 4, 7), int),
            r"inputs: .* \[K, 3, T\], received \[2, 4, 7\]",
        ),
        (np.zeros((2, 3), int), np.zeros((2, 3), int), r"inputs: expected shape"),
        (
            np.zeros((2, 3, 7), int),
            np.zeros((2, 3, 6), int),
            r"targets: .* \[2, 3, 7\] .* received \[2, 3, 6\]",
        ),
        (np.zeros((2, 3, 0), int), np.zeros((2, 3, 0), int), "with T >= 1"),
        (np.full((2, 3, 7), 5), np.zeros((2, 3, 7), int), "inputs: expected symbols from 0 to 4, received 5 to 5"),
        (np.zeros((2, 3, 7), int), np.full((2, 3, 7), -1), "targets: expected symbols from 0 to 4, received -1 to -1"),
        (np.zeros((2, 3, 7)), np.zeros((2, 3, 7), int), "inputs: expected symbols as integers, received float64"),
    ],
)
def test_misfitting_windows_change_nothing(inputs, targets, message):
    model = lstmzoo.build_model({"units": 4}, vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH)
    before = model.get_weights()
    with pytest.raises(InputError, match=message):
        lstmzoo.train_windows(model, keras.optimizers.SGD(0.1), inputs, targets)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_unknown_kernel_and_missing_head():
    model = lstmzoo.build_model({"units": 4}, vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH)
    with pytest.raises(InputError, match="kernel: expected a known one, received 'skan'; did you mean scan"):
        lstmzoo.train_windows(model, keras.optimizers.SGD(0.1), *data("one_hot"), kernel="skan")
    headless = lstmzoo.build_model({"units": 4}, vocab_size=None, encoding="scalar", batch_size=BATCH)
    with pytest.raises(InputError, match="expected a model with a head"):
        lstmzoo.train_windows(headless, keras.optimizers.SGD(0.1), *data("one_hot"))


def test_freezing_between_calls_is_honoured():
    model = lstmzoo.build_model({"units": 4}, vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH)
    optimizer = keras.optimizers.Adam(0.01)
    lstmzoo.train_windows(model, optimizer, *data("one_hot"), kernel="scan")
    model.get_layer("lstm_0").trainable = False
    before = model.get_weights()
    lstmzoo.train_windows(model, optimizer, *data("one_hot"), kernel="scan")
    same = [np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert same == [True, True, True, False, False]
    frozen = keras.optimizers.Adam(0.01)
    lstmzoo.train_windows(model, frozen, *data("one_hot"), kernel="scan")
    model.get_layer("lstm_0").trainable = True
    with pytest.raises(InputError, match="received one that serves other weights and not lstm_0/"):
        lstmzoo.train_windows(model, frozen, *data("one_hot"), kernel="scan")


def test_a_clip_norm_set_between_calls_is_honoured():
    model = lstmzoo.build_model({"units": 4}, vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH)
    optimizer = keras.optimizers.SGD(0.1)

    def weights(norm):
        optimizer.global_clipnorm = norm
        lstmzoo.train_windows(model, optimizer, *data("one_hot"), kernel="scan")
        return model.get_weights()[1]

    free = weights(None)
    np.testing.assert_allclose(weights(1e-9), free, atol=1e-6)
    assert not np.allclose(weights(None), free, atol=1e-3)


@pytest.mark.parametrize("wrong", ["adam", keras.optimizers.Nadam(), keras.optimizers.legacy.Nadam(), None])
def test_optimizers_that_would_compute_something_else_are_refused(wrong):
    model = lstmzoo.build_model({"units": 4}, vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH)
    with pytest.raises(InputError, match="optimizer: expected one of tf_keras, except Nadam"):
        lstmzoo.train_windows(model, wrong, *data("one_hot"))


@pytest.mark.parametrize("kernel", few(LAYERS, LAYERS.keys() - {"native"}))
def test_long_windows_are_no_longer_graphs(kernel):
    model = lstmzoo.build_model({"units": 4}, vocab_size=VOCAB, encoding="one_hot", batch_size=1)
    x = np.random.default_rng(0).integers(0, VOCAB, (2, 1, 1000))
    start = time.perf_counter()
    lstmzoo.train_windows(model, keras.optimizers.Adam(0.01), x, x, kernel=kernel)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("kernel", few(LAYERS, LAYERS.keys() - {"native"}))
def test_no_windows_is_no_step(kernel):
    model = lstmzoo.build_model({"units": 4}, vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH)
    optimizer = keras.optimizers.Adam(0.1)
    x, y = data("one_hot")
    assert lstmzoo.train_windows(model, optimizer, x[:0], y[:0], kernel=kernel).shape == (0,)
    assert int(optimizer.iterations) == 0
    assert lstmzoo.train_windows(model, optimizer, x[:1], y[:1], kernel=kernel).shape == (1,)
