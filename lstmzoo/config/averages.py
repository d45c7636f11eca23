"""Averages of a run's weights as data: the share that each step's weights take in the average. No TensorFlow."""

import operator
from functools import reduce
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lstmzoo.schema.section import Fraction, Section


class _Average(Section):
    needs_length: ClassVar[bool] = False
    """True if it depends on how long the run is to be: hyperband, which cuts runs short, refuses it."""


class Ema(_Average):
    """The exponential moving average of the weights, from the first step on."""

    kind: Literal["ema"]
    """ema: after step n the average keeps `decay` of itself, at most n / (n + 9); the weights give the rest."""
    decay: Annotated[float, Field(gt=0, lt=1)] = 0.999
    """ema: the share of itself that the average keeps in a step."""
    start: ClassVar[float] = 0.0

    def share(self, count: int) -> float:
        """Compute the share of the weights in an average of `count` steps, from 1."""
        return 1 - min(self.decay, count / (count + 9))

    def describe(self, steps: int | None, seconds: float | None) -> str:
        """Describe the average of a run of so many steps, or of so many seconds of training."""
        return f"ema of the weights, decay {self.decay:g}"


class Mean(_Average):
    """The mean of the weights after each step of a run's last part (Polyak & Juditsky 1992)."""

    needs_length: ClassVar[bool] = True
    kind: Literal["mean"]
    """mean: of the weights after each step from `start` on; until then the weights are as they are."""
    start: Fraction = 0.5
    """mean: the share of the run after which it begins, and with it the search for the best step."""

    def share(self, count: int) -> float:
        """Compute the share of the weights in an average of `count` steps, from 1."""
        return 1 / count

    def describe(self, steps: int | None, seconds: float | None) -> str:
        """Describe the average of a run of so many steps, or of so many seconds of training."""
        if steps is None:
            return f"mean of the weights, from {self.start * (seconds or 0):.3g} s of training on"
        return f"mean of the weights, from step {first_step(self.start, steps):,} on"


def first_step(start: float, steps: int) -> int:
    """Return the first step (from 1) before which a share of at least `start` of a run of so many steps is done.

    It is `steps` + 1 where there is none.
    """
    before = int(start * steps)
    return before + 1 if before / steps >= start else before + 2


AVERAGES: dict[str, type[_Average]] = {"ema": Ema, "mean": Mean}
if TYPE_CHECKING:
    Average = Ema | Mean
else:
    Average = Annotated[reduce(operator.or_, AVERAGES.values()), Field(discriminator="kind")]
