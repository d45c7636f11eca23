"""A run and what it leaves behind."""

import json
import math
import signal
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import lstmzoo
from lstmzoo.config.schedules import Constant, Cosine, Exponential, rate_at
from lstmzoo.errors import Diverged, EnvironmentFailure, InputError, Interrupted
from lstmzoo.runs.checkpoint import checkpoint_steps, load_checkpoint
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.system.signals import SIGNALS
from lstmzoo.tasks.echo import Echo, EchoSpec, entropy
from lstmzoo.tasks.task import Picture
from lstmzoo.training import checkpointer
from lstmzoo.training.run import Request, plan_run
from lstmzoo.training.validation import Validator
from tests.helpers.places import ECHO

pytestmark = pytest.mark.usefixtures("blank_pictures")
SHORT = ["train.steps=40", "validate.every_steps=20", "checkpoint.every_steps=10"]
SCAN = "execution.kernel=scan"  # nothing to compile: for what no kernel has a part in


def run(directory, *overrides):
    overrides = [SCAN, *overrides]
    short = SHORT[any("epochs" in override for override in overrides) :]
    return lstmzoo.train_run(lstmzoo.load_config(ECHO, [*short, *overrides]), directory)


def metrics(directory):
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "echo"
    return directory, run(directory, "execution.kernel=auto")


