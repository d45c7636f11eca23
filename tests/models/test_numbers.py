"""Models of numbers: features in, M numbers out, with or without a linear way around the layers."""

from itertools import product

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.execution.network import Network
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.rebuild import blueprint_of
from lstmzoo.models.spec import ModelSpec
from tests.helpers.rows import few
from tests.models.test_build import numpy_lstm

UNITS = {"single": (4,), "stacked_cells": (4, 7), "stacked_layers": (4, 7)}
KINDS = list(product(UNITS, [False, True]))


def built(kind="stacked_layers", skip=True, **options):
    description = {"kind": kind, "units": list(UNITS[kind]), "skip": skip}
    sizes = {"encoding": "features", "input_dim": 3, "outputs": 2, "batch_size": 2}
    return lstmzoo.build_model(description, **{**sizes, **options})


def inputs(batch_size=2, length=5):
    return np.random.default_rng(0).normal(size=(batch_size, length, 3)).astype("float32")


def equations(weights, x, skip):
    """Outputs of the weight list in NumPy, from zero state."""
    *layers, kernel, bias = weights[:-1] if skip else weights
    h = x
    for first in range(0, len(layers), 3):
        zero = np.zeros((len(x), layers[first + 1].shape[0]))
        h, *_ = numpy_lstm(layers[first : first + 3], h, zero, zero, lambda z: 1 / (1 + np.exp(-z)))
    return h @ kernel + bias + (x @ weights[-1] if skip else 0)


@pytest.mark.parametrize(("kind", "skip"), few(KINDS, [("single", True), ("stacked_cells", True)]))
def test_the_model_computes_the_equations(kind, skip):
    model, x = built(kind, skip), inputs()
    weights = model.get_weights()
    assert [w.shape for w in weights[-3 if skip else -2 :]] == [(UNITS[kind][-1], 2), (2,)] + [(3, 2)] * skip
    assert model.count_params() == ModelSpec(kind=kind, units=UNITS[kind], skip=skip).parameters(3, 2)
    wanted = equations(weights, x, skip)
    assert model.output_shape == (2, None, 2)
    np.testing.assert_allclose(model(x), wanted, atol=1e-6)
    network = Network(dissect(model), "xla")
    outputs, _ = network(tf.constant(x.swapaxes(0, 1)), network.zero(2))
    np.testing.assert_allclose(outputs.numpy().swapaxes(0, 1), wanted, atol=1e-6)
    state, steps = network.zero(2), []
    for t in range(x.shape[1]):
        output, state = network.step(tf.constant(x[:, t]), state)
        steps.append(output)
    np.testing.assert_allclose(np.stack(steps, 1), wanted, atol=1e-6)


@pytest.mark.parametrize(("kind", "skip"), few(KINDS, [("single", False), ("stacked_layers", True)]))
def test_all_kinds_start_with_the_same_weights_and_become_one_another(kind, skip):
    model, x = built(kind, skip), inputs()
    model(x)
    other = lstmzoo.as_kind(model, "stacked_layers" if kind == "stacked_cells" else "stacked_cells")
    for same in (other, built(other.name, skip) if kind != "single" else other):
        for part, wanted in zip(same.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(part, wanted)
    np.testing.assert_allclose(other(x), model(x), atol=1e-6)
    found, wanted = (blueprint_of(each)._replace(weights=None, spec=None) for each in (other, model))
    assert found == wanted
    assert (wanted.outputs, wanted.vocab_size) == (2, None)
    assert lstmzoo.rebatch(model, 4)(inputs(4)).shape == (4, 5, 2)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize(
    ("kind", "skip", "ending"),
    few(
        [(*row, ending) for row in KINDS for ending in ("keras", "h5")],
        [("stacked_cells", True, "keras")],
    ),
)
@pytest.mark.slow
def test_a_saved_model_is_the_same_model(tmp_path, kind, skip, ending):
    model, x, path = built(kind, skip), inputs(), tmp_path / f"m.{ending}"
    model.compile("adam", "mse")
    model.fit(x, x[..., :2], batch_size=2, epochs=2, shuffle=False, verbose=0)
    model.save(path)
    loaded = keras.models.load_model(path)
    for each in (loaded, model):
        lstmzoo.reset_states(each)
    np.testing.assert_array_equal(loaded(x), model(x))
    found, wanted = blueprint_of(loaded), blueprint_of(model)
    assert found._replace(weights=None) == wanted._replace(weights=None)
    assert all(map(np.array_equal, found.weights.in_order(), model.get_weights()))
    assert list(found.weights.named())[-1] == ("skip kernel" if skip else "head bias")


@pytest.mark.parametrize(
    ("description", "options", "message"),
    [
        ({"skip": True}, {"outputs": None, "vocab_size": 2}, "skip: expected a model of numbers with it, received no"),
        ({"skip": True}, {"outputs": None}, "skip: expected a model of numbers with it, received no outputs: give"),
        ({"skip": True, "encoding": "one_hot"}, {}, "model skip: expected false with encoding one_hot, whose inputs"),
        ({}, {"vocab_size": 2}, "outputs: expected encoding 'features' and no vocab_size with it"),
        ({}, {"encoding": "scalar", "input_dim": None}, "and no vocab_size .*, received 'scalar' and vocab_size None"),
        ({}, {"outputs": 0}, "outputs: expected an integer >= 1, received 0"),
        ({}, {"outputs": 1.5}, "outputs: expected an integer >= 1, received 1.5"),
        ({"skip": 1}, {}, "model skip: expected true or false, received 1"),
    ],
)
def test_impossible_models_are_one_message(description, options, message):
    sizes = {"encoding": "features", "input_dim": 3, "outputs": 2, "batch_size": 2}
    with pytest.raises(InputError, match=message):
        lstmzoo.build_model({"units": 4, **description}, **{**sizes, **options})


def test_what_has_no_place_for_numbers_says_so():
    model = built("single")
    with pytest.raises(InputError, match="skip: expected none, as nn.LSTM has none"):
        lstmzoo.to_torch(model)


LINEAR = {"use_bias": False, "name": "skip"}


@pytest.mark.parametrize(
    "sum_of",
    [
        lambda x, h: [h, keras.layers.Dense(2, "tanh", **LINEAR)(x)],
        lambda x, h: [h, keras.layers.Dense(2)(x)],
        lambda x, h: [keras.layers.Dense(2, **LINEAR)(x), h],
        lambda x, h: [h, h],
        lambda x, h: [h, keras.layers.Dense(2, **LINEAR)(keras.layers.Dense(3)(x))],
    ],
)
def test_other_sums_are_refused(sum_of):
    x = keras.Input(batch_shape=(2, None, 3))
    h = keras.layers.Dense(2)(keras.layers.LSTM(4, return_sequences=True, stateful=True)(x))
    with pytest.raises(InputError, match="layer 'sum': expected the sum of the head and of a linear layer of the inp"):
        lstmzoo.get_states(keras.Model(x, keras.layers.Add(name="sum")(sum_of(x, h))))
