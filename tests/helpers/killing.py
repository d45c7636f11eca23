"""Runs in processes of their own that are killed at a chosen moment; forked from one that has TensorFlow imported."""

import ctypes
import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

import lstmzoo
from lstmzoo.errors import EnvironmentFailure, InputError, Interrupted
from lstmzoo.runs.checkpoint import checkpoint_steps, load_checkpoint
from lstmzoo.runs.directory import FOLDERS
from lstmzoo.system.signals import StopSignals
from tests.helpers.forked import CONTEXT, obey_signals, started

EVENTS = ("open", "os.rename", "os.remove", "os.truncate", "os.mkdir")
CLOCK = ("elapsed_seconds", "symbols_per_second", "train_seconds")
KILL = ("signal", int(signal.SIGKILL))


class Ended(NamedTuple):
    """How a process ended, and its message."""

    status: int
    said: str


def run_in_process(config, overrides, directory, at=None, what=KILL):
    """A run that goes on in `directory`, in a process of its own; `what` happens at its `at`-th operation on a file."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = started(_run, str(config), overrides, str(directory), at, what, theirs)
    theirs.close()
    try:
        said = ours.recv() if ours.poll(120) else "it hung"
    except EOFError:
        said = ""
    process.join(10)
    return Ended(process.exitcode, said)


def _run(config, overrides, directory, at, what, pipe):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    obey_signals()
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        if event in EVENTS and str(arguments[0]).startswith(directory):
            seen += 1
            if seen == at:
                _happen(what, directory)

    _obey_permissions()
    sys.addaudithook(hook)
    try:
        with StopSignals():
            lstmzoo.train_run(lstmzoo.load_config(config, overrides), directory, resume=True)
    except (EnvironmentFailure, InputError, Interrupted) as error:
        pipe.send(str(error))
        os._exit(error.exit_status)


def _happen(what, directory):
    if what[0] == "signal":
        os.kill(os.getpid(), what[1])
    elif what[0] == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (what[1], resource.RLIM_INFINITY))
    elif what[0] == "removed":
        shutil.rmtree(directory)
    elif what[0] == "read-only":
        for folder in (Path(directory), *(Path(directory, name) for name in FOLDERS)):
            if folder.is_dir():
                folder.chmod(0o555)


def _obey_permissions():
    """Root does not, unless it gives up the capability to override them (capset(2), version 3)."""
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)())


def assert_same_run(one: Path, two: Path):
    """Tensors, losses, samples and result bit by bit; clocks are left out."""
    steps = checkpoint_steps(one / "checkpoints")
    assert checkpoint_steps(two / "checkpoints") == steps
    for step in steps:
        a, b = (load_checkpoint(run / "checkpoints" / f"step-{step:08d}.safetensors") for run in (one, two))
        assert a.tensors.keys() == b.tensors.keys()
        for name, value in a.tensors.items():
            assert value.tobytes() == b.tensors[name].tobytes(), name
            assert value.dtype == b.tensors[name].dtype
        assert {k: v for k, v in a.metadata.items() if k not in ("train_seconds", "sha256")} == {
            k: v for k, v in b.metadata.items() if k not in ("train_seconds", "sha256")
        }
    assert metrics(one) == metrics(two)
    assert result(one) == result(two)
    for name in ("config.yaml", "vocab.json", "scaling.json"):
        assert _bytes(one / name) == _bytes(two / name)
    written = [{path.name: path.read_bytes() for path in (run / "samples").glob("*")} for run in (one, two)]
    assert written[0] == written[1]
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}


def assert_same_weights(one: Path, two: Path, step: int):
    """Weights, optimizer slots and states bit by bit; the best step depends on when a run was validated."""
    a, b = (load_checkpoint(run / "checkpoints" / f"step-{step:08d}.safetensors").tensors for run in (one, two))
    for name in a:
        assert name.startswith("best/") or a[name].tobytes() == b[name].tobytes(), name


def metrics(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in CLOCK} for line in lines]


def result(run):
    found = json.loads((run / "result.json").read_text())
    return {key: value for key, value in found.items() if key not in CLOCK}


def _bytes(path):
    return path.read_bytes() if path.exists() else None


def random_moments(seed, count, most):
    return [int(n) for n in np.random.default_rng(seed).integers(1, most + 1, count)]
