"""The architecture: a plain Keras model, the same weights whatever the kind, and states that are plain arrays."""

import functools
from itertools import product

import keras as keras3
import numpy as np
import pytest
import tf_keras as keras

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.spec import ModelSpec
from tests.helpers.rows import few

SIZES = {"scalar": {}, "one_hot": {}, "embedding": {"embedding_dim": 3}, "features": {"input_dim": 6}}


def built(description=None, encoding="one_hot", vocab_size=5, batch_size=2, **sizes):
    return lstmzoo.build_model(
        description or {"kind": "stacked_cells", "units": [4, 7]},
        vocab_size=vocab_size,
        encoding=encoding,
        batch_size=batch_size,
        **{**SIZES[encoding], **sizes},
    )


def inputs(encoding, length=3, batch_size=2):
    shape = (batch_size, length, 6) if encoding == "features" else (batch_size, length)
    return np.random.default_rng(0).integers(0, 5, shape)


def numpy_lstm(weights, x, h, c, gate):
    """An LSTM layer in NumPy, straight from the equations."""
    kernel, recurrent, bias = weights
    hs = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs, 1), h, c


@pytest.mark.parametrize("activation", ["sigmoid", "hard_sigmoid"])
@pytest.mark.parametrize("encoding", SIZES)
@pytest.mark.parametrize("kind", ["stacked_cells", "stacked_layers"])
def test_the_model_computes_the_equations(kind, encoding, activation):
    model = built({"kind": kind, "units": [4, 7], "recurrent_activation": activation}, encoding)
    gates = {
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "hard_sigmoid": lambda z: np.clip(0.2 * z + 0.5, 0, 1),
    }
    x, weights = inputs(encoding), [w.astype(np.float64) for w in model.get_weights()]
    table = weights.pop(0) if encoding == "embedding" else None
    layers = {"scalar": lambda: x[..., None], "one_hot": lambda: np.eye(5)[x], "features": lambda: x}
    h = layers[encoding]() if table is None else table[x]
    states = []
    for layer, units in enumerate((4, 7)):
        zero = np.zeros((2, units))
        h, *state = numpy_lstm(weights[3 * layer : 3 * layer + 3], h, zero, zero, gates[activation])
        states.append(state)
    np.testing.assert_allclose(model.predict(x, verbose=0), h @ weights[-2] + weights[-1], atol=1e-5)
    for pair, wanted in zip(lstmzoo.get_states(model), states, strict=True):
        np.testing.assert_allclose(pair, wanted, atol=1e-5)


@pytest.mark.parametrize("encoding", SIZES)
def test_shapes_weights_and_start_are_the_same_for_all_kinds(encoding):
    models = [built({"kind": kind, "units": [4, 7]}, encoding) for kind in ("stacked_cells", "stacked_layers")]
    size = {"scalar": 1, "one_hot": 5, "embedding": 3, "features": 6}[encoding]
    shapes = [(size, 16), (4, 16), (16,), (4, 28), (7, 28), (28,), (7, 5), (5,)]
    for model in models:
        weights = model.get_weights()
        assert [w.shape for w in weights] == ([(5, 3)] if encoding == "embedding" else []) + shapes
        assert model.output_shape == (2, None, 5)
        assert model.input_shape == ((2, None, 6) if encoding == "features" else (2, None))
        bias = weights[-6]
        np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], 4))
    for one, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(built(seed=1).get_weights()[0], built(seed=2).get_weights()[0])


@pytest.mark.parametrize("encoding", ["embedding", "features"])
def test_an_initializer_draws_all_weights(encoding):
    given = {"units": [40, 70], "initializer": {"kind": "uniform", "limit": 0.08}}
    models = [built({"kind": kind, **given}, encoding) for kind in ("stacked_cells", "stacked_layers")]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)
    drawn = np.concatenate([weight.ravel() for weight in models[0].get_weights()])
    assert 0.079 < drawn.max() <= 0.08 and -0.08 <= drawn.min() < -0.079
    assert abs(drawn.mean()) < 0.001 and drawn.std() == pytest.approx(0.08 / 3**0.5, rel=0.01)
    assert len(np.unique(drawn)) > 0.99 * len(drawn)
    for weight in models[0].get_weights():
        assert weight.any() and weight.max() <= 0.08


