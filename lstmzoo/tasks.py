"""Tasks: where the symbols of an experiment come from, and what is known about their loss.

A task is a section of the YAML (`kind` names it) and a class that makes `Lanes` from it for each epoch and for
validation. To add one, write both in a module of their own and enter the class below, or, in another package, in its
entry points (`plugins`).
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, Union, get_args, get_origin

from pydantic import Field

from lstmzoo.char import Char, CharSpec
from lstmzoo.data import Lanes, Scored
from lstmzoo.echo import Echo, EchoSpec
from lstmzoo.errors import InputError
from lstmzoo.plugins import each_plugin
from lstmzoo.section import Section
from lstmzoo.vocabulary import Vocabulary


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

    def loss_floor(self, seq_length: int, reset_state: str) -> float | None:
        """Nats a symbol that no model can go below on average, or None where it is not known."""


TASKS: dict[str, Any] = {"echo": Echo, "char": Char}


def _enter(name: str, task: Any) -> None:
    """Add a task of another package; `InputError` for one that could not be used."""
    if name in TASKS:
        raise InputError("its name is taken")
    section = getattr(task, "Spec", None)
    if not (isinstance(section, type) and issubclass(section, Section)):
        raise InputError("expected a class with a Section as Spec (lstmzoo.tasks.Task), received one without")
    _require_parts(task, Task)
    _require_parts(section, TaskSection)
    kind: Any = section.model_fields["kind"].annotation if "kind" in section.model_fields else None
    if get_origin(kind) is not Literal or get_args(kind) != (name,):
        raise InputError(f"expected its section to have kind: Literal[{name!r}], received {kind}")
    TASKS[name] = task


def _require_parts(found: type, protocol: type) -> None:
    """Methods of the protocol, and what a class of it has (not what an instance gets)."""
    methods = [name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")]
    of_class = [name for name, kind in protocol.__annotations__.items() if str(kind).startswith("typing.ClassVar")]
    lacking = [name for name in (*methods, *of_class) if not hasattr(found, name)]
    if lacking:
        raise InputError(
            f"expected what lstmzoo.tasks.{protocol.__name__} has, "
            f"received {found.__name__} without {', '.join(lacking)}"
        )


each_plugin("lstmzoo.tasks", _enter)
if TYPE_CHECKING:
    TaskSpec = EchoSpec | CharSpec
else:
    TaskSpec = Annotated[Union[tuple(task.Spec for task in TASKS.values())], Field(discriminator="kind")]  # noqa: UP007


def make_task(spec: EchoSpec | CharSpec, batch_size: int, seed: int, fraction: float) -> Task:
    """The task that a section describes; a text is read (and encoded, if it never was) here."""
    task: Task = TASKS[spec.kind](spec, batch_size, seed, fraction)
    return task
