"""Where a run begins or goes on, and how its directory is made ready for that. No TensorFlow."""

import math
from typing import NamedTuple

from lstmzoo.config.differences import Settings
from lstmzoo.config.load import dump_config
from lstmzoo.config.plan import Plan
from lstmzoo.runs.checkpoint import Checkpoint, prune_checkpoints, set_aside
from lstmzoo.runs.curve import Curve
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.training.cadence import Cadence
from lstmzoo.training.run_state import RunState


class Start(NamedTuple):
    """Where a run begins or goes on: `checkpoint` has the weights to go on from, None those of the seed."""

    plan: Plan
    directory: RunDirectory
    standing: RunState
    curve: Curve
    checkpoint: Checkpoint | None = None
    metrics_size: int = 0
    """Bytes of metrics.jsonl that stay."""
    changed: Settings = {}
    """Settings that are no longer as they were."""
    notes: list[str] = []
    """What its user should know, such as a damaged checkpoint that was passed over."""
    pictures: bool = True
    """Whether the run draws."""

    @property
    def is_pending(self) -> bool:
        """Whether a signal has cut short what was due after the last step."""
        return self.checkpoint is not None and "pending" in self.checkpoint.metadata

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return not self.is_pending and Cadence(self.plan, self.standing).is_finished()


def fresh(plan: Plan, directory: RunDirectory) -> Start:
    """A run from step 0."""
    return Start(plan, directory, RunState(), new_curve(plan))


def new_curve(plan: Plan) -> Curve:
    """Smoothing starts at what a model knows that knows nothing."""
    return Curve(math.log(plan.task.vocab_size))


def take_over(start: Start) -> None:
    """Make the directory as it was at the start; what was done after the checkpoint will be done again."""
    directory = start.directory
    if start.checkpoint is None:
        directory.begin(dump_config(start.plan.resolved), samples=start.plan.task.vocabulary is not None)
        return
    step, best = start.standing.position.step, start.standing.best
    directory.metrics.cut(start.metrics_size)
    directory.cut_back(step)
    set_aside(directory.checkpoints, step)
    kept = start.plan.resolved.checkpoint.keep
    prune_checkpoints(directory.checkpoints, kept, step, best.step if best else None)


def digests(plan: Plan) -> dict[str, str]:
    """What tells the data of a run, where it is not a function of the configuration."""
    vocabulary = plan.task.vocabulary
    if vocabulary is None:
        return {}
    return {"text_sha256": plan.task.facts()["text_sha256"], "vocab_sha256": vocabulary.digest()}
