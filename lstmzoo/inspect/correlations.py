"""Correlations of cells with features, and how often gates are open or closed: sums over pieces of a text. NumPy only.

The shares of gates below 0.1 and above 0.9 are those of Karpathy, Johnson and Li (2015), "Visualizing and Understanding
Recurrent Networks".
"""

from collections.abc import Sequence

import numpy as np

from lstmzoo.inspect.features import Feature

CLOSED, OPEN = 0.1, 0.9
LEAST = 0.5  # a correlation below it names no cell


class Correlations:
    """Pearson correlations of F features with H cells, from pieces of N steps; each over the steps it knows."""

    def __init__(self, features: Sequence[Feature], units: int):
        values = np.stack([feature.values for feature in features]).astype(np.float64)
        known = np.isfinite(values)
        means = np.where(known, values, 0).sum(1, keepdims=True) / np.maximum(known.sum(1, keepdims=True), 1)
        self.features = np.where(known, values - means, 0)  # [F, N]
        self.known = np.append(known, np.ones((1, known.shape[1])), 0)  # [F + 1, N]; the last row is of all steps
        self.products = np.zeros((len(features), units))
        self.sums, self.squares = np.zeros((2, len(self.known), units))

    def add(self, first: int, values: np.ndarray) -> None:
        """Take the values `[n, H]` of steps from `first` on."""
        part, values = slice(first, first + len(values)), values.astype(np.float64)
        self.products += self.features[:, part] @ values
        self.sums += self.known[:, part] @ values
        self.squares += self.known[:, part] @ np.square(values)

    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        counts = np.maximum(self.known.sum(1, keepdims=True), 1)
        means = self.sums / counts
        deviations = np.sqrt(np.maximum(self.squares / counts - np.square(means), 0))
        return means, np.where(deviations > 1e-7 * np.abs(means), deviations, 0)  # below that it is rounding

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of each cell over all steps, `[H]` each."""
        means, deviations = self._moments()
        return means[-1], deviations[-1]

    def found(self) -> np.ndarray:
        """Return the correlations `[F, H]`, from -1 to 1; 0 where a feature or a cell is the same everywhere."""
        counts = self.known[:-1].sum(1, keepdims=True)
        spread = np.sqrt(np.square(self.features).sum(1, keepdims=True) * counts) * self._moments()[1][:-1]
        known = spread > 1e-9 * counts
        return np.where(known, self.products / np.where(known, spread, 1), 0)


class Saturation:
    """Shares of steps at which gates of H cells are closed and open."""

    def __init__(self, units: int):
        self.counts, self.steps = {gate: np.zeros((2, units), int) for gate in "ifo"}, 0

    def add(self, piece: dict[str, np.ndarray]) -> None:
        """Take the gates `[n, H]` of a piece, by name."""
        for gate, counts in self.counts.items():
            counts += (piece[gate] < CLOSED).sum(0), (piece[gate] > OPEN).sum(0)
        self.steps += len(piece["i"])

    def shares(self) -> dict[str, np.ndarray]:
        """Return the shares `[2, H]` of steps below 0.1 and above 0.9, by gate: i, f, o."""
        return {gate: counts / max(self.steps, 1) for gate, counts in self.counts.items()}
