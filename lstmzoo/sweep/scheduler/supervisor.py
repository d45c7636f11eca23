"""The processes of a search on this machine: chief, workers and trials, kept alive until it is over, ended together."""

import time
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

QUICK, MOST_QUICK = 2.0, 10  # what ends within so many seconds, so many times in a row, is not started again
LOOK = 0.15  # seconds


class ChiefStart(NamedTuple):
    """How the chief is to be started."""

    address: str
    """Where it is to listen."""
    begins: bool = True
    """Whether the search starts or goes on; false: a chief that died is replaced."""
    alone: bool = True
    """Whether no worker of an earlier start may still be there."""


class Supervisor:
    """Starts, watches, replaces and ends them; relays what workers ask for."""

    def __init__(self, search: Search, directory: SweepDirectory, train: str, watch: Watch):
        self.search, self.directory, self.watch = search, directory, watch
        self.attempts = Attempts(directory, train, search.spec.trial_timeout)
        self.chief: Started | None = None
        self.workers: dict[str, Started] = {}
        self.names: list[str] = []
        self.quick: dict[str, int] = {}
        self.trials: list[TrialResult] = []
        self.chief_start = ChiefStart("")
        self.address, self.is_over, self.is_hopeless, self.failure = "", False, False, ""

    def lead(self, address: str, names: list[str], alone: bool) -> None:
        """Start a chief that listens at an address, and workers of some names as soon as it does."""
        self.names, self.chief_start = names, ChiefStart(address, alone=alone)
        self._start_chief()

    def join(self, address: str, names: list[str]) -> None:
        """Start workers for the chief at an address."""
        self.address, self.names = address, names
        self._start_workers()

    def run(self) -> None:
        """Until the search is over; a signal stops the trials after a checkpoint, and raises `Interrupted`."""
        try:
            with StopSignals(may_leave=True) as stop:
                stop.patient = True
                while self._goes_on():
                    if stop.received is not None:
                        self.attempts.stop_all()
                        raise Interrupted(stop.received, "")
                    self._wait()
                    if stop.received is None:  # else what has ended was stopped too
                        self._look()
                    self.watch.show(self.trials)
        finally:
            self._end()
        if self.failure:
            raise EnvironmentFailure(self.failure)

    def _goes_on(self) -> bool:
        return not self.failure and bool((self.chief is not None and not self.is_over) or self.workers)

    def _wait(self) -> None:
        """For the next thing to happen, or a moment."""
        there = [*self.workers.values(), *([self.chief] if self.chief and not self.is_over else [])]
        trials = [attempt.started.process.sentinel for attempt in self.attempts.running.values()]
        wait([each.pipe for each in there] + [each.process.sentinel for each in there] + trials, timeout=LOOK)

    def _look(self) -> None:
        """See to all that has happened."""
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
        """Whether a process that died is started again: not one that dies at once, again and again."""
        each.process.join()
        self.quick[name] = self.quick.get(name, 0) + 1 if time.monotonic() - each.at < QUICK else 0
        if self.failure or self.quick[name] < MOST_QUICK:
            return not self.failure
        log = self.directory.inside / f"{name}.log"
        self.failure = f"{name} has ended {MOST_QUICK} times in a row as soon as it was started: see {log}"
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
        """Nobody is left behind."""
        self.attempts.kill_all()
        for each in (*self.workers.values(), *([self.chief] if self.chief else [])):
            self._let_go(each)
        self.workers = {}

    def _let_go(self, each: Started) -> None:
        """The chief of a search that is over ends by itself; everybody else is killed."""
        each.process.join(5 if self.is_over else 0)
        each.kill()
