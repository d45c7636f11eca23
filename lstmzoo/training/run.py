"""A run from the first file of its directory to the last: whatever ends it, result.json says how."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstmzoo.config.experiment import Experiment
from lstmzoo.config.load import dump_config, load_config
from lstmzoo.config.plan import Plan, make_plan
from lstmzoo.errors import Diverged, EnvironmentFailure, InputError, Interrupted
from lstmzoo.runs.checkpoint import whole_checkpoints
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.runs.places import last_default
from lstmzoo.system.files import FULL
from lstmzoo.system.machine import find_device
from lstmzoo.system.signals import StopSignals
from lstmzoo.training.cadence import Cadence
from lstmzoo.training.progress import Progress, SilentProgress
from lstmzoo.training.resume import go_on
from lstmzoo.training.start import Start, fresh, take_over
from lstmzoo.zoo.pretrained import refuse_to_write

Result = dict[str, Any]
Wish = Callable[[Path], Experiment]  # given a run's own config.yaml
Prepare = Callable[[Plan], None]


def train_run(
    config: Experiment | str | os.PathLike[str] | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    resume: bool = False,
    *,
    progress: Progress | None = None,
) -> Result:
    """Train an experiment (or the YAML file of one) in a run directory, and return what its result.json says.

    The returned mapping has `run_dir` too, the directory; `run_dir=None` takes the first free default one. `resume`
    goes on from the last checkpoint of `run_dir` (or of the last default one), with its own config unless another is
    given; that may have more epochs, steps or time, and another learning rate, schedule, clipping, cadence and
    patience, but must be the same in all else. Where no checkpoint is, it starts afresh; where nothing is left to do,
    it returns. Raises `InputError` for a directory that cannot be used, `Diverged` when a number is not finite,
    `Interrupted` after SIGINT or SIGTERM (both after writing result.json), and `EnvironmentFailure` when the disk fails
    on the way.
    """
    given = config if config is None or isinstance(config, Experiment) else load_config(config)
    path, progress = None if run_dir is None else Path(run_dir), progress or SilentProgress()
    if resume:
        return resume_run(given, lambda kept: given or load_config(kept), path, progress)
    if given is None:
        raise InputError("config: expected an experiment or the YAML file of one, received None")
    return run_plan(make_plan(given), path, progress)


def run_plan(plan: Plan, run_dir: Path | None, progress: Progress, prepare: Prepare | None = None) -> Result:
    """Train what a plan says in a fresh run directory.

    `prepare(plan)` runs before TensorFlow is touched; that it is given says that this process is the command's own,
    which a signal may end while TensorFlow is busy.
    """
    with RunDirectory.create(plan.resolved.name, run_dir) as directory:
        return _train(fresh(plan, directory), progress, prepare)


def resume_run(
    given: Experiment | None,
    wish: Wish,
    run_dir: Path | None,
    progress: Progress,
    prepare: Prepare | None = None,
    pictures: bool = True,
) -> Result:
    """Go on with a run: `given` is used where none is there yet, else `wish(its config.yaml)`."""
    path = _directory_of(given, run_dir)
    plan = None if RunDirectory(path).is_begun() else _afresh(given, path)
    with RunDirectory.claim(path) as directory:
        if plan is not None and not directory.is_begun():
            directory.check_empty()
            return _train(fresh(plan, directory)._replace(pictures=pictures), progress, prepare)
        start = go_on(directory, wish)._replace(pictures=pictures)
        for note in start.notes:
            progress.say(note)
        return _nothing_to_do(start, progress) if start.is_over else _train(start, progress, prepare)


def plan_to_go_on(given: Experiment | None, wish: Wish, run_dir: Path | None) -> tuple[Plan, int]:
    """What `resume_run` would do, and from which step; nothing is changed."""
    path = _directory_of(given, run_dir)
    if not RunDirectory(path).is_begun():
        return _afresh(given, path), 0
    with RunDirectory.claim(path) as directory:
        start = go_on(directory, wish)
    return start.plan, start.standing.position.step


def _directory_of(given: Experiment | None, run_dir: Path | None) -> Path:
    if run_dir is not None:
        refuse_to_write(run_dir)
        return run_dir
    if given is None:
        raise InputError("expected a run to go on with, received none: give --run-dir DIR, or its CONFIG")
    return last_default(given.name)


def _afresh(given: Experiment | None, path: Path) -> Plan:
    if given is None:
        raise InputError(f"expected a run to go on with, received {path}, which holds none: give its CONFIG too")
    return make_plan(given)


def _nothing_to_do(start: Start, progress: Progress) -> Result:
    """Say so, and see to what a process that was killed at the very end had no time for."""
    directory, step = start.directory, start.standing.position.step
    result = start.standing.result(start.plan, Cadence(start.plan, start.standing).status())
    if not start.changed:
        take_over(start)
        directory.write_result(result)
    early = result["status"] == "stopped_early"
    raise_it = "validate.patience" if early else "train.epochs, train.steps or train.time_budget"
    end = f"{result['status']} at step {step:,}"
    progress.say(f"nothing to do: the run {directory.path} is {end}; to go on, raise {raise_it}")
    progress.close()
    return {**result, "run_dir": str(directory.path)}


def _train(start: Start, progress: Progress, prepare: Prepare | None) -> Result:
    directory, step = start.directory, start.standing.position.step
    progress.say(f"run directory: {directory.path}")
    if start.checkpoint is not None:
        progress.say(f"going on from step {step:,}")
    try:
        result = _train_to_an_end(start, progress, prepare)
    except OSError as error:
        raise EnvironmentFailure(_failure(directory, error)) from error
    finally:
        progress.close()
    return {**result, "run_dir": str(directory.path)}


def _train_to_an_end(start: Start, progress: Progress, prepare: Prepare | None) -> Result:
    plan, directory, standing = start.plan, start.directory, start.standing
    try:
        with StopSignals(may_leave=prepare is not None) as stop:
            stop.before_leaving = lambda: directory.write_result(standing.result(plan, "interrupted"))
            if start.checkpoint is None:
                _begin(start)
            if prepare is not None:
                prepare(plan)
            from lstmzoo.training.loop import Trainer

            training = Trainer(start, progress, stop)
            if start.checkpoint is not None:  # it fits: only now is anything changed
                _go_on(start, progress)
            result = standing.result(plan, training.run())
            directory.write_result(result)
            return result
    except (Diverged, Interrupted) as error:
        status = "diverged" if isinstance(error, Diverged) else "interrupted"
        directory.write_result(standing.result(plan, status))
        progress.say(f"run directory: {directory.path}")
        raise


def _begin(start: Start) -> None:
    """What stands in the directory before TensorFlow is touched."""
    take_over(start)
    task = start.plan.task
    start.directory.write_environment(find_device(), task.facts())
    if task.vocabulary is not None:
        task.vocabulary.save(start.directory.path / "vocab.json")


def _go_on(start: Start, progress: Progress) -> None:
    directory, step = start.directory, start.standing.position.step
    take_over(start)
    directory.write_config(dump_config(start.plan.resolved))
    for note in directory.note_resume(step, find_device(), start.changed):
        progress.say(f"warning: {note}: the numbers may not be those of an uninterrupted run")
    (directory.path / "result.json").unlink(missing_ok=True)


def _failure(directory: RunDirectory, error: OSError) -> str:
    """What failed, what is left, and what to do."""
    step = next((step for step, _ in whole_checkpoints(directory.checkpoints, [])), None)
    mend = "make room" if error.errno in FULL else "put that right"
    if step is not None:
        kept, advice = f"the checkpoint of step {step} is intact", f"{mend}, and go on with --resume"
    elif directory.path.exists():
        kept, advice = "there is no checkpoint", f"{mend}, or choose another --run-dir"
    else:
        kept, advice = "the directory is gone", "begin a new run"
    return f"the run in {directory.path} failed: {error.strerror or error} ({kept}): {advice}"
