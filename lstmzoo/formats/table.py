"""The formats that there are: who writes each, who runs it, and what its file is called."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lstmzoo.blueprint import Blueprint
from lstmzoo.errors import InputError
from lstmzoo.formats.extras import load_extra
from lstmzoo.formats.keras import KerasRunner, write_keras
from lstmzoo.formats.notes import Notes
from lstmzoo.formats.onnx import OnnxRunner, write_onnx
from lstmzoo.formats.savedmodel import SavedModelRunner, write_savedmodel
from lstmzoo.formats.tflite import LiteRunner, write_tflite
from lstmzoo.nearest import did_you_mean
from lstmzoo.signature import Runner, Signature


class Format(NamedTuple):
    """One kind of file."""

    write: Callable[[Blueprint, Notes, Path], None]
    open: Callable[[Path, Signature], Runner]
    ending: str
    """Of the file's name; none: a directory."""
    modules: tuple[str, ...] = ()
    """What must be installed, under the format's name as an extra."""


FORMATS = {
    "keras": Format(write_keras, KerasRunner, ".keras"),
    "savedmodel": Format(write_savedmodel, SavedModelRunner, ""),
    "tflite": Format(write_tflite, LiteRunner, ".tflite", ("ai_edge_litert.interpreter",)),
    "onnx": Format(write_onnx, OnnxRunner, ".onnx", ("onnx", "onnxruntime")),
}
_ENDINGS = {form.ending: name for name, form in FORMATS.items() if form.ending}


def choose_format(name: str | None, path: Path) -> str:
    """The format that is asked for, or that the file's name tells.

    Raises `InputError` for an unknown one, for a name that is another format's, and where a package is not installed.
    """
    told = _ENDINGS.get(path.suffix)
    if name is None and told is None:
        raise InputError(
            f"format: expected one of {', '.join(FORMATS)}, or a name that ends with {', '.join(_ENDINGS)}, received "
            f"{path.name!r}: say --format"
        )
    name = name or told or ""
    if name not in FORMATS:
        raise InputError(
            f"format: expected one of {', '.join(FORMATS)}, received {name!r}{did_you_mean(name, FORMATS)}"
        )
    if told not in (None, name) or (name == "keras" and told is None):  # Keras opens no other name
        wanted = f"a name that ends with {FORMATS[name].ending}" if FORMATS[name].ending else "the name of a directory"
        raise InputError(f"{path}: expected {wanted} with format {name}, received {path.name!r}")
    require(name)
    return name


def require(name: str) -> None:
    """`InputError`, with the line that installs it, for a package that a format needs and that is not installed."""
    for module in FORMATS[name].modules:
        load_extra(module, name)
