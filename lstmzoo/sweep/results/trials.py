"""What a search has found: its trials, and which is the best."""

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
    """Why it failed, else empty."""
    values: dict[str, Any]
    """Value by dotted path, such as `{"model.units": 4}`; a path that a condition switched off is missing."""
    objective: float | None
    """The best over the run; None where it is unknown."""

    def score(self) -> float | None:
        """The objective of a completed trial, None where that is not a finite number."""
        known = self.status == "completed" and self.objective is not None and math.isfinite(self.objective)
        return self.objective if known else None


def best_first(trials: Iterable[TrialResult], objective: Objective) -> list[TrialResult]:
    """The completed trials, best first and those without a score last; then the running, waiting and failed ones.

    Ties go by name. Raises ValueError for a status that is none of STATUSES.
    """
    sign = -1 if objective.direction == "max" else 1

    def place(trial: TrialResult) -> tuple[int, float, str]:
        score = trial.score()
        return STATUSES.index(trial.status), math.inf if score is None else sign * score, trial.name

    return sorted(trials, key=place)


def plain_cell(value: Any) -> str:
    """A value in one cell, with all its digits, as YAML has it."""
    if isinstance(value, str):
        return value
    return str(yaml.safe_dump(value, default_flow_style=True, width=10_000)).removesuffix("\n").removesuffix("\n...")


def short_cell(value: Any) -> str:
    """A value for a table: numbers to four digits."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else plain_cell(value)
