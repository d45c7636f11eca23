"""A task of numbers of another package: a sum of what has gone in, of which each step keeps half."""

from typing import ClassVar, Literal

import numpy as np

from lstmzoo.tasks.task import Count, Lanes, Scored, Section, Words, split_lanes


class DriftSpec(Section):
    """A leaky sum of two columns of noise."""

    kind: Literal["drift"]
    """drift: the sum of both columns so far, of which each step keeps half."""
    rows: Count = 2000
    """N, rows an epoch, all lanes together."""
    loss: Literal["mse", "huber"] = "mse"
    """The loss to train with."""

    encodings: ClassVar[tuple[str, ...]] = ("features",)
    vocab_size: ClassVar[None] = None
    input_dim: ClassVar[int] = 2
    outputs: ClassVar[int] = 1
    measured: ClassVar[tuple[str, ...]] = ("val_loss", "val_rmse")
    writes: ClassVar[bool] = False
    words: ClassVar[Words] = Words("rows", "")

    def check(self, batch_size, seq_length, fraction):
        pass

    def bytes_needed(self):
        return 48 * self.rows

    def warnings(self, seq_length):
        return []


class Drift:
    """The drift task of one run."""

    Spec = DriftSpec
    vocab_size, input_dim, outputs, vocabulary = None, 2, 1, None

    def __init__(self, spec, batch_size, seed, fraction=0.1):
        self.spec, self.batch_size, self.seed, self.fraction = spec, batch_size, seed, fraction
        self.loss = spec.loss

    def release(self):
        pass

    def facts(self):
        return {}

    def check(self, seq_length, validates):
        pass

    def windows(self, seq_length):
        lanes = self.epoch_lanes(0)
        return lanes.windows(seq_length), lanes.dropped(seq_length)

    def epoch_lanes(self, epoch):
        return self._lanes(self.spec.rows, epoch)

    def validation(self):
        lanes = self._lanes(round(self.spec.rows * self.fraction), 1_000_000)
        lanes.targets[:, ::7] = np.nan  # not known, and of weight 0
        return Scored(lanes, (~np.isnan(lanes.targets)).astype(np.float32))

    def _lanes(self, length, stream):
        rows = split_lanes(np.random.default_rng([self.seed, stream]).normal(size=(length, 2)), self.batch_size)
        targets = np.zeros((*rows.shape[:2], 1))
        for step in range(rows.shape[1]):
            targets[:, step] = targets[:, step - 1] / 2 + rows[:, step].sum(-1, keepdims=True)
        return Lanes(rows, targets, length % self.batch_size)

    def metrics(self, sums):
        loss, squared = (float((sums[name] / sums["weight"]).mean()) for name in ("loss", "squared"))
        return {"val_loss": loss, "val_rmse": squared**0.5}

    def loss_floor(self, seq_length, reset_state):
        return 0.0
