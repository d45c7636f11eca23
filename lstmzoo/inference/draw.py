"""Drawing of symbols, for every runtime: random streams, prompt and pieces, and the choice of one symbol in NumPy.

Random numbers are drawn here, one for each symbol, from a stream for each (seed, sample). So a text depends neither on
the runtime, nor on the size of the pieces, nor on the samples beside it. No TensorFlow.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from lstmzoo.errors import InputError
from lstmzoo.inference.carried import Carried, Run
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.state import StreamState
from lstmzoo.models.signature import Runner, StateArrays

PIECE = 64  # symbols of one call: they appear together, and Ctrl-C waits for their end


class Sampler(Protocol):
    """A program that draws symbols for S = `samples` texts side by side."""

    samples: int
    vocab_size: int
    choice: Choice

    @property
    def runner(self) -> Run:
        """The model, one step at a time."""

    def draw(self, length: int, seed: Sequence[int], prompt: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Draw `length` symbols a sample with this sampler from a beginning, as the function `draw` does."""

    def zero(self) -> Any:
        """Return the state that a text starts with."""

    def piece(self, given: np.ndarray, uniform: np.ndarray, last: Any, states: Any) -> tuple[np.ndarray, Any, Any]:
        """Return the n symbols `[n, S]` that follow `last` `[S]`, the last of them `[S]`, and the states after them.

        `given` `[n, S]`: a symbol that is known, or -1 where one is to be drawn with the number of `uniform` `[n, S]`,
        which is in [0, 1).
        """


