"""Checks that layers, cells and functions are Keras's own: a user's may have the same name and compute other values."""

from collections.abc import Iterator, Mapping
from typing import Any

from lstmzoo.errors import InputError, shown

LayerEntry = Mapping[str, Any]  # a layer's class_name and config, as Keras serializes it; its path in a chain
MODELS = ("Sequential", "Functional", "Model")
_PACKAGES = ("keras", "tf_keras")
_FUNCTIONS = (*_PACKAGES, "tensorflow")  # tf.nn.tanh is what Keras 2 calls


def name_of(layer: LayerEntry) -> str:
    """Return the layer's name, as messages show it."""
    return shown(str(layer["config"]["name"]))


def layers_of(model: LayerEntry) -> list[LayerEntry]:
    """Return the layers of a model's config, in its order; Keras 2 had the list alone until 2.2."""
    config = model["config"]
    return list(config if isinstance(config, list) else config["layers"])


def foreign(layer: LayerEntry, received: str) -> InputError:
    """Return an error for a layer that cannot be part of a stack of LSTMs."""
    return InputError(
        f"layer {name_of(layer)}: expected Embedding, LSTM, RNN of LSTMCell, Dropout, Dense or softmax in one line, "
        f"received {received}"
    )


def require_keras(layer: LayerEntry) -> None:
    """Raise `InputError` unless the layer, and the cells or the layer within it, are of Keras's own classes.

    Files of the first Keras 2 do not say where a class comes from; for them the name alone decides.
    """
    for part in _parts(layer):
        if not is_keras(part):
            raise foreign(layer, f"{shown(part['class_name'])} of {_origin(part)}")


def is_keras(part: LayerEntry) -> bool:
    """Tell whether a serialized object is of a class that comes with Keras."""
    if "module" in part and str(part["module"]).split(".")[0] not in _PACKAGES:
        return False
    return part.get("registered_name") in (None, "Functional")  # Keras writes this name of its own class alone


def require_live(model: Any) -> None:
    """Raise `InputError` that names a class or activation of a live model which is not Keras's own, if there is one."""
    if not _of(type(model), _PACKAGES):
        raise InputError(
            f"model {model.name!r}: expected a Sequential or functional one, received {shown(type(model).__name__)} of "
            "the user's own: give keras.Model(model.inputs, model.outputs) if it has no call of its own"
        )
    for layer in model.layers:
        for part in _live_parts(layer):
            if hasattr(part, "layers"):
                require_live(part)
            elif not _of(type(part), _PACKAGES):
                raise foreign({"config": {"name": layer.name}}, f"{shown(type(part).__name__)} of the user's own")
            _require_activations(layer.name, part)


def _require_activations(name: str, part: Any) -> None:
    for key in ("activation", "recurrent_activation"):
        function = getattr(part, key, None)
        if function is not None and not _of(function, _FUNCTIONS):
            raise InputError(f"layer {name!r}: expected Keras's own {key}, received {shown(function)}")


def _of(thing: Any, packages: tuple[str, ...]) -> bool:
    return str(getattr(thing, "__module__", None)).split(".")[0] in packages


def _origin(part: LayerEntry) -> str:
    registered = part.get("registered_name")
    return shown(part.get("module") or registered or "the user's own")


def _parts(layer: LayerEntry) -> Iterator[LayerEntry]:
    """Yield the layer, the layer in a TimeDistributed, the cell of an RNN, and the cells of stacked cells."""
    yield layer
    config = layer["config"]
    for key in ("layer", "cell"):
        if isinstance(config.get(key), Mapping):
            yield from _parts(config[key])
    yield from config.get("cells", ())


def _live_parts(layer: Any) -> Iterator[Any]:
    yield layer
    for key in ("layer", "cell"):
        if (inner := getattr(layer, key, None)) is not None:
            yield from _live_parts(inner)
    yield from getattr(layer, "cells", ())


def cells_of(layer: LayerEntry) -> list[Mapping[str, Any]]:
    """Return the configs of the cells of an LSTM or RNN layer."""
    config = layer["config"]
    if layer["class_name"] == "LSTM":
        return [config]
    cell = config["cell"]
    cells = cell["config"]["cells"] if cell["class_name"] == "StackedRNNCells" else [cell]
    for inner in cells:
        if inner["class_name"] != "LSTMCell":
            raise foreign(layer, f"RNN of {shown(inner['class_name'])}")
    return [inner["config"] for inner in cells]
