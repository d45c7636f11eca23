"""The oracles of a search: keras-tuner's, with some differences.

In contrast to keras-tuner 1.4 a grid is enumerated, so it goes on after a resume and runs in parallel; hyperband has
the paper's sizes and leaves out failed trials; bayesian search draws from (seed, trial) and draws nothing twice.
"""

import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from keras_tuner import oracles
from keras_tuner.engine.trial import Trial

from lstmzoo.sweep.scheduler.oracle import DurableOracle, carried
from lstmzoo.sweep.space.dimensions import combinations
from lstmzoo.sweep.space.hyperband import last_bracket, lengths, sizes
from lstmzoo.sweep.space.search import Search
from lstmzoo.sweep.state import COMPLETED, FAILED, LENGTH, ROUND, RUNNING, STOPPED, read_state


class Random(DurableOracle, oracles.RandomSearchOracle):
    """Independent draws: a function of the seed alone."""


class Grid(DurableOracle):
    """All combinations in order; the number of a trial alone says which combination it has."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the combination with the trial's number."""
        dimensions = self.search.dimensions
        listed = {each.path: each.listed() or () for each in dimensions}
        values = next(islice(combinations(dimensions, listed), int(trial_id), None), None)
        if values is None:
            return {"status": STOPPED}
        raw = {each.path: each.encoded(values[each.path]) for each in dimensions if each.path in values}
        return {"status": RUNNING, "values": raw}


class Bayesian(DurableOracle, oracles.BayesianOptimizationOracle):
    """A Gaussian process over the trials so far; for one worker a function of the seed and their scores."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values that promise most; or a random draw if these were tried before, or none can be computed."""
        self._random_state = np.random.RandomState((self.seed + int(trial_id)) % 2**32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's on convergence
            try:
                answer: dict[str, Any] = super().populate_space(trial_id)
            except (ValueError, ArithmeticError):  # scores that no Gaussian process fits, such as 1e308
                return dict(self._random_populate_space())
        if answer["status"] == RUNNING and self._duplicate(carried(answer["values"])):
            answer = self._random_populate_space()
        return answer


class Hyperband(DurableOracle, oracles.HyperbandOracle):
    """Many short runs, of which the best go on to a greater length; in brackets of the paper's sizes."""

    hyperband_iterations: int
    is_dry = False  # the space is small, and all its values have been tried

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore a saved state, with the number of passes of today's config, which may be larger."""
        super().set_state({**state, "hyperband_iterations": self.hyperband_iterations})

    def _get_size(self, bracket: int, done: int) -> int:
        return sizes(self.max_epochs, self.factor)[last_bracket(self.max_epochs, self.factor) - bracket][done]

    def _get_epochs(self, bracket: int, done: int) -> int:
        return lengths(self.max_epochs, self.factor)[last_bracket(self.max_epochs, self.factor) - bracket][done]

    def _get_num_brackets(self) -> int:
        return last_bracket(self.max_epochs, self.factor) + 1

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return a new run while a bracket has room, else the best run that may go on, else one of the next bracket."""
        self._remove_completed_brackets()
        for bracket in self._brackets:
            if started := self._new_run(trial_id, bracket):
                return started
            if promoted := self._promoted(trial_id, bracket):
                return promoted
        if self.is_dry or (self._current_bracket == 0 and self._current_iteration + 1 >= self.hyperband_iterations):
            return {"status": STOPPED}
        self._increment_bracket_num()
        self._start_new_bracket()
        return self.populate_space(trial_id)

    def _new_run(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any] | None:
        """Return a new run of a bracket that has room for it; None if it is full or all values have been tried."""
        if self.is_dry or len(bracket["rounds"][0]) >= self._get_size(bracket["bracket_num"], 0):
            return None
        answer = dict(self._random_trial(trial_id, bracket))
        self.is_dry = answer["status"] != RUNNING
        return None if self.is_dry else answer

    def _promoted(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any] | None:
        """Return the best run of a round that is sure to be among those that go on; None if there is none yet.

        Of a round of 9 runs the best 3 go on, so 6 do not. As soon as 7 have ended, the best of them is sure to go on:
        the other two can at most push it to the third place. It is promoted, and 6 wait. When the 8th has ended, 7 wait
        again, and the best of them follows; and so on. So workers need not wait for the slowest run, and still the same
        runs go on in whatever order they end. A failed run leaves its round: of the 8 that remain 3 go on, the first of
        them as soon as 6 have ended.
        """
        number, rounds = bracket["bracket_num"], bracket["rounds"]
        there = len(rounds[0]) if self.is_dry else self._get_size(number, 0)
        for done in range(1, len(rounds)):
            past, taken = [self.trials[each["id"]] for each in rounds[done - 1]], {e["past_id"] for e in rounds[done]}
            there -= sum(trial.status == FAILED for trial in past)
            size = min(self._get_size(number, done), there)
            ready = [trial for trial in past if trial.status == COMPLETED and trial.trial_id not in taken]
            if len(taken) < size and len(ready) > there - size:
                return self._promotion(trial_id, self._best(ready), number, rounds[done])
            there = size
        return None

    def _best(self, trials: list[Trial]) -> Trial:
        sign = -1 if self.objective.direction == "max" else 1
        return min(trials, key=lambda trial: (sign * trial.score, trial.trial_id))

    def _promotion(self, trial_id: str, past: Trial, number: int, members: list[Any]) -> dict[str, Any]:
        members.append({"past_id": past.trial_id, "id": trial_id})
        done = past.hyperparameters.values[ROUND] + 1
        values = {ROUND: done, "tuner/trial_id": past.trial_id, LENGTH: self._get_epochs(number, done)}
        return {"status": RUNNING, "values": {**past.hyperparameters.values, **values}}


def make_oracle(search: Search, path: Path) -> DurableOracle:
    """Return the oracle of a search, which goes on from its file if there is one; `InputError` if that is forged."""
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
    if (saved := read_state(path, search)) is not None:
        oracle.reload(saved)
    return oracle
