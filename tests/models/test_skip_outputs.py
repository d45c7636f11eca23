"""skip_outputs: the head sees the sum of the outputs of all layers."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.execution.network import Network
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.numpy_runner import NumpyRunner
from lstmzoo.models.rebuild import as_kind, blueprint_of, rebatch
from tests.models.test_build import numpy_lstm

DESCRIPTION = {"kind": "stacked_layers", "units": 4, "depth": 3, "skip_outputs": True, "output_dropout": 0.5}


@pytest.fixture(scope="module")
def model():
    return lstmzoo.build_model(DESCRIPTION, encoding="features", input_dim=3, outputs=2, batch_size=2)


def equations(weights, x):
    """Outputs of the weight list in NumPy, from zero state."""
    *layers, kernel, bias = weights
    h, total, zero = x, 0, np.zeros((len(x), 4))
    for first in range(0, len(layers), 3):
        h, *_ = numpy_lstm(layers[first : first + 3], h, zero, zero, lambda z: 1 / (1 + np.exp(-z)))
        total = total + h
    return total @ kernel + bias


def test_every_way_to_run_it_computes_the_equations(model, tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    wanted, network = equations(model.get_weights(), x), Network(dissect(model), "xla")
    lstmzoo.reset_states(model)
    model.save(tmp_path / "m.keras")
    loaded = rebatch(keras.models.load_model(tmp_path / "m.keras", compile=False), 2)
    outputs, _ = network(tf.constant(x.swapaxes(0, 1)), network.zero(2))
    state, steps = network.zero(2), []
    for t in range(x.shape[1]):
        output, state = network.step(tf.constant(x[:, t]), state)
        steps.append(output)
    runner = NumpyRunner(blueprint_of(model))
    found, _ = runner(x, runner.signature.zero_states(2))
    for each in (model(x), loaded(x), outputs.numpy().swapaxes(0, 1), np.stack(steps, 1), found):
        np.testing.assert_allclose(each, wanted, atol=1e-6)


def test_it_is_read_back_and_where_it_cannot_be_it_is_refused(model):
    spec = blueprint_of(model).spec
    assert (spec.skip_outputs, spec.output_dropout, spec.layers) == (True, 0.5, (4, 4, 4))
    plain = lstmzoo.build_model(
        {**DESCRIPTION, "skip_outputs": False}, encoding="features", input_dim=3, outputs=2, batch_size=2
    )
    assert plain.count_params() == model.count_params()
    assert not blueprint_of(plain).spec.skip_outputs
    with pytest.raises(InputError, match="skip_outputs: expected false but with kind stacked_layers"):
        as_kind(model, "stacked_cells")
    with pytest.raises(InputError, match=r"skip_outputs: expected false, as nn.LSTM"):
        lstmzoo.to_torch(model)


@pytest.mark.parametrize("given", [{"kind": "stacked_cells"}, {"kind": "single", "depth": 1}, {"units": [4, 4, 5]}])
def test_it_takes_layers_of_equal_units(given):
    description = {**DESCRIPTION, **given}
    if "units" in given:
        del description["depth"]
    with pytest.raises(InputError, match="skip_outputs: expected false but with kind stacked_layers and two or more"):
        lstmzoo.build_model(description, encoding="features", input_dim=3, outputs=2, batch_size=2)


@pytest.mark.parametrize("skip", [False, True])
def test_from_keras_takes_it(tmp_path, skip):
    description = {**DESCRIPTION, "output_dropout": 0.0, "dropout": 0.1, "skip": skip}
    source = lstmzoo.build_model(description, encoding="features", input_dim=3, outputs=2, batch_size=2)
    source.save(tmp_path / "m.keras")
    for given in (source, tmp_path / "m.keras"):
        found = lstmzoo.from_keras(given, batch_size=2)
        assert blueprint_of(found)._replace(weights=None) == blueprint_of(source)._replace(weights=None)
        for one, other in zip(found.get_weights(), source.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_from_keras_refuses_other_sums():
    x = keras.Input((7, 4))
    first, second, third = (keras.layers.LSTM(4, return_sequences=True, name=name) for name in "abc")
    a = first(x)
    b = second(a)
    c = third(b)
    for parts in ([a, c], [b, a, c], [x, a, b, c], [c, c, c]):
        model = keras.Model(x, keras.layers.Dense(2)(keras.layers.Add(name="sum")(parts)))
        with pytest.raises(
            InputError, match=r"layer 'sum': expected one call with one input, received . inputs .an Add may"
        ):
            lstmzoo.from_keras(model)


def test_without_a_head_the_output_is_the_sum():
    description = {**DESCRIPTION, "output_dropout": 0.0}
    model = lstmzoo.build_model(description, encoding="features", input_dim=3, batch_size=2)
    assert blueprint_of(model).spec.skip_outputs and len(lstmzoo.get_states(model)) == 3
    assert rebatch(model, 5).output_shape == (5, None, 4)
    with pytest.raises(
        InputError, match=r"output_dropout: expected 0 in a model without a Dense layer .* received 0.5"
    ):
        lstmzoo.build_model(DESCRIPTION, encoding="features", input_dim=3, batch_size=2)
