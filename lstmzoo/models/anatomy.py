"""The parts of a stateful Keras model that execution and state work on, found by reading its layers.

Since `build_model` stores no extra information in a model, they also work on models that were saved and loaded.
"""

from typing import Any, NamedTuple

import tf_keras as keras

from lstmzoo.errors import InputError, shown
from lstmzoo.models.spec import NUMBERS

_CALLS = (keras.Sequential.call, keras.Sequential.__base__.call)  # the base is the class of functional models


class Anatomy(NamedTuple):
    """A stack of LSTM cells between an encoding and a head."""

    encoding: str
    """"scalar", "one_hot", "embedding" or "features"."""
    one_hot_size: int | None
    embedding: keras.layers.Embedding | None
    recurrent: tuple[keras.layers.RNN, ...]
    """The layers that hold states."""
    cells: tuple[keras.layers.LSTMCell, ...]
    """The cells of all layers, from the input up, for every kind."""
    dropout: tuple[float, ...]
    """Rate of dropout in front of each cell, and of the head."""
    recurrent_dropout: tuple[float, ...]
    """Rate of dropout on h of each cell."""
    head: keras.layers.Dense | None
    skip: keras.layers.Dense | None
    """The linear layer from the inputs to the outputs, if any."""
    skip_outputs: bool
    """True if the head sees the sum of the outputs of all layers."""

    @property
    def outputs(self) -> int | None:
        """M, the numbers of a model whose outputs are numbers; None for one of symbols, or without a head."""
        numbers = self.encoding == "features" and self.head is not None and self.head.name == NUMBERS
        return self.head.units if numbers else None  # type: ignore[union-attr]


def dissect(model: keras.Model) -> Anatomy:
    """Return the parts of a model; raise `InputError` that names a layer which is not part of a stack of LSTMs.

    A user's class that inherits from one of Keras's is refused too: it may compute something else.
    """
    _require_functional(model)
    encoding = "features" if len(model.input_shape) == 3 else "scalar"
    one_hot_size, embedding, head, rate = None, None, None, 0.0
    layers, skip = _chain(model)
    recurrent: list[keras.layers.RNN] = []
    cells: list[keras.layers.LSTMCell] = []
    dropout: list[float] = []
    skip_outputs = False
    for layer in layers:
        if _is_sum(layer, recurrent):
            skip_outputs = True
            continue
        _require(layer, _follows(layer, model), "one input, the layer before, and one output")
        _require_plain(layer)
        if type(layer) is keras.layers.Embedding:
            _require(layer, not layer.mask_zero, "mask_zero=False")
            encoding, embedding = "embedding", layer
        elif _is_one_hot(layer):
            encoding, one_hot_size = "one_hot", layer.layer.num_tokens
        elif type(layer) is keras.layers.SpatialDropout1D:
            _require(layer, layer is not model.layers[-1] and head is None, "in front of an LSTM layer or of the head")
            rate = layer.rate
        elif type(layer) in (keras.layers.LSTM, keras.layers.RNN):
            inner = _cells(layer)
            recurrent.append(layer)
            rates = [cell.dropout for cell in inner]
            dropout += [rates[0] or rate, *rates[1:]]
            cells += inner
            rate = 0.0
        elif type(layer) is keras.layers.Dense and head is None and cells:
            linear = layer.activation is keras.activations.linear and layer.use_bias
            _require(layer, linear, "linear, with a bias, above the last LSTM layer")
            head = layer
        elif type(layer) is keras.layers.Reshape:
            _require(layer, _is_column(layer, model), "[B, T] made [B, T, 1], right above the input")
        elif not isinstance(layer, keras.layers.InputLayer):
            raise _foreign(layer)
    if not cells:
        raise InputError(f"expected a model with an LSTM layer, received {model.name!r}, which has none")
    if skip is not None and head is None:
        raise _foreign(skip)
    dropout.append(rate)
    of_h = tuple(cell.recurrent_dropout for cell in cells)
    found = tuple(recurrent), tuple(cells), tuple(dropout)
    return Anatomy(encoding, one_hot_size, embedding, *found, of_h, head, skip, skip_outputs)


def require_keras_2(model: Any) -> None:
    """Raise `InputError` unless the argument is a model of Keras 2, of any kind."""
    if not isinstance(model, keras.Model):
        names = {(base.__module__.split(".")[0], base.__name__) for base in type(model).__mro__}
        one_of_3 = "one of Keras 3: convert it with lstmzoo.from_keras(model)"
        received = one_of_3 if ("keras", "Model") in names else shown(model)
        raise InputError(f"model: expected a tf_keras (Keras 2) model, received {received}")


