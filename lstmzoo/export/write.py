"""A trained model as a file that other programs run, compared with the live model before it gets its name."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lstmzoo.errors import InputError, nearest, shown
from lstmzoo.export.card import Source, card_of
from lstmzoo.export.formats.registry import FORMATS, require_small
from lstmzoo.export.notes import Notes
from lstmzoo.export.target import beside, check_target, taken
from lstmzoo.export.verify import ROUNDED, SYMBOLS, TOLERANCE, compare
from lstmzoo.models.blueprint import require_finite
from lstmzoo.models.signature import Signature, signature_of
from lstmzoo.runs.trained import Trained, open_with_warnings
from lstmzoo.schema.section import Section
from lstmzoo.system.files import publish
from lstmzoo.tasks.optional import ahead_of, answer_of, words_of
from lstmzoo.zoo.pretrained import PREFIX, card

if TYPE_CHECKING:
    import tf_keras as keras

MOST_NAMED = 3  # files of a text, in a card


class Exported(NamedTuple):
    """The result of an export."""

    path: Path
    format: str
    weights: str
    """The origin of the weights, in words."""
    signature: Signature
    symbols: int
    """The number of steps over which it was compared with the live model."""
    difference: float
    """The largest difference between the outputs of both; where they are scaled, in deviations of the targets."""
    bytes: int
    inside: str
    """The files inside it, and their place."""
    scaled: bool
    """True if its numbers are in the units of the data."""
    numbers: str
    """The numbers of its weights: "float32" or "int8"."""
    lines: list[str]
    """Lines on calls and costs, where inputs and outputs are no arrays by name."""


def export_model(
    run: "str | os.PathLike[str] | keras.Model",
    path: str | os.PathLike[str],
    format: str | None = None,
    weights: str = "float32",
) -> Exported:
    """Write a trained model with its state in the signature: `(ids, states) -> (logits, states)`.

    `run`: a run directory, a trained model of the package such as "zoo:char_python", or a live Keras model such as
    `build_model` makes, whose states stay as they are (and which has no vocabulary). `format`: "keras",
    "savedmodel" (a directory), "tflite", "onnx" or "c"; None: the one that the ending of `path` names. `weights`:
    "float32", or "int8" with "c", if that changes no logit by more than 1.0 and the loss by 0.5 % at most (numbers: by
    0.05 deviations, root mean square). Inputs are `ids [B, T]` int32 (or `features [B, T, D]` float32) and the states
    `h0`, `c0`, `h1`, ... `[B, H]` float32; outputs are `logits [B, T, V]` and the states after the window, under the
    same names (ONNX: `h0_next`, ...); in C a call is one step of one lane. B and T may be
    any. A model of numbers gives `outputs [B, T, M]`; that of a run takes and gives numbers in the units of the data,
    since its scaling is in the graph, and a live one its own. The vocabulary or scaling, and a model card, are inside.
    The format's own runtime runs the file over 200 steps, and its numbers are compared with the live model's, before
    the file appears at `path`.

    Raises `InputError` for an unknown format, a package that is not installed, a path that exists, and whatever
    `open_run` refuses; `EnvironmentFailure` if the system cannot write the file, or if the file computes other numbers.
    """
    target = Path(path)
    chosen = check_target(target, format)
    check_weights(weights, chosen)
    return write_export(source_of(run), target, chosen, weights)


def source_of(run: "str | os.PathLike[str] | keras.Model") -> Source:
    """Read what `export_model` takes; raise `InputError` as `open_run` does, and for models of other kinds."""
    if not isinstance(run, (str, os.PathLike)):
        from lstmzoo.models.rebuild import blueprint_of

        blueprint = blueprint_of(run)
        if blueprint.dtype != "float32":
            raise InputError(f"model: expected weights of float32, received {blueprint.dtype}: build it in float32")
        require_finite(blueprint.weights)
        return Source(blueprint, None, run.name, "those of a live Keras model")
    return source_of_run(open_with_warnings(run))


def source_of_run(trained: Trained) -> Source:
    """Return a run's weights, with what its card says of them."""
    its_own = card(trained.run) if trained.run.startswith(PREFIX) else ""
    task = trained.experiment.task
    unit = f" {words_of(task).loss}".rstrip()
    best = "" if trained.val_loss is None else f", its best: val_loss {trained.val_loss:.4g}{unit}"
    return Source(
        trained.blueprint(),
        trained.symbols,
        trained.experiment.name,
        f"after step {trained.step:,}{best}",
        _in_words(task),
        its_own,
        trained.scaling,
        answer_of(task),
        ahead_of(task),
    )


