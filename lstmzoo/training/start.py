"""Start of a run: fresh, or resumed from its last whole checkpoint; then its directory is made ready. No TensorFlow."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lstmzoo.config.differences import Settings, changed_settings, settings_of
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.load import dump_config, load_config
from lstmzoo.config.plan import Plan, check_workers, make_plan
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import InputError
from lstmzoo.runs.checkpoint import Checkpoint, prune_checkpoints, set_aside, whole_checkpoints
from lstmzoo.runs.curve import Curve
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.runs.metrics import Line
from lstmzoo.runs.places import last_default
from lstmzoo.training.binding import (
    changed_lengths,
    check_agreement,
    check_checkpoint,
    check_length,
    decided_before,
    move_average,
    read_pending,
    read_seconds,
    read_settings,
)
from lstmzoo.training.cadence import Cadence
from lstmzoo.training.run_state import RunState
from lstmzoo.zoo.pretrained import refuse_to_write


class Resumed(NamedTuple):
    """State of a resumed run at its last checkpoint."""

    checkpoint: Checkpoint
    metrics_size: int
    """Bytes of metrics.jsonl that stay."""
    changed: Settings
    """Settings that are not what they were, by dotted path."""
    notes: list[str]
    """Lines for the user, such as a damaged checkpoint that was left out."""

    @property
    def is_pending(self) -> bool:
        """True if a signal stopped the run before all that was due after its last step was done."""
        return "pending" in self.checkpoint.metadata


class Start(NamedTuple):
    """Everything that a trainer starts from."""

    plan: Plan
    directory: RunDirectory
    run_state: RunState
    curve: Curve
    pictures: bool
    """True if the run draws its plots."""
    resumed: Resumed | None
    """None: a fresh run, whose weights come from the seed."""

    @property
    def is_pending(self) -> bool:
        """True if something of the last step is still to be done."""
        return self.resumed is not None and self.resumed.is_pending

    @property
    def is_over(self) -> bool:
        """True if nothing is left to do."""
        return not self.is_pending and Cadence(self.plan, self.run_state).is_finished()


def claim(given: Experiment | None, run_dir: Path | None, resume: bool) -> RunDirectory:
    """Lock the directory of a run for this process: `run_dir`, or else a default one.

    A fresh run takes the first free default directory, a resumed one the last. Raises `InputError` for a directory that
    cannot be used, and without a name to look for.
    """
    if resume:
        return RunDirectory.claim(resumed_place(given, run_dir))
    return RunDirectory.create(wanted(given).name, run_dir)


def resumed_place(given: Experiment | None, run_dir: Path | None) -> Path:
    """Find the directory of a run that is to go on; `InputError` where none has begun and nothing is given to begin."""
    if given is None:
        if run_dir is None:
            raise InputError("expected a run to go on with, received none: give --run-dir DIR, or its CONFIG")
        refuse_to_write(run_dir)
        if not RunDirectory(run_dir).is_begun():
            raise InputError(f"expected a run to go on with, received {run_dir}, which holds none: give its CONFIG too")
        return run_dir
    return run_dir or last_default(given.name)


def wanted(given: Experiment | None) -> Experiment:
    """Return the experiment that is given; `InputError` for none."""
    if given is None:
        raise InputError("config: expected an experiment or the YAML file of one, received None")
    return given


def requested(directory: RunDirectory, given: Experiment | None, overrides: Sequence[str] | None) -> Experiment:
    """Return the experiment to train in a claimed directory.

    Where no run has begun it is `given`, else the run's own config.yaml with `overrides` laid over it, which `given`
    must agree with. `overrides=None`: `given` itself is asked for. Raises `InputError` where there is none.
    """
    if not directory.is_begun():
        directory.check_empty()
        return wanted(given)
    config = directory.path / "config.yaml"
    if not config.exists():
        raise InputError(f"expected a run's config.yaml, received {directory.path}, which has none: restore it")
    if overrides is None and given is not None:
        return given
    kept = load_config(config, overrides or ())
    if given is not None:
        check_agreement(given, kept, directory.path)
    return kept


def begin(directory: RunDirectory, experiment: Experiment, pictures: bool = True, workers: int = 1) -> Start:
    """Prepare a run from the last whole checkpoint of its directory, or from step 0 where there is none.

    Nothing is written yet. Raises `InputError` for an experiment that does not fit the run or the number of workers,
    and for damaged files.
    """
    start = _begun(directory, _with_mark(directory, experiment), pictures, workers)
    check_workers(start.plan.resolved, workers)
    return start


def _begun(directory: RunDirectory, experiment: Experiment, pictures: bool, workers: int) -> Start:
    plan, wanted = make_plan(experiment, workers=workers), settings_of(experiment)  # `auto` wants what was decided
    damaged: list[str] = []
    check = partial(check_checkpoint, directory, plan, wanted)
    step, checkpoint = next(whole_checkpoints(directory.checkpoints, damaged, check=check), (0, None))
    if checkpoint is not None:
        notes = [f"{note}; going on from step {step}" for note in damaged]
        return _resume(directory, plan, wanted, checkpoint, notes, pictures)
    if damaged:
        raise InputError(
            f"expected a run with a whole checkpoint, received {directory.path}: {'; '.join(damaged)}: restore one, or "
            "remove them to start this run from step 0"
        )
    return Start(plan, directory, RunState(), new_curve(plan), pictures, None)


def _with_mark(directory: RunDirectory, experiment: Experiment) -> Experiment:
    """Return the experiment of a run whose vocabulary may have U+FEFF: its text then begins with it, as before."""
    kept, reading_as = directory.path / "vocab.json", getattr(experiment.task, "reading_as", None)
    if reading_as is None or not kept.exists():
        return experiment
    return experiment.model_copy(update={"task": reading_as(Vocabulary.load(kept))})


def _resume(
    directory: RunDirectory, plan: Plan, wanted: Settings, checkpoint: Checkpoint, notes: list[str], pictures: bool
) -> Start:
    kept = read_settings(checkpoint, plan.resolved)
    run_state = RunState.restored(checkpoint.tensors, read_seconds(checkpoint))
    plan = decided_before(plan, kept)
    directory.check_json()
    curve, changed = new_curve(plan), changed_settings(kept, wanted)
    size = _catch_up(directory, checkpoint, run_state, curve)
    check_length(plan, run_state, kept, wanted, changed)
    for key in changed_lengths(wanted, changed):
        move_average(plan, run_state, key)
    return Start(plan, directory, run_state, curve, pictures, Resumed(checkpoint, size, changed, notes))


def _catch_up(directory: RunDirectory, checkpoint: Checkpoint, run_state: RunState, curve: Curve) -> int:
    """Add the lines of metrics.jsonl up to the checkpoint to curve and counters; return their size in bytes."""
    step = run_state.position.step
    pending = read_pending(checkpoint, step)

    def take(line: Line) -> None:
        curve.add(line)
        run_state.seen(line)

    size = directory.metrics.read(step - int(pending is not None), take)
    if pending is not None:
        run_state.seen(pending)
    return size


def new_curve(plan: Plan) -> Curve:
    """Make a curve whose smoothing starts at the loss of a guess that knows nothing."""
    return Curve(plan.task.first_loss())


def take_over(start: Start) -> None:
    """Reset the directory to the state of the start; what was done after the checkpoint will be done again."""
    directory = start.directory
    if start.resumed is None:
        directory.begin(dump_config(start.plan.resolved), samples=start.plan.task.vocabulary is not None)
        return
    step, best = start.run_state.position.step, start.run_state.best
    directory.metrics.cut(start.resumed.metrics_size)
    directory.cut_back(step)
    set_aside(directory.checkpoints, step)
    prune_checkpoints(directory.checkpoints, start.plan.resolved.checkpoint, step, best.step if best else None)
