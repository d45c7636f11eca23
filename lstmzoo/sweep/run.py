"""The start of a search, and its result."""

import errno
import os
import secrets
import socket
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from lstmzoo.errors import InputError, Interrupted, path_of, shown
from lstmzoo.runs.places import sweeps_root
from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.gpus import NONE, describe_shares, share_gpus
from lstmzoo.sweep.progress import SilentWatch, Watch, for_output
from lstmzoo.sweep.results.trials import TrialResult, best_first
from lstmzoo.sweep.scheduler.processes import ask_device
from lstmzoo.sweep.scheduler.supervisor import Supervisor
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.sweep.space.search import Search
from lstmzoo.system.addresses import check_address, resolve

_LISTENING = {
    errno.EADDRNOTAVAIL: "an address of this machine",
    errno.EAFNOSUPPORT: "an address of this machine",
    errno.EACCES: "a port above 1023 (others need special rights)",
}
LOOPBACK = "127.0.0.1:0"
TRAIN = "lstmzoo.sweep.scheduler.trial_process:train_trial"


class SweepResult(NamedTuple):
    """The result of a search."""

    directory: str
    trials: list[TrialResult]
    """The runs of all trials, best first."""
    is_hopeless: bool
    """True if it ended because too many trials had failed."""

    @property
    def best(self) -> TrialResult | None:
        """The best trial, if one has been completed."""
        return self.trials[0] if self.trials and self.trials[0].score() is not None else None


def run_sweep(
    config: Search | str | os.PathLike[str],
    dir: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    *,
    gpus: Iterable[int] | None = None,
    workers_per_gpu: int | None = None,
    verbose: bool = False,
    chief: str | None = None,
    join: str | None = None,
    watch: Watch | None = None,
    train: str = TRAIN,
) -> SweepResult:
    """Search the space of a sweep's YAML file with workers on this machine, or go on where a search stopped.

    `config`: a path, the name of one of the package's sweeps, or a loaded `Search`. `dir` holds the trials and the
    results (default: experiments/sweeps/NAME). `workers`: trials at the same time; by default `workers_per_gpu` (1) for
    each of the `gpus`, which are indices of the visible ones (default: all of them; `()`: none), and 1 without a GPU. A
    trial sees one GPU, that of its worker. `chief`: lead at this HOST:PORT, so that other machines may join;
    `join`: work for the chief at that address, in the same shared directory. `verbose` shows what the command shows,
    and in a notebook the pictures; `watch`: another receiver of the progress.
    `train`: the function, `module:name`, that trains an experiment in a run directory.

    Raises `InputError` for a sweep or a directory that cannot be used, `EnvironmentFailure` if the system fails, and
    `Interrupted` after SIGINT, SIGTERM, SIGHUP or SIGUSR1; the same call goes on.
    """
    search = config if isinstance(config, Search) else load_sweep(config)
    _check_trainer(train)
    shares = share_gpus(workers, gpus, workers_per_gpu, leads=chief is not None)
    for name, address in (("chief", chief), ("join", join)):
        check_address(name, address)
        if address is not None:
            _check_host(name, address, is_here=name == "chief")
    directory = SweepDirectory(path_of("dir", dir) if dir is not None else default_dir(search))
    watch = watch or (for_output(search, directory.path) if verbose else SilentWatch())
    supervisor = Supervisor(search, directory, train, watch, _by_worker(shares, joins=join is not None))
    try:
        if join is not None:
            directory.prepare(search)
            watch.say(f"working for the chief at {join} in {directory.path}")
            if directory.is_over(search):
                watch.say("nothing to do: the search is over")
                return SweepResult(str(directory.path), [], False)
            _say_shares(shares, watch)
            supervisor.join(join)
            supervisor.run()
        else:
            _lead(supervisor, chief, shares, watch)
    except Interrupted as error:
        ended = sum(trial.status in ("completed", "failed") for trial in supervisor.trials)
        text = f"stopped with {ended} of {search.trials} trials done; the same command goes on"
        raise Interrupted(error.exit_status - 128, text) from None
    finally:
        watch.close()
    return SweepResult(str(directory.path), best_first(supervisor.trials, search.objective), supervisor.is_hopeless)


def _by_worker(shares: list[str | None], joins: bool) -> dict[str, str | None]:
    """Return the share of each worker by its name, which is another one on each machine that joins."""
    machine = f"{socket.gethostname()}-{secrets.token_hex(4)}"  # containers share numbers of processes
    return {f"{machine if joins else 'worker'}-{number}": share for number, share in enumerate(shares)}


def _say_shares(shares: list[str | None], watch: Watch) -> None:
    """Say which GPUs are used, and if TensorFlow cannot use them; nothing where there is none to choose."""
    if any(share is not None for share in shares):
        device = "cpu" if NONE in shares else ask_device()
        watch.say(describe_shares(shares, device))


def _lead(supervisor: Supervisor, chief: str | None, shares: list[str | None], watch: Watch) -> None:
    """Run a search with a chief on this machine, while no other process may use its directory."""
    search, directory = supervisor.search, supervisor.directory
    note = directory.prepare(search).claim()
    try:
        if note:
            watch.say(note)
        watch.say(f"sweep directory: {directory.path}")
        for note in search.notes:
            watch.say(note)
        _say_shares(shares, watch)
        supervisor.lead(chief or LOOPBACK, alone=chief is None)
        supervisor.run()
    finally:
        directory.release()


def default_dir(search: Search) -> Path:
    """Return the default directory of a search."""
    return sweeps_root() / search.spec.name


def _check_trainer(train: str) -> None:
    """Raise `InputError` unless `module:name` names a module that is there."""
    module, _, name = str(train).partition(":")
    try:
        is_there = bool(module and name) and find_spec(module) is not None
    except (ImportError, ValueError):  # of the packages that it is in
        is_there = False
    if not is_there:
        raise InputError(f"train: expected module:name of a function that can be imported, received {shown(train)}")


def _check_host(name: str, address: str, is_here: bool) -> None:
    """Raise `InputError` for a host that does not exist, and for one that is not this machine, if it `is_here`."""
    family, kind, _, _, place = resolve(name, address)[0]
    if not is_here:
        return
    try:
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:  # the chief itself says that, for it waits for the directory first
            expected = _LISTENING.get(error.errno or 0, "an address that a server can use")
            received = f"{shown(address)} ({error.strerror})"
            raise InputError(f"{name}: expected {expected}, received {received}") from error
