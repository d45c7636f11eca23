"""Simulated series: functions of their seeds, against other solutions of the same equations."""

import math
from itertools import combinations

import numpy as np
import pytest

from lstmzoo.data import simulated
from lstmzoo.data.simulated import SIMULATIONS, clip_with_diodes, find_simulation, mackey_glass_from
from lstmzoo.errors import InputError

SIZES = {"mackey-glass": (40, 1000), "narma10": (150, 1000), "diode-clipper": (300, 17_000)}  # rows: few, many
COLUMNS = {"mackey-glass": ("x",), "narma10": ("u", "y"), "diode-clipper": ("in", "out")}


@pytest.mark.parametrize("name", SIMULATIONS)
def test_fewer_rows_are_the_start_of_more(name):
    few, many = SIZES[name]
    series = find_simulation(name)
    found = series.rows(0, many)
    assert series.columns == COLUMNS[name]
    assert (found.shape, found.dtype) == ((many, len(COLUMNS[name])), np.float64)
    assert np.isfinite(found).all() and (found.std(axis=0) > 0).all()
    np.testing.assert_array_equal(series.rows(0, few), found[:few])
    if name != "diode-clipper":
        assert not np.array_equal(series.rows(1, few), found[:few])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mackey", r"^simulated series: expected a known name, received 'mackey'; did you mean mackey-glass\?$"),
        ("narma-10", r"did you mean narma10\?$"),
        ("sunspots", r"received 'sunspots'; legal: diode-clipper, mackey-glass, narma10$"),
    ],
)
def test_an_unknown_name_is_refused(name, message):
    with pytest.raises(InputError, match=message):
        find_simulation(name)


# mackey-glass


def euler(history, steps_a_row, rows):
    """x of Mackey & Glass by the plainest method."""
    x, delay, step = [history], 17 * steps_a_row, 1 / steps_a_row
    for k in range(rows * steps_a_row):
        delayed = x[k - delay] if k >= delay else history
        x.append(x[k] + step * (0.2 * delayed / (1 + delayed**10) - 0.1 * x[k]))
    return np.array(x[:-1:steps_a_row])


@pytest.mark.parametrize("history", [1.2, 0.5])
def test_mackey_glass_is_the_equations_solution(history):
    found, coarse, fine = mackey_glass_from(history, 100), euler(history, 200, 100), euler(history, 400, 100)
    np.testing.assert_allclose(found, fine, rtol=0, atol=1e-3)
    np.testing.assert_allclose(found, 2 * fine - coarse, rtol=0, atol=2e-6)  # Richardson: without the first-order error


def test_mackey_glass_keeps_to_its_range_and_seeds_part():
    found = np.concatenate([find_simulation("mackey-glass").rows(seed, 5000) for seed in range(4)], axis=1)
    assert 0.2 < found.min() < 0.5 and 1.2 < found.max() < 1.4
    assert all(np.abs(a - b).mean() > 0.1 for a, b in combinations(found.T, 2))
    np.testing.assert_allclose(found.mean(axis=0), 0.93, atol=0.02)


# narma10


def plain_narma(u):
    y = np.zeros(len(u))
    for t in range(len(u) - 1):
        last, early = y[max(t - 9, 0) : t + 1].sum(), u[t - 9] if t >= 9 else 0
        y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * last + 1.5 * early * u[t] + 0.1
    return y


def test_narma10_is_the_plain_loop():
    u, y = find_simulation("narma10").rows(3, 5000).T
    np.testing.assert_allclose(y, plain_narma(u), rtol=1e-9)
    assert u.min() >= 0 and u.max() < 0.5 and y.max() < 1
    assert u.mean() == pytest.approx(0.25, abs=0.01)


class Unlucky:
    """Draws large inputs only, the second time."""

    def __init__(self):
        self.calls, self.generator = 0, np.random.Generator(np.random.PCG64(0))

    def uniform(self, low, high, count):
        self.calls += 1
        return np.full(count, high) if self.calls == 2 else self.generator.uniform(low, high, count)


def test_inputs_that_make_narma10_diverge_are_drawn_again(monkeypatch):
    wanted = find_simulation("narma10").rows(0, 300)
    unlucky = Unlucky()
    monkeypatch.setattr("numpy.random.default_rng", lambda seed: unlucky)
    np.testing.assert_array_equal(find_simulation("narma10").rows(0, 300), wanted)
    assert unlucky.calls == 4
    assert plain_narma(np.full(20, 0.5)).max() > 1


