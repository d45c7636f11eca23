"""Files that Keras 2 and Keras 3 themselves wrote, read as data; and each layer that is no stack of LSTMs, by name."""

import io
import json
import warnings
import zipfile
from itertools import product
from pathlib import Path

import h5py
import keras as keras3
import numpy as np
import pytest
import tf_keras as keras2

import lstmzoo
from lstmzoo.convert.keras_chain import chain_of
from lstmzoo.convert.keras_files import _snake_case, read_keras
from lstmzoo.errors import InputError
from lstmzoo.export.formats.keras import streaming_model
from lstmzoo.models.rebuild import blueprint_of
from tests.helpers.rows import few

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
LIBRARIES = {"keras2": keras2, "keras3": keras3}
V = 5


def randomized(model, scale=0.5):
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, scale, w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


def embedded(k):
    """As a language model is usually written: stateless, dropout between the layers, softmax, the last step alone."""
    layers = k.layers
    return k.Sequential(
        [
            k.Input((None,), dtype="int32"),
            layers.Embedding(V, 3),
            layers.LSTM(4, return_sequences=True),
            layers.Dropout(0.25),
            layers.LSTM(6),
            layers.Dense(V, activation="softmax"),
        ]
    )


def functional(k):
    """Cells of both kinds, one without a bias, frozen layers, TimeDistributed, and a softmax layer."""
    layers = k.layers
    x = k.Input((7, 3))
    cells = [layers.LSTMCell(4), layers.LSTMCell(4, use_bias=False), layers.LSTMCell(4)]
    y = layers.RNN(layers.StackedRNNCells(cells), return_sequences=True)(x)
    y = layers.RNN(layers.LSTMCell(6), return_sequences=True, trainable=False)(y)
    y = layers.TimeDistributed(layers.Dense(V))(y)
    return k.Model(x, layers.Activation("softmax")(y))


def one_hot(k):
    layers = k.layers
    x = k.Input(batch_shape=(2, None), dtype="int32")
    y = layers.Reshape((-1, 1))(x)
    y = layers.TimeDistributed(layers.CategoryEncoding(V, output_mode="one_hot"))(y)
    y = layers.LSTM(4, return_sequences=True, stateful=True)(y)
    return k.Model(x, layers.Dense(V, use_bias=False)(y))


def cells(k):
    layers = k.layers
    stack = layers.StackedRNNCells([layers.LSTMCell(units, recurrent_activation="sigmoid") for units in (4, 5)])
    return k.Sequential([k.Input((None, 3)), layers.RNN(stack, return_sequences=True)])


def scalar(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((6,)),
            layers.Reshape((6, 1)),
            layers.LSTM(4, return_sequences=True),
            layers.Dense(2),
            layers.Softmax(),
        ]
    )


MODELS = {
    embedded: ("embedding", V, "stacked_layers", (4, 6)),
    functional: ("features", V, "stacked_layers", (4, 4, 4, 6)),
    one_hot: ("one_hot", V, "single", (4,)),
    cells: ("features", None, "stacked_cells", (4, 5)),
    scalar: ("scalar", 2, "single", (4,)),
}


def data(encoding):
    generator = np.random.default_rng(2)
    if encoding == "features":
        return generator.normal(size=(2, 7, 3)).astype(np.float32)
    return generator.integers(0, 2, (2, 6)).astype(np.float32 if encoding == "scalar" else np.int32)


