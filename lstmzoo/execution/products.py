"""Products over the steps of a window, and loops over them, unrolled or in the graph: what kernels are made of."""

from typing import Any

import tensorflow as tf

Tensor = Any
Sequence = Any  # a list of T tensors where the loop is unrolled, else one tensor `[T, ...]`: both take [t]
Factors = Tensor | None  # of h, with recurrent dropout


def over_time(step: Any, carried: list[Tensor], count: int, outputs: int, unroll: bool) -> list[Sequence]:
    """Run `step(t, carried) -> (carried, outputs)` for t = 0 to count - 1; return each output over time."""
    if unroll:
        found = []
        for t in range(count):
            carried, values = step(t, carried)
            found.append(values)
        return [list(values) for values in zip(*found, strict=True)]
    arrays = [tf.TensorArray(carried[0].dtype, count) for _ in range(outputs)]

    def body(t: Tensor, carried: list[Tensor], arrays: list[Any]) -> Any:
        carried, values = step(t, carried)
        return t + 1, carried, [array.write(t, value) for array, value in zip(arrays, values, strict=True)]

    *_, arrays = tf.while_loop(lambda t, *_: t < count, body, (0, carried, arrays), maximum_iterations=count)
    return [array.stack() for array in arrays]


def times(h: Tensor, factors: Factors) -> Tensor:
    """Return h, or what recurrent dropout leaves of it."""
    return h if factors is None else h * factors


def stacked(sequence: Sequence) -> Tensor:
    """Return a sequence as one tensor `[T, ...]`."""
    return tf.stack(sequence) if isinstance(sequence, list) else sequence


def product(x: Tensor, w: Tensor) -> Tensor:
    """Compute the input product `[T, B, N]` of `x [T, B, D]` and `w [D, N]`; for symbols `[T, B]` it is a look-up."""
    return tf.gather(w, x) if x.dtype.is_integer else rows(x, w)


def weight_gradient(x: Tensor, w: Tensor, dz: Tensor) -> Tensor:
    """Compute the gradient of `product` by `w [D, N]`, from that by the product `[T B, N]`.

    For a look-up it is the sum of each symbol's rows.
    """
    if x.dtype.is_integer:
        return tf.math.unsorted_segment_sum(dz, tf.reshape(x, [-1]), w.shape[0])
    return columns(x, dz)


def rows(x: Tensor, w: Tensor) -> Tensor:
    """Multiply `[T, B, D]` by `[D, N]` as one product over T x B rows, `[T, B, N]`."""
    product = tf.matmul(tf.reshape(x, [-1, w.shape[0]]), w)
    return tf.reshape(product, [*x.shape[:2], w.shape[1]])


def columns(x: Tensor, dz: Tensor) -> Tensor:
    """Compute the gradient `[D, N]` of a weight: `[T, B, D]` transposed times `[T B, N]`, as one product."""
    return tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), dz, transpose_a=True)
