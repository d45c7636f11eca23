"""A sweep's YAML: what it means, and one message for each way in which it can be wrong."""

import pytest
import yaml

from lstmzoo.config.plan import make_plan
from lstmzoo.errors import ConfigError
from lstmzoo.sweep.space.dimensions import combinations, rounded
from lstmzoo.sweep.space.load import load_sweep
from tests.helpers.places import CONFIGS

SWEEPS = CONFIGS / "sweeps"
BASE = {"task": {"kind": "echo"}, "model": {"units": 4}, "train": {"steps": 100}}
RATE = {"min": 1e-3, "max": 1.0, "sampling": "log"}


@pytest.fixture
def sweep(tmp_path):
    """Loads a sweep of a base."""

    def load(space, base=BASE, trials=None, **keys):
        (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
        keys = {"search": {"kind": "grid"}, **keys}
        (tmp_path / "s.yaml").write_text(yaml.safe_dump({"base": "base.yaml", "space": space, **keys}, sort_keys=False))
        return load_sweep(tmp_path / "s.yaml", trials)

    return load


def listed(search):
    return list(combinations(search.dimensions, {each.path: each.listed() for each in search.dimensions}))


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        ({"min": 1, "max": 4}, [1, 2, 3, 4]),
        ({"min": 1, "max": 7, "step": 3}, [1, 4, 7]),
        ({"min": 1, "max": 16, "step": 2, "sampling": "log"}, [1, 2, 4, 8, 16]),
        ({"min": 3, "max": 6, "sampling": "log"}, [3, 4, 5, 6]),
        ({"choices": [8, [4, 5]]}, [8, [4, 5]]),
        (7, [7]),
    ],
)
def test_what_an_entry_for_integers_means(sweep, entry, values):
    kind = {"choices": ["stacked_layers"]}
    assert [found["model.units"] for found in listed(sweep({"model.kind": kind, "model.units": entry}))] == values


def test_ranges_of_numbers_with_a_step_hit_both_ends(sweep):
    entry = {"min": 0.1, "max": 1.0, "step": 0.1}
    values = [
        found["train.optimizer.learning_rate"] for found in listed(sweep({"train.optimizer.learning_rate": entry}))
    ]
    assert values == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    entry = {"min": 1e-3, "max": 1, "step": 10, "sampling": "log"}
    values = [
        found["train.optimizer.learning_rate"] for found in listed(sweep({"train.optimizer.learning_rate": entry}))
    ]
    assert values == [0.001, 0.01, 0.1, 1.0]


def test_whole_numbers_are_a_range_of_numbers_where_the_path_takes_any(sweep):
    search = sweep({"train.optimizer.learning_rate": {"min": 1, "max": 2}}, search={"kind": "random", "trials": 3})
    assert search.dimensions[0].decoded(1.23456789) == 1.23457
    assert rounded(0.1 + 0.2) == 0.3


def test_narrow_ranges_and_sections_are_what_they_say(sweep):
    adam = {**BASE, "train": {"steps": 100, "optimizer": {"name": "adam"}}}
    narrow = sweep(
        {"train.optimizer.beta_2": {"min": 0.999, "max": 0.9999}}, adam, search={"kind": "random", "trials": 3}
    )
    assert narrow.dimensions[0].decoded(0.9995) == 0.9995
    space = {"model.units": {"choices": [5, 6]}, "model": {"choices": ["echo_4", {"kind": "stacked_layers"}]}}
    assert {sweep(space).experiment(values).model.layers for values in listed(sweep(space))} == {(5,), (6,)}
    fixed = sweep({"train.optimizer": {"name": "adam", "beta_1": 0.5}})
    assert fixed.experiment(listed(fixed)[0]).train.optimizer.beta_1 == 0.5


def test_a_path_may_exist_only_where_its_condition_holds(sweep):
    space = {
        "train.optimizer.name": {"choices": ["sgd", "adam"]},
        "train.optimizer.beta_1": {"choices": [0.5, 0.9], "when": {"train.optimizer.name": "adam"}},
    }
    search = sweep(space, base={**BASE, "train": {"steps": 100, "optimizer": {"name": "sgd"}}})
    found = [search.experiment(values).train.optimizer for values in listed(search)]
    assert [each.name for each in found] == ["sgd", "adam", "adam"]


