"""Models of every kind to be exported, and what Keras's own stateful model says of each."""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

import lstmzoo
from lstmzoo.data.scaling import Scaling
from lstmzoo.export.formats.registry import FORMATS
from lstmzoo.export.notes import Notes
from lstmzoo.inference.numpy_runner import NumpyRunner
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.rebuild import blueprint_of
from lstmzoo.models.signature import signature_of
from lstmzoo.models.state import get_states

V, D, M, STEPS = 7, 3, 2, 200
PIECES = [1, 17, 1, 17, 64, 100]  # 200 steps
KINDS = {
    "single": {"kind": "single", "units": [12]},
    **{f"{kind}-{depth}": {"kind": kind, "units": [12, 8, 10][:depth]} for kind in ("stacked_cells", "stacked_layers") for depth in (1, 2, 3)},
}  # fmt: skip
MODELS = {
    **KINDS,
    "hard_sigmoid": {"kind": "stacked_cells", "units": [12, 8], "recurrent_activation": "hard_sigmoid"},
    "dropout": {"kind": "stacked_layers", "units": [12, 8], "dropout": 0.5},
    "skip_outputs": {"kind": "stacked_layers", "units": [9, 9, 9], "skip_outputs": True},
    "embedding": {"kind": "stacked_layers", "units": [12, 8], "encoding": "embedding", "embedding_dim": 3},
    "scalar": {"kind": "stacked_cells", "units": [4, 5]},
    "features": {"kind": "stacked_layers", "units": [4, 5]},
}  # fmt: skip
NUMBERS = {
    f"numbers {name}{' skip' * skip}": {**model, "skip": skip}
    for name, model in [*KINDS.items(), ("hard_sigmoid", MODELS["hard_sigmoid"]), ("dropout", MODELS["dropout"])]
    for skip in (False, True)
}
SCALING = Scaling(  # of a mean that float32 does not hold, and numbers near its smallest
    columns=("far", "tiny", "odd|name"),
    means=(1234567.89, -3e-9, 40.5),
    deviations=(3.7, 2e-9, 0.7),
    inputs=("far", "tiny"),
    targets=("far", "odd|name"),
    held={"tiny": -3e-9},
)
ENDINGS = {name: form.ending for name, form in FORMATS.items()}
ARRAYS = [name for name, form in FORMATS.items() if form.example]  # called from Python, with arrays by name


def live(name, batch_size):
    """A model whose greedy text changes: weights away from their small beginnings."""
    encoding = name if name in ("embedding", "scalar", "features") else "one_hot"
    options = {"encoding": encoding, "vocab_size": V, **({"input_dim": D} if name == "features" else {})}
    if name in NUMBERS:
        options = {"encoding": "features", "input_dim": D, "outputs": M}
    model = lstmzoo.build_model({**MODELS, **NUMBERS}[name], batch_size=batch_size, **options)
    draws = np.random.default_rng(3)
    model.set_weights([1.5 * weight + draws.normal(0, 0.1, weight.shape) for weight in model.get_weights()])
    return model


def symbols(name, batch_size):
    draws = np.random.default_rng(4)
    if name == "features" or name in NUMBERS:
        return draws.normal(size=(batch_size, STEPS, D)).astype(np.float32)
    return draws.integers(0, V, (batch_size, STEPS), np.int32)


class Expected(NamedTuple):
    """What Keras's own stateful model says."""

    blueprint: Blueprint
    logits: dict[int, np.ndarray]
    """By batch size, of all steps; outputs of a model of numbers."""
    states: dict[int, list[np.ndarray]]
    """After them."""
    written: list[int]
    """The greedy text after symbol 3."""


@functools.cache
def expected_of(name):
    logits, states, written = {}, {}, [3]
    for batch_size in (5, 1):
        model = live(name, batch_size)
        step = tf.function(model, input_signature=[tf.TensorSpec(model.input_shape, model.inputs[0].dtype)])
        logits[batch_size] = step(symbols(name, batch_size)).numpy()
        states[batch_size] = [part for pair in get_states(model) for part in pair]
    model.reset_states()
    for _ in range(0 if name == "features" or name in NUMBERS else STEPS):
        written.append(int(step(tf.constant([[written[-1]]], model.inputs[0].dtype))[0, -1].numpy().argmax()))
    return Expected(blueprint_of(model), logits, states, written[1:])


def write(form, blueprint, path, scaling=None):
    """A file of the format, and what goes in and comes out."""
    FORMATS[form].write(blueprint, Notes(None, "# card", scaling), path)
    return signature_of(blueprint)


def opened(form, blueprint, folder, scaling=None):
    """Written and opened by its own runtime; NumPy needs no file."""
    if form == "numpy":
        return NumpyRunner(blueprint)
    path = folder / f"model{ENDINGS[form]}"
    return FORMATS[form].open(path, write(form, blueprint, path, scaling))
