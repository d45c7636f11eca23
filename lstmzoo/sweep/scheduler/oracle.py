"""What all oracles of a search have in common: trials are handed out once, taken back when a worker vanishes, and kept.

The state is one file, written atomically; failures in a row do not end a search; seed 0 is a seed.
"""

import json
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.hyperparameters import Float, Int
from keras_tuner.engine.trial import Trial
from keras_tuner.src.engine.conditions import Parent  # not exported

from lstmzoo.sweep.space.dimensions import Dimension, rounded
from lstmzoo.sweep.space.search import Search
from lstmzoo.system.files import write_atomically

RUN, LENGTH = "tuner/run", "tuner/epochs"  # which run a trial begins or goes on with; its length after it
RUNNING, WAITING, COMPLETED, FAILED, IDLE, STOPPED = "RUNNING", "INVALID", "COMPLETED", "FAILED", "IDLE", "STOPPED"


class DurableOracle(keras_tuner.Oracle):
    """What all oracles have in common: trials are handed out once, taken back when a worker vanishes, and kept."""

    ongoing_trials: dict[str, Trial]
    _retry_queue: list[str]

    def __init__(self, search: Search, path: Path, **options: Any):
        self.search, self.path = search, path
        self.is_closed, self.is_exhausted, self.forgiven, self.version = False, False, 0, 0
        super().__init__(
            objective=keras_tuner.Objective(*search.objective),
            hyperparameters=_space(search.dimensions),
            seed=int(np.random.SeedSequence(search.spec.search.seed).generate_state(1)[0] >> 1) + 1,
            **options,
        )
        self._max_collisions = 10_000
        self.verbose = 0

    def create_trial(self, tuner_id: str) -> Trial:
        """The worker's own trial if it has one, else one that was given back, else a new one."""
        if tuner_id in self.ongoing_trials:
            return self.ongoing_trials[tuner_id]
        if self.is_closed:
            return self._none(STOPPED)
        if self._retry_queue:
            trial = self.trials[self._retry_queue.pop(0)]
        else:
            trial = self._new_trial()
            if trial.status != RUNNING:
                return trial
        trial.status = RUNNING
        self.ongoing_trials[tuner_id] = trial
        self.save()
        return trial

    def _new_trial(self) -> Trial:
        name = f"{len(self.trials):04d}"
        found: dict[str, Any] = {"status": STOPPED}
        if len(self.trials) < self.max_trials:
            found = self.populate_space(name)
        if found["status"] != RUNNING:
            self.is_exhausted = not self.ongoing_trials
            return self._none(STOPPED if self.is_exhausted else IDLE)
        trial = Trial(self.hyperparameters.copy(), name, RUNNING)
        trial.hyperparameters.values = {RUN: self._runs(), **carried(found["values"])}
        self._record_values(trial)
        self.trials[name] = trial
        self.start_order.append(name)
        return trial

    def _runs(self) -> int:
        return len({trial.hyperparameters.values[RUN] for trial in self.trials.values()})

    def _compute_values_hash(self, values: dict[str, Any]) -> str:
        """Of what is varied alone."""
        return str(super()._compute_values_hash({path: values[path] for path in values if "tuner/" not in path}))

    def _none(self, status: str) -> Trial:
        """No trial: there may be one later, or never."""
        return Trial(self.hyperparameters.copy(), "", status)

    def end(self, name: str, score: float | None, reason: str) -> None:
        """A trial has ended; without a score it has failed. The second time nothing happens."""
        trial = self.trials[name]
        if trial.status in (COMPLETED, FAILED):
            return
        trial.status, trial.score, trial.message = (FAILED if score is None else COMPLETED), score, reason
        self.end_order.append(name)
        self._retry_queue = [other for other in self._retry_queue if other != name]  # its first worker was only slow
        self.take_back(name, waits=False)

    def take_back(self, name: str, waits: bool = True) -> None:
        """Take a trial from whoever has it; it `waits` for another worker."""
        ongoing = self.ongoing_trials
        self.ongoing_trials = {worker: trial for worker, trial in ongoing.items() if trial.trial_id != name}
        if waits:
            self.trials[name].status = WAITING
            self._retry_queue.append(name)
        self.save()

    def is_done(self) -> bool:
        """Whether no trial is running or will ever be."""
        waits = bool(self._retry_queue) and not self.is_closed
        return (self.is_exhausted or self.is_closed) and not self.ongoing_trials and not waits

    def save(self) -> None:
        """Write all that is known to the one file."""
        state = {**self.get_state(), "forgiven": self.forgiven}
        state["trials"] = [_as_data(trial) for trial in self.trials.values()]
        del state["hyperparameters"]
        write_atomically(self.path, json.dumps(state).encode())
        self.version += 1

    def reload(self) -> None:
        """Go on from the file."""
        state = json.loads(self.path.read_text(encoding="utf-8"))
        for data in state.pop("trials"):
            trial = Trial(self.hyperparameters.copy(), data["name"], data["status"], data["reason"])
            trial.hyperparameters.values, trial.score = data["values"], data["score"]
            self.trials[trial.trial_id] = trial
        self.forgiven = state.pop("forgiven")
        self.set_state({**state, "hyperparameters": self.hyperparameters.get_config()})


def _space(dimensions: tuple[Dimension, ...]) -> keras_tuner.HyperParameters:
    space, known = keras_tuner.HyperParameters(), {each.path: each for each in dimensions}
    for each in dimensions:
        conditions = [Parent(other, [known[other].encoded(v) for v in wanted]) for other, wanted in each.when.items()]
        if each.values is not None:
            space.merge([Int(each.path, 0, len(each.values) - 1, conditions=conditions)])
        else:
            sampling = "log" if each.is_log else "linear"
            number = Int if each.is_whole else Float
            space.merge([number(each.path, each.low, each.high, sampling=sampling, conditions=conditions)])
    return space


def carried(values: dict[str, Any]) -> dict[str, Any]:
    """Values that messages carry unchanged: keras-tuner's hold numbers as float32."""
    return {path: rounded(value) if isinstance(value, float) else value for path, value in values.items()}


def _as_data(trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.trial_id,
        "status": trial.status,
        "reason": trial.message,
        "score": trial.score,
        "values": trial.hyperparameters.values,
    }
