"""Named series of numbers that are simulated, each a function of its seed: nothing is downloaded. NumPy only.

A series of fewer rows is the start of a longer one, and on one machine each run gives the same numbers, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from lstmzoo.errors import InputError, did_you_mean, shown

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


class Simulation(NamedTuple):
    """A simulated series: the names of its C columns, and a function of seed and rows that returns `[rows, C]`."""

    columns: tuple[str, ...]
    rows: Callable[[int, int], np.ndarray]


def is_simulation(value: Any) -> bool:
    """Tell whether a value, of whatever type, is the name of a simulated series."""
    return isinstance(value, str) and value in SIMULATIONS


def find_simulation(name: str) -> Simulation:
    """Return a simulated series by its name; raises `InputError` for an unknown one."""
    if name not in SIMULATIONS:
        raise InputError(
            f"simulated series: expected a known name, received {shown(name)}{did_you_mean(name, SIMULATIONS)}"
        )
    return SIMULATIONS[name]


# mackey-glass

BETA, GAMMA, POWER = 0.2, 0.1, 10
STEPS_A_ROW, DELAY = 10, 17  # steps of Runge and Kutta in a time unit, which is a row; tau, in rows
STEP = 1 / STEPS_A_ROW


def mackey_glass(seed: int, rows: int) -> np.ndarray:
    """Return x of Mackey & Glass 1977, Oscillation and chaos in physiological control systems: `[rows, 1]`.

    x'(t) = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t), a row each time unit. The seed draws the constant history,
    from 0.5 to 1.5; the first 60 delays (1,020 time units) are dropped, so that each seed shows another part of the
    same chaos.
    """
    dropped = 60 * DELAY
    history = np.random.default_rng(seed).uniform(0.5, 1.5)
    return mackey_glass_from(history, dropped + rows)[dropped:, None]


def mackey_glass_from(history: float, rows: int) -> np.ndarray:
    """Solve the equation from a constant history, by the fourth-order method of Runge and Kutta: x `[rows]` from t = 0.

    A step is 0.1. Half-way between two steps the delayed value is that of the cubic through both values and slopes.
    Over one delay all delayed values are known, so a step is linear in x, and a cumulative sum makes 170 of them.
    """
    x = np.full(DELAY * STEPS_A_ROW + 1, history)
    slope, found = np.zeros_like(x), []
    decay = _rk4_step(1.0, 0.0, 0.0, 0.0) ** np.arange(len(x))
    for _ in range(-(-rows // DELAY)):
        half_way = (x[:-1] + x[1:]) / 2 + STEP / 8 * (slope[:-1] - slope[1:])
        feed, half_feed = (BETA * delayed / (1 + delayed**POWER) for delayed in (x, half_way))
        added = _rk4_step(0.0, feed[:-1], half_feed, feed[1:])
        x = decay * (x[-1] + np.concatenate([[0.0], np.cumsum(added / decay[1:])]))
        slope = feed - GAMMA * x
        found.append(x[:-1:STEPS_A_ROW])
    return np.concatenate(found)[:rows]


def _rk4_step(x: float, feed: Any, half_way: Any, end: Any) -> Any:
    """Take a step of x' = feed(t) - GAMMA x, given the feed at its start, half-way and at its end."""
    first = feed - GAMMA * x
    second = half_way - GAMMA * (x + STEP / 2 * first)
    third = half_way - GAMMA * (x + STEP / 2 * second)
    fourth = end - GAMMA * (x + STEP * third)
    return x + STEP / 6 * (first + 2 * second + 2 * third + fourth)


# narma10

ORDER, CHUNK = 10, 100


def narma10(seed: int, rows: int) -> np.ndarray:
    """Return u and y of Atiya & Parlos 2000, New results on recurrent network training: `[rows, 2]`.

    y(t + 1) = 0.3 y(t) + 0.05 y(t) (y(t) + ... + y(t - 9)) + 1.5 u(t - 9) u(t) + 0.1, with u uniform from 0 to 0.5
    and all zero before t = 0. Row t holds u(t) and y(t): with horizon 1 the inputs [u] give the targets [y].
    Unlucky inputs make y grow without limit: each 100 inputs that bring y to 1 are drawn again.
    """
    generator = np.random.default_rng(seed)
    u, y = [0.0] * (ORDER - 1), [0.0] * ORDER
    while len(y) < rows + ORDER:
        drawn = generator.uniform(0, 0.5, CHUNK).tolist()
        outputs = _narma_outputs(u[1 - ORDER :] + drawn, y[-ORDER:])
        if max(outputs) < 1:
            u += drawn
            y += outputs
    return np.array([u[ORDER - 1 :][:rows], y[ORDER - 1 :][:rows]]).T


def _narma_outputs(u: list[float], y: list[float]) -> list[float]:
    """Compute y(t + 1) for each u(t) after the first nine, from the last ten of y; 1 is the most."""
    y = list(y)
    for early, late in zip(u, u[ORDER - 1 :], strict=False):
        y.append(min(0.3 * y[-1] + 0.05 * y[-1] * sum(y[-ORDER:]) + 1.5 * early * late + 0.1, 1.0))
    return y[ORDER:]


# diode-clipper