def _require_functional(model: Any) -> None:
    """Raise `InputError` unless the model computes what its layers do: it is built, and has no `call` of its own."""
    require_keras_2(model)
    if type(model).call not in _CALLS or not model.inputs:
        raise InputError(
            f"model {model.name!r}: expected a Sequential or functional one with an Input, received "
            f"{type(model).__name__} with {'a call of its own' if type(model).call not in _CALLS else 'none'}"
        )


def _chain(model: keras.Model) -> tuple[list[keras.layers.Layer], keras.layers.Dense | None]:
    """Return the layers that follow one another from the input up, and the linear layer beside them, if any."""
    if type(model.layers[-1]) is not keras.layers.Add:
        return model.layers, None
    *layers, skip, total = model.layers
    summed = total.input if isinstance(total.input, list) else [total.input]
    linear = type(skip) is keras.layers.Dense and skip.activation is keras.activations.linear and not skip.use_bias
    beside = linear and skip.input is model.input and summed[0] is layers[-1].output and summed[1:] == [skip.output]
    _require(total, beside, "the sum of the head and of a linear layer of the inputs without a bias")
    _require_plain(skip)
    return layers, skip


def _require_plain(layer: keras.layers.Layer) -> None:
    _require(layer, not layer.losses, "no regularizer")
    _require_one_type(layer)


def _is_one_hot(layer: keras.layers.Layer) -> bool:
    wrapped = type(layer) is keras.layers.TimeDistributed and type(layer.layer) is keras.layers.CategoryEncoding
    return wrapped and layer.layer.output_mode == "one_hot"


def _is_column(layer: keras.layers.Reshape, model: keras.Model) -> bool:
    below = model.layers[: model.layers.index(layer)]
    at_input = all(isinstance(other, keras.layers.InputLayer) for other in below)
    return at_input and len(layer.input_shape) == 2 and len(layer.output_shape) == 3 and layer.output_shape[2] == 1


def _cells(layer: keras.layers.RNN) -> list[keras.layers.LSTMCell]:
    stacked = type(layer.cell) is keras.layers.StackedRNNCells
    cells = list(layer.cell.cells) if stacked else [layer.cell]
    for cell in cells:
        if type(cell) is not keras.layers.LSTMCell:
            raise _foreign(layer)
        gates = cell.recurrent_activation in (keras.activations.sigmoid, keras.activations.hard_sigmoid)
        plain = cell.activation is keras.activations.tanh and cell.use_bias
        _require(layer, plain and gates, "tanh, with a bias, with sigmoid or hard_sigmoid gates")
        _require_one_type(cell)
    _require(layer, not layer.time_major, "batches first (time_major=False)")
    _require(layer, layer.stateful, "stateful=True")
    _require(layer, layer.return_sequences and not layer.go_backwards, "return_sequences=True, forwards in time")
    _require(layer, not (isinstance(layer, keras.layers.LSTM) and cells[0].dropout), "dropout as SpatialDropout1D")
    return cells


def _is_sum(layer: keras.layers.Layer, recurrent: list[keras.layers.RNN]) -> bool:
    """Tell whether a layer adds the outputs of all recurrent layers, of which the last is right below it."""
    given = layer.input if type(layer) is keras.layers.Add and isinstance(layer.input, list) else []
    return [*map(id, given)] == [id(each.output) for each in recurrent] and len(recurrent) > 1


def _follows(layer: keras.layers.Layer, model: keras.Model) -> bool:
    """Tell whether the input of a layer is the output of the one before it."""
    place = model.layers.index(layer)
    if isinstance(layer, keras.layers.InputLayer) or place == 0:
        return place == 0
    return layer.input is model.layers[place - 1].output


def _require(layer: keras.layers.Layer, holds: bool, what: str) -> None:
    if not holds:
        raise InputError(f"layer {layer.name!r}: expected {what}, as build_model makes it, received another setting")


def _require_one_type(layer: keras.layers.Layer) -> None:
    if layer.compute_dtype != layer.variable_dtype:
        raise InputError(
            f"layer {layer.name!r}: expected one that computes in the type of its weights, {layer.variable_dtype}, "
            f"received mixed precision ({layer.dtype_policy.name}), in which only Keras's own fit, evaluate and "
            f"predict work: call keras.mixed_precision.set_global_policy({layer.variable_dtype!r}) before build_model, "
            "or convert this model with lstmzoo.from_keras(model)"
        )


def _foreign(layer: keras.layers.Layer) -> InputError:
    return InputError(
        "expected a stack of stateful LSTM layers such as build_model makes, "
        f"received the layer {layer.name!r} ({type(layer).__name__}): lstmzoo.from_keras(model) converts other stacks "
        "of LSTMs, models within models too"
    )
