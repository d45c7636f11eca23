"""The choice of a symbol from a model's logits: temperature, top-k, top-p. No TensorFlow."""

import math
from typing import NamedTuple

from lstmzoo.errors import InputError, check_count, shown

NEAR_ZERO = 1e-9  # of a temperature, and of a share; beyond it runtimes round differently, and nothing else changes


class Choice(NamedTuple):
    """The settings of a draw: logits are divided by the temperature, then cut by top-k, then by top-p."""

    temperature: float = 1.0
    """The divisor of the logits; 0: always the likeliest symbol."""
    top_k: int | None = None
    """The number of likeliest symbols that stay; None: all."""
    top_p: float | None = None
    """The probability that the likeliest symbols that stay reach together; None: all stay."""

    @property
    def divisor(self) -> float:
        """The number that logits are divided by, if the temperature is above 0."""
        return min(max(float(self.temperature), NEAR_ZERO), 1 / NEAR_ZERO)

    @property
    def share(self) -> float:
        """The probability that the likeliest symbols have to reach together; 1: all of them stay."""
        return 1.0 if self.top_p is None else max(float(self.top_p), NEAR_ZERO)

    def check(self) -> "Choice":
        """Return this choice; raise `InputError` for a temperature, top-k or top-p that is out of its range."""
        if not (_is_number(self.temperature) and 0 <= self.temperature < math.inf):
            raise InputError(f"temperature: expected a number >= 0, received {shown(self.temperature)}")
        if self.top_k is not None:
            check_count("top-k", self.top_k, 1)
        if self.top_p is not None and not (_is_number(self.top_p) and 0 < self.top_p <= 1):
            raise InputError(f"top-p: expected a number above 0 and at most 1, received {shown(self.top_p)}")
        return self


def _is_number(value: object) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, (bool, str))
