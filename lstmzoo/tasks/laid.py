"""Segments in lanes, as a run trains and validates on them: the stream of their windows, and lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from lstmzoo.data.lanes import Windows
from lstmzoo.data.layout import Layout

if TYPE_CHECKING:
    import numpy as np


class Part(Protocol):
    """A part of the data, to train or to validate on: its layout, and the reader of its windows."""

    @property
    def layout(self) -> Layout:
        """Segments in lanes."""

    def windows(self, first: int, count: int) -> Windows:
        """Read `count` windows from window `first` on, or fewer where they end."""


class Laid(NamedTuple):
    """The windows of a part of the data, as a run trains or validates on them."""

    part: Part
    weights: np.ndarray | float | None = None
    """Sums of all weights in float64, a number or `[M]`, where it is validated on."""

    def windows(self, seq_length: int) -> int:
        """Count the windows."""
        return self.part.layout.windows

    def cut(self, seq_length: int, first: int, count: int) -> Windows:
        """Cut `count` windows from window `first` on, or fewer where they end."""
        return self.part.windows(first, count)

    def total(self) -> np.ndarray | float | None:
        """Return the sums of all weights."""
        return self.weights


def describe_layout(layout: Layout, steps: str) -> str:
    """Describe a layout for --plan; `steps`: what it counts, such as "rows"."""
    facts = layout.facts()
    total = facts.trained + facts.warmup + facts.without_target
    return (
        f"{total:,} {steps} in {counted(facts.pieces, 'piece')}, {counted(facts.windows, 'window')} of "
        f"[{layout.batch_size}, {layout.seq_length}] with {facts.padded:,} steps of padding; {facts.trained:,} {steps} "
        f"count (warm-up {facts.warmup:,}, no target {facts.without_target:,})"
    )


def describe_lengths(lengths: list[int], steps: str, where: str) -> str:
    """Describe segments by their lengths for --plan: "2 of 40 to 60 rows, a file each"."""
    span = f"{min(lengths):,}" if min(lengths) == max(lengths) else f"{min(lengths):,} to {max(lengths):,}"
    return f"{len(lengths):,} of {span} {steps}, {where}"


def counted(number: int, noun: str) -> str:
    """Return a number and its noun: "1 piece", "2 pieces"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
