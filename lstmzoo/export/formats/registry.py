"""The export formats by name, and which one a user means."""

import os
from pathlib import Path

from lstmzoo.errors import InputError, nearest, shown
from lstmzoo.export.formats.c import C
from lstmzoo.export.formats.format import Format
from lstmzoo.export.formats.keras import KERAS
from lstmzoo.export.formats.onnx import ONNX
from lstmzoo.export.formats.savedmodel import SAVEDMODEL
from lstmzoo.export.formats.tflite import TFLITE
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.system.missing import load_extra

FORMATS: dict[str, Format] = {"keras": KERAS, "savedmodel": SAVEDMODEL, "tflite": TFLITE, "onnx": ONNX, "c": C}
ENDINGS = {form.ending: name for name, form in FORMATS.items() if form.ending}


def choose_format(name: str | None, path: Path) -> str:
    """Return the format's name: the given one, or else that of the path's ending.

    Raises `InputError` for an unknown format, for the ending of another format, and if a package is not installed.
    """
    by_ending = ENDINGS.get(path.suffix.lower())
    chosen = by_ending if name is None else name
    if chosen is None:
        raise InputError(
            f"format: expected one of {', '.join(FORMATS)}, or a name that ends with {', '.join(ENDINGS)}, received "
            f"{path.name!r}{nearest(path.suffix, ENDINGS)}: choose one with --format (savedmodel writes a directory)"
        )
    if chosen not in FORMATS:
        received = shown(chosen) + nearest(chosen, FORMATS)
        raise InputError(f"format: expected one of {', '.join(FORMATS)}, received {received}")
    form = FORMATS[chosen]
    if by_ending not in (None, chosen) or (form.needs_ending and path.suffix != form.ending):
        wanted = f"a name that ends with {form.ending}" if form.ending else "the name of a directory"
        raise InputError(
            f"{path}: expected {wanted} with format {chosen}, received {path.name!r}: choose another name or format"
        )
    require_format(chosen)
    return chosen


def format_of(path: Path) -> str:
    """Return the format of an exported file by its name, savedmodel for a directory; raise `InputError` for others."""
    name = "savedmodel" if os.path.isdir(path) else ENDINGS.get(path.suffix.lower())  # noqa: PTH112  (for long names)
    if name is None:
        raise InputError(f"{path}: expected a directory, or a name that ends with {', '.join(ENDINGS)}")
    return name


def require_format(name: str) -> None:
    """Raise `InputError`, which says what to install, if the machine lacks a package or program that a format needs."""
    for module in FORMATS[name].modules:
        load_extra(module, name)
    if check := FORMATS[name].check:
        check()


def require_small(name: str, blueprint: Blueprint) -> None:
    """Raise `InputError` for weights that are too large for a format."""
    size, most = sum(part.nbytes for part in blueprint.weights.in_order()), FORMATS[name].most_bytes
    if size > most:
        others = ", ".join(other for other, form in FORMATS.items() if form.most_bytes >= size)
        raise InputError(
            f"weights: expected at most {most / 1e6:,.1f} MB of float32 with {name}, received {size / 1e6:,.1f} MB: "
            f"choose another format ({others}) or runtime"
        )
