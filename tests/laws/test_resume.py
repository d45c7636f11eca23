"""Law 5: killed at any moment and started again, a run ends with the very numbers it would have reached."""

import json
import re
import shutil
import signal

import pytest
import yaml

import lstmzoo
from lstmzoo.errors import Busy, Diverged, EnvironmentFailure, InputError, Interrupted
from lstmzoo.execution import auto
from lstmzoo.inference.draw_tf import GraphSampler
from lstmzoo.runs.checkpoint import checkpoint_steps, load_checkpoint
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.system.signals import SIGNALS
from lstmzoo.training import checkpointer, start
from lstmzoo.training.loop import Trainer
from lstmzoo.training.progress import SilentProgress
from lstmzoo.training.run import Request, plan_run
from lstmzoo.training.validation import Validator
from tests.helpers.killing import assert_same_run, assert_same_weights, metrics, random_moments, result, run_in_process
from tests.helpers.places import ECHO
from tests.helpers.rows import few

NET = [
    "model={kind: stacked_cells, units: [4, 5], dropout: 0.3, recurrent_dropout: 0.2}",
    "train.optimizer={name: adam, learning_rate: 0.01}",
]
EPOCHS = ["train.epochs=3", "validate.every_steps=12", "checkpoint.every_steps=10", "execution.windows_per_call=7"]
SAMPLES = ["sample={every_steps: 12, length: 70}"]
SCAN = "execution.kernel=scan"  # nothing to compile: for what no kernel has a part in
pytestmark = pytest.mark.usefixtures("blank_pictures")
TEXT = "the quick brown fox jumps over the lazy dog, and the dog sleeps on.\n" * 25


KILLS = [("echo", 2), ("echo", 12), ("char", 12), ("char, compiled", 12)]  # a run, and how often it is killed


@pytest.fixture(scope="module", params=few(["echo", "char", "char, compiled"], ["echo", "char"]))
def whole(request, tmp_path_factory):
    """Config, overrides, and the directory of a run that nothing has disturbed."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "echo":
        config, overrides = ECHO, ["task.series_length=1500", *NET, *EPOCHS, SCAN]
    else:
        kernel = SCAN if request.param == "char" else "execution.kernel=xla"
        config, overrides = folder / "play.yaml", ["model={kind: single, units: 5}", NET[1], *EPOCHS, *SAMPLES, kernel]
        (folder / "play.txt").write_text(TEXT)
        config.write_text("task: {kind: char, text: play.txt}\nmodel: {kind: single}\ntrain: {seq_length: 15}\n")
    assert lstmzoo.train_run(lstmzoo.load_config(config, overrides), folder / "whole")["epochs"] == 3
    return config, overrides, folder / "whole"


@pytest.mark.parametrize(("whole", "count"), few(KILLS, []), indirect=["whole"])
def test_kills_change_nothing(whole, tmp_path, count):
    config, overrides, reference = whole
    kills = 0
    for moment in random_moments(0, count, 60):
        kills += run_in_process(config, overrides, tmp_path / "run", moment).status == -signal.SIGKILL
    assert kills > count // 2  # the later ones find nothing left to do
    assert run_in_process(config, overrides, tmp_path / "run").status == 0
    assert_same_run(reference, tmp_path / "run")


@pytest.mark.parametrize("whole", ["echo"], indirect=True)
@pytest.mark.parametrize("count", few([2, 5], []))
def test_signals_and_a_kill_before_any_checkpoint_change_nothing(whole, tmp_path, count):
    config, overrides, reference = whole
    assert run_in_process(config, overrides, tmp_path / "run", 9).status == -signal.SIGKILL
    assert not list((tmp_path / "run" / "checkpoints").glob("*"))
    for moment, number in zip(random_moments(2, count, 40), [signal.SIGUSR1, *SIGNALS], strict=False):
        done = run_in_process(config, overrides, tmp_path / "run", moment, ("signal", int(number)))
        assert done.status == 128 + number
    assert run_in_process(config, overrides, tmp_path / "run").status == 0
    assert_same_run(reference, tmp_path / "run")


@pytest.mark.parametrize("whole", few(["echo", "char"], ["char"]), indirect=True)
def test_a_signal_in_a_validation_or_a_sample_is_made_good(whole, tmp_path, monkeypatch):
    """What was due after the step is done first when the run goes on, and stands in the step's own line."""
    config, overrides, reference = whole
    experiment = lstmzoo.load_config(config, overrides)
    owner, name = (GraphSampler, "draw") if experiment.task.kind == "char" else (Validator, "measure")
    real = getattr(owner, name)

    def stopped(self, *arguments):
        if stopping[-1].run_state.position.step == step:
            signal.raise_signal(signal.SIGTERM)
        return real(self, *arguments)

    stopping = []
    begin = Trainer.__init__
    monkeypatch.setattr(Trainer, "__init__", lambda self, *rest: (stopping.append(self), begin(self, *rest))[1])
    for step in (12, 60):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, stopped)
            with pytest.raises(Interrupted, match=f"after step {step}, which is saved: go on with --resume"):
                lstmzoo.train_run(experiment, tmp_path / "run", resume=step == 60)
        assert "pending" in load_checkpoint(tmp_path / f"run/checkpoints/step-{step:08d}.safetensors").metadata
        assert metrics(tmp_path / "run")[-1]["step"] == step
    lstmzoo.train_run(None, tmp_path / "run", resume=True)
    assert_same_run(reference, tmp_path / "run")


