"""The runs that workers ask for: each in its own process, started again if it is killed, stopped if it is late."""

import signal
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lstmzoo.config.experiment import Experiment
from lstmzoo.runs.checkpoint import checkpoint_steps
from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.scheduler.processes import Started, start, trial
from lstmzoo.system.terminal import duration

TRIES = 3  # kills in a row without a new checkpoint, after which a run has failed
GRACE = 20.0  # seconds to write a checkpoint
LONGEST_LOOK = 5.0  # seconds between two looks of a command that is awake


class Attempt(NamedTuple):
    """A run in its process, started for one worker."""

    ticket: str
    """The ticket with which the worker has asked for it."""
    name: str
    experiment: Experiment
    started: Started
    since: float
    """The time of its first start here, in seconds of the monotonic clock."""
    kills: int = 0
    """The number of kills in a row without a new checkpoint."""
    step: int = 0
    """The step of the last checkpoint at its last start."""
    stopped: float | None = None
    """The time of the request to stop; None: it was not asked."""
    why: str = ""


class Attempts:
    """The attempts of all workers on this machine; each worker has at most one at a time."""

    def __init__(self, directory: SweepDirectory, train: str, timeout: float | None, gpus: Mapping[str, str | None]):
        self.directory, self.train, self.timeout = directory, train, timeout
        self.gpus = gpus
        self.running: dict[str, Attempt] = {}
        self.looked = time.monotonic()

    def begin(self, worker: str, ticket: str, name: str, experiment: Experiment) -> None:
        """Start a run for a worker; if the same run still goes on for an earlier worker of that name, hand it over."""
        before = self.running.get(worker)
        if before is not None:
            if before.stopped is None and (before.name, before.experiment) == (name, experiment):
                self.running[worker] = before._replace(ticket=ticket)
                return
            before.started.kill()
        step, started = self._last_step(name), self._start(worker, name, experiment)
        self.running[worker] = Attempt(ticket, name, experiment, started, time.monotonic(), step=step)

    def stop(self, worker: str, why: str = "stopped") -> None:
        """Ask a worker's run, if there is one, to write its checkpoint and end."""
        attempt = self.running.get(worker)
        if attempt is not None and attempt.stopped is None:
            attempt.started.process.terminate()
            self.running[worker] = attempt._replace(stopped=time.monotonic(), why=why)

    def stop_all(self) -> None:
        """Ask all runs to write their checkpoints and end; kill those that still run after GRACE seconds."""
        for worker in self.running:
            self.stop(worker)
        until = time.monotonic() + GRACE
        for attempt in self.running.values():
            attempt.started.process.join(max(0, until - time.monotonic()))
        self.kill_all()

    def kill_all(self) -> None:
        """Kill all runs."""
        for attempt in self.running.values():
            attempt.started.kill()
        self.running = {}

    def ended(self) -> Iterator[tuple[str, str, str]]:
        """Yield worker, ticket and reason of each run that has ended; the reason is empty if it has not failed.

        A killed run is started again, and a late one is stopped, on the way.
        """
        self._forget_pauses()
        for worker, attempt in list(self.running.items()):
            if attempt.started.process.is_alive():
                self._check_time(worker, attempt)
                continue
            reason = self._reason(attempt)
            if reason is None:
                self.running[worker] = self._again(worker, attempt)
            else:
                del self.running[worker]
                yield worker, attempt.ticket, reason

    def _forget_pauses(self) -> None:
        """Take the time in which this process was suspended off all runs, since they were suspended with it."""
        now = time.monotonic()
        slept = max(0.0, now - self.looked - LONGEST_LOOK)
        self.running = {worker: each._replace(since=each.since + slept) for worker, each in self.running.items()}
        self.looked = now

    def _again(self, worker: str, attempt: Attempt) -> Attempt:
        """Start a killed run again, and count its kills since its last checkpoint."""
        step = self._last_step(attempt.name)
        kills = attempt.kills + 1 if step == attempt.step else 0
        return attempt._replace(started=self._start(worker, attempt.name, attempt.experiment), kills=kills, step=step)

    def _start(self, worker: str, name: str, experiment: Experiment) -> Started:
        run_dir, log = self.directory.path / name, self.directory.log(name)
        return start(trial, self.gpus[worker], self.train, experiment, run_dir, log)

    def _last_step(self, name: str) -> int:
        """Return the step of a run's last checkpoint, 0 without one."""
        run_dir = self.directory.path / name
        return max(checkpoint_steps(run_dir / "checkpoints"), default=0) if run_dir.is_dir() else 0

    def _check_time(self, worker: str, attempt: Attempt) -> None:
        now = time.monotonic()
        if attempt.stopped is not None:
            if now - attempt.stopped > GRACE:
                attempt.started.process.kill()
        elif self.timeout is not None and now - attempt.since > self.timeout:
            self.stop(worker, f"timed out: it took more than {duration(self.timeout)} (trial_timeout)")

    def _reason(self, attempt: Attempt) -> str | None:
        """Return why a run failed: an empty text if it did not, None if it is to be started again."""
        said = str(next(attempt.started.received(), "")).strip()
        attempt.started.process.join()
        status = attempt.started.process.exitcode
        if status == 0:
            return ""
        if attempt.stopped is not None:
            return attempt.why
        if 0 < status < 128:
            return f"diverged: {said}" if status == 3 else said or f"its process ended with status {status}"
        if attempt.kills + 1 < TRIES:
            return None
        name = _signal_name(-status if status < 0 else status - 128)
        return f"killed by {name} {TRIES} times in a row without a new checkpoint (probably out of memory)"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
