"""A run from the first file of its directory to the last: whatever ends it, result.json says how."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstmzoo.config import dump_config, load_config
from lstmzoo.errors import Diverged, EnvironmentFailure, Interrupted
from lstmzoo.experiment import Experiment
from lstmzoo.plan import Plan, find_device, make_plan
from lstmzoo.progress import Progress, Silent
from lstmzoo.rundir import RunDirectory
from lstmzoo.signals import StopSignals


def train_run(
    config: Experiment | str | os.PathLike[str],
    run_dir: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train an experiment (or the YAML file of one) in a run directory, and return what its result.json says.

    The returned mapping has `run_dir` too, the directory; `run_dir=None` takes the first free default one. Raises
    `InputError` for a directory that cannot be used, `Diverged` when a number is not finite, `Interrupted` after SIGINT
    or SIGTERM (both after writing result.json), and `EnvironmentFailure` when the disk fails on the way.
    """
    experiment = config if isinstance(config, Experiment) else load_config(config)
    return run_plan(make_plan(experiment), None if run_dir is None else Path(run_dir), progress or Silent())


def run_plan(
    plan: Plan, run_dir: Path | None, progress: Progress, prepare: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Train what a plan says in a fresh run directory; `prepare()` runs before TensorFlow is touched."""
    directory = RunDirectory.create(plan.resolved.name, run_dir, dump_config(plan.resolved))
    progress.say(f"run directory: {directory.path}")
    result = _empty_result(plan)
    try:
        with StopSignals() as stop:
            stop.before_leaving = lambda: directory.write_result({**result, "status": "interrupted"})
            directory.write_environment(find_device())
            prepare()
            from lstmzoo.train import Training

            Training(plan, directory, progress, stop, result).run()
        directory.write_result(result)
        return {**result, "run_dir": str(directory.path)}
    except (Diverged, Interrupted) as error:
        result["status"] = "diverged" if isinstance(error, Diverged) else "interrupted"
        directory.write_result(result)
        raise
    except OSError as error:
        text = f"the run directory {directory.path} cannot be written ({error.strerror}): the last checkpoint is intact"
        raise EnvironmentFailure(text) from error
    finally:
        progress.close()


def _empty_result(plan: Plan) -> dict[str, Any]:
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
