"""The average of a run's weights, beside those that training goes on with.

The averaged weights are what is validated, sampled, kept as the best and exported. Before an average begins they are
the weights themselves.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.training.cadence import Cadence


class Average:
    """Averaged weights of a model; without a `train.average` there are none, and nothing is done."""

    def __init__(self, cadence: Cadence, model: keras.Model):
        self.cadence, self.spec, self.model = cadence, cadence.plan.resolved.train.average, model
        self.weights = [tf.Variable(weight.numpy(), trainable=False) for weight in model.weights if self.spec]
        if self.spec is not None and cadence.run_state.averaged is None:
            cadence.run_state.averaged = 0

    def advance(self, count: int) -> np.ndarray | None:
        """Count the next steps, and return the share of the weights after each in the average, `[count]`.

        None: there is no average. Before it begins the share is 1.
        """
        if self.spec is None:
            return None
        steps = self.cadence.averaged(count, self.spec.start)
        self.cadence.run_state.averaged = steps[-1]
        return np.array([self.spec.share(each) if each else 1.0 for each in steps])

    @contextmanager
    def in_model(self) -> Iterator[None]:
        """Let the model have the averaged weights meanwhile."""
        own = [weight.numpy() for weight in self.model.weights if self.spec]
        self._assign(self.weights)
        try:
            yield
        finally:
            self._assign(own)

    def _assign(self, values: Sequence[Any]) -> None:
        for weight, value in zip(self.model.weights, values, strict=False):
            weight.assign(value)
