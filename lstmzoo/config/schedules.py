"""Learning-rate schedules as data: the rate of a step from how far the run is. No TensorFlow."""

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lstmzoo.schema.section import Count, CountOrNever, Fraction, Section


class _Schedule(Section):
    warmup_steps: CountOrNever = 0
    """Steps over which the rate rises from 0 in a straight line; 0: none."""


class Constant(_Schedule):
    """The optimizer's learning rate throughout."""

    kind: Literal["constant"] = "constant"
    """constant: the optimizer's learning rate throughout."""

    def factor(self, progress: float, epoch: int) -> float:
        """Share of the learning rate, before warm-up."""
        return 1.0


class Cosine(_Schedule):
    """Half a cosine wave from the learning rate down to `final` of it (Loshchilov & Hutter 2017, without restarts)."""

    kind: Literal["cosine"] = "cosine"
    """cosine: half a wave from the learning rate to `final` of it, over the whole run."""
    final: Fraction = 0.0
    """cosine: share of the learning rate at the end."""

    def factor(self, progress: float, epoch: int) -> float:
        """Share of the learning rate, before warm-up."""
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2


class Exponential(_Schedule):
    """The learning rate times `decay_rate` for each epoch after the first `decay_after` (char-rnn's schedule)."""

    kind: Literal["exponential"] = "exponential"
    """exponential: times decay_rate for each epoch after the first decay_after."""
    decay_rate: Annotated[float, Field(gt=0, le=1)] = 0.97
    """exponential: factor an epoch."""
    decay_after: Count = 1
    """exponential: epochs at the full rate."""

    def factor(self, progress: float, epoch: int) -> float:
        """Share of the learning rate, before warm-up; epochs count from 0."""
        return float(self.decay_rate ** max(0, epoch + 1 - self.decay_after))


def _constant_by_default(value: Any) -> Any:
    return {"kind": "constant", **value} if isinstance(value, dict) else value


Schedule = Annotated[
    Annotated[Constant | Cosine | Exponential, Field(discriminator="kind")], BeforeValidator(_constant_by_default)
]


def rate_at(schedule: Constant | Cosine | Exponential, peak: float, step: int, progress: float, epoch: int) -> float:
    """Learning rate of a step (from 1) at `progress` (0 to 1) of the run, in an epoch (from 0)."""
    warmup = min(1.0, step / schedule.warmup_steps) if schedule.warmup_steps else 1.0
    return peak * warmup * schedule.factor(progress, epoch)