def test_without_a_head_the_output_is_the_last_layer():
    model = built(vocab_size=None, encoding="features", seq_length=3)
    assert model.output_shape == (2, 3, 7)
    assert len(model.get_weights()) == 6


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize(
    ("encoding", "ending"), few(list(product(SIZES, ["keras", "h5"])), [*zip(SIZES, ["keras", "h5"] * 2, strict=True)])
)
def test_a_saved_model_is_the_same_model(tmp_path, encoding, ending):
    model, path = built({"kind": "stacked_cells", "units": [4, 7], "dropout": 0.5}, encoding), tmp_path / f"m.{ending}"
    model.compile("sgd", "mse")
    model.save(path)
    loaded = keras.models.load_model(path)
    lstmzoo.reset_states(loaded)
    x = inputs(encoding)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert dissect(loaded)._replace(embedding=None, recurrent=(), cells=(), head=None) == dissect(model)._replace(
        embedding=None, recurrent=(), cells=(), head=None
    )


def test_it_works_as_any_keras_model(capsys):
    model = built({"kind": "stacked_layers", "units": 4, "depth": 2, "dropout": 0.2})
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = inputs("one_hot", 6)
    history = model.fit(x, x, batch_size=2, epochs=2, shuffle=False, verbose=0)
    assert len(history.history["loss"]) == 2
    model.summary()
    assert "lstm_1" in capsys.readouterr().out
    model.reset_states()
    assert not any(part.any() for pair in lstmzoo.get_states(model) for part in pair)


