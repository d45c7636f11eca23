"""A model in NumPy alone: nothing to compile, and an independent check of every other runtime.

    i, f, o = sigmoid(x W + h U + b)    g = tanh(x W + h U + b)    c' = f c + i g    h' = o tanh(c')

with gates in Keras's order i, f, c (= g), o. As sigmoid(z) = (1 + tanh(z / 2)) / 2, one call of tanh serves all four.
"""

from collections.abc import Callable, Sequence

import numpy as np

from lstmzoo.errors import InputError
from lstmzoo.models.blueprint import Blueprint, LayerWeights
from lstmzoo.models.signature import Signature, StateArrays, signature_of

Gates = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class NumpyRunner:
    """The model of a blueprint, in the type of its weights. It holds no state: the states come out, and go in again."""

    def __init__(self, blueprint: Blueprint):
        self.signature, self.weights = signature_of(blueprint), blueprint.weights
        self.skip_outputs = blueprint.spec.skip_outputs
        self.gates = [_GATES[blueprint.spec.recurrent_activation](layer) for layer in blueprint.weights.layers]

    @np.errstate(over="ignore", invalid="ignore")  # who samples or scores refuses what is not finite
    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Return logits `[B, T, V]` and the states h0, c0, h1, ... `[B, H]` after the window, from those before it.

        `x`: ids `[B, T]`, or features `[B, T, D]`, of which a model of numbers gives outputs `[B, T, M]`: scaled ones
        of scaled ones, as it was trained. Raises `InputError` for ids that are no symbols and for other shapes.
        """
        _check(self.signature, x, states)
        inputs = np.swapaxes(x, 0, 1)
        below, hidden, final = inputs, list[np.ndarray](), list[np.ndarray]()
        for layer in range(len(self.gates)):
            below, *state = self.unroll(layer, self.sums(layer, below), *states[2 * layer : 2 * layer + 2])
            hidden.append(below)
            final += state
        return np.swapaxes(self.outputs(inputs, hidden), 0, 1), final

    def unroll(
        self, layer: int, sums: np.ndarray, h: np.ndarray, c: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return h of a layer at each step `[T, B, H]`, and the last h and c `[B, H]`; `sums`: `x W + b`."""
        return _unroll(sums, self.weights.layers[layer].recurrent_kernel, self.gates[layer], h, c)

    def sums(self, layer: int, below: np.ndarray) -> np.ndarray:
        """Return `x W + b` of a layer, `[T, B, 4H]`; `below`: the model's inputs, or h of the layer below."""
        weights = self.weights.layers[layer]
        return (below @ weights.kernel if layer else self._first_sums(below)) + weights.bias

    def outputs(self, x: np.ndarray, hidden: Sequence[np.ndarray]) -> np.ndarray:
        """Return logits `[T, B, V]` or numbers `[T, B, M]`, of h of each layer `[T, B, H]` from the input up."""
        kernel, bias = self.weights.head  # type: ignore[misc]
        seen = sum(hidden[1:], hidden[0]) if self.skip_outputs else hidden[-1]
        found, skip = seen @ kernel + bias, self.weights.skip
        return found if skip is None else found + x.astype(skip.dtype, copy=False) @ skip

    def _first_sums(self, x: np.ndarray) -> np.ndarray:
        """Return `x W` of the first layer, `[T, B, 4H]`; for one-hot symbols these are rows of W."""
        kernel, encoding = self.weights.layers[0].kernel, self.signature.encoding
        if encoding == "one_hot":
            return _rows(kernel, x)
        if encoding == "embedding":
            return _rows(self.weights.embedding, x) @ kernel  # type: ignore[arg-type]
        return (x[..., None] if encoding == "scalar" else x).astype(kernel.dtype) @ kernel


def _check(signature: Signature, x: np.ndarray, states: Sequence[np.ndarray]) -> None:
    """Raise `InputError` for other shapes and types: NumPy would take one lane for many, and cut numbers to ids."""
    features = signature.encoding == "features"
    kind = f"floats [B, T, {signature.input_dim}]" if features else "integers [B, T]"
    fits = x.shape[2:] == ((signature.input_dim,) if features else ())
    if x.ndim < 2 or not fits or x.dtype.kind not in ("iuf" if features else "iu"):
        raise InputError(f"{signature.input_name}: expected {kind}, received {x.dtype} {list(x.shape)}")
    received = [state.shape for state in states]
    expected = [(len(x), units) for units in signature.state_sizes]
    if received != expected:
        raise InputError(f"states: expected {signature.state_names} of shapes {expected}, received {received}")


def _unroll(
    sums: np.ndarray, recurrent_kernel: np.ndarray, gates: Gates, h: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outputs `[T, B, H]` and the last h and c `[B, H]`, from `x W + b` of all steps, `sums` `[T, B, 4H]`."""
    size = recurrent_kernel.shape[0]
    hs = np.empty((*sums.shape[:2], size), sums.dtype)
    for t, by_x in enumerate(sums):
        opened, candidate = gates(by_x + h @ recurrent_kernel)
        c = opened[:, size : 2 * size] * c + opened[:, :size] * candidate
        h = hs[t] = opened[:, 3 * size :] * np.tanh(c)
    return hs, h, c


def _sigmoid(layer: LayerWeights) -> Gates:
    half = np.full(4 * layer.units, 0.5, layer.bias.dtype)
    candidate = slice(2 * layer.units, 3 * layer.units)
    half[candidate] = 1

    def gates(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z *= half
        np.tanh(z, out=z)
        return 0.5 * z + 0.5, z[:, candidate]

    return gates


def _hard_sigmoid(layer: LayerWeights) -> Gates:
    candidate = slice(2 * layer.units, 3 * layer.units)
    return lambda z: (np.clip(0.2 * z + 0.5, 0, 1), np.tanh(z[:, candidate]))


def _rows(table: np.ndarray, ids: np.ndarray) -> np.ndarray:
    if ids.size and not 0 <= ids.min() <= ids.max() < len(table):
        raise InputError(f"ids: expected integers from 0 to {len(table) - 1}, received {ids.min()} to {ids.max()}")
    return np.take(table, ids.astype(np.intp), axis=0)


_GATES = {"sigmoid": _sigmoid, "hard_sigmoid": _hard_sigmoid}
