"""Memory: its limits count, and a lack of it is one line and exit status 1."""

import resource

import numpy as np
import pytest
import tensorflow as tf

import lstmzoo
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.execution.engine import Execution
from lstmzoo.inference.losses import PIECE, RunnerReader, cold_losses
from lstmzoo.inference.numpy_runner import NumpyRunner
from lstmzoo.runs.trained import open_run
from lstmzoo.system import machine
from lstmzoo.system.command_line import exit_status
from lstmzoo.tasks.losses import cross_entropy
from lstmzoo.training.describe import describe_plan
from tests.helpers.places import ECHO

GROUPS = {  # the process's groups, the files of limits, the least of them
    "version 2": ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": "7000", "memory.max": "9000"}, 7000),
    "a container of version 2": ("0::/\n", {"memory.max": "5000"}, 5000),
    "the outer name": ("0::/docker/1234\n", {"memory.max": "5000"}, 5000),
    "version 1": ("5:cpu:/x\n4:memory:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": "6000"}, 6000),
    "version 1, without a limit": ("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": "9223372036854771712"}, None),
    "none": ("0::/a\n", {}, None),
    "no such file": (None, {}, None),
}


@pytest.mark.parametrize("case", GROUPS)
def test_the_least_limit_of_the_groups_counts(tmp_path, case):
    own, limits, least = GROUPS[case]
    if own is not None:
        (tmp_path / "own").write_text(own)
    for name, text in limits.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(f"{text}\n")
    found = [each for each in machine._cgroup_limits(tmp_path / "root", tmp_path / "own") if each < 2**62]
    assert min(found, default=None) == least


@pytest.mark.parametrize(
    ("space", "group", "says"), [(3e9, 4e9, "ulimit -v"), (5e9, 4e9, "cgroup"), (2**60, 2**60, "this machine")]
)
def test_a_plan_counts_with_the_least_limit(monkeypatch, space, group, says):
    monkeypatch.setattr(machine, "_cgroup_limits", lambda: [int(group)])
    monkeypatch.setattr(resource, "getrlimit", lambda _: (int(space), -1))
    most, why = machine.memory_limit()
    assert most <= min(space, group) and says in why
    assert f"of {most / 1e9:.1f} GB ({why})" in describe_plan(make_plan(lstmzoo.load_config(ECHO)))["memory"]
    units = int((most / 16 / 4 * 1.5) ** 0.5)  # 4 H^2 weights, their gradients and two slots, of 4 bytes
    with pytest.raises(InputError, match=rf"fit in memory \({most / 1e9:.1f} GB, {why}\), received"):
        lstmzoo.load_config(ECHO, [f"model.units={units}"])


@pytest.mark.parametrize("window", [PIECE - 1, PIECE, PIECE + 1, 300, 1000])
def test_a_long_window_is_scored_in_pieces_to_the_same_numbers(window):
    """In one call of the whole window, and in pieces of at most `PIECE` steps; no call is longer."""
    runner, ids = NumpyRunner(open_run("zoo:char_python").blueprint()), np.random.default_rng(0).integers(0, 96, 1500)
    lengths, wanted = set(), []

    class Watched(RunnerReader):
        def program(self, lanes, steps):
            lengths.add(steps)
            return super().program(lanes, steps)

    for first in range(0, len(ids) - 1, window):
        part = ids[first : first + window + 1]
        logits, _ = runner(part[None, :-1], runner.signature.zero_states(1))
        wanted.append(cross_entropy(logits, part[None, 1:])[0])
    np.testing.assert_allclose(cold_losses(Watched(runner), ids, window), np.concatenate(wanted), atol=2e-5)
    assert max(lengths) <= PIECE


ERRORS = [
    MemoryError(),
    MemoryError("Unable to allocate 9 GiB"),
    RuntimeError("can't start new thread"),
    ImportError("x.so: failed to map segment from shared object"),
    tf.errors.ResourceExhaustedError(None, None, "OOM"),
]


@pytest.mark.parametrize("error", ERRORS, ids=["plain", "NumPy", "a thread", "a library", "TensorFlow"])
def test_a_lack_of_memory_is_one_line_and_status_1(capsys, error):
    def command():
        raise error

    assert exit_status(command) == 1
    assert capsys.readouterr().err == (
        "the system failed: out of memory: close other programs, or ask for less at once\n"
    )


@pytest.mark.parametrize("error", ERRORS[-1:], ids=["TensorFlow"])
def test_a_run_without_memory_says_what_is_left(tmp_path, monkeypatch, error):
    train, calls = Execution.train, []

    def scarce(self, *arguments):
        calls.append(1)
        if len(calls) > 2:  # one of the preparation, one of the run
            raise error
        return train(self, *arguments)

    monkeypatch.setattr(Execution, "train", scarce)
    sets = ["train.steps=4", "checkpoint.every_steps=2", "validate.every_steps=0", "execution.kernel=scan"]
    with pytest.raises(EnvironmentFailure, match=r"out of memory \(the checkpoint of step 2 is intact\): close other"):
        lstmzoo.train_run(lstmzoo.load_config(ECHO, sets), tmp_path / "run")
    monkeypatch.undo()
    assert lstmzoo.train_run(None, tmp_path / "run", resume=True)["steps"] == 4
