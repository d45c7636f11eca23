"""The page: one HTML file with its data, style and program inside, which loads nothing and can be opened from disk."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from lstmzoo.errors import EnvironmentFailure, InputError, path_of, shown
from lstmzoo.inspect.features import Feature
from lstmzoo.inspect.glyphs import shown_symbols
from lstmzoo.inspect.markup import as_json, elements, escaped, source
from lstmzoo.inspect.subject import Subject, subject_of
from lstmzoo.inspect.survey import Best, Survey, named_cells, survey, tells
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.runs.trained import Trained, open_with_warnings
from lstmzoo.system.files import remedy, write_atomically
from lstmzoo.system.reader import open_file
from lstmzoo.zoo.pretrained import refuse_to_write

TEMPLATE = Path(__file__).with_name("template")
MARK, HEAD = b'<meta name="generator" content="lstmzoo.inspect">', 1000  # within the first bytes of a page
PROGRAM = (
    "data",
    "cells",
    "colours",
    "tip",
    "text",
    "stretch",
    "traces",
    "panels",
    "model",
    "writing",
    "main",
)  # .js, in this order
WEIGHTS = 4 << 20  # bytes, at most
TYPES = {"int8": "i1", "int16": "i2", "uint16": "u2", "float16": "f2", "float32": "f4"}


def inspect_model(
    run: str | os.PathLike[str],
    text: str | bytes | Path | None = None,
    *,
    out: str | os.PathLike[str] = "page.html",
    length: int | None = None,
) -> Path:
    """Write one HTML page that shows what each cell of a run's model does, and return its path.

    `run`: a run directory, or a trained model such as "zoo:char_python". `text`: what a char run reads, its content or
    a `Path` to it; the `Path` of a table for a series run. None: a char run reads a text that it writes itself, others
    read the beginning of what they validate on. `length`: symbols or rows that are shown at most (default: 10,000 of a
    text, 3,000 of one that it writes, 500 of others). An older page is replaced.

    Raises `InputError` for a path that is no run, for a text or table that its model cannot read, and for a place that
    cannot be written to; `EnvironmentFailure` where the system cannot write.
    """
    path = path_of("out", out)
    write_page(open_with_warnings(run), text, path, length)
    return path


def write_page(trained: Trained, text: str | bytes | Path | None, out: Path, length: int | None) -> list[str]:
    """Write the page of a run that is open, as `inspect_model` does; return what its reader should know."""
    check_out(out)
    subject = subject_of(trained, text, length)
    weights = packed_weights(trained.blueprint())
    content = page(trained, subject, survey(trained, subject, weights is not None), weights)
    try:
        write_atomically(out, content)
    except OSError as error:
        raise EnvironmentFailure(
            f"{shown(str(out), 200)}: expected to write it, received: {error.strerror or error}; nothing was written: "
            f"{remedy(error)}, or choose another path"
        ) from error
    return subject.notes


def check_out(out: Path) -> None:
    """Raise `InputError` for a path at which no file can stand."""
    refuse_to_write(out, "--out", "--out")
    problem = None
    try:
        if os.path.isdir(out):  # noqa: PTH112  (Path's own raises for a name too long)
            problem = "a directory"
        elif not os.path.isdir(out.parent):  # noqa: PTH112
            problem = "a path in a directory that is not there"
        elif os.path.lexists(out) and not _is_page(out):
            problem = "one of another kind that is there"
    except ValueError:
        problem = "a path with a NUL character"
    if problem:
        raise InputError(
            f"--out: expected a file to write, received {problem} ({shown(str(out), 200)}): name one such as page.html"
        )


def _is_page(path: Path) -> bool:
    """Tell whether a file is empty, or a page of this command, which alone it replaces."""
    try:
        with open_file(path) as file:
            head = file.read(HEAD)
            return MARK in head or not head
    except OSError:
        return False


def packed_weights(blueprint: Blueprint) -> np.ndarray | None:
    """Return all weights in a row, in float32 where they fit; in float16 if that is exact, or if only so they fit.

    None: they do not fit.
    """
    flat = _flat(blueprint)
    with np.errstate(over="ignore"):
        half = flat.astype(np.float16)
    if np.array_equal(half, flat) or (flat.nbytes > WEIGHTS and np.isfinite(half).all()):
        flat = half
    return flat if flat.nbytes <= WEIGHTS else None


def _flat(blueprint: Blueprint) -> np.ndarray:
    return np.concatenate([array.ravel() for array in blueprint.weights.in_order()])


def _rounding(blueprint: Blueprint, weights: np.ndarray | None) -> list[str]:
    """Return a note where the page computes with other weights than the run has."""
    if weights is None or np.array_equal(weights, _flat(blueprint)):
        return []
    return ["The weights inside are rounded to 16 bits: c, gates and what it writes can differ from the run's."]


def page(trained: Trained, subject: Subject, found: Survey, weights: np.ndarray | None) -> bytes:
    """Return the page's bytes."""
    arrays = found.arrays | ({} if weights is None else {"weights": weights})
    header = _header(trained, subject, found, weights)
    header["blocks"] = {name: [TYPES[array.dtype.name], *array.shape] for name, array in arrays.items()}
    style = (TEMPLATE / "page.css").read_text(encoding="utf-8")
    program = "".join((TEMPLATE / f"{name}.js").read_text(encoding="utf-8") for name in PROGRAM)
    parts = {
        "TITLE": escaped(f"{_name(trained)}: what each cell does"),
        "POLICY": f"default-src 'none'; style-src {source(style)}; script-src {source(program)}; base-uri 'none'; "
        "form-action 'none'",
        "STYLE": style,
        "HEADER": as_json(header),
        "DATA": "\n".join(elements(arrays)),
        "PROGRAM": program,
    }
    text = (TEMPLATE / "page.html").read_text(encoding="utf-8")
    pieces = text.split("@@")  # every second one is a name
    pieces[1::2] = [parts[name] for name in pieces[1::2]]
    return "".join(pieces).encode()


