"""The programs of one model: many windows in one graph call, traced once for each shape, compiled where the kernel is.

Lanes may be sharded: each core or GPU then computes its lanes' part of a window, and the gradients are added.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import tensorflow as tf
import tf_keras as keras

from lstmzoo.execution.auto import KERNELS
from lstmzoo.execution.kernels import Tensor
from lstmzoo.execution.network import Network, States, losses_of, over_windows, zeros_like

Windows = dict[str, Any]  # arrays [K, ...] by name: x and y [K, T, B], rate [K], weights [K, T, B], masks [K, B, D]


class Programs:
    """Traced functions of (count, windows) that train a model, or of (count, windows, states) that evaluate it.

    `shards`: lanes of each; `devices`: where they are computed, in turn; without several, where TensorFlow computes.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        network: Network,
        states: list[tf.Variable],
        shards: list[int],
        devices: Sequence[str] = (),
    ):
        self.model, self.optimizer, self.network, self.states, self.shards = model, optimizer, network, states, shards
        self.devices = devices[: len(shards)]
        self.compiled = KERNELS[network.kernel].compiled
        self.whole = self.compiled and len(shards) == 1  # the whole program is compiled, with its loop over windows
        self.batch_size, self.dtype = sum(shards), network.dtype
        self.traced: dict[Any, Any] = {}

    def train(self, windows: Windows, carry: bool) -> Any:
        """Return the program that trains on windows of these shapes.

        `carry`: the state is carried from window to window; else each window starts from zero state.
        """
        return self._traced(("train", carry), windows, lambda: self._training(carry))

    def evaluate(self, windows: Windows, states: States) -> Any:
        """Return the program that evaluates windows of these shapes; it changes neither the model nor its states."""
        return self._traced(("evaluate",), windows, self._evaluation, states)

    def _traced(self, key: tuple[Any, ...], windows: Windows, make: Any, states: States | None = None) -> Any:
        """Return `make()` traced for windows of these shapes, for any number of them unless the program is compiled."""
        count = len(windows["x"]) if self.whole else None
        shapes = tuple((name, part.shape[1:]) for name, part in windows.items())
        if (key, shapes, count) not in self.traced:
            signature = {name: tf.TensorSpec([count, *part.shape[1:]], part.dtype) for name, part in windows.items()}
            carried = [] if states is None else [[tf.TensorSpec(state.shape, state.dtype) for state in states]]
            program = tf.function(
                make(),
                input_signature=[tf.TensorSpec([], tf.int32), signature, *carried],
                autograph=False,
                jit_compile=self.whole,
            )
            self.traced[key, shapes, count] = program.get_concrete_function()
        return self.traced[key, shapes, count]

    def _training(self, carry: bool) -> Any:
        variables = self.model.trainable_variables

        def part(states: States, window: Windows, values: list[Tensor]) -> tuple[States, Tensor, list[Tensor]]:
            network, weights = self._given(values)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(weights)
                logits, states = network(window["x"], states, window)
                loss = tf.reduce_mean(losses_of(logits, window["y"])) * (window["y"].shape[1] / self.batch_size)
            return states, loss, [tf.convert_to_tensor(part) for part in tape.gradient(loss, weights)]

        def update(gradients: list[Tensor]) -> None:
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))

        part, update = self._compiled(part), self._compiled(update)

        def step(states: States, window: Windows) -> tuple[States, tuple[Tensor, ...]]:
            if "rate" in window:
                self.optimizer.learning_rate.assign(window.pop("rate"))
            states = states if carry else zeros_like(states)
            ends, losses, gradients = zip(*self._computed(part, states, window), strict=True)
            update([tf.add_n(parts) for parts in zip(*gradients, strict=True)])
            return _joined(ends), (tf.add_n(losses),)

        def train(count: Tensor, windows: Windows) -> Tensor:
            states, (losses,) = over_windows(step, count, windows, [v.value() for v in self.states], [self.dtype])
            for variable, state in zip(self.states, states, strict=True):
                variable.assign(state)
            return losses

        return train

    def _evaluation(self) -> Any:
        def part(states: States, window: Windows, values: list[Tensor]) -> tuple[States, tuple[Tensor, ...]]:
            logits, states = self._given(values)[0](window["x"], states)
            weights, predictions = window["weights"], tf.argmax(logits, -1, tf.int32)
            hits = tf.reduce_sum(weights * tf.cast(predictions == window["y"], weights.dtype))
            return states, (tf.reduce_sum(weights * losses_of(logits, window["y"])), hits, predictions)

        part = self._compiled(part)

        def step(states: States, window: Windows) -> tuple[States, tuple[Tensor, ...]]:
            ends, found = zip(*self._computed(part, states, window), strict=True)
            losses, hits, predictions = zip(*found, strict=True)
            return _joined(ends), (tf.add_n(losses), tf.add_n(hits), tf.concat(predictions, 1))

        def evaluate(count: Tensor, windows: Windows, states: States) -> tuple[list[Tensor], States]:
            states, results = over_windows(step, count, windows, states, [self.dtype, self.dtype, tf.int32])
            return results, states

        return evaluate

    def _compiled(self, function: Any) -> Any:
        """Compile a function where lanes are sharded: each shard has a compiled program, and they run side by side."""
        if not self.compiled or self.whole:
            return function
        return tf.function(function, jit_compile=True, autograph=False)

    def _computed(self, part: Any, states: States, window: Windows) -> Iterator[Any]:
        """Yield `part` of each shard, shard i on device i mod G; variables and sums stay on the first device.

        A compiled part on several devices takes the weights as tensors: XLA reads no variable of another device.
        """
        several = len(self.devices) > 1
        values = [tf.convert_to_tensor(weight) for weight in self.model.weights] if several and self.compiled else []
        for index, shard in enumerate(self._sharded(states, window)):
            with tf.device(self.devices[index % len(self.devices)]) if several else nullcontext():
                found = part(*shard, values)
            yield found

    def _given(self, values: list[Tensor]) -> tuple[Network, list[Tensor]]:
        """Return the network and its trainable weights: of tensors where a part is given some, else of variables."""
        variables = self.model.trainable_variables
        if not values:
            return self.network, variables
        found = dict(zip(map(id, self.model.weights), values, strict=True))
        return self.network.with_values(found), [found[id(variable)] for variable in variables]

    def _sharded(self, states: States, window: Windows) -> Iterator[tuple[States, Windows]]:
        """Yield states and window of each shard: lanes are axis 1 of x, y and weights, axis 0 of states and masks."""
        first = 0
        for size in self.shards:
            lanes = slice(first, first + size)
            along = {"x": (slice(None), lanes), "y": (slice(None), lanes), "weights": (slice(None), lanes)}
            yield (
                [state[lanes] for state in states],
                {name: value[along.get(name, lanes)] for name, value in window.items()},
            )
            first += size


def _joined(shards: Iterable[States]) -> States:
    """Join the states of the shards to those of all lanes."""
    return [tf.concat(parts, 0) for parts in zip(*shards, strict=True)]
