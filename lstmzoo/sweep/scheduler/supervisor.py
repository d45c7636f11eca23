"""The supervisor of a search on this machine: it keeps chief, workers and trials alive, and ends them together."""

import time
from collections.abc import Mapping
from multiprocessing.connection import wait
from typing import NamedTuple

from lstmzoo.errors import EnvironmentFailure, Interrupted
from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.progress import Watch
from lstmzoo.sweep.results.trials import TrialResult
from lstmzoo.sweep.scheduler.attempts import Attempts
from lstmzoo.sweep.scheduler.processes import Started, chief, start, worker
from lstmzoo.sweep.space.search import Search
from lstmzoo.system.signals import StopSignals

QUICK, MOST_QUICK = 2.0, 10  # a process that ends within so many seconds, so many times in a row, stays ended
LOOK = 0.15  # seconds between two looks, at most


class ChiefStart(NamedTuple):
    """The arguments with which the chief is started."""

    address: str
    """The address at which workers reach it."""
    begins: bool = True
    """True if the search starts or goes on; False if it replaces a chief that died."""
    alone: bool = True
    """True if no worker of an earlier start can still be there."""


class Supervisor:
    """The command's side of a search: it starts, watches, replaces and ends processes, and runs trials for workers.

    `gpus`: for each worker, by its name, the CUDA_VISIBLE_DEVICES of its trials.
    """

    def __init__(
        self, search: Search, directory: SweepDirectory, train: str, watch: Watch, gpus: Mapping[str, str | None]
    ):
        self.search, self.directory, self.watch = search, directory, watch
        self.names, self.attempts = list(gpus), Attempts(directory, train, search.spec.trial_timeout, gpus)
        self.chief: Started | None = None
        self.workers: dict[str, Started] = {}
        self.quick: dict[str, int] = {}
        self.trials: list[TrialResult] = []
        self.chief_start = ChiefStart("")
        self.address, self.is_over, self.is_hopeless, self.failure = "", False, False, ""

    def lead(self, address: str, alone: bool) -> None:
        """Start a chief with an address, and the workers as soon as it answers there."""
        self.chief_start = ChiefStart(address, alone=alone)
        self._start_chief()

    def join(self, address: str) -> None:
        """Start the workers for the chief at an address."""
        self.address = address
        self._start_workers()

    def run(self) -> None:
        """Run until the search is over; a signal stops the trials after a checkpoint, and raises `Interrupted`."""
        try:
            with StopSignals(may_leave=True) as stop:
                stop.patient = True
                while self._goes_on():
                    if stop.received is not None:
                        self.attempts.stop_all()
                        raise Interrupted(stop.received, "")
                    self._wait()
                    if stop.received is None:  # else the signal has ended processes: that is no failure of theirs
                        self._look()
                    self.watch.show(self.trials)
        finally:
            self._end()
        if self.failure:
            raise EnvironmentFailure(self.failure)

    def _goes_on(self) -> bool:
        return not self.failure and bool((self.chief is not None and not self.is_over) or self.workers)

    def _wait(self) -> None:
        """Wait until a process sends a message or ends, but at most LOOK seconds."""
        there = [*self.workers.values(), *([self.chief] if self.chief and not self.is_over else [])]
        trials = [attempt.started.process.sentinel for attempt in self.attempts.running.values()]
        wait([each.pipe for each in there] + [each.process.sentinel for each in there] + trials, timeout=LOOK)

    def _look(self) -> None:
        """Handle all that has happened since the last look: first the chief, then the workers, then the trials.

        Each look asks first whether a process is alive, and reads its messages after that: so a dead process has no
        unread message, and its last one is never lost. Workers come before trials: a new worker that asks for the run
        of the one that it replaces gets that run, with its own ticket, before the end of the run is reported.
        """
        if self.chief is not None and not self.is_over:
            self._look_at_chief(self.chief)
        for name, each in list(self.workers.items()):
            self._look_at_worker(name, each)
        for name, ticket, reason in self.attempts.ended():
            if name in self.workers:
                self.workers[name].answer((ticket, reason))

    def _look_at_chief(self, each: Started) -> None:
        ended = not each.process.is_alive()
        for kind, said in each.received():
            if kind == "listening":
                self.address, self.chief_start = said, ChiefStart(said, begins=False, alone=False)
                if not self.workers:
                    self._start_workers()
            elif kind == "trials":
                self.trials = said
            elif kind == "say":
                self.watch.say(said)
            elif kind == "over":
                self.is_over, self.is_hopeless = True, said
            else:
                self.failure = said
        if ended and not self.is_over and self._may_again("chief", each):
            self._start_chief()

    def _look_at_worker(self, name: str, each: Started) -> None:
        ended = not each.process.is_alive()
        for message in each.received():
            if message[0] == "run":
                self.attempts.begin(name, *message[1:])
            elif message[0] == "failed":
                self.failure = message[1]
            else:
                self.attempts.stop(name)
        if ended:
            each.process.join()
            del self.workers[name]
            if each.process.exitcode != 0 and self._may_again(name, each):
                self._start_worker(name)

    def _may_again(self, name: str, each: Started) -> bool:
        """Tell whether a process that died is to be started again; not if it has died at once too often."""
        each.process.join()
        self.quick[name] = self.quick.get(name, 0) + 1 if time.monotonic() - each.at < QUICK else 0
        if self.failure or self.quick[name] < MOST_QUICK:
            return not self.failure
        log = self.directory.inside / f"{name}.log"
        self.failure = f"{name} has ended {MOST_QUICK} times in a row right after its start: see {log} for the cause"
        return False

    def _start_chief(self) -> None:
        self.chief = start(chief, self.search, self.directory.path, *self.chief_start)

    def _start_workers(self) -> None:
        for name in self.names:
            self._start_worker(name)

    def _start_worker(self, name: str) -> None:
        log = self.directory.inside / f"{name}.log"
        arguments = (self.search, self.address, self.directory.key, name, log)
        self.workers[name] = start(worker, *arguments)

    def _end(self) -> None:
        """End all processes, so that none is left."""
        self.attempts.kill_all()
        for each in (*self.workers.values(), *([self.chief] if self.chief else [])):
            self._end_process(each)
        self.workers = {}

    def _end_process(self, each: Started) -> None:
        """Give a process of a finished search 5 seconds to end by itself; kill it if it has not, or if it must stop."""
        each.process.join(5 if self.is_over else 0)
        each.kill()
