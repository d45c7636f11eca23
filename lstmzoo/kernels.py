"""Kernels: the ways to run one LSTM layer over a window. One mathematics; each has its row in `tests/test_kernels.py`.

A kernel takes `x [T, B, D]` (time first), the initial state `h, c [B, H]` and a cell, and gives `(hs [T, B, H], h, c)`,
the outputs and the final state:

    i, f, o = sigmoid(x W + h U + b)    g = tanh(x W + h U + b)    c' = f c + i g    h' = o tanh(c')

with gates in Keras's order i, f, c (= g), o. Gradients do not pass through the initial state (truncated BPTT).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.errors import InputError

Tensor = Any
Layer = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def keras_layer(cell: keras.layers.LSTMCell) -> Layer:
    """Keras's own LSTM layer around the cell: the reference, and cuDNN on a GPU."""
    config = {"units": cell.units, "recurrent_activation": cell.recurrent_activation}
    twin = keras.layers.LSTM(**config, return_sequences=True, return_state=True, time_major=True)
    twin.cell = cell

    def run(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hs, h, c = twin(x, initial_state=[h, c])
        return hs, h, c

    return run


def block_layer(cell: keras.layers.LSTMCell) -> Layer:
    """TensorFlow's fused `BlockLSTMV2`, all T steps in one op: the least overhead for small nets on a CPU.

    The gradient that TensorFlow registers for `BlockLSTMV2` is the first version's, whose gates lie i, c, f, o: it
    mixes up the gradients of f and c (seen in 2.21). Here it is called with the columns in its own order.
    """
    if sigmoid_of(cell) != "sigmoid" or cell.kernel.dtype != tf.float32:
        raise InputError(
            "kernel block: expected recurrent_activation sigmoid and float32 weights, received "
            f"{sigmoid_of(cell)} and {cell.kernel.dtype.name}: choose kernel scan or keras"
        )
    units = cell.units
    swapped = np.concatenate([np.arange(n * units, (n + 1) * units) for n in (0, 2, 1, 3)]).astype(np.int32)

    def run(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights = tf.concat([cell.kernel, cell.recurrent_kernel], 0)
        hs, cs = _block(x, h, c, weights, tf.convert_to_tensor(cell.bias), swapped)
        return hs, hs[-1], cs[-1]

    return run


def _block(
    x: Tensor, h: Tensor, c: Tensor, weights: Tensor, bias: Tensor, swapped: np.ndarray
) -> tuple[Tensor, Tensor]:
    no_peephole = tf.zeros_like(bias[: h.shape[-1]])
    common = {"seq_len_max": tf.shape(x, tf.int64)[0], "x": x, "cs_prev": c, "h_prev": h, "use_peephole": False}
    common |= dict.fromkeys(["wci", "wcf", "wco"], no_peephole)

    @tf.custom_gradient
    def layer(x: Tensor, weights: Tensor, bias: Tensor) -> Any:
        out = tf.raw_ops.BlockLSTMV2(w=weights, b=bias, cell_clip=0.0, **common)

        def gradient(dhs: Tensor, dcs: Tensor) -> tuple[Tensor, ...]:
            saved = {"i": out.i, "cs": out.cs, "f": out.f, "o": out.o, "ci": out.ci, "co": out.co, "h": out.h}
            into = tf.raw_ops.BlockLSTMGrad(
                w=tf.gather(weights, swapped, axis=1), b=bias, cs_grad=dcs, h_grad=dhs, **saved, **common
            )
            return into.x_grad, tf.gather(into.w_grad, swapped, axis=1), tf.gather(into.b_grad, swapped)

        return (out.h, out.cs), gradient

    return layer(x, weights, bias)


def scan_layer(cell: keras.layers.LSTMCell) -> Layer:
    """A loop over time with a hand-written gradient for the whole sequence (Appleyard et al. 2016, section 3).

    The input product of all T steps is one matrix product before the loop, the weight gradients are one each after it;
    the loops keep only the product with U (forward) and its transpose (backward) and the gates.
    """
    gate, slope = _GATES[sigmoid_of(cell)]

    def run(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        w, u, b = (tf.convert_to_tensor(v) for v in (cell.kernel, cell.recurrent_kernel, cell.bias))
        hs, c = _scan(x, h, c, w, u, b, gate, slope)
        return hs, hs[-1], c

    return run


def _scan(x: Tensor, h0: Tensor, c0: Tensor, w: Tensor, u: Tensor, b: Tensor, gate: Any, slope: Any) -> Any:
    @tf.custom_gradient
    def layer(x: Tensor, w: Tensor, u: Tensor, b: Tensor) -> Any:
        hs, cs, gates = _scan_forward(rows(x, w) + b, u, h0, c0, gate)

        def gradient(dhs: Tensor, dc: Tensor) -> tuple[Tensor, ...]:
            dz = _scan_backward(gates, [c0, *cs], u, dhs, dc, slope)
            flat = tf.reshape(dz, [-1, dz.shape[-1]])
            before = tf.concat([h0[None], hs[:-1]], 0)
            return rows(dz, tf.transpose(w)), columns(x, flat), columns(before, flat), tf.reduce_sum(flat, 0)

        return (hs, cs[-1]), gradient

    return layer(x, w, u, b)


def _scan_forward(z: Tensor, u: Tensor, h: Tensor, c: Tensor, gate: Any) -> tuple[Tensor, list[Tensor], list[Any]]:
    hs, cs, gates = [], [], []
    for z_t in tf.unstack(z):
        zi, zf, zg, zo = tf.split(z_t + tf.matmul(h, u), 4, axis=1)
        i, f, g, o = gate(zi), gate(zf), tf.tanh(zg), gate(zo)
        c = f * c + i * g
        squashed = tf.tanh(c)
        h = o * squashed
        hs.append(h)
        cs.append(c)
        gates.append((i, f, g, o, squashed))
    return tf.stack(hs), cs, gates


def _scan_backward(gates: list[Any], cs: list[Tensor], u: Tensor, dhs: Tensor, dc: Tensor, slope: Any) -> Tensor:
    """Gradient of the loss by the gates' sums, `[T, B, 4H]`; cs[t] is the cell state before step t."""
    dh = tf.zeros_like(dhs[0])
    dz: list[Tensor] = []
    for (i, f, g, o, squashed), c, dh_t in reversed(list(zip(gates, cs[:-1], tf.unstack(dhs), strict=True))):
        dh += dh_t
        dc += dh * o * (1 - squashed * squashed)
        by_gate = [dc * g * slope(i), dc * c * slope(f), dc * i * (1 - g * g), dh * squashed * slope(o)]
        dz.append(tf.concat(by_gate, 1))
        dh, dc = tf.matmul(dz[-1], u, transpose_b=True), dc * f
    return tf.stack(dz[::-1])


def rows(x: Tensor, w: Tensor) -> Tensor:
    """`[T, B, D]` times `[D, N]` as one product over T x B rows."""
    product = tf.matmul(tf.reshape(x, [-1, w.shape[0]]), w)
    return tf.reshape(product, [*x.shape[:2], w.shape[1]])


def columns(x: Tensor, dz: Tensor) -> Tensor:
    """Gradient of a weight: `[T, B, D]` transposed times `[T B, N]`, one product over T x B rows."""
    return tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), dz, transpose_a=True)


def sigmoid_of(cell: keras.layers.LSTMCell) -> str:
    """Name of the cell's recurrent activation."""
    return str(keras.activations.serialize(cell.recurrent_activation))


_GATES = {
    "sigmoid": (tf.sigmoid, lambda y: y * (1 - y)),
    "hard_sigmoid": (keras.activations.hard_sigmoid, lambda y: tf.where((y > 0) & (y < 1), 0.2, 0.0)),
}

LAYERS: dict[str, Callable[[keras.layers.LSTMCell], Layer]] = {
    "keras": keras_layer,
    "block": block_layer,
    "scan": scan_layer,
    "xla": scan_layer,  # and the whole program compiled
}
