"""Several workers train one run: the numbers of one process, whoever is killed, hangs, is stopped or never comes."""

import signal
from pathlib import Path

import pytest

from tests.helpers.cluster import Cluster, command, wait_for
from tests.helpers.killing import assert_same_run, result
from tests.helpers.places import ECHO
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


@pytest.mark.parametrize("workers", few([2, 3, 4], [2]))
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
