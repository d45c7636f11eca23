"""The check of an exported file: its own runtime runs it over 200 steps, and must give what the live model gives."""

from collections.abc import Sequence

import numpy as np

from lstmzoo.data.scaling import Scaling
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.export.units import units_of
from lstmzoo.models.blueprint import Blueprint, LayerWeights
from lstmzoo.models.signature import Runner, Signature

LANES, WINDOWS = 2, (1, 17, 1, 64, 17)  # in pieces, with the states carried
SYMBOLS = LANES * sum(WINDOWS)
EPSILON = np.finfo(np.float32).eps  # float32's last digit
TOLERANCE = 1e-5  # between two runtimes, of the largest number where that is above 1: float32
ROUNDED = 1e-3  # the same where weights are int8 and the inputs of products are rounded too


def compare(
    blueprint: Blueprint, runner: Runner, scaling: Scaling | None = None, tolerance: float = TOLERANCE
) -> float:
    """Return the largest difference of outputs between a file's runner and the live model.

    With a scaling the file takes and gives numbers in the units of the data: it is asked in them, and differences are
    counted in deviations of the targets. Raises `EnvironmentFailure` if the outputs, or the states after the last step,
    differ by more than the tolerance, and `InputError` where the model itself is so sensitive that no other runtime can
    give its numbers.
    """
    x = _inputs(runner.signature)
    x, of_file, rounding = (x, _run_file(runner, x), 0.0) if scaling is None else _run_in_units(runner, x, scaling)
    of_model = _run_model(blueprint, x)
    for place, (received, expected) in enumerate(zip(of_file, of_model, strict=True)):
        difference = _difference(received, expected)
        if not difference <= tolerance * max(1, np.abs(expected).max()) + (0 if place else rounding):
            raise _failure(difference, _sensitivity(blueprint, x, of_model))
    return _difference(of_file[0], of_model[0])


def _run_in_units(runner: Runner, x: np.ndarray, scaling: Scaling) -> tuple[np.ndarray, list[np.ndarray], float]:
    """Return scaled inputs, what a file gives for them, scaled, and by how much float32 rounds its outputs.

    The file takes and gives numbers in the units of the data; inputs are scaled again after float32 has rounded them.
    """
    inputs, targets = units_of(scaling)
    given = inputs.unscaled(x).astype(np.float32)
    outputs, *states = _run_file(runner, given)
    rounding = EPSILON * np.abs(targets.means / targets.deviations).max()
    return inputs.scaled(given).astype(np.float32), [targets.scaled(outputs), *states], float(rounding)


def _failure(difference: float, own: float) -> Exception:
    if not own < difference / 10:
        return InputError(
            "expected a model whose numbers do not depend on the last digit of its weights, received one whose own "
            f"change by {own:.2g} with it, over {sum(WINDOWS)} steps, and by {difference:.2g} in the exported file, "
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
    return draws.integers(0, signature.output_dim, shape, np.int32)


def _run_file(runner: Runner, x: np.ndarray) -> list[np.ndarray]:
    """Return the outputs `[B, T, V]` of all steps and the states after them; the windows are run one after another."""
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
