"""Scoring of a text by a model that learns from it meanwhile: dynamic evaluation (Krause et al. 2018).

Each window is scored first and learnt from then, in one lane whose state is carried, so no symbol is ever predicted by
weights that have seen it.
"""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.data.lanes import padded_windows
from lstmzoo.errors import InputError
from lstmzoo.execution.engine import Execution
from lstmzoo.models.rebuild import build
from lstmzoo.models.spec import DROPOUTS
from lstmzoo.runs.trained import Trained

DECAY = 0.001  # towards the trained weights in a window, where gradients are of the usual size: more was worse
EPSILON = 1e-8
WINDOWS = 64  # of one call


class Adapting(keras.optimizers.Optimizer):
    """Gradient descent scaled by the gradients' root mean square so far, with a decay towards the first weights.

    The paper takes the mean squares from the training part, which a trained model does not bring along.
    """

    def __init__(self, learning_rate: float, name: str = "adapting"):
        super().__init__(name=name)
        self._learning_rate = self._build_learning_rate(learning_rate)

    def build(self, var_list: list[tf.Variable]) -> None:
        """Create the sums of squares, and keep the first weights."""
        super().build(var_list)
        if getattr(self, "_built", False):  # Keras asks at each step
            return
        self._built = True
        self._sums = [self.add_variable_from_reference(each, "sums") for each in var_list]
        self._first = [self.add_variable_from_reference(each, "first", initial_value=each) for each in var_list]

    def update_step(self, gradient: Any, variable: tf.Variable) -> None:
        """Set a weight to what it is after one window, by its gradient."""
        index = self._index_dict[self._var_key(variable)]
        sums, first = self._sums[index], self._first[index]
        sums.assign_add(tf.square(gradient))
        size = tf.sqrt(sums / tf.cast(self.iterations + 1, sums.dtype))
        decay = tf.minimum(DECAY * size / (tf.reduce_mean(size) + EPSILON), 1)
        rate = tf.cast(self.learning_rate, variable.dtype)
        variable.assign_add(decay * (first - variable) - rate * gradient / (size + EPSILON))

    def get_config(self) -> dict[str, Any]:
        """Return the settings, as Keras asks."""
        return {**super().get_config(), "learning_rate": self._serialize_hyperparameter(self._learning_rate)}


def adaptive_nats(trained: Trained, ids: np.ndarray, rate: float) -> float:
    """Return the nats of all targets of `ids` `[N]` together, read in windows of the run's T and learnt from at `rate`.

    The weights are those of the run at first, and `trained` does not change. Raises `InputError` for a rate at which a
    loss is not finite.
    """
    length = trained.experiment.train.seq_length
    blueprint = trained.blueprint()
    plain = blueprint.spec.model_copy(update=dict.fromkeys(DROPOUTS, 0.0))
    model = build(blueprint._replace(spec=plain, batch_size=1))
    execution = Execution(model, Adapting(rate), windows_per_call=WINDOWS)
    counted = np.ones(len(ids) - 1, np.float32)
    parts = [part[None] for part in (ids[:-1], ids[1:], counted)]
    total = 0.0
    for first in range(0, -(-len(counted) // length), WINDOWS):
        x, y, weights = (padded_windows(part, length, first, WINDOWS) for part in parts)
        losses = execution.train(x, y, weights=weights)
        if not np.isfinite(losses).all():
            raise InputError(f"adapt: expected a rate at which the model learns, received {rate:g}: give a lower one")
        total += float(losses.astype(np.float64) @ weights.sum((1, 2), np.float64))
    return total
