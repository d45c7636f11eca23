"""The binding of a run to its settings and data, and whether a request fits the run that it resumes. No TensorFlow."""

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from lstmzoo.config.differences import (
    Settings,
    bound_differences,
    differences,
    experiment_of,
    is_shorter,
    length_of,
    settings_of,
)
from lstmzoo.config.experiment import ExecutionSpec, Experiment
from lstmzoo.config.plan import Plan
from lstmzoo.config.sources import LENGTHS
from lstmzoo.data.scaling import load_scaling
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import ConfigError, InputError, shown, written
from lstmzoo.execution.auto import choose_shards
from lstmzoo.runs.checkpoint import Checkpoint, Damaged
from lstmzoo.runs.contents import check_contents
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.runs.metrics import Line, checked_line
from lstmzoo.training.cadence import Cadence
from lstmzoo.training.run_state import RunState

DIGESTS = {
    "text_sha256": "task: expected the same text",
    "segments_sha256": "task.text: expected the same files, each as long as before,",
    "data_sha256": "task.data: expected the same tables",
    "validation_sha256": "task.validation: expected the same tables",
    "vocab_sha256": "vocab.json: expected the vocabulary",
    "scaling_sha256": "scaling.json: expected the scaling",
}


def digests(plan: Plan) -> dict[str, str]:
    """Return the digests of a run's data, where the data are not a function of the configuration."""
    task = plan.task
    found = {name: digest for name, digest in task.facts().items() if name.endswith("_sha256")}
    found |= {"vocab_sha256": task.vocabulary.digest()} if task.vocabulary is not None else {}
    return found | ({"scaling_sha256": task.scaling.digest()} if task.scaling is not None else {})


def check_checkpoint(directory: RunDirectory, plan: Plan, wanted: Settings, step: int, checkpoint: Checkpoint) -> None:
    """Check all that a resume reads from a checkpoint, behind its digest, before anything of it is used.

    Raises `Damaged` for what no run writes, `ConfigError` for other settings than the `wanted` ones (where a resume may
    not change them), and `InputError` for other data and for a checkpoint of another version.
    """
    kept = read_settings(checkpoint, plan.resolved)
    check_bound(kept, wanted)
    check_digests(directory, plan, checkpoint)
    check_contents(checkpoint, step, plan)
    key, most = length_of(kept, plan.windows)
    if key != "train.time_budget" and step > most:
        raise Damaged(f"position: expected at most {most:,} steps ({key}), received {step:,}")
    read_pending(checkpoint, step)


def read_settings(checkpoint: Checkpoint, places: Experiment) -> Settings:
    """Read the settings that a run is bound to from a checkpoint; `places`: an experiment with the places of its data.

    Raises `Damaged` for settings of no experiment, and `InputError` where there are none.
    """
    try:
        text = checkpoint.metadata["settings"]
        read_seconds(checkpoint)
    except KeyError as error:
        raise InputError(
            "expected a checkpoint of this version of lstmzoo, received one of another: begin a new run"
        ) from error
    try:
        kept = _with_shards(experiment_of(json.loads(text), places))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise Damaged("settings: expected those of an experiment, received others") from error
    if "auto" in kept.execution.model_dump().values():
        raise Damaged("settings: expected an execution that was decided, received auto")
    return settings_of(kept)


def _with_shards(kept: Experiment) -> Experiment:
    """Return the settings of a run from before `execution.shards`, whose shards followed from its threads."""
    execution = kept.execution
    if execution.shards != "auto" or "auto" in (execution.kernel, execution.threads):
        return kept
    shards = choose_shards(execution.kernel, kept.model.layers, kept.train.batch_size, int(execution.threads))
    return kept.model_copy(update={"execution": execution.model_copy(update={"shards": shards})})


def read_seconds(checkpoint: Checkpoint) -> float:
    """Read the seconds of training; raise `Damaged` for what is no time, and `KeyError` where there is none."""
    text = checkpoint.metadata["train_seconds"]
    with suppress(ValueError):
        if 0 <= float(text) < math.inf:
            return float(text)
    raise Damaged(f"train_seconds: expected seconds, received {shown(text)}")


def read_pending(checkpoint: Checkpoint, step: int) -> Line | None:
    """Read the line of a step after which something is still due; None if all is done. Raises `Damaged` for no line."""
    text = checkpoint.metadata.get("pending")
    try:
        return None if text is None else checked_line(f"{text}\n".encode(), step)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"pending: expected the line of step {step}, received {shown(text)}") from error


