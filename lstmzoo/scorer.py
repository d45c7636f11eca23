"""The loss of every symbol of a text: in one lane with carried state, and in windows from zero state."""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.anatomy import dissect
from lstmzoo.kernels import Tensor
from lstmzoo.network import Network, States, losses_of

PIECE = 256  # steps of one graph call in one lane
STEPS = 8192  # of one graph call in all cold lanes together


def carried_losses(model: keras.Model, ids: np.ndarray) -> np.ndarray:
    """Nats of each of the N - 1 targets of `ids` `[N]`, read in one lane from zero state; the model has B = 1."""
    program, states = _program(model, PIECE)
    found = []
    for first in range(0, len(ids) - 1, PIECE):
        x, y = _pairs(ids, first, PIECE)
        losses, states = program(x[:, None], y[:, None], states)
        found.append(losses.numpy()[:, 0])
    return np.concatenate(found)[: len(ids) - 1]


def cold_lanes(window: int) -> int:
    """Windows that are scored side by side: B of the model for `cold_losses`."""
    return max(1, STEPS // window)


def cold_losses(model: keras.Model, ids: np.ndarray, window: int) -> np.ndarray:
    """Nats of each target where every window starts at zero state; the model has B = `cold_lanes(window)`."""
    lanes, (program, zero) = cold_lanes(window), _program(model, window)
    found = []
    for first in range(0, len(ids) - 1, window * lanes):
        x, y = _pairs(ids, first, window * lanes)
        losses, _ = program(x.reshape(lanes, window).T, y.reshape(lanes, window).T, zero)
        found.append(losses.numpy().T.ravel())
    return np.concatenate(found)[: len(ids) - 1]


def _pairs(ids: np.ndarray, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets from a place on, `[count]` each; past the end of the text zeros, which are cut off later."""
    part = np.zeros(count + 1, np.int32)
    found = ids[first : first + count + 1]
    part[: len(found)] = found
    return part[:-1], part[1:]


def _program(model: keras.Model, window: int) -> tuple[Any, States]:
    """The compiled losses of `window` steps in the model's lanes, and the zero state of these."""
    network, shape = Network(dissect(model), "xla"), [window, model.input_shape[0]]

    def run(x: Tensor, y: Tensor, states: States) -> tuple[Tensor, States]:
        logits, states = network(x, states)
        return losses_of(logits, y), states

    symbols = tf.TensorSpec(shape, tf.int32)
    zero = network.zero(model.input_shape[0])
    carried = [tf.TensorSpec(state.shape, state.dtype) for state in zero]
    program = tf.function(run, input_signature=[symbols, symbols, carried], autograph=False, jit_compile=True)
    return program.get_concrete_function(), zero
