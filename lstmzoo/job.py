"""A run from the first file of its directory to the last: whatever ends it, result.json says how."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstmzoo.checkpoint import checkpoint_steps
from lstmzoo.config import dump_config, load_config
from lstmzoo.errors import Diverged, EnvironmentFailure, Interrupted
from lstmzoo.experiment import Experiment
from lstmzoo.machine import find_device
from lstmzoo.plan import Plan, make_plan
from lstmzoo.progress import Progress, Silent
from lstmzoo.rundir import RunDirectory
from lstmzoo.signals import StopSignals

Result = dict[str, Any]


def train_run(
    config: Experiment | str | os.PathLike[str],
    run_dir: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
) -> Result:
    """Train an experiment (or the YAML file of one) in a run directory, and return what its result.json says.

    The returned mapping has `run_dir` too, the directory; `run_dir=None` takes the first free default one. Raises
    `InputError` for a directory that cannot be used, `Diverged` when a number is not finite, `Interrupted` after SIGINT
    or SIGTERM (both after writing result.json), and `EnvironmentFailure` when the disk fails on the way.
    """
    experiment = config if isinstance(config, Experiment) else load_config(config)
    return run_plan(make_plan(experiment), None if run_dir is None else Path(run_dir), progress or Silent())


def run_plan(plan: Plan, run_dir: Path | None, progress: Progress, prepare: Callable[[], None] | None = None) -> Result:
    """Train what a plan says in a fresh run directory.

    `prepare()` runs before TensorFlow is touched; that it is given says that this process is the command's own, which a
    signal may end while TensorFlow is busy.
    """
    samples = plan.task.vocabulary is not None
    directory = RunDirectory.create(plan.resolved.name, run_dir, dump_config(plan.resolved), samples)
    progress.say(f"run directory: {directory.path}")
    result = _empty_result(plan)
    try:
        with StopSignals(may_leave=prepare is not None) as stop:
            stop.before_leaving = lambda: directory.write_result({**result, "status": "interrupted"})
            directory.write_environment(find_device(), plan.task.facts())
            if plan.task.vocabulary is not None:
                plan.task.vocabulary.save(directory.path / "vocab.json")
            if prepare is not None:
                prepare()
            from lstmzoo.train import Training

            Training(plan, directory, progress, stop, result).run()
            directory.write_result(result)
    except (Diverged, Interrupted) as error:
        result["status"] = "diverged" if isinstance(error, Diverged) else "interrupted"
        directory.write_result(result)
        progress.say(f"run directory: {directory.path}")
        raise
    except OSError as error:
        raise EnvironmentFailure(_failure(directory, error)) from error
    finally:
        progress.close()
    return {**result, "run_dir": str(directory.path)}


def _failure(directory: RunDirectory, error: OSError) -> str:
    steps = checkpoint_steps(directory.checkpoints)
    kept = f"the checkpoint of step {steps[-1]} is intact" if steps else "no checkpoint was written yet"
    advice = "make room, or choose another --run-dir"
    return f"the run in {directory.path} failed: {error.strerror or error} ({kept}): {advice}"


def _empty_result(plan: Plan) -> Result:
    return {
        "status": "completed",
        "steps": 0,
        "epochs": 0,
        "parameters": plan.parameters,
        "seed": plan.resolved.seed,
        "final": {"train_loss": None, "epoch_train_loss": None, "val_loss": None},
        "best": None,
        "loss_floor": plan.loss_floor,
        "dropped_symbols": plan.dropped,
        "train_seconds": 0.0,
        "symbols_per_second": None,
    }
