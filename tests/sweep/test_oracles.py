"""Searches without any model: trials are a known function."""

import math
from itertools import product

import pytest

from lstmzoo.sweep.scheduler.oracles import make_oracle
from lstmzoo.sweep.space.hyperband import lengths, sizes
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.sweep.state import LENGTH, RUN
from tests.helpers.rows import few
from tests.helpers.trying import SPACE, write_sweep

BASE = {"task": {"kind": "echo"}, "model": {"units": 4}, "train": {"epochs": 27}}
KINDS = {
    "random": {"kind": "random", "trials": 30},
    "bayesian": {"kind": "bayesian", "trials": 9},
    "hyperband": {"kind": "hyperband"},
    "grid": {"kind": "grid"},
}


def known(values):
    """Least, 0, at 5 units and a learning rate of 0.01."""
    return (values["model.units"] - 5) ** 2 / 10 + (math.log10(values["train.optimizer.learning_rate"]) + 2) ** 2


@pytest.fixture
def search(tmp_path):
    """Makes a search of a kind."""

    def make(search, space=SPACE, base=BASE, **keys):
        return load_sweep(write_sweep(tmp_path, search, space, base, **keys))

    return make


def drive(search, path, workers=1, restarts=(), function=known, fail=()):
    """The values of each trial in the order in which they began; workers end theirs in turns."""
    oracle, found, ended = make_oracle(search, path), {}, 0
    busy = {}
    while True:
        for worker in map(str, range(workers)):
            trial = oracle.create_trial(worker)
            if trial.status == "RUNNING":
                raw = trial.hyperparameters.values
                busy[worker], found[trial.trial_id] = trial.trial_id, (search.decoded(raw), raw.get(LENGTH), raw[RUN])
        if not busy:
            assert oracle.is_done()
            return list(found.values())
        worker, name = busy.popitem()
        oracle.end(name, None if name in fail else function(found[name][0]), "")
        ended += 1
        if ended in restarts:
            oracle = make_oracle(search, path)


def grid_space():
    return {
        "model.kind": {"choices": ["single", "stacked_layers"]},
        "model.depth": {"min": 1, "max": 3, "when": {"model.kind": "stacked_layers"}},
        "model.units": {"choices": [2, 4]},
        "train.optimizer.learning_rate": {"min": 1e-3, "max": 1, "step": 10, "sampling": "log"},
    }


@pytest.mark.parametrize(("workers", "restarts"), [(1, ()), (3, ()), (1, (5,)), (3, (1, 8, 20))])
def test_a_grid_explores_exactly_the_product_also_after_a_resume(search, tmp_path, workers, restarts):
    found = drive(search(KINDS["grid"], grid_space()), tmp_path / "o", workers, restarts, lambda values: 0.0)
    kinds = [("single", None), *(("stacked_layers", depth) for depth in (1, 2, 3))]
    expected = sorted(map(str, product(kinds, (2, 4), (0.001, 0.01, 0.1, 1.0))))
    seen = [
        ((v["model.kind"], v.get("model.depth")), v["model.units"], v["train.optimizer.learning_rate"])
        for v, _, _ in found
    ]
    assert sorted(map(str, seen)) == expected


def test_random_gives_the_same_trials_whatever_the_workers_and_restarts(search, tmp_path):
    spec = search(KINDS["random"])
    alone = drive(spec, tmp_path / "a")
    assert len(alone) == 30
    assert drive(spec, tmp_path / "b", workers=4) == alone
    assert drive(spec, tmp_path / "c", workers=2, restarts=(3, 4, 17)) == alone
    other = drive(search({**KINDS["random"], "seed": 1}), tmp_path / "d")
    assert not {str(trial[0]) for trial in alone} & {str(trial[0]) for trial in other}


@pytest.mark.parametrize("kind", ["bayesian", "hyperband"])
def test_adaptive_searches_give_the_same_trials_for_one_worker_also_after_a_resume(search, tmp_path, kind):
    spec = search(KINDS[kind])
    alone = drive(spec, tmp_path / "a")
    assert drive(spec, tmp_path / "b") == alone
    assert drive(spec, tmp_path / "c", restarts=(4, 8)) == alone


def test_seed_zero_is_a_seed(search, tmp_path):
    oracles = [make_oracle(search({**KINDS["random"], "seed": seed}), tmp_path / str(seed)) for seed in (0, 0, 1)]
    assert oracles[0].seed == oracles[1].seed != oracles[2].seed


@pytest.mark.parametrize(
    ("most", "factor", "expected"),
    [
        (81, 3, [[81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]]),  # table 1 of the paper
        (16, 4, [[16, 4, 1], [6, 1], [3]]),
        (1, 3, [[1]]),
    ],
)
def test_brackets_have_the_sizes_of_the_paper(most, factor, expected):
    assert sizes(most, factor) == expected
    assert lengths(81, 3)[0] == [1, 3, 9, 27, 81]


