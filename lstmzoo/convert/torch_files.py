"""Tensors by name, from a safetensors file or a file of `torch.save` (with torch installed); no code in it runs."""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from lstmzoo.convert.arrays import is_dense
from lstmzoo.convert.bounds import Room, listed, require_plain
from lstmzoo.convert.torch_objects import foreign_objects
from lstmzoo.errors import InputError, shown

_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
_SAVED = (
    ".pt",
    ".pth",
    ".bin",
    ".ckpt",
)  # all by torch.save; Lightning writes .ckpt
_WRAPPERS = ("state_dict", "model_state_dict", "model")  # keys for it in files of training scripts


def read_tensors(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Read arrays or tensors by name; raise `InputError` for a file that is missing, damaged or of another kind."""
    file = Path(path)
    if not file.is_file():
        what = "a directory" if file.is_dir() else "nothing there"
        raise InputError(f"{shown(str(file), 200)}: expected a file of weights, received {what}")
    if file.suffix in _SAVED:
        return _fitting(file, _state_dict(file))
    if file.suffix != ".safetensors":
        raise InputError(
            f"{file}: expected a .safetensors, {', '.join(_SAVED[:-1])} or {_SAVED[-1]} file, received "
            f"{file.suffix or 'no ending'!r}"
        )
    try:
        content = file.read_bytes()
        entries = safetensors.deserialize(content)  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise InputError(f"{file}: expected a whole safetensors file, received a damaged one ({error})") from error
    entries = sorted(entries, key=lambda entry: entry[0])  # the library gives them in another order at each call
    tensors = {name: _array(file, name, entry) for name, entry in entries}
    return _fitting(
        file, tensors | {name: tensors[kept] for name, kept in _aliases(content).items() if kept in tensors}
    )


def _fitting(file: Path, tensors: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the tensors; raise `InputError` for more than the file can hold: expanded or much shared ones."""
    room = Room(file, file.stat().st_size)
    for name, value in tensors.items():
        if is_dense(value):
            room.take(value.nbytes, f"the tensor {shown(name)}")
    return tensors


def _aliases(content: bytes) -> dict[str, str]:
    """Return names of shared tensors that are not in the file, each with the name under which its values are.

    `safetensors.torch.save_model` writes files in this way.
    """
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])  # the library has found it whole
    notes = header.get("__metadata__") or {}
    return {name: kept for name, kept in notes.items() if name not in header}


def _array(file: Path, name: str, entry: Mapping[str, Any]) -> np.ndarray:
    kind, data, shape = entry["dtype"], entry["data"], entry["shape"]
    if kind == "BF16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if kind not in _TYPES:
        raise InputError(f"{file}: expected tensors of F16, BF16, F32 or F64, received {kind} in {name!r}")
    return np.frombuffer(data, _TYPES[kind]).reshape(shape)


def _state_dict(file: Path) -> Mapping[str, Any]:
    try:
        import torch
    except ImportError:
        raise InputError(
            f"{file}: expected torch to be installed to read it, received none: pip install 'lstmzoo[torch]', or save "
            "the weights as safetensors"
        ) from None
    content = file.read_bytes()
    try:
        _require_tensors_only(file, content)
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)  # no code in the file runs
    except InputError:
        raise
    except Exception as error:  # of many kinds, OSError and RuntimeError among them, and all about the content
        reason = shown(str(error).split("\n")[0], 200)
        raise InputError(
            f"{file}: expected what torch.save(model.state_dict(), path) writes, whole, received other data ({reason})"
        ) from error
    return state_dict_in(found, str(file))


def _require_tensors_only(file: Path, content: bytes) -> None:
    """Raise `InputError` for an archive that torch.save does not write, and for objects that are not tensors."""
    if zipfile.is_zipfile(io.BytesIO(content)):  # torch.save compresses nothing
        require_plain(file, zipfile.ZipFile(io.BytesIO(content)).infolist(), (zipfile.ZIP_STORED,))
    for name in foreign_objects(content):
        raise InputError(
            f"{file}: expected what torch.save(model.state_dict(), path) writes, received {shown(name)}, of a whole "
            "module or other objects: save model.state_dict(), or give the live module, or what torch.load returns "
            "where you trust the file"
        )


def state_dict_in(found: Any, source: str, expected: str = "a state dict") -> Mapping[str, Any]:
    """Return tensors by name: the mapping itself, or the one mapping inside it that holds tensors."""
    for wrapper in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if isinstance(found, Mapping) and not _holds_tensors(found):
        nested = [name for name, value in found.items() if _holds_tensors(value)]
        if len(nested) > 1:
            names = listed(map(shown, nested))
            raise InputError(f"{source}: expected one state dict, received mappings at {names}: give one of them")
        found = found[nested[0]] if nested else found
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise InputError(f"{source}: expected {expected}, name -> tensor, received {_described(found)}")
    return found


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, Mapping) and any(hasattr(part, "dtype") for part in value.values())


def _described(found: Any) -> str:
    return shown(found) if isinstance(found, (str, int, float, Mapping, type(None))) else type(found).__name__
