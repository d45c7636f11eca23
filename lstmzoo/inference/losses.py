"""The loss of every symbol of a text, whatever runs the model: in one lane with its state carried, and in cold windows.

No TensorFlow.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from lstmzoo.models.signature import Runner, StateArrays

PIECE = 256  # steps of one call in one lane
STEPS, LOGITS = 8192, 1 << 25  # of one call in all cold lanes together, at most
Program = Callable[[np.ndarray, np.ndarray, Any], tuple[Any, Any]]
"""Inputs and targets `[B, T]` and states to losses `[B, T]` in nats and states."""


class Reader(Protocol):
    """A model that reads texts."""

    vocab_size: int

    def program(self, lanes: int, window: int) -> tuple[Program, Any]:
        """What computes the losses of `window` steps in so many lanes, and the zero state of these."""


class RunnerReader:
    """Reads with a runner; `scorer.Scorer` is the same as one compiled program."""

    def __init__(self, runner: Runner):
        self.runner, self.vocab_size = runner, runner.signature.vocab_size

    def program(self, lanes: int, window: int) -> tuple[Program, StateArrays]:
        """As `Reader`."""

        def run(x: np.ndarray, y: np.ndarray, states: StateArrays) -> tuple[np.ndarray, StateArrays]:
            logits, states = self.runner(x, states)
            return cross_entropy(logits, y), states

        return run, self.runner.signature.zero_states(lanes)


def carried_losses(reader: Reader, ids: np.ndarray) -> np.ndarray:
    """Nats of each of the N - 1 targets of `ids` `[N]`, read in one lane from zero state."""
    program, states = reader.program(1, PIECE)
    found = []
    for first in range(0, len(ids) - 1, PIECE):
        x, y = _pairs(ids, first, PIECE)
        losses, states = program(x[None], y[None], states)
        found.append(np.ravel(losses))
    return np.concatenate(found)[: len(ids) - 1]


def cold_losses(reader: Reader, ids: np.ndarray, window: int) -> np.ndarray:
    """Nats of each target where every window starts at zero state; many windows are scored side by side."""
    lanes = max(1, min(STEPS, LOGITS // reader.vocab_size) // window)
    program, zero = reader.program(lanes, window)
    found = []
    for first in range(0, len(ids) - 1, window * lanes):
        x, y = _pairs(ids, first, window * lanes)
        losses, _ = program(x.reshape(lanes, window), y.reshape(lanes, window), zero)
        found.append(np.ravel(losses))
    return np.concatenate(found)[: len(ids) - 1]


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Nats `[B, T]` of logits `[B, T, V]` against symbols `[B, T]`."""
    logits = logits - logits.max(-1, keepdims=True)
    chosen = np.take_along_axis(logits, targets[..., None], -1)[..., 0]
    return np.log(np.exp(logits).sum(-1)) - chosen


def _pairs(ids: np.ndarray, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets from a place on, `[count]` each; past the end of the text zeros, which are cut off later."""
    part = np.zeros(count + 1, np.int32)
    found = ids[first : first + count + 1]
    part[: len(found)] = found
    return part[:-1], part[1:]
