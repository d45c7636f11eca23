"""The network as a function with explicit state: one window `(x, states) -> (logits, states)`."""

from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import tensorflow as tf
import tf_keras as keras

from lstmzoo.execution.dropout import places_of
from lstmzoo.execution.kernels import LAYERS, cell_step
from lstmzoo.execution.products import Tensor, rows
from lstmzoo.models.anatomy import Anatomy

States = list[Tensor]  # h, c, h, c, ... from the input up, each [B, H]
NONE: Mapping[str, Tensor] = MappingProxyType({})


class Network:
    """The cells, embedding and head of a model, run by one kernel; it does not depend on the kind of the model."""

    def __init__(self, anatomy: Anatomy, kernel: str):
        self.anatomy, self.kernel = anatomy, kernel
        self.dtype = anatomy.cells[0].kernel.dtype
        self.layers = [LAYERS[kernel](cell) for cell in anatomy.cells]
        self.steps = [cell_step(cell) for cell in anatomy.cells]
        self.rates = {place.name: place.rate for place in places_of(anatomy)}

    def __call__(self, x: Tensor, states: States, masks: Mapping[str, Tensor] = NONE) -> tuple[Tensor, States]:
        """Compute logits `[T, B, V]` and final states of a window `[T, B]` from given states.

        Of features `[T, B, D]` a model of numbers computes outputs `[T, B, M]`.
        `masks`: the values that stay in this training step, `[B, D]`, by the name of their place; without one all stay.
        """
        inputs, outputs, final = self._encoded(x), [], []
        x = inputs
        for index, layer in enumerate(self.layers):
            x = self._dropped(x, f"in front of {index}", masks)
            x, *state = layer(x, states[2 * index], states[2 * index + 1], self._factors(f"h of {index}", masks))
            outputs.append(x)
            final += state
        x = self._dropped(self._seen(outputs), f"in front of {len(self.layers)}", masks)
        head, skip = cast(Any, self.anatomy.head), self.anatomy.skip
        found = rows(x, tf.convert_to_tensor(head.kernel)) + head.bias
        return (found if skip is None else found + rows(inputs, tf.convert_to_tensor(skip.kernel))), final

    def with_values(self, values: dict[int, Tensor]) -> "Network":
        """Return this network with tensors in place of its variables; `values`: the tensor of each variable's `id`."""

        def held(part: Any) -> Any:
            if not isinstance(part, keras.layers.Layer):
                return part
            return SimpleNamespace(**{name: values.get(id(value), value) for name, value in vars(part).items()})

        return Network(Anatomy(*(tf.nest.map_structure(held, part) for part in self.anatomy)), self.kernel)

    def zero(self, batch_size: int) -> States:
        """Return the zero state of B lanes: h and c of each layer, `[B, H]`."""
        return [tf.zeros([batch_size, cell.units], cell.kernel.dtype) for cell in self.anatomy.cells for _ in range(2)]

    def step(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Compute logits `[B, V]` and next states of one symbol in each lane `[B]`, as a sampler needs them.

        Of features `[B, D]` it computes numbers `[B, M]`.
        """
        inputs, outputs, final = self._encoded(x), [], []
        x = inputs
        for index, step in enumerate(self.steps):
            x, *state = step(x, states[2 * index], states[2 * index + 1])
            outputs.append(x)
            final += state
        x = self._seen(outputs)
        head, skip = cast(Any, self.anatomy.head), self.anatomy.skip
        found = tf.matmul(x, head.kernel) + head.bias
        return (found if skip is None else found + tf.matmul(inputs, skip.kernel)), final

    def _seen(self, outputs: list[Tensor]) -> Tensor:
        """Return what the head sees of the outputs of all layers."""
        return sum(outputs[1:], outputs[0]) if self.anatomy.skip_outputs else outputs[-1]

    def _dropped(self, x: Tensor, name: str, masks: Mapping[str, Tensor]) -> Tensor:
        """Return what a mask leaves of inputs `[T, B, D]`; one-hot symbols `[T, B]` become features for it."""
        factors = self._factors(name, masks)
        if factors is None:
            return x
        return (tf.one_hot(x, self.anatomy.one_hot_size, dtype=self.dtype) if x.dtype.is_integer else x) * factors

    def _factors(self, name: str, masks: Mapping[str, Tensor]) -> Tensor | None:
        """Return a mask as factors `[B, D]`: 0, or 1 / (1 - rate) for values that stay; None where there is none."""
        return tf.cast(masks[name], self.dtype) / (1 - self.rates[name]) if name in masks else None

    def _encoded(self, x: Tensor) -> Tensor:
        """Encode inputs as features `[..., D]`; one-hot symbols stay symbols, whose rows a kernel looks up."""
        if self.anatomy.encoding == "features":
            return x
        if self.anatomy.embedding is not None:
            return tf.gather(self.anatomy.embedding.embeddings, x)
        return x if self.anatomy.one_hot_size else x[..., None]


def zeros_like(states: States) -> States:
    """Return zero states of the same shapes."""
    return [tf.zeros_like(state) for state in states]


def over_windows(
    step: Any, count: Tensor, windows: dict[str, Any], states: States, results: list[Any]
) -> tuple[States, list[Tensor]]:
    """Run `step(states, window)` over `count` windows in the graph; return the final states and each result stacked.

    `results`: the types of what a step returns beside the states.
    """
    arrays = [tf.TensorArray(dtype, tf.shape(windows["x"])[0]) for dtype in results]

    def body(k: Tensor, states: States, arrays: Any) -> Any:
        states, found = step(states, tf.nest.map_structure(lambda part: part[k], windows))
        return k + 1, states, [array.write(k, value) for array, value in zip(arrays, found, strict=True)]

    _, states, arrays = tf.while_loop(lambda k, *_: k < count, body, (0, states, arrays), parallel_iterations=1)
    return states, [array.stack() for array in arrays]
