"""The state of streams side by side, as arrays. No TensorFlow."""

from typing import Any, NamedTuple

import numpy as np

from lstmzoo.data.scaling import Scaling
from lstmzoo.models.facts import Facts
from lstmzoo.models.signature import StateArrays


class StreamState(NamedTuple):
    """The state of B streams side by side."""

    arrays: StateArrays
    """h0, c0, h1, ..., `[B, H]` each."""
    steps: np.ndarray
    """`[B]` int64: the steps that each lane has read."""
    last: np.ndarray
    """`[B]` int64, the last symbols; or `[B, n]` float64, rows with no value missing. Before step 1: -1, or 0."""
    outputs: np.ndarray
    """`[B, K, V]`: logits in float32, or numbers in float64, of the last K steps; zeros where a lane has read fewer."""
    seed: tuple[int, ...] = ()
    """The seed of the random stream that symbols were drawn with; empty: none was drawn."""
    draws: int = 0
    """The numbers that were taken from it for each lane."""

    @property
    def lanes(self) -> int:
        """B."""
        return len(self.steps)

    def reset(self, lanes: Any) -> "StreamState":
        """Return a state in which some lanes (an index of NumPy) have read nothing."""

        def emptied(part: np.ndarray, value: int = 0) -> np.ndarray:
            part = part.copy()
            part[lanes] = value
            return part

        last = emptied(self.last, -1 if self.last.ndim == 1 else 0)
        return self._replace(
            arrays=[*map(emptied, self.arrays)], steps=emptied(self.steps), last=last, outputs=emptied(self.outputs)
        )


def zero_state(facts: Facts, lanes: int, row: int | None = None) -> StreamState:
    """Return the state of lanes that have read nothing; `row`: the size of a row, None for symbols."""
    signature = facts.signature
    last = np.full(lanes, -1, np.int64) if row is None else np.zeros((lanes, row))
    kind = np.float64 if signature.numbers else np.float32
    outputs = np.zeros((lanes, facts.kept, signature.output_dim), kind)
    return StreamState(signature.zero_states(lanes), np.zeros(lanes, np.int64), last, outputs)


def row_size(facts: Facts, scaling: Scaling | None) -> int | None:
    """Return the size of a row of what goes in; None for symbols."""
    if facts.signature.encoding != "features":
        return None
    return facts.signature.input_dim if scaling is None else len(scaling.inputs)
