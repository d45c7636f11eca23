"""The zoo as a table: parameters, source and measured results of each model. No TensorFlow."""

import csv
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from lstmzoo.errors import InputError, did_you_mean, shown
from lstmzoo.models.registry import NamedModel, get_entry, list_models, registered
from lstmzoo.models.spec import Sizes
from lstmzoo.tasks.optional import sizes_of
from lstmzoo.tasks.registry import TASKS
from lstmzoo.zoo.pretrained import PREFIX, card, list_trained

SYMBOLS = 65  # of tinyshakespeare, on which the char models are measured
COUNTED = {
    "char": f"parameters of char models: for {SYMBOLS} symbols",
    "series": "parameters of series models: for one input and one target",
}
TRAINED = "trained models, to be used in place of a run directory:"
HEAD = ("name", "kind", "units", "parameters", "measured", "source")


class Row(NamedTuple):
    """A model of the zoo, as texts for a table."""

    name: str
    kind: str
    units: str
    parameters: str
    measured: list[str]
    """A sentence for each config that it was measured with."""
    source: str


def models(pattern: str = "*") -> list[Row]:
    """Return the models whose names match a shell pattern; raise `InputError` where none does."""
    names = list_models(pattern)
    if not names and not _trained(pattern):
        near = did_you_mean(pattern, [*registered(), *list_trained()])
        raise InputError(f"expected a pattern that matches a model, received {shown(pattern)}{near}")
    results = _measured(_in_full)
    return [_row(name, get_entry(name), results.get(name, ["-"])) for name in names]


def count_of(entry: NamedModel) -> int | None:
    """Count a model's trainable values with the input and classes of its task; None if the task does not exist."""
    if entry.task not in TASKS:
        return None
    section = TASKS[entry.task].Spec
    sizes = Sizes(SYMBOLS) if section.writes else sizes_of(section)
    encoding = section.encodings[0] if entry.spec.encoding == "auto" else entry.spec.encoding
    return entry.spec.parameters(entry.spec.input_dim(encoding, sizes), sizes.head)


def describe_models(pattern: str = "*") -> str:
    """Return the table for a terminal; sources are numbered, and listed below."""
    rows = models(pattern)
    sources = list(dict.fromkeys(row.source for row in rows if row.source))
    if not rows:
        return "\n".join([TRAINED, *_trained(pattern)])
    width = max(len(row.name) for row in rows)
    lines = [f"{'name':<{width}}  {'kind':<14}  {'units':<11}  {'parameters':>10}  source  measured"]
    results = _measured(_in_short)
    for row in rows:
        source = f"[{sources.index(row.source) + 1}]" if row.source else "-"
        start = f"{row.name:<{width}}  {row.kind:<14}  {row.units:<11}  {row.parameters:>10}  {source:<6}"
        lines += [f"{start}  {text}" for text in results.get(row.name, ["-"])]
    notes = [f"[{number}] {source}" for number, source in enumerate(sources, 1)]
    tasks = {get_entry(row.name).task for row in rows}
    notes = [note for task, note in COUNTED.items() if task in tasks] + notes
    trained = _trained(pattern)
    return "\n".join([*lines, "", *notes, *(["", TRAINED, *trained] if trained else [])])


def _trained(pattern: str) -> list[str]:
    """Return a line for each trained model that matches, with or without zoo:, of its name and its card's first one."""
    names = [name for name in list_trained() if fnmatchcase(name.removeprefix(PREFIX), pattern.removeprefix(PREFIX))]
    return [f"  {name:<16}  {card(name).splitlines()[2]}" for name in names]


def markdown_models() -> str:
    """Return the table in Markdown, for configs/README.md."""
    lines = [f"| {' | '.join(HEAD)} |", "|---|---|---|---|---|---|"]
    for row in models():
        cells = (
            f"`{row.name}`",
            row.kind,
            row.units,
            row.parameters,
            "; ".join(row.measured),
            row.source or "-",
        )
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines)


def _row(name: str, entry: NamedModel, measured: list[str]) -> Row:
    count = count_of(entry)
    units = _repeated(entry.spec.layers)
    return Row(name, entry.spec.kind, units, f"{count:,}" if count is not None else "-", measured, entry.source)


def _repeated(layers: tuple[int, ...]) -> str:
    """Return the units of layers in short: `3 x 256`, or `4 5`."""
    equal = len(layers) > 1 and len(set(layers)) == 1
    return f"{len(layers)} x {layers[0]}" if equal else " ".join(map(str, layers))


def _measured(say: Callable[[dict[str, str]], str]) -> dict[str, list[str]]:
    """Return texts about measured runs by the name of the model; `experiments/zoo/measure.py` writes results.csv."""
    found: dict[str, list[str]] = {}
    with (Path(__file__).parent / "results.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["model"], []).append(say(row))
    return found


def _in_full(row: dict[str, str]) -> str:
    texts = [f"{name} {float(value):.4g}" for name, value in row.items() if name.startswith("val_") and value]
    return f"`{row['config']}.yaml`, {int(row['steps']):,} steps: {', '.join(texts)}"


def _in_short(row: dict[str, str]) -> str:
    return f"val_loss {float(row['val_loss']):<9.4g} {row['config']}, {int(row['steps']):,} steps"
