"""What a run has reached, read from its directory, whether it is over or not. No TensorFlow."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from lstmzoo.config.differences import Settings, settings_of
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.load import load_run_config
from lstmzoo.config.plan import count_parameters
from lstmzoo.errors import InputError, shown
from lstmzoo.runs.best import is_better
from lstmzoo.runs.curve import Curve
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.runs.metrics import Line
from lstmzoo.system.terminal import printable
from lstmzoo.tasks.char import CharSpec
from lstmzoo.zoo.pretrained import is_packed

GOING_ON = "running or killed"
MEASURES = ("val_loss", "val_accuracy", "val_bpc", "elapsed_seconds")  # of a line, where it has them

Numbers = dict[str, int | float | None]


class Summary(NamedTuple):
    """One run under the name that a comparison gives it."""

    label: str
    status: str
    """That of result.json; `running or killed` where there is none."""
    numbers: Numbers
    """By the names of report.csv: losses in nats a symbol, times in seconds; None: not known, or not measured."""
    settings: Settings
    curve: Curve
    """Its smoothing starts at 0."""


def read_summary(path: Path, label: str) -> Summary:
    """Read a run directory; a half-written last line of metrics.jsonl is left out.

    Raises `InputError` for a file that is damaged, or that lacks steps which result.json tells of.
    """
    experiment, directory, tally = load_run_config(path / "config.yaml"), RunDirectory(path), _Tally()
    facts = _facts(directory)
    result = _result(directory)  # before the metrics, which may grow meanwhile
    steps = directory.metrics.read_whole(tally.hear)
    whole = result is None or is_packed(path) or result.status == "interrupted"  # in a hurry the last are not written
    if result and not whole and steps < result.steps:
        raise InputError(
            f"{directory.metrics.path}: expected the lines of steps 1 to {result.steps}, received {steps} of them: "
            "restore the run's own file, or leave the run out"
        )
    result = result or tally.result(experiment, facts.get("vocab_size"))
    return Summary(label, printable(result.status), result.numbers(), dict(_settings(experiment, facts)), tally.curve)


class _Best(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    step: int
    val_loss: float


class _Result(BaseModel):
    """What is read of result.json; None is what is not known yet, or was never measured."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    status: str
    steps: int
    epochs: int | None
    parameters: int | None
    best: _Best | None
    final: dict[str, float | None]
    train_seconds: float | None
    symbols_per_second: float | None

    def numbers(self) -> Numbers:
        final = {"train_loss": None, "val_loss": None} | self.final
        return {
            "steps": self.steps,
            "epochs": self.epochs,
            "parameters": self.parameters,
            "best_step": self.best.step if self.best else None,
            "best_val_loss": self.best.val_loss if self.best else None,
            **{f"final_{name}": final[name] for name in final if name == "train_loss" or name.startswith("val_")},
            "train_seconds": self.train_seconds,
            "symbols_per_second": self.symbols_per_second,
        }


class _Tally:
    """What the lines of metrics.jsonl say, heard one by one in bounded memory."""

    def __init__(self) -> None:
        self.curve = Curve(0.0)
        self.last: Line = {}
        self.timed: Line = {}
        self.best: Line = {}

    def hear(self, line: Line) -> None:
        """One step's; `ValueError` for a measure that is no number."""
        if not line.keys().isdisjoint(MEASURES):
            _check_measures(line)
        self.curve.add(line)
        self.last = line
        if "elapsed_seconds" in line:
            self.timed = line
        if "val_loss" in line and is_better(line["val_loss"], self.best.get("val_loss")):
            self.best = line

    def result(self, experiment: Experiment, vocab_size: Any) -> _Result:
        """In the place of result.json, which alone knows how many epochs are done."""
        train, seconds = experiment.train, self.timed.get("elapsed_seconds")
        symbols = self.timed.get("step", 0) * train.batch_size * train.seq_length
        size = vocab_size if experiment.task.writes else experiment.task.vocab_size
        return _Result(
            status=GOING_ON,
            steps=self.last.get("step", 0),
            epochs=None,
            parameters=count_parameters(experiment, size) if isinstance(size, int) else None,
            best=_Best(step=self.best["step"], val_loss=self.best["val_loss"]) if self.best else None,
            final={name: self.last[name] for name in ("train_loss", *MEASURES) if name in self.last},
            train_seconds=seconds,
            symbols_per_second=symbols / seconds if seconds else None,
        )


def _check_measures(line: Line) -> None:
    for name in MEASURES:
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
            f"expected a run's result.json, received {path}, which has no {place} of the right kind: restore the run's "
            "own file, or leave the run out"
        ) from error


def _facts(directory: RunDirectory) -> dict[str, Any]:
    """Digest and sizes of a text, from environment.json, which a run that was killed at its start does not have."""
    if not os.path.lexists(directory.path / "environment.json"):
        return {}
    facts = directory.read_json("environment.json").get("data")
    return facts if isinstance(facts, dict) else {}


def _settings(experiment: Experiment, facts: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Not the places of a text, which say nothing on another machine: its name, or else its digest."""
    for path, value in settings_of(experiment).items():
        yield path, value
        if path == "task.kind" and isinstance(experiment.task, CharSpec):
            yield "task.corpus", experiment.task.corpus
            yield "task.text_sha256", facts.get("text_sha256")
