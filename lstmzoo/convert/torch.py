"""Conversion from and to PyTorch's `nn.LSTM`, `nn.Linear` and `nn.Embedding`.

`nn.LSTM` keeps for each layer weight_ih `[4H, D]`, weight_hh `[4H, H]` and two biases `[4H]` that are added; gates i,
f, g (the candidate), o, which is Keras's order. `nn.Linear`: weight `[V, H]`, bias `[V]`. `nn.Embedding`: weight
`[V, D]`.
(Source: torch.nn.LSTM's documentation. torch itself is needed to read a `.pt` file, and for nothing else.)
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save

from lstmzoo.convert.arrays import floats, require_shape
from lstmzoo.convert.left_out import warn_left_out
from lstmzoo.convert.torch_files import read_tensors, state_dict_in
from lstmzoo.convert.torch_modules import dropout_of, left_out_of, losses_of, table_of
from lstmzoo.convert.torch_names import PARTS, Names, shapes_of, sort_tensors
from lstmzoo.convert.torch_stored import used_tensors
from lstmzoo.errors import InputError
from lstmzoo.models.blueprint import Blueprint, HeadWeights, LayerWeights, Weights, draw_up
from lstmzoo.system.files import write_atomically

if TYPE_CHECKING:
    import tf_keras as keras


def from_torch(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    batch_size: int = 1,
    kind: str | None = None,
    encoding: str | None = None,
    dropout: float = 0.0,
    numbers: bool = False,
) -> "keras.Model":
    """Build a stateful model with the weights of a PyTorch one; its logits are the Linear's outputs.

    `numbers`: the Linear's outputs are numbers `[B, T, M]` of features, not logits.

    `source`: a `.safetensors` file, a file of `torch.save` (`.pt`, `.pth`, `.bin` or `.ckpt`; with torch installed; no
    code in it runs), a state dict of arrays or tensors, or a live `nn.Module`. The LSTM is one `nn.LSTM` of any depth,
    or a numbered series of modules of one layer (`nn.ModuleList` of `nn.LSTM` or `nn.LSTMCell`, of blocks that hold
    one, or lstm1, lstm2); a Linear and an Embedding are optional. weight_norm, prune and weight-drop are computed.
    Dropout, losses and a softmax at the end are left out, with a `UserWarning`.
    `encoding`: default "embedding" with an Embedding, else "features"; "one_hot" (D = V) and "scalar" (D = 1) are
    possible too. `kind`: default single, or stacked_layers for several layers. `dropout` between layers is not in a
    state dict; by default it is that of a live `nn.LSTM`, else 0. Any type becomes float32.

    A state dict does not tell what `forward` computes between the tensors (activations, residuals, the order of calls):
    it is assumed that nothing is between them. A live module is searched for layers of other classes, which are
    refused; its `forward` is not read either. Names and shapes say which matrix is the Embedding and which the Linear,
    never the order of the tensors: where they leave it open, pass a mapping with the keys `embedding.weight` and
    `linear.weight`, or the live module.
    Raises `InputError` for a damaged file, a wrong shape (tensor, expected, received), numbers that are not finite, and
    tensors that are not part of such a model (bidirectional, projection, GRU, other layers), naming them.
    """
    from lstmzoo.models.rebuild import build

    live = hasattr(source, "named_modules")
    table_name = table_of(source) if live else None
    training, idle = left_out_of(source) if live else ([], [])
    losses = losses_of(source) if live else ()
    tensors = {name: value for name, value in _tensors(source).items() if not name.startswith(losses)}
    tensors = used_tensors(tensors, training)
    names = sort_tensors(shapes_of(tensors), table_name, live=live)
    if live and not dropout:
        dropout = dropout_of(source)
    layers = _layers(tensors, names)
    table = None if names.embedding is None else floats(tensors[names.embedding], names.embedding)
    weights = Weights(layers, _head(tensors, names, layers[-1].units), table)
    encoding = encoding or ("features" if table is None else "embedding")
    blueprint = draw_up(weights, encoding, kind=kind, dropout=dropout, batch_size=batch_size, numbers=numbers)
    warn_left_out(training, idle)
    return build(blueprint)


def to_torch(model: "keras.Model", path: str | os.PathLike[str] | None = None) -> dict[str, np.ndarray]:
    """Return the model's weights as a PyTorch state dict, and write them to a safetensors file if there is a path.

    Keys are those of this module (`embedding` and `linear` where the model has them; feed one-hot symbols as rows)::

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.embedding = nn.Embedding(V, D)
                self.lstm = nn.LSTM(D, H, num_layers=L, batch_first=True)
                self.linear = nn.Linear(H, V)

        net.load_state_dict(safetensors.torch.load_file(path))

    One `nn.LSTM` cannot have layers of different units: they are `lstms.0`, `lstms.1`, ... of
    `self.lstms = nn.ModuleList([nn.LSTM(D, H0, batch_first=True), nn.LSTM(H0, H1, batch_first=True), ...])`.
    The bias is in bias_ih, and bias_hh is zero. The file is written whole or not at all.
    Raises `OSError` where it cannot be written, and `InputError` for hard_sigmoid gates and a skip, which `nn.LSTM`
    does not have, and for a path that does not end in `.safetensors`.
    """
    from lstmzoo.models.rebuild import blueprint_of

    if path is not None and Path(path).suffix != ".safetensors":
        raise InputError(f"{path}: expected a path that ends in .safetensors, received {Path(path).suffix!r}")
    tensors = state_dict(blueprint_of(model))
    if path is not None:
        write_atomically(Path(path), save(tensors, {"format": "pt"}))
    return tensors


def state_dict(blueprint: Blueprint) -> dict[str, np.ndarray]:
    """Return the blueprint's weights under PyTorch's names; contiguous, as safetensors needs them.

    Raises `InputError` for hard_sigmoid gates and skips, which `nn.LSTM` does not have.
    """
    if blueprint.spec.skip:
        raise InputError("skip: expected none, as nn.LSTM has none, received a linear layer from inputs to outputs")
    if blueprint.spec.skip_outputs:
        raise InputError("skip_outputs: expected false, as nn.LSTM gives the outputs of the last layer, received true")
    if (gates := blueprint.spec.recurrent_activation) != "sigmoid":
        raise InputError(f"recurrent_activation: expected sigmoid, as nn.LSTM has it, received {gates}")
    weights, tensors = blueprint.weights, {}
    if weights.embedding is not None:
        tensors["embedding.weight"] = weights.embedding
    one = len(set(blueprint.spec.layers)) == 1
    for index, layer in enumerate(weights.layers):
        values = (layer.kernel.T, layer.recurrent_kernel.T, layer.bias, np.zeros_like(layer.bias))
        for part, value in zip(PARTS, values, strict=True):
            tensors[f"lstm.{part}_l{index}" if one else f"lstms.{index}.{part}_l0"] = value
    if weights.head is not None:
        tensors |= {"linear.weight": weights.head.kernel.T, "linear.bias": weights.head.bias}
    return {name: np.ascontiguousarray(value) for name, value in tensors.items()}


def _tensors(source: Any) -> Mapping[str, Any]:
    if isinstance(source, str | os.PathLike):
        return read_tensors(source)
    found = source.state_dict() if hasattr(source, "state_dict") else source
    return state_dict_in(found, "source", "a path or a state dict")


def _layers(tensors: Mapping[str, Any], names: Names) -> tuple[LayerWeights, ...]:
    layers: list[LayerWeights] = []
    for parts in names.layers:
        arrays = {part: floats(tensors[name], name) for part, name in parts.items()}
        require_shape(arrays["weight_hh"], ["4H", "H"], parts["weight_hh"])
        units = arrays["weight_hh"].shape[1]
        below = layers[-1].units if layers else "D"
        wanted = {"weight_ih": [4 * units, below], "bias_ih": [4 * units], "bias_hh": [4 * units]}
        for part, shape in wanted.items():
            if part in arrays:
                require_shape(arrays[part], shape, parts[part])
        bias = sum((arrays[part] for part in PARTS[2:] if part in arrays), np.zeros(4 * units, np.float32))
        layers.append(LayerWeights(arrays["weight_ih"].T.copy(), arrays["weight_hh"].T.copy(), bias))
    return tuple(layers)


def _head(tensors: Mapping[str, Any], names: Names, units: int) -> HeadWeights | None:
    if not names.linear:
        return None
    kernel = floats(tensors[names.linear["weight"]], names.linear["weight"])
    require_shape(kernel, ["V", units], names.linear["weight"])
    if "bias" not in names.linear:
        return HeadWeights(kernel.T.copy(), np.zeros(len(kernel), np.float32))
    bias = floats(tensors[names.linear["bias"]], names.linear["bias"])
    require_shape(bias, [len(kernel)], names.linear["bias"])
    return HeadWeights(kernel.T.copy(), bias)
