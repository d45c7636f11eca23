"""Checks of single Keras layers: what a layer must be to be part of a stack of LSTMs as `build_model` makes it."""

import tf_keras as keras

from lstmzoo.errors import InputError


def require_plain(layer: keras.layers.Layer) -> None:
    """Raise `InputError` for a layer with a regularizer or in mixed precision."""
    require(layer, not layer.losses, "no regularizer")
    require_one_type(layer)


def is_one_hot(layer: keras.layers.Layer) -> bool:
    """Tell whether a layer makes ids one-hot at every step."""
    wrapped = type(layer) is keras.layers.TimeDistributed and type(layer.layer) is keras.layers.CategoryEncoding
    return wrapped and layer.layer.output_mode == "one_hot"


def is_column(layer: keras.layers.Reshape, model: keras.Model) -> bool:
    """Tell whether a layer makes `[B, T]` at the input `[B, T, 1]`."""
    below = model.layers[: model.layers.index(layer)]
    at_input = all(isinstance(other, keras.layers.InputLayer) for other in below)
    return at_input and len(layer.input_shape) == 2 and len(layer.output_shape) == 3 and layer.output_shape[2] == 1


def cells_of(layer: keras.layers.RNN) -> list[keras.layers.LSTMCell]:
    """Return the cells of a stateful LSTM or RNN layer; raise `InputError` for settings that execution has not."""
    stacked = type(layer.cell) is keras.layers.StackedRNNCells
    cells = list(layer.cell.cells) if stacked else [layer.cell]
    for cell in cells:
        if type(cell) is not keras.layers.LSTMCell:
            raise foreign(layer)
        gates = cell.recurrent_activation in (keras.activations.sigmoid, keras.activations.hard_sigmoid)
        plain = cell.activation is keras.activations.tanh and cell.use_bias
        require(layer, plain and gates, "tanh, with a bias, with sigmoid or hard_sigmoid gates")
        require_one_type(cell)
    require(layer, not layer.time_major, "batches first (time_major=False)")
    require(layer, layer.stateful, "stateful=True")
    require(layer, layer.return_sequences and not layer.go_backwards, "return_sequences=True, forwards in time")
    require(layer, not (isinstance(layer, keras.layers.LSTM) and cells[0].dropout), "dropout as SpatialDropout1D")
    return cells


def is_sum(layer: keras.layers.Layer, recurrent: list[keras.layers.RNN]) -> bool:
    """Tell whether a layer adds the outputs of all recurrent layers, of which the last is right below it."""
    given = layer.input if type(layer) is keras.layers.Add and isinstance(layer.input, list) else []
    return [*map(id, given)] == [id(each.output) for each in recurrent] and len(recurrent) > 1


def follows(layer: keras.layers.Layer, model: keras.Model) -> bool:
    """Tell whether the input of a layer is the output of the one before it."""
    place = model.layers.index(layer)
    if isinstance(layer, keras.layers.InputLayer) or place == 0:
        return place == 0
    return layer.input is model.layers[place - 1].output


def require(layer: keras.layers.Layer, holds: bool, what: str) -> None:
    """Raise `InputError` that names the layer unless the condition holds."""
    if not holds:
        raise InputError(f"layer {layer.name!r}: expected {what}, as build_model makes it, received another setting")


def require_one_type(layer: keras.layers.Layer) -> None:
    """Raise `InputError` for a layer that computes in another type than that of its weights."""
    if layer.compute_dtype != layer.variable_dtype:
        raise InputError(
            f"layer {layer.name!r}: expected one that computes in the type of its weights, {layer.variable_dtype}, "
            f"received mixed precision ({layer.dtype_policy.name}), in which only Keras's own fit, evaluate and "
            f"predict work: call keras.mixed_precision.set_global_policy({layer.variable_dtype!r}) before build_model, "
            "or convert this model with lstmzoo.from_keras(model)"
        )


def foreign(layer: keras.layers.Layer) -> InputError:
    """Return the refusal of a layer that no stack of LSTMs has."""
    return InputError(
        "expected a stack of stateful LSTM layers such as build_model makes, "
        f"received the layer {layer.name!r} ({type(layer).__name__}): lstmzoo.from_keras(model) converts other stacks "
        "of LSTMs, models within models too"
    )
