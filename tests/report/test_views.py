"""What a validation keeps for a picture: chosen as by a search of all of it, in bounded memory; and that it is drawn."""

import numpy as np
import pytest

from lstmzoo.data.lanes import Windows
from lstmzoo.data.scaling import Scaling
from lstmzoo.report import views
from lstmzoo.report.series_plot import draw_series
from lstmzoo.report.views import NAMES, SHOWN_STEPS, BeginningViewer, Stretches, StretchViewer
from lstmzoo.tasks.task import Numbers, Picture
from tests.helpers.rows import few


def validation(windows, lanes, seq_length, outputs, missing=0.2, seed=0):
    """Windows `[K, B, T]` of numbers, and predictions: some targets are NaN, a lane's end is padding."""
    random = np.random.default_rng(seed)
    shape = (windows, lanes, seq_length)
    targets = random.normal(size=(*shape, outputs)).astype(np.float32)
    predictions = (targets + random.normal(size=(*shape, 1)) * random.uniform(size=(windows, lanes, 1, 1))).astype(np.float32)  # fmt: skip
    targets[random.uniform(size=targets.shape) < missing] = np.nan
    targets[-1, -1] = np.nan
    weights = np.where(np.isnan(targets), 0, random.uniform(0.5, 2, outputs)).astype(np.float32)
    inputs = random.normal(size=(*shape, 2)).astype(np.float32)
    return Windows(inputs, targets, weights, random.uniform(size=shape[:2]) < 0.3), predictions


def seen(viewer, windows, predictions, per_call):
    for first in range(0, len(predictions), per_call):
        here = slice(first, first + per_call)
        viewer.add(Windows(*(part[here] for part in windows)), predictions[here])
    return viewer.view({"val_rmse": 1.0})


def by_search(windows, predictions, span):
    """(squared error, lane, first step) of each stretch with half of its targets, the smallest error first."""
    count, lanes, seq_length = predictions.shape[:3]
    found = []
    for lane in range(lanes):
        for first in range(0, count * seq_length - span + 1, span):
            steps = [divmod(step, seq_length) for step in range(first, first + span)]
            errors = np.array([predictions[k, lane, t] - windows.targets[k, lane, t] for k, t in steps], np.float64)
            if np.isfinite(errors).sum() >= errors.size / 2:
                found.append((np.nanmean(errors**2), lane, first))
    return sorted(found)


