"""train.average: averaged weights are what is validated, kept and exported; training goes on as without them."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

import lstmzoo
from lstmzoo.config.averages import first_step
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.optimizers import make_optimizer
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import InputError
from lstmzoo.execution.engine import Execution
from lstmzoo.runs.checkpoint import load_checkpoint
from lstmzoo.runs.trained import open_run
from lstmzoo.sweep.results.measured import Measured
from lstmzoo.sweep.space.objective import Objective
from lstmzoo.training.progress import SilentProgress
from lstmzoo.training.run import Request, train
from lstmzoo.training.snapshot import take_snapshot
from lstmzoo.training.validation import Validator
from tests.helpers.killing import assert_same_run, metrics
from tests.helpers.places import ECHO
from tests.helpers.rows import few

STEPS = 12
SETS = [
    *("task.series_length=600", "train.seq_length=10", f"train.steps={STEPS}", "validate.every_steps=3"),
    *("checkpoint={every_steps: 1, keep: 20}", "train.optimizer={name: adam, learning_rate: 0.02}"),
    "execution.kernel=scan",
]
KINDS = {  # the average, how many of the first steps it leaves out, what it keeps of itself at its step n
    "none": (None, 0, None),
    "ema": ("{kind: ema, decay: 0.5}", 0, lambda n: min(0.5, n / (n + 9))),
    "mean": ("{kind: mean, start: 0.5}", STEPS // 2, lambda n: (n - 1) / n),
}


def config(kind, *overrides):
    average = KINDS[kind][0]
    return lstmzoo.load_config(ECHO, [*SETS, *([f"train.average={average}"] if average else []), *overrides])


@pytest.fixture(scope="module")
def run_of(tmp_path_factory):
    """A run of each kind, once."""
    found = {}

    def run(kind):
        if kind not in found:
            place = tmp_path_factory.mktemp(kind) / "run"
            found[kind] = place, train(Request(config(kind), place, pictures=False), SilentProgress())
        return found[kind]

    return run


def tensors(place, step):
    return load_checkpoint(place / "checkpoints" / f"step-{step:08d}.safetensors").tensors


def part(found, name):
    return [value.astype(np.float64) for key, value in sorted(found.items()) if key.startswith(f"{name}/")]


@pytest.mark.parametrize("kind", few(["ema", "mean"], ["mean"]))
def test_training_goes_on_as_without_and_the_average_is_that_of_its_steps(run_of, kind):
    (plain, _), (place, _) = run_of("none"), run_of(kind)
    _, left_out, keeps = KINDS[kind]
    losses = ([line["train_loss"] for line in metrics(run)] for run in (plain, place))
    assert next(losses) == next(losses)
    average = _model(config(kind)).get_weights()
    for step in range(1, STEPS + 1):
        found, n = tensors(place, step), step - left_out
        trained, weights = part(found, "trained"), part(found, "weights")
        for one, other in zip(trained, part(tensors(plain, step), "weights"), strict=True):
            np.testing.assert_array_equal(one, other)
        keep = keeps(n) if n > 0 else 0
        average = [keep * one + (1 - keep) * two for one, two in zip(average, trained, strict=True)]
        for one, other in zip(weights, average, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6 if n > 1 else 0 if left_out else 1e-7)
        assert int(found["average/steps"]) == max(n, 0)
    assert "average/steps" not in tensors(plain, STEPS) and not part(tensors(plain, STEPS), "trained")


def _model(experiment):
    sizes = {"vocab_size": 2, "encoding": "scalar", "batch_size": experiment.train.batch_size}
    return lstmzoo.build_model(experiment.model, **sizes, seed=experiment.seed)


@pytest.mark.parametrize("kind", few(["ema", "mean"], ["mean"]))
def test_what_is_validated_and_kept_is_the_average(run_of, kind):
    place, result = run_of(kind)
    best = result["best"]
    assert best["step"] > KINDS[kind][1]
    validated = {line["step"]: line["val_loss"] for line in metrics(place) if "val_loss" in line}
    assert validated.keys() == {3, 6, 9, 12}
    assert best["val_loss"] == min(loss for step, loss in validated.items() if step > KINDS[kind][1])
    trained = open_run(place)
    assert trained.step == best["step"]
    for one, other in zip(trained.weights, part(tensors(place, best["step"]), "weights"), strict=True):
        np.testing.assert_array_equal(one, other)
    experiment = config(kind)
    model = _model(experiment)
    model.set_weights(trained.weights)
    plan = make_plan(experiment, "cpu")
    execution = Execution(model, make_optimizer(experiment.train.optimizer), plan.resolved.execution.kernel)
    measured = Validator(plan.task, execution, experiment.train.seq_length, 3).measure()
    assert measured["val_loss"] == pytest.approx(best["val_loss"], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "step"), [("ema", 2), ("mean", 7)])
def test_a_run_that_goes_on_ends_with_the_same_bits(run_of, kind, step, tmp_path):
    place, _ = run_of(kind)
    shutil.copytree(place, tmp_path / "run")
    for later in range(step + 1, STEPS + 1):
        (tmp_path / "run" / "checkpoints" / f"step-{later:08d}.safetensors").unlink()
    train(Request(None, tmp_path / "run", resume=True, pictures=False), SilentProgress())
    assert_same_run(tmp_path / "run", place)


def test_a_longer_run_begins_its_mean_where_a_run_of_that_length_does(run_of, tmp_path):
    place, _ = run_of("mean")
    shutil.copytree(place, tmp_path / "run")
    longer = ["train.steps=24", "checkpoint.every_steps=12"]
    experiment = lstmzoo.load_config(place / "config.yaml", longer)
    result = lstmzoo.train_run(experiment, tmp_path / "run", resume=True)
    whole = lstmzoo.train_run(config("mean", *longer), tmp_path / "whole")
    assert result["best"] == whole["best"] and result["final"] == whole["final"]
    ends = [tensors(tmp_path / name, 24) for name in ("run", "whole")]
    assert int(ends[0]["average/steps"]) == 12
    for name, value in ends[1].items():
        np.testing.assert_array_equal(ends[0][name], value)


def test_a_length_for_which_the_mean_would_lack_steps_is_refused(run_of, tmp_path):
    place, _ = run_of("mean")
    shutil.copytree(place, tmp_path / "run")
    wish = lstmzoo.load_config(place / "config.yaml", ["train.steps=18"])
    with pytest.raises(
        InputError, match=r"train.steps: .* less than 0.5 \(train.average.start\) .* 18, of which 0.667"
    ):
        lstmzoo.train_run(wish, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", place)


def test_an_average_that_takes_no_step_is_refused():
    with pytest.raises(
        InputError, match=r"train.average.start: .* last of 12 steps \(at most 0.916667\), received 0.92"
    ):
        make_plan(config("mean", "train.average.start=0.92"), "cpu")
    for start, steps in [(0.1, 30), (0.7, 10), (0.29, 100), (0.9, 40_000), (0.0, 1)]:
        wanted = next(step for step in range(1, steps + 2) if (step - 1) / steps >= start)
        assert first_step(start, steps) == wanted


def test_what_is_validated_before_the_mean_is_the_best_of_no_reader(run_of, tmp_path):
    place, result = run_of("mean")
    validated = {line["step"]: line["average_steps"] for line in metrics(place) if "val_loss" in line}
    assert validated == {3: 0, 6: 0, 9: 3, 12: 6}
    shutil.copytree(place, tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    lines = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    lines[2]["val_loss"] = 0.001  # before the mean
    (tmp_path / "run" / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (row,) = lstmzoo.write_report(tmp_path / "run", tmp_path / "report")
    measured = Measured(tmp_path / "run", Objective("val_loss", "min")).look()
    assert row["best_step"] == result["best"]["step"] and measured.steps == [9, 12]
    assert row["best_val_loss"] == measured.best > 0.001


def test_a_run_is_bound_to_its_average(run_of):
    place, _ = run_of("mean")
    wish = lstmzoo.load_config(place / "config.yaml", ["train.average.start=0.25"])
    with pytest.raises(InputError, match=r"train.average.start: expected 0.5 as in the run, received 0.25"):
        lstmzoo.train_run(wish, place, resume=True)


@pytest.mark.slow
def test_with_a_time_budget_the_mean_begins_at_its_part_of_the_time(tmp_path):
    spec = {"time_budget": 0.3, "average": {"kind": "mean"}}
    experiment = Experiment(
        task={"kind": "echo"}, model={}, train=spec, validate={"every_steps": 0}, execution={"windows_per_call": 5}
    )
    result = lstmzoo.train_run(experiment, tmp_path / "run")
    found = tensors(tmp_path / "run", result["steps"])
    assert 0 < int(found["average/steps"]) < result["steps"]
    assert any((one != two).any() for one, two in zip(part(found, "weights"), part(found, "trained"), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(("kernel", "shards"), [("scan", 1), ("keras", 3), ("xla", 1), ("xla", 3)])
def test_every_kernel_averages(kernel, shards):
    model = lstmzoo.build_model({"units": 4}, vocab_size=3, encoding="one_hot", batch_size=4)
    averages = [tf.Variable(weight.numpy()) for weight in model.weights]
    optimizer = make_optimizer(config("none").train.optimizer)
    execution = Execution(model, optimizer, kernel, shards=shards, averages=averages)
    x = np.random.default_rng(0).integers(0, 3, (3, 4, 5))
    wanted, shares = model.get_weights(), [1.0, 0.25, 0.5]
    for k, share in enumerate(shares):
        execution.train(x[k : k + 1], x[k : k + 1], shares=[share])
        wanted = [(1 - share) * one + share * two for one, two in zip(wanted, model.get_weights(), strict=True)]
    found = take_snapshot(model, optimizer, averages)
    for one, other, own in zip(wanted, part(found, "weights"), part(found, "trained"), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-7)
        assert (own != other).any()
