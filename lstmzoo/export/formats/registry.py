"""The formats that there are: who writes each, who runs it, and what its file is called."""

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import NamedTuple

from lstmzoo.errors import InputError, nearest
from lstmzoo.export.formats.keras import KerasRunner, write_keras
from lstmzoo.export.formats.onnx import OnnxRunner, write_onnx
from lstmzoo.export.formats.savedmodel import SavedModelRunner, write_savedmodel
from lstmzoo.export.formats.tflite import LiteRunner, write_tflite
from lstmzoo.export.notes import Notes
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Runner, Signature
from lstmzoo.system.missing import load_extra

MOST = 2**31 - 2**24  # bytes, with room for the rest of the file


class Format(NamedTuple):
    """One kind of file."""

    write: Callable[[Blueprint, Notes, Path], None]
    open: Callable[[Path, Signature], Runner]
    ending: str
    """Of the file's name; none: a directory."""
    inside: str
    """Where the vocabulary and the card are."""
    modules: tuple[str, ...] = ()
    """What must be installed, under the format's name as an extra."""
    most_bytes: float = inf
    """Of weights: a flatbuffer and a protobuf end at 2 GiB."""
    odd: str = ""
    """What a path may not hold: TensorFlow takes a SavedModel's for a pattern."""


FORMATS = {
    "keras": Format(write_keras, KerasRunner, ".keras", "in the file, a zip"),
    "savedmodel": Format(write_savedmodel, SavedModelRunner, "", "in the directory", odd="*?["),
    "tflite": Format(
        write_tflite,
        LiteRunner,
        ".tflite",
        "in a zip behind the model",
        ("ai_edge_litert.interpreter",),
        MOST,
    ),
    "onnx": Format(write_onnx, OnnxRunner, ".onnx", "in the metadata", ("onnx", "onnxruntime"), MOST),
}
_ENDINGS = {form.ending: name for name, form in FORMATS.items() if form.ending}


def choose_format(name: str | None, path: Path) -> str:
    """The format that is asked for, or that the file's name tells.

    Raises `InputError` for an unknown one, for a name that is another format's, and where a package is not installed.
    """
    told = _ENDINGS.get(path.suffix.lower())
    chosen = told if name is None else name
    if chosen is None:
        raise InputError(
            f"format: expected one of {', '.join(FORMATS)}, or a name that ends with {', '.join(_ENDINGS)}, received "
            f"{path.name!r}{nearest(path.suffix, _ENDINGS)}: say --format (savedmodel for a directory)"
        )
    if chosen not in FORMATS:
        raise InputError(f"format: expected one of {', '.join(FORMATS)}, received {name!r}{nearest(name, FORMATS)}")
    if told not in (None, chosen) or (chosen == "keras" and path.suffix != ".keras"):  # Keras opens no other name
        ending = FORMATS[chosen].ending
        wanted = f"a name that ends with {ending}" if ending else "the name of a directory"
        raise InputError(f"{path}: expected {wanted} with format {chosen}, received {path.name!r}")
    require_format(chosen)
    return chosen


def require_format(name: str) -> None:
    """`InputError`, with the line that installs it, for a package that a format needs and that is not installed."""
    for module in FORMATS[name].modules:
        load_extra(module, name)
