"""The chain of layers in a Keras config, where the output of each layer is the input of the next."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lstmzoo.convert.keras_own import MODELS, LayerEntry, is_keras, layers_of, name_of, require_keras
from lstmzoo.errors import InputError, shown


def chain_of(model: LayerEntry, path: tuple[str, ...] = ()) -> list[LayerEntry]:
    """Return class_name and config of each layer, from the input up, with its path: names from the outermost model on.

    A model within a model is opened; `path` is its own. A linear layer from the outermost inputs to the outputs, as
    `build_model` makes it for a skip, comes last and has the key "beside". An Add above the last LSTM layer is the sum
    of the outputs of all of them (`skip_outputs`). Raises `InputError` for a model that is neither Sequential nor
    functional, for several inputs or outputs, layers that are shared, branch or merge otherwise, and classes that are
    not Keras's own.
    """
    if not is_keras(model):
        raise InputError(f"model: expected Keras's own class, received {shown(model['class_name'])} of the user's own")
    if model["class_name"] == "Sequential":
        layers = layers_of(model)
    elif model["class_name"] in MODELS:
        layers = _functional(model["config"], outermost=not path)
    else:
        raise InputError(f"model: expected a Sequential or functional one, received {shown(model['class_name'])}")
    return [part for layer in layers for part in _opened(layer, (*path, layer["config"]["name"]))]


def _opened(layer: LayerEntry, path: tuple[str, ...]) -> list[LayerEntry]:
    if layer["class_name"] in MODELS and is_keras(layer):
        return chain_of(layer, path)
    require_keras(layer)
    return [{**layer, "path": path}]


def _functional(config: LayerEntry, outermost: bool) -> list[LayerEntry]:
    ends = {which: _only_end(config, which) for which in ("input_layers", "output_layers")}
    by_name = {layer["config"]["name"]: layer for layer in config["layers"]}
    line_end, beside = _without_skip(by_name, **ends) if outermost else (ends["output_layers"], [])
    chain = list(_downwards(by_name, line_end))[::-1]
    for place, layer in enumerate(chain):
        _require_sum(layer, chain[:place])
    within = {id(layer) for layer in [*chain, *beside]}
    left_out = [layer for layer in config["layers"] if id(layer) not in within]
    if left_out:
        raise InputError(f"layer {name_of(left_out[0])}: expected one line of layers, received a branch")
    if chain[0]["config"]["name"] != ends["input_layers"][0]:
        raise InputError(f"layer {name_of(chain[0])}: expected the model's input below it, received none")
    return [*chain, *({**layer, "beside": True} for layer in beside[:1])]


def _only_end(config: LayerEntry, which: str) -> Any:
    """Return the one input or output of a model; raise `InputError` for several."""
    found = config[which]
    named = isinstance(found, Mapping)
    found = list(found.values()) if named else [found] if found and isinstance(found[0], str) else found
    if len(found) != 1:
        names = ", ".join(shown(str(end[0])) for end in found)
        hint = ": where its states are among them, as in an exported file, convert the run's own model" * named
        raise InputError(f"model: expected one of {which}, received {names or 'none'}{hint}")
    return found[0]


def _without_skip(by_name: Mapping[str, Any], input_layers: Any, output_layers: Any) -> tuple[Any, list[LayerEntry]]:
    """Return the end of the line of layers, and the linear layer of the inputs and the Add above both, if any."""
    total = by_name[output_layers[0]]
    tensors = _call(total["inbound_nodes"][0])[0] if total["inbound_nodes"] else []
    if total["class_name"] != "Add" or not is_keras(total) or len(tensors) != 2:
        return output_layers, []
    linear = by_name[tensors[1][0]]
    if linear["class_name"] != "Dense" or len(linear["inbound_nodes"]) != 1 or linear["config"]["use_bias"]:
        return output_layers, []
    of_inputs = _input_of(linear, linear["inbound_nodes"][0])[0] == input_layers[0]
    return (tensors[0], [linear, total]) if of_inputs else (output_layers, [])


def _downwards(by_name: Mapping[str, LayerEntry], end: Any) -> Iterator[LayerEntry]:
    """Yield the layers from the output down to the input; raise unless each is called once, with one tensor."""
    for _ in range(len(by_name)):
        layer = by_name[end[0]]
        yield layer
        calls = layer["inbound_nodes"]
        if len(calls) > 1:
            raise InputError(f"layer {name_of(layer)}: expected one call with one input, received {len(calls)} calls")
        if end[2]:  # end[1] counts calls, from 1 on for a model within a model
            raise InputError(f"layer {name_of(layer)}: expected its first output to be used, received another one")
        if not calls:
            return
        end = _call(calls[0])[0][-1] if _adds(layer) else _input_of(layer, calls[0])
    raise InputError("model: expected one line of layers, received a circle of layers")


def _adds(layer: LayerEntry) -> bool:
    """Tell whether a layer is called with several tensors that it adds; the last one is that of the line of layers."""
    return layer["class_name"] == "Add" and is_keras(layer) and len(_call(layer["inbound_nodes"][0])[0]) > 1


def _require_sum(layer: LayerEntry, below: Sequence[LayerEntry]) -> None:
    """Raise `InputError` for an Add of anything but the outputs of all LSTM layers, from the input up."""
    if not _adds(layer):
        return
    tensors = _call(layer["inbound_nodes"][0])[0]
    recurrent = [[each["config"]["name"], 0, 0] for each in below if each["class_name"] in ("LSTM", "RNN")]
    if [list(tensor[:3]) for tensor in tensors] != recurrent:
        raise InputError(
            f"layer {name_of(layer)}: expected one call with one input, received {len(tensors)} inputs (an Add may "
            "have the outputs of all LSTM layers, from the input up)"
        )


def _input_of(layer: LayerEntry, call: Any) -> Any:
    """Return the one tensor that a layer is called with; raise `InputError` for others."""
    tensors, options = _call(call)
    if len(tensors) != 1:
        raise InputError(f"layer {name_of(layer)}: expected one call with one input, received {len(tensors)} inputs")
    given = sorted(key for key, value in options.items() if value is not None and value is not False)
    if given:
        raise InputError(
            f"layer {name_of(layer)}: expected a call with its input alone, received {', '.join(given)} too"
        )
    return tensors[0]


def _call(call: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return (layer, call, output) of each input tensor, and the other arguments.

    Keras 3 writes a mapping with args and kwargs, Keras 2 a list.
    """
    if isinstance(call, Mapping):
        tensors = [part for part in _leaves(call["args"]) if isinstance(part, Mapping)]
        return [part["config"]["keras_history"] for part in tensors], dict(call["kwargs"])
    call = [call] if call and isinstance(call[0], str) else call
    options = {key: value for part in call for key, value in (part[3] if len(part) > 3 else {}).items()}
    return list(call), options


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    else:
        yield value