@pytest.mark.parametrize(
    ("shape", "per_call"), [((60, 2, 15, 1), 7), ((3, 3, 512, 2), 2), ((9, 1, 100, 3), 9), ((1, 2, 40, 1), 4)]
)
def test_the_best_the_median_and_the_worst_stretch_are_those_of_a_search(shape, per_call):
    windows, predictions = validation(*shape)
    view = seen(StretchViewer(shape[0] * shape[2], shape[1]), windows, predictions, per_call)
    span = min(256, shape[0] * shape[2])
    found = by_search(windows, predictions, span)
    chosen = [found[place] for place in sorted({0, len(found) // 2, len(found) - 1})]
    assert view.places == [(lane, first) for _, lane, first in chosen]
    assert (view.names, view.among) == (NAMES[len(chosen)], len(found))
    lanes = [np.concatenate(list(part), axis=1) for part in (windows.targets, predictions)]
    for place, (_, lane, first) in enumerate(chosen):
        for got, whole in zip((view.targets, view.predictions), lanes, strict=True):
            np.testing.assert_array_equal(got[place], whole[lane, first : first + span])
        starts = [step for step in range(first, first + span) if step % shape[2] == 0 and windows.resets[step // shape[2], lane]]  # fmt: skip
        assert np.flatnonzero(view.begins[place]).tolist() == [step - first for step in starts]


def test_of_too_many_stretches_some_are_kept_at_even_distances(monkeypatch):
    monkeypatch.setattr(views, "MOST", 20 * 256 * 3)
    windows, predictions = validation(16, 5, 512, 1, missing=0.0)
    viewer = StretchViewer(16 * 512, 5)
    view = seen(viewer, windows, predictions, 3)
    assert list(zip(viewer.lane.tolist(), viewer.place.tolist(), strict=True)) == [divmod(number, 32) for number in range(0, 160, 8)]  # fmt: skip
    found = [each for each in by_search(windows, predictions, 256) if (each[1] * 32 + each[2] // 256) % 8 == 0]
    assert view.places == [(lane, first) for _, lane, first in (found[0], found[len(found) // 2], found[-1])]
    assert sum(part[..., :1].size for part in viewer.kept[:3]) <= views.MOST


def test_where_few_targets_count_the_stretch_with_most_of_them_is_shown():
    windows, predictions = validation(4, 1, 256, 1, missing=0.0)
    windows.weights[:] = 0
    assert seen(StretchViewer(4 * 256, 1), windows, predictions, 2) is None
    windows.weights[2, 0, :3] = 1
    view = seen(StretchViewer(4 * 256, 1), windows, predictions, 2)
    assert (view.places, view.names) == ([(0, 512)], NAMES[1])
    assert np.isfinite(view.targets).sum() == 3


@pytest.mark.parametrize(("count", "per_call"), [(9, 1), (9, 2), (9, 9), (2, 4)])
def test_the_beginning_is_that_of_all_lanes(count, per_call):
    windows, predictions = validation(count, 2, 11, 1)
    view = seen(BeginningViewer(count * 11, 2), windows, predictions, per_call)
    parts = (windows.inputs, windows.targets, predictions, windows.weights)
    for got, part in zip(view, parts, strict=True):
        np.testing.assert_array_equal(got, np.concatenate(list(part), axis=1)[:, :SHOWN_STEPS])


NAME = ("flow", "p$re_1$s and a name that is longer than its axis", "x", "_y", "z")


def series_picture(targets, predictions, begins=None, rmse=0.5):
    count, outputs = len(targets), targets.shape[2]
    names = NAME[:outputs]
    scaling = Scaling(names, (3.0,) * outputs, (2.0,) * outputs, names, names, {})
    measures = {"val_r2": 0.9, "val_rmse": rmse, **{f"val_rmse/{name}": rmse for name in names}}
    begins = np.zeros(targets.shape[:2], bool) if begins is None else begins
    view = Stretches(NAMES[count], [(0, 0)] * count, targets, predictions, begins, count, measures)
    baselines = {"persistence": dict.fromkeys(names, 1.0), "mean": dict.fromkeys(names, 4.0)}
    return view, Picture("series", "rows", Numbers(scaling, baselines, lambda *_: "pump-1.csv, row 1,234"))


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape)


GAPS = np.where(np.arange(90)[None, :, None] % 2, noise(3, 90, 1), np.nan)  # each value between two gaps
PICTURED = {
    "one target": (noise(3, 256, 1), {}),
    "gaps": (GAPS, {"begins": np.arange(90) % 45 == np.zeros((3, 1))}),
    "five targets": (noise(2, 15, 5), {}),
    "one step": (noise(1, 1, 1), {}),
    "nothing in one": (np.where(np.arange(3)[:, None, None] == 1, np.nan, noise(3, 20, 1)), {}),
    "constant": (np.full((1, 20, 1), 7.0), {"rmse": 0.0}),
    "huge": (noise(1, 20, 1) * 1e300, {"rmse": 1e300}),
}


@pytest.mark.parametrize("name", few(PICTURED, {"gaps", "five targets", "huge"}))
def test_a_picture_of_a_series_is_drawn_whatever_it_shows(name, tmp_path):
    targets, rest = PICTURED[name]
    draw_series(tmp_path / "a.png", *series_picture(targets, np.nan_to_num(targets) + 0.1, **rest))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_picture_is_the_same_bytes(tmp_path):
    for file in ("a.png", "b.png"):
        draw_series(tmp_path / file, *series_picture(noise(1, 20, 1), noise(1, 20, 1) + 0.1))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_picture_of_a_series_has_the_numbers_of_the_data_and_its_baselines(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("lstmzoo.report.series_plot.save_png", lambda figure, path: figures.append(figure))
    targets = noise(3, 50, 1)
    targets[:, :10] = np.nan
    draw_series(tmp_path / "series.png", *series_picture(targets, targets + 0.25))
    above, below = figures[0].axes[:2]
    target, prediction = (line.get_ydata() for line in above.lines)
    np.testing.assert_allclose(target, targets[0, :, 0] * 2 + 3)
    np.testing.assert_allclose((prediction - target)[10:], 0.5)
    np.testing.assert_allclose(below.lines[0].get_ydata()[10:], 0.5)
    assert np.isnan(target[:10]).all() and above.get_ylabel() == "flow"
    assert [axes.get_title("left") for axes in figures[0].axes if axes.get_title("left")] == [*(f"{name}: from pump-1.csv, row 1,234 on" for name in NAMES[3]), "val_rmse"]  # fmt: skip
    bars = figures[0].axes[-1]
    assert [bar.get_width() for bar in bars.patches] == [0.5, 1.0, 4.0]
    assert [text.get_text() for text in bars.texts] == [" 0.5", " 1  (2 x)", " 4  (8 x)"]
