"""Models within models, and layers that compute nothing at inference: the same numbers, and a line for what is left out."""

import warnings
from itertools import product

import h5py
import keras as keras3
import numpy as np
import pytest
import tf_keras as keras2

import lstmzoo
from lstmzoo.errors import InputError
from tests.convert.test_keras import line, lstm, randomized, softmax
from tests.helpers.rows import few

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
LIBRARIES = {"keras2": keras2, "keras3": keras3}
X = np.random.default_rng(0).normal(size=(1, 6, 3)).astype(np.float32)


def body(k, size, units, *names, functional=False):
    """A model of LSTM layers with these names."""
    x = y = k.Input((6, size))
    layers = [k.layers.LSTM(units, return_sequences=True, name=name) for name in names]
    if not functional:
        return k.Sequential([x, *layers])
    for layer in layers:
        y = layer(y)
    return k.Model(x, y)


def in_sequential(k):
    return line(k, body(k, 3, 4, "a", "b"), k.layers.Dense(2))


def in_functional(k):
    x = k.Input((6, 3))
    y = body(k, 4, 5, "a", functional=True)(body(k, 3, 4, "a")(x))  # one name in both
    return k.Model(x, k.layers.Dense(2)(k.layers.LSTM(4, return_sequences=True)(y)))


def three_deep(k):
    inner = k.Sequential(
        [k.Input((6, 3)), body(k, 3, 4, "a", functional=True), k.layers.LSTM(5, return_sequences=True)]
    )
    return k.Sequential(
        [k.Input((6, 3)), k.Sequential([k.Input((6, 3)), inner]), body(k, 5, 5, "c"), k.layers.Dense(2)]
    )


def frozen(k):
    model = in_sequential(k)
    model.layers[0].trainable = False
    return model


MODELS = [in_sequential, in_functional, three_deep, frozen]


@pytest.mark.parametrize(
    ("make", "library"),
    few(list(product(MODELS, LIBRARIES)), [(in_sequential, "keras2")]),
)
def test_a_model_within_a_model_is_opened(tmp_path, make, library):
    source = randomized(make(LIBRARIES[library]))
    for name in ("m.keras", "m.h5", None):
        if name:
            source.save(tmp_path / name)
        model = lstmzoo.from_keras(tmp_path / name if name else source)
        np.testing.assert_allclose(model(X), source(X), rtol=0, atol=1e-5)


NAMES = [
    ("lstm_cell", "b", "o"),
    ("b", "lstm_cell", "o"),
    ("kernel", "b", "lstm"),
    ("b", "bias", "a"),
    ("a", "body", "o"),
]