def check_agreement(given: Experiment, kept: Experiment, run_dir: Path) -> None:
    """Raise `ConfigError` if a CONFIG that is given differs from the run's config.yaml with --set laid over it."""
    settings = settings_of(kept)
    if found := differences(settings, settings_of(given), ("name",)):
        _refuse(settings, found, f"give the same --set as before, or no CONFIG: --resume --run-dir {run_dir}")


def check_bound(kept: Settings, wanted: Settings) -> None:
    """Raise `ConfigError` if a setting differs that a resume may not change."""
    if found := bound_differences(kept, wanted):
        _refuse(kept, found, "begin a new run for that, with another --run-dir")


def check_digests(directory: RunDirectory, plan: Plan, checkpoint: Checkpoint) -> None:
    """Raise `InputError` if data, vocabulary or scaling are not those that the run was trained on."""
    received, path = digests(plan), directory.path
    if plan.task.vocabulary is not None:
        received["vocab_sha256"] = Vocabulary.load(path / "vocab.json").digest()
    if plan.task.scaling is not None:
        received["scaling_sha256"] = load_scaling(path / "scaling.json").digest()
    for name, digest in received.items():
        kept = checkpoint.metadata.get(name, "none")
        if kept != digest:
            raise InputError(
                f"{DIGESTS.get(name, 'task: expected the same data')} that the run was trained with (SHA-256 "
                f"{kept[:12]}...), received another one ({digest[:12]}...): restore it, or begin a new run with "
                "another --run-dir"
            )


def check_length(plan: Plan, run_state: RunState, kept: Settings, wanted: Settings, changed: Settings) -> None:
    """Raise `ConfigError` for a run that is to end before its old length, or before the step that it has reached."""
    keys = changed_lengths(wanted, changed)
    if not keys:
        return
    if is_shorter(kept, wanted, plan.windows) or Cadence(plan, run_state).is_at_end():
        done = f"of which {run_state.position.step:,} steps are done"
        old = next(f"train.{key} {kept[f'train.{key}']}" for key in LENGTHS if kept[f"train.{key}"] is not None)
        name = f"train.{keys[0]}"
        raise ConfigError([f"{name}: expected more than the run has ({old}, {done}), received {written(wanted[name])}"])


def changed_lengths(wanted: Settings, changed: Settings) -> list[str]:
    """List the keys of a length that a resume asks for in place of the old one."""
    return [key for key in LENGTHS if f"train.{key}" in changed and wanted[f"train.{key}"] is not None]


def move_average(plan: Plan, run_state: RunState, key: str) -> None:
    """Let an average that is of a share of the run begin where it does in a run of the new length, `train.KEY`.

    Raises `ConfigError` where that is among the steps that are done, but not where it began: which weights would have
    been in the average is not known any more.
    """
    average, averaged = plan.resolved.train.average, run_state.averaged
    if average is None or not average.needs_length or not averaged:
        return
    cadence, first = Cadence(plan, run_state), run_state.position.step - averaged + 1
    if cadence.progress(run_state.position.step) < average.start:
        run_state.forget_average()
    elif average.start and (plan.steps is None or cadence.progress(first) < average.start):
        _refuse_average(plan, key, cadence.fraction())


def _refuse_average(plan: Plan, key: str, done: float) -> NoReturn:
    start, length = plan.resolved.train.average.start, getattr(plan.resolved.train, key)  # type: ignore[union-attr]
    raise ConfigError(
        [
            f"train.{key}: expected a length of which less than {start:g} (train.average.start) is done, or the "
            f"average would have other steps than in a run of that length, received {written(length)}, of which "
            f"{done:.3g} is done: take a longer one, or the old one"
        ]
    )


def decided_before(plan: Plan, kept: Settings) -> Plan:
    """Return the plan with the execution that was decided before step 0."""
    fixed = {key: kept[f"execution.{key}"] for key in ExecutionSpec.model_fields}
    execution = plan.resolved.execution.model_copy(update=fixed)
    return plan._replace(resolved=plan.resolved.model_copy(update={"execution": execution}), cores=None)


def _refuse(kept: Settings, found: Settings, advice: str) -> NoReturn:
    lines = [
        f"{path}: expected {written(kept.get(path))} as in the run, received {written(value)}"
        for path, value in found.items()
    ]
    raise ConfigError([*lines, advice])
