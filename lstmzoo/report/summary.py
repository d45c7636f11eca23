"""The summary of a run, finished or not, read from its directory. No TensorFlow."""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from lstmzoo.config.differences import Settings, settings_of
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.load import load_run_config
from lstmzoo.config.plan import count_parameters
from lstmzoo.data.scaling import load_scaling
from lstmzoo.errors import InputError, shown
from lstmzoo.models.spec import Sizes
from lstmzoo.runs.best import is_before_average, is_better
from lstmzoo.runs.curve import Curve
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.runs.metrics import Line
from lstmzoo.system.terminal import printable
from lstmzoo.tasks.optional import compared_of, data_keys, has_scaling, sizes_of, words_of
from lstmzoo.tasks.task import SYMBOLS, Words
from lstmzoo.zoo.pretrained import is_packed

GOING_ON = "running or killed"
MOST_FILES = 4  # that are named

Numbers = dict[str, int | float | None]


class Summary(NamedTuple):
    """One run under the name that a comparison gives it."""

    label: str
    status: str
    """The status in result.json; `running or killed` if there is no such file."""
    numbers: Numbers
    """Numbers by their names in report.csv: losses, times in seconds; None: unknown, not measured."""
    settings: Settings
    curve: Curve
    """The curve of its losses, whose smoothing starts at 0."""
    words: Words = SYMBOLS
    compared: tuple[str, ...] = ()
    """Measures of its task beside val_loss: `best_NAME` of numbers."""


def shared_words(runs: Sequence[Summary]) -> Words:
    """Return the words of all runs; where they differ, words that say less."""
    found = {run.words for run in runs}
    return found.pop() if len(found) == 1 else Words("steps", "")


def read_summary(path: Path, label: str) -> Summary:
    """Read a run directory; a half-written last line of metrics.jsonl is left out.

    Raises `InputError` for a damaged file, and for a metrics.jsonl with fewer steps than result.json says.
    """
    experiment, directory = load_run_config(path / "config.yaml"), RunDirectory(path)
    tally, facts = _Tally(experiment.task.measured), directory.read_facts()
    words, compared = words_of(experiment.task), compared_of(experiment.task)
    result = _result(directory)  # before the metrics, which may grow meanwhile
    steps = directory.metrics.read_whole(tally.add)
    whole = result is None or is_packed(path) or result.status == "interrupted"  # which may lack the last lines
    if result and not whole and steps < result.steps:
        raise InputError(
            f"{directory.metrics.path}: expected the lines of steps 1 to {result.steps}, received {steps} of them: "
            "restore the run's own file, or leave the run out"
        )
    result = result or tally.result(experiment, _sizes(experiment, directory, facts))
    settings, numbers = dict(_settings(experiment, facts)), result.numbers(compared)
    return Summary(label, printable(result.status), numbers, settings, tally.curve, words, compared)


class _Best(BaseModel):
    """The best step, and what was measured there beside."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="allow")
    step: int
    val_loss: float


class _Test(BaseModel):
    """The loss of the part of a text that a run was tested on at its end."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    test_loss: float