@pytest.mark.parametrize(("library", "names"), few(list(product(LIBRARIES, NAMES)), [("keras2", NAMES[0])]))
def test_a_layer_may_bear_a_name_from_within_another(tmp_path, library, names):
    k = LIBRARIES[library]
    recurrent = [k.layers.LSTM(3, return_sequences=True, name=name) for name in names[:2]]
    inner = line(k, *recurrent, k.layers.Dense(2, name=names[2]))
    source = randomized(line(k, inner))
    source.save(tmp_path / "m.h5")
    np.testing.assert_allclose(lstmzoo.from_keras(tmp_path / "m.h5")(X), source(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("library", few(list(LIBRARIES), ["keras3"]))
def test_a_class_of_the_users_within_a_model_is_refused(tmp_path, library):
    k = LIBRARIES[library]

    class Mine(k.layers.LSTM):
        pass

    source = line(k, k.Sequential([k.Input((6, 3)), Mine(3, name="own")]))
    source.save(tmp_path / "m.keras")
    for each in (source, tmp_path / "m.keras"):
        with pytest.raises(InputError, match="layer 'own': .* received 'Mine'"):
            lstmzoo.from_keras(each)


def rows(k):
    layers = k.layers
    found = {
        "GaussianNoise 'n'": (layers.GaussianNoise(0.1, name="n"), None),
        "GaussianDropout 'n'": (None, layers.GaussianDropout(0.1, name="n")),
        "AlphaDropout 'n'": (layers.AlphaDropout(0.1, name="n"), layers.Softmax()),
        "ActivityRegularization 'n'": (
            layers.ActivityRegularization(l2=0.1, name="n"),
            layers.ActivityRegularization(),
        ),
        "Activation 'n'": (layers.Activation("linear"), layers.Activation("linear", name="n")),
        "GaussianNoise 't'": (layers.TimeDistributed(layers.GaussianNoise(0.1), name="t"), None),
        "dropout below the first or above the last": (None, layers.TimeDistributed(layers.Dropout(0.1))),
        "log_softmax 'n'": (None, layers.Activation("log_softmax", name="n")),
        "log_softmax 't'": (None, layers.TimeDistributed(layers.Activation("log_softmax"), name="t")),
    }
    return found | ({"Identity 'n'": (layers.Identity(name="n"), layers.Identity())} if k is keras3 else {})


TABLE = [(library, name) for library, k in LIBRARIES.items() for name in rows(k)]


@pytest.mark.parametrize(("library", "name"), few(TABLE, [TABLE[-2]]))
def test_what_computes_nothing_at_inference_is_left_out_with_a_line(tmp_path, library, name):
    k = LIBRARIES[library]
    front, end = rows(k)[name]
    source = randomized(line(k, *([front] if front else []), lstm(k), k.layers.Dense(4), *([end] if end else [])))
    source.save(tmp_path / "m.keras")
    for each in (source, tmp_path / "m.keras"):
        with pytest.warns(UserWarning, match=f"left out, since .*: .*{name}"):
            model = lstmzoo.from_keras(each)
        wanted = np.asarray(source(X))
        if "log_softmax" in name:
            wanted = np.exp(wanted)
        probabilities = "softmax" in name or "AlphaDropout" in name
        received = softmax(np.asarray(model(X))) if probabilities else model(X)
        np.testing.assert_allclose(received, wanted, rtol=0, atol=1e-5)


def idle_ends(k):
    layers = k.layers
    return {
        "float32": [layers.Activation("linear", dtype="float32")],
        "None": [layers.Activation(None)],
        "function": [layers.Activation(k.activations.linear)],
        "in time": [layers.TimeDistributed(layers.Dropout(0.1)), layers.TimeDistributed(layers.Activation("linear"))],
        "noise in time": [layers.TimeDistributed(layers.GaussianNoise(0.1)), layers.SpatialDropout1D(0.1)],
        "in a model": [line(k, layers.Activation("linear"), layers.GaussianNoise(0.1), shape=(6, 4))],
    }


@pytest.mark.filterwarnings("ignore:left out")
@pytest.mark.parametrize(
    ("library", "name"),
    few(list(product(LIBRARIES, idle_ends(keras2))), [("keras2", "float32"), ("keras2", "in time")]),
)
def test_what_computes_nothing_may_follow_the_softmax(library, name):
    k = LIBRARIES[library]
    for soft in ([k.layers.Dense(4, "softmax")], [k.layers.Dense(4), k.layers.Softmax()]):
        source = randomized(line(k, lstm(k), *soft, *idle_ends(k)[name]))
        received = softmax(np.asarray(lstmzoo.from_keras(source)(X)))
        np.testing.assert_allclose(received, source(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("library", few(list(LIBRARIES), ["keras2"]))
def test_what_computes_may_not_follow_the_softmax(library):
    k = LIBRARIES[library]
    for end in (k.layers.Softmax(), k.layers.Activation("tanh"), k.layers.TimeDistributed(k.layers.Dense(4)), k.layers.TimeDistributed(k.layers.Activation("softmax"))):  # fmt: skip
        with pytest.raises(InputError, match="expected nothing after the softmax, received"):
            lstmzoo.from_keras(line(k, lstm(k), k.layers.Dense(4, "softmax"), end))


def cudnn(w, u, b, x):
    """The steps of CuDNNLSTM: each gate's matrix is kept as cuDNN reads it, row by row `[H, D]`; biases are added."""
    units = len(u)
    w, u = (np.concatenate([gate.reshape(units, -1).T for gate in np.split(z, 4, 1)], 1) for z in (w, u))
    h = c = np.zeros((1, units))
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ w + h @ u + b[: 4 * units] + b[4 * units :], 4, 1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        yield h


def test_the_way_that_is_told_for_cudnnlstm_gives_its_numbers(tmp_path):
    """tf_keras's `load_weights` converts; it writes a CuDNNLSTM only where there is a GPU, so the file is made here."""
    generator = np.random.default_rng(3)
    w, u, b = (generator.normal(0, 0.5, shape).astype(np.float32) for shape in ((3, 20), (5, 20), (40,)))
    model = line(keras2, keras2.layers.LSTM(5, return_sequences=True, name="cu"))
    path = tmp_path / "m.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights/cu"]
        for name, value in zip(list(group.attrs["weight_names"]), (w, u, b), strict=True):
            del group[name]
            group[name] = value
        file.attrs["model_config"] = file.attrs["model_config"].replace('"LSTM"', '"CuDNNLSTM"')
    with pytest.raises(
        InputError, match=r"layer 'cu': expected LSTM, received CuDNNLSTM, .* call load_weights\(path\)"
    ):
        lstmzoo.from_keras(path)
    model.load_weights(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        converted = lstmzoo.from_keras(model)
    np.testing.assert_allclose(converted(X), np.stack(list(cudnn(w, u, b, X)), 1), rtol=0, atol=1e-5)
