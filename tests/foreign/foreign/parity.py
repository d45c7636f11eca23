"""A task of another package: has the lane seen an even or an odd number of ones so far?"""

from typing import ClassVar, Literal

import numpy as np

from lstmzoo.tasks.task import Count, Lanes, Scored, Section, all_expected, split_lanes


class ParitySpec(Section):
    """The parity of the bits so far."""

    kind: Literal["parity"]
    """parity: whether the ones of the lane so far are even or odd."""
    series_length: Count = 2000
    """N, symbols an epoch, all lanes together."""

    encodings: ClassVar[tuple[str, ...]] = ("scalar", "one_hot")
    vocab_size: ClassVar[int] = 2
    measured: ClassVar[tuple[str, ...]] = ("val_loss", "val_accuracy")
    writes: ClassVar[bool] = False

    def check(self, batch_size, seq_length, fraction):
        if self.series_length < batch_size * seq_length:
            raise all_expected([(f"{batch_size * seq_length} or more, a window a lane", "task.series_length")])

    def bytes_needed(self):
        return 12 * self.series_length

    def warnings(self, seq_length):
        return []


class Parity:
    """The parity task of one run."""

    Spec = ParitySpec
    vocab_size = 2
    vocabulary = None

    def __init__(self, spec, batch_size, seed, fraction=0.1):
        self.spec, self.batch_size, self.seed, self.fraction = spec, batch_size, seed, fraction

    def release(self):
        pass

    def facts(self):
        return {}

    def check(self, seq_length, validates):
        pass

    def windows(self, seq_length):
        windows = self.spec.series_length // self.batch_size // seq_length
        return windows, self.spec.series_length - windows * self.batch_size * seq_length

    def epoch_lanes(self, epoch):
        return self._lanes(self.spec.series_length, epoch)

    def validation(self):
        lanes = self._lanes(round(self.spec.series_length * self.fraction), 1_000_000)
        return Scored(lanes, np.ones(lanes.targets.shape, np.float32))

    def _lanes(self, length, stream):
        bits = split_lanes(np.random.default_rng([self.seed, stream]).integers(0, 2, length), self.batch_size)
        return Lanes(bits, np.cumsum(bits, axis=1) % 2, length % self.batch_size)

    def measures(self, loss, accuracy):
        return {"val_loss": loss, "val_accuracy": accuracy}

    def loss_floor(self, seq_length, reset_state):
        return 0.0
