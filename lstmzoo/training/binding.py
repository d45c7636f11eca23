"""The binding of a run to its settings and data, and whether a request fits the run that it resumes. No TensorFlow."""

import json
from pathlib import Path
from typing import NoReturn

from lstmzoo.config.differences import Settings, bound_differences, differences, is_shorter, settings_of
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.plan import Plan
from lstmzoo.config.sources import LENGTHS
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import ConfigError, InputError
from lstmzoo.runs.checkpoint import Checkpoint
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.training.cadence import Cadence
from lstmzoo.training.run_state import RunState

DIGESTS = {"text_sha256": "task: expected the same text", "vocab_sha256": "vocab.json: expected the vocabulary"}


def digests(plan: Plan) -> dict[str, str]:
    """Return the digests of a run's data, where the data are not a function of the configuration."""
    vocabulary = plan.task.vocabulary
    if vocabulary is None:
        return {}
    return {"text_sha256": plan.task.facts()["text_sha256"], "vocab_sha256": vocabulary.digest()}


def read_binding(checkpoint: Checkpoint) -> tuple[Settings, RunState]:
    """Read the settings that a run is bound to, and its counters, from a checkpoint."""
    try:
        kept: Settings = dict(json.loads(checkpoint.metadata["settings"]))
        return kept, RunState.restored(checkpoint.tensors, float(checkpoint.metadata["train_seconds"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "expected a checkpoint of this version of lstmzoo, received one of another: begin a new run"
        ) from error


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
    """Raise `InputError` if text or vocabulary are not those that the run was trained on."""
    if plan.task.vocabulary is None:
        return
    received = digests(plan) | {"vocab_sha256": Vocabulary.load(directory.path / "vocab.json").digest()}
    for name, text in DIGESTS.items():
        kept = checkpoint.metadata.get(name, "none")
        if kept != received[name]:
            raise InputError(
                f"{text} that the run was trained with (SHA-256 {kept[:12]}...), received another one "
                f"({received[name][:12]}...): restore it, or begin a new run with another --run-dir"
            )


def check_length(plan: Plan, run_state: RunState, kept: Settings, wanted: Settings, changed: Settings) -> None:
    """Raise `ConfigError` for a run that is to end before its old length, or before the step that it has reached."""
    keys = [key for key in LENGTHS if f"train.{key}" in changed and wanted[f"train.{key}"] is not None]
    if not keys:
        return
    if is_shorter(kept, wanted, plan.windows) or Cadence(plan, run_state).is_at_end():
        done = f"of which {run_state.position.step:,} steps are done"
        old = next(f"train.{key} {kept[f'train.{key}']}" for key in LENGTHS if kept[f"train.{key}"] is not None)
        name = f"train.{keys[0]}"
        raise ConfigError([f"{name}: expected more than the run has ({old}, {done}), received {wanted[name]!r}"])


def decided_before(plan: Plan, kept: Settings) -> Plan:
    """Return the plan with the execution that was decided before step 0."""
    fixed = {key: kept[f"execution.{key}"] for key in ("kernel", "threads", "windows_per_call")}
    execution = plan.resolved.execution.model_copy(update=fixed)
    return plan._replace(resolved=plan.resolved.model_copy(update={"execution": execution}))


def _refuse(kept: Settings, found: Settings, advice: str) -> NoReturn:
    lines = [f"{path}: expected {kept.get(path)!r} as in the run, received {value!r}" for path, value in found.items()]
    raise ConfigError([*lines, advice])
