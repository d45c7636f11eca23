"""A trained model as a file that other programs run, checked against the live model before it is there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lstmzoo.blueprint import Blueprint
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.files import publish
from lstmzoo.formats.card import Source, card_of
from lstmzoo.formats.notes import Notes
from lstmzoo.formats.table import FORMATS, choose_format
from lstmzoo.pretrained import PREFIX, card, refuse_to_write
from lstmzoo.signature import Runner, Signature, signature_of
from lstmzoo.strict_yaml import shown
from lstmzoo.trained import Trained, open_run

if TYPE_CHECKING:
    import tf_keras as keras

LANES, WINDOWS = 2, (1, 17, 1, 64, 17)  # what each file is tried on: 200 symbols, in pieces with the states carried
TOLERANCE = 1e-5  # between the logits of two runtimes, of the largest one where that is above 1: float32


class Exported(NamedTuple):
    """What was written."""

    path: Path
    format: str
    signature: Signature
    symbols: int
    """On how many it was compared with the live model."""
    difference: float
    """Between the logits, at most."""
    bytes: int


def export_model(
    run: "str | os.PathLike[str] | keras.Model", path: str | os.PathLike[str], format: str | None = None
) -> Exported:
    """Write a trained model with its state in the signature: `(ids, states) -> (logits, states)`.

    `run`: a run directory, a trained model of the package such as "zoo:char_python", or a live Keras model such as
    `build_model` makes, whose states stay as they are (and which has no vocabulary). `format`: "keras",
    "savedmodel" (a directory), "tflite" or "onnx"; None: as the ending of `path` tells. Inputs are `ids [B, T]` int32
    and the states `h0`, `c0`, `h1`, ... `[B, H]`; outputs are `logits [B, T, V]` and the states after the window. Any B
    and T. The vocabulary and a model card are inside. What is written is run by its own runtime and compared with the
    live model over 200 symbols before it appears under its name. Raises `InputError` for an unknown format, a package
    that is not installed, a path that exists, and as `open_run`; `EnvironmentFailure` for a file that computes
    something else.
    """
    target = Path(path)
    chosen = check_target(target, format)
    return write_export(source_of(run), target, chosen)


def source_of(run: "str | os.PathLike[str] | keras.Model") -> Source:
    """What `export_model` takes, read; `InputError` as `open_run`, and for a model that `build_model` does not make."""
    if not isinstance(run, (str, os.PathLike)):
        from lstmzoo.rebuild import blueprint_of

        blueprint = blueprint_of(run)
        if blueprint.dtype != "float32":
            raise InputError(f"model: expected weights of float32, received {blueprint.dtype}")
        return Source(blueprint, None, run.name, "those of a live Keras model")
    return source_of_run(open_run(run))


def source_of_run(trained: Trained) -> Source:
    """A run that was read."""
    its_own = card(trained.run) if trained.run.startswith(PREFIX) else ""
    weights = f"of step {trained.step:,} of the run"
    return Source(trained.blueprint(), trained.symbols, trained.experiment.name, weights, its_own)


def check_target(path: Path, format: str | None) -> str:
    """The format; `InputError` for one that cannot be, and for a path where something is."""
    refuse_to_write(path, "OUT", "OUT")
    chosen = choose_format(format, path)
    _require_free(path)
    return chosen


def _require_free(path: Path) -> None:
    try:
        path.lstat()
        received = "one that exists"
    except FileNotFoundError:
        return
    except OSError as error:  # a file among its parents, a name too long
        received = f"one that cannot be ({error.strerror})"
    expected = f"{shown(str(path), 200)}: expected a path where nothing is, received {received}"
    raise InputError(f"{expected}: remove what is there, or choose another")


def write_export(source: Source, path: Path, format: str) -> Exported:
    """As `export_model`, to a path that was checked."""
    form, signature = FORMATS[format], signature_of(source.blueprint)
    notes = Notes(source.symbols, card_of(source, format, path.name))
    with _beside(path) as beside:
        form.write(source.blueprint, notes, beside)
        difference = _compare(source.blueprint, form.open(beside, signature))
        size = sum(file.stat().st_size for file in [beside, *beside.rglob("*")] if file.is_file())
        _require_free(path)
        publish(beside, path)
    return Exported(path, format, signature, LANES * sum(WINDOWS), difference, size)


def describe(exported: Exported) -> str:
    """What was written, for a person."""
    signature = exported.signature
    states = ", ".join(
        f"{name} [B, {units}]" for name, units in zip(signature.state_names, signature.state_sizes, strict=True)
    )
    first = f"features [B, T, {signature.input_dim}]" if signature.encoding == "features" else "ids [B, T] int32"
    near = f"within {exported.difference:.1e} of" if exported.difference else "equal to"
    return "\n".join(
        [
            f"{exported.path}: {exported.format}, {exported.bytes / 1000:,.0f} kB",
            f"inputs: {first}, {states}",
            f"outputs: logits [B, T, {signature.vocab_size}], and the states for what comes next",
            f"checked over {exported.symbols} symbols: logits {near} the live model's",
        ]
    )


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A path in a hidden directory beside another, which is gone afterwards, with any parents that had to be made."""
    made = [parent for parent in path.absolute().parents if not parent.exists()]
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".export.", suffix=".tmp", dir=path.absolute().parent) as folder:
            yield Path(folder) / path.name
    except BaseException:
        for parent in made:
            parent.rmdir()
        raise


def _compare(blueprint: Blueprint, runner: Runner) -> float:
    """The largest difference from the live model's logits; `EnvironmentFailure` for one beyond rounding."""
    from lstmzoo.rebuild import build

    signature, x = runner.signature, _trial(runner.signature)
    expected = build(blueprint._replace(seq_length=None), batch_size=LANES)(x).numpy()
    states, found, first = signature.zero_states(LANES), [], 0
    for length in WINDOWS:
        logits, states = runner(x[:, first : first + length], states)
        found.append(logits)
        first += length
    difference = float(np.abs(np.concatenate(found, 1) - expected).max())
    if not difference <= TOLERANCE * max(1, np.abs(expected).max()):
        raise EnvironmentFailure(
            f"expected the exported model to give the logits of the live one, received others, by {difference:.2g}: "
            "nothing was kept; please report it with the versions that `python -m lstmzoo.doctor` prints"
        )
    return difference


def _trial(signature: Signature) -> np.ndarray:
    """What a file is tried on: ids `[B, T]`, or features `[B, T, D]`."""
    draws, shape = np.random.default_rng(0), (LANES, sum(WINDOWS))
    if signature.encoding == "features":
        return draws.normal(size=(*shape, signature.input_dim or 1)).astype(np.float32)
    return draws.integers(0, signature.vocab_size, shape, np.int32)
