"""Columns of a series task by name: inputs, targets, and the one whose change begins a segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lstmzoo.data.columns import Table
from lstmzoo.errors import ConfigError, InputError, shown
from lstmzoo.tasks.series.spec import SeriesSpec


class Chosen(NamedTuple):
    """Names of the inputs and targets, the weight of each target in the loss, and the segments' column, if any."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    loss_weights: tuple[float, ...]
    segment: str | None

    @property
    def all(self) -> tuple[str, ...]:
        """Inputs, and the targets that are none of them."""
        return tuple(dict.fromkeys((*self.inputs, *self.targets)))


def choose_columns(spec: SeriesSpec, tables: Sequence[Table]) -> Chosen:
    """Find the columns of a section in the first table, and by their names in every other.

    Raises `InputError` for a column that a table lacks or that has no numbers, for no inputs, and for weights
    that are more or fewer than the targets.
    """
    first = tables[0]
    column = spec.table_rows.segment
    segment, targets, inputs = _each(
        {
            "task.segment.column": lambda: None if column is None else first.locate(column).name,
            "task.targets": lambda: _named(first, spec.targets),
            "task.inputs": lambda: _named(first, spec.inputs),
        }
    )
    if inputs is None:
        out = (segment, *((targets or ()) if spec.horizon == 0 else ()))
        inputs = _usable(first, [name for name in first.names if name not in out])
    if not inputs:
        raise InputError(
            f"task.inputs: expected a column that is no target, as task.horizon is 0, received the targets "
            f"{shown(', '.join(targets or ()))} alone: name inputs, or predict ahead (task.horizon: 1)"
        )
    targets = inputs if targets is None else targets
    for table in tables:
        for name in (*inputs, *targets):
            table.find(name)
        if segment is not None:
            table.locate(segment)
    return Chosen(inputs, targets, _weights(spec.loss_weights, targets), segment)


def _each(looks: dict[str, Callable[[], Any]]) -> list[Any]:
    """Return what each look gives; raise one `ConfigError` with the problems of all, each with its key."""
    found, problems = [], []
    for key, look in looks.items():
        try:
            found.append(look())
        except InputError as error:
            problems.append(f"{key}: {error}")
    if problems:
        raise ConfigError(problems)
    return found


def _named(table: Table, columns: Sequence[str | int] | None) -> tuple[str, ...] | None:
    if columns is None:
        return None
    found = tuple(table.find(column).name for column in columns)
    if len(set(found)) < len(found):
        twice = Counter(found).most_common(1)[0][0]
        raise InputError(f"task: expected each column once, received {shown(twice)} by its name and by its number")
    return found


def _usable(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """Return names; raise `InputError` for a column without numbers, which nothing asked for but the default."""
    for name in names:
        try:
            table.find(name)
        except InputError as error:
            raise InputError(f"{error} (task.inputs is all columns unless it names some)") from error
    return tuple(names)


def _weights(given: Sequence[float] | None, targets: Sequence[str]) -> tuple[float, ...]:
    weights = tuple([1.0] * len(targets) if given is None else given)
    if len(weights) != len(targets):
        raise InputError(
            f"task.loss_weights: expected a weight for each of {len(targets):,} targets "
            f"({shown(', '.join(targets))}), received {len(weights):,}"
        )
    return weights
