"""Samples of a char run: texts that the model writes while it is trained. Training never notices them."""

from collections.abc import Callable

import numpy as np
import tf_keras as keras

from lstmzoo.config.plan import Plan
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw_tf import GraphSampler

STREAM = 2  # of the run's random numbers; 0 and 1 are those of the data


class Samples:
    """Sampler of a run: one text a call, from zero state and with random numbers of (seed, step)."""

    def __init__(self, plan: Plan, vocabulary: Vocabulary, model: keras.Model):
        self.spec, self.seed, self.vocabulary = plan.resolved.sample, plan.resolved.seed, vocabulary
        self.sampler = GraphSampler(model, Choice(self.spec.temperature))

    def draw(self, step: int, give_up: Callable[[], bool]) -> bytes | None:
        """Draw the sample of a step; None when `give_up()` says so between two pieces."""
        pieces = []
        for piece in self.sampler.draw(self.spec.length, (self.seed, STREAM, step)):
            if give_up():
                return None
            pieces.append(piece[:, 0])
        return self.vocabulary.decode(np.concatenate(pieces))
