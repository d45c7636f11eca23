"""keras-tuner's oracles as a search needs them.

What differs from keras-tuner 1.4: a grid is enumerated, so it goes on after a resume and runs in parallel; hyperband
has the paper's sizes and passes over failed trials; bayesian search draws from (seed, trial) and nothing twice.
"""

import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from keras_tuner import oracles
from keras_tuner.engine.trial import Trial

from lstmzoo.sweep.scheduler.oracle import COMPLETED, FAILED, LENGTH, RUNNING, STOPPED, DurableOracle, carried
from lstmzoo.sweep.space.dimensions import combinations
from lstmzoo.sweep.space.hyperband import last_bracket, lengths, sizes
from lstmzoo.sweep.space.search import Search


class Random(DurableOracle, oracles.RandomSearchOracle):
    """Independent draws: a function of the seed alone."""


class Grid(DurableOracle):
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


class Bayesian(DurableOracle, oracles.BayesianOptimizationOracle):
    """A Gaussian process over the trials so far; for one worker a function of the seed and their scores."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """What promises most; a random draw where that was tried before."""
        self._random_state = np.random.RandomState((self.seed + int(trial_id)) % 2**32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's on convergence
            found: dict[str, Any] = super().populate_space(trial_id)
        if found["status"] == RUNNING and self._duplicate(carried(found["values"])):
            found = self._random_populate_space()
        return found


class Hyperband(DurableOracle, oracles.HyperbandOracle):
    """Many short runs, of which the best go on; in brackets of the paper's sizes."""

    hyperband_iterations: int
    is_dry = False  # the space is small, and no values are left to begin with

    def set_state(self, state: dict[str, Any]) -> None:
        """As it was; but there may be more passes now."""
        super().set_state({**state, "hyperband_iterations": self.hyperband_iterations})

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
            if found := self._begun(trial_id, bracket):
                return found
            if promoted := self._promoted(trial_id, bracket):
                return promoted
        if self.is_dry or (self._current_bracket == 0 and self._current_iteration + 1 == self.hyperband_iterations):
            return {"status": STOPPED}
        self._increment_bracket_num()
        self._start_new_bracket()
        return self.populate_space(trial_id)

    def _begun(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any] | None:
        """A new run of a bracket that has room for it, as long as there are values that were not tried."""
        if self.is_dry or len(bracket["rounds"][0]) >= self._get_size(bracket["bracket_num"], 0):
            return None
        found = dict(self._random_trial(trial_id, bracket))
        self.is_dry = found["status"] != RUNNING
        return None if self.is_dry else found

    def _promoted(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any] | None:
        """The best run of a round that is sure to be among those that go on, if there is one."""
        number, rounds = bracket["bracket_num"], bracket["rounds"]
        there = len(rounds[0]) if self.is_dry else self._get_size(number, 0)
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


def make_oracle(search: Search, path: Path) -> DurableOracle:
    """The oracle of a search, which goes on from its file if there is one."""
    spec = search.spec.search
    if spec.kind == "hyperband":
        most = search.length[1] // spec.smallest
        once = sum(rounds[0] for rounds in sizes(most, spec.factor))
        passes = max(1, (spec.trials or once) // once)
        oracle: DurableOracle = Hyperband(
            search, path, max_epochs=most, factor=spec.factor, hyperband_iterations=passes
        )
    else:
        oracle = {"random": Random, "grid": Grid, "bayesian": Bayesian}[spec.kind](search, path)
    oracle.max_trials = float("inf") if spec.kind == "hyperband" else search.trials
    if path.exists():
        oracle.reload()
    return oracle
