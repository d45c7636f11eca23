"""Dropout masks, and resets of lanes: a function of (seed, place, step) alone, on any device and in any kernel.

They are drawn by NumPy's Philox (Salmon et al. 2011), a counter-based generator: step s of a place has its own block of
its stream, so K steps at once equal K times one. TensorFlow's stateless draws cannot be used, since XLA's Philox gives
other numbers for the same seed.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lstmzoo.models.anatomy import Anatomy

RESETS = (0, 2)  # their random numbers among those of a seed; (layer,) and (layer, 1) are those of masks
WORDS = 8  # 32-bit words that one count of Philox's counter yields


class Place(NamedTuple):
    """A place of a net where values are dropped."""

    name: str
    """The name of its masks among the arrays of a window."""
    stream: tuple[int, ...]
    """Its random numbers among those of a seed."""
    size: int
    """D, the values that a mask covers."""
    rate: float
    """The share of them that is dropped."""


def places_of(anatomy: "Anatomy") -> list[Place]:
    """List the places of a net where values are dropped: in front of layers and head, and at the h of layers."""
    parts = [*anatomy.cells, *([anatomy.head] if anatomy.head is not None else [])]
    found = [
        Place(f"in front of {layer}", (layer,), int(part.kernel.shape[0]), anatomy.dropout[layer])
        for layer, part in enumerate(parts)
    ]
    found += [
        Place(f"h of {layer}", (layer, 1), cell.units, anatomy.recurrent_dropout[layer])
        for layer, cell in enumerate(anatomy.cells)
    ]
    return [place for place in found if place.rate]


def draw_resets(seed: int, first_step: int, count: int, lanes: int, probability: float) -> np.ndarray:
    """Draw the lanes that begin the windows of `count` steps with zero state: booleans `[count, B]`, True: they do."""
    return ~draw_masks(seed, RESETS, first_step, count, (lanes, 1), probability)[..., 0]


def draw_masks(
    seed: int, stream: tuple[int, ...], first_step: int, count: int, shape: tuple[int, int], rate: float
) -> np.ndarray:
    """Draw the masks of `count` steps from `first_step` (from 0) on: booleans `[count, B, D]`, True: the value stays.

    `shape`: (B, D); `rate`: the share of values that are dropped.
    """
    size = shape[0] * shape[1]
    blocks = -(-size // WORDS)
    key = np.random.SeedSequence([seed, *stream]).generate_state(2, np.uint64)
    philox = np.random.Philox(key=key, counter=first_step * blocks)
    words = philox.random_raw(count * blocks * WORDS // 2).view(np.uint32).reshape(count, blocks * WORDS)
    return (words[:, :size] >= np.uint32(rate * 2**32)).reshape(count, *shape)