def test_a_description_may_be_a_name_a_mapping_or_an_object():
    sizes = {"vocab_size": 2, "encoding": "scalar", "batch_size": 1}
    models = [
        lstmzoo.build_model(description, **sizes)
        for description in (
            "echo_4_5_cells",
            {"kind": "stacked_cells", "units": [4, 5]},
            ModelSpec(kind="stacked_cells", units=(4, 5)),
        )
    ]
    for other in models[1:]:
        for one, two in zip(models[0].get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("description", "options", "message"),
    [
        ("echo_5", {}, "expected a model of the zoo, received 'echo_5'; did you mean echo_4"),
        ({"units": 0}, {}, "model units: expected an integer >= 1, or a list"),
        ({"unit": 4}, {}, "model unit: expected a key that exists, received 'unit'; did you mean units"),
        ({"units": [4, 5]}, {}, "expected depth 1 with kind single"),
        (5, {}, "model: expected a name of the zoo, a mapping or a ModelSpec, received 5"),
        (None, {}, "received None"),
        ("echo_4", {"encoding": "onehot"}, "encoding: expected a known one, received 'onehot'; did you mean one_hot"),
        ("echo_4", {"batch_size": 0}, "batch_size: expected an integer >= 1, received 0"),
        ("echo_4", {"seq_length": 1.5}, "seq_length: expected an integer >= 1, received 1.5"),
        (
            "echo_4",
            {"encoding": "features"},
            "input_dim: expected a size with encoding 'features', and None with others, received None",
        ),
        (
            "echo_4",
            {"input_dim": 3},
            "input_dim: expected a size with encoding 'features', and None with others, received 3",
        ),
        ("echo_4", {"embedding_dim": 3}, "embedding_dim: expected a size with encoding 'embedding'"),
        ("echo_4", {"encoding": "one_hot", "vocab_size": None}, "expected sizes for encoding 'one_hot', received None"),
        ("echo_4", {"seed": -1}, "seed: expected an integer >= 0, received -1"),
        ("char_1x128", {"vocab_size": 10**12}, "vocab_size: expected an integer from 1 to 2,147,483,647"),
        ("echo_4", {"batch_size": 2**31}, "batch_size: expected an integer from 1 to 2,147,483,647"),
        ("echo_4", {"batch_size": 2**31 - 1}, "model: expected sizes that fit in memory .* received 68.72 GB"),
        ({"units": 10**9}, {}, "model: expected sizes that fit in memory"),
        (
            "echo_4",
            {"encoding": "embedding", "vocab_size": 2**30, "embedding_dim": 1024},
            "model: expected sizes that fit in memory",
        ),
        ({"units": 4, "encoding": "one_hot"}, {}, "encoding: expected 'one_hot', as the model's description says"),
    ],
)
def test_bad_descriptions_are_one_message(description, options, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.build_model(description, **{"vocab_size": 2, "encoding": "scalar", "batch_size": 1, **options})


@pytest.mark.parametrize(
    "states",
    [
        *([], [1], [(np.zeros((2, 4)),)], [(np.zeros((2, 4)), np.zeros((2, 5)))] * 2, [("a", "b")] * 2, None, 3),
        *(
            [
                [(np.full((2, 4), value, kind), np.zeros((2, 4)))] * 2
                for value, kind in ((1, complex), ("1", None), (1e99, float))
            ]
        ),
    ],
)
def test_states_that_do_not_fit_change_nothing(states):
    model = built()
    model(inputs("one_hot"))
    before = lstmzoo.get_states(model)
    with pytest.raises(InputError, match=r"states: expected \(h, c\) of each layer with shapes \[\[\(2, 4\)"):
        lstmzoo.set_states(model, states)
    for pair, other in zip(lstmzoo.get_states(model), before, strict=True):
        np.testing.assert_array_equal(pair, other)


LSTM = keras.layers.LSTM
STATEFUL = functools.partial(LSTM, 3, stateful=True, return_sequences=True)


def sigmoid(x):
    """Keras's name, another function."""
    return keras.activations.sigmoid(2 * x)


def own(base):
    """A class of the user's own, which may compute something else."""
    return type("Own", (base,), {})


def test_models_that_are_not_layers_on_an_input_are_refused():
    class Doubled(keras.Sequential):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training, mask)

    third = keras3.Sequential([keras3.Input(batch_shape=(2, 5, 3)), keras3.layers.LSTM(3, stateful=True)])
    message = r"model: expected a tf_keras \(Keras 2\) model, received "
    hint = "one of Keras 3: convert it with lstmzoo.from_keras"
    for given, received in (("abc", "'abc'"), (third, hint)):
        for use in (lstmzoo.get_states, lstmzoo.to_torch):
            with pytest.raises(InputError, match=message + received):
                use(given)
    with pytest.raises(InputError, match=message + hint):
        lstmzoo.ResetStates().set_model(third)
    with pytest.raises(
        InputError, match="'m': expected a Sequential or functional .*received Own with a call of its own"
    ):
        lstmzoo.get_states(own(keras.Model)(name="m"))
    with pytest.raises(InputError, match="received Doubled with a call of its own"):
        lstmzoo.get_states(Doubled([keras.Input(batch_shape=(2, 5, 3)), STATEFUL()]))
    with pytest.raises(InputError, match="with an Input, received Sequential with none"):
        lstmzoo.get_states(keras.Sequential([STATEFUL()]))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([LSTM(3, return_sequences=True, name="a")], "layer 'a': expected stateful=True"),
        ([LSTM(3, stateful=True, name="a")], "layer 'a': expected return_sequences=True"),
        ([LSTM(3, stateful=True, return_sequences=True, go_backwards=True, name="a")], "forwards in time"),
        ([LSTM(3, stateful=True, return_sequences=True, activation="relu", name="a")], "layer 'a': expected tanh"),
        ([LSTM(3, stateful=True, return_sequences=True, use_bias=False, name="a")], "with a bias"),
        ([LSTM(3, stateful=True, return_sequences=True, dropout=0.5, name="a")], "dropout as SpatialDropout1D"),
        (
            [LSTM(3, stateful=True, return_sequences=True), keras.layers.Dense(2, "softmax", name="d")],
            "layer 'd': expected linear",
        ),
        ([keras.layers.GRU(3, stateful=True, return_sequences=True, name="g")], r"the layer 'g' \(GRU\)"),
        (
            [LSTM(3, stateful=True, return_sequences=True, kernel_regularizer="l2", name="a")],
            "layer 'a': expected no regularizer",
        ),
        ([keras.layers.Dropout(0.1, name="d")], r"the layer 'd' \(Dropout\)"),
        ([keras.layers.SpatialDropout1D(0.1)], "in front of an LSTM layer or of the head"),
        ([keras.layers.Reshape((-1, 1), name="r"), STATEFUL()], r"layer 'r': expected \[B, T\] made \[B, T, 1\], right above the input"),
        ([STATEFUL(), keras.layers.Reshape((3, 5), name="r")], r"layer 'r': expected \[B, T\] made \[B, T, 1\], right above"),
        ([STATEFUL(time_major=True, name="a")], r"layer 'a': expected batches first \(time_major=False\)"),
        ([STATEFUL(recurrent_activation=sigmoid, name="a")], "layer 'a': expected tanh, with a bias, with sigmoid"),
        ([own(keras.layers.LSTM)(3, stateful=True, return_sequences=True, name="a")], r"the layer 'a' \(Own\)"),
        ([keras.layers.RNN(own(keras.layers.LSTMCell)(3), stateful=True, return_sequences=True, name="a")], "the layer 'a'"),
        ([STATEFUL(), own(keras.layers.Dense)(3, name="d")], r"the layer 'd' \(Own\)"),
    ],
)  # fmt: skip
def test_foreign_layers_are_refused_by_name(layers, message):
    model = keras.Sequential([keras.Input(batch_shape=(2, 5, 3)), *layers])
    with pytest.raises(InputError, match=message):
        lstmzoo.get_states(model)


