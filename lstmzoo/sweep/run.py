"""A search from its first process to its last."""

import os
import re
import socket
from pathlib import Path
from typing import NamedTuple

from lstmzoo.errors import InputError, Interrupted
from lstmzoo.runs.places import sweeps_root
from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.progress import SilentWatch, Watch
from lstmzoo.sweep.results.trials import TrialResult, best_first
from lstmzoo.sweep.scheduler.supervisor import Supervisor
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.sweep.space.search import Search

LOOPBACK = "127.0.0.1:0"
TRAIN = "lstmzoo.sweep.scheduler.trial_process:train_trial"


class SweepResult(NamedTuple):
    """What a search has found."""

    directory: str
    trials: list[TrialResult]
    """Best first."""
    is_hopeless: bool
    """Whether it ended because too many trials had failed."""

    @property
    def best(self) -> TrialResult | None:
        """The best trial, if one has been completed."""
        return self.trials[0] if self.trials and self.trials[0].score() is not None else None


def run_sweep(
    config: Search | str | os.PathLike[str],
    dir: str | os.PathLike[str] | None = None,
    workers: int = 1,
    *,
    chief: str | None = None,
    join: str | None = None,
    watch: Watch | None = None,
    train: str = TRAIN,
) -> SweepResult:
    """Search the space of a sweep's YAML file with so many workers on this machine, or go on where a search stopped.

    `dir` holds the trials and the results (default: experiments/sweeps/NAME). `chief`: listen at this HOST:PORT, so
    that other machines may join; `join`: work for the chief at that address, in the same shared directory. `train`: the
    function, `module:name`, that trains an experiment in a run directory. Raises `InputError` for a sweep or a
    directory that cannot be used, `EnvironmentFailure` when the surroundings fail, and `Interrupted` after SIGINT or
    SIGTERM; the same call goes on.
    """
    search = config if isinstance(config, Search) else load_sweep(config)
    if workers < (0 if chief else 1):
        raise InputError(f"workers: expected 1 or more (0 beside a chief), received {workers}")
    for name, address in (("chief", chief), ("join", join)):
        check_address(name, address)
    directory, watch = SweepDirectory(Path(dir) if dir is not None else default_dir(search)), watch or SilentWatch()
    crew = Supervisor(search, directory, train, watch)
    try:
        if join is not None:
            directory.prepare(search)
            watch.say(f"working for the chief at {join} in {directory.path}")
            if directory.is_over(search.trials):
                watch.say("nothing to do: the search is over")
                return SweepResult(str(directory.path), [], False)
            crew.join(join, [f"{socket.gethostname()}-{os.getpid()}-{number}" for number in range(workers)])
            crew.run()
        else:
            _lead(crew, chief, workers, watch)
    except Interrupted as error:
        ended = sum(trial.status in ("completed", "failed") for trial in crew.trials)
        text = f"stopped with {ended} of {search.trials} trials done; the same command goes on"
        raise Interrupted(error.exit_status - 128, text) from None
    finally:
        watch.close()
    return SweepResult(str(directory.path), best_first(crew.trials, search.objective), crew.is_hopeless)


def _lead(crew: Supervisor, chief: str | None, workers: int, watch: Watch) -> None:
    directory = crew.directory.prepare(crew.search)
    directory.claim()
    try:
        watch.say(f"sweep directory: {directory.path}")
        wanted = crew.search.spec.search.trials
        if wanted is not None and wanted != crew.search.trials:
            watch.say(f"{crew.search.trials:,} trials instead of {wanted:,}: so many this search can have")
        crew.lead(chief or LOOPBACK, [f"worker-{number}" for number in range(workers)], alone=chief is None)
        crew.run()
    finally:
        directory.release()


def default_dir(search: Search) -> Path:
    """Where a search is kept unless one says otherwise."""
    return sweeps_root() / search.spec.name


def check_address(name: str, address: str | None) -> None:
    """HOST:PORT, or none; `InputError` for anything else."""
    if address is None:
        return
    port = address.rpartition(":")[2]
    if not re.fullmatch(r"([^:\s]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}", address) or not 0 < int(port) < 65536:
        raise InputError(f"{name}: expected HOST:PORT such as 127.0.0.1:5000, received {address!r}")
