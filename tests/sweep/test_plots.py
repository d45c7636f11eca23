"""The pictures of a search: made whatever the trials are, the same bytes again, and each value in its place."""

import math
import random
import struct
from itertools import pairwise

import numpy as np
import pytest

from lstmzoo.sweep.results import axes
from lstmzoo.sweep.results.axes import OFF, scale_of
from lstmzoo.sweep.results.chart import find, spread
from lstmzoo.sweep.results.maps import size_depth_cells
from lstmzoo.sweep.results.plots import draw_search, medians
from lstmzoo.sweep.results.trials import TrialResult, best_first
from lstmzoo.sweep.space.objective import Objective

LOSS, ACCURACY = Objective("val_loss", "min"), Objective("val_accuracy", "max")
PICTURES = ["curves.png", "objective.png", "parallel.png", "size_depth.png"]
RATE = "train.optimizer.learning_rate"


def trial(number, objective, status="completed", **values):
    return TrialResult(
        f"trial-{number:04}", status, "", {name.replace("__", "."): v for name, v in values.items()}, objective
    )


def search(count, seed=0):
    """Trials with eight paths of every sort; one in ten failed, one in ten is not there yet."""
    draw, found = random.Random(seed), []
    for number in range(count):
        values = {
            "model.kind": draw.choice(["single", "stacked_layers"]),
            "model.units": draw.randint(1, 16),
            "model.depth": draw.randint(1, 3),
            RATE: 10 ** draw.uniform(-3, 0),
            "model.layers": draw.choice([[4, 5], [16], None, {"name": "adagrad", "learning_rate": 0.3}]),
            "train.carry": draw.random() < 0.5,
            "model.embedding_size": draw.choice([4, 8]),
            "task.text": draw.choice(["a" * 90, "costs $5 and $6", "two\nlines"]),
        }
        if number % 3:
            del values["model.embedding_size"]
        status = {8: "failed", 9: "running"}.get(number % 10, "completed")
        found.append(
            TrialResult(
                f"trial-{number:04}", status, "", values, 10 ** draw.uniform(-4, 0) if status == "completed" else None
            )
        )
    return found


def curve(trial):
    return list(range(10, 60, 10)), [trial.objective * factor for factor in (9, 5, 3, 1, 2)]


def drawn(folder, trials, objective=LOSS, curves=curve):
    draw_search(folder, trials, objective, curves)
    return {path.name: size(path) for path in sorted(folder.iterdir())}


def size(path):
    """Width and height of a PNG in pixels."""
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", header[16:])


def test_four_pictures_of_fixed_sizes(tmp_path):
    assert drawn(tmp_path, search(64)) == {
        "curves.png": (1040, 570), "objective.png": (1185, 660), "parallel.png": (1440, 500), "size_depth.png": (685, 340)
    }  # fmt: skip


def test_the_same_trials_give_the_same_bytes(tmp_path):
    drawn(tmp_path, search(12))
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    drawn(tmp_path, search(12))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    assert sorted(first) == PICTURES


