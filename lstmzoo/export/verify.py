"""Whether a file gives what the live model gives: it is run by its own runtime, over 200 symbols, before it is kept."""

from collections.abc import Sequence

import numpy as np

from lstmzoo.errors import EnvironmentFailure
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Runner, Signature

LANES, WINDOWS = 2, (1, 17, 1, 64, 17)  # in pieces, with the states carried
SYMBOLS = LANES * sum(WINDOWS)
TOLERANCE = 1e-5  # between two runtimes, of the largest number where that is above 1: float32


def compare(blueprint: Blueprint, runner: Runner) -> float:
    """The largest difference between logits; `EnvironmentFailure` where they, or the last states, differ too much."""
    x = _trial(runner.signature)
    ours, theirs = _carried(runner, x), _live(blueprint, x)
    for found, expected in zip(ours, theirs, strict=True):
        difference = _difference(found, expected)
        if not difference <= TOLERANCE * max(1, np.abs(expected).max()):
            raise EnvironmentFailure(
                f"expected the exported model to give what the live one gives, received others, by {difference:.2g}: "
                "nothing was kept; please report it with the versions that `python -m lstmzoo.doctor` prints"
            )
    return _difference(ours[0], theirs[0])


def _trial(signature: Signature) -> np.ndarray:
    """Ids `[B, T]`, or features `[B, T, D]`."""
    draws, shape = np.random.default_rng(0), (LANES, sum(WINDOWS))
    if signature.encoding == "features":
        return draws.normal(size=(*shape, signature.input_dim or 1)).astype(np.float32)
    return draws.integers(0, signature.vocab_size, shape, np.int32)


def _carried(runner: Runner, x: np.ndarray) -> list[np.ndarray]:
    """Logits of all steps, and the states after them."""
    states: Sequence[np.ndarray] = runner.signature.zero_states(LANES)
    found, first = [], 0
    for length in WINDOWS:
        logits, states = runner(x[:, first : first + length], states)
        found.append(logits)
        first += length
    return [np.concatenate(found, 1), *states]


def _live(blueprint: Blueprint, x: np.ndarray) -> list[np.ndarray]:
    """The same of the stateful Keras model, in one call."""
    from lstmzoo.models.rebuild import build
    from lstmzoo.models.state import get_states

    model = build(blueprint._replace(seq_length=None), batch_size=LANES)
    logits = model(x).numpy()
    return [logits, *(part for pair in get_states(model) for part in pair)]


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max())
