"""The contract of a task: a section of the YAML, and a class that makes `Lanes` from it.

A task of another package imports all it needs from this module, and from no other of lstmzoo: these names are stable.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from lstmzoo.data.lanes import Lanes, Scored, Windows, split_lanes
from lstmzoo.data.scaling import Scaling
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.schema.section import Count, Section, all_expected

__all__ = [
    "Count",
    "Lanes",
    "Numbers",
    "Picture",
    "Scaling",
    "Scored",
    "Section",
    "Stream",
    "TableRows",
    "Task",
    "TaskSection",
    "Vocabulary",
    "Windows",
    "Words",
    "all_expected",
    "split_lanes",
]


class Numbers(NamedTuple):
    """Facts that a picture of numbers needs beside predictions."""

    scaling: Scaling
    baselines: Mapping[str, Mapping[str, float]]
    """The val_rmse of each target by its name, such as `{"persistence": {"flow": 0.31}}`."""
    where: Callable[[int, int], str]
    """The place in the data, for people, of a lane and a step of the validation."""


class Picture(NamedTuple):
    """The picture that a task wants of each validation, of a kind of `report.run_plots`, drawn to plots/KIND.png."""

    kind: str
    label: str
    """Below the axis of time."""
    numbers: Numbers | None = None
    """Of the kind "series"."""


class Words(NamedTuple):
    """Words for people: what a task counts, and the unit of its loss."""

    steps: str
    """Such as "symbols": so many of them are dropped, or trained in a second."""
    loss: str
    """Such as "nats a symbol"; "" for a loss without a unit."""
    dropped: str = "they fill no window"
    """The reason for which some of them are in no window."""

    @property
    def of_loss(self) -> str:
        """The unit of the loss in parentheses, for an axis; "" without one."""
        return f" ({self.loss})" if self.loss else ""


class TableRows(NamedTuple):
    """Rows of a table as a task reads them: the place of a target, and what begins a recording."""

    horizon: int
    """The target of row t stands in row t + horizon."""
    segment: str | int | None
    """The column, by name or number, that changes where a recording begins; None: a table is one recording."""


SYMBOLS = Words("symbols", "nats a symbol")


class Stream(Protocol):
    """Source of the windows that a run trains or validates on: `Lanes`, `Scored`, or an object of a task's own."""

    def windows(self, seq_length: int) -> int:
        """Count the windows."""

    def cut(self, seq_length: int, first: int, count: int) -> Windows:
        """Cut `count` windows from window `first` on; for a validation with weights, and fewer where they end."""


class ScoredStream(Stream, Protocol):
    """A stream to validate on."""

    def total(self) -> Any:
        """Return the sum of all weights in float64: a number, or `[M]`."""


class TaskSection(Protocol):
    """The contract of a task's section of the YAML, which is a `Section` with a `kind: Literal[NAME]`.

    What it may say beside this, such as its `words`, stands in the module `optional`, with what holds without it.
    """

    encodings: ClassVar[tuple[str, ...]]
    """The possible encodings, of scalar, one_hot and embedding, the default one first; or features alone."""
    vocab_size: ClassVar[int | None]
    """V, or its smallest possible value where it depends on data; None for numbers.

    A section of numbers has `input_dim` (D) and `outputs` (M) in its place, or the smallest possible ones.
    """
    measured: ClassVar[tuple[str, ...]]
    """Names of the measures of a validation; `val_loss` is one of them."""
    writes: ClassVar[bool]
    """True if its symbols make a text; samples show it, and `Task.vocabulary` translates it."""

    def check(self, batch_size: int, seq_length: int, fraction: float | None) -> None:
        """Raise `section.all_expected` for impossible combinations of values.

        `batch_size`: B; `seq_length`: T; `fraction`: share of the data to validate on, None without validation.
        """

    def bytes_needed(self) -> int:
        """Estimate the memory for the data of an epoch, in bytes."""

    def warnings(self, seq_length: int) -> list[str]:
        """Return a warning for each setting that is legal but probably a mistake."""


class Task(Protocol):
    """The contract of a task's class: data for a seed, B lanes and a validation fraction.

    An instance is made as `Task(section, batch_size, seed, fraction)`.
    """

    Spec: ClassVar[type[Section]]
    """Its section of the YAML, a `TaskSection`."""
    vocab_size: int | None
    """V; None for a task of numbers, which has `input_dim` (D) and `outputs` (M)."""
    vocabulary: Vocabulary | None
    """The text symbols of the ids; None where symbols are not text."""
    loss: str = "cross_entropy"
    """The loss to train with: a name of `losses.LOSSES`."""
    scaling: Scaling | None = None
    """The scaling of numbers, which a run keeps in scaling.json if its section `scales`; None: there is none."""

    def release(self) -> None:
        """Free memory of data that can be read again."""

    def facts(self) -> dict[str, Any]:
        """Return what results depend on beside the configuration, for environment.json.

        A run is bound to what has a name in `_sha256`: the digests of its data, such as `text_sha256`.
        """

    def describe(self) -> dict[str, str]:
        """Describe the data by name, a line each, for --plan; after `check`."""
        return {}

    def warnings(self) -> list[str]:
        """Return a warning for what is legal in the data but probably a mistake; after `check`."""
        return []

    def check(self, seq_length: int, validates: bool) -> None:
        """Raise `InputError` for data that cannot be trained or validated on."""

    def windows(self, seq_length: int) -> tuple[int, int]:
        """Count the windows of an epoch, and its symbols that fill none."""

    def epoch_lanes(self, epoch: int) -> Stream:
        """Return inputs and targets of an epoch (from 0), such as `Lanes` `[B, n]`."""

    def validation(self) -> ScoredStream:
        """Return what a validation reads, which is fixed for the run, such as `Scored` lanes with weights `[B, n]`."""

    def to_test(self) -> Sequence[Any]:
        """Return the ids `[N]` of each text that a run is tested on, once it has ended; none: there is no test."""
        return []

    def measures(self, loss: float, accuracy: float) -> dict[str, float]:
        """Return what a validation reports, from its mean loss in nats and its share of right predictions, 0 to 1.

        A task that has `metrics` may lack it.
        """
        return {"val_loss": loss, "val_accuracy": accuracy}

    def metrics(self, sums: dict[str, Any]) -> dict[str, float]:
        """Return what a validation reports, from sums over it in float64, `val_loss` first.

        `sums`: "weight"; of symbols "loss" and "hits", of numbers "loss", "squared" and "absolute" errors, `[M]` each
        (the weight too where it differs between targets). A name with a "/" is of one of several targets
        ("val_rmse/flow"): metrics.jsonl and TensorBoard have it, lines for people do not.
        """
        return self.measures(float(sums["loss"] / sums["weight"]), float(sums["hits"] / sums["weight"]))

    def results(self, last: Mapping[str, Any], best: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return what the sections of result.json have beside, by section, from the lines of the last and best steps.

        They are lines of metrics.jsonl, which have what `metrics` found if there was a validation.
        """
        return {}

    def first_loss(self) -> float:
        """Return the loss of a guess that knows nothing: ln V, or 1 for numbers scaled to a deviation of 1."""
        return math.log(self.vocab_size) if self.vocab_size else 1.0

    def picture(self) -> Picture | None:
        """Name the picture of a validation; None, as for a task without this method: only the loss is drawn."""
        return None

    def loss_floor(self, seq_length: int, reset_state: str) -> float | None:
        """Return the lowest possible mean loss in nats per symbol, or None if it is unknown."""
