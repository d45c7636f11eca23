"""The loss of every symbol of a text, for every runtime: in one lane with its state carried, and in cold windows.

No TensorFlow.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from lstmzoo.models.signature import Runner, StateArrays
from lstmzoo.tasks.losses import cross_entropy

PIECE = 256  # steps of one call, at most
STEPS, LOGITS = 8192, 1 << 25  # of one call in all cold lanes together, at most
Program = Callable[[np.ndarray, np.ndarray, Any], tuple[Any, Any]]
"""A function from inputs and targets `[B, T]` and states to losses `[B, T]` in nats and the states after them."""


class Reader(Protocol):
    """A model that reads texts, B = `lanes` side by side."""

    vocab_size: int

    def program(self, lanes: int, window: int) -> tuple[Program, Any]:
        """Return the program that computes the losses of `window` steps in so many lanes, and their zero state."""


class RunnerReader:
    """A reader that calls a runner; `losses_tf.Scorer` does the same in one compiled program."""

    def __init__(self, runner: Runner):
        self.runner, self.vocab_size = runner, runner.signature.output_dim

    def program(self, lanes: int, window: int) -> tuple[Program, StateArrays]:
        """Return a program that calls the runner, and the zero state, as `Reader.program` describes."""

        def run(x: np.ndarray, y: np.ndarray, states: StateArrays) -> tuple[np.ndarray, StateArrays]:
            logits, states = self.runner(x, states)
            return cross_entropy(logits, y), states

        return run, self.runner.signature.zero_states(lanes)


class Losses(NamedTuple):
    """The losses of a text that was read in one lane, and where its last piece begins."""

    nats: np.ndarray
    """`[N - 1]`, of each target."""
    before: Any
    """The states before the last piece."""
    first: int
    """The place of its first symbol."""


def carried_losses(reader: Reader, ids: np.ndarray, states: StateArrays | None = None) -> Losses:
    """Return the losses of each target of `ids` `[N]`, read in one lane from given states, or from zero."""
    program, zero = reader.program(1, PIECE)
    pieces, first, after = [np.zeros(0, np.float32)], 0, zero if states is None else states
    before = after
    for first in range(0, len(ids) - 1, PIECE):
        x, y = _pairs(ids, first, PIECE)
        before = after
        losses, after = program(x[None], y[None], before)
        pieces.append(np.ravel(losses))
    return Losses(np.concatenate(pieces)[: len(ids) - 1], before, first)


def cold_losses(reader: Reader, ids: np.ndarray, window: int) -> np.ndarray:
    """Return the nats `[N - 1]` of each target of `ids` `[N]` if every window of `window` symbols starts at zero state.

    Many windows are scored side by side, and a long one in equal pieces with its state carried, so the memory that is
    needed depends on no length.
    """
    lanes = max(1, min(STEPS, LOGITS // reader.vocab_size) // window)
    steps = -(-window // -(-window // PIECE))
    program, zero = reader.program(lanes, steps)
    pieces = []
    for first in range(0, len(ids) - 1, window * lanes):
        x, y = (part.reshape(lanes, window) for part in _pairs(ids, first, window * lanes))
        pieces.append(np.ravel(_in_pieces(program, x, y, zero, steps)))
    return np.concatenate(pieces)[: len(ids) - 1]


def _in_pieces(program: Program, x: np.ndarray, y: np.ndarray, states: Any, steps: int) -> np.ndarray:
    """Return the losses of windows `[B, T]`, so many steps a call; after a window's end there are zeros."""
    length, found = x.shape[1], []
    x, y = (np.pad(part, ((0, 0), (0, -length % steps))) for part in (x, y))
    for first in range(0, length, steps):
        losses, states = program(x[:, first : first + steps], y[:, first : first + steps], states)
        found.append(np.asarray(losses))
    return np.concatenate(found, 1)[:, :length]


def _pairs(ids: np.ndarray, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets, `[count]` each, from the place `first` on; after the text's end there are zeros.

    The losses of these zeros are cut off later.
    """
    padded = np.zeros(count + 1, np.int32)
    part = ids[first : first + count + 1]
    padded[: len(part)] = part
    return padded[:-1], padded[1:]
