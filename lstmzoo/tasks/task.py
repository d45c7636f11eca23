"""What a task is: a section of the YAML, and a class that makes `Lanes` from it.

A task of another package imports what it needs from here, and from nowhere else in lstmzoo: these names stay.
"""

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from lstmzoo.data.lanes import Lanes, Scored, split_lanes
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.schema.section import Count, Section, all_expected

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "Count",
    "Lanes",
    "Picture",
    "Scored",
    "Section",
    "Task",
    "TaskSection",
    "Vocabulary",
    "all_expected",
    "split_lanes",
]


class Picture(NamedTuple):
    """The picture that a task wants of each validation; `report.run_plots` draws it to plots/KIND.png."""

    kind: str
    label: str
    """Below the axis of time."""


class View(NamedTuple):
    """The first steps of a validation in all lanes, each part `[B, n]`: what a picture shows."""

    inputs: "np.ndarray"
    targets: "np.ndarray"
    predictions: "np.ndarray"
    weights: "np.ndarray"


class TaskSection(Protocol):
    """What is asked of a task's section of the YAML: a `Section` with a `kind: Literal[NAME]`."""

    encodings: ClassVar[tuple[str, ...]]
    """Of scalar, one_hot and embedding those that make sense, the default one first."""
    vocab_size: ClassVar[int]
    """V, or the least it can be where that depends on data."""
    measured: ClassVar[tuple[str, ...]]
    """Names of what a validation measures, `val_loss` among them."""
    writes: ClassVar[bool]
    """Whether its symbols make a text, which samples show and `Task.vocabulary` spells."""

    def check(self, batch_size: int, seq_length: int, fraction: float | None) -> None:
        """Raise `section.all_expected` for what cannot be; fraction: None without validation."""

    def bytes_needed(self) -> int:
        """Memory for the data of an epoch, about."""

    def warnings(self, seq_length: int) -> list[str]:
        """What is legal but hardly meant."""


class Task(Protocol):
    """What plan and training ask of a task, once it is bound to a seed, to B lanes and a validation fraction.

    It is made as `Task(section, batch_size, seed, fraction)`.
    """

    Spec: ClassVar[type[Section]]
    """Its section of the YAML, a `TaskSection`."""
    vocab_size: int
    vocabulary: Vocabulary | None
    """What symbols stand for, where they stand for something."""

    def release(self) -> None:
        """Let go of memory that the data can be read into again."""

    def facts(self) -> dict[str, Any]:
        """What the numbers depend on beside the configuration, for environment.json; a text's has `text_sha256`."""

    def check(self, seq_length: int, validates: bool) -> None:
        """Raise `InputError` for data that cannot be trained or validated on."""

    def windows(self, seq_length: int) -> tuple[int, int]:
        """Windows in an epoch, and the symbols of it that fill none."""

    def epoch_lanes(self, epoch: int) -> Lanes:
        """Inputs and targets of an epoch (from 0)."""

    def validation(self) -> Scored:
        """The fixed validation lanes."""

    def measures(self, loss: float, accuracy: float) -> dict[str, float]:
        """What a validation reports, from its mean loss in nats and its share of right predictions."""

    def picture(self) -> Picture | None:
        """Name the picture of a validation; None, as for a task without this method: only the loss is drawn."""
        return None

    def loss_floor(self, seq_length: int, reset_state: str) -> float | None:
        """Nats a symbol that no model can go below on average, or None where it is not known."""


MAY_LACK = ("picture",)  # of a task: one of another package then has the method of `Task`
