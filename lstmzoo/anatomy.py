"""The parts of a stateful Keras model that execution and state work on, read from its layers.

Reading the layers, not a note that `build_model` left, lets everything work on a model that was saved and loaded too.
"""

from typing import NamedTuple

import tf_keras as keras

from lstmzoo.errors import InputError


class Anatomy(NamedTuple):
    """A stack of LSTM cells between an encoding and a head."""

    encoding: str
    """"scalar", "one_hot", "embedding" or "features"."""
    one_hot_size: int | None
    embedding: keras.layers.Embedding | None
    recurrent: tuple[keras.layers.RNN, ...]
    """The layers that hold states."""
    cells: tuple[keras.layers.LSTMCell, ...]
    """From the input up, whatever the kind."""
    dropout: tuple[float, ...]
    """Rate in front of each cell."""
    head: keras.layers.Dense | None


def dissect(model: keras.Model) -> Anatomy:
    """The parts of a model; `InputError` names a layer that does not belong in a stack of LSTMs."""
    encoding = "features" if len(model.input_shape) == 3 else "scalar"
    one_hot_size, embedding, head, rate = None, None, None, 0.0
    recurrent: list[keras.layers.RNN] = []
    cells: list[keras.layers.LSTMCell] = []
    dropout: list[float] = []
    for layer in model.layers:
        _require(layer, _follows(layer, model), "one input, the layer before, and one output")
        _require(layer, not layer.losses, "no regularizer")
        if isinstance(layer, keras.layers.Embedding):
            _require(layer, not layer.mask_zero, "mask_zero=False")
            encoding, embedding = "embedding", layer
        elif isinstance(layer, keras.layers.TimeDistributed) and hasattr(layer.layer, "num_tokens"):
            encoding, one_hot_size = "one_hot", layer.layer.num_tokens
        elif isinstance(layer, keras.layers.SpatialDropout1D):
            _require(layer, layer is not model.layers[-1] and bool(cells), "between LSTM layers")
            rate = layer.rate
        elif isinstance(layer, keras.layers.RNN):
            inner = _cells(layer)
            recurrent.append(layer)
            rates = [cell.dropout for cell in inner]
            dropout += [rates[0] or rate, *rates[1:]]
            cells += inner
            rate = 0.0
        elif isinstance(layer, keras.layers.Dense) and head is None and cells:
            linear = layer.activation is keras.activations.linear and layer.use_bias
            _require(layer, linear and not rate, "linear, with a bias, right above the last LSTM layer")
            head = layer
        elif not isinstance(layer, (keras.layers.InputLayer, keras.layers.Reshape)):
            raise _foreign(layer)
    if not cells:
        raise InputError(f"expected a model with an LSTM layer, received {model.name!r}, which has none")
    return Anatomy(encoding, one_hot_size, embedding, tuple(recurrent), tuple(cells), tuple(dropout), head)


def _cells(layer: keras.layers.RNN) -> list[keras.layers.LSTMCell]:
    cells = list(getattr(layer.cell, "cells", [layer.cell]))
    for cell in cells:
        if not isinstance(cell, keras.layers.LSTMCell):
            raise _foreign(layer)
        gates = keras.activations.serialize(cell.recurrent_activation) in ("sigmoid", "hard_sigmoid")
        plain = cell.activation is keras.activations.tanh and cell.use_bias and not cell.recurrent_dropout
        _require(layer, plain and gates, "tanh, with a bias, with sigmoid or hard_sigmoid gates, no recurrent dropout")
        _require(layer, cell.compute_dtype == cell.variable_dtype, "computing in the type of its weights")
    _require(layer, layer.stateful, "stateful=True")
    _require(layer, layer.return_sequences and not layer.go_backwards, "return_sequences=True, forwards in time")
    _require(layer, not (isinstance(layer, keras.layers.LSTM) and cells[0].dropout), "dropout as SpatialDropout1D")
    return cells


def _follows(layer: keras.layers.Layer, model: keras.Model) -> bool:
    """Whether the layer takes what the one before it gives, and nothing else does."""
    place = model.layers.index(layer)
    if isinstance(layer, keras.layers.InputLayer) or place == 0:
        return place == 0
    return layer.input is model.layers[place - 1].output


def _require(layer: keras.layers.Layer, holds: bool, what: str) -> None:
    if not holds:
        raise InputError(f"layer {layer.name!r}: expected {what}, as build_model makes it, received another setting")


def _foreign(layer: keras.layers.Layer) -> InputError:
    return InputError(
        "expected a stack of stateful LSTM layers such as build_model makes, "
        f"received the layer {layer.name!r} ({type(layer).__name__})"
    )
