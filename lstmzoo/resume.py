"""From a run directory to where the run goes on: the checkpoint that serves, and whether what is asked fits it."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from lstmzoo.agenda import Agenda
from lstmzoo.checkpoint import Checkpoint, prune_checkpoints, whole_checkpoints
from lstmzoo.config import dump_config
from lstmzoo.curve import Curve
from lstmzoo.errors import ConfigError, InputError
from lstmzoo.experiment import Experiment
from lstmzoo.plan import Plan, make_plan
from lstmzoo.rundir import RunDirectory
from lstmzoo.settings import Settings, differences, settings_of, shortened
from lstmzoo.standing import Standing
from lstmzoo.vocabulary import Vocabulary

DIGESTS = {"text_sha256": "task: expected the very text", "vocab_sha256": "vocab.json: expected the vocabulary"}


class Start(NamedTuple):
    """Where a run begins or goes on: `checkpoint` has the weights to go on from, None those of the seed."""

    plan: Plan
    directory: RunDirectory
    standing: Standing
    curve: Curve
    checkpoint: Checkpoint | None = None
    changed: Settings = {}
    """Settings that are no longer as they were."""
    notes: list[str] = []
    """What its user should know, such as a damaged checkpoint that was passed over."""

    @property
    def is_pending(self) -> bool:
        """Whether a signal has cut short what was due after the last step."""
        return self.checkpoint is not None and "pending" in self.checkpoint.metadata


def begin(plan: Plan, directory: RunDirectory) -> Start:
    """A run from step 0, in a directory that is claimed."""
    directory.begin(dump_config(plan.resolved), samples=plan.task.vocabulary is not None)
    return Start(plan, directory, Standing(), _curve(plan))


def go_on(directory: RunDirectory, wish: Callable[[Path], Experiment]) -> Start:
    """A run from its last whole checkpoint; from step 0 where none was written yet.

    `wish`: what is asked for, given the run's own config.yaml. Raises `InputError` for what does not fit the run or is
    damaged, and then nothing has changed.
    """
    notes: list[str] = []
    step, checkpoint = next(whole_checkpoints(directory.checkpoints, notes), (0, None))
    if checkpoint is None and notes:
        raise InputError(
            f"expected a run with a whole checkpoint, received {directory.path}: {'; '.join(notes)}: restore one, or "
            "remove them to start this run afresh"
        )
    config = directory.path / "config.yaml"
    if checkpoint is not None and not config.exists():
        raise InputError(f"expected a run's config.yaml, received {directory.path}, which has none: restore it")
    experiment = wish(config)
    if checkpoint is None:
        return begin(make_plan(experiment), directory)
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
    kept, wished = _kept(checkpoint), settings_of(experiment)
    if found := differences(kept, wished):
        _refuse(kept, found, "begin a new run for that, with another --run-dir")
    plan = _decided(make_plan(experiment), kept)
    if key := shortened(kept, wished, plan.windows):
        _refuse(kept, {key: wished[key]}, "a run that goes on can only get longer")
    _check_digests(directory, plan, checkpoint)
    for name in ("environment.json", "result.json"):
        if name == "environment.json" or (directory.path / name).exists():
            directory.read_json(name)
    standing = Standing.restored(checkpoint.tensors, float(checkpoint.metadata["train_seconds"]))
    start = Start(plan, directory, standing, _curve(plan), checkpoint, differences(kept, wished, free=()))
    _read_metrics(start)
    _tidy(start)
    return start


def _kept(checkpoint: Checkpoint) -> Settings:
    try:
        kept: Settings = json.loads(checkpoint.metadata["settings"])
        return kept
    except (KeyError, ValueError) as error:
        raise InputError(
            "expected a checkpoint of this version of lstmzoo, received another: begin a new run"
        ) from error


def _refuse(kept: Settings, found: Settings, advice: str) -> NoReturn:
    lines = [f"{path}: expected {kept.get(path)!r} as in the run, received {value!r}" for path, value in found.items()]
    raise ConfigError([*lines, advice])


def _decided(plan: Plan, kept: Settings) -> Plan:
    """With the execution that was decided before step 0."""
    fixed = {key: kept[f"execution.{key}"] for key in ("kernel", "threads", "windows_per_call")}
    execution = plan.resolved.execution.model_copy(update=fixed)
    return plan._replace(resolved=plan.resolved.model_copy(update={"execution": execution}))


def _check_digests(directory: RunDirectory, plan: Plan, checkpoint: Checkpoint) -> None:
    """Text and vocabulary must be the very ones that the run was trained on, and vocab.json must say so."""
    vocabulary = plan.task.vocabulary
    if vocabulary is None:
        return
    received = {**digests(plan), "vocab.json": Vocabulary.load(directory.path / "vocab.json").digest()}
    for name, text in DIGESTS.items():
        kept = checkpoint.metadata.get(name)
        if kept != received[name] or (name == "vocab_sha256" and kept != received["vocab.json"]):
            raise InputError(
                f"{text} that the run was trained with (SHA-256 {str(kept)[:12]}...), received another one "
                f"({received[name][:12]}...): restore it, or begin a new run with another --run-dir"
            )


def digests(plan: Plan) -> dict[str, str]:
    """What tells the data of a run, where it is not a function of the configuration."""
    vocabulary = plan.task.vocabulary
    if vocabulary is None:
        return {}
    return {"text_sha256": plan.task.facts()["text_sha256"], "vocab_sha256": vocabulary.digest()}


def _curve(plan: Plan) -> Curve:
    return Curve(math.log(plan.task.vocab_size))


def _read_metrics(start: Start) -> None:
    """The curve and the last line; those of steps after the checkpoint are cut away, and will be done again."""
    standing, assumed = start.standing, start.standing.position.step - int(start.is_pending)

    def listen(line: dict[str, Any]) -> None:
        start.curve.add(line)
        standing.last = line

    start.directory.metrics.cut(assumed, listen)
    if start.is_pending:
        standing.last = json.loads(start.checkpoint.metadata["pending"])  # type: ignore[union-attr]


def _tidy(start: Start) -> None:
    """What a killed process had no time for."""
    step, best = start.standing.position.step, start.standing.best
    start.directory.cut_back(step)
    kept = start.plan.resolved.checkpoint.keep
    prune_checkpoints(start.directory.checkpoints, kept, step, best.step if best else None)


def is_over(start: Start) -> bool:
    """Whether nothing is left to do."""
    return not start.is_pending and Agenda(start.plan, start.standing).is_finished()
