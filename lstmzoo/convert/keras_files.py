"""Keras models as data: a config and arrays, from a `.keras` or `.h5` file of Keras 2 or 3, or from a live model.

Files are read with json and h5py alone. Nothing in them is ever deserialized or called, so that a Lambda layer cannot
run, and reading needs neither Keras 2 nor Keras 3.
"""

import io
import json
import os
import re
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from lstmzoo.convert.bounds import Member, Room, require_plain
from lstmzoo.convert.keras_hdf5 import damage_of, own, read_arrays, text
from lstmzoo.convert.keras_own import MODELS, LayerEntry, layers_of, require_live
from lstmzoo.errors import InputError, shown

_MAX_CONFIG = 8_000_000  # bytes of JSON; a stack of a thousand layers has two million
_MAX_WEIGHTS = 2 << 30  # bytes of the HDF5 file within, which is read into memory
_PARTS = ("config.json", "metadata.json", "model.weights.h5")


class Saved(NamedTuple):
    """A Keras model as data: version, config, and a function that reads the arrays of a layer."""

    major: int
    """Version of the Keras that wrote it: 2 or 3."""
    config: LayerEntry
    """class_name and config of the model."""
    arrays: Callable[[LayerEntry], list[Any]]
    """Arrays of one layer, in the order in which Keras makes them: kernel, recurrent_kernel, bias, ..."""


def read_keras(source: Any) -> Saved:
    """Read a file or a live model as data; raise `InputError` for a missing or damaged file, or one of another kind."""
    if not isinstance(source, str | os.PathLike):
        return _live(source)
    path = Path(source)
    if not path.is_file():
        what = "a directory" if path.is_dir() else "nothing there"
        raise InputError(f"{shown(str(path), 200)}: expected a .keras or .h5 file, received {what}")
    content = path.read_bytes()
    with damage_of(path):
        if content[:2] == b"PK":
            return _zipped(path, content)
        if content[:8] == b"\x89HDF\r\n\x1a\n":
            return _legacy(path, content)
    raise InputError(f"{path}: expected a Keras model as .keras (zip) or .h5 (HDF5), received another kind of file")


def _live(model: Any) -> Saved:
    library = next(
        (root for base in type(model).__mro__ if (root := base.__module__.split(".")[0]) in _LIBRARIES), None
    )
    if library is None or not hasattr(model, "to_json"):
        raise InputError(f"source: expected a path or a Keras model, received {shown(model)}")
    try:
        config = json.loads(model.to_json())
    except (NotImplementedError, TypeError, ValueError) as error:
        reason = shown(str(error), 200)
        raise InputError(f"model {model.name!r}: expected a Sequential or functional one, received {reason}") from error
    require_live(model)
    return Saved(_major(sys.modules[library].__version__), config, lambda entry: _live_arrays(model, entry))


_LIBRARIES = ("keras", "tf_keras")


def _live_arrays(model: Any, entry: LayerEntry) -> list[Any]:
    """Return the arrays of each cell in turn, whether it is trainable or not."""
    layer = model
    for name in entry["path"]:
        layer = next(part for part in layer.layers if part.name == name)
    cells = getattr(getattr(layer, "cell", None), "cells", [layer])
    return [array for cell in cells for array in cell.get_weights()]


def _zipped(path: Path, content: bytes) -> Saved:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [archive.getinfo(name) for name in _PARTS]
        _check_members(path, len(content), *members)
        config, version = (json.loads(archive.read(member)) for member in members[:2])
        file = h5py.File(io.BytesIO(archive.read(members[2])), "r")
    room, inflated = Room(path, len(content)), members[2].compress_type != zipfile.ZIP_STORED
    groups = _group_names(config)
    return Saved(
        _major(version["keras_version"]),
        config,
        lambda entry: read_arrays(room, file, _places(entry, groups), inflated=inflated),
    )


