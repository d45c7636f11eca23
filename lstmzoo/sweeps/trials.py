"""What a search has found: its trials, and which is the best."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

STATUSES = ("completed", "running", "waiting", "failed")  # in the order of `best_first`


class Objective(NamedTuple):
    """What a search is for."""

    name: str
    """A column of metrics.jsonl, such as `val_loss`."""
    direction: str
    """`min` or `max`."""


class Trial(NamedTuple):
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


def best_first(trials: Iterable[Trial], objective: Objective) -> list[Trial]:
    """The completed trials, best first and those without a score last; then the running, waiting and failed ones.

    Ties go by name. Raises ValueError for a status that is none of STATUSES.
    """
    sign = -1 if objective.direction == "max" else 1

    def place(trial: Trial) -> tuple[int, float, str]:
        score = trial.score()
        return STATUSES.index(trial.status), math.inf if score is None else sign * score, trial.name

    return sorted(trials, key=place)
