"""States that a command goes on from and leaves: the options `--state` and `--save-state`. No TensorFlow."""

import os
from pathlib import Path
from typing import NamedTuple

from lstmzoo.errors import path_of
from lstmzoo.inference.runtimes import facts_of_run
from lstmzoo.inference.state import StreamState, row_size, zero_state
from lstmzoo.inference.state_files import check_place, load_state, save_state
from lstmzoo.models.facts import Facts
from lstmzoo.runs.trained import Trained

StateFile = str | os.PathLike[str] | None


class Restored(NamedTuple):
    """The state to go on from, and the file of the state that is left."""

    facts: Facts
    zero: StreamState
    """The state of as many lanes that have read nothing."""
    state: StreamState | None
    """None: it begins."""
    path: Path | None
    """None: no state is left."""

    @property
    def start(self) -> StreamState:
        """The state to go on from, or that of lanes that have read nothing."""
        return self.zero if self.state is None else self.state

    def save(self, state: StreamState) -> None:
        """Write the state that is left, if there is a file for it; raises as `save_state`."""
        if self.path is not None:
            save_state(self.path, state, self.facts)


def restore(trained: Trained, state: StateFile, save_state: StateFile, lanes: int = 1) -> Restored:
    """Read the state in a file, if one is named, and look at the place of the one that is left.

    Raises `InputError` for a state that is damaged or of another model, and for a place where another file is.
    """
    facts, path = facts_of_run(trained), None if save_state is None else path_of("save_state", save_state)
    if path is not None:
        check_place(path)
    zero = zero_state(facts, lanes, row_size(facts, trained.scaling))
    found = None if state is None else load_state(path_of("state", state), facts, lanes, trained.scaling)
    return Restored(facts, zero, found, path)
