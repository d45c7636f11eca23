"""The saved state of a search, oracle.json: read strictly, since the next start goes on from what it says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lstmzoo.errors import InputError
from lstmzoo.sweep.space.dimensions import Dimension
from lstmzoo.sweep.space.hyperband import last_bracket, sizes
from lstmzoo.sweep.space.search import Search
from lstmzoo.system.reader import read_file

RUN, LENGTH = "tuner/run", "tuner/epochs"  # the number of a trial's run; hyperband: the run's length after the trial
ROUND = "tuner/round"
RUNNING, WAITING, COMPLETED, FAILED, IDLE, STOPPED = "RUNNING", "INVALID", "COMPLETED", "FAILED", "IDLE", "STOPPED"

Whole = Annotated[int, Field(ge=0, lt=2**63)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class SavedTrial(_Part):
    """One trial."""

    name: str
    status: Literal["RUNNING", "INVALID", "COMPLETED", "FAILED"]
    reason: str | None
    score: float | None
    values: dict[str, int | float | str | None]
    """An oracle's numbers by path, and keras-tuner's own, whose names begin with `tuner/`."""


class Member(_Part):
    """A trial of a round of hyperband, and the trial that it goes on from."""

    past_id: str | None
    id: str


class Bracket(_Part):
    """A bracket of hyperband."""

    bracket_num: Whole
    rounds: list[list[Member]]


class State(_Part):
    """The part of the file that is read; all else follows from it and from the sweep."""

    trials: list[SavedTrial]
    ongoing_trials: dict[str, str]
    """The name of the trial that each worker has."""
    end_order: list[str]
    retry_queue: list[str]
    seed_state: Whole
    forgiven: Whole
    brackets: list[Bracket] | None = None
    current_bracket: Whole = 0
    current_iteration: Whole = 0

    def ended(self) -> int:
        """Count the trials that have ended."""
        return sum(trial.status in (COMPLETED, FAILED) for trial in self.trials)


def read_state(path: Path, search: Search) -> State | None:
    """Read the state of a search; None if there is none yet, `InputError` for one that this search cannot have."""
    try:
        state = State.model_validate(json.loads(read_file(path)))
        problem = next(_problems(state, search), None)
    except FileNotFoundError:
        return None
    except ValidationError as error:
        problem = f"{'.'.join(map(str, error.errors()[0]['loc'])) or 'the whole'} is missing or wrong"
    except (ValueError, RecursionError):
        problem = "it is not JSON"
    if problem is None:
        return state
    raise InputError(
        f"expected a search's oracle.json of this version, received {path}, which is not one ({problem[:200]}): "
        "restore it, or start a new search with another --dir"
    )


def _problems(state: State, search: Search) -> Iterator[str]:
    """Yield what cannot be in the state of this search."""
    names = [trial.name for trial in state.trials]
    if names != [f"{number:04d}" for number in range(len(names))]:
        yield "the trials are not numbered in order"
    held = {
        "ongoing_trials": ([*state.ongoing_trials.values()], [RUNNING]),
        "retry_queue": (state.retry_queue, [WAITING]),
        "end_order": (state.end_order, [COMPLETED, FAILED]),
    }
    for key, (found, statuses) in held.items():
        if sorted(found) != sorted(trial.name for trial in state.trials if trial.status in statuses):
            yield f"{key} does not hold the trials with status {' or '.join(statuses)}"
    if state.forgiven > len(names):
        yield "forgiven is more than there are trials"
    for trial in state.trials:
        if (trial.score is not None) != (trial.status == COMPLETED) or (
            trial.reason is None and trial.status == FAILED
        ):
            yield f"status, score and reason of trial {trial.name} do not fit one another"
        yield from (f"trial {trial.name}: {text}" for text in _wrong_values(trial.values, search, len(names)))
    if search.spec.search.kind == "hyperband":
        yield from _wrong_brackets(state, search)


def _wrong_values(raw: dict[str, Any], search: Search, runs: int) -> Iterator[str]:
    """Yield what cannot be among the values of a trial of this search."""
    dimensions = {each.path: each for each in search.dimensions}
    needed = {RUN: range(runs)}
    if search.length[0]:
        most = search.length[1] // search.spec.search.smallest
        needed |= {LENGTH: range(1, most + 1), ROUND: range(last_bracket(most, search.spec.search.factor) + 1)}
    for key, numbers in needed.items():
        if type(raw.get(key)) is not int or raw[key] not in numbers:
            yield f"no {key} from {numbers[0]} to {numbers[-1]}"
    for path, value in raw.items():
        if not path.startswith("tuner/") and not (path in dimensions and _is_in(dimensions[path], value)):
            yield "a value that the space does not have"
            return
    values = search.decoded(raw)
    if any(each.path not in values and each.counts(values) for each in search.dimensions):
        yield "no value at a path of the space"


def _is_in(dimension: Dimension, raw: Any) -> bool:
    """Tell whether an oracle's number means a value of the dimension."""
    if dimension.values is not None:
        return type(raw) is int and 0 <= raw < len(dimension.values)
    if dimension.is_whole:
        return type(raw) is int and dimension.low <= raw <= dimension.high
    rounding = 1e-5 * max(abs(dimension.low), abs(dimension.high))
    return isinstance(raw, int | float) and dimension.low - rounding <= raw <= dimension.high + rounding


def _wrong_brackets(state: State, search: Search) -> Iterator[str]:
    spec, reached = search.spec.search, {trial.name: trial.values.get(ROUND) for trial in state.trials}
    known = sizes(search.length[1] // spec.smallest, spec.factor)
    if state.brackets is None or state.current_bracket >= len(known):
        yield "brackets or current_bracket are not those of this hyperband search"
        return
    for bracket in state.brackets:
        number = bracket.bracket_num
        if number >= len(known) or len(bracket.rounds) != len(known[len(known) - 1 - number]):
            yield "a bracket that this hyperband search does not have"
        for done, members in enumerate(bracket.rounds):
            if any(reached.get(each.id) != done or (done and each.past_id not in reached) for each in members):
                yield "a round with trials of another one"
