"""The table of optimizers is tf_keras's own."""

import inspect

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from lstmzoo.config.optimizers import CLASSES, COMMON, OPTIMIZERS, SECTIONS, make_optimizer, slot_shapes

NOT_OURS = {"self", "kwargs", "name", "jit_compile", "use_ema", "ema_momentum", "ema_overwrite_frequency"}


def test_the_names_are_those_of_tf_keras():
    theirs = {name for name in dir(keras.optimizers) if inspect.isclass(getattr(keras.optimizers, name))}
    assert set(CLASSES.values()) == theirs - {"Optimizer", "Nadam"}
    assert CLASSES.keys() == OPTIMIZERS.keys() == SECTIONS.keys()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_arguments_and_defaults_are_those_of_tf_keras(name):
    signature = inspect.signature(getattr(keras.optimizers, CLASSES[name]).__init__)
    theirs = {key: p.default for key, p in signature.parameters.items() if key not in NOT_OURS}
    ours = {**COMMON, **OPTIMIZERS[name]}
    if "adaptive_epsilon" not in theirs:  # newer versions have it
        ours.pop("adaptive_epsilon", None)
    assert ours == theirs


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_asked_for_reaches_the_optimizer(name):
    asked = {"learning_rate": 0.125, "global_clipnorm": 2.0, "weight_decay": 0.5}
    made = make_optimizer(SECTIONS[name](name=name, **asked))
    assert type(made).__name__ == CLASSES[name]
    assert (float(made.learning_rate), made.global_clipnorm, made.weight_decay) == (0.125, 2.0, 0.5)
    assert make_optimizer(SECTIONS[name](name=name), grad_clip_norm=3.0).global_clipnorm == 3.0
    assert make_optimizer(SECTIONS[name](name=name), grad_clip_value=4.0).clipvalue == 4.0


SWITCHED = [{}, {"amsgrad": True}, {"momentum": 0.5}, {"centered": True}, {"centered": True, "momentum": 0.5}, {"relative_step": False},
            {"clipnorm": 1.0, "weight_decay": 0.1}]  # fmt: skip
SHAPES = [(7, 3), (3, 16), (4, 16), (16,), (4, 7), (7,)]  # an embedding, a layer, a head


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_slots_are_those_of_tf_keras(name):
    for options in (each for each in SWITCHED if each.keys() <= {*OPTIMIZERS[name], *COMMON}):
        spec = SECTIONS[name](name=name, **options)
        made = make_optimizer(spec)
        made.build([tf.Variable(np.zeros(shape, np.float32)) for shape in SHAPES])
        iteration, *slots = made.variables
        assert (iteration.dtype, iteration.shape) == (tf.int64, ())
        assert [tuple(slot.shape) for slot in slots] == slot_shapes(spec, SHAPES), options
        assert {slot.dtype for slot in slots} == {tf.float32}
