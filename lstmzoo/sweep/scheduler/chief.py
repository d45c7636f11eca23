"""The chief of a search: hands out trials, takes them back from workers that vanish, scores and keeps them."""

import threading
import time
from contextlib import suppress
from typing import Any

from lstmzoo.errors import ConfigError
from lstmzoo.sweep.directory import SweepDirectory, run_name
from lstmzoo.sweep.results.measured import Measured
from lstmzoo.sweep.results.trials import TrialResult
from lstmzoo.sweep.scheduler.oracle import COMPLETED, FAILED, LENGTH, RUN, RUNNING, STOPPED, WAITING
from lstmzoo.sweep.scheduler.oracles import make_oracle
from lstmzoo.sweep.space.dimensions import Values
from lstmzoo.sweep.space.search import Search

STATUS = {RUNNING: "running", WAITING: "waiting", COMPLETED: "completed", FAILED: "failed"}
FOR_GOOD = ("diverged", "timed out", "impossible")  # failures that the next start does not try again


class Chief:
    """The oracle of a search, and who is at work on what; every call holds the one lock."""

    def __init__(self, search: Search, directory: SweepDirectory):
        self.search, self.directory, self.lock = search, directory, threading.RLock()
        self.oracle = make_oracle(search, directory.oracle)
        self.seen = dict.fromkeys(self.oracle.ongoing_trials, time.monotonic())
        self.oracle.is_closed = self.is_hopeless()
        self.told_to_stop = set[str]()
        self._values: dict[str, Values] = {}

    def begin(self, alone: bool) -> None:
        """A new start of the search: what failed for no reason of its own is tried again.

        `alone`: all workers of an earlier start are gone.
        """
        with self.lock:
            for name, trial in self.oracle.trials.items():
                if trial.status == FAILED and not trial.message.startswith(FOR_GOOD):
                    self.oracle.end_order.remove(name)
                    self.oracle.take_back(name)
            for name in sorted(trial.trial_id for trial in self.oracle.ongoing_trials.values()) if alone else ():
                self.oracle.take_back(name)
            self.oracle.forgiven = self._failed()
            self.oracle.is_closed = self.is_hopeless()
            self.oracle.save()

    def create_trial(self, worker: str) -> Any:
        """Hand out a trial."""
        with self.lock:
            self.seen[worker] = time.monotonic()
            trial = self.oracle.create_trial(worker)
            if trial.status == STOPPED:
                self.told_to_stop.add(worker)
            return trial

    def still_has(self, worker: str, trial_id: str) -> bool:
        """A sign of life of a worker: whether the trial is its own."""
        with self.lock:
            self.seen[worker] = time.monotonic()
            trial = self.oracle.ongoing_trials.get(worker)
            is_ours = trial is not None and trial.trial_id == trial_id
            if is_ours and self.oracle.is_closed:  # it will go on when the search does
                self.oracle.take_back(trial_id)
            return is_ours and not self.oracle.is_closed

    def end_trial(self, worker: str, trial_id: str, reason: str) -> None:
        """Score a trial by what its runs have written; a failure counts only if the worker still has the trial."""
        with self.lock:
            if reason and not self.still_has(worker, trial_id):
                return
            number = self.oracle.trials[trial_id].hyperparameters.values[RUN]
            score = None if reason else self._score(number)
            if score is None:
                reason = reason or f"impossible: no {self.search.objective.name} was measured"
            self.oracle.end(trial_id, score, reason)
            self.oracle.is_closed = self.oracle.is_closed or self.is_hopeless()

    def miss(self, slept: float) -> None:
        """Give the trials of workers that are silent for too long to others; while the chief slept nobody was heard."""
        with self.lock:
            self.seen = {worker: when + slept for worker, when in self.seen.items()}
            for worker, trial in list(self.oracle.ongoing_trials.items()):
                if time.monotonic() - self.seen.get(worker, 0) > self.search.spec.worker_timeout:
                    self.oracle.take_back(trial.trial_id)

    def is_hopeless(self) -> bool:
        """Whether more trials have failed since the start than may."""
        return self._failed() - self.oracle.forgiven > self.search.spec.max_failed * self.search.trials

    def is_over(self) -> bool:
        """Whether all is done, and all workers that are still there know it."""
        with self.lock:
            if not self.oracle.is_done():
                return False
            waits = [w for w, when in self.seen.items() if time.monotonic() - when < 2 and w not in self.told_to_stop]
            return not waits

    def trials(self) -> list[TrialResult]:
        """The runs so far, in the order in which they began."""
        with self.lock:
            found: dict[int, TrialResult] = {}
            for name in self.oracle.start_order:
                trial = self.oracle.trials[name]
                number, status = trial.hyperparameters.values[RUN], STATUS[trial.status]
                values = self._values.setdefault(name, {}) or self._shown(name, trial.hyperparameters.values)
                found[number] = TrialResult(run_name(number), status, trial.message or "", values, trial.score)
            return list(found.values())

    def _shown(self, name: str, raw: dict[str, Any]) -> Values:
        values = self.search.decoded(raw)
        with suppress(ConfigError):  # then the trial will fail, and its row says why
            values = dict(self.search.shown(values))
        if LENGTH in raw:
            values[f"train.{self.search.length[0]}"] = raw[LENGTH] * self.search.spec.search.smallest
        self._values[name] = values
        return values

    def _failed(self) -> int:
        return sum(trial.status == FAILED for trial in self.oracle.trials.values())

    def _score(self, number: int) -> float | None:
        """The mean of the best values of a trial's runs."""
        runs = (self.directory.run(number, repeat) for repeat in range(self.search.spec.search.repeats))
        values = [Measured(run, self.search.objective).look().best for run in runs]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if len(known) == len(values) else None
