"""Registry of tasks, ours and those of other packages.

A task is a section of the YAML (`kind` names it) and a class that makes `Lanes` from it for each epoch and for
validation (`task`). To add one, write both in a new module and add the class to `TASKS`, or, in another package, to
its entry points (`plugins`).
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import Field

from lstmzoo.errors import InputError, shown
from lstmzoo.models.spec import ENCODINGS
from lstmzoo.schema.section import Section
from lstmzoo.system.plugins import each_plugin
from lstmzoo.tasks.char import Char, CharSpec
from lstmzoo.tasks.echo import Echo, EchoSpec
from lstmzoo.tasks.optional import MAY_LACK, completed
from lstmzoo.tasks.series.spec import SeriesSpec
from lstmzoo.tasks.series.task import Series
from lstmzoo.tasks.task import Task, TaskSection

TASKS: dict[str, Any] = {"echo": completed(Echo), "char": completed(Char), "series": completed(Series)}


def _enter(name: str, task: Any) -> None:
    """Add a task of another package; raise `InputError` for one that could not be used."""
    if name in TASKS:
        raise InputError(f"expected a new name of a task, received {shown(name)}, which is taken: choose another one")
    section = getattr(task, "Spec", None)
    if not (isinstance(task, type) and isinstance(section, type) and issubclass(section, Section)):
        raise InputError(f"expected a class with a Section as Spec (lstmzoo.tasks.task.Task), received {task!r:.60}")
    _require_parts(task, Task)
    _require_parts(section, TaskSection)
    kind: Any = section.model_fields["kind"].annotation if "kind" in section.model_fields else None
    if get_origin(kind) is not Literal or get_args(kind) != (name,):
        raise InputError(f"expected its section to have kind: Literal[{name!r}], received {kind}")
    _check_values(section)
    TASKS[name] = completed(task)


def _check_values(section: Any) -> None:
    if not section.encodings or not set(section.encodings) <= set(ENCODINGS):
        raise InputError(f"encodings: expected one or more of {', '.join(ENCODINGS)}, received {section.encodings!r}")
    if "val_loss" not in section.measured:
        raise InputError(f"measured: expected val_loss among them, received {section.measured!r}")
    if "features" in section.encodings:
        _check_numbers(section)
    elif not isinstance(section.vocab_size, int) or section.vocab_size < 2:
        raise InputError(f"vocab_size: expected an integer >= 2, received {section.vocab_size!r}")


def _check_numbers(section: Any) -> None:
    if len(section.encodings) > 1 or section.vocab_size is not None:
        raise InputError(
            "encodings: expected features alone, with vocab_size None, for a task of numbers, received "
            f"{section.encodings!r} and {section.vocab_size!r}"
        )
    lacking = [name for name in ("input_dim", "outputs") if not hasattr(section, name)]
    if lacking:
        raise InputError(f"expected a section of numbers with {' and '.join(lacking)}, received {section.__name__}")


def _require_parts(found: type, protocol: type) -> None:
    """Raise `InputError` unless a class has the methods and class attributes of the protocol."""
    methods = [name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")]
    of_class = [name for name, kind in protocol.__annotations__.items() if str(kind).startswith("typing.ClassVar")]
    lacking = [name for name in (*methods, *of_class) if not hasattr(found, name) and name not in MAY_LACK]
    if lacking:
        raise InputError(
            f"expected what lstmzoo.tasks.task.{protocol.__name__} has, "
            f"received {found.__name__} without {', '.join(lacking)}"
        )


each_plugin("lstmzoo.tasks", _enter)
if TYPE_CHECKING:
    TaskSpec = EchoSpec | CharSpec | SeriesSpec
else:
    TaskSpec = Annotated[Union[tuple(task.Spec for task in TASKS.values())], Field(discriminator="kind")]  # noqa: UP007


def make_task(spec: EchoSpec | CharSpec | SeriesSpec, batch_size: int, seed: int, fraction: float) -> Task:
    """Make the task that a section describes; its data are read here, and kept in the cache where that saves time."""
    task: Task = TASKS[spec.kind](spec, batch_size, seed, fraction)
    sizes = ("input_dim", "outputs") if "features" in spec.encodings else ("vocab_size",)
    lacking = [name for name in ("vocabulary", *sizes) if not hasattr(task, name)]
    if lacking:  # of another package
        raise InputError(f"task {spec.kind}: expected one with {' and '.join(lacking)}, received {type(task).__name__}")
    return task