RATE = 44_100  # rows a second
RESISTANCE, CAPACITANCE, SATURATION = 2_200.0, 10e-9, 2.52e-9  # ohm, farad, ampere
THERMAL = 1.752 * 25.83e-3  # volt: a diode 1N914's ideality times the thermal voltage at 27 degrees Celsius
SUPPLY, LOWEST, HIGHEST = 4.5, 20.0, 8_000.0  # volt; hertz
STRETCH, FADE = RATE // 2, 88  # rows
LANE, LEAD, WIDTH = 256, 32, 64  # rows solved in one lane, rows before them; lanes are a multiple of WIDTH


def diode_clipper(seed: int, rows: int) -> np.ndarray:
    """Return input and output voltage of a diode clipper, half of a guitar's distortion pedal: `[rows, 2]`, volt.

    Half a second of a sine that sweeps (from 20 to 200 Hz up to 1.6 to 8 kHz, or down) and half a second of noise
    (low-passed at 500 Hz to 8 kHz) take turns, each with a largest voltage from 0.14 to 4.5, which is half of a 9 V
    battery's. 44,100 rows are a second.
    """
    count = -(-rows // STRETCH)
    volts = np.concatenate([_drive(seed, number) for number in range(count)])[:rows]
    return np.stack([volts, clip_with_diodes(volts)], axis=1)


def _drive(seed: int, number: int) -> np.ndarray:
    """Return one stretch of the input, in volt: even ones are sweeps, odd ones noise; both fade in and out."""
    generator = np.random.default_rng([seed, number])
    level, place = SUPPLY * 10 ** generator.uniform(-1.5, 0), np.arange(STRETCH)
    if number % 2:
        cutoff = 500 * (HIGHEST / 500) ** generator.uniform()
        spectrum = np.fft.rfft(generator.standard_normal(STRETCH))
        wave = np.fft.irfft(spectrum * np.exp(-((np.fft.rfftfreq(STRETCH, 1 / RATE) / cutoff) ** 2) / 2), STRETCH)
        wave /= np.abs(wave).max()
    else:
        low, high = LOWEST * 10 ** generator.uniform(), HIGHEST * 5 ** -generator.uniform()
        rise = np.log(high / low)
        cycles = low * STRETCH / RATE / rise * np.expm1(place / STRETCH * rise)
        wave = np.sin(2 * np.pi * (cycles + generator.uniform()))[:: generator.choice([1, -1])]
    return level * wave * np.minimum(1, np.minimum(place, place[::-1]) / FADE)


def clip_with_diodes(volts: np.ndarray, substeps: int = 160, iterations: int = 2) -> np.ndarray:
    """Solve the circuit's equation for inputs `[n]` in volt, straight between rows; return the outputs `[n]`.

    A low-pass of R and C, with two antiparallel diodes across C (Yeh, Abel & Smith 2007, Simulation of the diode
    limiter in guitar distortion circuits): C v' = (u - v) / R - 2 Is sinh(v / Vt), at rest before the first row.
    By the trapezoidal rule; `iterations` of Newton's method begin where the last two substeps point to.

    The circuit forgets fast (R C is one row), so all stretches of 256 rows are solved side by side, each from rest
    32 rows before it: that changes the output by less than 1e-12 V. Half the step changes it by less than 1e-4 V.
    """
    lanes = _side_by_side(volts / THERMAL)
    charge = 1 / (2 * RESISTANCE * CAPACITANCE * RATE * substeps)
    leak = SATURATION / (CAPACITANCE * THERMAL * RATE * substeps)
    y = before = known = np.zeros(lanes.shape[1])  # y = v / Vt: (1 + charge) y + leak sinh(y) = known
    found = []
    for now, then in pairwise(lanes):
        for place in range(substeps):
            inputs = 2 * now + (then - now) * ((2 * place + 1) / substeps)
            known = 2 * y - known + charge * inputs
            guess = 2 * y - before
            for _ in range(iterations):
                error = (1 + charge) * guess + leak * np.sinh(guess) - known
                guess = guess - error / (1 + charge + leak * np.cosh(guess))
            before, y = y, guess
        found.append(y)
    return np.stack(found[LEAD:]).T.reshape(-1)[: len(volts)] * THERMAL


def _side_by_side(rows: np.ndarray) -> np.ndarray:
    """Cut rows `[n]` into lanes of LANE rows with LEAD + 1 rows before them, zeros before the first: `[time, lanes]`.

    A vector instruction works on some lanes at once: their number is a multiple of WIDTH, so that each lane has the
    same numbers however many there are.
    """
    count = -(-len(rows) // (LANE * WIDTH)) * WIDTH
    padded = np.zeros(1 + LEAD + count * LANE)
    padded[1 + LEAD :][: len(rows)] = rows
    lanes = np.lib.stride_tricks.sliding_window_view(padded, 1 + LEAD + LANE)[::LANE]
    return np.ascontiguousarray(lanes.T)


SIMULATIONS: dict[str, Simulation] = {
    "mackey-glass": Simulation(("x",), mackey_glass),
    "narma10": Simulation(("u", "y"), narma10),
    "diode-clipper": Simulation(("in", "out"), diode_clipper),
}