def test_a_run_directory_holds_what_is_promised(finished):
    directory, result = finished
    assert {path.name for path in directory.iterdir()} == {
        "config.yaml", "environment.json", "metrics.jsonl", "result.json", "checkpoints", "plots", "tensorboard"
    }  # fmt: skip
    assert {path.name for path in (directory / "plots").iterdir()} == {"loss.png", "echo.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (directory / "plots").iterdir())
    assert {**json.loads((directory / "result.json").read_text()), "run_dir": str(directory)} == result
    environment = json.loads((directory / "environment.json").read_text())
    assert {"versions", "device", "command", "git_commit"} <= environment.keys()
    assert environment["versions"]["tensorflow"] == tf.__version__


def test_the_result_says_how_it_went(finished):
    _, result = finished
    assert result["status"] == "completed"
    assert (result["steps"], result["epochs"], result["parameters"], result["seed"]) == (40, 0, 106, 0)
    assert {"train_loss", "epoch_train_loss", "val_loss", "val_accuracy"} == result["final"].keys()
    assert result["best"].keys() == {"step", "val_loss"}
    assert result["symbols_per_second"] == pytest.approx(40 * 75 / result["train_seconds"])
    assert result["loss_floor"] == pytest.approx(15 * 0.6730116670092565 / 49950)


def test_metrics_have_one_line_a_step(finished):
    directory, result = finished
    lines = metrics(directory)
    assert [line["step"] for line in lines] == list(range(1, 41))
    assert all({"step", "epoch", "train_loss", "learning_rate"} <= line.keys() for line in lines)
    assert [line["step"] for line in lines if "val_loss" in line] == [20, 40]
    assert {line["learning_rate"] for line in lines} == {0.3}
    assert lines[-1]["train_loss"] == result["final"]["train_loss"]
    assert lines[-1]["val_loss"] == result["final"]["val_loss"]
    assert lines[-1]["elapsed_seconds"] == result["train_seconds"]


def test_the_resolved_config_runs_again_to_the_same_losses(finished, tmp_path):
    directory, _ = finished
    lstmzoo.train_run(directory / "config.yaml", tmp_path / "again")
    losses = [[line["train_loss"] for line in metrics(place)] for place in (directory, tmp_path / "again")]
    assert losses[0] == losses[1]


def test_a_checkpoint_holds_everything_that_a_step_depends_on(finished):
    directory, result = finished
    assert {30, 40} <= set(checkpoint_steps(directory / "checkpoints"))
    tensors, metadata = load_checkpoint(directory / "checkpoints" / "step-00000040.safetensors")
    shapes = [tensors[f"weights/{i:03d}"].shape for i in range(5)]
    assert shapes == [(1, 16), (4, 16), (16,), (4, 2), (2,)]
    assert tensors["states/000/h"].shape == tensors["states/000/c"].shape == (5, 4)
    assert tensors["position"].tolist() == [40, 0, 40]
    assert 40 in [
        tensor.item() for name, tensor in tensors.items() if name.startswith("optimizer") and tensor.ndim == 0
    ]
    assert float(metadata["train_seconds"]) == result["train_seconds"]


def test_losses_are_those_of_train_windows(finished):
    """The run is nothing but train_windows on the echo task's lanes."""
    directory, _ = finished
    x, y, _ = Echo(EchoSpec(kind="echo"), 5, seed=0).epoch_lanes(0)
    model = lstmzoo.build_model("echo_4", vocab_size=2, encoding="scalar", batch_size=5)
    cut = [part[:, : 40 * 15].reshape(5, 40, 15).swapaxes(0, 1) for part in (x, y)]
    losses = lstmzoo.train_windows(model, tf_adagrad(), *cut)
    np.testing.assert_array_equal([line["train_loss"] for line in metrics(directory)], losses.astype(float))


def tf_adagrad():
    import tf_keras

    return tf_keras.optimizers.Adagrad(0.3)


def test_epochs_bring_new_series_and_zero_states(tmp_path):
    result = run(tmp_path / "a", "task.series_length=150", "train.epochs=3", "validate.every_steps=0")
    assert (result["steps"], result["epochs"], result["best"]) == (6, 3, None)
    lines = metrics(tmp_path / "a")
    assert [line["epoch"] for line in lines] == [1, 1, 2, 2, 3, 3]
    assert result["final"]["epoch_train_loss"] == np.mean([line["train_loss"] for line in lines[-2:]])
    run(tmp_path / "b", "task.series_length=150", "train.epochs=3", "train.reset_state=never", "validate.every_steps=0")
    same = [
        a["train_loss"] == b["train_loss"]
        for a, b in zip(metrics(tmp_path / "a"), metrics(tmp_path / "b"), strict=True)
    ]
    assert same == [True, True, False, False, False, False]


def test_reset_state_window_starts_every_window_from_zero(tmp_path):
    run(tmp_path / "a", "train.reset_state=window", "validate.every_steps=0")
    x, y, _ = Echo(EchoSpec(kind="echo"), 5, seed=0).epoch_lanes(0)
    model, optimizer = lstmzoo.build_model("echo_4", vocab_size=2, encoding="scalar", batch_size=5), tf_adagrad()
    losses = []
    for k in range(40):
        lstmzoo.reset_states(model)
        window = [part[None, :, k * 15 : k * 15 + 15] for part in (x, y)]
        losses += lstmzoo.train_windows(model, optimizer, *window, kernel="scan").tolist()
    assert [line["train_loss"] for line in metrics(tmp_path / "a")] == losses


def test_time_budget_counts_training_seconds(tmp_path):
    budget = [SCAN, "train.time_budget=0.05", "execution.windows_per_call=5", "validate.every_steps=0"]
    result = lstmzoo.train_run(lstmzoo.load_config(ECHO, budget), tmp_path / "a")
    assert result["status"] == "completed"
    assert 0.05 <= result["train_seconds"] < 1
    assert result["steps"] % 5 == 0


# Law 6: best is strictly better


def test_best_is_strictly_better_and_its_checkpoint_stays(tmp_path, monkeypatch):
    found = iter([3.0, 2.0, 5.0, 2.0, 4.0, 4.0])
    measures = lambda *_: {"val_loss": next(found), "val_accuracy": 0.0}  # noqa: E731
    monkeypatch.setattr(Validator, "measure", measures)
    result = run(tmp_path / "a", "train.steps=60", "validate.every_steps=10", "checkpoint.keep=1")
    assert result["best"] == {"step": 20, "val_loss": 2.0}
    assert checkpoint_steps(tmp_path / "a" / "checkpoints") == [20, 60]
    assert load_checkpoint(tmp_path / "a" / "checkpoints" / "step-00000060.safetensors").tensors["best/step"] == 20


# Law 7: a number that is not finite stops the run


def test_an_infinite_loss_stops_the_run(tmp_path):
    with pytest.raises(Diverged, match=r"the loss of step \d+ \(epoch 1, window \d+\) is not finite: lower") as caught:
        run(tmp_path / "a", "train.optimizer={name: sgd, learning_rate: 1e38}", "validate.every_steps=0")
    result = json.loads((tmp_path / "a" / "result.json").read_text())
    assert result["status"] == "diverged"
    assert f"step {result['steps'] + 1} " in str(caught.value)
    assert len(metrics(tmp_path / "a")) == result["steps"]
    assert (tmp_path / "a" / "plots" / "loss.png").exists()


def test_a_broken_weight_is_found_before_its_checkpoint(tmp_path, monkeypatch):
    real = checkpointer.take_snapshot

    def broken(model, optimizer, *averages):
        tensors = real(model, optimizer, *averages)
        return {**tensors, "weights/001": tensors["weights/001"] * np.nan} if optimizer.iterations == 20 else tensors

    monkeypatch.setattr(checkpointer, "take_snapshot", broken)
    with pytest.raises(Diverged, match=r"weights/001 after step 20 .*the checkpoint of step 10 is intact"):
        run(tmp_path / "a")
    assert checkpoint_steps(tmp_path / "a" / "checkpoints") == [10]
    load_checkpoint(tmp_path / "a" / "checkpoints" / "step-00000010.safetensors")
    assert json.loads((tmp_path / "a" / "result.json").read_text())["status"] == "diverged"


def test_no_step_is_missing_from_the_metrics_when_a_validation_diverges(tmp_path, monkeypatch):
    monkeypatch.setattr(Validator, "measure", lambda *_: {"val_loss": math.inf, "val_accuracy": 0.0})
    with pytest.raises(Diverged, match=r"the validation loss after step 20 .* is not finite"):
        run(tmp_path / "a")
    assert [line["step"] for line in metrics(tmp_path / "a")] == list(range(1, 21))
    assert json.loads((tmp_path / "a" / "result.json").read_text())["steps"] == 20


# Signals and surroundings


def test_a_signal_in_the_last_validation_is_no_completed_run(tmp_path, monkeypatch):
    real = Validator.measure

    def stopped(self, give_up):
        if int(self.execution.optimizer.iterations) == 40:
            signal.raise_signal(signal.SIGINT)
        return real(self, give_up)

    monkeypatch.setattr(Validator, "measure", stopped)
    with pytest.raises(Interrupted):
        run(tmp_path / "a")
    result = json.loads((tmp_path / "a" / "result.json").read_text())
    assert (result["status"], result["final"]["val_loss"]) == ("interrupted", None)


def test_a_run_stopped_before_its_first_step_has_every_key(tmp_path, monkeypatch, finished):
    import lstmzoo.training.loop as train

    def stopped(*_, **__):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(train, "build_model", stopped)
    with pytest.raises(Interrupted):
        run(tmp_path / "a")
    result = json.loads((tmp_path / "a" / "result.json").read_text())
    assert result["status"] == "interrupted"
    assert {*result, "run_dir"} == finished[1].keys()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_after_a_checkpoint(tmp_path, number):
    from lstmzoo.training.progress import SilentProgress

    class Signalling(SilentProgress):
        def show(self, moment):
            if moment.step == 30:
                signal.raise_signal(number)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(
        Interrupted, match="stopped by a signal after step 30, which is saved: go on with --resume"
    ) as caught:
        lstmzoo.train_run(lstmzoo.load_config(ECHO, [*SHORT, SCAN]), tmp_path / "a", progress=Signalling())
    assert caught.value.exit_status == 128 + number
    assert checkpoint_steps(tmp_path / "a" / "checkpoints")[-1] == 30
    assert json.loads((tmp_path / "a" / "result.json").read_text())["status"] == "interrupted"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_directory_with_a_run_is_refused_untouched(finished):
    directory, _ = finished
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    with pytest.raises(InputError, match=r"expected one without a run, received .*, which holds config.yaml"):
        run(directory)
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before


def test_default_directories_are_numbered(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_RUNS", str(tmp_path / "runs"))
    for _ in range(2):
        with RunDirectory.create("echo", None) as claimed:
            claimed.write_config("")
    assert run(None, "train.steps=2", "validate.every_steps=0")["run_dir"] == str(tmp_path / "runs" / "echo-3")
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"echo", "echo-2", "echo-3"}


def test_a_directory_that_goes_away_is_a_failure_of_the_surroundings(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpointer, "save_checkpoint", full)
    with pytest.raises(EnvironmentFailure, match="failed: No space left on device .there is no checkpoint.: make room"):
        run(tmp_path / "a")


# Schedules and the floor


@pytest.mark.parametrize(
    ("schedule", "step", "progress", "epoch", "rate"),
    [
        (Constant(), 1, 0.0, 0, 2.0),
        (Constant(warmup_steps=4), 1, 0.0, 0, 0.5),
        (Constant(warmup_steps=4), 9, 0.0, 0, 2.0),
        (Cosine(), 1, 0.0, 0, 2.0),
        (Cosine(final=0.5), 1, 0.5, 0, 1.5),
        (Cosine(), 1, 1.0, 0, 0.0),
        (Exponential(decay_rate=0.5, decay_after=2), 1, 0.9, 1, 2.0),
        (Exponential(decay_rate=0.5, decay_after=2), 1, 0.9, 3, 0.5),
    ],
)
def test_rates(schedule, step, progress, epoch, rate):
    assert rate_at(schedule, 2.0, step, progress, epoch) == pytest.approx(rate)


def test_a_schedule_reaches_the_optimizer(tmp_path):
    run(tmp_path / "a", "train.schedule={kind: cosine, warmup_steps: 10}", "validate.every_steps=0")
    rates = [line["learning_rate"] for line in metrics(tmp_path / "a")]
    assert rates[:10] == pytest.approx([0.03 * k * (1 + math.cos(math.pi * (k - 1) / 40)) / 2 for k in range(1, 11)])
    run(tmp_path / "b", "validate.every_steps=0")
    losses = [[line["train_loss"] for line in metrics(tmp_path / name)] for name in "ab"]
    assert losses[0][0] == losses[1][0]
    assert losses[0][1:] != losses[1][1:]


def test_the_floor_is_what_the_best_possible_model_scores():
    """A model that echoes perfectly and knows the odds of the unknowable bits reaches the floor on average."""
    spec, p = EchoSpec(kind="echo", series_length=600, echo_step=4), 0.4
    task = Echo(spec, 5, seed=3)
    costs = []
    for epoch in range(400):
        x, y, _ = task.epoch_lanes(epoch)
        assert np.array_equal(y[:, 4:], x[:, :-4])
        unknown = y[:, :4]
        costs.append(-np.where(unknown == 1, math.log(p), math.log(1 - p)).sum() / (5 * 8 * 15))
    assert np.mean(costs) == pytest.approx(task.loss_floor(15, "epoch"), rel=0.02)


def test_floors_of_other_resets():
    task = Echo(EchoSpec(kind="echo"), 5, seed=0)
    windows = 666
    by_hand = 3 * (entropy(0.4) + (windows - 1) * math.log(2)) / (windows * 15)
    assert task.loss_floor(15, "window") == pytest.approx(by_hand)
    assert task.loss_floor(15, "never") == task.loss_floor(15, "epoch")
    assert Echo(EchoSpec(kind="echo", fresh_series=False), 5, seed=0).loss_floor(15, "epoch") is None
    assert Echo(EchoSpec(kind="echo"), 1, seed=0).loss_floor(15, "epoch") == 0


def test_a_run_that_cannot_begin_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_RUNS", str(tmp_path / "runs"))
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "bad.yaml").write_text("task: {kind: char, text: empty.txt}\nmodel: {units: 2}\ntrain: {steps: 1}\n")
    for run_dir, resume in ((None, False), (None, True), (tmp_path / "a" / "b", False), (tmp_path / "a" / "b", True)):
        with pytest.raises(InputError, match="expected a text, received nothing"):
            lstmzoo.train_run(tmp_path / "bad.yaml", run_dir, resume)
        assert not (tmp_path / "a").exists()
        assert not (tmp_path / "runs").exists()