@pytest.mark.parametrize("workers", [1, 3])
def test_hyperband_runs_those_brackets_and_promotes_the_best(search, tmp_path, workers):
    found = drive(search(KINDS["hyperband"]), tmp_path / "o", workers)
    expected = {}
    for rounds, steps in zip(sizes(27, 3), lengths(27, 3), strict=True):
        for size, length in zip(rounds, steps, strict=True):
            expected[length] = expected.get(length, 0) + size
    reached = [length for _, length, _ in found]
    assert {length: reached.count(length) for length in set(reached)} == expected
    first = {run: values for values, length, run in found[:27]}
    best = sorted(first, key=lambda run: known(first[run]))[:9]
    assert {run for _, length, run in found if length == 3 and run in first} == set(best)
    assert all(values == first[run] for values, _, run in found if run in first)


def test_a_second_pass_of_hyperband_may_be_asked_for_later(search, tmp_path):
    spec = search(KINDS["hyperband"])
    once = drive(spec, tmp_path / "o")
    more = drive(search({**KINDS["hyperband"], "trials": 2 * spec.trials}), tmp_path / "o")
    assert len(more) == len(once)
    assert not {str(each) for each in once} & {str(each) for each in more}


def test_hyperband_on_a_small_space_begins_all_there_is_and_goes_on_with_the_best(search, tmp_path):
    spec = search(KINDS["hyperband"], {"model.units": {"min": 1, "max": 12}})
    found = drive(spec, tmp_path / "o", restarts=(5, 14), function=lambda values: abs(values["model.units"] - 5))
    assert spec.trials == 12
    reached = [length for _, length, _ in found]
    assert (reached.count(1), reached.count(27)) == (12, 1)
    assert next(values for values, length, _ in found if length == 27) == {"model.units": 5}


def test_hyperband_passes_over_failed_trials(search, tmp_path):
    fail = {f"{number:04d}" for number in range(0, 40, 3)}
    found = drive(search(KINDS["hyperband"]), tmp_path / "o", 2, fail=fail)
    assert max(length for _, length, _ in found) == 27
    everything = {f"{number:04d}" for number in range(len(found))}
    found = drive(search(KINDS["hyperband"]), tmp_path / "p", 2, fail=everything)
    assert len(found) == sum(rounds[0] for rounds in sizes(27, 3))


@pytest.mark.slow
def test_the_best_is_the_minimum_where_the_search_must_find_it(search, tmp_path):
    space = {**SPACE, "train.optimizer.learning_rate": {"min": 1e-4, "max": 1, "step": 10, "sampling": "log"}}
    assert min(known(values) for values, _, _ in drive(search(KINDS["grid"], space), tmp_path / "g")) == 0
    spec = search({"kind": "random", "trials": 80}, space)  # all there are
    assert spec.trials == 16 * 5
    assert min(known(values) for values, _, _ in drive(spec, tmp_path / "r")) == 0
    bayesian = search({"kind": "bayesian", "trials": 20})
    assert min(known(values) for values, _, _ in drive(bayesian, tmp_path / "b")) < 0.05


def test_the_greatest_is_found_where_it_is_wanted(search, tmp_path):
    objective = {"name": "val_accuracy", "direction": "max"}
    spec = search(KINDS["hyperband"], objective=objective)
    found = drive(spec, tmp_path / "h", function=lambda values: -known(values))
    longest = [values for values, length, _ in found if length == 27]
    assert min(map(known, longest)) == min(known(values) for values, _, _ in found[:27])


def test_no_values_are_tried_twice(search, tmp_path):
    space = {"model.units": {"min": 1, "max": 6}, "train.batch_size": {"choices": [5, 10]}}
    for kind in ("random", "bayesian"):
        spec = search({"kind": kind, "trials": 50}, space)
        found = [str(values) for values, _, _ in drive(spec, tmp_path / kind, function=lambda v: v["model.units"])]
        assert spec.trials == len(found) == len(set(found)) == 12


def test_a_trial_goes_back_to_the_worker_that_had_it_and_then_to_others(search, tmp_path):
    oracle = make_oracle(search(KINDS["random"]), tmp_path / "o")
    first, second = oracle.create_trial("a"), oracle.create_trial("b")
    oracle = make_oracle(search(KINDS["random"]), tmp_path / "o")
    assert [oracle.create_trial(worker).trial_id for worker in ("b", "a")] == [second.trial_id, first.trial_id]
    oracle.take_back(first.trial_id)
    assert oracle.create_trial("c").trial_id == first.trial_id
    oracle.end(first.trial_id, 1.0, "")
    oracle.end(first.trial_id, 2.0, "")  # by the one who had it before
    assert oracle.trials[first.trial_id].score == 1.0
    oracle.take_back(second.trial_id)
    oracle.end(second.trial_id, 3.0, "")  # by a worker that was only slow, while it waits for another one
    assert oracle.create_trial("d").trial_id not in (first.trial_id, second.trial_id)


@pytest.mark.parametrize("kind", few(["bayesian", "hyperband", "random"], ["bayesian"]))
def test_scores_that_nothing_can_be_computed_with_end_no_search(search, tmp_path, kind):
    spec = search(KINDS[kind])
    found = drive(spec, tmp_path / "o", function=lambda values: 1e308 if values["model.units"] % 2 else -1e308)
    assert len({str(values) for values, _, _ in found}) >= spec.trials


def test_three_failures_in_a_row_do_not_end_a_search(search, tmp_path):
    everything = {f"{number:04d}" for number in range(30)}
    assert len(drive(search(KINDS["random"]), tmp_path / "o", fail=everything, restarts=(7,))) == 30