def test_a_condition_takes_what_does_not_count_out_of_the_product(sweep):
    space = {
        "model.depth": {"min": 1, "max": 3, "when": {"model.kind": "stacked_layers"}},  # before what it asks about
        "model.kind": {"choices": ["single", "stacked_layers"]},
        "model.units": {"choices": [2, 4]},
    }
    found = listed(sweep(space))
    assert len(found) == 2 * (1 + 3)
    assert {"model.kind": "single", "model.units": 2} in found


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_budget_of_parameters_is_met_at_each_depth(sweep, depth):
    kind = {"choices": ["stacked_layers"]}
    search = sweep({"model.kind": kind, "model.parameters": 2000, "model.depth": {"min": 1, "max": 3}})
    values = {"model.kind": "stacked_layers", "model.parameters": 2000, "model.depth": depth}
    plan = make_plan(search.experiment(values))
    assert len(plan.resolved.model.layers) == depth
    units = plan.resolved.model.layers[0]
    assert search.shown(values)["model.units"] == units
    more, fewer = (plan.resolved.model.model_copy(update={"units": units + n}).parameters(1, 2) for n in (1, -1))
    assert abs(plan.parameters - 2000) <= min(abs(more - 2000), abs(fewer - 2000))


def test_trials_share_the_machine_and_are_named_after_the_sweep(sweep):
    experiment = sweep({"model.units": 3}, base={**BASE, "seed": 5}).experiment({"model.units": 3}, repeat=2)
    assert (experiment.seed, experiment.name, experiment.execution.threads) == (7, "s", 1)


def test_hyperband_validates_once_in_each_shortest_length(sweep):
    search = sweep(
        {"model.units": {"min": 1, "max": 9}}, base={**BASE, "train": {"epochs": 9}}, search={"kind": "hyperband"}
    )
    experiment = search.experiment({"model.units": 3}, length=3)
    assert (experiment.train.epochs, experiment.validation.every_steps) == (3, make_plan(experiment).windows)
    assert search.trials == 9  # all there are, of 9 + 5 + 3 that it would begin


