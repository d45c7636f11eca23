"""The laws of carried state in Keras's own `fit`, which never resets a state and validates on the training's."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from lstmzoo.errors import InputError
from lstmzoo.models.anatomy import require_keras_2
from lstmzoo.models.state import carried_variables


class ResetStates(keras.callbacks.Callback):
    """Each epoch of `fit` starts from zero state; validation starts from zero state and leaves the training's alone.

    `model.fit(..., callbacks=[lstmzoo.ResetStates()])`. The states of every stateful recurrent layer are meant, nested
    ones too. After `fit` they are the last window's final ones (also where EarlyStopping brings older weights back).
    Given to `evaluate` or `predict`, those start from zero too and put back the states that they found; if one of them
    is broken off in the middle, its own states stay.

    An epoch is Keras's: with `steps_per_epoch` it may be a part of your stream. `fit` shuffles arrays, but no data set:
    give it `lstmzoo.windows(...)`, or `shuffle=False`. Raises `InputError` for a model of Keras 3 or
    without a stateful layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._set_aside: list[dict[Any, tf.Tensor]] = []  # a stack: a validation may call `predict`

    def set_model(self, model: keras.Model) -> None:
        """Called by Keras."""
        require_keras_2(model)
        super().set_model(model)
        if model.built and not carried_variables(model):
            raise InputError(
                f"model: expected one with a stateful recurrent layer, received {model.name!r}, which has none: "
                "build it with stateful=True, or leave ResetStates out"
            )

    def on_train_begin(self, logs: Any = None) -> None:
        """What a validation that was broken off had set aside is of no use any more."""
        self._set_aside.clear()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Zero state."""
        self._zero()

    def on_test_begin(self, logs: Any = None) -> None:
        """The states that are there are set aside."""
        self._set_aside.append({variable.ref(): variable.read_value() for variable in carried_variables(self.model)})
        self._zero()

    def on_test_end(self, logs: Any = None) -> None:
        """They come back; layers that were not yet built had none."""
        before = self._set_aside.pop()
        for variable in carried_variables(self.model):
            variable.assign(before.get(variable.ref(), tf.zeros_like(variable)))

    on_predict_begin, on_predict_end = on_test_begin, on_test_end

    def _zero(self) -> None:
        for variable in carried_variables(self.model):
            variable.assign(tf.zeros_like(variable))