def _name(trained: Trained) -> str:
    """Return what a run is called, without the place where it stands: pages are sent to others."""
    return os.path.basename(os.path.abspath(trained.run))  # noqa: PTH100, PTH119  (zoo:NAME stays as it is)


def _header(trained: Trained, subject: Subject, found: Survey, weights: np.ndarray | None) -> dict[str, Any]:
    experiment, symbols = trained.experiment, trained.symbols
    return {
        "run": _name(trained),
        "subject": subject.name,
        "notes": [*trained.notes, *subject.notes, *_rounding(trained.blueprint(), weights)],
        "steps": len(subject.x),
        "step": trained.step,
        "nats": found.nats,
        "layers": list(experiment.model.layers),
        "features": [_feature(*each) for each in zip(subject.features, found.best, strict=True)],
        "tracks": _tracks(trained, subject),
        "symbols": None if symbols is None else {**symbols.as_json(), "shown": shown_symbols(symbols)},
        "model": None if weights is None else _model(trained),
        "named": [] if weights is not None else named_cells(found.best),
    }


def _feature(feature: Feature, best: list[Best]) -> dict[str, Any]:
    varies = bool(np.nanmax(feature.values) > np.nanmin(feature.values))
    return {"name": feature.name, "varies": varies, "tells": tells(best), "best": best}


def _tracks(trained: Trained, subject: Subject) -> list[str]:
    """Return the names of what is drawn above the cells; predictions come last."""
    if trained.symbols is not None:
        return []
    scaling = trained.scaling
    predictions = ["prediction"] if scaling is None else [f"prediction {name}" for name in scaling.targets]
    return [*(track.name for track in subject.tracks), *predictions]


def _model(trained: Trained) -> dict[str, Any]:
    """Return what the program in the page needs to know beside the weights."""
    experiment, blueprint = trained.experiment, trained.blueprint()
    return {
        "encoding": experiment.encoding,
        "activation": experiment.model.recurrent_activation,
        "skipOutputs": experiment.model.skip_outputs,
        "shapes": {name: list(array.shape) for name, array in blueprint.weights.named().items()},
    }
