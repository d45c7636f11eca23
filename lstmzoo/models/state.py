"""The carried state of a model: the only code that touches the states of Keras's layers.

The state of one LSTM layer is `(h, c)`, each `[B, H]`; that of a model is a list of L of them, the same for all kinds
(Keras keeps `[h, c]` in an LSTM and a nest of pairs in stacked cells; TF1's LSTMStateTuple was (c, h)).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.errors import InputError
from lstmzoo.models.anatomy import dissect

State = tuple[np.ndarray, np.ndarray]


def state_variables(model: keras.Model) -> list[tuple[tf.Variable, tf.Variable]]:
    """Return the variables (h, c) of each layer, `[B, H]` each, from the input up."""
    flat = [variable for layer in dissect(model).recurrent for variable in tf.nest.flatten(layer.states)]
    return list(zip(flat[::2], flat[1::2], strict=True))


def carried_variables(model: keras.Model) -> list[tf.Variable]:
    """Return every carried state of any model, in any order, however deep its stateful layers are nested."""
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN) and layer.stateful]
    return [variable for layer in layers for variable in tf.nest.flatten(layer.states) if variable is not None]


def get_states(model: keras.Model) -> list[State]:
    """Return a copy of the carried state: (h, c) of each layer, NumPy arrays `[B, H]`."""
    return [(h.numpy().copy(), c.numpy().copy()) for h, c in state_variables(model)]


def set_states(model: keras.Model, states: Sequence[Sequence[np.ndarray]]) -> None:
    """Set the carried state: (h, c) of each layer, arrays `[B, H]`, from the input up.

    Raises `InputError` for other shapes and for what are no such numbers, and then nothing has changed.
    """
    variables = state_variables(model)
    expected = [[tuple(v.shape) for v in pair] for pair in variables]
    try:
        values = [[_in_type(value, variables[0][0].dtype.as_numpy_dtype) for value in state] for state in states]
    except (TypeError, ValueError) as error:
        raise InputError(f"states: expected (h, c) of each layer with shapes {expected}, received {error}") from error
    received = [[value.shape for value in state] for state in values]
    if received != expected:
        raise InputError(f"states: expected (h, c) of each layer with shapes {expected}, received {received}")
    for variable, value in zip(tf.nest.flatten(variables), [v for pair in values for v in pair], strict=True):
        variable.assign(value)


def _in_type(value: Any, dtype: Any) -> np.ndarray:
    """Return numbers in a type; raise `ValueError` for other things, and for what is too large for the type."""
    given = np.asarray(value)
    if given.dtype.kind not in "iubf":
        raise ValueError(f"{given.dtype}, which is no type of numbers")
    with np.errstate(over="ignore"):
        found = given.astype(dtype)
    if (np.isinf(found) & np.isfinite(given)).any():
        raise ValueError(f"numbers too large for {np.dtype(dtype)}")
    return found


def reset_states(model: keras.Model) -> None:
    """Set every carried state to zero."""
    for variable in tf.nest.flatten(state_variables(model)):
        variable.assign(tf.zeros_like(variable))
