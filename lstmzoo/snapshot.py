"""Everything that a step depends on, gathered from a live run as named tensors."""

from typing import NamedTuple

import numpy as np
import tf_keras as keras

from lstmzoo.state import get_states


class Position(NamedTuple):
    """Where a run stands: steps done, epochs done, windows of the present epoch done."""

    step: int = 0
    epoch: int = 0
    window: int = 0

    def after(self, count: int, windows: int) -> "Position":
        """`count` steps on, in epochs of so many windows."""
        window = self.window + count
        return Position(self.step + count, self.epoch + window // windows, window % windows)


class Best(NamedTuple):
    """The lowest validation loss so far (nats a symbol), and the step it was measured after."""

    step: int
    val_loss: float


def take_snapshot(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, position: Position, best: Best | None
) -> dict[str, np.ndarray]:
    """Weights, optimizer slots and iteration, carried states, position and best: a function of config, seed and step.

    Random numbers need no state of their own: series and dropout masks are functions of (seed, epoch) and (seed, step).
    """
    tensors = {f"weights/{i:03d}": value for i, value in enumerate(model.get_weights())}
    tensors |= {f"optimizer/{i:03d}": variable.numpy() for i, variable in enumerate(optimizer.variables)}
    for layer, (h, c) in enumerate(get_states(model)):
        tensors |= {f"states/{layer:03d}/h": h, f"states/{layer:03d}/c": c}
    tensors["position"] = np.array(position, np.int64)
    tensors["best/step"] = np.array(-1 if best is None else best.step, np.int64)
    tensors["best/val_loss"] = np.array(np.finfo(np.float64).max if best is None else best.val_loss, np.float64)
    return tensors


def not_finite(tensors: dict[str, np.ndarray]) -> list[str]:
    """Names of the tensors that hold a value which is not finite."""
    return [name for name, value in tensors.items() if value.dtype.kind == "f" and not np.isfinite(value).all()]
