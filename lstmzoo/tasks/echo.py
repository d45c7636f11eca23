"""The echo task: a random binary series, to be repeated some steps later (Hallstrom's echo RNN)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lstmzoo.data.lanes import Lanes, Scored, split_lanes
from lstmzoo.schema.section import Count, Section, all_expected
from lstmzoo.tasks.task import Picture

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

TRAINING, VALIDATION = 0, 1  # streams of random numbers of one seed


class EchoSpec(Section):
    """The section of the echo task: repeat a random binary series `echo_step` symbols later (Hallstrom's echo RNN)."""

    kind: Literal["echo"]
    """echo: predict a binary series delayed by a few steps."""
    series_length: Count = 50_000
    """N, symbols an epoch, all lanes together."""
    echo_step: Count = 3
    """The delay, in steps."""
    fresh_series: bool = True
    """A new random series each epoch; false: the same one."""

    encodings: ClassVar[tuple[str, ...]] = ("scalar", "one_hot", "embedding")  # the default one first
    vocab_size: ClassVar[int] = 2
    measured: ClassVar[tuple[str, ...]] = ("val_loss", "val_accuracy")
    writes: ClassVar[bool] = False

    def check(self, batch_size: int, seq_length: int, fraction: float | None) -> None:
        """Raise for lanes without a whole window, or without a target that can be known.

        `fraction=None`: no validation.
        """
        lane, found = self.series_length // batch_size, []
        if lane < seq_length:
            least = batch_size * seq_length
            found.append((f"batch_size x seq_length = {least} or more, a window a lane", "task.series_length"))
        if self.echo_step >= lane:
            found.append((f"less than series_length // batch_size = {lane}, the length of a lane", "task.echo_step"))
        validation = self.validation_length(fraction or 0) // batch_size
        if fraction is not None and validation <= self.echo_step < lane:
            short = f"{validation} symbols a lane, where the first {self.echo_step} (echo_step) have no known target"
            found.append((f"a larger share ({short}), or validate.every_steps: 0", "validate.fraction"))
        if found:
            raise all_expected(found)

    def bytes_needed(self) -> int:
        """Estimate the memory, in bytes, for the data of an epoch: series, targets and a copy as windows."""
        return 12 * self.series_length

    def warnings(self, seq_length: int) -> list[str]:
        """Return a warning for settings that are legal but probably a mistake: a delay longer than a window."""
        if self.echo_step < seq_length:
            return []
        spans = f"task.echo_step {self.echo_step} >= train.seq_length {seq_length}: no gradient path spans the delay"
        return [f"{spans}, only carried state and luck can solve it: raise train.seq_length above {self.echo_step}"]

    def validation_length(self, fraction: float) -> int:
        """Return the number of symbols of the validation series, all lanes together."""
        return round(fraction * self.series_length)


class Echo:
    """The echo task of one run."""

    Spec = EchoSpec
    vocab_size = EchoSpec.vocab_size
    vocabulary = None

    def __init__(self, spec: EchoSpec, batch_size: int, seed: int, fraction: float = 0.1):
        self.spec, self.batch_size, self.seed, self.fraction = spec, batch_size, seed, fraction

    def release(self) -> None:
        """Do nothing: no file is mapped to memory."""

    def facts(self) -> dict[str, Any]:
        """Return nothing: the series is a function of the configuration."""
        return {}

    def check(self, seq_length: int, validates: bool) -> None:
        """Do nothing: `EchoSpec.check` has checked all that can be wrong."""

    def windows(self, seq_length: int) -> tuple[int, int]:
        """Count the windows of an epoch, and its symbols that fill none."""
        windows = self.spec.series_length // self.batch_size // seq_length
        return windows, self.spec.series_length - windows * self.batch_size * seq_length

    def epoch_lanes(self, epoch: int) -> Lanes:
        """Return the lanes of an epoch (from 0); the same ones each epoch unless `fresh_series` is set."""
        return self._lanes(self.spec.series_length, TRAINING, epoch if self.spec.fresh_series else 0)

    def validation(self) -> Scored:
        """Return lanes of a separate series, fixed for the run; the first echo_step targets of a lane do not count."""
        lanes = self._lanes(self.spec.validation_length(self.fraction), VALIDATION, 0)
        weights = np.ones(lanes.targets.shape, np.float32)
        weights[:, : self.spec.echo_step] = 0
        return Scored(lanes, weights)

    def _lanes(self, length: int, purpose: int, epoch: int) -> Lanes:
        series = np.random.default_rng([self.seed, purpose, epoch]).integers(0, 2, length, np.uint8)
        echoed = np.roll(series, self.spec.echo_step)
        echoed[: self.spec.echo_step] = 0
        return Lanes(
            split_lanes(series, self.batch_size), split_lanes(echoed, self.batch_size), length % self.batch_size
        )

    def measures(self, loss: float, accuracy: float) -> dict[str, float]:
        """Return val_loss in nats per symbol, and val_accuracy from 0 to 1."""
        return {"val_loss": loss, "val_accuracy": accuracy}

    def picture(self) -> Picture:
        """Name the picture of five lanes: input, target and prediction, as in the tutorials."""
        return Picture("echo", f"step (the echo comes {self.spec.echo_step} steps after its input)")

    def loss_floor(self, seq_length: int, reset_state: str) -> float | None:
        """Return the loss that the unknown start of each lane costs, in nats per symbol over an epoch.

        The first echo_step targets of lane 0 are 0, those of the others are bits that the lane never saw, and at zero
        state the lanes look alike: each costs at least H(p) with p = (B - 1) / (2 B). A state reset at each window
        hides echo_step bits (a whole window at most) in every window, each of which costs ln 2 after the first window.
        None for a fixed series.
        """
        if not self.spec.fresh_series:
            return None  # a net can memorize one fixed series
        windows, _ = self.windows(seq_length)
        start = entropy((self.batch_size - 1) / (2 * self.batch_size))
        if reset_state != "window":
            return min(self.spec.echo_step, windows * seq_length) * start / (windows * seq_length)
        hidden = min(self.spec.echo_step, seq_length)
        return hidden * (start + (windows - 1) * math.log(2)) / (windows * seq_length)


def entropy(p: float) -> float:
    """Return the entropy, in nats, of a bit that is 1 with probability p; `entropy(0.5)` is ln 2."""
    return -sum(q * math.log(q) for q in (p, 1 - p) if q > 0)
