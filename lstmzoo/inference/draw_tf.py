"""Drawing of symbols in TensorFlow: one graph loop carries the state, and Python is not called between two symbols."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.errors import InputError
from lstmzoo.execution.network import Network, States
from lstmzoo.execution.products import Tensor
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import PIECE, Place, draw
from lstmzoo.models.anatomy import Anatomy, dissect
from lstmzoo.models.signature import StateArrays

COMPILED_SYMBOLS = 1024  # a larger vocabulary is not compiled: XLA's cumulative sum is quadratic


class GraphSampler:
    """A sampler in one TensorFlow graph, for `samples` texts side by side; each call reads the current weights."""

    def __init__(self, model: keras.Model, choice: Choice, samples: int = 1):
        self.anatomy, self.choice, self.samples = dissect(model), choice, samples
        self.network = Network(self.anatomy, "scan")
        self.vocab_size = _vocab_size(self.anatomy)
        self.program = tf.function(
            self._draw,
            input_signature=[
                tf.TensorSpec([], tf.int32),
                tf.TensorSpec([PIECE, samples], tf.int32),
                tf.TensorSpec([PIECE, samples], tf.float64),
                tf.TensorSpec([samples], tf.int32),
                [tf.TensorSpec(state.shape, state.dtype) for state in self.network.zero(samples)],
            ],
            autograph=False,
            jit_compile=self.vocab_size <= COMPILED_SYMBOLS,
        ).get_concrete_function()

    def draw(self, length: int, seed: Sequence[int], prompt: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Draw `length` symbols a sample from a beginning, as the function `draw` does."""
        return draw(self, Place(self, seed), length, prompt)

    def zero(self) -> States:
        """Return states of zeros."""
        return self.network.zero(self.samples)

    def piece(self, given: np.ndarray, uniform: np.ndarray, last: Any, states: States) -> Any:
        """Return the next symbols, as `Sampler.piece` describes."""
        count, rest = len(given), ((0, PIECE - len(given)), (0, 0))  # the program is made for whole pieces
        drawn, last, states = self.program(count, np.pad(given, rest), np.pad(uniform, rest), last, states)
        return drawn.numpy()[:count], last, states

    def runner(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Return logits `[S, 1, V]` of one symbol `[S, 1]` in each text, and the states, as a `Runner` does."""
        step = tf.function(self.network.step, autograph=False, jit_compile=True)
        logits, after = step(tf.constant(x[:, 0], tf.int32), [tf.constant(state) for state in states])
        return logits.numpy()[:, None], [np.asarray(state) for state in after]

    def _draw(self, count: Tensor, given: Tensor, uniform: Tensor, last: Tensor, states: States) -> Any:
        def body(t: Tensor, last: Tensor, states: States, drawn: Any) -> Any:
            logits, states = self.network.step(last, states)
            last = tf.where(given[t] >= 0, given[t], choose(logits, uniform[t], self.choice))
            return t + 1, tf.maximum(last, 0), states, drawn.write(t, last)

        drawn = tf.TensorArray(tf.int32, PIECE, element_shape=[self.samples])
        loop = (0, last, states, drawn)
        _, last, states, drawn = tf.while_loop(lambda t, *_: t < count, body, loop, parallel_iterations=1)
        return drawn.stack(), last, states


def choose(logits: Tensor, uniform: Tensor, choice: Choice) -> Tensor:
    """Choose symbols `[B]` from logits `[B, V]` and numbers in [0, 1) `[B]`, as `draw.choose` does."""
    finite = tf.reduce_all(tf.math.is_finite(logits), -1)
    if choice.temperature == 0:
        return tf.where(finite, tf.argmax(logits, -1, tf.int32), -1)
    cumulated = tf.cumsum(probabilities(logits, choice), axis=-1)
    below = cumulated / cumulated[:, -1:] <= uniform[:, None]
    return tf.where(finite, tf.reduce_sum(tf.cast(below, tf.int32), -1), -1)


def probabilities(logits: Tensor, choice: Choice) -> Tensor:
    """Return the distribution `[B, V]` that symbols are drawn from, in float64; ties at a cut stay in."""
    scaled = tf.cast(logits, tf.float64)
    scaled = (scaled - tf.reduce_max(scaled, -1, keepdims=True)) / choice.divisor
    if choice.top_k is not None and choice.top_k < logits.shape[-1]:
        least = tf.sort(scaled, -1, "DESCENDING")[:, choice.top_k - 1, None]
        scaled = tf.where(scaled >= least, scaled, -np.inf)
    shares = tf.nn.softmax(scaled)
    if choice.share < 1:
        ordered = tf.sort(shares, -1, "DESCENDING")
        stays = tf.cumsum(ordered, -1, exclusive=True) < choice.share  # with the one that passes it
        least = tf.reduce_min(tf.where(stays, ordered, np.inf), -1, keepdims=True)
        shares = tf.where(shares >= least, shares, 0.0)
        shares /= tf.reduce_sum(shares, -1, keepdims=True)
    return shares


def _vocab_size(anatomy: Anatomy) -> int:
    size = anatomy.head.units if anatomy.head is not None else None
    table = anatomy.embedding.input_dim if anatomy.embedding is not None else anatomy.one_hot_size
    if size is None or size != table:
        raise InputError(
            "model: expected one that reads symbols and gives logits of the same symbols (one_hot or embedding, with a "
            "head), received another: a text cannot be drawn from it"
        )
    return int(size)
