"""Tensors of a live model and its optimizer, by name, taken and restored.

With those of `RunState` they are everything that a step depends on. Random numbers need no state of their own: series,
dropout masks and samples are drawn from (seed, epoch) and (seed, step), and a learning rate is a function of the step.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.errors import InputError
from lstmzoo.models.state import get_states, set_states
from lstmzoo.runs.contents import TRAINED


def take_snapshot(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, averages: Sequence[tf.Variable] = ()
) -> dict[str, np.ndarray]:
    """Take weights, optimizer slots and iteration, and carried states, by name.

    With `averages`, those of the weights, these are "weights", and those that training goes on with are "trained".
    """
    tensors = {f"weights/{i:03d}": value for i, value in enumerate(model.get_weights())}
    if averages:
        tensors = {name.replace("weights", TRAINED): value for name, value in tensors.items()}
        tensors |= {f"weights/{i:03d}": average.numpy() for i, average in enumerate(averages)}
    tensors |= {f"optimizer/{i:03d}": variable.numpy() for i, variable in enumerate(optimizer.variables)}
    for layer, (h, c) in enumerate(get_states(model)):
        tensors |= {f"states/{layer:03d}/h": h, f"states/{layer:03d}/c": c}
    return tensors


def restore_snapshot(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    tensors: Mapping[str, np.ndarray],
    averages: Sequence[tf.Variable] = (),
) -> None:
    """Restore what `take_snapshot` took; `InputError` for tensors of another model or optimizer."""
    expected = {name: (value.shape, value.dtype) for name, value in take_snapshot(model, optimizer, averages).items()}
    received = {name: (value.shape, value.dtype) for name, value in tensors.items() if name.split("/")[0] in _PARTS}
    if received != expected:
        strange = next(name for name in (*expected, *received) if expected.get(name) != received.get(name))
        raise InputError(
            f"expected a checkpoint of this model and optimizer, received one with another {strange}: resume with the "
            "versions that the run was begun with (environment.json)"
        )
    model.set_weights([tensors[name] for name in expected if name.startswith(f"{TRAINED if averages else 'weights'}/")])
    for i, average in enumerate(averages):
        average.assign(tensors[f"weights/{i:03d}"])
    for i, variable in enumerate(optimizer.variables):
        variable.assign(tensors[f"optimizer/{i:03d}"])
    layers = range(sum(name.startswith("states/") for name in expected) // 2)
    set_states(model, [(tensors[f"states/{i:03d}/h"], tensors[f"states/{i:03d}/c"]) for i in layers])


_PARTS = ("weights", TRAINED, "optimizer", "states")


def not_finite(tensors: Mapping[str, np.ndarray]) -> list[str]:
    """List the names of the tensors that hold a value which is not finite."""
    return [name for name, value in tensors.items() if value.dtype.kind == "f" and not np.isfinite(value).all()]
