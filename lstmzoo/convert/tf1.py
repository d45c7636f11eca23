"""Conversion of TensorFlow 1's `BasicLSTMCell`, `MultiRNNCell`, and `LSTMCell` without peepholes.

All compute the same. For each layer there are a kernel `[D + H, 4H]`, with the input's rows above the state's, and a
bias `[4H]`; gates i, j (the candidate), f, o. `forget_bias`, 1 by default, is added to f at run time, so it is not in
the variable.
(Source: `tensorflow/python/ops/rnn_cell_impl.py` of TensorFlow 1.15.)
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lstmzoo.convert.arrays import floats, require_shape
from lstmzoo.convert.tf1_names import forget_bias_of, sort_variables
from lstmzoo.errors import InputError, shown
from lstmzoo.models.blueprint import HeadWeights, LayerWeights, Weights, draw_up

if TYPE_CHECKING:
    import tf_keras as keras


def from_tf1(
    cells: Mapping[str, Any] | Sequence[tuple[Any, Any]],
    head: tuple[Any, Any] | None = None,
    *,
    embedding: Any = None,
    forget_bias: float | None = None,
    batch_size: int = 1,
    kind: str | None = None,
    encoding: str | None = None,
    dropout: float = 0.0,
) -> "keras.Model":
    """Build a stateful model with the weights of a TensorFlow 1 program; its logits are the program's before softmax.

    `cells`: (kernel `[D + H, 4H]`, bias `[4H]`) of each layer, from the input up; `head`: (weights `[H, V]`, bias
    `[V]`); `embedding`: `[V, D]`. Or `cells` alone: all variables of a checkpoint by name, which are recognized by
    their names, those of TensorFlow 0.x too (optimizer slots and scalars are ignored)::

        reader = tf.train.load_checkpoint("model.ckpt")
        from_tf1({name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()})

    `encoding`: default "embedding" with an embedding, else "features"; "one_hot" (D = V) and "scalar" (D = 1) are
    possible too. `kind`: default single, or stacked_layers for several layers. `forget_bias`: that of the program's
    cells; by default 1, or 0 for variables of CudnnCompatibleLSTMCell (the canonical ones of CudnnLSTM). Variables
    cannot tell everything, so this is assumed: activation tanh, no wrapper around a cell (residual, highway,
    attention), each cell used once; where one cell is used n times, pass `[(kernel, bias)] * n`. TF1's state tuple is
    (c, h); ours is (h, c). Any type becomes float32.
    Raises `InputError` for a wrong shape (layer, expected, received), numbers that are not finite, variables that
    are not part of such a model, and an encoding that does not fit.
    """
    from lstmzoo.models.rebuild import build

    if isinstance(cells, Mapping):
        if head is not None or embedding is not None:
            raise InputError(
                "head and embedding: expected None with a mapping of variables, received others: add them to the "
                "mapping"
            )
        forget_bias = forget_bias_of(cells) if forget_bias is None else forget_bias
        cells, head, embedding = sort_variables(cells)
    forget_bias = 1.0 if forget_bias is None else forget_bias
    if (
        isinstance(forget_bias, bool)
        or not isinstance(forget_bias, int | float | np.floating)
        or not math.isfinite(forget_bias)
    ):
        raise InputError(f"forget_bias: expected a finite number, received {shown(forget_bias)}")
    layers = _layers(_pairs(cells), forget_bias)
    weights = Weights(layers, _head(head, layers[-1].units), _table(embedding))
    encoding = encoding or ("features" if embedding is None else "embedding")
    return build(draw_up(weights, encoding, kind=kind, dropout=dropout, batch_size=batch_size))


def _pairs(cells: Any) -> list[tuple[Any, Any]]:
    pairs = list(cells) if isinstance(cells, Sequence) else []
    if not pairs or any(not isinstance(pair, Sequence) or len(pair) != 2 for pair in pairs):
        raise InputError(
            f"cells: expected a list of (kernel, bias), one for each layer, or a mapping of variables by name, "
            f"received {shown(cells)}"
        )
    return pairs


def _layers(pairs: list[tuple[Any, Any]], forget_bias: float) -> tuple[LayerWeights, ...]:
    layers: list[LayerWeights] = []
    for index, (kernel, bias) in enumerate(pairs):
        below = layers[-1].units if layers else None
        layers.append(_layer(index, floats(kernel, f"layer {index}, kernel"), bias, below, forget_bias))
    return tuple(layers)


def _layer(index: int, kernel: np.ndarray, bias: Any, below: int | None, forget_bias: float) -> LayerWeights:
    """Return one cell in Keras's layout: gates i, f, c, o, and the forget bias added to the bias."""
    require_shape(kernel, ["D + H", "4H"], f"layer {index}, kernel")
    units, rest = divmod(kernel.shape[1], 4)
    if rest or not units or kernel.shape[0] <= units:
        raise InputError(f"layer {index}, kernel: expected shape [D + H, 4H], received {list(kernel.shape)}")
    if below is not None:
        require_shape(kernel, [below + units, 4 * units], f"layer {index}, kernel")
    bias = floats(bias, f"layer {index}, bias")
    require_shape(bias, [4 * units], f"layer {index}, bias")
    kernel, bias = _reordered(kernel), _reordered(bias)
    bias[units : 2 * units] += np.float32(forget_bias)
    return LayerWeights(kernel[:-units].copy(), kernel[-units:].copy(), bias)


def _reordered(gates: np.ndarray) -> np.ndarray:
    """Reorder gates i, j, f, o along the last axis to i, f, j, o."""
    i, j, f, o = np.split(gates, 4, axis=-1)
    return np.concatenate([i, f, j, o], axis=-1)


def _head(head: Any, units: int) -> HeadWeights | None:
    if head is None:
        return None
    if not isinstance(head, Sequence) or len(head) != 2:
        raise InputError(f"head: expected (weights, bias), received {shown(head)}")
    kernel, bias = floats(head[0], "head, weights"), floats(head[1], "head, bias")
    require_shape(kernel, [units, "V"], "head, weights")
    require_shape(bias, [kernel.shape[1]], "head, bias")
    return HeadWeights(kernel, bias)


def _table(embedding: Any) -> np.ndarray | None:
    if embedding is None:
        return None
    table = floats(embedding, "embedding")
    require_shape(table, ["V", "D"], "embedding")
    return table