def _in_words(task: Section) -> str:
    """Describe a task by its section of the config, without the folders of this machine."""
    parts = []
    for key, value in task.model_dump(exclude_none=True).items():
        names = [_name(part) for part in (value if isinstance(value, (list, tuple)) else [value])]
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        parts.append(f"{key} {', '.join(names[:MOST_NAMED])}{more}")
    return "; ".join(parts)


def _name(value: object) -> str:
    """Return a value as text; of an absolute path its last part."""
    if isinstance(value, dict):
        return " ".join(f"{key} {_name(part)}" for key, part in value.items())
    text = str(value)
    return Path(text).name if Path(text).is_absolute() else text


def write_export(source: Source, path: Path, format: str, weights: str = "float32") -> Exported:
    """Write a model to a path that `check_target` has accepted; the rest is as in `export_model`."""
    form, signature = FORMATS[format], signature_of(source.blueprint)
    int8 = form.int8 if weights == "int8" else None
    write, blueprint, tolerance = form.write, source.blueprint, TOLERANCE
    if int8 is not None:
        write, blueprint, tolerance = int8.write, int8.stands_for(blueprint), ROUNDED
    require_small(format, source.blueprint)
    notes = Notes(source.symbols, card_of(source, format, path.name), source.scaling, source.ahead)
    with beside(path) as place:
        write(source.blueprint, notes, place)
        difference = compare(blueprint, form.open(place, signature), source.scaling, tolerance)
        size = sum(file.stat().st_size for file in [place, *place.rglob("*")] if file.is_file())
        try:
            publish(place, path)
        except FileExistsError:
            raise taken(path) from None
    inside = f"{_and(notes.files(source.blueprint))} {form.inside}"
    lines = [] if form.describe is None else form.describe(source.blueprint, notes, path, int8 is not None)
    scaled = source.scaling is not None
    return Exported(path, format, source.weights, signature, SYMBOLS, difference, size, inside, scaled, weights, lines)


def describe_export(exported: Exported) -> str:
    """Return six lines for a person: the file, its weights, inputs, outputs, the comparison and what is inside."""
    signature = exported.signature
    states = ", ".join(
        f"{name} [B, {units}]" for name, units in zip(signature.state_names, signature.state_sizes, strict=True)
    )
    first = f"features [B, T, {signature.input_dim}]" if signature.encoding == "features" else "ids [B, T] int32"
    before = signature.state_names[0]
    after = FORMATS[exported.format].state_after.format(state=before)
    renamed = "" if after == before else f", {after} and so on"
    units, unit = (" in the units of the data", " deviations") if exported.scaled else ("", "")
    steps, gives = "steps" if signature.numbers else "symbols", signature.output_name
    calls = exported.lines or [
        f"inputs: {first}{units}, {states}",
        f"outputs: {gives} [B, T, {signature.output_dim}]{units}, and the states for what comes next{renamed}",
    ]
    rounded = ", with weights rounded to int8" if exported.numbers == "int8" else ""
    near = f"within {exported.difference:.1e}{unit} of" if exported.difference else "equal to"
    return "\n".join(
        [
            f"{exported.path}: {exported.format}, {exported.bytes / 1000:,.0f} kB",
            f"weights: {exported.weights}",
            *calls,
            f"checked over {exported.symbols} {steps}: {gives} {near} the live model's{rounded}",
            f"inside: {exported.inside}",
        ]
    )


def _and(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}"


def check_weights(weights: str, format: str) -> None:
    """Raise `InputError` for numbers of weights that are unknown, or that a format does not have."""
    names = ["float32", *(["int8"] if FORMATS[format].int8 is not None else [])]
    if weights not in names:
        others = ", ".join(name for name, form in FORMATS.items() if form.int8 is not None)
        where = f" (int8: {others})" if weights == "int8" else nearest(weights, names)
        raise InputError(f"weights: expected {' or '.join(names)} with {format}, received {shown(weights)}{where}")