class RunnerSampler:
    """A sampler that calls a runner once a symbol; `draw_tf.GraphSampler` does the same in one TensorFlow loop."""

    def __init__(self, runner: Runner, choice: Choice, samples: int = 1):
        self.runner, self.choice, self.samples = runner, choice, samples
        self.vocab_size, self.zero_states = runner.signature.output_dim, runner.signature.zero_states

    def draw(self, length: int, seed: Sequence[int], prompt: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Draw `length` symbols a sample from a beginning, as the function `draw` does."""
        return draw(self, Place(self, seed), length, prompt)

    def zero(self) -> StateArrays:
        """Return states of zeros."""
        return self.zero_states(self.samples)

    def piece(
        self, given: np.ndarray, uniform: np.ndarray, last: np.ndarray, states: StateArrays
    ) -> tuple[np.ndarray, np.ndarray, StateArrays]:
        """Return the next symbols, as `Sampler.piece` describes."""
        drawn = given.copy()
        for t in range(len(drawn)):
            logits, states = self.runner(last[:, None], states)
            if given[t, 0] < 0:
                drawn[t] = choose(logits[:, 0], uniform[t], self.choice)
            last = np.maximum(drawn[t], 0)
        return drawn, last, states


class Place:
    """The place of S texts in their streams, which moves as symbols are drawn: states, and random numbers taken."""

    def __init__(self, sampler: Sampler, seed: Sequence[int], state: StreamState | None = None):
        """Make the place of a beginning, or of a state; `seed`: one or more integers >= 0."""
        self.seed, self.start = tuple(seed), state
        self.carried = sampler.zero() if state is None else state.arrays
        self.last: Any = None  # the symbols [S] that were drawn or given and are not read yet
        self.read = self.draws = 0  # symbols of each text
        self.streams = [np.random.default_rng([*seed, sample]) for sample in range(sampler.samples)]
        if state is not None and state.seed == self.seed:
            self.draws = state.draws
            for stream in self.streams:
                stream.bit_generator.advance(state.draws)  # type: ignore[attr-defined]

    def uniform(self, count: int) -> np.ndarray:
        """Take numbers in [0, 1) from the random streams, `[count, S]`."""
        self.draws += count
        return np.stack([stream.random(count) for stream in self.streams], 1)

    def first(self, sampler: Sampler) -> np.ndarray:
        """Draw the symbols `[S]` after all that was read; a text that has read nothing begins with any symbol."""
        (uniform,) = self.uniform(1)
        any_symbol = (uniform * sampler.vocab_size).astype(np.int32)
        if self.start is None:
            return any_symbol
        after = choose(self.start.outputs[:, -1], uniform, sampler.choice)
        return np.where(self.start.steps > 0, after, any_symbol).astype(np.int32)

    def state(self, sampler: Sampler, zero: StreamState) -> StreamState:
        """Return the state after all symbols, of which the last one is read for it; `zero`: of texts without any."""
        start = self.start or zero
        if self.last is None:
            return start
        arrays, last = [np.asarray(part) for part in self.carried], np.asarray(self.last)
        after = Carried(sampler.runner, start._replace(arrays=arrays, steps=start.steps + self.read))
        after.read(last[:, None], last)
        return after.state._replace(seed=self.seed, draws=self.draws)


def draw(
    sampler: Sampler, place: Place, length: int, prompt: np.ndarray | None = None, one_by_one: bool = False
) -> Iterator[np.ndarray]:
    """Draw `length` symbols a sample, and yield them in pieces `[n, S]`; the prompt `[P]` of ids is not among them.

    The place moves with what is yielded. `one_by_one`: each symbol that is drawn is a piece.
    """
    known = np.zeros((0, sampler.samples), np.int32)
    if prompt is not None and len(prompt):
        known = np.repeat(np.asarray(prompt, np.int32)[:, None], sampler.samples, 1)
    elif not length:
        return
    if place.last is None and len(known):
        place.last, known = known[0], known[1:]
    elif place.last is None:
        place.last, length = place.first(sampler), length - 1
        _require_drawn(place.last)
        yield place.last[None]
    yield from _pieces(sampler, place, length, known, one_by_one)


def _pieces(sampler: Sampler, place: Place, length: int, known: np.ndarray, one_by_one: bool) -> Iterator[np.ndarray]:
    """Read the known symbols, then draw; the same loop reads and draws."""
    done, total = 0, len(known) + length
    while done < total:
        count = min(PIECE, total - done)
        if one_by_one:
            count = min(count, max(len(known) - done, 1))
        part = known[done : done + count]
        given = np.full((count, sampler.samples), -1, np.int32)
        given[: len(part)] = part
        uniform = np.zeros((count, sampler.samples))
        uniform[len(part) :] = place.uniform(count - len(part))
        drawn, place.last, place.carried = sampler.piece(given, uniform, place.last, place.carried)
        _require_drawn(drawn)
        done, place.read = done + count, place.read + count
        if count > len(part):
            yield drawn[len(part) :]


def choose(logits: np.ndarray, uniform: np.ndarray, choice: Choice) -> np.ndarray:
    """Choose symbols `[B]` from logits `[B, V]` and numbers in [0, 1) `[B]`: the distribution function inverted.

    -1 where not all logits are finite.
    """
    finite = np.isfinite(logits).all(-1)
    if choice.temperature == 0:
        return np.where(finite, logits.argmax(-1), -1)
    with np.errstate(invalid="ignore"):
        cumulated = np.cumsum(probabilities(logits, choice), -1)
        return np.where(finite, (cumulated / cumulated[:, -1:] <= uniform[:, None]).sum(-1), -1)


def _require_drawn(symbols: np.ndarray) -> None:
    """Raise `InputError` if a symbol is -1, which `choose` returns for logits that are not finite."""
    if (symbols < 0).any():
        raise InputError(
            "model: expected finite logits, received NaN or infinity: its weights are too large; train it again with a "
            "lower learning rate or train.grad_clip_norm"
        )


def probabilities(logits: np.ndarray, choice: Choice) -> np.ndarray:
    """Return the distribution `[B, V]` that symbols are drawn from, in float64; ties at a cut stay in."""
    scaled = logits.astype(np.float64)
    scaled = (scaled - scaled.max(-1, keepdims=True)) / choice.divisor
    if choice.top_k is not None and choice.top_k < logits.shape[-1]:
        scaled = np.where(scaled >= _descending(scaled)[:, choice.top_k - 1, None], scaled, -np.inf)
    shares = np.exp(scaled)
    shares /= shares.sum(-1, keepdims=True)
    if choice.share < 1:
        ordered = _descending(shares)
        before = np.pad(np.cumsum(ordered, -1)[..., :-1], ((0, 0), (1, 0)))
        least = np.where(before < choice.share, ordered, np.inf).min(-1, keepdims=True)  # with the one that passes it
        shares = np.where(shares >= least, shares, 0.0)
        shares /= shares.sum(-1, keepdims=True)
    return shares


def _descending(values: np.ndarray) -> np.ndarray:
    return -np.sort(-values, -1)
