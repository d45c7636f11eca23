"""From a run directory to where the run goes on: the checkpoint that serves, and whether what is asked fits it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from lstmzoo.config.differences import Settings, differences, is_shorter, settings_of
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.plan import Plan, make_plan
from lstmzoo.config.sources import LENGTHS
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import ConfigError, InputError
from lstmzoo.runs.checkpoint import Checkpoint, whole_checkpoints
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.runs.metrics import Line
from lstmzoo.training.cadence import Cadence
from lstmzoo.training.run_state import RunState
from lstmzoo.training.start import Start, digests, fresh, new_curve

DIGESTS = {"text_sha256": "task: expected the very text", "vocab_sha256": "vocab.json: expected the vocabulary"}


def go_on(directory: RunDirectory, wish: Callable[[Path], Experiment]) -> Start:
    """A run from its last whole checkpoint; from step 0 where none was written yet.

    `wish`: what is asked for, given the run's own config.yaml. Raises `InputError` for what does not fit the run or is
    damaged; nothing is written yet.
    """
    notes: list[str] = []
    step, checkpoint = next(whole_checkpoints(directory.checkpoints, notes), (0, None))
    if checkpoint is None and notes:
        raise InputError(
            f"expected a run with a whole checkpoint, received {directory.path}: {'; '.join(notes)}: restore one, or "
            "remove them to start this run afresh"
        )
    config = directory.path / "config.yaml"
    if not config.exists():
        raise InputError(f"expected a run's config.yaml, received {directory.path}, which has none: restore it")
    experiment = wish(config)
    if checkpoint is None:
        return fresh(make_plan(experiment), directory)
    start = _fitting(directory, checkpoint, experiment)
    return start._replace(notes=[f"{note}; going on from step {step}" for note in notes])


def agreed(given: Experiment | None, wished: Experiment, run_dir: Path) -> Experiment:
    """What is wished by the run's config.yaml and --set; `ConfigError` if a CONFIG that is given says otherwise."""
    if given is not None:
        kept = settings_of(wished)
        if found := differences(kept, settings_of(given), free=("name",)):
            _refuse(kept, found, f"give the same --set as before, or no CONFIG: --resume --run-dir {run_dir}")
    return wished


def _fitting(directory: RunDirectory, checkpoint: Checkpoint, experiment: Experiment) -> Start:
    kept, standing = _held(checkpoint)
    wished = settings_of(experiment)
    if found := differences(kept, wished):
        _refuse(kept, found, "begin a new run for that, with another --run-dir")
    plan = _decided(make_plan(experiment), kept)
    _check_digests(directory, plan, checkpoint)
    _check_json(directory)
    start = Start(plan, directory, standing, new_curve(plan), checkpoint, changed=differences(kept, wished, free=()))
    start = start._replace(metrics_size=_read_metrics(start))
    _check_length(start, kept, wished)
    return start


def _held(checkpoint: Checkpoint) -> tuple[Settings, RunState]:
    """What the run is bound to, and where it stood."""
    try:
        kept: Settings = dict(json.loads(checkpoint.metadata["settings"]))
        return kept, RunState.restored(checkpoint.tensors, float(checkpoint.metadata["train_seconds"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "expected a checkpoint of this version of lstmzoo, received one of another: begin a new run"
        ) from error


def _check_length(start: Start, kept: Settings, wished: Settings) -> None:
    """A run can only get longer than it was meant to be, and than it is."""
    changed = [key for key in LENGTHS if f"train.{key}" in start.changed and wished[f"train.{key}"] is not None]
    if not changed:
        return
    if is_shorter(kept, wished, start.plan.windows) or Cadence(start.plan, start.standing).is_at_end():
        done = f"of which {start.standing.position.step:,} steps are done"
        old = next(f"train.{key} {kept[f'train.{key}']}" for key in LENGTHS if kept[f"train.{key}"] is not None)
        name = f"train.{changed[0]}"
        raise ConfigError([f"{name}: expected more than the run has ({old}, {done}), received {wished[name]!r}"])


def _read_metrics(start: Start) -> int:
    """Bring the curve and the last line up to the checkpoint: the bytes of metrics.jsonl that stay."""
    standing = start.standing

    def listen(line: Line) -> None:
        start.curve.add(line)
        standing.last = line

    size = start.directory.metrics.read(standing.position.step - int(start.is_pending), listen)
    if start.is_pending:
        standing.last = json.loads(start.checkpoint.metadata["pending"])  # type: ignore[union-attr]
    return size


def _check_json(directory: RunDirectory) -> None:
    directory.read_json("environment.json")
    if (directory.path / "result.json").exists():
        directory.read_json("result.json")


def _refuse(kept: Settings, found: Settings, advice: str) -> NoReturn:
    lines = [f"{path}: expected {kept.get(path)!r} as in the run, received {value!r}" for path, value in found.items()]
    raise ConfigError([*lines, advice])


def _decided(plan: Plan, kept: Settings) -> Plan:
    """With the execution that was decided before step 0."""
    fixed = {key: kept[f"execution.{key}"] for key in ("kernel", "threads", "windows_per_call")}
    execution = plan.resolved.execution.model_copy(update=fixed)
    return plan._replace(resolved=plan.resolved.model_copy(update={"execution": execution}))


def _check_digests(directory: RunDirectory, plan: Plan, checkpoint: Checkpoint) -> None:
    """Text and vocabulary must be the very ones that the run was trained on."""
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
