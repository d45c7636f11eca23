"""The chief of a search: it hands out trials, takes them back from workers that vanish, scores and saves them."""

import math
import threading
import time
from contextlib import suppress
from typing import Any

from lstmzoo.errors import ConfigError, InputError, shown
from lstmzoo.sweep.directory import SweepDirectory, run_name
from lstmzoo.sweep.results.measured import Measured
from lstmzoo.sweep.results.trials import TrialResult
from lstmzoo.sweep.scheduler.oracles import make_oracle
from lstmzoo.sweep.space.dimensions import Values
from lstmzoo.sweep.space.search import Search
from lstmzoo.sweep.state import COMPLETED, FAILED, LENGTH, RUN, RUNNING, STOPPED, WAITING

STATUS = {RUNNING: "running", WAITING: "waiting", COMPLETED: "completed", FAILED: "failed"}
FOR_GOOD = ("diverged", "timed out", "impossible")  # reasons of failures that the next start does not try again


class Chief:
    """The oracle of a search, and the last sign of life of each worker; every call holds the one lock."""

    def __init__(self, search: Search, directory: SweepDirectory):
        self.search, self.directory, self.lock = search, directory, threading.RLock()
        self.oracle = make_oracle(search, directory.oracle)
        self.seen = dict.fromkeys(self.oracle.ongoing_trials, time.monotonic())
        self.oracle.is_closed = self.is_hopeless()
        self.dismissed = set[str]()
        self._values: dict[str, Values] = {}

    def begin(self, alone: bool) -> None:
        """Start the search, or go on: trials whose failure may have been the machine's fault are tried again.

        `alone`: all workers of an earlier start are gone, so their trials are free.
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
        """Hand out a trial to a worker."""
        with self.lock:
            self.seen[worker] = time.monotonic()
            trial = self.oracle.create_trial(worker)
            if trial.status == STOPPED:
                self.dismissed.add(worker)
            return trial

    def still_has(self, worker: str, trial_id: str) -> bool:
        """Note a sign of life of a worker, and tell whether it still has the trial."""
        with self.lock:
            self.seen[worker] = time.monotonic()
            trial = self.oracle.ongoing_trials.get(worker)
            is_ours = trial is not None and trial.trial_id == trial_id
            if is_ours and self.oracle.is_closed:  # it goes on at the next start of the search
                self.oracle.take_back(trial_id)
            return is_ours and not self.oracle.is_closed

    def end_trial(self, worker: str, trial_id: str, reason: str) -> None:
        """Score a trial from the files of its runs; a failure counts only if the worker still has the trial.

        Raises `InputError` for a trial that there is not.
        """
        with self.lock:
            if trial_id not in self.oracle.trials:
                raise InputError(f"expected a trial of this search, received {shown(trial_id)}")
            number = self.oracle.trials[trial_id].hyperparameters.values[RUN]
            score = None if reason else self._score(number)
            if score is None:
                if not self.still_has(worker, trial_id):
                    return
                reason = reason or f"impossible: no {self.search.objective.name} was measured"
            self.oracle.end(trial_id, score, reason)
            self.oracle.is_closed = self.oracle.is_closed or self.is_hopeless()

    def miss(self, slept: float) -> None:
        """Take back the trials of workers that have been silent for too long, so that others get them.

        `slept`: seconds in which the chief itself was suspended; no worker could reach it then, so they do not count.
        """
        with self.lock:
            self.seen = {worker: when + slept for worker, when in self.seen.items()}
            for worker, trial in list(self.oracle.ongoing_trials.items()):
                if time.monotonic() - self.seen.get(worker, 0) > self.search.spec.worker_timeout:
                    self.oracle.take_back(trial.trial_id)

    def is_hopeless(self) -> bool:
        """Tell whether more trials have failed since the start than `max_failed` allows."""
        return self._failed() - self.oracle.forgiven > self.search.spec.max_failed * self.search.trials

    def is_over(self) -> bool:
        """Tell whether all trials are done, and no worker is left that does not know it.

        A worker that called in the last 2 seconds will ask for a trial again: the chief must still be there to answer.
        """
        with self.lock:
            if not self.oracle.is_done():
                return False
            waits = [w for w, when in self.seen.items() if time.monotonic() - when < 2 and w not in self.dismissed]
            return not waits

    def trials(self) -> list[TrialResult]:
        """Return the runs so far, in the order of their start; the hyperband trials of one run are one row."""
        with self.lock:
            by_run: dict[int, TrialResult] = {}
            for name in self.oracle.start_order:
                trial = self.oracle.trials[name]
                number, status = trial.hyperparameters.values[RUN], STATUS[trial.status]
                values = self._values.setdefault(name, {}) or self._shown(name, trial.hyperparameters.values)
                by_run[number] = TrialResult(run_name(number), status, trial.message or "", values, trial.score)
            return list(by_run.values())

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
        """Return the mean of the best values of a trial's runs; None if one of them has none."""
        runs = (self.directory.run(number, repeat) for repeat in range(self.search.spec.search.repeats))
        values = [Measured(run, self.search.objective).look().best for run in runs]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        mean = sum(known) / len(known)
        return mean if math.isfinite(mean) else sum(value / len(known) for value in known)  # losses of 1e308
