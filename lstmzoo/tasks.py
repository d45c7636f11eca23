"""Tasks: where the symbols of an experiment come from, and what is known about their loss.

A task is a section of the YAML (`kind` names it) and a class that makes `Lanes` from it for each epoch and for
validation. To add one, write both in a module of their own and enter them below.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

from pydantic import Field

from lstmzoo.char import Char, CharSpec
from lstmzoo.data import Lanes, Scored
from lstmzoo.echo import Echo, EchoSpec
from lstmzoo.vocabulary import Vocabulary


class Task(Protocol):
    """What plan and training ask of a task, once it is bound to a seed, to B lanes and a validation fraction."""

    vocab_size: int
    vocabulary: Vocabulary | None
    """What symbols stand for, where they stand for something."""

    def release(self) -> None:
        """Let go of memory that the data can be read into again."""

    def facts(self) -> dict[str, Any]:
        """What the numbers depend on beside the configuration, for environment.json."""

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

    def loss_floor(self, seq_length: int, reset_state: str) -> float | None:
        """Nats a symbol that no model can go below on average, or None where it is not known."""


TASKS: Mapping[str, Any] = {"echo": Echo, "char": Char}
TaskSpec = Annotated[EchoSpec | CharSpec, Field(discriminator="kind")]


def make_task(spec: EchoSpec | CharSpec, batch_size: int, seed: int, fraction: float) -> Task:
    """The task that a section describes; a text is read (and encoded, if it never was) here."""
    task: Task = TASKS[spec.kind](spec, batch_size, seed, fraction)
    return task
