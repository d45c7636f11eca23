"""The losses as a picture shows them: the same as from all steps, in bounded memory."""

import gc

import numpy as np

from lstmzoo.report.run_plots import draw_loss
from lstmzoo.runs.curve import GROUPS, SMOOTHING, Curve


def curve_of(losses):
    curve = Curve(0.7)
    for step, loss in enumerate(losses, 1):
        curve.add({"step": step, "train_loss": float(loss)})
    return curve


def test_groups_are_those_of_all_steps():
    for count in (1, GROUPS, GROUPS + 1, 2 * GROUPS, 5 * GROUPS + 3):
        losses = np.random.default_rng(count).random(count)
        curve = curve_of(losses)
        steps, low, high, smoothed = curve.drawn()
        group = curve.group
        assert len(steps) == -(-count // group) <= GROUPS
        parts = [losses[first : first + group] for first in range(0, count, group)]
        np.testing.assert_array_equal(steps, np.arange(1, count + 1, group))
        np.testing.assert_array_equal(low, [part.min() for part in parts])
        np.testing.assert_array_equal(high, [part.max() for part in parts])
        wanted, value = [], 0.7
        for loss in losses:
            value = SMOOTHING * value + (1 - SMOOTHING) * loss
            wanted.append(value)
        np.testing.assert_allclose(smoothed, wanted[::group], rtol=1e-12)
        assert curve.smoothed == wanted[-1]


def test_a_drawing_leaves_nothing_behind(tmp_path):
    curve = curve_of(np.linspace(1, 0.1, 300))
    counts = []
    for _ in range(6):
        draw_loss(tmp_path / "loss.png", curve, None, "loss")
        counts.append(len(gc.get_objects()))
    assert counts[-1] - counts[2] < 500  # one figure has 11,000
