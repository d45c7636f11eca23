"""The self-test of a C header: 200 steps, what NumPy computes in float64, and by how much int8 weights change it.

Outputs in the units of the data are compared in deviations of the targets.
"""

from typing import NamedTuple

import numpy as np

from lstmzoo.errors import InputError
from lstmzoo.export.formats.c_header import Check
from lstmzoo.export.formats.c_weights import with_int8
from lstmzoo.export.units import Units
from lstmzoo.models.blueprint import Blueprint, HeadWeights, LayerWeights
from lstmzoo.models.numpy_runner import NumpyRunner

STEPS, LANES = 200, 8
TOLERANCE = 1e-5  # of the largest logit where that is above 1: float32
MOST_LOGIT, MOST_LOSS = 1.0, 0.005  # by which int8 may change a logit, and the loss (nats, as a share)
MOST_NUMBERS = 0.05  # root mean square, in deviations, by which int8 may change numbers
EPSILON = float(np.finfo(np.float32).eps)
MARGIN, OTHER_ROUNDING = 1.05, 1e-4  # of the bound: other compilers round otherwise
LEAST_LOSS = 0.1  # nats: of a loss below it, the share is one of this


class Change(NamedTuple):
    """The changes by int8 weights: the largest of a logit, the loss, and by how much it is higher."""

    logit: float
    loss: float
    more: float


class Steps(NamedTuple):
    """Steps of a model: what the header takes in, what the model takes in, and its outputs, in float64."""

    given: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray


def float32_check(blueprint: Blueprint, writes: bool, units: tuple[Units, Units] | None) -> Check:
    """Return the self-test of a header with float32 weights; `writes`: the model reads what it draws."""
    steps = _run(blueprint, writes, units)
    return _check(steps, _unit(steps.outputs), TOLERANCE, units)


def int8_check(blueprint: Blueprint, writes: bool, units: tuple[Units, Units] | None) -> Check:
    """Return the self-test of a header with int8 weights: its bound is what was measured here, and little more.

    Raises `InputError` if a logit changes by more than MOST_LOGIT, or the loss by more than MOST_LOSS of itself; and if
    numbers change by more than MOST_NUMBERS.
    """
    steps = _run(blueprint, writes, units)
    changed = _outputs(with_int8(blueprint), steps.inputs)
    (_require_near if blueprint.outputs is None else _require_near_numbers)(steps.outputs, changed)
    own = float(np.abs(steps.outputs[0] - changed[0]).max())
    return _check(steps, 1.0, MARGIN * own + OTHER_ROUNDING * _unit(steps.outputs), units)


def _check(steps: Steps, unit: float, bound: float, units: tuple[Units, Units] | None) -> Check:
    """Return the self-test of the first lane, in the units of the data if there are any; float32 rounds them."""
    given, outputs = steps.given[0], steps.outputs[0]
    if units is None:
        return Check(given, outputs, unit, bound)
    _, targets = units
    rounding = 2 * EPSILON * float(np.abs(targets.means / targets.deviations).max())
    return Check(given, targets.unscaled(outputs), unit, bound + rounding / unit)


def _require_near_numbers(outputs: np.ndarray, changed: np.ndarray) -> None:
    change = float(np.sqrt(np.square(outputs - changed).mean()))
    if change > MOST_NUMBERS:
        raise InputError(
            f"weights: expected int8 to change the outputs by {MOST_NUMBERS} deviations at most (root mean square), "
            f"received {change:.2g} over {STEPS * LANES:,} steps: take --weights float32"
        )


def _require_near(outputs: np.ndarray, changed: np.ndarray) -> None:
    change = _change(outputs, changed)
    if change.logit > MOST_LOGIT or change.more > MOST_LOSS * max(change.loss, LEAST_LOSS):
        raise InputError(
            f"weights: expected int8 to change no logit by more than {MOST_LOGIT} and the loss by {MOST_LOSS:.1%} at "
            f"most, received {change.logit:.2f} and {change.more / max(change.loss, LEAST_LOSS):.2%} over "
            f"{STEPS * LANES:,} symbols: take --weights float32"
        )


def _unit(outputs: np.ndarray) -> float:
    return max(1.0, float(np.abs(outputs).max()))


def _change(outputs: np.ndarray, changed: np.ndarray) -> Change:
    """Compare logits `[B, T, V]`; the loss is that of symbols drawn from the unchanged model, expected, not drawn."""
    of_model, of_int8 = (_log_softmax(logits) for logits in (outputs, changed))
    shares = np.exp(of_model)
    loss, more = -(shares * of_model).sum(-1).mean(), (shares * (of_model - of_int8)).sum(-1).mean()
    return Change(float(np.abs(outputs - changed).max()), float(loss), float(more))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _run(blueprint: Blueprint, writes: bool, units: tuple[Units, Units] | None) -> Steps:
    """Run inputs `[B, T]` or `[B, T, D]` that float32 holds in the units of the data; outputs are `[B, T, V or M]`."""
    given = inputs = _inputs(_precise(blueprint), writes)
    if units is not None:
        given = units[0].unscaled(inputs).astype(np.float32)
        inputs = units[0].scaled(given)
    return Steps(given, inputs, _outputs(blueprint, inputs))


def _inputs(runner: NumpyRunner, writes: bool) -> np.ndarray:
    """Draw inputs: of a model that writes, texts of its own."""
    signature, draws = runner.signature, np.random.default_rng(0)
    if signature.encoding == "features":
        return draws.normal(size=(LANES, STEPS, signature.input_dim or 1)).astype(np.float32)
    inputs = draws.integers(0, signature.output_dim, (LANES, STEPS), np.int32)
    states = signature.zero_states(LANES)
    for t in range(STEPS - 1 if writes else 0):
        logits, states = runner(inputs[:, t : t + 1], states)
        cumulated = np.exp(_log_softmax(logits[:, 0])).cumsum(-1)
        drawn = (cumulated < draws.random((LANES, 1))).sum(-1)
        inputs[:, t + 1] = drawn.clip(max=signature.output_dim - 1)
    return inputs


def _outputs(blueprint: Blueprint, inputs: np.ndarray) -> np.ndarray:
    runner = _precise(blueprint)
    return runner(inputs, runner.signature.zero_states(len(inputs)))[0]


def _precise(blueprint: Blueprint) -> NumpyRunner:
    weights = blueprint.weights
    layers = tuple(LayerWeights(*(part.astype(float) for part in layer)) for layer in weights.layers)
    head = HeadWeights(*(part.astype(float) for part in weights.head))  # type: ignore[union-attr]
    skip = None if weights.skip is None else weights.skip.astype(float)
    return NumpyRunner(blueprint._replace(weights=weights._replace(layers=layers, head=head, skip=skip)))
