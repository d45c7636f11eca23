"""The trials of a search and their results, and their order from the best on."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import yaml

from lstmzoo.sweep.space.objective import Objective

STATUSES = ("completed", "running", "waiting", "failed")  # in the order of `best_first`


class TrialResult(NamedTuple):
    """One run of a search."""

    name: str
    """`trial-0003`, the name of its directory."""
    status: str
    """One of STATUSES."""
    reason: str
    """The reason of its failure; empty if it has not failed."""
    values: dict[str, Any]
    """Value by dotted path, such as `{"model.units": 4}`; a path that a condition switched off is missing."""
    objective: float | None
    """The best value over the run; None while it is unknown."""

    def score(self) -> float | None:
        """Return the objective of a completed trial; None for other trials, and if it is not a finite number."""
        known = self.status == "completed" and self.objective is not None and math.isfinite(self.objective)
        return self.objective if known else None


def best_first(trials: Iterable[TrialResult], objective: Objective) -> list[TrialResult]:
    """Return the completed trials, best first and those without a score last; then running, waiting and failed ones.

    Ties go by name. Raises ValueError for a status that is none of STATUSES.
    """
    sign = -1 if objective.direction == "max" else 1

    def place(trial: TrialResult) -> tuple[int, float, str]:
        score = trial.score()
        return STATUSES.index(trial.status), math.inf if score is None else sign * score, trial.name

    return sorted(trials, key=place)


def plain_cell(value: Any) -> str:
    """Return a value for one cell of a file, as YAML writes it, with all its digits."""
    if isinstance(value, str):
        return value
    return str(yaml.safe_dump(value, default_flow_style=True, width=10_000)).removesuffix("\n").removesuffix("\n...")


def short_cell(value: Any) -> str:
    """Return a value for a table that people read: numbers with four digits."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else plain_cell(value)
