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
    """Pearson correlations of F features with H cells, from pieces of N steps; those that lack a value do not count."""

    def __init__(self, features: Sequence[Feature], units: int):
        values = np.stack([feature.values for feature in features]).astype(np.float64)
        self.known = np.isfinite(values.sum(0))
        count = max(int(self.known.sum()), 1)
        self.features = np.where(self.known, values - values[:, self.known].sum(1, keepdims=True) / count, 0)  # [F, N]
        self.products = np.zeros((len(features), units))
        self.sums, self.squares = np.zeros(units), np.zeros(units)

    def add(self, first: int, values: np.ndarray) -> None:
        """Take the values `[n, H]` of steps from `first` on."""
        part = slice(first, first + len(values))
        values = values.astype(np.float64) * self.known[part, None]
        self.products += self.features[:, part] @ values
        self.sums += values.sum(0)
        self.squares += np.square(values).sum(0)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of each cell, `[H]` each."""
        count = max(int(self.known.sum()), 1)
        mean = self.sums / count
        return mean, np.sqrt(np.maximum(self.squares / count - np.square(mean), 0))

    def found(self) -> np.ndarray:
        """Return the correlations `[F, H]`, from -1 to 1; 0 where a feature or a cell is the same everywhere."""
        count = int(self.known.sum())
        spread = np.outer(np.sqrt(np.square(self.features).sum(1)), self.moments()[1] * count**0.5)
        known = spread > 1e-9 * count
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
