"""Views: what a validation keeps for the picture of its task, in bounded memory. NumPy only.

A viewer is made for one validation, gets its windows call by call in their order, and chooses at the end what is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from lstmzoo.data.lanes import Windows
from lstmzoo.errors import InputError, did_you_mean, shown
from lstmzoo.tasks.task import Picture

SHOWN_STEPS = 45
SPAN = 256  # steps of a stretch
MOST = 2_000_000  # numbers that are kept of targets, predictions and weights
NAMES = {1: ("the only one",), 2: ("best", "worst"), 3: ("best", "median", "worst")}


class Viewer(Protocol):
    """Collector of what a picture shows of one validation of `steps` steps in each lane."""

    def __init__(self, steps: int, lanes: int): ...

    def add(self, windows: Windows, predictions: np.ndarray) -> None:
        """Take the windows of a call, and the predictions `[K, B, T]` (of M numbers `[K, B, T, M]`)."""

    def view(self, measures: Mapping[str, float]) -> Any:
        """Return what the drawing of this kind shows; `measures`: what the validation found."""


class Beginning(NamedTuple):
    """The first steps of all lanes, each part `[B, n]`."""

    inputs: np.ndarray
    targets: np.ndarray
    predictions: np.ndarray
    weights: np.ndarray


class BeginningViewer:
    """Viewer of the first SHOWN_STEPS of all lanes."""

    def __init__(self, steps: int, lanes: int):
        self.calls: list[list[np.ndarray]] = []
        self.left = SHOWN_STEPS

    def add(self, windows: Windows, predictions: np.ndarray) -> None:
        """Take what belongs to the first steps."""
        if self.left > 0:
            assert windows.weights is not None
            parts = (windows.inputs, windows.targets, predictions, windows.weights)
            self.calls.append([_in_lanes(part)[:, : self.left] for part in parts])
            self.left -= self.calls[-1][0].shape[1]

    def view(self, measures: Mapping[str, float]) -> Beginning:
        """Return the first steps."""
        return Beginning(*(np.concatenate(part, axis=1) for part in zip(*self.calls, strict=True)))


class Stretches(NamedTuple):
    """S stretches of n steps of a lane, from the best on, in scaled numbers: those of a small, median and large error.

    A lane may hold the end of one recording and the start of the next one.
    """

    names: tuple[str, ...]
    places: list[tuple[int, int]]
    """Lane and first step of each."""
    targets: np.ndarray
    """`[S, n, M]`, NaN where a target does not count."""
    predictions: np.ndarray
    begins: np.ndarray
    """`[S, n]`, true where a lane starts from zero state."""
    among: int
    """How many stretches they were chosen from."""
    measures: Mapping[str, float]


class StretchViewer:
    """Viewer of stretches of numbers: all of a validation, or where they are too many some at even distances."""

    def __init__(self, steps: int, lanes: int):
        self.span = min(SPAN, steps)
        self.a_lane, self.lanes, self.step = steps // self.span, lanes, 0
        self.kept: list[Any] = []

    def add(self, windows: Windows, predictions: np.ndarray) -> None:
        """Take what belongs to a chosen stretch."""
        begins = np.zeros(windows.inputs.shape[:3], bool)
        if windows.resets is not None:
            begins[:, :, 0] = windows.resets
        weights = np.broadcast_to(_of_each_target(windows.weights), windows.targets.shape)
        parts = [_in_lanes(part) for part in (windows.targets, predictions, weights > 0, begins)]
        if not self.kept:
            self._choose(parts)
        self._keep(parts)
        self.step += parts[0].shape[1]

    def _choose(self, parts: list[np.ndarray]) -> None:
        """Choose the stretches, lane by lane at even distances, and make room for them."""
        total, numbers = self.a_lane * self.lanes, self.span * 3 * parts[0].shape[2]
        chosen = np.arange(0, total, -(-total // max(MOST // numbers, len(NAMES))))
        self.lane, self.place = np.divmod(chosen, self.a_lane)
        self.kept = [np.zeros((len(chosen), self.span, *part.shape[2:]), part.dtype) for part in parts]

    def _keep(self, parts: list[np.ndarray]) -> None:
        first, end = self.step, self.step + parts[0].shape[1]
        for place in range(first // self.span, min(-(-end // self.span), self.a_lane)):
            here, start = np.flatnonzero(self.place == place), place * self.span
            low, high = max(start, first), min(start + self.span, end)
            for kept, part in zip(self.kept, parts, strict=True):
                kept[here, low - start : high - start] = part[self.lane[here], low - first : high - first]

    def view(self, measures: Mapping[str, float]) -> Stretches | None:
        """Return the best, the median and the worst stretch; None where no target counts in what was kept.

        A stretch with less than half of its targets is left out, unless there is no other.
        """
        targets, predictions, known, begins = self.kept
        squared = np.where(known, np.square(predictions - targets, dtype=np.float64), 0).sum((1, 2))
        counts = known.sum((1, 2))
        if not counts.any():
            return None
        (full,) = np.nonzero(counts >= min(known[0].size / 2, counts.max()))
        order = full[np.argsort(squared[full] / counts[full], kind="stable")]
        chosen = order[sorted({0, len(order) // 2, len(order) - 1})]
        places = [(int(self.lane[each]), int(self.place[each]) * self.span) for each in chosen]
        shown_targets = np.where(known[chosen], targets[chosen], np.nan)
        return Stretches(
            NAMES[len(chosen)], places, shown_targets, predictions[chosen], begins[chosen], len(order), measures
        )


VIEWERS: dict[str, type[Viewer]] = {"echo": BeginningViewer, "series": StretchViewer}  # by the kind that a task names


def find_viewer(picture: Picture | None) -> type[Viewer] | None:
    """Return the viewer of a picture, if there is one; raise `InputError` for a kind that nothing draws."""
    if picture is None:
        return None
    if picture.kind not in VIEWERS:
        received = shown(picture.kind) + did_you_mean(picture.kind, VIEWERS)
        raise InputError(f"task: expected a picture of a known kind, received {received}, or name none")
    return VIEWERS[picture.kind]


def _in_lanes(windows: np.ndarray) -> np.ndarray:
    """Return windows `[K, B, T, ...]` as lanes `[B, K * T, ...]`."""
    return np.concatenate(list(windows), axis=1)


def _of_each_target(weights: np.ndarray | None) -> np.ndarray:
    assert weights is not None
    return weights[..., None] if weights.ndim == 3 else weights
