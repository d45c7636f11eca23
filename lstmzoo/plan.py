"""What a run will take, before it starts: parameters, windows, memory, kernel, threads. No TensorFlow.

Everything `auto` is decided here, as a pure function of the configuration, the device and the versions, from what
`experiments/speed/` measured; nothing is ever timed at run time.
"""

import os
from typing import NamedTuple

from lstmzoo.experiment import Experiment
from lstmzoo.machine import choose_threads, fastest_kernel, find_device
from lstmzoo.tasks import make_task

FLOAT = 4  # bytes
CALL_SECONDS = 0.25  # aimed at for one graph call: a signal waits for it


class Plan(NamedTuple):
    """Sizes of a run; `resolved` is the experiment without any `auto`."""

    resolved: Experiment
    parameters: int
    windows: int
    dropped: int
    steps: int | None
    memory: int
    loss_floor: float | None


def make_plan(experiment: Experiment, device: str | None = None) -> Plan:
    """Resolve every `auto` and count; `device` is "cpu" or "gpu", found out unless given."""
    resolved = resolve(experiment, device or find_device())
    train, task = resolved.train, resolved.task
    windows, dropped = task.windows(train.batch_size, train.seq_length)
    steps = train.steps or (train.epochs * windows if train.epochs else None)
    floor = make_task(task, train.batch_size, resolved.seed).loss_floor(train.seq_length, train.reset_state)
    return Plan(resolved, count_parameters(resolved), windows, dropped, steps, memory_needed(resolved), floor)


def resolve(experiment: Experiment, device: str) -> Experiment:
    """The experiment with every `auto` decided and the depth filled in."""
    model, execution, task = experiment.model, experiment.execution, experiment.task
    encoding = task.default_encoding if model.encoding == "auto" else model.encoding
    kernel = fastest_kernel(device) if execution.kernel == "auto" else execution.kernel
    threads = choose_threads(model.layers) if execution.threads == "auto" else execution.threads
    most = most_windows(experiment)
    per_call = choose_windows(experiment) if execution.windows_per_call == "auto" else execution.windows_per_call
    chosen = {"kernel": kernel, "threads": threads, "windows_per_call": min(per_call, most)}
    return experiment.model_copy(
        update={
            "model": model.model_copy(update={"encoding": encoding, "depth": len(model.layers)}),
            "execution": execution.model_copy(update=chosen),
        }
    )


def choose_windows(experiment: Experiment) -> int:
    """Windows a call, for about CALL_SECONDS: 0.1 ms of overhead a window and 10 GFLOP/s, a cautious machine."""
    flops = 6 * experiment.train.batch_size * experiment.train.seq_length * count_parameters(experiment)
    return max(1, round(CALL_SECONDS / (1e-4 + flops / 1e10)))


def most_windows(experiment: Experiment) -> int:
    """Windows of an epoch, or between two validations or checkpoints: no call is ever longer."""
    windows, _ = experiment.task.windows(experiment.train.batch_size, experiment.train.seq_length)
    cadences = [every for every in (experiment.validation.every_steps, experiment.checkpoint.every_steps) if every]
    return min(windows, *cadences) if cadences else windows


def count_parameters(experiment: Experiment) -> int:
    """Trainable values of the experiment's net."""
    return experiment.model.parameters(_input_dim(experiment), experiment.task.vocab_size)


def _input_dim(experiment: Experiment) -> int:
    encoding = experiment.model.encoding
    sizes = {"scalar": 1, "one_hot": experiment.task.vocab_size, "embedding": experiment.model.embedding_dim}
    return sizes[experiment.task.default_encoding if encoding == "auto" else encoding] or 1


def memory_needed(experiment: Experiment) -> int:
    """Bytes, about, of a resolved experiment: weights, gradients and two slots; activations of a window; the data."""
    model, train, task = experiment.model, experiment.train, experiment.task
    width = sum(model.layers)
    values = 4 * count_parameters(experiment)
    values += train.batch_size * train.seq_length * (12 * width + 6 * task.vocab_size + 2 * _input_dim(experiment))
    values += 3 * train.batch_size * train.seq_length * int(experiment.execution.windows_per_call)
    return FLOAT * values + task.bytes_needed(train.batch_size)


def memory_problem(experiment: Experiment) -> str | None:
    """What is wrong with sizes that this machine's memory could not hold."""
    need, have = memory_needed(resolve(experiment, "cpu")), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if need <= have:
        return None
    advice = "lower model.units, model.depth, train.batch_size, train.seq_length or the task's sizes"
    return f"expected sizes that fit in memory ({have / 1e9:.1f} GB), received {need / 1e9:.4g} GB: {advice}"
