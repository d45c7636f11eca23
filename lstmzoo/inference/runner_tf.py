"""A trained model in compiled TensorFlow programs, as a `Runner`: whole windows at once, or step by step."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lstmzoo.execution.kernels import Tensor
from lstmzoo.execution.network import Network, States
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.signature import StateArrays, signature_of
from lstmzoo.runs.trained import Trained

PIECE = 64  # steps of a call of `StepRunner`
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


class StepRunner:
    """A trained model in B lanes, step by step in one graph loop, so that its numbers do not depend on T."""

    def __init__(self, trained: Trained, lanes: int):
        self.signature = signature = signature_of(trained.blueprint())
        self.network = Network(dissect(trained.model(batch_size=lanes)), "scan")
        row, self.dtype = ([signature.input_dim], tf.float32) if signature.encoding == "features" else ([], tf.int32)
        states = [tf.TensorSpec(state.shape, state.dtype) for state in self.network.zero(lanes)]
        specs = [tf.TensorSpec([], tf.int32), tf.TensorSpec([PIECE, lanes, *row], self.dtype), states]
        program = tf.function(self._run, input_signature=specs, autograph=False, jit_compile=True)
        self.program = program.get_concrete_function()

    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Return logits `[B, T, V]` of ids `[B, T]`, or outputs of features, and the states, as every `Runner` does."""
        found, carried = [], [*states]
        for first in range(0, x.shape[1], PIECE):
            part = np.swapaxes(x[:, first : first + PIECE], 0, 1)
            padded = np.concatenate([part, np.zeros((PIECE - len(part), *part.shape[1:]), part.dtype)])
            outputs, carried = self.program(len(part), padded.astype(self.dtype.as_numpy_dtype), carried)
            found.append(outputs.numpy()[: len(part)])
        return np.swapaxes(np.concatenate(found), 0, 1), [np.asarray(state) for state in carried]

    def _run(self, count: Tensor, x: Tensor, states: States) -> tuple[Tensor, States]:
        def body(t: Tensor, states: States, found: Any) -> Any:
            outputs, states = self.network.step(self._encoded(x[t]), states)
            return t + 1, states, found.write(t, outputs)

        found = tf.TensorArray(tf.float32, PIECE, element_shape=[x.shape[1], self.signature.output_dim])
        _, states, found = tf.while_loop(lambda t, *_: t < count, body, (0, states, found), parallel_iterations=1)
        return found.stack(), states

    def _encoded(self, x: Tensor) -> Tensor:
        return tf.cast(x, tf.float32) if self.signature.encoding == "scalar" else x
