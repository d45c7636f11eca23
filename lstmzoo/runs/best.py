"""The rules by which a run's best validation is found: what is better, and what counts."""

from collections.abc import Mapping
from typing import Any

AVERAGE_STEPS = "average_steps"
"""Key in the line of a validation: steps in the average of weights; only a run with a `train.average` has it."""


def is_better(val_loss: float, best: float | None) -> bool:
    """Tell whether a validation loss is strictly less than the best so far (None: there is none)."""
    return best is None or val_loss < best


def is_before_average(line: Mapping[str, Any]) -> bool:
    """Tell whether a validation came before the average of weights began.

    It is no best then, and no validation before it is: a run that becomes longer begins its average later.
    """
    return line.get(AVERAGE_STEPS) == 0
