"""The parts of a stateful Keras model that execution and state work on, found by reading its layers.

Since `build_model` stores no extra information in a model, they also work on models that were saved and loaded.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tf_keras as keras

from lstmzoo.errors import InputError, shown
from lstmzoo.models.layer_checks import (
    cells_of,
    follows,
    foreign,
    is_column,
    is_one_hot,
    is_sum,
    require,
    require_plain,
)
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
    layers, skip = _chain(model)
    stack = _Stack(model)
    for layer in layers:
        stack.take(layer)
    if not stack.cells:
        raise InputError(f"expected a model with an LSTM layer, received {model.name!r}, which has none")
    if skip is not None and stack.head is None:
        raise foreign(skip)
    return stack.anatomy(skip)


class _Stack:
    """A collector of layers, one by one from the input up."""

    def __init__(self, model: keras.Model):
        self.model = model
        self.encoding = "features" if len(model.input_shape) == 3 else "scalar"
        self.one_hot_size: int | None = None
        self.embedding: keras.layers.Embedding | None = None
        self.recurrent: list[keras.layers.RNN] = []
        self.cells: list[keras.layers.LSTMCell] = []
        self.dropout: list[float] = []
        self.rate = 0.0  # of the dropout in front of the next cell, or of the head
        self.head: keras.layers.Dense | None = None
        self.skip_outputs = False

    def take(self, layer: keras.layers.Layer) -> None:
        """Take the next layer; raise `InputError` that names it if it is not part of a stack of LSTMs."""
        if is_sum(layer, self.recurrent):
            self.skip_outputs = True
            return
        require(layer, follows(layer, self.model), "one input, the layer before, and one output")
        require_plain(layer)
        take = _TAKE.get(type(layer))
        if take is None:
            raise foreign(layer)
        take(self, layer)

    def anatomy(self, skip: keras.layers.Dense | None) -> Anatomy:
        """Return what was found, with the layer beside it."""
        return Anatomy(
            encoding=self.encoding,
            one_hot_size=self.one_hot_size,
            embedding=self.embedding,
            recurrent=tuple(self.recurrent),
            cells=tuple(self.cells),
            dropout=(*self.dropout, self.rate),
            recurrent_dropout=tuple(cell.recurrent_dropout for cell in self.cells),
            head=self.head,
            skip=skip,
            skip_outputs=self.skip_outputs,
        )

    def _input(self, layer: keras.layers.InputLayer) -> None:
        """Do nothing: the model has the shape of its input."""

    def _embedding(self, layer: keras.layers.Embedding) -> None:
        require(layer, not layer.mask_zero, "mask_zero=False")
        self.encoding, self.embedding = "embedding", layer

    def _one_hot(self, layer: keras.layers.TimeDistributed) -> None:
        if not is_one_hot(layer):
            raise foreign(layer)
        self.encoding, self.one_hot_size = "one_hot", layer.layer.num_tokens

    def _reshape(self, layer: keras.layers.Reshape) -> None:
        require(layer, is_column(layer, self.model), "[B, T] made [B, T, 1], right above the input")

    def _dropout(self, layer: keras.layers.SpatialDropout1D) -> None:
        below = layer is not self.model.layers[-1] and self.head is None
        require(layer, below, "in front of an LSTM layer or of the head")
        self.rate = layer.rate

    def _recurrent(self, layer: keras.layers.RNN) -> None:
        cells = cells_of(layer)
        first, *others = (cell.dropout for cell in cells)
        self.recurrent.append(layer)
        self.cells += cells
        self.dropout += [first or self.rate, *others]
        self.rate = 0.0

    def _dense(self, layer: keras.layers.Dense) -> None:
        if self.head is not None or not self.cells:
            raise foreign(layer)
        linear = layer.activation is keras.activations.linear and layer.use_bias
        require(layer, linear, "linear, with a bias, above the last LSTM layer")
        self.head = layer


_TAKE: dict[type, Callable[[_Stack, Any], None]] = {
    keras.layers.InputLayer: _Stack._input,
    keras.layers.Embedding: _Stack._embedding,
    keras.layers.TimeDistributed: _Stack._one_hot,
    keras.layers.Reshape: _Stack._reshape,
    keras.layers.SpatialDropout1D: _Stack._dropout,
    keras.layers.LSTM: _Stack._recurrent,
    keras.layers.RNN: _Stack._recurrent,
    keras.layers.Dense: _Stack._dense,
}


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
    recurrent = [layer for layer in model.layers if isinstance(layer, keras.layers.RNN)]
    if type(model.layers[-1]) is not keras.layers.Add or is_sum(model.layers[-1], recurrent):
        return model.layers, None
    *layers, skip, total = model.layers
    summed = total.input if isinstance(total.input, list) else [total.input]
    linear = type(skip) is keras.layers.Dense and skip.activation is keras.activations.linear and not skip.use_bias
    beside = linear and skip.input is model.input and summed[0] is layers[-1].output and summed[1:] == [skip.output]
    require(total, beside, "the sum of the head and of a linear layer of the inputs without a bias")
    require_plain(skip)
    return layers, skip
