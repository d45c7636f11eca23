"""The slots of an optimizer: which optimizers train here, and their variables, created before any tracing."""

import tensorflow as tf
import tf_keras as keras

from lstmzoo.errors import InputError, shown

OPTIMIZERS = (keras.optimizers.Optimizer, keras.optimizers.legacy.Optimizer)


def build_slots(optimizer: keras.optimizers.Optimizer, variables: list[tf.Variable]) -> None:
    """Create the slots before any tracing, so that their names and order never depend on how training began.

    Raises `InputError` for Nadam, which counts its steps in a Python attribute that a graph would freeze, and for
    LossScaleOptimizer, which needs scaled gradients.
    """
    wrong = (keras.optimizers.Nadam, keras.optimizers.legacy.Nadam, keras.mixed_precision.LossScaleOptimizer)
    if not isinstance(optimizer, OPTIMIZERS) or isinstance(optimizer, wrong):
        name = optimizer if isinstance(optimizer, str) else type(optimizer).__name__
        raise InputError(
            f"optimizer: expected one of tf_keras, except Nadam and LossScaleOptimizer, received {shown(name)}: take "
            "another one, such as tf_keras.optimizers.Adam()"
        )
    served = getattr(optimizer, "_index_dict", None)
    if isinstance(optimizer, keras.optimizers.legacy.Optimizer):
        optimizer._create_all_weights(variables)
    elif not served:
        optimizer.build(variables)
    elif unknown := [variable.name for variable in variables if variable._unique_id not in served]:
        # building it again would give the slots of the old weights to the new ones
        text = f"received one that serves other weights and not {unknown[0]}"
        raise InputError(f"optimizer: expected one for this model's trainable weights, {text}: make a new one")
