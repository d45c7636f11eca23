"""A trained model in compiled TensorFlow programs, as a `Runner`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lstmzoo.execution.network import Network, States
from lstmzoo.execution.products import Tensor
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.signature import StateArrays, signature_of
from lstmzoo.runs.trained import Trained

SIZES = (64, 1024)  # steps of a call at most: a call fills its arrays, and calls are slow


class StepRunner:
    """A trained model in B lanes, step by step in one graph loop, so that its numbers do not depend on T."""

    def __init__(self, trained: Trained, lanes: int):
        self.signature = signature = signature_of(trained.blueprint())
        self.network = Network(dissect(trained.model(batch_size=lanes)), "scan")
        row, self.dtype = ([signature.input_dim], tf.float32) if signature.encoding == "features" else ([], tf.int32)
        states = [tf.TensorSpec(state.shape, state.dtype) for state in self.network.zero(lanes)]
        program = tf.function(self._run, autograph=False, jit_compile=True)
        windows = {size: tf.TensorSpec([size, lanes, *row], self.dtype) for size in SIZES}
        count = tf.TensorSpec([], tf.int32)
        self.program = {size: program.get_concrete_function(count, windows[size], states) for size in SIZES}

    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Return logits `[B, T, V]` of ids `[B, T]`, or outputs of features, and the states, as every `Runner` does."""
        found, carried = [], [*states]
        size = next((each for each in SIZES if x.shape[1] <= each), SIZES[-1])
        for first in range(0, x.shape[1], size):
            part = np.swapaxes(x[:, first : first + size], 0, 1)
            padded = np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), part.dtype)])
            outputs, carried = self.program[size](len(part), padded.astype(self.dtype.as_numpy_dtype), carried)
            found.append(outputs.numpy()[: len(part)])
        return np.swapaxes(np.concatenate(found), 0, 1), [np.asarray(state) for state in carried]

    def _run(self, count: Tensor, x: Tensor, states: States) -> tuple[Tensor, States]:
        def body(t: Tensor, states: States, found: Any) -> Any:
            outputs, states = self.network.step(self._encoded(x[t]), states)
            return t + 1, states, found.write(t, outputs)

        found = tf.TensorArray(tf.float32, x.shape[0], element_shape=[x.shape[1], self.signature.output_dim])
        _, states, found = tf.while_loop(lambda t, *_: t < count, body, (0, states, found), parallel_iterations=1)
        return found.stack(), states

    def _encoded(self, x: Tensor) -> Tensor:
        return tf.cast(x, tf.float32) if self.signature.encoding == "scalar" else x