# diode-clipper

RC, LEAK, VT = 2200 * 10e-9, 2 * 2.52e-9 / 10e-9, 1.752 * 25.83e-3
SINE, LEVEL = 40, 41  # sections of their own


def explicit(volts, substeps=256):
    """Outputs [rows, lanes] by the explicit method of Runge and Kutta, in steps that are short beside all time constants."""
    slope = lambda u, v: (u - v) / RC - LEAK * np.sinh(v / VT)  # noqa: E731
    v, h = np.zeros(volts.shape[1]), 1 / 44_100 / substeps
    found = []
    before = np.zeros_like(v)
    for now in volts:
        for k in range(substeps):
            start, middle, end = (before + (now - before) * (k + part) / substeps for part in (0, 0.5, 1))
            a = slope(start, v)
            b = slope(middle, v + h / 2 * a)
            c = slope(middle, v + h / 2 * b)
            v = v + h / 6 * (a + 2 * b + 2 * c + slope(end, v + h * c))
        before = now
        found.append(v)
    return np.array(found)


@pytest.fixture(scope="module")
def sections():
    """64 inputs [256 rows, 64] of 100 rows each, then zeros, so that each starts from rest; and their outputs."""
    generator, rows = np.random.default_rng(0), np.arange(100)
    volts = np.zeros((256, 64))
    for lane in range(0, 40, 2):
        speed, level = generator.uniform(0.01, 1.1), 4.5 * 10 ** generator.uniform(-1.5, 0)
        volts[:100, lane] = level * np.sin(speed * rows)
    volts[:100, 1:40:2] = -volts[:100, 0:40:2]
    volts[:100, SINE] = 1e-3 * np.sin(2 * np.pi * 4410 / 44_100 * rows)
    volts[:100, LEVEL] = 4.5
    return volts, clip_with_diodes(volts.T.ravel()).reshape(64, 256).T


def test_outputs_are_those_of_an_explicit_method(sections):
    volts, found = sections
    np.testing.assert_allclose(found[:60, :42], explicit(volts[:60, :42]), rtol=0, atol=1e-4)


def test_outputs_are_odd_and_small(sections):
    _, found = sections
    np.testing.assert_array_equal(found[:, 1:40:2], -found[:, 0:40:2])
    assert 0.55 < np.abs(found).max() < 0.9
    assert np.abs(found[200:]).max() < 1e-15
    assert not found[:, 42:].any()


def test_a_small_sine_passes_the_low_pass_and_a_level_reaches_its_rest(sections):
    _, found = sections
    amplitude = np.abs(np.fft.rfft(found[40:100, SINE])[6]) * 2 / 60  # 6 periods of 10 rows
    drawn_straight = np.sinc(0.1) ** 2  # between its rows the sine is a chain of straight lines
    assert amplitude == pytest.approx(1e-3 * drawn_straight / math.hypot(1, 2 * math.pi * 4410 * RC), rel=1e-2)
    v = found[99, LEVEL]
    assert (4.5 - v) / RC == pytest.approx(LEAK * math.sinh(v / VT), rel=1e-6)


@pytest.mark.slow
def test_half_the_step_changes_little_at_full_level():
    volts = find_simulation("diode-clipper").rows(1, 132_300)[:, 0]
    assert np.abs(volts).max() <= 4.5
    loud = np.concatenate([4.5 * stretch / np.abs(stretch).max() for stretch in np.split(volts, 6)])
    found = clip_with_diodes(loud)
    np.testing.assert_allclose(clip_with_diodes(loud, 2 * 160), found, rtol=0, atol=1e-4)
    np.testing.assert_allclose(clip_with_diodes(loud, iterations=6), found, rtol=0, atol=1e-10)


@pytest.mark.slow
def test_stretches_side_by_side_are_one_long_solution(monkeypatch):
    volts, found = find_simulation("diode-clipper").rows(1, 44_100).T
    monkeypatch.setattr(simulated, "LANE", 44_100 // 32)
    np.testing.assert_allclose(clip_with_diodes(volts), found, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_seeds_of_the_clipper_part():
    first, second = (find_simulation("diode-clipper").rows(seed, 44_100)[:, 0] for seed in (0, 1))
    for a, b in zip(np.split(first, 2), np.split(second, 2), strict=True):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.3
