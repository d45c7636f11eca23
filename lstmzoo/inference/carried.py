"""A model with its state: what it computes goes on from what it has read. No TensorFlow."""

from collections.abc import Callable, Sequence

import numpy as np

from lstmzoo.errors import InputError
from lstmzoo.inference.state import StreamState
from lstmzoo.models.signature import StateArrays

PIECE = 4096  # steps of one call, at most: they need memory for the gates of all steps
Run = Callable[[np.ndarray, Sequence[np.ndarray]], tuple[np.ndarray, StateArrays]]
"""A function as a `Runner` is one."""


class Carried:
    """A model and the state of its B lanes."""

    def __init__(self, runner: Run, state: StreamState, units: Callable[[np.ndarray], np.ndarray] | None = None):
        """Make one that goes on from a state; `units` turns outputs to what people see, such as the units of data."""
        self.runner, self.state, self.units = runner, state, units

    def read(self, x: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Return the outputs `[B, T, V]` of the next T steps, and keep the state after them.

        `x`: ids `[B, T]` or features `[B, T, D]`; `last` `[B]` or `[B, n]`: the last of them as `StreamState` has it.
        """
        states, found = self.state.arrays, []
        for first in range(0, x.shape[1], PIECE):
            outputs, states = self.runner(x[:, first : first + PIECE], states)
            found.append(outputs if self.units is None else self.units(np.asarray(outputs, np.float64)))
        if not found:
            return self.state.outputs[:, :0]
        outputs = found[0] if len(found) == 1 else np.concatenate(found, 1)
        self._require_finite(outputs)
        self._keep(states, outputs, last)
        return outputs

    def _require_finite(self, outputs: np.ndarray) -> None:
        """Raise `InputError` for outputs that are not finite; the state stays as it was."""
        finite = np.isfinite(outputs).all(-1)
        if not finite.all():
            lane, step = np.argwhere(~finite)[0].tolist()
            symbols = self.state.last.ndim == 1
            what, where = ("logits", "symbol") if symbols else ("predictions", "row")
            of_lane = f" of lane {lane}" if len(outputs) > 1 else "" if symbols else " of a recording"
            raise InputError(
                f"expected finite {what}, received NaN or infinity at {where} {self.state.steps[lane] + step + 1:,}"
                f"{of_lane}: inputs, or the model's weights, are too large"
            )

    def _keep(self, states: list[np.ndarray], outputs: np.ndarray, last: np.ndarray) -> None:
        kept = self.state.outputs.shape[1]
        tail = np.array(outputs[:, -kept:], self.state.outputs.dtype)  # copies: a caller may change what it gave or got
        last = np.array(last, self.state.last.dtype)
        if tail.shape[1] < kept:
            tail = np.concatenate([self.state.outputs[:, tail.shape[1] :], tail], 1)
        self.state = self.state._replace(
            arrays=states, steps=self.state.steps + outputs.shape[1], outputs=tail, last=last
        )
