"""The weights of a C header: counts are padded to fours with zeros, and matrices stand in the order of the loops.

They stand in panels of 16 sums, and in a panel by input, so that compilers keep the sums of a panel in registers. Int8
stands there by fours of inputs, and each sum has a scale. NumPy only.
"""

from typing import NamedTuple

import numpy as np

from lstmzoo.models.blueprint import Blueprint, HeadWeights, LayerWeights

FOUR, PANEL, MOST = 4, 16, 127


class Rows(NamedTuple):
    """A matrix of int8: `numbers` `[rows, columns]`, times `scales` `[rows]` of float32."""

    numbers: np.ndarray
    scales: np.ndarray

    def floats(self) -> np.ndarray:
        """Return what they stand for, `[rows, columns]`."""
        return self.numbers * self.scales[:, None]


def padded(count: int, to: int = FOUR) -> int:
    """Return the next multiple: `padded(5)` is 8."""
    return -(-count // to) * to


def rounded(matrix: np.ndarray) -> Rows:
    """Round a matrix `[rows, columns]` to int8, each row by its largest number."""
    scales = (np.abs(matrix).max(1) / MOST).astype(np.float32)
    divisors = np.where(scales > 0, scales, 1)[:, None]
    return Rows(np.clip(np.rint(matrix / divisors), -MOST, MOST).astype(np.int8), scales)


def panels(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix `[inputs, sums]` in panels: `[sums / 16, inputs, 16]`."""
    inputs, sums = matrix.shape
    return np.ascontiguousarray(matrix.reshape(inputs, sums // PANEL, PANEL).swapaxes(0, 1))


def panels_of_fours(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix `[inputs, sums]` in panels by fours: `[sums / 16, inputs / 4, 16, 4]`.

    The weights of four inputs a, b, c, d stand as a, c, b, d, which two shifts part into the pairs a, b and c, d.
    """
    inputs, sums = matrix.shape
    fours = matrix.reshape(inputs // FOUR, FOUR, sums // PANEL, PANEL)[:, [0, 2, 1, 3]]
    return np.ascontiguousarray(fours.transpose(2, 0, 3, 1))


def by_gate(array: np.ndarray) -> np.ndarray:
    """Return `[..., 4H]` with zeros as `[..., 4H']`, H' being H in fours, each gate for itself."""
    units = array.shape[-1] // 4
    return widened(array.reshape(*array.shape[:-1], 4, units), padded(units)).reshape(*array.shape[:-1], -1)


def widened(array: np.ndarray, size: int, axis: int = -1) -> np.ndarray:
    """Add zeros behind an axis, up to a size."""
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, size - array.shape[axis])
    return np.pad(array, widths)


def in_fours(matrix: np.ndarray) -> np.ndarray:
    """Add rows of zeros until they are a multiple of four."""
    return widened(matrix, padded(len(matrix)), 0)


def from_states(layer: LayerWeights, is_first: bool) -> np.ndarray:
    """Return the matrix `[inputs, 4H']` by states: h of the layer below (above the first one), then its own."""
    own = in_fours(by_gate(layer.recurrent_kernel))
    return own if is_first else np.concatenate([in_fours(by_gate(layer.kernel)), own])


def head(weights: HeadWeights) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel `[H', V']` and bias `[V']` of the head, V' being V in sixteens."""
    size = padded(weights.bias.size, PANEL)
    return in_fours(widened(weights.kernel, size)), widened(weights.bias, size)


def with_int8(blueprint: Blueprint) -> Blueprint:
    """Return a model with the numbers that a header of int8 stands for: all but the biases rounded as there."""
    weights = blueprint.weights
    (first, *rest), (kernel, bias) = weights.layers, weights.head  # type: ignore[misc]
    by_symbol = blueprint.encoding == "one_hot"
    changed = first._replace(
        kernel=rounded(first.kernel).floats() if by_symbol else _by_sum(first.kernel),
        recurrent_kernel=_by_sum(first.recurrent_kernel),
    )
    layers = (changed, *map(_rounded_layer, rest))
    table = None if weights.embedding is None else rounded(weights.embedding).floats()
    skip = None if weights.skip is None else _by_sum(weights.skip)
    changed_head = HeadWeights(_by_sum(kernel), bias)
    return blueprint._replace(weights=weights._replace(layers=layers, head=changed_head, embedding=table, skip=skip))


def _rounded_layer(layer: LayerWeights) -> LayerWeights:
    both = _by_sum(np.concatenate([layer.kernel, layer.recurrent_kernel]))
    kernel, recurrent_kernel = np.split(both, [len(layer.kernel)])
    return LayerWeights(kernel, recurrent_kernel, layer.bias)


def _by_sum(matrix: np.ndarray) -> np.ndarray:
    return rounded(matrix.T).floats().T
