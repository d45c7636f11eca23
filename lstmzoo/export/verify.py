"""The check of an exported file: its own runtime runs it over 200 symbols, and must give what the live model gives."""

from collections.abc import Sequence

import numpy as np

from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.models.blueprint import Blueprint, LayerWeights
from lstmzoo.models.signature import Runner, Signature

LANES, WINDOWS = 2, (1, 17, 1, 64, 17)  # in pieces, with the states carried
SYMBOLS = LANES * sum(WINDOWS)
EPSILON = np.finfo(np.float32).eps  # float32's last digit
TOLERANCE = 1e-5  # between two runtimes, of the largest number where that is above 1: float32
ROUNDED = 1e-3  # the same where weights are int8 and the inputs of products are rounded too


def compare(blueprint: Blueprint, runner: Runner, tolerance: float = TOLERANCE) -> float:
    """Return the largest difference of logits between a file's runner and the live model.

    Raises `EnvironmentFailure` if the logits, or the states after the last symbol, differ by more than the tolerance,
    and `InputError` where the model itself is so sensitive that no other runtime can give its numbers.
    """
    x = _inputs(runner.signature)
    of_file, of_model = _run_file(runner, x), _run_model(blueprint, x)
    for received, expected in zip(of_file, of_model, strict=True):
        difference = _difference(received, expected)
        if not difference <= tolerance * max(1, np.abs(expected).max()):
            raise _failure(difference, _sensitivity(blueprint, x, of_model))
    return _difference(of_file[0], of_model[0])


def _failure(difference: float, own: float) -> Exception:
    if not own < difference / 10:
        return InputError(
            "expected a model whose numbers do not depend on the last digit of its weights, received one whose own "
            f"change by {own:.2g} with it, over {sum(WINDOWS)} symbols, and by {difference:.2g} in the exported file, "
            "which was removed: train one with smaller weights (a lower learning rate, grad_clip_norm)"
        )
    return EnvironmentFailure(
        "expected the exported model to give the numbers of the live one, received numbers that differ by "
        f"{difference:.2g}: the file was removed; please report this, with the versions that "
        "`python -m lstmzoo.doctor` prints"
    )


def _sensitivity(blueprint: Blueprint, x: np.ndarray, of_model: list[np.ndarray]) -> float:
    """Return by how much the live model's numbers change when each weight changes in its last digit."""
    weights = blueprint.weights
    layers = tuple(LayerWeights(*(part * (1 + EPSILON) for part in layer)) for layer in weights.layers)
    nudged = blueprint._replace(weights=weights._replace(layers=layers))
    return max(map(_difference, _run_model(nudged, x), of_model))


def _inputs(signature: Signature) -> np.ndarray:
    """Draw ids `[B, T]`, or features `[B, T, D]`."""
    draws, shape = np.random.default_rng(0), (LANES, sum(WINDOWS))
    if signature.encoding == "features":
        return draws.normal(size=(*shape, signature.input_dim or 1)).astype(np.float32)
    return draws.integers(0, signature.vocab_size, shape, np.int32)


def _run_file(runner: Runner, x: np.ndarray) -> list[np.ndarray]:
    """Return the logits `[B, T, V]` of all steps and the states after them; the windows are run one after another."""
    states: Sequence[np.ndarray] = runner.signature.zero_states(LANES)
    pieces, first = [], 0
    for length in WINDOWS:
        logits, states = runner(x[:, first : first + length], states)
        pieces.append(logits)
        first += length
    return [np.concatenate(pieces, 1), *states]


def _run_model(blueprint: Blueprint, x: np.ndarray) -> list[np.ndarray]:
    """Return the same of the stateful Keras model, from one call."""
    from lstmzoo.models.rebuild import build
    from lstmzoo.models.state import get_states

    model = build(blueprint._replace(seq_length=None), batch_size=LANES)
    logits = model(x).numpy()
    return [logits, *(part for pair in get_states(model) for part in pair)]


def _difference(received: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(received - expected).max())
