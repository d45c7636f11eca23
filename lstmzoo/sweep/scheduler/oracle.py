"""The common part of a search's oracles: each trial is handed out once, taken back if its worker vanishes, and saved.

In contrast to keras-tuner's own oracles the state is one file, written atomically; failures in a row do not end a
search; and seed 0 is a seed.
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
from lstmzoo.sweep.state import COMPLETED, FAILED, IDLE, RUN, RUNNING, STOPPED, WAITING, State
from lstmzoo.system.files import write_atomically


class DurableOracle(keras_tuner.Oracle):
    """An oracle that hands out each trial once, takes it back if its worker vanishes, and saves its state in a file."""

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
        """Return the worker's own trial if it has one, else one that was taken back, else a new one."""
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
        answer: dict[str, Any] = {"status": STOPPED}
        if len(self.trials) < self.max_trials:
            answer = self.populate_space(name)
        if answer["status"] != RUNNING:
            self.is_exhausted = not self.ongoing_trials
            return self._none(STOPPED if self.is_exhausted else IDLE)
        trial = Trial(self.hyperparameters.copy(), name, RUNNING)
        trial.hyperparameters.values = {RUN: self._runs(), **carried(answer["values"])}
        self._record_values(trial)
        self.trials[name] = trial
        self.start_order.append(name)
        return trial

    def _runs(self) -> int:
        return len({trial.hyperparameters.values[RUN] for trial in self.trials.values()})

    def _compute_values_hash(self, values: dict[str, Any]) -> str:
        """Return the hash of the varied values alone."""
        return str(super()._compute_values_hash({path: values[path] for path in values if "tuner/" not in path}))

    def _none(self, status: str) -> Trial:
        """Return a trial that stands for none: IDLE if there may be one later, STOPPED if not."""
        return Trial(self.hyperparameters.copy(), "", status)

    def end(self, name: str, score: float | None, reason: str) -> None:
        """Note that a trial has ended; without a score it has failed. A second end of the same trial is ignored."""
        trial = self.trials[name]
        if trial.status in (COMPLETED, FAILED):
            return
        trial.status, trial.score, trial.message = (FAILED if score is None else COMPLETED), score, reason
        self.end_order.append(name)
        self._retry_queue = [other for other in self._retry_queue if other != name]  # its first worker was only slow
        self.take_back(name, waits=False)

    def take_back(self, name: str, waits: bool = True) -> None:
        """Take a trial from the worker that has it; if it `waits`, another worker can have it."""
        ongoing = self.ongoing_trials
        self.ongoing_trials = {worker: trial for worker, trial in ongoing.items() if trial.trial_id != name}
        if waits:
            self.trials[name].status = WAITING
            self._retry_queue.append(name)
        self.save()

    def is_done(self) -> bool:
        """Tell whether no trial runs, and none can start any more."""
        waits = bool(self._retry_queue) and not self.is_closed
        return (self.is_exhausted or self.is_closed) and not self.ongoing_trials and not waits

    def save(self) -> None:
        """Write the whole state to the file."""
        state = {**self.get_state(), "forgiven": self.forgiven}
        state["trials"] = [_as_data(trial) for trial in self.trials.values()]
        del state["hyperparameters"]
        write_atomically(self.path, json.dumps(state, allow_nan=False).encode())
        self.version += 1

    def reload(self, saved: State) -> None:
        """Restore a saved state; what follows from its trials is derived again."""
        for data in saved.trials:
            trial = Trial(self.hyperparameters.copy(), data.name, data.status, data.reason)
            trial.hyperparameters.values, trial.score = data.values, data.score
            self.trials[trial.trial_id] = trial
            self._record_values(trial)
        self.forgiven = saved.forgiven
        kept = {**saved.model_dump(exclude={"trials", "forgiven"}), "start_order": [*self.trials]}
        self.set_state({**self.get_state(), **kept})


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
    """Round values so that messages carry them unchanged: keras-tuner's messages hold numbers as float32."""
    return {path: rounded(value) if isinstance(value, float) else value for path, value in values.items()}


def _as_data(trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.trial_id,
        "status": trial.status,
        "reason": trial.message,
        "score": trial.score,
        "values": trial.hyperparameters.values,
    }
