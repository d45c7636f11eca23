"""Drawing of symbols, for every runtime: random streams, prompt and pieces, and the choice of one symbol in NumPy.

Random numbers are drawn here, one for each symbol, from a stream for each (seed, sample). So a text depends neither on
the runtime, nor on the size of the pieces, nor on the samples beside it. No TensorFlow.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from lstmzoo.errors import InputError
from lstmzoo.inference.choice import Choice
from lstmzoo.models.signature import Runner, StateArrays

PIECE = 64  # symbols of one call: they appear together, and Ctrl-C waits for their end


class Sampler(Protocol):
    """A program that draws symbols for S = `samples` texts side by side."""

    samples: int
    vocab_size: int

    def draw(self, length: int, seed: Sequence[int], prompt: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Draw `length` symbols a sample with this sampler, as the function `draw` does."""

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
        self.vocab_size = runner.signature.output_dim

    def draw(self, length: int, seed: Sequence[int], prompt: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Draw `length` symbols a sample, as the function `draw` does."""
        return draw(self, length, seed, prompt)

    def zero(self) -> StateArrays:
        """Return states of zeros."""
        return self.runner.signature.zero_states(self.samples)

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


def draw(sampler: Sampler, length: int, seed: Sequence[int], prompt: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Draw `length` symbols a sample, and yield them in pieces `[n, S]`; the prompt `[P]` of ids is not among them.

    Without a prompt the first symbol is uniform. The state starts at zero. `seed`: one or more integers >= 0.
    """
    streams = [np.random.default_rng([*seed, sample]) for sample in range(sampler.samples)]
    if not length:
        return
    if prompt is None or not len(prompt):
        first = np.array([int(stream.random() * sampler.vocab_size) for stream in streams], np.int32)
        yield first[None]
        known, last, length = np.zeros((0, sampler.samples), np.int32), first, length - 1
    else:
        last = np.full(sampler.samples, prompt[0], np.int32)
        known = np.repeat(np.asarray(prompt[1:], np.int32)[:, None], sampler.samples, 1)
    yield from _pieces(sampler, length, known, last, streams)


def _pieces(
    sampler: Sampler, length: int, known: np.ndarray, last: Any, streams: list[np.random.Generator]
) -> Iterator[np.ndarray]:
    """Read the known symbols, then draw; the same loop reads and draws."""
    states, done, total = sampler.zero(), 0, len(known) + length
    while done < total:
        count = min(PIECE, total - done)
        part = known[done : done + count]
        given = np.full((count, sampler.samples), -1, np.int32)
        given[: len(part)] = part
        uniform = np.zeros((count, sampler.samples))
        uniform[len(part) :] = np.stack([stream.random(count - len(part)) for stream in streams], 1)
        drawn, last, states = sampler.piece(given, uniform, last, states)
        _require_drawn(drawn)
        done += count
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