def test_a_picture_that_nothing_draws_is_refused_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setattr(Echo, "picture", lambda self: Picture("ecco", "step"))
    with pytest.raises(InputError, match=r"expected a picture of a known kind, received 'ecco'; did you mean echo\?"):
        run(tmp_path / "a", "train.steps=2", "validate.every_steps=0")
    assert not (tmp_path / "a" / "metrics.jsonl").exists()


def test_a_plan_changes_nothing(tmp_path):
    request = Request(lstmzoo.load_config(ECHO), tmp_path / "no" / "run", resume=True, overrides=())
    assert plan_run(request)[1] == 0
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(
        InputError, match="run directory: expected one without a run, received .*, which holds config.yaml"
    ):
        (tmp_path / "config.yaml").touch()
        plan_run(Request(lstmzoo.load_config(ECHO), tmp_path))
    with pytest.raises(InputError, match="which holds none: give its CONFIG too"):
        plan_run(Request(None, Path("/proc/no/run"), resume=True, overrides=()))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: lstmzoo.train_run({"task": {"kind": "echo"}}, path), "config: expected a path, received {'task'"),
        (lambda path: lstmzoo.train_run(ECHO, 5), "run_dir: expected a path, received 5"),
        (lambda path: lstmzoo.run_sweep({"base": 1}, path), "config: expected a path, received {'base': 1}"),
        (lambda path: lstmzoo.run_sweep("echo", path, train="nope"), "train: expected module:name of a function"),
        (lambda path: lstmzoo.run_sweep("echo", path, train="no.such:f"), "train: expected module:name of a function"),
        (lambda path: lstmzoo.write_report("zoo:echo_4", None), "path: expected a path, received None"),
        (lambda path: lstmzoo.write_report(None, path), "runs: expected a path, received None"),
        (
            lambda path: lstmzoo.load_model(None),
            "expected a run directory, or a name such as zoo:char_python, received",
        ),
        (lambda path: lstmzoo.inspect_model("zoo:echo_4", out=None), "out: expected a path, received None"),
        (lambda path: lstmzoo.stream("zoo:echo_4").save(None), "path: expected a path, received None"),
        (lambda path: lstmzoo.stream("zoo:echo_4", state=3), "state: expected a path, received 3"),
        (
            lambda path: lstmzoo.score_text("zoo:char_python", 5),
            "text: expected a text, or the Path of one, received 5",
        ),
    ],
)
def test_what_is_no_path_or_text_is_one_message(tmp_path, call, message):
    with pytest.raises(InputError, match=message):
        call(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
