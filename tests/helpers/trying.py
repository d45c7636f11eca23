"""Trials for tests of a search: they train nothing, but write what a run writes, of a function that is known."""

import json
import math
import os
import signal
import time

import yaml

from lstmzoo.config.load import dump_config

BASE = {"task": {"kind": "echo"}, "model": {"units": 4}, "train": {"epochs": 9}}
STEPS = 4
RATE = {"min": 1e-4, "max": 1.0, "sampling": "log"}
SPACE = {"model.units": {"min": 1, "max": 16}, "train.optimizer.learning_rate": RATE}


def write_sweep(folder, search, space, base, **keys):
    """A sweep's file, and that of its base."""
    (folder / "base.yaml").write_text(yaml.safe_dump(base))
    sweep = {"base": "base.yaml", "space": space, "search": search, **keys}
    (folder / "s.yaml").write_text(yaml.safe_dump(sweep, sort_keys=False))
    return folder / "s.yaml"


def value(experiment):
    """Least, 0, at 5 units and a learning rate of 0.01."""
    (units, *_), rate = experiment.model.layers, experiment.train.optimizer.learning_rate
    return (units - 5) ** 2 / 10 + (math.log10(rate) + 2) ** 2


def known(experiment, run_dir, seconds=0.0):
    """A run of a few steps, each better than the one before; it goes on where it was killed."""
    run_dir.mkdir(exist_ok=True)
    (run_dir / "config.yaml").write_text(dump_config(experiment))
    metrics = run_dir / "metrics.jsonl"
    done = len(metrics.read_text().splitlines()) if metrics.exists() else 0
    for step in range(done + 1, STEPS + 1):
        time.sleep(seconds / STEPS)
        with metrics.open("a") as file:
            file.write(json.dumps({"step": step, "val_loss": value(experiment) + STEPS - step}) + "\n")
    with (run_dir / "times.txt").open("a") as file:
        file.write("ended\n")


def slow(experiment, run_dir):
    """Long enough to be killed on the way."""
    known(experiment, run_dir, 0.8)


def looking(experiment, run_dir):
    """Notes which GPUs it sees, from when to when; with 3 units it is killed once."""
    start, again = time.monotonic(), run_dir.exists()
    known(experiment, run_dir, 0.1)
    seen = {name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH")}
    with (run_dir / "seen.jsonl").open("a") as file:
        file.write(json.dumps({**seen, "start": start, "end": time.monotonic()}) + "\n")
    if experiment.model.layers == (3,) and not again:
        os.kill(os.getpid(), signal.SIGKILL)


def failing(experiment, run_dir):
    """Each in a way of its own, by its units."""
    (units, *_) = experiment.model.layers
    if units == 1:
        raise ValueError("one unit is not enough")
    if units == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if units == 3:
        time.sleep(60)
    if units == 4 and not (run_dir.parent / "mended").exists():
        raise OSError("No space left on device")
    known(experiment, run_dir)


def talkative(experiment, run_dir):
    """Fails with more than a pipe or a header holds, and with what is no text."""
    raise ValueError("bad \udcff name " + "x" * 300_000)
