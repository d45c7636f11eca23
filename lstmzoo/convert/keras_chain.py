"""The chain of layers in a Keras config, where the output of each layer is the input of the next."""

from collections.abc import Iterator, Mapping
from typing import Any

from lstmzoo.convert.keras_own import MODELS, LayerEntry, is_keras, layers_of, name_of, require_keras
from lstmzoo.errors import InputError, shown


def chain_of(model: LayerEntry, path: tuple[str, ...] = ()) -> list[LayerEntry]:
    """Return class_name and config of each layer, from the input up, with its path: names from the outermost model on.

    A model within a model is opened; `path` is its own. Raises `InputError` for a model that is neither Sequential
    nor functional, for several inputs or outputs, layers that are shared, branch or merge, and classes that are not
    Keras's own.
    """
    if not is_keras(model):
        raise InputError(f"model: expected Keras's own class, received {shown(model['class_name'])} of the user's own")
    if model["class_name"] == "Sequential":
        layers = layers_of(model)
    elif model["class_name"] in MODELS:
        layers = _functional(model["config"])
    else:
        raise InputError(f"model: expected a Sequential or functional one, received {shown(model['class_name'])}")
    return [part for layer in layers for part in _opened(layer, (*path, layer["config"]["name"]))]


def _opened(layer: LayerEntry, path: tuple[str, ...]) -> list[LayerEntry]:
    if layer["class_name"] in MODELS and is_keras(layer):
        return chain_of(layer, path)
    require_keras(layer)
    return [{**layer, "path": path}]


def _functional(config: LayerEntry) -> list[LayerEntry]:
    ends = {}
    for which in ("input_layers", "output_layers"):
        found = config[which]
        found = [found] if found and isinstance(found[0], str) else found
        if len(found) != 1:
            names = ", ".join(shown(str(end[0])) for end in found)
            raise InputError(f"model: expected one of {which}, received {names or 'none'}")
        ends[which] = found[0]
    by_name = {layer["config"]["name"]: layer for layer in config["layers"]}
    chain = list(_downwards(by_name, ends["output_layers"]))[::-1]
    within = {id(layer) for layer in chain}
    left_out = [layer for layer in config["layers"] if id(layer) not in within]
    if left_out:
        raise InputError(f"layer {name_of(left_out[0])}: expected one line of layers, received a branch")
    if chain[0]["config"]["name"] != ends["input_layers"][0]:
        raise InputError(f"layer {name_of(chain[0])}: expected the model's input below it, received none")
    return chain


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
        end = _input_of(layer, calls[0])
    raise InputError("model: expected one line of layers, received a circle of layers")


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