class Copying(SilentProgress):
    """Takes, after some step, what a kill would leave of a run."""

    def __init__(self, step, run, copy):
        self.step, self.run, self.copy = step, run, copy

    def show(self, moment):
        if moment.step >= self.step and not self.copy.exists():
            shutil.copytree(self.run, self.copy)


class Failing(SilentProgress):
    """Stands for a disk that fails after some step."""

    def __init__(self, step):
        self.step = step

    def show(self, moment):
        if moment.step >= self.step:
            raise OSError(5, "Input/output error")


ECHO_OPTIONS = {
    "keras kernel": [
        "model={kind: single, units: 5, encoding: embedding, embedding_dim: 3}",
        "execution.kernel=keras",
        "train.optimizer={name: rmsprop, momentum: 0.9, centered: true}",
    ],
    "scan kernel": [
        "execution.kernel=scan",
        "train.reset_state=never",
        "task.fresh_series=false",
        "train.schedule={kind: exponential, warmup_steps: 13, decay_rate: 0.5}",
        "train.grad_clip_value=0.01",
        "validate.every_steps=0",
    ],
    "window": ["model={kind: single, units: 5}", "train.reset_state=window", SCAN],
    "xla kernel": [
        "model={kind: single, units: 5}",
        "train.optimizer={name: adafactor}",
        "train.grad_clip_norm=0.5",
    ],
    "regularisers": [
        "model={kind: stacked_cells, units: [4, 5], input_dropout: 0.1, recurrent_dropout: 0.2, output_dropout: 0.1,"
        " initializer: {kind: uniform, limit: 0.2}}",
        "train.average={kind: ema, decay: 0.9}",
        "train.reset_state={probability: 0.2}",
        SCAN,
    ],
    "shards": [
        "model={kind: single, units: 100}",
        "train.batch_size=16",
        "train.seq_length=5",
        "execution.threads=2",
    ],
}


@pytest.mark.parametrize("option", few(ECHO_OPTIONS, ["xla kernel"]))
def test_every_kernel_and_option_goes_on_exactly(tmp_path, option):
    overrides = ["task.series_length=1500", *NET, *EPOCHS, *ECHO_OPTIONS[option]]
    config = lstmzoo.load_config(ECHO, overrides)
    lstmzoo.train_run(config, tmp_path / "whole", progress=Copying(33, tmp_path / "whole", tmp_path / "run"))
    assert not (tmp_path / "run" / "result.json").exists()
    assert checkpoint_steps(tmp_path / "run" / "checkpoints")[-1] < 60
    lstmzoo.train_run(config, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "run")


@pytest.mark.parametrize("whole", ["echo"], indirect=True)
@pytest.mark.slow
def test_a_run_that_a_failing_disk_has_stopped_goes_on_exactly(whole, tmp_path):
    config, overrides, reference = whole
    experiment = lstmzoo.load_config(config, overrides)
    with pytest.raises(EnvironmentFailure, match=r"failed: Input/output error .the checkpoint of step \d+ is intact"):
        lstmzoo.train_run(experiment, tmp_path / "run", progress=Failing(33))
    lstmzoo.train_run(experiment, tmp_path / "run", resume=True)
    assert_same_run(reference, tmp_path / "run")


