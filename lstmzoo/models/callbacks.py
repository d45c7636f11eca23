"""Carried state in Keras's own `fit`, which by itself never resets a state and validates with the training's state."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from lstmzoo.errors import InputError
from lstmzoo.models.anatomy import require_keras_2
from lstmzoo.models.state import carried_variables


class ResetStates(keras.callbacks.Callback):
    """A Keras callback: each epoch and each validation starts from zero state; validation keeps the training's state.

    `model.fit(..., callbacks=[lstmzoo.ResetStates()])`. It resets every stateful recurrent layer, nested ones too.
    After `fit` the states are the final ones of the last window (also where EarlyStopping restores older weights).
    `evaluate` and `predict` with this callback start from zero too, and restore the states that were there before; if
    one of them stops in the middle, its own states stay.

    An epoch is Keras's: with `steps_per_epoch` it may be a part of your stream. `fit` shuffles arrays, but no data set:
    give it `lstmzoo.windows(...)`, or `shuffle=False`. `fit(class_weight=...)` does not weigh targets `[B, T]` one by
    one, silently: use `lstmzoo.windows(..., class_weight=...)`. `predict` with fewer rows than lanes returns as many
    rows as lanes, silently: `lstmzoo.rebatch(model, rows)` first. Raises `InputError` for a model of Keras 3 or without
    a stateful layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._set_aside: list[dict[Any, tf.Tensor]] = []  # a stack: a validation may call `predict`

    def set_model(self, model: keras.Model) -> None:
        """Check and keep the model; Keras calls this before the first epoch."""
        require_keras_2(model)
        super().set_model(model)
        if model.built and not carried_variables(model):
            raise InputError(
                f"model: expected one with a stateful recurrent layer, received {model.name!r}, which has none: "
                "build it with stateful=True, or remove ResetStates"
            )

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget the states that an unfinished validation has set aside."""
        self._set_aside.clear()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set every state to zero."""
        self._zero()

    def on_test_begin(self, logs: Any = None) -> None:
        """Set the current states aside, and start from zero."""
        self._set_aside.append({variable.ref(): variable.read_value() for variable in carried_variables(self.model)})
        self._zero()

    def on_test_end(self, logs: Any = None) -> None:
        """Restore the states set aside; layers that were not built before get zero states."""
        before = self._set_aside.pop()
        for variable in carried_variables(self.model):
            variable.assign(before.get(variable.ref(), tf.zeros_like(variable)))

    on_predict_begin, on_predict_end = on_test_begin, on_test_end

    def _zero(self) -> None:
        for variable in carried_variables(self.model):
            variable.assign(tf.zeros_like(variable))
