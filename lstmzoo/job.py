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

    `run_dir=None` takes the first free default directory. Raises `InputError` for a directory that cannot be used,
    `Diverged` when a number is not finite, `Interrupted` after SIGINT or SIGTERM (both after writing result.json), and
    `EnvironmentFailure` when the disk or the directory fails on the way.
    """
    experiment = config if isinstance(config, Experiment) else load_config(config)
    directory = RunDirectory.create(experiment.name, None if run_dir is None else Path(run_dir))
    return run_plan(make_plan(experiment), directory, progress or Silent())


def run_plan(
    plan: Plan, directory: RunDirectory, progress: Progress, prepare: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Train what a plan says in a fresh run directory; `prepare()` runs before TensorFlow is touched."""
    result = {"status": "completed", "steps": 0, "epochs": 0, "parameters": plan.parameters, "seed": plan.resolved.seed}
    result |= {"loss_floor": plan.loss_floor}
    try:
        with StopSignals() as stop:
            directory.write_config(dump_config(plan.resolved))
            directory.write_environment(find_device())
            prepare()
            from lstmzoo.train import Training

            Training(plan, directory, progress, stop, result).run()
        directory.write_result(result)
        return result
    except (Diverged, Interrupted) as error:
        result["status"] = "diverged" if isinstance(error, Diverged) else "interrupted"
        directory.write_result(result)
        raise
    except OSError as error:
        text = f"the run directory {directory.path} cannot be written ({error.strerror}): the last checkpoint is intact"
        raise EnvironmentFailure(text) from error
    finally:
        progress.close()
