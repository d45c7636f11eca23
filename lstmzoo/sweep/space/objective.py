"""The objective of a search: which number, and whether less or more of it is better."""

from typing import NamedTuple


class Objective(NamedTuple):
    """What a search is for."""

    name: str
    """A column of metrics.jsonl, such as `val_loss`."""
    direction: str
    """`min` or `max`."""
