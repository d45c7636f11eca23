"""A search whose processes are killed or stopped: each trial is there once, with its value, and nobody is left."""

import os
import random
import signal
import socket
import time

import pytest

from lstmzoo.sweep.run import run_sweep
from lstmzoo.system.signals import SIGNALS
from tests.helpers.rows import few
from tests.helpers.searches import by_trial, ended, killed, rows, start, those_of
from tests.helpers.trying import SPACE


@pytest.mark.parametrize(
    ("kind", "most"),
    few([("random", 4), ("grid", 4), ("random", 20), ("grid", 20)], []),
)
def test_whatever_is_killed_at_some_moments_the_results_are_the_same(sweep, tmp_path, kind, most):
    grid = {
        "model.units": {"min": 1, "max": 6 if most > 10 else 3},
        "train.optimizer.learning_rate": {"choices": [0.001, 0.01, 0.1]},
    }
    path = sweep({"kind": kind, "trials": 18 if most > 10 else 9}, grid if kind == "grid" else SPACE)
    assert ended(start(path, tmp_path / "undisturbed", workers=3))[0] == 0
    moments, kills, process = random.Random(kind), 0, start(path, tmp_path / "killed", "tests.helpers.trying:slow")
    roles = ["worker", "trial", "chief", "group"]
    while process.poll() is None:
        time.sleep(moments.uniform(0.05, 0.6))
        role = roles[kills % 4]
        pids = [process.pid] if role == "group" else those_of(process.pid, role)
        if kills < most and pids and those_of(process.pid, "worker"):
            if role == "group":
                os.killpg(process.pid, signal.SIGKILL)
                process.done()
                process = start(path, tmp_path / "killed", "tests.helpers.trying:slow")
            elif not killed(moments.choice(pids)):
                continue
            kills += 1
    assert ended(process) == (0, "")
    assert kills >= 0.7 * most
    assert by_trial(tmp_path / "killed") == by_trial(tmp_path / "undisturbed")


def test_a_chief_that_is_killed_before_it_listens_is_started_again(sweep, tmp_path):
    process = start(sweep({"kind": "random", "trials": 3}), tmp_path / "d")
    while not (pids := those_of(process.pid, "chief")):
        time.sleep(0.002)
    os.kill(pids[0], signal.SIGKILL)
    assert ended(process) == (0, "")
    assert len(rows(tmp_path / "d")) == 3


@pytest.mark.parametrize("number", few([*SIGNALS], [signal.SIGINT]))
def test_a_signal_stops_all_and_the_same_command_goes_on(sweep, tmp_path, number):
    path = sweep({"kind": "random", "trials": 8})
    process = start(path, tmp_path / "d", "tests.helpers.trying:slow")
    while not those_of(process.pid, "trial"):
        time.sleep(0.05)
    os.killpg(process.pid, number)
    status, said = ended(process, 30)
    assert status == 128 + number
    assert "Traceback" not in said
    assert "of 8 trials done; the same command goes on" in said
    assert not those_of(process.pid, "trial") + those_of(process.pid, "worker") + those_of(process.pid, "chief")
    assert ended(start(path, tmp_path / "d")) == (0, "")
    assert [row["status"] for row in rows(tmp_path / "d")] == ["COMPLETED"] * 8


def test_nobody_outlives_a_command_that_is_killed(sweep, tmp_path):
    process = start(sweep({"kind": "random", "trials": 50}), tmp_path / "d", "tests.helpers.trying:slow")
    while not those_of(process.pid, "trial"):
        time.sleep(0.05)
    killed(process.pid)
    process.done(10)
    until = time.monotonic() + 15
    while any(those_of(process.pid, role) for role in ("trial", "worker", "chief")) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(those_of(process.pid, role) for role in ("trial", "worker", "chief"))


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.slow
def test_hosts_join_a_chief_and_may_vanish(sweep, tmp_path):
    path = sweep({"kind": "random", "trials": 9}, worker_timeout=2)
    address = f"127.0.0.1:{free_port()}"
    chief = start(path, tmp_path / "d", "tests.helpers.trying:slow", workers=0, chief=address)
    while not (tmp_path / "d" / "search" / "oracle.json").exists():
        time.sleep(0.05)
    hosts = [start(path, tmp_path / "d", "tests.helpers.trying:slow", workers=1, join=address) for _ in range(2)]
    while len(list((tmp_path / "d").glob("trial-*"))) < 4:
        time.sleep(0.05)
    os.killpg(hosts[0].pid, signal.SIGKILL)
    hosts[0].done()
    killed(chief.pid)  # and the chief's command dies, and is started again
    chief.done()
    chief = start(path, tmp_path / "d", "tests.helpers.trying:slow", workers=0, chief=address)
    assert ended(chief) == (0, "")
    assert ended(hosts[1]) == (0, "")
    run_sweep(path, tmp_path / "alone", 2, train="tests.helpers.trying:known")
    assert by_trial(tmp_path / "d") == by_trial(tmp_path / "alone")
