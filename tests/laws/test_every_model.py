"""Every name of the zoo: what it declares, what it computes, and that each kernel and kind computes the same."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import lstmzoo
from lstmzoo.models.registry import get_entry
from lstmzoo.zoo.catalogue import SYMBOLS, count_of
from tests.helpers.kernels import LAYERS
from tests.helpers.rows import few

B, T = 2, 3


SIZES = {
    "echo": {"vocab_size": 2, "encoding": "scalar"},
    "char": {"vocab_size": SYMBOLS, "encoding": "one_hot"},
    "series": {"vocab_size": None, "encoding": "features", "input_dim": 1, "outputs": 1},
}


def build(name, **overrides):
    return lstmzoo.build_model(name, batch_size=B, seq_length=T, **SIZES[get_entry(name).task], **overrides)


def window(name, model):
    """Inputs and targets for a model: symbols or numbers."""
    random, classes = np.random.default_rng(0), model.output_shape[-1]
    if get_entry(name).task == "series":
        return random.normal(size=(2, B, T, 1)).astype(np.float32)
    return random.integers(0, classes, (2, B, T))


def loss_of(y):
    return "mse" if y.dtype == np.float32 else "cross_entropy"


def gradient(model, x, y):
    """By Keras's own layers, whatever the kind."""
    lstmzoo.reset_states(model)
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        if loss_of(y) == "mse":
            loss = tf.reduce_mean(tf.square(logits - y))
        else:
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True))
    return logits.numpy(), [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, model.trainable_variables)]


def stepped(model, kernel, x, y):
    """The gradient that a kernel goes by: what plain gradient descent at rate 1 takes off each weight."""
    lstmzoo.reset_states(model)
    before = model.get_weights()
    lstmzoo.train_windows(model, keras.optimizers.SGD(1.0), x[None], y[None], kernel=kernel, loss=loss_of(y))
    states, after = lstmzoo.get_states(model), model.get_weights()
    model.set_weights(before)
    return [old - new for old, new in zip(before, after, strict=True)], states


LARGE = [name for name in lstmzoo.list_models() if count_of(get_entry(name)) > 1_000_000]


MANY = {*LARGE[1:], "series_1x16_cells", "series_2x32", "series_2x32_cells"}


@pytest.mark.parametrize("name", few(lstmzoo.list_models(), set(lstmzoo.list_models()) - MANY))
def test_every_name(name):
    model = build(name)
    x, y = window(name, model)

    assert model.count_params() == count_of(get_entry(name))
    logits, wanted = gradient(model, x, y)
    assert logits.shape == (B, T, model.output_shape[-1]) and np.isfinite(logits).all()
    assert all(np.isfinite(part).all() and part.any() for part in wanted)
    assert_steps_are("scan", model, x, y, wanted)

    if len(model.get_weights()) > 5 and f"{name}_cells" not in lstmzoo.list_models():  # that one has this one as twin
        other_kind = {"stacked_cells": "stacked_layers", "stacked_layers": "stacked_cells"}
        twin = lstmzoo.as_kind(model, other_kind[lstmzoo.get_model(name).kind])
        theirs, gradients = gradient(twin, x, y)
        np.testing.assert_allclose(theirs, logits, atol=1e-6)
        for part, other in zip(gradients, wanted, strict=True):
            np.testing.assert_allclose(part, other, atol=1e-6)


def assert_steps_are(kernel, model, x, y, gradients):
    """A kernel goes by those gradients, to the states that Keras's own layers come to."""
    lstmzoo.reset_states(model)
    model(x, training=True)
    after = lstmzoo.get_states(model)
    found, states = stepped(model, kernel, x, y)
    for part, other in zip(found, gradients, strict=True):
        np.testing.assert_allclose(part, other, atol=1e-6)
    for part, other in zip(sum(states, ()), sum(after, ()), strict=True):
        np.testing.assert_allclose(part, other, atol=1e-6)


@pytest.mark.slow  # the tables of kernels have their kinds and options; these differ in their sizes
@pytest.mark.parametrize("name", lstmzoo.list_models())
def test_every_name_with_the_other_kernels(name):
    model = build(name)
    x, y = window(name, model)
    _, wanted = gradient(model, x, y)
    for kernel in LAYERS.keys() - {"scan"}:
        assert_steps_are(kernel, model, x, y, wanted)


def test_overrides_change_a_name_for_one_model():
    model = build("char_2x128", units=[3, 5], dropout=0.5)
    assert [h.shape[-1] for h, _ in lstmzoo.get_states(model)] == [3, 5]
    assert [h.shape[-1] for h, _ in lstmzoo.get_states(build("char_2x128", units=3))] == [3, 3]
    assert lstmzoo.get_model("char_2x128").layers == (128, 128)
    assert build("char_2x128", kind="stacked_cells").name == "stacked_cells"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"unit": 3}, "model unit: expected a key that exists, received 'unit'; did you mean units"),
        ({"units": 0}, "model units: expected an integer >= 1"),
        ({"kind": "single"}, "model: expected depth 1 with kind single"),
    ],
)
def test_bad_overrides_are_one_message(overrides, said):
    with pytest.raises(lstmzoo.InputError, match=said):
        build("char_2x128", **overrides)
