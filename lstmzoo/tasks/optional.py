"""Parts that a task or its section may lack, and what holds without them."""

from typing import Any

from lstmzoo.data.scaling import Scaling
from lstmzoo.models.spec import Sizes
from lstmzoo.schema.section import Section
from lstmzoo.tasks.task import SYMBOLS, TableRows, Task, TaskSection, Words

MAY_LACK = (
    "picture",
    "measures",
    "metrics",
    "first_loss",
    "loss",
    "scaling",
    "describe",
    "warnings",
    "results",
    "to_test",
)
"""What a task may lack: it then has that of `Task`."""


def sizes_of(found: Task | TaskSection | Section | Scaling) -> Sizes:
    """Return the sizes of a model, as a task, its section or a scaling has them; symbols have a vocab_size alone."""
    return Sizes(*(getattr(found, name, None) for name in Sizes._fields))


def words_of(section: Section) -> Words:
    """Return the words of a task's section: its class attribute `words`. Default: symbols, and nats a symbol."""
    return getattr(section, "words", SYMBOLS)


def compared_of(section: Section) -> tuple[str, ...]:
    """Return the measures that a comparison of runs shows beside val_loss: its class attribute `compared`.

    Default: none.
    """
    return tuple(getattr(section, "compared", ()))


def has_scaling(section: Section) -> bool:
    """Tell whether runs of a task's section keep its class's `scaling`: its class attribute `scales`. Default: no."""
    return getattr(section, "scales", False)


def table_rows_of(section: Section) -> TableRows | None:
    """Return how a task reads the rows of a table: the property `table_rows` of a section that `scales`.

    `predict` reads a table so. Default: None, it reads no tables.
    """
    return getattr(section, "table_rows", None)


def answer_of(section: Section) -> str:
    """Say what the outputs at step t are: the property `answer` of a task's section. Default: the answer."""
    return getattr(section, "answer", "are the answer after step t")


def ahead_of(section: Section) -> int:
    """Return by how many steps a section's outputs are ahead: those of its `table_rows`. Default: 1."""
    rows = table_rows_of(section)
    return 1 if rows is None else rows.horizon


def data_keys(section: Section) -> tuple[str, ...]:
    """Return the keys of a task's section that only say where its data are: its class attribute `data_keys`.

    They are no settings, since the data are known by their digest (`Task.facts`). Default: corpus and text.
    """
    return tuple(getattr(section, "data_keys", ("corpus", "text")))


def completed(task: Any) -> Any:
    """Return a task's class, with what it may lack."""
    for part in MAY_LACK:
        if not hasattr(task, part):
            setattr(task, part, getattr(Task, part))
    return task
