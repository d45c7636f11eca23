"""Kernels: the ways to run one LSTM layer over a window.

All compute the same function: each has its row in `tests/execution/test_kernels.py`.

A kernel takes `x [T, B, D]` (time first), or symbols `[T, B]` that stand for one-hot rows, the initial state
`h, c [B, H]` and a cell, and returns `(hs [T, B, H], h, c)`, the outputs and the final state:

    i, f, o = sigmoid(x W + h U + b)    g = tanh(x W + h U + b)    c' = f c + i g    h' = o tanh(c')

with gates in Keras's order i, f, c (= g), o. Recurrent dropout gives a kernel factors `m [B, H]` too, held through the
window, and h U becomes (h m) U (Gal & Ghahramani 2016, with one mask for all gates); outputs and states stay whole.
Gradients do not pass through the initial state (truncated BPTT).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf
import tf_keras as keras

from lstmzoo.execution.native import Loop, time_steps
from lstmzoo.execution.products import (
    Factors,
    Sequence,
    Tensor,
    columns,
    over_time,
    product,
    rows,
    stacked,
    times,
    weight_gradient,
)

UNROLLED = 100  # steps: an unrolled loop runs faster, but its graph takes 35 ms a step and layer to make
Layer = Callable[..., tuple[Tensor, Tensor, Tensor]]


def cell_step(cell: keras.layers.LSTMCell) -> Layer:
    """Return a function for one time step without a gradient.

    It takes `x [B, D]`, or symbols `[B]`, and `h, c [B, H]`, and returns (h, h, c): the output and the next state.
    """
    gate, _ = _GATES[sigmoid_of(cell)]

    def run(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        by_x = tf.gather(cell.kernel, x) if x.dtype.is_integer else tf.matmul(x, cell.kernel)
        zi, zf, zg, zo = tf.split(by_x + tf.matmul(h, cell.recurrent_kernel) + cell.bias, 4, axis=1)
        c = gate(zf) * c + gate(zi) * tf.tanh(zg)
        h = gate(zo) * tf.tanh(c)
        return h, h, c

    return run


def keras_layer(cell: keras.layers.LSTMCell) -> Layer:
    """Return Keras's own LSTM layer around the cell: the reference, and cuDNN on a GPU."""
    activation = cell.recurrent_activation
    wrapped = keras.layers.LSTM(
        cell.units, recurrent_activation=activation, return_sequences=True, return_state=True, time_major=True
    )
    wrapped.cell = cell
    plain = keras.layers.LSTMCell(cell.units, recurrent_activation=activation)  # draws no masks of its own
    plain.kernel, plain.recurrent_kernel, plain.bias = cell.kernel, cell.recurrent_kernel, cell.bias
    plain.built = True

    def masked(factors: Tensor, x: Tensor, state: list[Tensor]) -> Any:
        h, c = state
        return plain(x, [h * factors, c])

    def run(x: Tensor, h: Tensor, c: Tensor, factors: Factors = None) -> tuple[Tensor, Tensor, Tensor]:
        x = tf.one_hot(x, cell.kernel.shape[0], dtype=h.dtype) if x.dtype.is_integer else x
        if factors is None:
            hs, h, c = wrapped(x, initial_state=[h, c])
        else:
            _, hs, (h, c) = keras.backend.rnn(partial(masked, factors), x, [h, c], time_major=True)
        return hs, h, c

    return run


def scan_layer(cell: keras.layers.LSTMCell) -> Layer:
    """Return a layer with a hand-written gradient (Appleyard et al. 2016, section 3); short loops are unrolled."""
    return _scan_layer(cell, *_graph_loops(cell, unroll=UNROLLED))


def loop_layer(cell: keras.layers.LSTMCell) -> Layer:
    """Return the layer of `scan_layer` with loops in the graph, which XLA compiles in a second and runs fastest."""
    return _scan_layer(cell, *_graph_loops(cell, unroll=0))


def native_layer(cell: keras.layers.LSTMCell) -> Layer:
    """Return the layer of `scan_layer` with loops in C++, built for its size: fastest for nets of a few dozen units."""
    return _scan_layer(cell, *time_steps(cell.units, cell.kernel.dtype, sigmoid_of(cell)))