ODD = {
    "three, and higher is better": ([trial(n, n / 3, model__units=n) for n in range(3)], ACCURACY),
    "one path": ([trial(n, 0.1 + n, model__units=n + 1) for n in range(12)], LOSS),
    "two paths": ([trial(n, 0.1 + n, a=n % 2 == 0, b=None) for n in range(12)], LOSS),
    "one trial": ([trial(0, 0.5, model__units=4, model__kind="single")], LOSS),
    "all alike": ([trial(n, 0.25, model__units=4, model__depth=1, rate=0.0) for n in range(20)], LOSS),
    "a huge spread": ([trial(n, 10.0 ** -(n % 7), rate=10.0 ** (n - 30)) for n in range(60)], LOSS),
    "below nothing": ([trial(n, n - 5, rate=n - 5.5) for n in range(20)], ACCURACY),
    "not a number": ([trial(n, (0.5, math.nan, math.inf, None)[n % 4], rate=n) for n in range(8)], LOSS),
    "forty names": ([trial(n, n + 1, name=f"a rather long name, number {n}") for n in range(40)], LOSS),
    "a size once in a list": (
        [trial(n, n + 1, model__units=[4, 4] if n else 4, model__depth=2) for n in range(4)],
        LOSS,
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_odd_is_drawn(case, tmp_path):
    trials, objective = ODD[case]
    sized = all(isinstance(trials[0].values.get(path), int) for path in ("model.units", "model.depth"))
    assert sorted(drawn(tmp_path, trials, objective)) == (PICTURES if sized else PICTURES[:3])


def test_five_hundred_trials(tmp_path):
    assert sorted(drawn(tmp_path, search(500), curves=lambda _: ([], []))) == PICTURES


def test_without_a_score_only_the_failures_are_drawn(tmp_path):
    assert drawn(tmp_path, []) == {}
    assert drawn(tmp_path, [trial(0, None, "waiting", a=1), trial(1, None, "running", a=1)]) == {}
    assert drawn(tmp_path, [trial(0, 0.5)], curves=lambda _: ([1], [math.nan])) == {"curves.png": (1040, 480)}
    assert drawn(tmp_path, [trial(0, None, "failed", a=1, b="x")]).keys() == {"curves.png", "objective.png"}


def test_a_picture_without_something_to_draw_is_left_alone(tmp_path):
    (tmp_path / "size_depth.png").write_bytes(b"older")
    draw_search(tmp_path, [trial(n, n, model__units=4) for n in range(3)], LOSS, curve)
    assert (tmp_path / "size_depth.png").read_bytes() == b"older"


def test_best_first_then_what_is_not_done():
    trials = [
        trial(0, None, "failed"), trial(1, 0.5), trial(2, None, "waiting"), trial(3, math.nan), trial(4, 0.1),
        trial(5, None, "running"), trial(6, 0.1),
    ]  # fmt: skip
    assert [int(t.name[-1]) for t in best_first(reversed(trials), LOSS)] == [4, 6, 1, 3, 5, 2, 0]
    assert [int(t.name[-1]) for t in best_first(reversed(trials), ACCURACY)] == [1, 4, 6, 3, 5, 2, 0]
    with pytest.raises(ValueError):
        best_first([trial(0, 1.0, "lost")], LOSS)


def test_a_logarithm_is_for_positive_numbers_that_span_more_than_twenty():
    assert [axes.is_log(n) for n in ([1, 20], [1, 21], [0, 21], [-1, 21], [], [5, 5])] == [False, True, *[False] * 4]
    scale = scale_of([0.001, 0.01, 1.0])
    assert scale.log and [scale.place(v) for v in (0.001, 0.01, 1.0)] == pytest.approx([0, 1 / 3, 1])
    assert scale_of([1, 2, 5]).place(2) == 0.25
    assert scale_of([7]).place(7) == 0.5


def test_numbers_have_a_tick_each_or_round_ones():
    assert [label for _, label in scale_of([1, 3, 2]).ticks] == ["1", "2", "3"]
    assert [label for _, label in scale_of(range(1, 17)).ticks] == ["5", "10", "15"]
    assert axes.round_numbers(0.002, 0.9, True) == pytest.approx([0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
    assert axes.round_numbers(1e-4, 0.5, True) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert scale_of(range(9)).jitter == 0 < scale_of(range(8)).jitter < 1 / 14  # half of the gap between two


@pytest.mark.parametrize(
    ("values", "categories"),
    [
        ([True, False], ("false", "true")),
        (["stacked", "single"], ("single", "stacked")),
        ([[16], [4, 5], [4]], ("[4, 5]", "[4]", "[16]")),
        ([None, 4, 0.5], ("0.5", "4", "null")),
        ([{"name": "adam", "rate": 0.1}], ("{name: adam, rate: 0.1}",)),
        ([1.0, math.inf], ("1", "inf")),
    ],
)
def test_what_is_not_a_number_is_a_category(values, categories):
    scale = scale_of(values)
    assert scale.categories == categories and not scale.log
    places = [scale.place(value) for value in values]
    assert sorted(places) == pytest.approx([(n + 0.5) / len(values) for n in range(len(values))])


def test_long_words_are_shortened():
    assert axes.shortened("abcdefghij", 10) == "abcdefghij"
    assert axes.shortened("abcdefghijk", 10) == "abcde…hijk"
    assert axes.shortened("a $ is\nescaped", 20) == r"a \$ is escaped"


def test_numbers_are_short():
    assert [axes.number(v) for v in (4, 1024, 0.25, 1e-5, 0.0001234, 0.99995, 0.95, 3.0)] == [
        "4", "1024", "0.25", "1e-05", "0.000123", "0.99995", "0.95", "3"
    ]  # fmt: skip


def test_labels_never_overlap():
    ticks = [(n / 10, "label") for n in range(11)]
    assert axes.thinned(ticks, 11, upright=True) == ticks
    assert [place for place, _ in axes.thinned(ticks, 20)] == [0, 0.3, 0.6, 0.9]


def test_names_are_as_short_as_they_can_be():
    assert axes.short_names(["model.units", "a.kind", "b.kind"]) == {
        "model.units": "units", "a.kind": "a.kind", "b.kind": "b.kind"
    }  # fmt: skip


def test_up_to_twelve_sizes_stand_alone_and_more_are_binned():
    assert axes.bins([3, 1, 1, 8]) == [(1, 1), (3, 3), (8, 8)]
    assert [axes.bin_label(b) for b in axes.bins(range(1, 17))] == ["1", "2", "3", "4-5", "6-7", "8-11", "12-16"]
    for most in (13, 100, 4096):
        bounds = axes.bins(range(1, most + 1))
        assert len(bounds) <= 8 and bounds[0][0] == 1 and bounds[-1][1] == most
        assert all(after[0] == before[1] + 1 for before, after in pairwise(bounds))


def test_a_cell_holds_its_scores_best_first():
    trials = [
        trial(n, (0.3, 0.1, 0.2, 0.4)[n], model__units=(4, 4, 8, 4)[n], model__depth=1 + n // 3) for n in range(4)
    ]
    trials.append(trial(4, 0.05, model__units=[4, 4], model__depth=1))
    cells = size_depth_cells(find(trials, LOSS))
    assert cells == {((4, 4), (1, 1)): [0.1, 0.3], ((8, 8), (1, 1)): [0.2], ((4, 4), (2, 2)): [0.4]}
    assert size_depth_cells(find(trials, ACCURACY))[((4, 4), (1, 1))] == [0.3, 0.1]


def test_a_missing_value_is_off_the_axis():
    found = find([trial(0, 0.1, a=1), trial(1, 0.2, a=3), trial(2, 0.3, b=1), trial(3, None, "running", a=99)], LOSS)
    assert found.places(found.ranked, "a").tolist() == [0, 1, OFF]
    assert found.described(found.ranked[0], 99) == "a 1" and found.described(found.ranked[2], 99, all_paths=False) == ""


def test_medians_do_not_part_equals_and_leave_out_what_is_off():
    places, scores = np.array([0.0, 0.5] * 6 + [OFF]), np.array([1.0, 2.0] * 6 + [99.0])
    assert medians(places, scores) == ([0, 0.5], [1, 2])
    assert medians(places[:11], scores[:11]) == ([], [])
    places = np.repeat(np.arange(20) / 20, [200] + [10] * 19)
    at, middle = medians(places, places)
    assert middle[0] == 0 and at[0] < 0.05 and len(at) <= 6 and at == sorted(at)


def test_points_are_spread_evenly_and_always_alike():
    assert spread(3).tolist() == pytest.approx([0, -0.7639, 0.4721], abs=1e-4)
    assert np.histogram(spread(1000), 4, (-1, 1))[0].tolist() == pytest.approx([250] * 4, abs=1)
