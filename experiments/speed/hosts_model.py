"""Model of training on several hosts, from times measured on one machine.

A step of R workers takes the part of one of them and the sum of the gradients. The sum is a row of *hops*, in each of
which every worker sends a message to the next one: a gather has R - 1 hops of a whole vector (for one shard a worker),
a ring 2 (R - 1) hops of an R-th. A hop takes what it takes over loopback, and on a network a delay and the bytes more:
nothing is taken to overlap.
"""

import itertools
from typing import NamedTuple

DELAY = 0.05  # ms of a network, from one host to the next: assumed
SYMBOLS = 65


class Turn(NamedTuple):
    """One round: milliseconds of a unit by the clock and of the processor, and bytes sent."""

    wall: float
    cpu: float
    sent: float


Measured = dict[str, list[Turn]]
Found = dict[str, Measured]


def parameters(depth: int, units: int, symbols: int) -> int:
    """Number of trainable values; of two symbols one number goes in."""
    first = 1 if symbols == 2 else symbols
    layers = [4 * units * (below + units + 1) for below in (first, *[units] * (depth - 1))]
    return sum(layers) + symbols * (units + 1)


def sizes(group: str) -> tuple[int, int, int]:
    """Depth, units and symbols of a group's name: `train 2 x 128, B 50, T 50`."""
    depth, units = group.split(",")[0].removeprefix("train ").split(" x ")
    return int(depth), int(units), 2 if depth == "1" else SYMBOLS


def megabytes(count: int) -> float:
    """Of the vector of a shard: gradients and the loss."""
    return 4e-6 * (count + 1)


def hops(ring: bool, workers: int, size: float) -> tuple[int, float]:
    """Hops of a sum, and the megabytes that each worker sends in each."""
    return (2 * (workers - 1), size / workers) if ring else (workers - 1, size)


def sum_time(found: Found, ring: bool, workers: int, size: float, gbits: float | None = None, column: int = 0) -> float:
    """Milliseconds of a sum; without a network over loopback. `column`: of `Turn`."""
    count, each = hops(ring, workers, size)
    network = 0 if gbits is None else DELAY + 8 * each / gbits
    return count * (hop_time(found, ring, each, column) + network)


def hop_time(found: Found, ring: bool, size: float, column: int = 0) -> float:
    """Milliseconds of a hop over loopback: on a line between the sizes that were measured with two workers."""
    kind = "ring" if ring else "gather"
    points = []
    for name, turns in found["sum, 2 workers"].items():
        if name.startswith(kind):
            count, each = hops(ring, 2, float(name.split()[1]))
            points.append((each, least(turns, column) / count))
    low, high = next((pair for pair in itertools.pairwise(points) if size <= pair[1][0]), points[-2:])
    return low[1] + (high[1] - low[1]) * (size - low[0]) / (high[0] - low[0])


def part_time(parts: Measured, lanes: float) -> float:
    """Milliseconds of a worker's part of so many lanes; beyond 64 each takes what it takes from 32 to 64."""
    known = {int(name): least(turns) for name, turns in parts.items() if name != "alone"}
    if lanes in known:
        return known[lanes]
    return known[64] + (lanes - 64) * (known[64] - known[32]) / 32


def alone_time(parts: Measured, lanes: float) -> float:
    """Milliseconds of one process."""
    return least(parts["alone"]) * part_time(parts, lanes) / part_time(parts, 64)


def least(turns: list[Turn], column: int = 0) -> float:
    """The round that others on the machine disturbed least."""
    return min(turn[column] for turn in turns)


def speed_up(found: Found, units: int, lanes: int, workers: int, gbits: float, ring: bool) -> float:
    """How many times faster so many workers of one core are than one."""
    parts, size = found[f"lanes 2 x {units}"], megabytes(parameters(2, units, SYMBOLS))
    together = part_time(parts, lanes / workers) + sum_time(found, ring, workers, size, gbits)
    return alone_time(parts, lanes) / together
