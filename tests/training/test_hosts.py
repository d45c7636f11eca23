"""Several workers train one run: the numbers of one process, whoever is killed, hangs, is stopped or never comes."""

import errno
import json
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import lstmzoo
from lstmzoo import run
from lstmzoo.config.load import dump_config
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import InputError
from lstmzoo.system import command_line
from lstmzoo.training import checkpointer
from lstmzoo.training.hosts import exchange
from tests.helpers.cluster import Cluster, command, wait_for
from tests.helpers.killing import assert_same_run, metrics, result
from tests.helpers.places import ECHO
from tests.helpers.pumps import write_config
from tests.helpers.rows import few

SETS = {
    "task.series_length": 40_000, "model.kind": "stacked_layers", "model.units": "[12, 10]", "model.dropout": 0.2,
    "train.batch_size": 13, "train.seq_length": 10, "train.optimizer.name": "adam",
    "train.optimizer.learning_rate": 4e-3, "train.schedule.kind": "cosine", "train.grad_clip_norm": 1.0,
    "train.epochs": "null", "train.steps": 240, "validate.every_steps": 60, "checkpoint.every_steps": 60,
    "checkpoint.keep": 9, "execution.kernel": "scan", "execution.shards": 4, "execution.windows_per_call": 20,
}  # fmt: skip


def words(directory, **sets):
    named = {name.replace("__", "."): value for name, value in sets.items()}
    overrides = [word for key, value in {**SETS, **named}.items() for word in ("--set", f"{key}={value}")]
    return [ECHO, *overrides, "--run-dir", directory, "--resume"]


