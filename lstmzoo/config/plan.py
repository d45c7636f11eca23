"""The plan of a run before it starts: parameters, windows, memory, kernel, threads. No TensorFlow.

Everything `auto` is decided here, as a pure function of the configuration, the device and the versions, from what
`experiments/speed/` measured; nothing is ever timed at run time.
"""

from typing import NamedTuple

from lstmzoo.config.averages import first_step
from lstmzoo.config.experiment import Experiment, TrainSpec
from lstmzoo.config.resets import RandomReset
from lstmzoo.errors import InputError
from lstmzoo.execution.auto import (
    choose_shards,
    choose_threads,
    follows_cores,
    known_kernel,
    native_pays,
)
from lstmzoo.models.spec import Sizes
from lstmzoo.system.machine import count_cores, find_device, memory_limit
from lstmzoo.tasks.optional import sizes_of
from lstmzoo.tasks.registry import make_task
from lstmzoo.tasks.task import Task

FLOAT = 4  # bytes
CALL_SECONDS = 0.25  # aimed at for one graph call: a signal waits for it


class Plan(NamedTuple):
    """Sizes of a run; `resolved` is the experiment without any `auto`, `task` its task, with its data at hand."""

    resolved: Experiment
    task: Task
    parameters: int
    windows: int
    dropped: int
    steps: int | None
    memory: int
    loss_floor: float | None
    cores: int | None
    """Usable cores that `threads: auto` was decided by; None where they decide nothing."""
    native_pays: bool
    """True if the kernel was `auto`, and the kernel `native` would train this net much faster here."""


def make_plan(experiment: Experiment, device: str | None = None, workers: int = 1) -> Plan:
    """Read the data, resolve every `auto` and count; `device` is "cpu" or "gpu", found out unless given.

    `workers`: the processes, on as many hosts, that train it together.

    Raises `InputError` for data that cannot be trained or validated on.
    """
    train, validation = experiment.train, experiment.validation
    task = make_task(experiment.task, train.batch_size, experiment.seed, validation.fraction)
    task.check(train.seq_length, validates=bool(validation.every_steps))
    sizes = sizes_of(task)
    if problem := memory_problem(experiment, sizes):
        raise InputError(f"model: {problem}")
    windows, dropped = task.windows(train.seq_length)
    resolved = resolve(experiment, device or find_device(), sizes, windows, workers)
    steps = train.steps or (train.epochs * windows if train.epochs else None)
    check_average(train, steps)
    floor = loss_floor(task, train)
    parameters = count_parameters(experiment, sizes)
    memory = memory_needed(experiment, sizes, int(resolved.execution.windows_per_call))
    by_cores = experiment.execution.threads == "auto" and follows_cores(experiment.model.layers)
    cores = count_cores() if by_cores else None
    numbers, layers = sizes.outputs is not None, experiment.model.layers
    pays = experiment.execution.kernel == "auto" and native_pays(resolved.execution.kernel, layers, numbers)
    return Plan(resolved, task, parameters, windows, dropped, steps, memory, floor, cores, pays)


def check_average(train: TrainSpec, steps: int | None) -> None:
    """Raise `InputError` for an average that takes no step of a run of so many; None: time bounds it."""
    if train.average is None or steps is None or first_step(train.average.start, steps) <= steps:
        return
    raise InputError(
        f"train.average.start: expected a share that is done before the last of {steps:,} steps (at most "
        f"{(steps - 1) / steps:g}), received {train.average.start:g}: lower it, or take more steps"
    )


def loss_floor(task: Task, train: TrainSpec) -> float | None:
    """Return the lowest possible mean loss, or None if it is unknown; of random resets that of their mean share."""
    if not isinstance(train.reset_state, RandomReset):
        return task.loss_floor(train.seq_length, train.reset_state)
    share = train.reset_state.probability
    epoch, window = (task.loss_floor(train.seq_length, when) for when in ("epoch", "window"))
    return None if epoch is None or window is None else (1 - share) * epoch + share * window


def resolve(experiment: Experiment, device: str, sizes: Sizes, windows: int, workers: int = 1) -> Experiment:
    """Decide every `auto` of an experiment and fill in the depth, for an epoch of so many windows."""
    model, execution = experiment.model, experiment.execution
    kernel = known_kernel(execution.kernel, device, bool(model.recurrent_dropout))
    threads = choose_threads(model.layers) if execution.threads == "auto" else execution.threads
    shards = execution.shards
    if shards == "auto":
        shards = workers * choose_shards(kernel, model.layers, experiment.train.batch_size // workers, threads)
    per_call = execution.windows_per_call
    per_call = choose_windows(experiment, sizes) if per_call == "auto" else per_call
    most = min(windows, *experiment.cadences) if experiment.cadences else windows
    chosen = {"kernel": kernel, "threads": threads, "shards": shards, "windows_per_call": min(per_call, most)}
    return experiment.model_copy(
        update={
            "model": model.model_copy(update={"encoding": experiment.encoding, "depth": len(model.layers)}),
            "execution": execution.model_copy(update=chosen),
        }
    )


def check_workers(resolved: Experiment, workers: int) -> None:
    """Raise `InputError` unless each worker has a shard, and each shard a lane."""
    lanes, shards = resolved.train.batch_size, int(resolved.execution.shards)
    if lanes < workers:
        raise InputError(f"train.batch_size: expected a lane or more for each of {workers} hosts, received {lanes}")
    if shards < workers:
        raise InputError(
            f"execution.shards: expected one or more for each of {workers} hosts, received {shards}: name fewer hosts "
            "(a run keeps its shards), or begin a new run with more"
        )


def choose_windows(experiment: Experiment, sizes: Sizes) -> int:
    """Choose the windows of a call for about CALL_SECONDS: 0.1 ms of overhead each, 50 GFLOP/s, a modest machine."""
    flops = 6 * experiment.train.batch_size * experiment.train.seq_length * count_parameters(experiment, sizes)
    return max(1, round(CALL_SECONDS / (1e-4 + flops / 5e10)))


def count_parameters(experiment: Experiment, sizes: Sizes) -> int:
    """Count the trainable values of the experiment's net."""
    return experiment.model.parameters(_input_dim(experiment, sizes), sizes.head)


def _input_dim(experiment: Experiment, sizes: Sizes) -> int:
    return experiment.model.input_dim(experiment.encoding, sizes)


def memory_needed(experiment: Experiment, sizes: Sizes, windows_per_call: int) -> int:
    """Estimate the bytes of weights, gradients and two slots, activations of a window, and the data."""
    model, train = experiment.model, experiment.train
    width = sum(model.layers)
    values = 4 * count_parameters(experiment, sizes)
    values += train.batch_size * train.seq_length * (12 * width + 6 * sizes.head + 2 * _input_dim(experiment, sizes))
    each = _input_dim(experiment, sizes) + 2 * sizes.outputs if sizes.outputs else 3  # inputs, targets, weights
    values += each * train.batch_size * train.seq_length * windows_per_call
    return FLOAT * values + experiment.task.bytes_needed()


def memory_problem(experiment: Experiment, sizes: Sizes) -> str | None:
    """Say what is wrong with sizes that this machine's memory could not hold, or None."""
    need = memory_needed(experiment, sizes, windows_per_call=1)
    have, limit = memory_limit()
    if need <= have:
        return None
    advice = "lower model.units, model.depth, train.batch_size, train.seq_length or the task's sizes"
    return f"expected sizes that fit in memory ({have / 1e9:.1f} GB, {limit}), received {need / 1e9:.4g} GB: {advice}"
