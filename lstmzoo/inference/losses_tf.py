"""The loss of every symbol of a text in one compiled TensorFlow program, for `losses`."""

from typing import Any

import tensorflow as tf

from lstmzoo.execution.network import Network, States
from lstmzoo.execution.products import Tensor
from lstmzoo.inference.losses import Program
from lstmzoo.models.anatomy import dissect
from lstmzoo.runs.trained import Trained
from lstmzoo.tasks.losses_tf import cross_entropy


class Scorer:
    """A `losses.Reader` that compiles a trained model."""

    def __init__(self, trained: Trained):
        self.trained, self.vocab_size = trained, trained.sizes.head
        self.programs: dict[tuple[int, int], tuple[Program, Any]] = {}  # by lanes and window: many texts take the same

    def program(self, lanes: int, window: int) -> tuple[Program, Any]:
        """Return a compiled program, and the zero state, as `losses.Reader.program` describes."""
        if (lanes, window) not in self.programs:
            self.programs[lanes, window] = self._compiled(lanes, window)
        return self.programs[lanes, window]

    def _compiled(self, lanes: int, window: int) -> tuple[Program, Any]:
        network = Network(dissect(self.trained.model(batch_size=lanes)), "xla")

        def run(x: Tensor, y: Tensor, states: States) -> tuple[Tensor, States]:
            logits, states = network(tf.transpose(x), states)
            return tf.transpose(cross_entropy(logits, tf.transpose(y))), states

        symbols, zero = tf.TensorSpec([lanes, window], tf.int32), network.zero(lanes)
        carried = [tf.TensorSpec(state.shape, state.dtype) for state in zero]
        program = tf.function(run, input_signature=[symbols, symbols, carried], autograph=False, jit_compile=True)
        return program.get_concrete_function(), zero
