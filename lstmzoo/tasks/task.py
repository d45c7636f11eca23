"""The contract of a task: a section of the YAML, and a class that makes `Lanes` from it.

A task of another package imports all it needs from this module, and from no other of lstmzoo: these names are stable.
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
    """The contract of a task's section of the YAML, which is a `Section` with a `kind: Literal[NAME]`."""

    encodings: ClassVar[tuple[str, ...]]
    """The possible encodings, of scalar, one_hot and embedding; the default one first."""
    vocab_size: ClassVar[int]
    """V, or its smallest possible value where it depends on data."""
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


def data_keys(section: Section) -> tuple[str, ...]:
    """Return the keys of a task's section that only say where its data are: its class attribute `data_keys`.

    They are no settings, since the data are known by their digest (`Task.facts`). Default: corpus and text.
    """
    return tuple(getattr(section, "data_keys", ("corpus", "text")))


class Task(Protocol):
    """The contract of a task's class: data for a seed, B lanes and a validation fraction.

    An instance is made as `Task(section, batch_size, seed, fraction)`.
    """

    Spec: ClassVar[type[Section]]
    """Its section of the YAML, a `TaskSection`."""
    vocab_size: int
    vocabulary: Vocabulary | None
    """The text symbols of the ids; None where symbols are not text."""

    def release(self) -> None:
        """Free memory of data that can be read again."""

    def facts(self) -> dict[str, Any]:
        """Return what results depend on beside the configuration, for environment.json; for a text `text_sha256`."""

    def check(self, seq_length: int, validates: bool) -> None:
        """Raise `InputError` for data that cannot be trained or validated on."""

    def windows(self, seq_length: int) -> tuple[int, int]:
        """Count the windows of an epoch, and its symbols that fill none."""

    def epoch_lanes(self, epoch: int) -> Lanes:
        """Return inputs and targets `[B, n]` of an epoch (from 0)."""

    def validation(self) -> Scored:
        """Return the validation lanes and weights `[B, n]`, which are fixed for the run."""

    def measures(self, loss: float, accuracy: float) -> dict[str, float]:
        """Return what a validation reports, from its mean loss in nats and its share of right predictions, 0 to 1."""

    def picture(self) -> Picture | None:
        """Name the picture of a validation; None, as for a task without this method: only the loss is drawn."""
        return None

    def loss_floor(self, seq_length: int, reset_state: str) -> float | None:
        """Return the lowest possible mean loss in nats per symbol, or None if it is unknown."""


MAY_LACK = ("picture",)  # methods that a task of another package may lack: it then has those of `Task`
