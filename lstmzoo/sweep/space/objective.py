"""The objective of a search: a number that runs measure, and whether less or more of it is better."""

from typing import NamedTuple


class Objective(NamedTuple):
    """The number that a search optimizes, and its direction."""

    name: str
    """A column of metrics.jsonl, such as `val_loss`."""
    direction: str
    """`min` or `max`."""


def usual_direction(name: str) -> str:
    """Return the direction in which a measure gets better: `max` for an accuracy or r2, `min` for anything else."""
    return "max" if name.endswith(("accuracy", "r2")) else "min"