def _scan_layer(cell: keras.layers.LSTMCell, forward: Loop, backward: Loop) -> Layer:
    """Return a layer with a hand-written gradient around the loops over time steps, forward and back.

    The input product of all T steps is one matrix product before the loop, and the gradient of each weight is one
    after it; the loops contain only the product with U (forward), with its transpose (backward), and the gates.
    """

    def run(x: Tensor, h0: Tensor, c0: Tensor, factors: Factors = None) -> tuple[Tensor, Tensor, Tensor]:
        @tf.custom_gradient
        def layer(x: Tensor, w: Tensor, u: Tensor, b: Tensor) -> Any:
            hs, cs, gates = forward(product(x, w) + b, u, h0, c0, factors)

            def gradient(dhs: Tensor) -> tuple[Tensor, ...]:
                dz = backward(gates, cs, u, dhs, c0, factors)
                flat = tf.reshape(dz, [-1, dz.shape[-1]])
                before = times(tf.concat([h0[None], stacked(hs)[:-1]], 0), factors)
                by_x = None if x.dtype.is_integer else rows(dz, tf.transpose(w))
                return by_x, weight_gradient(x, w, flat), columns(before, flat), tf.reduce_sum(flat, 0)

            final.append(cs[-1])
            return stacked(hs), gradient

        final: list[Tensor] = []
        hs = layer(x, *(tf.convert_to_tensor(v) for v in (cell.kernel, cell.recurrent_kernel, cell.bias)))
        return hs, hs[-1], final[0]

    return run


def _graph_loops(cell: keras.layers.LSTMCell, unroll: int) -> tuple[Loop, Loop]:
    """Return `_forward` and `_backward` for a cell's gates; loops of up to `unroll` steps are unrolled."""
    gate, slope = _GATES[sigmoid_of(cell)]

    def forward(z: Tensor, u: Tensor, h: Tensor, c: Tensor, factors: Factors) -> Any:
        return _forward(z, u, h, c, factors, gate, z.shape[0] <= unroll)

    def backward(gates: list[Sequence], cs: Sequence, u: Tensor, dhs: Tensor, c0: Tensor, factors: Factors) -> Tensor:
        return _backward(gates, cs, u, dhs, c0, factors, slope, dhs.shape[0] <= unroll)

    return forward, backward


def _forward(
    z: Tensor, u: Tensor, h: Tensor, c: Tensor, factors: Factors, gate: Any, unroll: bool
) -> tuple[Sequence, Sequence, list[Sequence]]:
    """Compute h, c and the gates (i, f, g, o, tanh c) of each step, from the input product `[T, B, 4H]`."""
    steps = tf.unstack(z) if unroll else z

    def step(t: Any, state: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        h, c = state
        zi, zf, zg, zo = tf.split(steps[t] + tf.matmul(times(h, factors), u), 4, axis=1)
        i, f, g, o = gate(zi), gate(zf), tf.tanh(zg), gate(zo)
        c = f * c + i * g
        squashed = tf.tanh(c)
        h = o * squashed
        return [h, c], [h, c, i, f, g, o, squashed]

    hs, cs, *gates = over_time(step, [h, c], z.shape[0], 7, unroll)
    return hs, cs, gates


def _backward(
    gates: list[Sequence],
    cs: Sequence,
    u: Tensor,
    dhs: Tensor,
    c0: Tensor,
    factors: Factors,
    slope: Any,
    unroll: bool,
) -> Tensor:
    """Compute the gradient of the loss by the gates' sums `[T, B, 4H]`, from that by the outputs `[T, B, H]`."""
    last = dhs.shape[0] - 1
    steps = tf.unstack(dhs) if unroll else dhs
    before = [c0, *cs[:-1]] if unroll else tf.concat([c0[None], cs[:-1]], 0)
    across = tf.transpose(u)  # once: a product with a transposed factor takes a tenth longer

    def step(n: Any, carried: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        t = last - n
        i, f, g, o, squashed = (part[t] for part in gates)
        dh = carried[0] + steps[t]
        dc = carried[1] + dh * o * (1 - squashed * squashed)
        by_gate = [dc * g * slope(i), dc * before[t] * slope(f), dc * i * (1 - g * g), dh * squashed * slope(o)]
        dz = tf.concat(by_gate, 1)
        return [times(tf.matmul(dz, across), factors), dc * f], [dz]

    (dz,) = over_time(step, [tf.zeros_like(c0), tf.zeros_like(c0)], dhs.shape[0], 1, unroll)
    return tf.stack(dz[::-1]) if unroll else dz[::-1]


def sigmoid_of(cell: keras.layers.LSTMCell) -> str:
    """Return the name of the cell's recurrent activation."""
    return str(keras.activations.serialize(cell.recurrent_activation))


_GATES = {
    "sigmoid": (tf.sigmoid, lambda y: y * (1 - y)),
    "hard_sigmoid": (keras.activations.hard_sigmoid, lambda y: tf.cast((y > 0) & (y < 1), y.dtype) * 0.2),
}

LAYERS: dict[str, Callable[[keras.layers.LSTMCell], Layer]] = {
    "keras": keras_layer,
    "scan": scan_layer,
    "xla": loop_layer,  # here the whole program is compiled too
    "native": native_layer,  # and here
}
