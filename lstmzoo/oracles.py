"""keras-tuner's oracles as a search needs them: every draw repeatable, every state whole on disk, nobody's trial lost.

What differs from keras-tuner 1.4: seed 0 is a seed; a grid is enumerated, so it goes on after a resume and runs in
parallel; hyperband has the paper's sizes and passes over failed trials; bayesian search draws from (seed, trial); the
state is one file, written atomically; failures in a row do not end a search.
"""

import json
import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner import oracles
from keras_tuner.engine.hyperparameters import Float, Int
from keras_tuner.engine.trial import Trial
from keras_tuner.src.engine.conditions import Parent  # not exported

from lstmzoo.files import write_atomically
from lstmzoo.hyperband import last_bracket, lengths, sizes
from lstmzoo.search import Search
from lstmzoo.space import Dimension, combinations, rounded

RUN, LENGTH = "tuner/run", "tuner/epochs"  # which run a trial begins or goes on with; its length after it
RUNNING, WAITING, COMPLETED, FAILED, IDLE, STOPPED = "RUNNING", "INVALID", "COMPLETED", "FAILED", "IDLE", "STOPPED"


class Kept(keras_tuner.Oracle):
    """What all oracles have in common: trials are handed out once, taken back when a worker vanishes, and kept."""

    ongoing_trials: dict[str, Trial]

    def __init__(self, search: Search, path: Path, **options: Any):
        self.search, self.path = search, path
        self.is_closed, self.is_exhausted, self.forgiven = False, False, 0
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
        trial.hyperparameters.values = {RUN: self._runs(), **_carried(found["values"])}
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

    def reload(self) -> None:
        """Go on from the file."""
        state = json.loads(self.path.read_text(encoding="utf-8"))
        for data in state.pop("trials"):
            trial = Trial(self.hyperparameters.copy(), data["name"], data["status"], data["reason"])
            trial.hyperparameters.values, trial.score = data["values"], data["score"]
            self.trials[trial.trial_id] = trial
        self.forgiven = state.pop("forgiven")
        self.set_state({**state, "hyperparameters": self.hyperparameters.get_config()})


class Random(Kept, oracles.RandomSearchOracle):
    """Independent draws: a function of the seed alone."""


class Grid(Kept):
    """All combinations in order; which one is next follows from how many there were."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The combination of this number."""
        dimensions = self.search.dimensions
        listed = {each.path: each.listed() or () for each in dimensions}
        found = next(islice(combinations(dimensions, listed), int(trial_id), None), None)
        if found is None:
            return {"status": STOPPED}
        raw = {each.path: each.encoded(found[each.path]) for each in dimensions if each.path in found}
        return {"status": RUNNING, "values": raw}


class Bayesian(Kept, oracles.BayesianOptimizationOracle):
    """A Gaussian process over the trials so far; for one worker a function of the seed and their scores."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """What promises most; a random draw where that was tried before."""
        self._random_state = np.random.RandomState((self.seed + int(trial_id)) % 2**32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's on convergence
            found: dict[str, Any] = super().populate_space(trial_id)
        if found["status"] == RUNNING and self._duplicate(_carried(found["values"])):
            found = self._random_populate_space()
        return found


class Hyperband(Kept, oracles.HyperbandOracle):
    """Many short runs, of which the best go on; in brackets of the paper's sizes."""

    def _get_size(self, bracket: int, done: int) -> int:
        return sizes(self.max_epochs, self.factor)[last_bracket(self.max_epochs, self.factor) - bracket][done]

    def _get_epochs(self, bracket: int, done: int) -> int:
        return lengths(self.max_epochs, self.factor)[last_bracket(self.max_epochs, self.factor) - bracket][done]

    def _get_num_brackets(self) -> int:
        return last_bracket(self.max_epochs, self.factor) + 1

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """A new run while a bracket has room, else the best that may go on, else a run of the next bracket."""
        self._remove_completed_brackets()
        for bracket in self._brackets:
            if len(bracket["rounds"][0]) < self._get_size(bracket["bracket_num"], 0):
                return dict(self._random_trial(trial_id, bracket))
            if promoted := self._promoted(trial_id, bracket):
                return promoted
        if self._current_bracket == 0 and self._current_iteration + 1 == self.hyperband_iterations:
            return {"status": STOPPED}
        self._increment_bracket_num()
        self._start_new_bracket()
        return dict(self._random_trial(trial_id, self._brackets[-1]))

    def _promoted(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any] | None:
        """The best run of a round that is sure to be among those that go on, if there is one."""
        number, rounds = bracket["bracket_num"], bracket["rounds"]
        there = self._get_size(number, 0)
        for done in range(1, len(rounds)):
            past, taken = [self.trials[each["id"]] for each in rounds[done - 1]], {e["past_id"] for e in rounds[done]}
            there -= sum(trial.status == FAILED for trial in past)
            size = min(self._get_size(number, done), there)
            ready = [trial for trial in past if trial.status == COMPLETED and trial.trial_id not in taken]
            if len(taken) < size and len(ready) > there - size:
                return self._going_on(trial_id, self._best(ready), number, rounds[done])
            there = size
        return None

    def _best(self, trials: list[Trial]) -> Trial:
        sign = -1 if self.objective.direction == "max" else 1
        return min(trials, key=lambda trial: (sign * trial.score, trial.trial_id))

    def _going_on(self, trial_id: str, past: Trial, number: int, members: list[Any]) -> dict[str, Any]:
        members.append({"past_id": past.trial_id, "id": trial_id})
        done = past.hyperparameters.values["tuner/round"] + 1
        values = {"tuner/round": done, "tuner/trial_id": past.trial_id, LENGTH: self._get_epochs(number, done)}
        return {"status": RUNNING, "values": {**past.hyperparameters.values, **values}}


def make_oracle(search: Search, path: Path) -> Kept:
    """The oracle of a search, which goes on from its file if there is one."""
    spec = search.spec.search
    if spec.kind == "hyperband":
        most = search.length[1] // spec.smallest
        passes = search.trials // sum(rounds[0] for rounds in sizes(most, spec.factor))
        oracle: Kept = Hyperband(search, path, max_epochs=most, factor=spec.factor, hyperband_iterations=passes)
    else:
        oracle = {"random": Random, "grid": Grid, "bayesian": Bayesian}[spec.kind](search, path)
    oracle.max_trials = float("inf") if spec.kind == "hyperband" else search.trials
    if path.exists():
        oracle.reload()
    return oracle


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


def _carried(values: dict[str, Any]) -> dict[str, Any]:
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
