"""Cores: what `auto` decides by them is said, and a resolved config gives the same numbers on however many."""

import json
import os

import numpy as np
import pytest

import lstmzoo
from lstmzoo.config.plan import make_plan
from lstmzoo.execution import auto
from lstmzoo.runs.checkpoint import load_checkpoint
from lstmzoo.training.describe import describe_plan
from lstmzoo.training.progress import SilentProgress
from tests.helpers.forked import started
from tests.helpers.places import ECHO

SETS = [
    "task.series_length=800",
    "train.batch_size=16",
    "train.seq_length=5",
    "train.steps=6",
    "validate.every_steps=0",
]


@pytest.fixture
def cores(monkeypatch):
    """Pretends that the process may use so many cores."""

    def use(number):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(number)))

    return use


@pytest.mark.parametrize("number", [1, 2, 16])
@pytest.mark.parametrize("units", [auto.SMALL_UNITS, auto.SMALL_UNITS + 1])
@pytest.mark.parametrize("threads", ["auto", 3])
def test_a_plan_says_for_how_many_cores_auto_decided(cores, number, units, threads):
    cores(number)
    plan = make_plan(lstmzoo.load_config(ECHO, [*SETS, f"model.units={units}", f"execution.threads={threads}"]))
    decided = threads == "auto" and units > auto.SMALL_UNITS
    assert (plan.cores is not None) == decided
    assert plan.resolved.execution.threads == (3 if threads == 3 else number if decided else 1)
    assert (f"threads {number} (auto, usable cores: {number})" in describe_plan(plan)["execution"]) == decided


class Said(SilentProgress):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def test_fewer_cores_than_threads_is_one_line(cores, tmp_path):
    for number in (1, 3):
        cores(number)
        progress, config = Said(), lstmzoo.load_config(ECHO, [*SETS, "execution={threads: 3, kernel: scan}"])
        lstmzoo.train_run(config, tmp_path / str(number), progress=progress)
        found = [line for line in progress.said if line.startswith("threads:")]
        line = "threads: 3 as the config says, on 1 usable core: the same numbers, but slower"
        assert found == ([line] if number == 1 else [])
        assert json.loads((tmp_path / str(number) / "environment.json").read_text())["cores"] == number


def run(core_count, config, folder):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:core_count])
    lstmzoo.train_run(config, folder)


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_a_resolved_config_gives_the_same_bits_on_one_core_and_on_two(tmp_path):
    config = lstmzoo.load_config(ECHO, [*SETS, "model.units=100", "execution.threads=2"])
    for number in (2, 1):
        process = started(run, number, config, tmp_path / str(number))
        process.join(120)
        assert process.exitcode == 0
        config = lstmzoo.load_config(tmp_path / str(number) / "config.yaml")
    one, two = (load_checkpoint(tmp_path / name / "checkpoints/step-00000006.safetensors").tensors for name in "12")
    assert one.keys() == two.keys()
    assert all(np.array_equal(value, two[name]) for name, value in one.items())
