"""A chain of Keras layers as a stack of LSTMs: the config of each layer, checked, and its arrays."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lstmzoo.convert.keras_found import Found
from lstmzoo.convert.keras_own import LayerEntry, cells_of, foreign, name_of
from lstmzoo.errors import InputError, shown
from lstmzoo.models.blueprint import HeadWeights, LayerWeights
from lstmzoo.models.spec import NUMBERS

_DROPOUTS = ("Dropout", "SpatialDropout1D")
_NOISE = ("GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization")
_SOFTMAX = ("softmax", "log_softmax")


class Stack(Found):
    """A collector of layers, one by one from the input up, which keeps what it finds in its attributes."""

    def take(self, layer: LayerEntry) -> None:
        """Take the next layer; raise `InputError` that names it if it cannot be part of a stack of LSTMs."""
        kind = layer["class_name"]
        if self.input_rank is None:
            shape = layer["config"].get("batch_shape") or layer["config"].get("batch_input_shape")
            self.input_rank = len(shape) if shape else None
        if self.softmax and _computes(layer):
            raise InputError(f"layer {name_of(layer)}: expected nothing after the softmax, received {shown(kind)}")
        self._note_training_only(layer)
        take = Stack._skip if layer.get("beside") else _TAKE.get(kind)
        if take is None:
            raise foreign(layer, shown(kind))
        take(self, layer)

    def _input(self, layer: LayerEntry) -> None:
        """Do nothing: `take` has read the shape of the input."""

    def _reshape(self, layer: LayerEntry) -> None:
        shape = layer["config"]["target_shape"]
        self._require(
            layer, self._at_input() and len(shape) == 2 and shape[1] == 1, "[T, 1] at the input", shown(shape)
        )
        self._require(layer, self.input_rank in (None, 2), "an input [B, T]", f"{self.input_rank} dimensions")
        self.encoding = "scalar"

    def _one_hot(self, layer: LayerEntry) -> None:
        mode = layer["config"].get("output_mode")
        self._require(layer, self._at_input() and mode == "one_hot", "one_hot at the input", shown(mode))
        self.encoding = "one_hot"

    def _embedding(self, layer: LayerEntry) -> None:
        config = layer["config"]
        self._require(layer, self._at_input() and self.encoding is None, "an Embedding at the input", "one elsewhere")
        self._require(layer, not config["mask_zero"], "mask_zero=False", "mask_zero=True (a stream has no masks)")
        (table,) = self._arrays(layer, 1)
        self._shaped(layer, table, [config["input_dim"], config["output_dim"]], "embeddings")
        self.encoding, self.embedding = "embedding", table

    def _time_distributed(self, layer: LayerEntry) -> None:
        inner = layer["config"]["layer"]
        if inner["class_name"] == "CategoryEncoding":
            self._one_hot({"config": {**inner["config"], "name": layer["config"]["name"]}})
        elif inner["class_name"] == "Dense":
            self._note_training_only(inner)
            self._dense(layer, inner["config"])
        elif not _computes(inner) or _TAKE.get(inner["class_name"]) is Stack._activation:
            self.take({**inner, "config": {**inner["config"], "name": layer["config"]["name"]}})
        else:
            raise foreign(layer, f"TimeDistributed of {shown(inner['class_name'])}")

    def _noise(self, layer: LayerEntry) -> None:
        self.left_out.append(f"{layer['class_name']} {name_of(layer)}")

    def _identity(self, layer: LayerEntry) -> None:
        self.idle.append(f"{layer['class_name']} {name_of(layer)}")

    def _cudnn(self, layer: LayerEntry) -> None:
        raise InputError(
            f"layer {name_of(layer)}: expected LSTM, received CuDNNLSTM, whose matrices are in the layout of cuDNN: "
            "build the same model with LSTM(units, recurrent_activation='sigmoid') in its place, call "
            "load_weights(path) of tf_keras, which converts them, and give that model to from_keras"
        )

    def _dropout(self, layer: LayerEntry) -> None:
        if rate := float(layer["config"]["rate"]):
            self.rates[-1].append(rate)

    def _recurrent(self, layer: LayerEntry) -> None:
        config = layer["config"]
        self._require(layer, self.head is None, "the LSTM layers below the Dense layer", "one above it")
        for key in ("go_backwards", "time_major"):
            self._require(layer, not config.get(key), f"{key}=False", f"{key}=True")
        self.holders.append(config["cell"]["class_name"] if "cell" in config else "LSTMCell")
        cells = cells_of(layer)
        arrays = iter(self._arrays(layer, sum(2 + bool(cell["use_bias"]) for cell in cells)))
        for cell in cells:
            self._check_cell(layer, cell)
            self._cell(layer, cell, [next(arrays) for _ in range(2 + bool(cell["use_bias"]))])

    def _check_cell(self, layer: LayerEntry, cell: Mapping[str, Any]) -> None:
        self._require(layer, cell["activation"] == "tanh", "activation tanh", shown(cell["activation"]))
        gates = cell["recurrent_activation"]
        self._require(layer, gates in ("sigmoid", "hard_sigmoid"), "sigmoid or hard_sigmoid gates", shown(gates))
        keras_2 = gates == "sigmoid" or self.major == 2
        self._require(layer, keras_2, "sigmoid gates", "Keras 3's hard_sigmoid, of slope 1/6: Keras 2's has 0.2")
        self.activations.add(gates)
        self._require(layer, len(self.activations) == 1, "the same gates in all layers", "both kinds")
        if cell.get("recurrent_dropout"):
            self.left_out.append(f"recurrent dropout of {name_of(layer)}")
        if cell.get("dropout"):
            self.rates[-1].append(float(cell["dropout"]))

    def _cell(self, layer: LayerEntry, cell: Mapping[str, Any], arrays: list[np.ndarray]) -> None:
        units, below = cell["units"], self.layers[-1].units if self.layers else "D"
        self._shaped(layer, arrays[0], [below, 4 * units], "kernel")
        bias = arrays[2] if cell["use_bias"] else np.zeros(arrays[0].shape[1], np.float32)
        self._shaped(layer, arrays[1], [units, 4 * units], "recurrent_kernel")
        self._shaped(layer, bias, [4 * units], "bias")
        self.layers.append(LayerWeights(arrays[0], arrays[1], bias))
        self.rates.append([])

    def _sum(self, layer: LayerEntry) -> None:
        """Take the sum of the outputs of all layers, which the chain has checked."""
        self._require(layer, self.head is None, "the LSTM layers below the Dense layer", "a sum above it")
        self.skip_outputs = True

    def _dense(self, layer: LayerEntry, config: Mapping[str, Any] | None = None) -> None:
        config = layer["config"] if config is None else config
        self._require(
            layer, self.layers and self.head is None, "one Dense layer, above the last LSTM layer", "another one"
        )
        activation = config["activation"]
        known = activation in ("linear", *_SOFTMAX)
        self._require(layer, known, "activation linear or softmax", shown(activation))
        self._require(layer, not config.get("quantization_config"), "floating-point weights", "quantized ones")
        arrays = self._arrays(layer, 1 + bool(config["use_bias"]), config.get("dtype"))
        classes = config["units"]
        self._shaped(layer, arrays[0], [self.layers[-1].units, classes], "kernel")
        bias = arrays[1] if config["use_bias"] else np.zeros(arrays[0].shape[1], np.float32)
        self._shaped(layer, bias, [classes], "bias")
        self.head, self.softmax = HeadWeights(arrays[0], bias), activation in _SOFTMAX
        self.numbers = self.encoding is None and not self.softmax and layer["config"]["name"] == NUMBERS
        if activation == "log_softmax":
            self.idle.append(f"log_softmax of {name_of(layer)}")

    def _skip(self, layer: LayerEntry) -> None:
        activation = layer["config"]["activation"]
        self._require(layer, activation == "linear", "activation linear beside the line of layers", shown(activation))
        self._require(layer, self.head is not None, "a Dense layer above the last LSTM layer beside it", "none")
        (self.skip,) = self._arrays(layer, 1)
        self._shaped(layer, self.skip, [len(self.layers[0].kernel), self.head.kernel.shape[1]], "kernel")  # type: ignore[union-attr]
        self.numbers = True

    def _activation(self, layer: LayerEntry) -> None:
        kind = layer["class_name"]
        activation = layer["config"]["activation"] if kind == "Activation" else "softmax"
        if activation == "linear":
            return self._identity(layer)
        at_end = activation in _SOFTMAX and self.head is not None and layer["config"].get("axis", -1) == -1
        self._require(layer, at_end, "softmax over the classes of a Dense layer", shown(activation))
        self.softmax = True
        if activation == "log_softmax":
            self.idle.append(f"log_softmax {name_of(layer)}")


def _computes(layer: LayerEntry) -> bool:
    """Tell whether a layer changes its input at inference."""
    take, config = _TAKE.get(layer["class_name"]), layer["config"]
    if take is Stack._time_distributed:
        return _computes(config["layer"])
    if take is Stack._activation:
        return bool(config.get("activation") != "linear")  # Softmax has no activation
    return take not in (Stack._input, Stack._dropout, Stack._noise, Stack._identity)


_TAKE: dict[str, Callable[[Stack, LayerEntry], None]] = {
    "InputLayer": Stack._input,
    "Reshape": Stack._reshape,
    "CategoryEncoding": Stack._one_hot,
    "Embedding": Stack._embedding,
    "TimeDistributed": Stack._time_distributed,
    "LSTM": Stack._recurrent,
    "RNN": Stack._recurrent,
    "Add": Stack._sum,
    "Dense": Stack._dense,
    "Activation": Stack._activation,
    "Softmax": Stack._activation,
    "Identity": Stack._identity,
    "CuDNNLSTM": Stack._cudnn,
    **dict.fromkeys(_NOISE, Stack._noise),
    **dict.fromkeys(_DROPOUTS, Stack._dropout),
}