def trained(tmp_path, directory, workers, **sets):
    ended = Cluster(tmp_path / "said", workers, command, words(directory, **sets)).done()
    assert [each.status for each in ended] == [0] * workers, ended
    return ended


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The run of one process, to which nothing has happened."""
    folder = tmp_path_factory.mktemp("alone")
    trained(folder, folder / "run", 1)
    return folder / "run"


@pytest.mark.parametrize("workers", few([2, 3, 4], []))
def test_as_one_process(tmp_path, alone, workers):
    ended = trained(tmp_path, tmp_path / "run", workers)
    assert_same_run(alone, tmp_path / "run")
    assert "worker 1: 127.0.0.1:5001, lanes" in ended[0].said and "without a password" in ended[0].said
    assert ended[1].said.endswith("run (on 127.0.0.1:5000)\n")


CUTS = [(1, signal.SIGKILL, 1), (0, signal.SIGKILL, 3), (1, signal.SIGTERM, 3), (0, signal.SIGINT, 1), (1, signal.SIGHUP, 2),
        (1, signal.SIGSTOP, 2), (0, signal.SIGSTOP, 1)]  # fmt: skip


@pytest.mark.parametrize(("worker", "signum", "then"), few(CUTS, [(1, signal.SIGKILL, 1)]))
def test_whatever_happens_to_one_all_end_and_go_on(tmp_path, alone, worker, signum, then):
    """With the same or another number of workers, to the bits of a run to which nothing has happened."""
    cluster = Cluster(tmp_path / "said", 2, command, words(tmp_path / "run"))
    wait_for(tmp_path / "run" / "checkpoints" / "step-00000060.safetensors")
    cluster.send(worker, signum)
    ended = cluster.done(25) if signum != signal.SIGSTOP else _stopped(cluster, worker)
    name = f"worker {worker} (127.0.0.1:500{worker})"
    if signum in (signal.SIGKILL, signal.SIGSTOP):
        assert ended[1 - worker].status == 1
        last = ended[1 - worker].said.splitlines()[-1]
        assert last.startswith(f"{name} has gone: the checkpoint of step ") and last.endswith(
            "start all again with --resume"
        )
    else:
        assert [each.status for each in ended] == [128 + signum] * 2
        assert result(tmp_path / "run")["status"] == "interrupted"
        assert all("which is saved: go on with --resume" in each.said.splitlines()[-1] for each in ended)
    assert not any("Traceback" in each.said for each in ended)
    trained(tmp_path, tmp_path / "run", then)
    for path in (tmp_path / "run" / "checkpoints").iterdir():  # a signal leaves one more
        if not (alone / "checkpoints" / path.name).exists():
            path.unlink()
    assert_same_run(alone, tmp_path / "run")


def _stopped(cluster, worker):
    """The other one ends within 20 s; the one that was stopped when it wakes up."""
    wait_for(Path(f"{cluster.said[1 - worker]}.ended"), 20)
    cluster.send(worker, signal.SIGCONT)
    return cluster.done(25)


def _with_another(hosts, index, words, module, name, change):
    """The command, of which worker 1 has another function in a module."""
    if index == 1:
        real = getattr(module, name)
        setattr(module, name, lambda *arguments: change(real(*arguments)))
    command(hosts, index, words)


def _another_digest(found):
    name = "text_sha256" if "text_sha256" in found else "data_sha256"
    return {**found, name: "f" * 64}


def _another_weight(tensors):
    return {**tensors, "weights/000": np.nextafter(tensors["weights/000"], 1)}


def _slow_to_start(hosts, index, words):
    real = command_line.import_tensorflow
    if index == 1:
        command_line.import_tensorflow = lambda: (time.sleep(16), real())
    command(hosts, index, words)


def _on_a_full_disk(hosts, index, words):
    def save(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if index == 0:
        checkpointer.save_checkpoint = save
    command(hosts, index, words)


def _drifting(hosts, index, words):
    _with_another(hosts, index, words, checkpointer, "take_snapshot", _another_weight)


def _with_other_data(hosts, index, words):
    _with_another(hosts, index, words, exchange, "digests", _another_digest)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("the quick brown fox jumps over the lazy dog. " * 600)
    return path


def char_words(text, directory, *sets):
    config = text.parent / "char.yaml"
    config.write_text(
        "task: {kind: char, text: text.txt}\nmodel: {kind: stacked_layers, units: [10, 8], dropout: 0.2}\n"
        "train: {batch_size: 7, seq_length: 12, steps: 60, optimizer: {name: adam, learning_rate: 0.01}}\n"
        "validate: {every_steps: 20}\nsample: {every_steps: 30, length: 40}\ncheckpoint: {every_steps: 20, keep: 9}\n"
        "execution: {kernel: xla, shards: 3, windows_per_call: 10}\n"
    )
    return [config, *(word for each in sets for word in ("--set", each)), "--run-dir", directory]


@pytest.mark.slow
def test_a_text_with_samples_and_a_resume_with_nothing_to_do(tmp_path, text):
    for workers in (1, 2):
        words = char_words(text, tmp_path / str(workers))
        ended = Cluster(tmp_path / "said", workers, command, words).done()
        assert [each.status for each in ended] == [0] * workers, ended
    assert_same_run(tmp_path / "1", tmp_path / "2")
    assert len(list((tmp_path / "2" / "samples").iterdir())) == 2
    ended = Cluster(tmp_path / "said", 2, command, [*words, "--resume"]).done()
    assert [each.status for each in ended] == [0, 0]
    assert all("completed: 60 steps" in each.said for each in ended)


def series_words(directory):
    config = write_config(directory.parent, targets="[load, flow]", more=", segment: {column: part}")
    sets = ["train.batch_size=7", "train.epochs=3", "checkpoint.keep=9", "execution={kernel: scan, shards: 3}"]
    return [config, *(word for each in sets for word in ("--set", each)), "--run-dir", directory]


@pytest.mark.slow
def test_a_series_as_one_process_trains_it(tmp_path):
    """Segments, two targets, missing values and a warm-up; its last lanes and windows are padded."""
    for workers in (1, 2):
        ended = Cluster(tmp_path / "said", workers, command, series_words(tmp_path / str(workers))).done()
        assert [each.status for each in ended] == [0] * workers, ended
    assert_same_run(tmp_path / "1", tmp_path / "2")
    assert (tmp_path / "2" / "scaling.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["char", "series"])
def test_other_data_are_refused_at_all_and_leave_no_directory(tmp_path, text, kind):
    given = char_words(text, tmp_path / "run") if kind == "char" else series_words(tmp_path / "run")
    ended = Cluster(tmp_path / "said", 3, _with_other_data, given).done()
    wanted = f"{'task' if kind == 'char' else 'task.data'}: expected the leader's data (SHA-256 "
    assert [each.status for each in ended] == [2] * 3
    assert ended[1].said.splitlines()[-1].startswith(wanted)
    for each in (ended[0], ended[2]):
        assert each.said.splitlines()[-1].startswith(f"worker 1 (127.0.0.1:5001): {wanted}")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_worker_that_starts_slowly_is_waited_for(tmp_path):
    ended = Cluster(tmp_path / "said", 2, _slow_to_start, words(tmp_path / "run", train__steps=60)).done()
    assert [each.status for each in ended] == [0, 0], ended


@pytest.mark.slow
@pytest.mark.parametrize("steps", [60, 240])
def test_a_full_disk_at_the_leader_ends_all_with_what_it_was(tmp_path, steps):
    """At the last checkpoint too, after which nothing is computed together."""
    ended = Cluster(tmp_path / "said", 2, _on_a_full_disk, words(tmp_path / "run", train__steps=steps)).done()
    assert [each.status for each in ended] == [1, 1]
    assert "failed: No space left on device (there is no checkpoint): make room" in ended[0].said.splitlines()[-1]
    last = ended[1].said.splitlines()[-1]
    assert (
        last.startswith("worker 0 (127.0.0.1:5000) has gone (the run in ") and "no checkpoint was written yet" in last
    )


PHASES = [1.2, 5.0]  # seconds after the start: in the meeting, and while TensorFlow starts


@pytest.mark.slow
@pytest.mark.parametrize("seconds", PHASES)
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_whenever_one_is_stopped_the_other_ends(tmp_path, seconds, signum):
    long = words(tmp_path / "run", train__steps=100_000, task__series_length=2_000_000)
    cluster = Cluster(tmp_path / "said", 2, command, [*long, "--wait", "8s"])
    cluster.ready(1)
    time.sleep(seconds)
    cluster.send(1, signum)
    ended = cluster.done(30)
    assert ended[0].status in ((143, 1) if signum == signal.SIGTERM else (1,)), ended
    assert not any("Traceback" in each.said for each in ended)


@pytest.mark.slow
def test_weights_that_drift_apart_are_noticed_at_the_next_checkpoint(tmp_path):
    ended = Cluster(tmp_path / "said", 2, _drifting, words(tmp_path / "run")).done()
    assert [each.status for each in ended] == [1, 1]
    for each in ended:
        last = each.said.splitlines()[-1]
        assert last.startswith("worker 1 (127.0.0.1:5001) has other weights than worker 0 after step 60 (epoch 1, ")
        assert "no checkpoint was written yet" in last
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


@pytest.mark.slow
def test_a_number_that_is_not_finite_ends_all_with_status_3(tmp_path):
    sets = {
        "train__optimizer__learning_rate": 3e38,
        "train__grad_clip_norm": "null",
        "train__schedule__kind": "constant",
    }
    ended = Cluster(tmp_path / "said", 2, command, words(tmp_path / "run", **sets)).done()
    assert [each.status for each in ended] == [3, 3]
    assert ended[0].said.splitlines()[-1] == ended[1].said.splitlines()[-1]
    assert result(tmp_path / "run")["status"] == "diverged"


@pytest.mark.slow
def test_time_goes_by_the_clock_of_the_leader(tmp_path):
    budget = {"train__steps": "null", "train__time_budget": 0.3}
    ended = trained(tmp_path, tmp_path / "run", 2, **budget)
    first, second = ([line for line in each.said.splitlines() if line.startswith("completed:")] for each in ended)
    assert first == second != []


@pytest.mark.slow
def test_a_ring_adds_what_the_gather_adds_to_rounding(tmp_path, alone):
    trained(tmp_path, tmp_path / "run", 2, execution__sum="ring")
    for found, wanted in zip(metrics(tmp_path / "run"), metrics(alone), strict=True):
        np.testing.assert_allclose(found["train_loss"], wanted["train_loss"], rtol=2e-3)


BAD = [
    ((["--hosts", "a:1,a:1"]), "hosts: expected different addresses, received 'a:1' twice"),
    ((["--hosts", "a:1,b:1", "--index", "2"]), "index: expected 0 to 1, the place in hosts, received 2"),
    ((["--index", "1"]), "index: expected 0 without other hosts, received 1"),
    ((["--hosts", "a:1, b"]), "hosts: expected HOST:PORT such as 127.0.0.1:5000, received 'b'"),
    ((["--hosts", ""]), "hosts: expected HOST:PORT such as 127.0.0.1:5000, received ''"),
    ((["--hosts", "a:1,b:1", "--wait", "soon"]), "--wait: expected a time such as 30s, 10m or 2h, received 'soon'"),
    ((["--wait", "5s"]), "--wait: expected --hosts with it, the workers to wait for, received none"),
    ((["--hosts", "a:1,b:1,c:1", "--set", "train.batch_size=2"]), "train.batch_size: expected a lane or more for each of 3"),
    ((["--hosts", "a:1,b:1,c:1", "--set", "execution.shards=2"]), "execution.shards: expected one or more for each of 3"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "said"), BAD)
def test_a_wrong_command_line_is_one_message(tmp_path, capfd, monkeypatch, more, said):
    monkeypatch.setattr(sys, "argv", ["lstmzoo.run", str(ECHO), "--run-dir", str(tmp_path / "run"), *more])
    with pytest.raises(SystemExit) as left:
        run.main("python -m lstmzoo.run")
    assert left.value.code == 2
    assert capfd.readouterr().err.splitlines()[-1].startswith(said)
    assert not (tmp_path / "run").exists()


def test_a_plan_says_who_has_which_lanes(capfd, monkeypatch):
    sets = ["--set", "train.batch_size=13", "--set", "model.units=128", "--set", "execution.threads=1"]
    monkeypatch.setattr(sys, "argv", ["lstmzoo.run", str(ECHO), "--plan", "--hosts", "a:1,b:1,c:1", *sets])
    with pytest.raises(SystemExit) as left:
        run.main("python -m lstmzoo.run")
    assert left.value.code == 0
    lines = [line.split(maxsplit=2) for line in capfd.readouterr().out.splitlines() if line.startswith("worker")]
    assert [rest for _, _, rest in lines] == [
        "a:1, lanes 0 to 4, shards 0", "b:1, lanes 5 to 8, shards 1", "c:1, lanes 9 to 12, shards 2"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lanes", "threads", "workers", "shards"), [(64, 4, 2, 8), (64, 4, 3, 6), (10, 4, 2, 2), (3, 1, 3, 3)]
)
def test_shards_are_decided_by_the_workers_at_the_first_start(lanes, threads, workers, shards):
    """Workers times the rule for the lanes of one, at least one each."""
    sets = {"train.batch_size": lanes, "model.units": 128, "execution.threads": threads}
    given = lstmzoo.load_config(ECHO, [f"{key}={value}" for key, value in sets.items()])
    assert make_plan(given, "cpu", workers).resolved.execution.shards == shards


@pytest.mark.parametrize("index", [0, 1])
def test_a_process_in_which_tensorflow_has_computed_is_refused_and_leaves_nothing(tmp_path, index):
    tf.zeros(1)
    with pytest.raises(InputError, match="expected a process in which TensorFlow has not computed yet"):
        lstmzoo.train_run(ECHO, tmp_path / "run", hosts=["127.0.0.1:5000", "127.0.0.1:5001"], index=index)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wait", [-1, "10m", None, float("nan"), True])
def test_a_wait_that_is_no_time_is_refused(tmp_path, wait):
    with pytest.raises(InputError, match="wait: expected seconds, 0 or more, received"):
        lstmzoo.train_run(ECHO, tmp_path / "run", hosts=["127.0.0.1:5000", "127.0.0.1:5001"], wait=wait)


def _as_a_library(hosts, index, config, directory):
    result = lstmzoo.train_run(config, directory, hosts=hosts, index=index)
    print(json.dumps(result["final"]))


@pytest.mark.slow
def test_the_function_does_what_the_command_does(tmp_path):
    config = tmp_path / "c.yaml"
    overrides = [f"{key}={value}" for key, value in SETS.items()]
    config.write_text(dump_config(lstmzoo.load_config(ECHO, overrides)))
    ended = Cluster(tmp_path / "said", 2, _as_a_library, config, tmp_path / "run").done()
    assert [each.status for each in ended] == [0, 0], ended
    wanted = result(tmp_path / "run")["final"]
    assert [json.loads(each.said.splitlines()[-1]) for each in ended] == [wanted, wanted]
