"""Dropout in all four places against the equations in NumPy: losses as they are written, gradients by differences."""

import numpy as np
import pytest
import tf_keras as keras

import lstmzoo
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import InputError
from lstmzoo.execution.auto import fastest_kernel
from lstmzoo.execution.dropout import draw_masks
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.rebuild import as_kind, blueprint_of
from tests.helpers.rows import few

RATES = {"dropout": 0.4, "recurrent_dropout": 0.3, "input_dropout": 0.2, "output_dropout": 0.25}
KINDS = ["stacked_layers", "stacked_cells"]
UNITS, BATCH, LENGTH, VOCAB, SEED = (3, 4), 2, 5, 4, 7
PLACES = [  # in front of layer 0, 1 and the head; h of layer 0 and 1: stream, size, rate
    ((0,), VOCAB, 0.2), ((1,), 3, 0.4), ((2,), 4, 0.25), ((0, 1), 3, 0.3), ((1, 1), 4, 0.3),
]  # fmt: skip


def loss_of(weights, x, y, factors):
    """Mean cross-entropy of a window from zero state, with factors [B, D] for each place."""
    *layers, kernel, bias = weights
    inputs = np.eye(VOCAB)[x]
    for layer, units in enumerate(UNITS):
        w, u, b = layers[3 * layer : 3 * layer + 3]
        h, c, hs = np.zeros((BATCH, units)), np.zeros((BATCH, units)), []
        for t in range(LENGTH):
            z = (inputs[:, t] * factors[layer]) @ w + (h * factors[3 + layer]) @ u + b
            i, f, o = (1 / (1 + np.exp(-z[:, k * units : (k + 1) * units])) for k in (0, 1, 3))
            c = f * c + i * np.tanh(z[:, 2 * units : 3 * units])
            h = o * np.tanh(c)
            hs.append(h)
        inputs = np.stack(hs, 1)
    logits = (inputs * factors[2][:, None]) @ kernel + bias
    return np.mean(np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, y[..., None], -1)[..., 0])


@pytest.mark.parametrize("kind", few(KINDS, ["stacked_layers"]))
def test_losses_and_gradients_are_those_of_the_equations(kind):
    keras.backend.set_floatx("float64")
    try:
        model = lstmzoo.build_model(
            {"kind": kind, "units": list(UNITS), **RATES}, vocab_size=VOCAB, encoding="one_hot", batch_size=BATCH
        )
        symbols = np.random.default_rng(0).integers(0, VOCAB, (2, 1, BATCH, LENGTH))
        before = model.get_weights()
        found = lstmzoo.train_windows(model, keras.optimizers.SGD(1.0), *symbols, kernel="scan", seed=SEED)
    finally:
        keras.backend.set_floatx("float32")
    masks = [draw_masks(SEED, stream, 0, 1, (BATCH, size), rate)[0] / (1 - rate) for stream, size, rate in PLACES]
    x, y = symbols[:, 0]
    np.testing.assert_allclose(found[0], loss_of(before, x, y, masks), rtol=1e-12)
    assert abs(found[0] - loss_of(before, x, y, [np.ones_like(mask) for mask in masks])) > 1e-3
    for part, after in zip(before, model.get_weights(), strict=True):
        start, gradient = part.copy(), np.empty(part.shape)
        for place in np.ndindex(part.shape):
            ends = []
            for change in (1e-5, -1e-5):
                part[place] = start[place] + change
                ends.append(loss_of(before, x, y, masks))
            part[place] = start[place]
            gradient[place] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(start - after, gradient, atol=1e-9)


def test_masks_of_places_differ_and_of_layers_between_are_those_of_before():
    drawn = [draw_masks(0, stream, 3, 2, (8, 64), 0.5) for stream, *_ in PLACES]
    assert len({mask.tobytes() for mask in drawn}) == len(PLACES)
    np.testing.assert_array_equal(drawn[0][1], draw_masks(0, (0,), 4, 1, (8, 64), 0.5)[0])
    assert drawn[1].sum() == 529  # as when there was no other dropout than between layers


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_has_its_rates_when_it_is_read_back_saved_or_converted(kind, tmp_path):
    model = lstmzoo.build_model({"kind": kind, "units": [3, 4], **RATES}, vocab_size=4, encoding="scalar", batch_size=2)
    assert "dropout_0" in [layer.name for layer in model.layers]
    model.save(tmp_path / "m.keras")
    other = {"stacked_layers": "stacked_cells", "stacked_cells": "stacked_layers"}[kind]
    for each in (model, keras.models.load_model(tmp_path / "m.keras", compile=False), as_kind(model, other)):
        assert blueprint_of(each).spec.model_dump(include=set(RATES)) == RATES
    assert dissect(model).dropout == (0.2, 0.4, 0.25)
    x = np.zeros((2, 3))
    lstmzoo.reset_states(model)
    plain = lstmzoo.build_model({"kind": kind, "units": [3, 4]}, vocab_size=4, encoding="scalar", batch_size=2)
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(model(x), plain(x), atol=1e-6)


def test_rates_that_differ_between_layers_are_refused():
    model = lstmzoo.build_model(
        {"kind": "stacked_layers", "units": [3, 4], **RATES}, vocab_size=4, encoding="scalar", batch_size=2
    )
    dissect(model).cells[1].recurrent_dropout = 0.1
    with pytest.raises(InputError, match=r"recurrent_dropout: expected one rate in all layers, received \[0.3, 0.1\]"):
        blueprint_of(model)


def test_on_a_gpu_recurrent_dropout_is_computed_by_scan():
    assert [fastest_kernel(device, True) for device in ("cpu", "gpu")] == ["xla", "scan"]
    task = {"kind": "echo", "series_length": 400, "echo_step": 1}
    for rate, kernel in ((0.0, "keras"), (0.1, "scan")):
        experiment = Experiment(task=task, model={"recurrent_dropout": rate}, train={"epochs": 1})
        assert make_plan(experiment, "gpu").resolved.execution.kernel == kernel