def softmax(logits):
    exponents = np.exp(logits - np.max(logits, -1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


@pytest.mark.parametrize(
    ("make", "library"),
    few(list(product(MODELS, LIBRARIES)), [*zip(MODELS, [*LIBRARIES] * 2, strict=False)]),
)
def test_files_and_live_models_of_both_libraries(tmp_path, make, library):
    source = randomized(make(LIBRARIES[library]))
    encoding = MODELS[make][0]
    x = data(encoding)
    wanted = np.asarray(source(x))
    weights = []
    for name in ("m.keras", "m.h5", None):
        if name:
            source.save(tmp_path / name)
        model = lstmzoo.from_keras(tmp_path / name if name else source, batch_size=2)
        found = blueprint_of(model)
        assert (found.encoding, found.vocab_size, found.spec.kind, found.spec.layers) == MODELS[make]
        assert found.spec.dropout == (0.25 if make is embedded else 0)
        weights.append(model.get_weights())
        for one, other in zip(weights[0], weights[-1], strict=True):
            np.testing.assert_array_equal(one, other)
    logits = np.asarray(model(x))
    logits = logits[:, -1] if make is embedded else logits
    received = softmax(logits) if make in (embedded, functional, scalar) else logits
    np.testing.assert_allclose(received, wanted, atol=1e-5)
    again = lstmzoo.from_keras(source, batch_size=2, kind="stacked_cells")
    assert blueprint_of(again).spec.kind == "stacked_cells"


@pytest.mark.parametrize(
    ("library", "ending"),
    few(list(product(LIBRARIES, ["keras", "h5"])), [("keras2", "h5")]),
)
def test_two_hundred_steps_from_a_file_with_the_state_passed_along(tmp_path, library, ending):
    k = LIBRARIES[library]
    layers = [k.layers.LSTM(units, return_sequences=True, stateful=True) for units in (5, 4, 6)]
    source = randomized(k.Sequential([k.Input(batch_shape=(2, None, V)), *layers, k.layers.Dense(V)]))
    source.save(tmp_path / f"m.{ending}")
    model = lstmzoo.from_keras(tmp_path / f"m.{ending}", batch_size=2)
    for window in np.eye(V, dtype=np.float32)[np.random.default_rng(3).integers(0, V, (4, 2, 50))]:
        np.testing.assert_allclose(model(window), source(window), rtol=0, atol=1e-5)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_our_own_models_come_back(tmp_path, ending):
    spec = {"kind": "stacked_cells", "units": [4, 5], "dropout": 0.5, "recurrent_activation": "hard_sigmoid"}
    for encoding in ("scalar", "one_hot", "embedding"):
        sizes = {"embedding_dim": 3} if encoding == "embedding" else {}
        source = lstmzoo.build_model(spec, vocab_size=V, encoding=encoding, batch_size=2, **sizes)
        source.save(tmp_path / f"{encoding}.{ending}")
        model = lstmzoo.from_keras(tmp_path / f"{encoding}.{ending}", batch_size=2)
        assert blueprint_of(model)._replace(weights=None) == blueprint_of(source)._replace(weights=None)
        for one, other in zip(model.get_weights(), source.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("skip", "ending"), few([*product([True, False], ["keras", "h5"])], [(True, "keras")]))
def test_our_own_models_of_numbers_come_back(tmp_path, skip, ending):
    spec = {"kind": "stacked_cells", "units": [4, 5], "skip": skip}
    source = lstmzoo.build_model(spec, encoding="features", input_dim=3, outputs=2, batch_size=2)
    source.save(tmp_path / f"m.{ending}")
    model = lstmzoo.from_keras(tmp_path / f"m.{ending}", batch_size=2)
    assert blueprint_of(model)._replace(weights=None) == blueprint_of(source)._replace(weights=None)
    for one, other in zip(model.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def regression(k, skip=False):
    """As a user writes it, stateless; with another linear way from the inputs to the outputs."""
    x = k.Input((7, 3))
    y = k.layers.Dense(2, name="flow")(k.layers.LSTM(4, return_sequences=True)(x))
    return k.Model(x, k.layers.Add()([y, k.layers.Dense(2, use_bias=False)(x)]) if skip else y)


@pytest.mark.parametrize(("library", "skip"), few([*product(LIBRARIES, [True, False])], [("keras3", True)]))
def test_a_users_model_of_numbers(library, skip):
    source, x = randomized(regression(LIBRARIES[library], skip)), data("features")
    model = lstmzoo.from_keras(source, batch_size=2, numbers=True)
    np.testing.assert_allclose(model(x), source(x), rtol=0, atol=1e-5)
    assert (blueprint_of(model).outputs, blueprint_of(model).spec.skip) == (2, skip)
    assert blueprint_of(lstmzoo.from_keras(source)).outputs == (2 if skip else None)


def beside(k, *, of_hidden=False, **options):
    x = k.Input((7, 3))
    h = k.layers.LSTM(3, return_sequences=True)(x)
    linear = k.layers.Dense(2, name="way", **{"use_bias": False, **options})(h if of_hidden else x)
    return k.Model(x, k.layers.Add(name="sum")([k.layers.Dense(2)(h), linear]))


def logits_beside(k):
    x = k.Input((7, 3))
    y = k.layers.Dense(2, "softmax")(k.layers.LSTM(4, return_sequences=True)(x))
    return k.Model(x, k.layers.Add()([y, k.layers.Dense(2, use_bias=False)(x)]))


NO_NUMBERS = [
    (functional, "numbers: expected False for a model whose outputs are logits, received one with a softmax"),
    (one_hot, "numbers: expected a head and encoding 'features' .*, received encoding 'one_hot'"),
    (cells, "numbers: expected a head and encoding 'features' where the outputs are numbers, received none"),
    (lambda k: beside(k, of_hidden=True), "layer 'sum': expected one call with one input, received 2"),
    (lambda k: beside(k, use_bias=True), "layer 'sum': expected one call with one input, received 2 inputs"),
    (lambda k: beside(k, activation="tanh"), "layer 'way': expected activation linear beside the line of layers"),
    (logits_beside, "expected nothing after the softmax"),
]


@pytest.mark.parametrize("library", few(LIBRARIES, ["keras2"]))
@pytest.mark.parametrize(("make", "message"), few(NO_NUMBERS, NO_NUMBERS[2:4]))
def test_what_is_no_model_of_numbers_is_refused(make, message, library):
    with pytest.raises(InputError, match=message):
        lstmzoo.from_keras(make(LIBRARIES[library]), numbers=True)


def test_an_exported_model_is_refused_since_its_states_are_inputs():
    source = lstmzoo.build_model({"units": 4}, encoding="features", input_dim=3, outputs=2, batch_size=2)
    message = "model: expected one of input_layers, received 'features', 'h0', 'c0': where its states are among them"
    with pytest.raises(InputError, match=message):
        lstmzoo.from_keras(streaming_model(blueprint_of(source), None))


@pytest.mark.parametrize("dtype", ["float64", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_other_types_become_float32(tmp_path, library, dtype):
    k = LIBRARIES[library]
    lstm = k.layers.LSTM(4, return_sequences=True, dtype=dtype)
    source = k.Sequential([k.Input((None, 3)), lstm, k.layers.Dense(2, dtype=dtype)])
    source.save(tmp_path / "m.keras")
    for model in (lstmzoo.from_keras(tmp_path / "m.keras"), lstmzoo.from_keras(source)):
        for one, other in zip(model.get_weights(), source.get_weights(), strict=True):
            assert one.dtype == np.float32
            np.testing.assert_array_equal(one, np.asarray(other, np.float32))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_of_keras_3(tmp_path, dtype):
    options = {"recurrent_initializer": "glorot_uniform", "dtype": dtype}
    source = keras3.Sequential([keras3.Input((None, 3)), keras3.layers.LSTM(4, return_sequences=True, **options)])
    for name in ("m.keras", None):
        if name:
            source.save(tmp_path / name)
        model = lstmzoo.from_keras(tmp_path / name if name else source)
        for one, other in zip(model.get_weights(), source.get_weights(), strict=True):
            np.testing.assert_array_equal(one, np.asarray(other, np.float32))


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_acts_in_training_only_is_told(library):
    layers = LIBRARIES[library].layers
    source = LIBRARIES[library].Sequential(
        [
            LIBRARIES[library].Input((None, 3)),
            layers.Dropout(0.1),
            layers.LSTM(4, return_sequences=True, recurrent_dropout=0.1, kernel_regularizer="l2", name="a"),
            layers.LSTM(4, return_sequences=True, dropout=0.1),
            layers.SpatialDropout1D(0.2),
            layers.LSTM(4, return_sequences=True),
            layers.Dropout(0.1),
            layers.Dense(2, kernel_constraint="non_neg", name="d"),
        ]
    )
    with pytest.warns(UserWarning, match="left out, since it acts in training only: ") as found:
        model = lstmzoo.from_keras(source)
    (told,) = [str(warning.message) for warning in found]
    assert sorted(told.split(": ")[1].split(", ")) == [
        "dropout below the first or above the last LSTM layer",
        "dropout that differs from layer to layer",
        "kernel_constraint of 'd'",
        "kernel_regularizer of 'a'",
        "recurrent dropout of 'a'",
    ]
    assert blueprint_of(model).spec.dropout == 0
    assert {warning.filename for warning in found} == {__file__}


def test_dropout_inside_layers_is_dropout_between_them():
    layers = keras2.layers
    source = keras2.Sequential(
        [keras2.Input((None, 3)), *(layers.LSTM(4, return_sequences=True, dropout=rate) for rate in (0, 0.3, 0.3))]
    )
    assert blueprint_of(lstmzoo.from_keras(source)).spec.dropout == 0.3


def line(k, *layers, shape=(6, 3), **options):
    return k.Sequential([k.Input(shape, **options), *layers])


def lstm(k, **options):
    return k.layers.LSTM(3, return_sequences=True, name="a", **options)


REFUSED = [
    (lambda k: line(k, k.layers.GRU(3, name="g")), "layer 'g': expected Embedding, LSTM, .* received 'GRU'"),
    (lambda k: line(k, k.layers.Bidirectional(k.layers.LSTM(3), name="b")), "layer 'b': .* received 'Bidirectional'"),
    (lambda k: line(k, k.layers.Conv1D(3, 2, name="c"), lstm(k)), "layer 'c': .* received 'Conv1D'"),
    (lambda k: line(k, k.layers.Masking(name="m"), lstm(k)), "layer 'm': .* received 'Masking'"),
    (lambda k: line(k, k.layers.Lambda(lambda x: x, name="l"), lstm(k)), "layer 'l': .* received 'Lambda'"),
    (lambda k: line(k, k.layers.RNN(k.layers.GRUCell(3), name="r")), "layer 'r': .* received RNN of 'GRUCell'"),
    (lambda k: line(k, lstm(k), k.layers.TimeDistributed(k.layers.LayerNormalization(), name="t")), "layer 't': .* received TimeDistributed of 'LayerNormalization'"),
    (lambda k: line(k, lstm(k, go_backwards=True)), "layer 'a': expected go_backwards=False, received go_backwards=True"),
    (lambda k: line(k, lstm(k, activation="relu")), "layer 'a': expected activation tanh, received 'relu'"),
    (lambda k: line(k, lstm(k, recurrent_activation="tanh")), "layer 'a': expected sigmoid or hard_sigmoid gates, received 'tanh'"),
    (lambda k: line(k, lstm(k), k.layers.Dense(2, "relu", name="d")), "layer 'd': expected activation linear or softmax, received 'relu'"),
    (lambda k: line(k, lstm(k), k.layers.Dense(2), k.layers.Dense(2, name="d")), "layer 'd': expected one Dense layer, above the last LSTM layer, received another one"),
    (lambda k: line(k, k.layers.Dense(2, name="d"), lstm(k)), "layer 'd': expected one Dense layer, above the last LSTM layer"),
    (lambda k: line(k, lstm(k), k.layers.Dense(2), k.layers.LSTM(2, name="b")), "layer 'b': expected the LSTM layers below the Dense layer, received one above it"),
    (lambda k: line(k, lstm(k), k.layers.Softmax(name="s")), "layer 's': expected softmax over the classes of a Dense layer, received 'softmax'"),
    (lambda k: line(k, lstm(k), k.layers.Activation("relu", name="s")), "layer 's': expected softmax over the classes of a Dense layer, received 'relu'"),
    (lambda k: line(k, lstm(k), k.layers.Dense(2), k.layers.Softmax(), k.layers.Dense(2, name="d")), "layer 'd': expected nothing after the softmax, received 'Dense'"),
    (lambda k: line(k, lstm(k), k.layers.Reshape((3, 6), name="r")), r"layer 'r': expected \[T, 1\] at the input, received"),
    (lambda k: line(k, k.layers.Embedding(5, 3, mask_zero=True, name="e"), lstm(k), shape=(6,)), r"layer 'e': expected mask_zero=False, received mask_zero=True \(a stream has no masks\)"),
    (lambda k: line(k, k.layers.Embedding(5, 3), lstm(k), k.layers.Dense(2), shape=(6,)), "as many rows as the head has classes, received 5 rows and 2 classes"),
    (lambda k: line(k, lstm(k), k.layers.LSTM(3, recurrent_activation="hard_sigmoid", name="b")), "layer 'b': expected (the same gates in all layers, received both kinds|sigmoid gates, received Keras 3's)"),
    (lambda k: line(k, k.layers.Reshape((3, 1)), lstm(k), shape=(3, 1)), r"layer 'reshape\w*': expected an input \[B, T\], received 3 dimensions"),
    (lambda k: line(k, lstm(k), k.layers.Embedding(5, 3, name="e")), "layer 'e': expected an Embedding at the input, received one elsewhere"),
    (lambda k: line(k, k.layers.TimeDistributed(k.layers.CategoryEncoding(5, output_mode="multi_hot"), name="c"), lstm(k)), "layer 'c': expected one_hot at the input, received 'multi_hot'"),
    (lambda k: line(k, k.layers.Dropout(0.5)), "model: expected an LSTM layer, received none"),
]  # fmt: skip


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_what_is_no_stack_of_lstms_is_refused_by_name(make, message, library):
    with pytest.raises(InputError, match=message):
        lstmzoo.from_keras(make(LIBRARIES[library]))


def test_hard_sigmoid_is_that_of_keras_2():
    for library, k in LIBRARIES.items():
        source = randomized(line(k, lstm(k, recurrent_activation="hard_sigmoid")))
        if library == "keras3":
            with pytest.raises(
                InputError, match="layer 'a': expected sigmoid gates, received Keras 3's hard_sigmoid, of slope 1/6"
            ):
                lstmzoo.from_keras(source)
        else:
            x = data("features")[:, :6]
            np.testing.assert_allclose(lstmzoo.from_keras(source, batch_size=2)(x), source(x), atol=1e-6)


def test_time_first_is_refused():
    with pytest.raises(InputError, match="layer 'a': expected time_major=False, received time_major=True"):
        lstmzoo.from_keras(line(keras2, lstm(keras2, time_major=True)))


def two_inputs(k):
    a, b = k.Input((6, 3), name="one"), k.Input((6, 3), name="two")
    return k.Model([a, b], lstm(k)(k.layers.Add()([a, b])))


def merged(k):
    a = k.Input((6, 3))
    return k.Model(a, k.layers.Add(name="sum")([lstm(k)(a), a]))


def two_outputs(k):
    a = k.Input((6, 3))
    b = lstm(k)(a)
    return k.Model(a, [b, k.layers.Dense(2, name="d")(b)])


def shared(k):
    a, layer = k.Input((6, 3)), lstm(k)
    return k.Model(a, layer(layer(a)))


def with_state(k):
    a = k.Input((6, 3))
    b, h, c = k.layers.LSTM(3, return_sequences=True, return_state=True, name="b")(a)
    return k.Model(a, k.layers.LSTM(3, name="top")(b, initial_state=[h, c]))


def a_state(k):
    a = k.Input((6, 3))
    return k.Model(a, k.layers.LSTM(3, return_state=True, name="b")(a)[1])


def always_dropping(k):
    a = k.Input((6, 3))
    return k.Model(a, lstm(k)(k.layers.Dropout(0.5, name="always")(a, training=True)))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (two_inputs, "model: expected one of input_layers, received 'one', 'two'"),
        (merged, "layer 'sum': expected one call with one input, received 2 inputs"),
        (two_outputs, "model: expected one of output_layers, received 'a', 'd'"),
        (shared, "layer 'a': expected one call with one input, received 2 calls"),
        (with_state, "layer 'top': expected (one call with one input|a call with its input alone), received (3 inputs|initial_state too)"),
        (a_state, "layer 'b': expected its first output to be used, received another one"),
        (always_dropping, "layer 'always': expected a call with its input alone, received training too"),
    ],
)  # fmt: skip
def test_what_is_no_line_is_refused(make, message, library):
    with pytest.raises(InputError, match=message):
        lstmzoo.from_keras(make(LIBRARIES[library]))


@pytest.mark.parametrize("library", LIBRARIES)
def test_configs_that_are_no_line_are_refused(library):
    k = LIBRARIES[library]
    a = k.Input((6, 3), name="in")
    config = json.loads(k.Model(a, k.layers.Dense(2, name="d")(lstm(k)(a))).to_json())
    start, middle, _ = config["config"]["layers"]
    branch = {**middle, "config": {**middle["config"], "name": "b"}}
    assert [part["config"]["name"] for part in chain_of(config)] == ["in", "a", "d"]
    config["config"]["layers"].append(branch)
    with pytest.raises(InputError, match="layer 'b': expected one line of layers, received a branch"):
        chain_of(config)
    del config["config"]["layers"][-1]
    middle["inbound_nodes"], before = [], middle["inbound_nodes"]
    del config["config"]["layers"][0]
    with pytest.raises(InputError, match="layer 'a': expected the model's input below it, received none"):
        chain_of(config)
    config["config"]["layers"].insert(0, start)
    middle["inbound_nodes"], start["inbound_nodes"] = before, json.loads(json.dumps(before).replace('"in"', '"a"'))
    with pytest.raises(InputError, match="model: expected one line of layers, received a circle of layers"):
        chain_of(config)


def test_the_first_files_of_keras_2(files, tmp_path):
    """Their Sequential is a list, without an input layer."""
    (tmp_path / "m.h5").write_bytes((files / "keras2.h5").read_bytes())
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": config["config"]["layers"][1:]})
        file.attrs["keras_version"] = b"2.1.6-tf"
    for one, other in zip(
        *(lstmzoo.from_keras(path).get_weights() for path in (tmp_path / "m.h5", files / "keras2.h5")), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        del file.attrs["keras_version"]
    with pytest.raises(InputError, match="source: expected a model of Keras 2 or 3, received one of Keras '1'"):
        lstmzoo.from_keras(tmp_path / "m.h5")


@pytest.mark.parametrize("library", LIBRARIES)
def test_dropout_of_zero_says_nothing(library):
    k = LIBRARIES[library]
    made = lstmzoo.from_keras(line(k, k.layers.Dropout(0.0), lstm(k), k.layers.LSTM(3, return_sequences=True)))
    assert blueprint_of(made).spec.dropout == 0


def test_weights_without_end_are_not_read(files, tmp_path, monkeypatch):
    keras2.Sequential([keras2.Input((6, 3)), lstm(keras2)]).save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        group = file["model_weights/a"]
        name = group.attrs["weight_names"][0]
        del group[name]
        group.create_dataset(name, shape=(1 << 20, 1 << 24), chunks=(1024, 1024), dtype="f4")
    with pytest.raises(
        InputError, match="a file of its size can hold, .* received an array at .* of 70,368,744,177,664 bytes"
    ):
        lstmzoo.from_keras(tmp_path / "m.h5")
    keras2.Sequential([keras2.Input((6, 3)), lstm(keras2)]).save(tmp_path / "m.keras")
    monkeypatch.setattr("lstmzoo.convert.keras_files._MAX_WEIGHTS", 100)
    with pytest.raises(InputError, match="expected at most 100 bytes of weights, received "):
        lstmzoo.from_keras(tmp_path / "m.keras")


def test_a_config_without_end_is_not_read(files, monkeypatch):
    monkeypatch.setattr("lstmzoo.convert.keras_files._MAX_CONFIG", 99)
    with pytest.raises(InputError, match="keras3.keras: expected at most 99 bytes of config, received more"):
        lstmzoo.from_keras(files / "keras3.keras")


@pytest.mark.parametrize("library", LIBRARIES)
def test_models_that_are_no_config_are_refused(library):
    k = LIBRARIES[library]

    class Own(k.Model):
        pass

    class Mine(k.layers.LSTM):
        pass

    with pytest.raises(
        InputError,
        match="model: expected a Sequential or functional one, received 'Own'|expected a Sequential or functional one, received",
    ):
        lstmzoo.from_keras(Own())
    with pytest.raises(InputError, match=r"layer '\w+': .* received 'Mine'"):
        lstmzoo.from_keras(line(k, Mine(3)))
    with pytest.raises(InputError, match="layer 'a': expected 3 arrays, received 0: build the model first"):
        lstmzoo.from_keras(k.Sequential([lstm(k)]))
    with pytest.raises(InputError, match="source: expected a path or a Keras model, received 3"):
        lstmzoo.from_keras(3)


def namesakes(k):
    """Classes and functions of the user's own that bear Keras's names, each in a model that Keras itself accepts."""

    class Dense(k.layers.Dense):
        pass

    class LSTM(k.layers.LSTM):
        pass

    class LSTMCell(k.layers.LSTMCell):
        pass

    class Sequential(k.Sequential):
        pass

    def tanh(x):
        return x

    rnn = {"return_sequences": True, "name": "own"}
    return {
        "Dense": line(k, lstm(k), Dense(2, name="own")),
        "LSTM": line(k, LSTM(3, **rnn)),
        "LSTMCell": line(k, k.layers.RNN(LSTMCell(3), **rnn)),
        "LSTMCell in cells": line(k, k.layers.RNN([k.layers.LSTMCell(3), LSTMCell(3)], **rnn)),
        "Dense in time": line(k, lstm(k), k.layers.TimeDistributed(Dense(2), name="own")),
        "Sequential": Sequential([k.Input((6, 3)), lstm(k)], name="own"),
        "tanh": line(k, k.layers.LSTM(3, activation=tanh, **rnn)),
    }


@pytest.mark.parametrize("library", LIBRARIES)
def test_classes_that_bear_the_names_of_keras_are_refused(tmp_path, library):
    for name, model in namesakes(LIBRARIES[library]).items():
        with pytest.raises(InputError, match="'own': expected .*, received .*" + name.split()[0]):
            lstmzoo.from_keras(model)
        if name in ("tanh", "Sequential"):  # a file says only the name of a function; and see below
            continue
        model.save(tmp_path / "m.keras")
        with pytest.raises(InputError, match=f"layer 'own': expected .*, received '{name.split()[0]}' of "):
            lstmzoo.from_keras(tmp_path / "m.keras")
    namesakes(LIBRARIES[library])["Sequential"].save(tmp_path / "m.keras")
    with pytest.raises(InputError, match="model: expected Keras's own class, received 'Sequential' of the user's own"):
        lstmzoo.from_keras(tmp_path / "m.keras")


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_quantized_models_are_refused():
    source = line(keras3, lstm(keras3), keras3.layers.Dense(2, name="d"))
    source.quantize("int8")
    with pytest.raises(
        InputError, match="layer 'd': expected (a floating-point type|floating-point weights), received"
    ):
        lstmzoo.from_keras(source)


def test_numbers_that_are_not_finite_are_refused():
    source = line(keras2, lstm(keras2))
    source.set_weights([w * np.nan for w in source.get_weights()])
    with pytest.raises(InputError, match="layer 'a': expected finite numbers of float32, received NaN or infinity"):
        lstmzoo.from_keras(source)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_no_code_in_a_file_runs(tmp_path, library, ending):
    k = LIBRARIES[library]
    bomb = str(tmp_path / "it_ran")

    def code(x):
        Path(bomb).touch()
        return x

    source = line(k, k.layers.Lambda(code, name="code"), lstm(k))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source.save(tmp_path / f"m.{ending}")
    Path(bomb).unlink(missing_ok=True)
    with pytest.raises(InputError, match="layer 'code': .* received 'Lambda'"):
        lstmzoo.from_keras(tmp_path / f"m.{ending}")
    assert not Path(bomb).exists()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A good file of each kind."""
    folder = tmp_path_factory.mktemp("files")
    for library, k in LIBRARIES.items():
        source = line(k, lstm(k), k.layers.Dense(2, name="d"))
        for ending in ("keras", "h5"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                source.save(folder / f"{library}.{ending}")
    return folder


def changed(path, target, change):
    """A copy of a `.keras` file with its config or its HDF5 file changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    weights = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        change(config, file)
    parts |= {"config.json": json.dumps(config).encode(), "model.weights.h5": weights.getvalue()}
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target


def replace(place, put):
    def change(config, file):
        del file[place]
        put(file, place)

    return change


def layer(name):
    return lambda config: next(part for part in config["config"]["layers"] if part["config"]["name"] == name)


BIAS = "layers/lstm/cell/vars/2"


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, f: layer("a")(c)["config"].update(units=4), r"layer 'a', kernel: expected shape \[D, 16\], received \[3, 12\]"),
        (lambda c, f: layer("d")(c)["config"].update(units=4), r"layer 'd', kernel: expected shape \[3, 4\], received \[3, 2\]"),
        (replace(BIAS, lambda f, p: f.create_dataset(p, data=np.zeros(11))), r"layer 'a', bias: expected shape \[12\], received \[11\]"),
        (replace(BIAS, lambda f, p: f.create_dataset(p, data=np.zeros(12, np.int8))), "layer 'a': expected floating-point numbers, received int8"),
        (replace(BIAS, lambda f, p: None), f"expected weights at {BIAS}, received nothing there, or a link, which is not followed"),
        (replace(BIAS, lambda f, p: f.create_group(p)), f"expected an array at {BIAS}, received another object"),
        (replace(BIAS, lambda f, p: f.__setitem__(p, h5py.ExternalLink("/etc/hostname", "/"))), f"expected weights at {BIAS}, received nothing there"),
        (replace(BIAS, lambda f, p: f.create_dataset(p, (12,), "f4", external=[("/etc/hostname", 0, 48)])), f"expected an array at {BIAS}, received another object"),
        (lambda c, f: layer("a").__call__(c)["config"].pop("units"), "source: expected a config as Keras writes it, received another one .*KeyError: 'units'"),
        (lambda c, f: layer("a")(c).update(module="my_package"), "layer 'a': .* received 'LSTM' of 'my_package'"),
        (lambda c, f: layer("d")(c)["config"].update(use_bias=False, units=10**30), r"layer 'd', kernel: expected shape \[3, 10+\]"),
        (lambda c, f: c["config"]["layers"].append({"class_name": "Dropout", "config": {"name": "o", "rate": None}}), "source: expected a config as Keras writes it"),
        (lambda c, f: c.update(class_name="Mine"), "model: expected a Sequential or functional one, received 'Mine'"),
        (lambda c, f: c["config"].update(layers=3), r"m.keras: expected a whole Keras model, received a damaged or foreign file \("),
        (lambda c, f: layer("a")(c)["config"].update(dtype="int8"), "layer 'a': expected a floating-point type, received 'int8'"),
    ],
)  # fmt: skip
def test_files_that_contradict_themselves_are_refused(files, tmp_path, change, message, library):
    path = changed(files / f"{library}.keras", tmp_path / "m.keras", change)
    with pytest.raises(InputError, match=message):
        lstmzoo.from_keras(path)


@pytest.mark.parametrize("name", ["keras2.keras", "keras3.keras", "keras2.h5", "keras3.h5"])
def test_damaged_files_are_one_message(files, tmp_path, name):
    content = (files / name).read_bytes()
    path = tmp_path / name
    for damaged in (
        content[:40],
        content[: len(content) // 2],
        content[:-1000],
        content[:200] + b"\xff" * 600 + content[800:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(
            InputError, match=rf"{name}: expected a whole Keras model|source: expected a config|{name}: expected"
        ):
            lstmzoo.from_keras(path)


def test_a_version_that_nobody_knows_is_refused(files, tmp_path):
    with zipfile.ZipFile(files / "keras2.keras") as archive, zipfile.ZipFile(tmp_path / "m.keras", "w") as other:
        for name in archive.namelist():
            content = archive.read(name)
            other.writestr(name, content.replace(b'"2.', b'"4.') if name == "metadata.json" else content)
    with pytest.raises(InputError, match="source: expected a model of Keras 2 or 3, received one of Keras '4"):
        lstmzoo.from_keras(tmp_path / "m.keras")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.keras", None, "none.keras'?: expected a .keras or .h5 file, received nothing there"),
        (".", None, "expected a .keras or .h5 file, received a directory"),
        ("m.keras", b"", "m.keras: expected a Keras model as .keras .* received another kind of file"),
        ("m.h5", b"junk" * 99, "m.h5: expected a Keras model as .keras .* received another kind of file"),
        ("m.keras", b"PK\x03\x04junk", "m.keras: expected a whole Keras model, received a damaged or foreign file"),
        ("m.h5", b"\x89HDF\r\n\x1a\njunk", "m.h5: expected a whole Keras model, received a damaged or foreign file"),
    ],
)
def test_what_is_no_keras_file_is_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        lstmzoo.from_keras(tmp_path / name)


def test_weights_alone_are_no_model(tmp_path):
    line(keras3, lstm(keras3)).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(
        InputError, match="expected a whole model, received an HDF5 file without one: save the model with"
    ):
        lstmzoo.from_keras(tmp_path / "m.weights.h5")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(InputError, match="other.zip: expected a whole Keras model"):
        lstmzoo.from_keras(tmp_path / "other.zip")


@pytest.mark.parametrize("library", LIBRARIES)
def test_cells_of_which_some_are_frozen(tmp_path, library):
    """Keras writes the trainable weights of an .h5 file first: without a word, cells of one size would change places."""
    k = LIBRARIES[library]
    parts = [k.layers.LSTMCell(3) for _ in "abc"]
    parts[0].trainable = False
    source = randomized(line(k, k.layers.RNN(k.layers.StackedRNNCells(parts), return_sequences=True, name="r")))
    x = data("features")[:, :6]
    for name in ("m.keras", None):
        if name:
            source.save(tmp_path / name)
        model = lstmzoo.from_keras(tmp_path / name if name else source, batch_size=2)
        np.testing.assert_allclose(model(x), source(x), atol=1e-6)
    source.save(tmp_path / "m.h5")
    with pytest.raises(
        InputError, match="layer 'r': expected cells all trainable or all frozen, received both: save as .keras"
    ):
        lstmzoo.from_keras(tmp_path / "m.h5")


def test_names_of_groups_are_those_of_keras():
    from keras.src.utils.naming import to_snake_case

    for name in ("LSTM", "RNN", "TimeDistributed", "Dense", "Embedding", "StackedRNNCells", "LSTMCell", "Conv1D"):
        assert _snake_case(name) == to_snake_case(name)


def test_long_lists_of_names_are_read_whole(files, tmp_path):
    """Keras cuts an attribute that is longer than HDF5 allows: weight_names0, weight_names1, ..."""
    (tmp_path / "m.h5").write_bytes((files / "keras2.h5").read_bytes())
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        attributes = file["model_weights/a"].attrs
        names = list(attributes["weight_names"])
        del attributes["weight_names"]
        attributes["weight_names0"], attributes["weight_names1"] = names[:2], names[2:]
    for one, other in zip(
        *(lstmzoo.from_keras(path).get_weights() for path in (tmp_path / "m.h5", files / "keras2.h5")), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert read_keras(tmp_path / "m.h5").major == 2
