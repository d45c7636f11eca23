"""The graph of TensorFlow that a SavedModel and a TFLite file hold: any batch size and length, state in and out."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from lstmzoo.execution.network import Network
from lstmzoo.execution.products import Tensor
from lstmzoo.export.units import Units
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.signature import Signature

BLOCK = 32  # steps at least: each step copies the logits of its block, and each block copies all logits so far


class Stream(tf.Module):
    """A model as one function by name: `ids` and `h0`, `c0`, ... to `logits` and `h0`, `c0`, ...

    With units it takes and gives numbers in the units of the data.
    """

    def __init__(self, model: keras.Model, signature: Signature, units: tuple[Units, Units] | None):
        super().__init__()
        self.units = units
        self.signature, self.network = signature, Network(dissect(model), "scan")
        self.kept = model.trainable_variables  # TensorFlow saves the variables that are a module's attributes
        self.call = tf.function(self._call, autograph=False).get_concrete_function(**self._specs())

    def _specs(self) -> dict[str, tf.TensorSpec]:
        signature = self.signature
        features = signature.encoding == "features"
        shape, dtype = ([None, None, signature.input_dim], tf.float32) if features else ([None, None], tf.int32)
        specs = {signature.input_name: tf.TensorSpec(shape, dtype, signature.input_name)}
        for name, units in zip(signature.state_names, signature.state_sizes, strict=True):
            specs[name] = tf.TensorSpec([None, units], tf.float32, name)
        return specs

    def _call(self, **given: Tensor) -> dict[str, Tensor]:
        names = self.signature.state_names
        x = given[self.signature.input_name]
        x = tf.cast(x, tf.float32) if self.signature.encoding == "scalar" else self._scaled(x)
        by_time = tf.transpose(x, [1, 0, *range(2, len(x.shape))])
        logits, states = self._unroll(by_time, [given[name] for name in names])
        found = self._unscaled(tf.transpose(logits, [1, 0, 2]))
        return {self.signature.output_name: found, **dict(zip(names, states, strict=True))}

    def _scaled(self, x: Tensor) -> Tensor:
        if self.units is None:
            return x
        center, factor, rest = self.units[0].into_model()
        return (x - center) * factor - rest

    def _unscaled(self, outputs: Tensor) -> Tensor:
        if self.units is None:
            return outputs
        factor, offset = self.units[1].out_of_model()
        return outputs * factor + offset

    def _unroll(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Run one block of steps after another: the cost of a step grows with the root of T at most."""
        length = tf.shape(x)[0]
        block = tf.maximum(BLOCK, tf.cast(tf.sqrt(tf.cast(length, tf.float32)), tf.int32))

        def body(first: Tensor, states: list[Tensor], logits: Tensor) -> Any:
            added, states = self._block(x[first : first + block], states)
            return first + block, states, tf.concat([logits, added], 0)

        loop = (0, states, tf.zeros([0, tf.shape(x)[1], self.signature.output_dim]))
        _, states, logits = tf.while_loop(lambda first, *_: first < length, body, loop, self._shapes())
        return logits, states

    def _block(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Run one block step by step; the logits fill a tensor, since TFLite has no lists of tensors of any size."""
        length = tf.shape(x)[0]
        places = tf.range(length)[:, None, None]

        def body(t: Tensor, states: list[Tensor], logits: Tensor) -> Any:
            of_step, states = self.network.step(x[t], states)
            return t + 1, states, tf.where(places == t, of_step, logits)

        loop = (0, states, tf.zeros([length, tf.shape(x)[1], self.signature.output_dim]))
        _, states, logits = tf.while_loop(lambda t, *_: t < length, body, loop, self._shapes())
        return logits, states

    def _shapes(self) -> Any:
        states = [tf.TensorShape([None, units]) for units in self.signature.state_sizes]
        return tf.TensorShape([]), states, tf.TensorShape([None, None, self.signature.output_dim])