def _check_members(path: Path, size: int, config: Member, metadata: Member, weights: Member) -> None:
    """Raise `InputError` for members that are too large, or larger than a file of `size` bytes can hold."""
    require_plain(path, (config, metadata, weights), (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    if max(config.file_size, metadata.file_size) > _MAX_CONFIG:
        raise InputError(f"{path}: expected at most {_MAX_CONFIG:,} bytes of config, received more")
    if weights.file_size > _MAX_WEIGHTS:
        raise InputError(f"{path}: expected at most {_MAX_WEIGHTS:,} bytes of weights, received {weights.file_size:,}")
    room = Room(path, size)
    for member in (config, metadata, weights):
        room.take(member.file_size, member.filename)


def _group_names(model: LayerEntry, group: str = "", path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Return the group of each layer's arrays in a `.keras` file: lstm, lstm_1, ... by class, in the model's order."""
    counts: dict[str, int] = {}
    names = {}
    for entry in layers_of(model):
        kind = _snake_case(entry["class_name"])
        count = counts[kind] = counts.get(kind, -1) + 1
        inner, place = (*path, entry["config"]["name"]), f"{group}layers/{kind}" + (f"_{count}" if count else "")
        names[inner] = place
        if entry["class_name"] in MODELS:
            names |= _group_names(entry, f"{place}/", inner)
    return names


def _snake_case(name: str) -> str:
    """Convert a class name to snake case as Keras does: LSTM is lstm, TimeDistributed is time_distributed."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _places(entry: LayerEntry, groups: Mapping[tuple[str, ...], str]) -> list[str]:
    """Return the places of a layer's arrays in a `.keras` file, in order."""
    group, config, kind = groups[entry["path"]], entry["config"], entry["class_name"]
    if kind == "LSTM":
        return _numbered(f"{group}/cell", 2, config)
    if kind == "TimeDistributed":
        return _numbered(f"{group}/layer", 1, config["layer"]["config"])
    if kind != "RNN":
        return _numbered(group, 1, config)
    if config["cell"]["class_name"] != "StackedRNNCells":
        return _numbered(f"{group}/cell", 2, config["cell"]["config"])
    cells = config["cell"]["config"]["cells"]
    names = [f"{group}/cell/cells/lstm_cell" + (f"_{n}" if n else "") for n in range(len(cells))]
    return [place for name, cell in zip(names, cells, strict=True) for place in _numbered(name, 2, cell["config"])]


def _numbered(group: str, kernels: int, config: Mapping[str, Any]) -> list[str]:
    return [f"{group}/vars/{n}" for n in range(kernels + bool(config.get("use_bias")))]


def _legacy(path: Path, content: bytes) -> Saved:
    file = h5py.File(io.BytesIO(content), "r")
    if "model_config" not in file.attrs:
        raise InputError(
            f"{path}: expected a whole model, received an HDF5 file without one: save the model with model.save(path), "
            "not its weights alone"
        )
    version, config = text(file.attrs.get("keras_version", "1")), text(file.attrs["model_config"])
    if len(config) > _MAX_CONFIG:
        raise InputError(f"{path}: expected at most {_MAX_CONFIG:,} bytes of config, received more")
    room = Room(path, len(content))
    return Saved(_major(version), json.loads(config), lambda entry: _legacy_arrays(room, file, entry))


def _legacy_arrays(room: Room, file: h5py.File, entry: LayerEntry) -> list[np.ndarray]:
    config = entry["config"]
    cells = config.get("cell", {}).get("config", {}).get("cells", [])
    if len({cell["config"].get("trainable", True) for cell in cells}) > 1:  # Keras writes the trainable ones first
        raise InputError(
            f"layer {config['name']!r}: expected cells all trainable or all frozen, received both: save as .keras"
        )
    outer, *inner = entry["path"]
    group = f"model_weights/{outer}"
    with damage_of(room.path):
        attributes = own(room.path, file, group).attrs
        chunks = [attributes[key] for key in _chunks(attributes)]  # a long list is written in pieces
        names = [text(name) for part in chunks for name in part]
        if inner:  # the group is that of the outermost model, with the weights of all layers in it
            names = _of_layer(entry["path"], names)
        places = [f"{group}/{name}" for name in names]
        return read_arrays(room, file, places, inflated=False)


def _of_layer(path: tuple[str, ...], names: list[str]) -> list[str]:
    """Return the names of a layer's weights: its own name stands in front, or names of models around it do."""
    starts = tuple("/".join(path[n:]) + "/" for n in range(len(path)))
    found = [name for name in names if name.startswith(starts)]
    return found or [name for name in names if path[-1] in name.split("/")]  # first made in a model that is not here


def _chunks(attributes: h5py.AttributeManager) -> list[str]:
    if "weight_names" in attributes:
        return ["weight_names"]
    return [f"weight_names{n}" for n in range(len(attributes)) if f"weight_names{n}" in attributes]


def _major(version: str) -> int:
    major = int(version.split(".")[0])
    if major not in (2, 3):
        raise InputError(f"source: expected a model of Keras 2 or 3, received one of Keras {shown(version)}")
    return major