def test_branches_are_refused():
    x = keras.Input(batch_shape=(2, 5, 3))
    branches = [LSTM(3, stateful=True, return_sequences=True, name=name)(x) for name in "ab"]
    with pytest.raises(InputError, match="layer 'b': expected one input, the layer before"):
        lstmzoo.get_states(keras.Model(x, branches))


def test_masks_of_symbols_are_refused():
    x = keras.Input(batch_shape=(2, 5), dtype="int32")
    table = keras.layers.Embedding(3, 4, mask_zero=True, name="table")(x)
    with pytest.raises(InputError, match="layer 'table': expected mask_zero=False"):
        lstmzoo.get_states(keras.Model(x, LSTM(3, stateful=True, return_sequences=True)(table)))


USES = {
    "get_states": lstmzoo.get_states,
    "reset_states": lstmzoo.reset_states,
    "to_torch": lstmzoo.to_torch,
    "rebatch": lambda model: lstmzoo.rebatch(model, 1),
    "as_kind": lambda model: lstmzoo.as_kind(model, "stacked_layers"),
    "train_windows": lambda model: lstmzoo.train_windows(
        model, keras.optimizers.SGD(0.1), *(np.zeros((1, 2, 3), np.int32) for _ in "xy")
    ),
}


@pytest.mark.parametrize(
    ("policy", "use"),
    few(
        list(product(["mixed_float16", "mixed_bfloat16"], [*USES, "predict"])),
        [("mixed_float16", use) for use in USES if use != "to_torch"] + [("mixed_bfloat16", "to_torch")],
    ),
)
def test_mixed_precision_is_called_by_its_name(policy, use):
    keras.mixed_precision.set_global_policy(policy)
    try:
        model = mixed(policy)
    finally:
        keras.mixed_precision.set_global_policy("float32")
        keras.mixed_precision.set_global_policy(None)  # follows floatx again
    if use == "predict":  # what the message says that works
        assert model.predict(np.zeros((2, 3), np.int32), verbose=0).shape == (2, 3, 2)
        np.testing.assert_array_equal(lstmzoo.from_keras(model).get_weights()[0], model.get_weights()[0])
        return
    with pytest.raises(InputError, match=rf"received mixed precision \({policy}\), .*set_global_policy\('float32'\)"):
        USES[use](model)


@functools.cache
def mixed(policy):
    return lstmzoo.build_model("echo_4", vocab_size=2, encoding="one_hot", batch_size=2)