UNITS = {"model.units": {"min": 1, "max": 4}}
WRONG = {
    "unknown path": ({"model.unit": 4}, {}, r"s.yaml:3: space.model.unit: expected a key that exists, received 'unit'; did you mean units\?"),
    "unknown section": ({"modl.units": 4}, {}, r"space.modl.units: expected a key that exists, received 'modl'; did you mean model\?"),
    "min above max": ({"model.units": {"min": 5, "max": 4}}, {}, "space.model.units.min: expected min of at most max, 4, received 5"),
    "step that never hits": ({"model.units": {"min": 1, "max": 10, "step": 4}}, {}, r"model.units.step: expected a step that leads from min to max 10 \(this one: 1, 5, 9, ...\), received 4"),
    "log step": ({"train.optimizer.learning_rate": {"min": 0.1, "max": 1, "step": 0.1, "sampling": "log"}}, {}, "step: expected more than 1 with sampling log"),
    "log from zero": ({"train.optimizer.learning_rate": {"min": 0, "max": 1, "sampling": "log"}}, {}, "min: expected more than 0 with sampling log"),
    "choice of the wrong type": ({"model.units": {"choices": [4, "many"]}}, {}, "space.model.units.choices: expected an integer >= 1, or a list of them such as .4, 5., received 'many'"),
    "broken integers": ({"model.units": {"min": 1.5, "max": 4}}, {}, "space.model.units.min: expected an integer >= 1"),
    "value out of range": ({"model.dropout": {"min": 0, "max": 1.5}}, {}, "space.model.dropout.max: expected less than 1"),
    "no choices": ({"model.units": {"choices": []}}, {}, "space.model.units.choices"),
    "unknown key": ({"model.units": {"min": 1, "max": 4, "stepp": 1}}, {}, r"space.model.units.stepp: expected a key that exists, received 'stepp'; did you mean step\?"),
    "no max": ({"model.units": {"min": 1}}, {}, "space.model.units.max: expected this required key, received nothing"),
    "unknown sampling": ({"model.units": {"min": 1, "max": 4, "sampling": "lin"}}, {}, r"sampling: expected linear or log, received 'lin'; did you mean linear\?"),
    "objective": (UNITS, {"objective": {"name": "val_los"}}, r"objective.name: expected a measure that runs of the base write, received 'val_los'; did you mean val_loss\?"),
    "objective of another task": (UNITS, {"objective": {"name": "val_bpc"}}, "objective.name: expected a measure that runs of the base write, received 'val_bpc'"),
    "direction": (UNITS, {"objective": {"name": "val_loss", "direction": "down"}}, "objective.direction: expected min or max, received 'down'"),
    "impossible pair": ({"model.kind": {"choices": ["single", "stacked_layers"]}, "model.depth": {"min": 1, "max": 2}}, {}, r"space: expected values that are possible together, received model.kind single, model.depth 2 \(model: expected depth 1 with kind single"),
    "grid too large": (UNITS, {"search": {"kind": "grid", "trials": 3}}, "search.trials: expected as many as the grid has combinations, 4, received 3"),
    "endless grid": ({"train.optimizer.learning_rate": RATE}, {}, "space.train.optimizer.learning_rate: expected choices or a step in a grid, received a range without end"),
    "no trials": (UNITS, {"search": {"kind": "random"}}, "search.trials: expected a number of trials with search kind random"),
    "no such kind": (UNITS, {"search": {"kind": "rnadom", "trials": 3}}, r"search.kind: expected random, grid, bayesian or hyperband, received 'rnadom'; did you mean random\?"),
    "factor elsewhere": (UNITS, {"search": {"kind": "grid", "factor": 2}}, "search.factor: expected this key with search kind hyperband only"),
    "hyperband and length": ({"train.steps": {"min": 1, "max": 4}}, {"search": {"kind": "hyperband"}}, "received train.steps in the space"),
    "hyperband and cosine": ({"train.schedule.kind": {"choices": ["constant", "cosine"]}}, {"search": {"kind": "hyperband"}}, "received cosine"),
    "hyperband and mean": ({"train.average": {"choices": [None, {"kind": "mean"}]}}, {"search": {"kind": "hyperband"}}, r"averages that do not depend on the length \(ema\) for hyperband, received mean"),
    "hyperband smallest": (UNITS, {"search": {"kind": "hyperband", "smallest": 7}}, "search.smallest: expected a divisor of the base's 100 steps, received 7"),
    "hyperband trials": (UNITS, {"search": {"kind": "hyperband", "trials": 7}}, "search.trials: expected as many as hyperband starts in one pass, "),
    "condition": ({"model.units": {"min": 1, "max": 4, "when": {"model.kid": "single"}}, "model.kind": "single"}, {}, r"when.model.kid: expected a path of the space, received 'model.kid'; did you mean model.kind\?"),
    "value of a condition": ({"model.units": {"min": 1, "max": 4, "when": {"model.kind": "stacked"}}, "model.kind": "single"}, {}, "expected a value that model.kind takes in the space, received 'stacked'"),
    "circle": ({"model.units": {"choices": [1], "when": {"seed": 1}}, "seed": {"choices": [1], "when": {"model.units": 1}}}, {}, "expected conditions that form no circle"),
    "budget and units": ({**UNITS, "model.parameters": 100}, {}, "space.model.parameters: expected model.parameters or model.units, received both"),
    "budget": ({"model.parameters": "many"}, {}, "space.model.parameters: expected a number of parameters, received 'many'"),
    "values": ({"model.units": {"values": [4, 8]}}, {}, r"s.yaml:\d+: space.model.units.values: expected min and max .with step, sampling, when., choices, or one value, received 'values'; did you mean choices\?"),
    "min_value": ({"model.units": {"min_value": 1, "max_value": 8}}, {}, r"(?s)space.model.units.min_value: .* did you mean min\?.*space.model.units.max_value: .* did you mean max\?"),
    "low and high": ({"model.units": {"low": 1, "high": 8, "log": True}}, {}, r"(?s)did you mean min\?.*did you mean max\?.*space.model.units.log: .* did you mean sampling\?"),
    "distribution": ({"train.optimizer.learning_rate": {**RATE, "distribution": "uniform"}}, {}, r"learning_rate.distribution: .* did you mean sampling\?"),
    "a word that nobody knows": ({"model.units": {"vals": [4]}}, {}, r"space.model.units: expected an integer >= 1.*; legal: min and max .*, choices, or one value"),
    "nested": ({"model": {"units": {"choices": [4]}}}, {}, r"space.model.units: expected a path with dots, model.units: .*, received a mapping within a mapping"),
    "deeply nested": ({"train": {"optimizer": {"learning_rate": {"min_value": 0.1}}}}, {}, r"space.train.optimizer.learning_rate: expected a path with dots"),
    "another section's": ({"train.dropout": {"choices": [0.1]}}, {}, r"space.train.dropout: expected a key that exists, received 'dropout'; its place is model.dropout"),
    "empty space": ({}, {}, "space: expected a path of the base, or more, with its values"),
    "no search": (UNITS, {"search": None}, r"search: expected a section \(a mapping of keys\), received null"),
    "broken step": ({"model.units": {"min": 1, "max": 4, "step": 1.5}}, {}, "model.units.step: expected a step that hits whole numbers only, received 1.5"),
    "tiny step": ({"train.optimizer.learning_rate": {"min": 1, "max": 2, "step": 1.0000001, "sampling": "log"}}, {}, "expected a step that makes at most 100,000 values"),
    "condition between steps": ({"model.units": {"choices": [4], "when": {"seed": 2}}, "seed": {"min": 1, "max": 5, "step": 2}}, {}, "expected a value that seed takes in the space, received 2"),
    "impossible pair among many": ({"seed": {"choices": list(range(10))}, "train.batch_size": {"choices": list(range(1, 11))}, "train.seq_length": {"choices": list(range(5, 15))}, "model.kind": {"choices": ["single", "stacked_layers"]}, "model.depth": {"min": 1, "max": 2}}, {"search": {"kind": "random", "trials": 9}}, "model.kind single, model.depth 2"),
    "worker_timeout": (UNITS, {"worker_timeout": 0.1}, "worker_timeout: expected 1 or more, received 0.1"),
    "unknown key of the sweep": (UNITS, {"objectiv": {}}, r"objectiv: expected a key that exists, received 'objectiv'; did you mean objective\?"),
    "share": (UNITS, {"max_failed": 2}, "max_failed: expected 1.0 or less, received 2"),
    "too large for the machine": ({"model.units": {"choices": [4, 10_000_000]}}, {}, "expected sizes that fit in memory"),
    "plain list": ({"model.units": [4, 8, 16]}, {"search": {"kind": "random", "trials": 3}}, r"s.yaml:3: space.model.units: expected values for 3 trials, received a list, which is one fixed value: write {choices: \[4, 8, 16\]} to choose among its values, or {choices: \[\[4, 8, 16\]\]} to keep it whole"),
    "plain list in a grid": ({"model.units": [4, 8]}, {}, "space.model.units: expected values for several trials, received a list"),
    "plain list beside choices": ({"model.kind": "stacked_layers", "model.units": [4, 8], "seed": {"choices": [1, 2]}}, {"search": {"kind": "bayesian", "trials": 3}}, "space.model.units: expected values for 3 trials"),
    "plain list of numbers": ({"train.optimizer.learning_rate": [0.1, 0.01]}, {}, r"space.train.optimizer.learning_rate: expected a number, received \[0.1, 0.01\]: write {choices: \[0.1, 0.01\]}"),
    "plain list of names": ({"model.kind": ["single", "stacked_cells"]}, {}, r"space.model.kind: expected single, .*: write {choices: \[\"single\", \"stacked_cells\"\]}"),
    "null twice": ({"train.grad_clip_norm": {"choices": [None, None]}}, {}, "space.train.grad_clip_norm.choices: expected each choice once, received null twice"),
    "a choice twice": ({"model.units": {"choices": [4, 4, 8]}}, {}, "space.model.units.choices: expected each choice once, received 4 twice: keep one of them"),
    "a number in two spellings": ({"train.optimizer.learning_rate": {"choices": [1, 0.5, 1.0]}}, {}, "received 1 and 1.0, which mean the same"),
    "one stack in two ways": ({"model.units": {"choices": [4, [4]]}}, {}, r"received 4 and \[4\], which mean the same"),
    "a section twice": ({"train.optimizer": {"choices": [{"name": "adam"}, {"learning_rate": 0.001, "name": "adam"}]}}, {}, 'received {"name": "adam"} and {"learning_rate": 0.001, "name": "adam"}, which mean'),
    "a budget twice": ({"model.parameters": {"choices": [500, 500]}}, {}, "space.model.parameters.choices: expected each choice once, received 500 twice"),
    "a name of the zoo twice": ({"model": {"choices": ["echo_4", {"units": 4}]}}, {}, "which mean the same"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_before_anything_runs(sweep, case):
    space, keys, message = WRONG[case]
    with pytest.raises(ConfigError, match=message):
        sweep(space, **keys)


@pytest.mark.parametrize(
    ("space", "keys", "notes"),
    [
        ({"model.units": {"choices": [[4]]}, "seed": {"choices": [1, 2]}}, {"search": {"kind": "random", "trials": 2}}, []),
        ({"model.units": [4, 8], "model.kind": "stacked_layers", "seed": {"min": 0, "max": 1}}, {}, ["space.model.units is fixed at [4, 8]: write {choices: [4, 8]} to choose"]),
        (UNITS, {"search": {"kind": "random", "trials": 50}}, ["4 trials instead of 50: the largest number"]),
        (UNITS, {"objective": {"name": "val_loss", "direction": "max"}}, ["objective.direction is max: the best trial is that of the worst val_loss"]),
        (UNITS, {"objective": {"name": "val_accuracy"}}, []),
    ],
)  # fmt: skip
def test_what_is_hardly_meant_is_said_before_anything_runs(sweep, space, keys, notes):
    found = sweep(space, **keys).notes
    assert len(found) == len(notes) and all(map(str.startswith, found, notes))


def test_a_list_stays_whole_where_it_is_asked_for(sweep):
    search = sweep({"model.kind": "stacked_layers", "model.units": {"choices": [[4, 8], [4, 9]]}})
    assert [values["model.units"] for values in listed(search)] == [[4, 8], [4, 9]]


@pytest.mark.parametrize("path", sorted(SWEEPS.glob("*.yaml")), ids=lambda path: path.stem)
def test_our_own_sweeps_are_right(path):
    search = load_sweep(path)
    assert search.trials >= 10
    assert search.experiment(next(combinations(search.dimensions, {d.path: d.corners() for d in search.dimensions})))


def test_problems_are_reported_together(sweep):
    with pytest.raises(ConfigError) as caught:
        sweep({"model.unit": 4, "model.depth": {"min": 3, "max": 1}}, objective={"name": "loss"})
    assert len(caught.value.problems) == 3


def test_a_base_that_is_not_validated_has_no_validation_loss(sweep):
    with pytest.raises(ConfigError, match=r"objective.name: expected a base that is validated"):
        sweep(UNITS, base={**BASE, "validate": {"every_steps": 0}})


def test_a_base_that_is_wrong_is_told_with_its_own_lines(sweep):
    with pytest.raises(ConfigError, match=r"base.yaml:\d+: train.stps: expected a key that exists"):
        sweep(UNITS, base={**BASE, "train": {"stps": 100}})


def test_the_table_of_1506_02078_has_the_sizes_of_one_layer(tmp_path):
    """Of a text with 87 symbols, as theirs, one layer has 64, 128, 256 and 512 units; deeper ones as many parameters."""
    text = "".join(map(chr, range(192, 192 + 87))) * 200
    (tmp_path / "war.txt").write_text(text)
    search = load_sweep("char_karpathy_table", overrides=[f"task.text={tmp_path / 'war.txt'}"])
    assert search.trials == 12
    rows = [(values["model.parameters"], search.experiment(values)) for values in listed(search)]
    assert [found.model.layers for _, found in rows if len(found.model.layers) == 1] == [(64,), (128,), (256,), (512,)]
    for budget, found in rows:
        assert make_plan(found, "cpu").parameters == pytest.approx(budget, rel=0.02)
        assert (found.train.epochs, found.train.batch_size, found.train.seq_length) == (50, 100, 100)
        assert found.task.test_fraction == found.validation.fraction == 0.1


def test_keys_of_the_base_are_set_as_those_of_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("mine " * 100)
    search = load_sweep("char", overrides=["task.text=mine.txt", "train.batch_size=2"])
    found = search.varied({"model.units": 4})
    assert found.task.text == (str(tmp_path / "mine.txt"),) and found.task.corpus is None
    assert found.train.batch_size == 2
    with pytest.raises(ConfigError, match="--set train.batch_sise: .*did you mean batch_size"):
        load_sweep("char", overrides=["train.batch_sise=2"])


def test_all_problems_are_reported_at_once_and_none_that_follows(sweep):
    space = {"train.optimizer.learning_rat": {"choices": [0.1, 0.2]}}
    with pytest.raises(ConfigError) as caught:
        sweep(space, search={"kind": "gridd"}, objective={"name": "val_los"}, max_faild=0)
    found = [line.split(": ")[1] for line in caught.value.problems]
    assert sorted(found) == ["max_faild", "objective.name", "search.kind", "space.train.optimizer.learning_rat"]
