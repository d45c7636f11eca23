"""Lines that say what a run will do, and how it ended."""

from collections.abc import Sequence
from typing import Any

from lstmzoo.config.plan import Plan
from lstmzoo.execution.auto import KERNELS, cut_lanes, explain_hosts, share_shards
from lstmzoo.runs.checkpoint import whole_checkpoints
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.system.files import remedy
from lstmzoo.system.machine import count_gpus, memory_limit
from lstmzoo.system.terminal import duration
from lstmzoo.tasks.optional import words_of


def describe_plan(plan: Plan) -> dict[str, str]:
    """Describe a plan by name: what --plan prints and a run says at its start."""
    experiment = plan.resolved
    model, train, execution = experiment.model, experiment.train, experiment.execution
    length = f"{plan.steps:,} steps" if plan.steps is not None else f"{train.time_budget:g} s of training"
    facts, words = plan.task.facts(), words_of(experiment.task)
    most, limit = memory_limit()
    text = (
        f"{facts['text_symbols']:,} symbols of text, {facts['vocab_size']} different; " if plan.task.vocabulary else ""
    )
    return {
        "model": f"{model.kind} {list(model.layers)}, {plan.parameters:,} parameters, encoding {model.encoding}",
        "data": f"{text}{plan.windows:,} windows of [{train.batch_size}, {train.seq_length}] an epoch, "
        f"{plan.dropped:,} {words.steps} dropped ({words.dropped})",
        **plan.task.describe(),
        "length": length,
        **({"average": train.average.describe(plan.steps, train.time_budget)} if train.average else {}),
        "memory": f"about {plan.memory / 1e6:,.0f} MB beside TensorFlow, of {most / 1e9:.1f} GB ({limit})",
        "execution": f"kernel {execution.kernel}, threads {execution.threads}{_cores(plan)}, "
        f"{_shards(int(execution.shards), train.batch_size, count_gpus())}"
        f"at most {execution.windows_per_call:,} windows a graph call{_faster(plan)}",
        "loss floor": "unknown" if plan.loss_floor is None else f"{plan.loss_floor:.3g} {words.loss}".rstrip(),
    }


def describe_workers(plan: Plan, hosts: Sequence[str]) -> dict[str, str]:
    """Describe by name which lanes and shards each of several workers computes."""
    lanes = cut_lanes(plan.resolved.train.batch_size, int(plan.resolved.execution.shards))
    return {
        f"worker {index}": f"{hosts[index]}, lanes {_span(sum(lanes[: part.start]), sum(lanes[: part.stop]))}, "
        f"shards {_span(part.start, part.stop)}"
        for index, part in enumerate(share_shards(len(lanes), len(hosts)) if hosts else ())
    }


def warn_of_hosts(plan: Plan, hosts: Sequence[str]) -> dict[str, str]:
    """Describe by the name "warning" what several workers of a tiny net cost; nothing where they may pay."""
    train, execution = plan.resolved.train, plan.resolved.execution
    if len(hosts) < 2 or not KERNELS[execution.kernel].compiled:  # other kernels were not measured
        return {}
    pays, reason = explain_hosts(
        plan.parameters,
        train.batch_size,
        train.seq_length,
        int(execution.threads),
        int(execution.shards),
        len(hosts),
        execution.sum == "ring",
    )
    return {} if pays else {"warning": reason}


def _span(first: int, end: int) -> str:
    return f"{first}" if end == first + 1 else f"{first} to {end - 1}"


def _shards(count: int, lanes: int, gpus: int) -> str:
    """Say how the lanes are cut, and how many of several GPUs compute them; nothing where there is one of both."""
    least, most = lanes // count, -(-lanes // count)
    each = f"{least}" if least == most else f"{least} to {most}"
    cut = "1 shard" if count == 1 else f"{count} shards of {each} lanes"
    if gpus < 2:
        return "" if count == 1 else f"{cut}, "
    return f"{cut} on {_gpus(min(count, gpus), min(lanes, gpus), gpus)}, "


def _gpus(used: int, usable: int, gpus: int) -> str:
    """Say how many GPUs are used, and how to use more: "1 of 4 GPUs (execution.shards: 4 uses 4)"."""
    among = f"{used}" if used == gpus else f"{used} of {gpus}"
    return f"{among} GPUs" + (f" (execution.shards: {usable} uses {usable})" if used < usable else "")


def _faster(plan: Plan) -> str:
    return "; --set execution.kernel=native trains it about 2 to 6 times as fast" if plan.native_pays else ""


def _cores(plan: Plan) -> str:
    return "" if plan.cores is None else f" (auto, usable cores: {plan.cores})"


def describe_result(result: dict[str, Any]) -> str:
    """Describe how a run ended, in three lines: status and speed, last numbers, directory."""
    final = "  ".join(f"{name} {value:.6g}" for name, value in result["final"].items() if isinstance(value, float))
    seconds, speed = duration(result["train_seconds"]), result["symbols_per_second"] or 0
    ended = (
        f"{result['status']}: {result['steps']:,} steps in {seconds} of training ({speed:,.0f} {result['counted']}/s)"
    )
    if test := result.get("test"):
        final += f"  test_loss {test['test_loss']:.6g} (weights of step {test['step']:,})"
    return f"{ended}\n{final}\nrun directory: {result['run_dir']}"


def describe_failure(directory: RunDirectory, error: Exception) -> str:
    """Describe a failure of the system: what failed, what is left, and what to do."""
    if isinstance(error, OSError):
        reason, mend, other = error.strerror or str(error), remedy(error), "choose another --run-dir"
    else:
        reason, mend = "out of memory", "close other programs"
        other = "lower model.units, train.batch_size or train.seq_length"
    step = next((step for step, _ in whole_checkpoints(directory.checkpoints, [])), None)
    if step is not None:
        kept, advice = f"the checkpoint of step {step} is intact", f"{mend}, and go on with --resume"
    elif directory.path.exists():
        kept, advice = "there is no checkpoint", f"{mend}, or {other}"
    else:
        kept, advice = "the directory is gone", "begin a new run"
    return f"the run in {directory.path} failed: {reason} ({kept}): {advice}"
