"""A model of numbers in compiled TensorFlow programs, as a `Runner`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lstmzoo.execution.kernels import Tensor
from lstmzoo.execution.network import Network, States
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.signature import StateArrays, signature_of
from lstmzoo.runs.trained import Trained

SIZES = (1024, 128, 16, 1)  # steps of a call: each size is compiled when it is first needed, which takes a while


class GraphRunner:
    """A trained model of numbers in one lane. It holds no state: the states come out, and go in again."""

    def __init__(self, trained: Trained):
        self.signature = signature_of(trained.blueprint())
        self.network = Network(dissect(trained.model(batch_size=1)), "xla")
        self.programs: dict[int, Callable[..., Any]] = {}

    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Return outputs `[1, T, M]` of features `[1, T, D]`, and the states after them, as every `Runner` does."""
        found, done, carried = [], 0, [*states]
        while left := x.shape[1] - done:
            size = next(each for each in SIZES if each <= left)
            outputs, carried = self._program(size)(x[:, done : done + size], carried)
            found.append(outputs.numpy())
            done += size
        return np.concatenate(found, 1), [np.asarray(state) for state in carried]

    def _program(self, size: int) -> Callable[..., Any]:
        if size not in self.programs:
            window = tf.TensorSpec([1, size, self.signature.input_dim], tf.float32)
            states = [tf.TensorSpec(state.shape, state.dtype) for state in self.network.zero(1)]
            program = tf.function(self._run, input_signature=[window, states], autograph=False, jit_compile=True)
            self.programs[size] = program.get_concrete_function()
        return self.programs[size]

    def _run(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        outputs, states = self.network(tf.transpose(x, [1, 0, 2]), states)
        return tf.transpose(outputs, [1, 0, 2]), states
