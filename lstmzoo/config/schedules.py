"""Learning-rate schedules as data: the rate of a step from how far the run is. No TensorFlow."""

import math
import operator
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from lstmzoo.schema.section import Count, CountOrNever, Fraction, Section


class _Schedule(Section):
    needs_length: ClassVar[bool] = False
    """True if the rate of a step depends on how long the run is to be: hyperband, which cuts runs short, refuses it."""
    warmup_steps: CountOrNever = 0
    """Steps over which the rate rises from 0 in a straight line; 0: none."""


class Constant(_Schedule):
    """The optimizer's learning rate throughout."""

    kind: Literal["constant"] = "constant"
    """constant: the optimizer's learning rate throughout."""

    def factor(self, progress: float, epoch: int) -> float:
        """Compute the share of the learning rate, before warm-up."""
        return 1.0


class Cosine(_Schedule):
    """Half a cosine wave from the learning rate down to `final` of it (Loshchilov & Hutter 2017, without restarts)."""

    needs_length: ClassVar[bool] = True
    kind: Literal["cosine"] = "cosine"
    """cosine: half a wave from the learning rate to `final` of it, over the whole run."""
    final: Fraction = 0.0
    """cosine: share of the learning rate at the end."""

    def factor(self, progress: float, epoch: int) -> float:
        """Compute the share of the learning rate, before warm-up."""
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
        """Compute the share of the learning rate, before warm-up; epochs count from 0."""
        return float(self.decay_rate ** max(0, epoch + 1 - self.decay_after))


def _constant_by_default(value: Any) -> Any:
    return {"kind": "constant", **value} if isinstance(value, dict) else value


SCHEDULES: dict[str, type[_Schedule]] = {"constant": Constant, "cosine": Cosine, "exponential": Exponential}
if TYPE_CHECKING:
    Schedule = Constant | Cosine | Exponential
else:
    _Any = Annotated[reduce(operator.or_, SCHEDULES.values()), Field(discriminator="kind")]
    Schedule = Annotated[_Any, BeforeValidator(_constant_by_default)]


def rate_at(schedule: Schedule, peak: float, step: int, progress: float, epoch: int) -> float:
    """Compute the learning rate of a step (from 1) at `progress` (0 to 1) of the run, in an epoch (from 0).

    For example, step 5 of 10 steps of warm-up with a constant rate of 0.1: 0.05.
    """
    warmup = min(1.0, step / schedule.warmup_steps) if schedule.warmup_steps else 1.0
    return peak * warmup * schedule.factor(progress, epoch)
