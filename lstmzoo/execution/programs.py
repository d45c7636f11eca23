"""The programs of one model: many windows in one graph call, traced once for each shape, compiled where the kernel is.

Lanes may be sharded: each core, GPU and worker then computes some lanes' part of a window; the gradients are added.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import tensorflow as tf
import tf_keras as keras

from lstmzoo.execution.auto import KERNELS
from lstmzoo.execution.network import Network, States, over_windows, zeros_like
from lstmzoo.execution.products import Tensor
from lstmzoo.execution.shards import Shards, Windows, joined
from lstmzoo.tasks.losses import OF_NUMBERS
from lstmzoo.tasks.losses_tf import losses_of

REWRITING = "arithmetic_optimization"


class Programs:
    """Traced functions of (count, windows) that train a model, or of (count, windows, states) that evaluate it.

    `devices`: where they are computed, in turn; without several, where TensorFlow computes.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        network: Network,
        states: list[tf.Variable],
        shards: Shards,
        loss: str,
        devices: Sequence[str] = (),
        averages: Sequence[tf.Variable] = (),
    ):
        self.model, self.optimizer, self.network, self.states, self.shards = model, optimizer, network, states, shards
        self.loss, self.devices, self.averages = loss, devices[: len(shards.sizes)], averages
        self.compiled = KERNELS[network.kernel].compiled
        self.whole = self.compiled and len(shards.every) == 1  # the program, with its loop over windows
        self.batch_size, self.dtype = sum(shards.every), network.dtype
        self.traced: dict[Any, Any] = {}

    def train(self, windows: Windows, carry: bool) -> Any:
        """Return the program that trains on windows of these shapes.

        `carry`: the state is carried from window to window; else each window starts from zero state.
        """
        return self._traced(("train", carry), windows, lambda: self._training(carry))

    def evaluate(self, windows: Windows, states: States) -> Any:
        """Return the program that evaluates windows of these shapes; it changes neither the model nor its states."""
        return self._traced(("evaluate",), windows, self._evaluation, states)

    @contextmanager
    def as_written(self) -> Iterator[None]:
        """Let TensorFlow rewrite no sum and no product of these programs, where lanes are sharded.

        It would draw a factor out of a sum of shards, and numbers would depend on who computes which of them.
        """
        if len(self.shards.every) == 1:
            yield
            return
        before = tf.config.optimizer.get_experimental_options().get(REWRITING, True)
        tf.config.optimizer.set_experimental_options({REWRITING: False})
        try:
            yield
        finally:
            tf.config.optimizer.set_experimental_options({REWRITING: before})

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
                loss = self._loss(logits, window)
            return states, loss, [tf.convert_to_tensor(part) for part in tape.gradient(loss, weights)]

        def update(gradients: list[Tensor], share: Tensor | None) -> None:
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
            if share is not None:
                self._average(share)

        part, update = self._compiled(part), self._compiled(update)

        def step(states: States, window: Windows) -> tuple[States, tuple[Tensor, ...]]:
            if "rate" in window:
                self.optimizer.learning_rate.assign(window.pop("rate"))
            share = window.pop("share", None)
            states = _reset(states if carry else zeros_like(states), window)
            ends, losses, gradients = zip(*self._computed(part, states, window), strict=True)
            *total, loss = self.shards.added([[*parts, loss] for parts, loss in zip(gradients, losses, strict=True)])
            update(total, share)
            return joined(ends), (loss,)

        def train(count: Tensor, windows: Windows) -> Tensor:
            before = [variable.value() for variable in self.states]
            states, (losses,) = over_windows(step, count, windows, self.shards.own(before), [self.dtype])
            for variable, state, other in zip(self.states, states, before, strict=True):
                variable.assign(self.shards.placed(state, other))
            return losses

        return train

    def _average(self, share: Tensor) -> None:
        """Let the weights take their share in the averages; with share 1 these are the weights, to the bit."""
        for average, weight in zip(self.averages, self.model.weights, strict=True):
            average.assign((1 - share) * average + share * weight)

    def _loss(self, outputs: Tensor, window: Windows) -> Tensor:
        """Compute the part of a window's mean loss that these lanes have; weights are shares of the whole window."""
        losses = losses_of(self.loss, outputs, window["y"], window.get("weights"))
        if "weights" in window:
            return tf.reduce_sum(losses)
        return tf.reduce_mean(losses) * (window["y"].shape[1] / self.batch_size)

    def _evaluation(self) -> Any:
        def part(states: States, window: Windows, values: list[Tensor]) -> tuple[States, tuple[Tensor, ...]]:
            outputs, states = self._given(values)[0](window["x"], states)
            return states, (outputs,) if numbers else self._scored(outputs, window)

        part, numbers = self._compiled(part), self.loss in OF_NUMBERS

        def step(states: States, window: Windows) -> tuple[States, tuple[Tensor, ...]]:
            ends, found = zip(*self._computed(part, _reset(states, window), window), strict=True)
            *sums, predictions = zip(*self.shards.results_of_all(found, self.dtype), strict=True)
            return joined(ends), (*map(tf.add_n, sums), tf.concat(predictions, 1))

        def evaluate(count: Tensor, windows: Windows, states: States) -> tuple[list[Tensor], States]:
            types = [self.dtype] if numbers else [self.dtype, self.dtype, tf.int32]
            ends, results = over_windows(step, count, windows, self.shards.own(states), types)
            return results, [self.shards.placed(end, state) for end, state in zip(ends, states, strict=True)]

        return evaluate

    def _scored(self, logits: Tensor, window: Windows) -> tuple[Tensor, ...]:
        """Return the weighted sums of losses and of right predictions, and the likeliest symbols `[T, lanes]`."""
        weights, predictions = window["weights"], tf.argmax(logits, -1, tf.int32)
        hits = tf.reduce_sum(weights * tf.cast(predictions == window["y"], weights.dtype))
        return tf.reduce_sum(losses_of(self.loss, logits, window["y"], weights)), hits, predictions

    def gather_states(self) -> None:
        """Set the model's states of all lanes to what the workers have of them."""
        for index, variable in enumerate(self.states):
            variable.assign(self.shards.lanes_of_all(variable.value(), index))

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
        for index, shard in enumerate(self.shards.cut(states, window)):
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


def _reset(states: States, window: Windows) -> States:
    """Return the states with zeros in the lanes that a window resets, if it says of any; `window` loses the entry."""
    if "resets" not in window:
        return states
    resets = window.pop("resets")[:, None]
    return [tf.where(resets, tf.zeros_like(state), state) for state in states]