class _Result(BaseModel):
    """The keys of result.json that are read; None: not known yet, or never measured."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    status: str
    steps: int
    epochs: int | None
    parameters: int | None
    best: _Best | None
    final: dict[str, Any]
    train_seconds: float | None
    symbols_per_second: float | None
    baselines: dict[str, dict[str, Any]] = {}
    test: _Test | None = None

    def numbers(self, compared: Sequence[str]) -> Numbers:
        """Return the numbers of the run by their names in report.csv."""
        best = self.best.model_extra or {} if self.best else {}
        final = {"train_loss": None, "val_loss": None} | self.final
        return {
            "steps": self.steps,
            "epochs": self.epochs,
            "parameters": self.parameters,
            "best_step": self.best.step if self.best else None,
            "best_val_loss": self.best.val_loss if self.best else None,
            **{f"best_{name}": best.get(name) for name in compared},
            **{f"{of}_{name}": found.get(name) for of, found in self.baselines.items() for name in compared},
            **({"test_loss": self.test.test_loss} if self.test else {}),
            **{f"final_{name}": final[name] for name in final if name == "train_loss" or name.startswith("val_")},
            "train_seconds": self.train_seconds,
            "symbols_per_second": self.symbols_per_second,
        }


class _Tally:
    """The summary of metrics.jsonl, from its lines one by one in bounded memory."""

    def __init__(self, measured: Sequence[str]) -> None:
        self.measures = (*measured, "elapsed_seconds")  # some lines have them
        self.curve = Curve(0.0)
        self.last: Line = {}
        self.timed: Line = {}
        self.best: Line = {}

    def add(self, line: Line) -> None:
        """Add the line of one step; raise `ValueError` for a measure that is no number."""
        if not line.keys().isdisjoint(self.measures):
            _check_measures(line, self.measures)
        self.curve.add(line)
        self.last = line
        if "elapsed_seconds" in line:
            self.timed = line
        if is_before_average(line):
            self.best = {}
        elif "val_loss" in line and is_better(line["val_loss"], self.best.get("val_loss")):
            self.best = line

    def result(self, experiment: Experiment, sizes: Sizes) -> _Result:
        """Return what stands in for a missing result.json; the number of epochs stays unknown."""
        train, seconds = experiment.train, self.timed.get("elapsed_seconds")
        symbols = self.timed.get("step", 0) * train.batch_size * train.seq_length
        return _Result(
            status=GOING_ON,
            steps=self.last.get("step", 0),
            epochs=None,
            parameters=count_parameters(experiment, sizes) if isinstance(sizes.head, int) and sizes.head else None,
            best=_Best(**{name: self.best[name] for name in ("step", *self.measures) if name in self.best})
            if self.best
            else None,
            final={name: self.last[name] for name in ("train_loss", *self.measures) if name in self.last},
            train_seconds=seconds,
            symbols_per_second=symbols / seconds if seconds else None,
        )


def _check_measures(line: Line, measures: Sequence[str]) -> None:
    for name in measures:
        if name in line and not (isinstance(line[name], float) and math.isfinite(line[name])):
            raise ValueError(f"{shown(line[name])} as {name} of step {line['step']}")


def _result(directory: RunDirectory) -> _Result | None:
    path = directory.path / "result.json"
    if not os.path.lexists(path):
        return None
    try:
        return _Result.model_validate(directory.read_json("result.json"))
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            f"expected a run's result.json, received {path}, which has no {place} of the right type: restore the run's "
            "own file, or leave the run out"
        ) from error


def _sizes(experiment: Experiment, directory: RunDirectory, facts: dict[str, Any]) -> Sizes:
    """Return the sizes of a model, as its data say them; all None where the run was killed before it wrote them."""
    if experiment.task.writes:
        return Sizes(facts.get("vocab_size"))
    if not has_scaling(experiment.task):
        return sizes_of(experiment.task)
    path = directory.path / "scaling.json"
    return sizes_of(load_scaling(path)) if path.is_file() else Sizes()


def _settings(experiment: Experiment, facts: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the settings; of data files their names and digests, since a path means nothing on another machine."""
    keys = [key for key in data_keys(experiment.task) if key in type(experiment.task).model_fields]
    for path, value in settings_of(experiment).items():
        yield path, value
        if path == "task.kind":
            yield from ((f"task.{key}", _names(getattr(experiment.task, key))) for key in keys)
            yield from ((f"task.{name}", digest) for name, digest in facts.items() if name.endswith("_sha256"))


def _names(data: Any) -> str | None:
    """Return the names of files: "a.csv, b.csv", or "dry.wav + wet.wav" where they lie side by side."""
    if isinstance(data, dict):
        return " + ".join(Path(file).name for file in data.values())
    if not isinstance(data, (list, tuple)):
        return data and Path(data).name
    names = [_names(each) or "" for each in data[:MOST_FILES]]
    return ", ".join([*names, *([f"{len(data) - MOST_FILES:,} more"] if len(data) > MOST_FILES else [])])