@pytest.mark.parametrize("whole", ["echo"], indirect=True)
def test_a_completed_run_has_nothing_left_to_do(whole, tmp_path):
    reference = whole[2]
    shutil.copytree(reference, tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    found = lstmzoo.train_run(None, tmp_path / "run", resume=True)
    assert found["status"] == "completed"
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
    (tmp_path / "run" / "result.json").unlink()  # killed before the last file
    lstmzoo.train_run(None, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "result.json").read_bytes() == before[tmp_path / "run" / "result.json"]


@pytest.mark.slow
@pytest.mark.parametrize("whole", ["echo"], indirect=True)
def test_a_longer_run_ends_as_if_it_had_been_meant_so(whole, tmp_path):
    config, overrides, reference = whole
    lstmzoo.train_run(lstmzoo.load_config(config, [*overrides, "train.epochs=2"]), tmp_path / "run")
    longer = lstmzoo.load_config(tmp_path / "run" / "config.yaml", ["train.epochs=3"])
    assert lstmzoo.train_run(longer, tmp_path / "run", resume=True)["epochs"] == 3
    assert [line["train_loss"] for line in metrics(tmp_path / "run")] == [
        line["train_loss"] for line in metrics(reference)
    ]
    assert_same_weights(tmp_path / "run", reference, 60)
    changed = json.loads((tmp_path / "run" / "environment.json").read_text())["resumed"]
    assert [note["changed"] for note in changed] == [{"train.epochs": 3}]


REFUSED = [
    ("model.units=[4, 6]", "model.units: expected [4, 5] as in the run, received [4, 6]"),
    ("model.kind=stacked_layers", "model.kind: expected 'stacked_cells' as in the run, received 'stacked_layers'"),
    ("model.dropout=0.2", "model.dropout: expected 0.3 as in the run, received 0.2"),
    ("model.encoding=embedding", "model.encoding: expected"),
    ("train.batch_size=4", "train.batch_size: expected 5 as in the run, received 4"),
    ("train.seq_length=14", "train.seq_length: expected 15 as in the run, received 14"),
    ("train.reset_state=never", "train.reset_state: expected 'epoch' as in the run, received 'never'"),
    (
        "train.epochs=2",
        "train.epochs: expected more than the run has (train.epochs 3, of which 60 steps are done), received 2",
    ),
    (
        "train.steps=59",
        "train.steps: expected more than the run has (train.epochs 3, of which 60 steps are done), received 59",
    ),
    ("train.optimizer={name: sgd, learning_rate: 0.01}", "train.optimizer.name: expected 'adam' as in the run"),
    ("train.optimizer={name: adam, beta_1: 0.8}", "train.optimizer.beta_1: expected 0.9 as in the run, received 0.8"),
    ("execution.kernel=xla", "execution.kernel: expected 'scan' as in the run, received 'xla'"),
    ("execution.threads=2", "execution.threads: expected 1 as in the run, received 2"),
    ("execution.windows_per_call=6", "execution.windows_per_call: expected 7 as in the run, received 6"),
    ("validate.fraction=0.2", "validate.fraction: expected 0.1 as in the run, received 0.2"),
    ("seed=1", "seed: expected 0 as in the run, received 1"),
    ("name=other", "name: expected"),
]


@pytest.mark.parametrize("whole", ["echo"], indirect=True)
@pytest.mark.parametrize(("override", "message"), REFUSED)
def test_what_a_run_is_bound_to_is_refused_by_name(whole, override, message):
    reference = whole[2]
    if override == "model.encoding=embedding":
        override = NET[0][:-1] + ", encoding: embedding, embedding_dim: 3}"
    before = {path: path.stat().st_mtime_ns for path in reference.rglob("*") if path.is_file()}
    wish = lstmzoo.load_config(reference / "config.yaml", [override])
    with pytest.raises(InputError, match=re.escape(message)):
        lstmzoo.train_run(wish, reference, resume=True)
    assert {path: path.stat().st_mtime_ns for path in reference.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("whole", ["echo"], indirect=True)
def test_all_differences_are_named_at_once(whole):
    reference = whole[2]
    wish = lstmzoo.load_config(reference / "config.yaml", ["seed=1", "train.batch_size=4", "train.epochs=9"])
    with pytest.raises(InputError) as caught:
        lstmzoo.train_run(wish, reference, resume=True)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "seed", "train.batch_size", "begin a new run for that, with another --run-dir"
    ]  # fmt: skip


@pytest.mark.parametrize("whole", ["echo"], indirect=True)
def test_a_config_that_was_edited_by_hand_is_compared_with_the_checkpoint(whole, tmp_path):
    reference = whole[2]
    shutil.copytree(reference, tmp_path / "run")
    config = tmp_path / "run" / "config.yaml"
    config.write_text(config.read_text().replace(" dropout: 0.3", " dropout: 0.1"))
    with pytest.raises(InputError, match=r"model.dropout: expected 0.3 as in the run, received 0.1"):
        lstmzoo.train_run(None, tmp_path / "run", resume=True)


def test_a_diverged_run_goes_on_with_a_lower_rate(tmp_path):
    sets = ["train.steps=40", "checkpoint.every_steps=10", "validate.every_steps=0", "execution.windows_per_call=5"]
    wild = [*sets, SCAN, "train.optimizer={name: sgd, learning_rate: 0.1}"]
    lstmzoo.train_run(lstmzoo.load_config(ECHO, [*wild, "train.steps=10"]), tmp_path / "run")
    for rate, status in ((1e38, "diverged"), (0.01, "completed")):
        override = ["train.steps=40", f"train.optimizer.learning_rate={rate}"]
        wish = lstmzoo.load_config(tmp_path / "run" / "config.yaml", override)
        try:
            lstmzoo.train_run(wish, tmp_path / "run", resume=True)
        except Diverged as error:
            assert "the checkpoint of step 10 is intact" in str(error)
        assert result(tmp_path / "run")["status"] == status
    assert [line["learning_rate"] for line in metrics(tmp_path / "run")][9:11] == [0.1, 0.01]


@pytest.mark.parametrize("whole", ["char"], indirect=True)
def test_another_text_or_vocabulary_is_refused(whole, tmp_path):
    reference = whole[2]
    moved = tmp_path / "moved.txt"
    shutil.copytree(reference, tmp_path / "run")
    wish = lambda: lstmzoo.load_config(tmp_path / "run" / "config.yaml", [f"task.text={moved}"])  # noqa: E731
    moved.write_text(TEXT.replace("fox", "box", 1))
    with pytest.raises(InputError, match=r"task: expected the same text that the run was trained with .SHA-256"):
        lstmzoo.train_run(wish(), tmp_path / "run", resume=True)
    moved.write_text(TEXT)  # the same text may be elsewhere
    assert lstmzoo.train_run(wish(), tmp_path / "run", resume=True)["status"] == "completed"
    vocabulary = tmp_path / "run" / "vocab.json"
    vocabulary.write_text(vocabulary.read_text().replace('"z"', '"ż"'))
    with pytest.raises(InputError, match=r"vocab.json: expected the vocabulary that the run was trained with"):
        lstmzoo.train_run(None, tmp_path / "run", resume=True)


@pytest.mark.slow
def test_early_stopping_outlasts_a_kill(tmp_path):
    sets = ["train.steps=60", "validate={every_steps: 5, patience: 1}", "train.optimizer.learning_rate=10.0", SCAN]
    found = lstmzoo.train_run(lstmzoo.load_config(ECHO, sets), tmp_path / "a")
    assert found["status"] == "stopped_early"
    assert run_in_process(ECHO, sets, tmp_path / "b", 40).status == -signal.SIGKILL
    (tmp_path / "b" / "result.json").unlink(missing_ok=True)
    again = lstmzoo.train_run(None, tmp_path / "b", resume=True)
    assert (again["status"], again["steps"]) == ("stopped_early", found["steps"])
    patient = lstmzoo.load_config(tmp_path / "b" / "config.yaml", ["validate.patience=100"])
    assert lstmzoo.train_run(patient, tmp_path / "b", resume=True)["status"] == "completed"


def test_resume_without_a_run_starts_afresh(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_RUNS", str(tmp_path / "runs"))
    config = lstmzoo.load_config(ECHO, ["train.steps=2", "validate.every_steps=0", SCAN])
    for where in (None, tmp_path / "missing", tmp_path):
        found = lstmzoo.train_run(config, where, resume=True)
        assert (found["status"], found["steps"]) == ("completed", 2)
    with pytest.raises(InputError, match="expected a run to go on with, received none: give --run-dir DIR, or its"):
        lstmzoo.train_run(None, resume=True)
    with pytest.raises(InputError, match="expected a run to go on with, received .*nowhere, which holds none"):
        lstmzoo.train_run(None, tmp_path / "nowhere", resume=True)
    assert not (tmp_path / "nowhere").exists()


def test_the_last_numbered_default_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_RUNS", str(tmp_path))
    config = lstmzoo.load_config(ECHO, ["train.steps=2", "validate.every_steps=0", SCAN])
    for number in ("", "-2", "-10", "-x", "-03"):
        (tmp_path / f"echo{number}").mkdir()
    assert lstmzoo.train_run(config, resume=True)["run_dir"] == str(tmp_path / "echo-10")


@pytest.mark.slow
@pytest.mark.parametrize("whole", ["echo"], indirect=True)
def test_one_process_at_a_time(whole, tmp_path):
    config, overrides, reference = whole
    with RunDirectory.claim(tmp_path):
        with pytest.raises(InputError, match=r"expected one that no other process trains in, received .*: wait for"):
            RunDirectory.claim(tmp_path)
        assert run_in_process(config, overrides, tmp_path).status == 2
    (tmp_path / ".lock").write_text("left by a killed process")
    assert run_in_process(config, overrides, tmp_path, 20).status == -signal.SIGKILL
    assert (tmp_path / ".lock").exists()
    assert run_in_process(config, overrides, tmp_path).status == 0
    assert_same_run(reference, tmp_path)


def test_a_directory_is_locked_while_its_data_are_read(tmp_path, monkeypatch):
    real, refused = start.make_plan, []

    def meanwhile(experiment, **options):
        with pytest.raises(Busy):
            RunDirectory.claim(tmp_path / "run")
        refused.append(True)
        return real(experiment, **options)

    monkeypatch.setattr(start, "make_plan", meanwhile)
    for resume in (False, True):
        lstmzoo.train_run(
            lstmzoo.load_config(ECHO, ["train.steps=2", "validate.every_steps=0"]), tmp_path / "run", resume
        )
    assert refused == [True, True]


def test_a_lock_of_somebody_else_stays(tmp_path):
    ours = RunDirectory.claim(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    with RunDirectory.claim(tmp_path / "run"):
        with pytest.raises(OSError, match="the directory was replaced by something else"):
            ours.check_claim()
        ours.release()
        with pytest.raises(InputError, match="no other process trains in"):
            RunDirectory.claim(tmp_path / "run")


def stopped_at(step, directory, *overrides):
    """An echo run that a failing disk has stopped."""
    config = lstmzoo.load_config(ECHO, ["execution.windows_per_call=5", "checkpoint.every_steps=5", SCAN, *overrides])
    with pytest.raises(EnvironmentFailure):
        lstmzoo.train_run(config, directory, progress=Failing(step))


@pytest.mark.parametrize("length", ["train.time_budget=0.0001", "train.steps=10", "train.epochs=1"])
def test_a_length_that_is_passed_already_is_refused_in_any_unit(tmp_path, length):
    own = "train.time_budget=100" if length == "train.steps=10" else "train.steps=1000"
    stopped_at(20, tmp_path / "run", own, "validate.every_steps=0")
    wish = lstmzoo.load_config(tmp_path / "run" / "config.yaml", [length])
    with pytest.raises(InputError, match=r"expected more than the run has .* steps are done., received"):
        lstmzoo.train_run(wish, tmp_path / "run", resume=True)
    assert not (tmp_path / "run" / "result.json").exists()


@pytest.mark.slow
def test_misses_in_a_row_are_counted_whatever_the_cadence(tmp_path, monkeypatch):
    losses = {}
    monkeypatch.setattr(Validator, "measure", lambda self, _: {"val_loss": losses[int(self.execution.optimizer.iterations)], "val_accuracy": 0.0})  # fmt: skip
    losses |= {20: 1.0, 40: 2.0, **dict.fromkeys(range(45, 205, 5), 3.0)}
    stopped_at(40, tmp_path / "run", "train.steps=200", "validate={every_steps: 20, patience: 3}")
    finer = lstmzoo.load_config(tmp_path / "run" / "config.yaml", ["validate.every_steps=5"])
    found = lstmzoo.train_run(finer, tmp_path / "run", resume=True)
    assert (found["status"], found["steps"], found["best"]["step"]) == ("stopped_early", 50, 20)
    never = lstmzoo.load_config(tmp_path / "run" / "config.yaml", ["validate.every_steps=0", "train.steps=201"])
    assert lstmzoo.train_run(never, tmp_path / "run", resume=True)["status"] == "stopped_early"
    patient = lstmzoo.load_config(tmp_path / "run" / "config.yaml", ["validate.patience=33"])
    found = lstmzoo.train_run(patient, tmp_path / "run", resume=True)
    assert (found["status"], found["steps"]) == ("completed", 200)  # patience is lost with the last step


def test_nothing_to_do_changes_nothing(tmp_path):
    stopped_at(20, tmp_path / "run", "train.steps=40", "validate.every_steps=0")
    lstmzoo.train_run(None, tmp_path / "run", resume=True)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    wish = lstmzoo.load_config(tmp_path / "run" / "config.yaml", ["checkpoint.keep=1"])
    assert lstmzoo.train_run(wish, tmp_path / "run", resume=True)["status"] == "completed"
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_tensorboard_shows_no_step_twice(tmp_path):
    from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

    stopped_at(23, tmp_path / "run", "train.steps=40", "checkpoint.every_steps=20")
    lstmzoo.train_run(None, tmp_path / "run", resume=True)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Tensors("train_loss")] == [5, 10, 15, 20, 25, 30, 35, 40]


def test_the_plan_of_a_run_that_goes_on(tmp_path):
    stopped_at(20, tmp_path / "run", "train.steps=40")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    plan, step = plan_run(Request(None, tmp_path / "run", resume=True, overrides=()))
    assert (plan.steps, step) == (40, 20)
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


def test_pictures_are_there_before_the_last_checkpoint_says_that_all_is_done(tmp_path, monkeypatch):
    seen, real = [], checkpointer.save_checkpoint
    monkeypatch.setattr(checkpointer, "save_checkpoint", lambda *given: (seen.append(list((tmp_path / "run" / "plots").iterdir())), real(*given)))  # fmt: skip
    lstmzoo.train_run(lstmzoo.load_config(ECHO, ["train.steps=10", "validate.every_steps=0", SCAN]), tmp_path / "run")
    assert [path.name for path in seen[-1]] == ["loss.png"]


def test_a_checkpoint_that_does_not_fit_is_refused_before_anything_changes(tmp_path, monkeypatch):
    stopped_at(20, tmp_path / "run", "train.steps=40")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    real = checkpointer.restore_snapshot
    monkeypatch.setattr(checkpointer, "restore_snapshot", lambda model, optimizer, tensors, *averages: real(model, optimizer, {**tensors, "optimizer/099": tensors["position"]}, *averages))  # fmt: skip
    with pytest.raises(InputError, match="received one with another optimizer/099: resume with the versions"):
        lstmzoo.train_run(None, tmp_path / "run", resume=True)
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("threads", [1, 2])
def test_auto_in_a_new_config_wants_what_was_decided(tmp_path, monkeypatch, threads):
    """From Python the same call with `resume=True`, on other cores and with another cadence, goes on."""
    sets = ["model={kind: single, units: 97}", "task.series_length=800", "train.seq_length=5", "validate.every_steps=0"]
    sets += [SCAN, "train.steps=4", "checkpoint.every_steps=4"]
    monkeypatch.setattr(auto, "count_cores", lambda: threads)
    lstmzoo.train_run(lstmzoo.load_config(ECHO, sets), tmp_path / "run")
    before = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["execution"]
    monkeypatch.setattr(auto, "count_cores", lambda: 3 - threads)
    wish = lstmzoo.load_config(ECHO, [*sets, "train.steps=6", "checkpoint.every_steps=2"])
    assert lstmzoo.train_run(wish, tmp_path / "run", resume=True)["steps"] == 6
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["execution"] == before
