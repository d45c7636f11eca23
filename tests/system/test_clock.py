"""A clock that leaves out the time in which the process sleeps; a run's time_budget is counted with it."""

import json
import os
import signal
import time
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

import lstmzoo
from lstmzoo.system import clock
from tests.helpers.forked import started
from tests.helpers.places import ECHO

GAPS = st.lists(st.floats(0, 1.9) | st.floats(2.1, 1e6), min_size=1, max_size=30)


@given(GAPS)
def test_pauses_are_left_out_and_slowness_is_not(gaps):
    now, found = 0.0, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock.time, "monotonic", lambda: now)
        awake = clock.AwakeClock()
        for gap in gaps:
            now += gap
            found.append(awake.seconds())
    took = [later - before for before, later in pairwise([0.0, *found])]
    assert took == pytest.approx([gap if gap < 2 else clock.TICK for gap in gaps], abs=1e-6)


def test_a_thread_looks_while_nobody_asks(monkeypatch):
    monkeypatch.setattr(clock, "TICK", 0.01)
    monkeypatch.setattr(clock, "PAUSE", 0.5)
    with clock.AwakeClock() as awake:
        before = awake.seconds()
        time.sleep(0.7)  # longer than a pause, but awake
        assert 0.69 < awake.seconds() - before < 5


def run(folder):
    os.chdir(folder)
    sets = ["train.time_budget=1.5", "execution.kernel=scan", "validate.every_steps=0", "checkpoint.every_steps=0"]
    lstmzoo.train_run(lstmzoo.load_config(ECHO, sets), folder / "run")


@pytest.mark.slow
def test_a_stopped_process_spends_none_of_its_budget(tmp_path):
    process, metrics = started(run, tmp_path), tmp_path / "run" / "metrics.jsonl"
    while not metrics.exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(4)
    os.kill(process.pid, signal.SIGCONT)
    awake = time.monotonic()
    process.join(60)
    assert time.monotonic() - awake > 1  # it went on for the rest of its budget
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert 1.5 <= result["train_seconds"] < 2.5
    seconds = [json.loads(line).get("elapsed_seconds") for line in metrics.read_text().splitlines()]
    seconds = [each for each in seconds if each is not None]
    assert max(later - before for before, later in pairwise([0, *seconds])) < 1
