"""Shards of lanes: who computes which of them, and the sums over all, wherever they were computed.

The B lanes of a run are cut into S shards, fixed in its config; each of R workers computes some of them, and every
worker makes the same update. The gradients of all shards are gathered on every worker and added in the order of lanes:
the numbers depend on S, never on R (with a ring they depend on R, for each worker adds its own first).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from lstmzoo.execution.auto import cut_lanes, share_shards
from lstmzoo.execution.network import States
from lstmzoo.execution.products import Tensor
from lstmzoo.execution.replicas import Replicas

TRAIN, EVALUATE, STATES = 0, 1, 2  # instance keys, after the first one of the shards; STATES + i: state i
OF_STEPS = ("rate", "share")  # arrays without lanes
ALONG_TIME = ("x", "y", "weights")  # arrays with a time axis before that of the lanes
Windows = dict[str, Any]
"""Arrays by name: x, y and weights `[K, T, B, ...]`, resets `[K, B]`, rate and share `[K]`, masks `[K, B, D]`."""


class Shards:
    """The shards of all lanes, and those that this worker computes."""

    def __init__(self, replicas: Replicas, batch_size: int, shards: int):
        self.replicas, self.first_key = replicas, replicas.new_keys()
        self.every = cut_lanes(batch_size, shards)
        self.parts = share_shards(shards, replicas.count)
        own = self.parts[replicas.index]
        self.sizes = self.every[own.start : own.stop]
        first = sum(self.every[: own.start])
        self.lanes = slice(first, first + sum(self.sizes))
        self.is_whole = replicas.count == 1

    def own(self, states: States) -> States:
        """Return the own lanes of states `[B, H]`."""
        return states if self.is_whole else [state[self.lanes] for state in states]

    def own_windows(self, windows: Windows) -> Windows:
        """Return the own part of windows `[K, ...]`: lanes are axis 1 of resets and masks, axis 2 of the rest."""
        if self.is_whole:
            return windows
        return {
            name: part if name in OF_STEPS else part[:, :, self.lanes] if name in ALONG_TIME else part[:, self.lanes]
            for name, part in windows.items()
        }

    def cut(self, states: States, window: Windows) -> Iterator[tuple[States, Windows]]:
        """Yield states and window of each own shard: lanes are axis 1 of x, y and weights, axis 0 of the rest."""
        first = 0
        for size in self.sizes:
            lanes = slice(first, first + size)
            along = {name: (slice(None), lanes) for name in ALONG_TIME}
            yield (
                [state[lanes] for state in states],
                {name: value[along.get(name, lanes)] for name, value in window.items()},
            )
            first += size

    def placed(self, own: Tensor, all_lanes: Tensor) -> Tensor:
        """Return `[B, ...]` with the own lanes in their place."""
        if self.is_whole:
            return own
        return tf.concat([all_lanes[: self.lanes.start], own, all_lanes[self.lanes.stop :]], 0)

    def added(self, own: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Add the tensors of all shards, in the order of lanes; those of other workers come in one vector a shard."""
        if self.is_whole:
            return [tf.add_n(parts) for parts in zip(*own, strict=True)]
        vectors, shapes = [_as_vector(parts) for parts in own], [part.shape for part in own[0]]
        if self.replicas.ring:
            total = self.replicas.add(tf.add_n(vectors), self.first_key + TRAIN)
        else:
            total = tf.add_n(self._rows_of_all(vectors, TRAIN))
        parts = tf.split(total, [shape.num_elements() for shape in shapes])
        return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]

    def results_of_all(self, own: Sequence[tuple[Tensor, ...]], dtype: tf.DType) -> Sequence[tuple[Tensor, ...]]:
        """Return sums and predictions `[T, lanes, ...]` of each shard, of all workers; symbols travel as numbers."""
        if self.is_whole:
            return own
        (*sums, predictions), most = own[0], max(self.every)
        steps, _, *rest = predictions.shape
        rows = [_as_vector([*sums, tf.cast(_filled(lanes, most), dtype)]) for *sums, lanes in own]
        first = len(sums)
        return [
            (
                *(row[index] for index in range(first)),
                tf.cast(tf.reshape(row[first:], [steps, most, *rest])[:, :lanes], predictions.dtype),
            )
            for row, lanes in zip(self._rows_of_all(rows, EVALUATE), self.every, strict=True)
        ]

    def lanes_of_all(self, states: Tensor, index: int) -> Tensor:
        """Return state number `index`, `[B, H]`, of which each worker has brought its own lanes."""
        if self.is_whole:
            return states
        counts = [sum(self.every[part.start : part.stop]) for part in self.parts]
        return tf.stack(self._gathered(states[self.lanes], counts, STATES + index))

    def _rows_of_all(self, own: list[Tensor], key: int) -> list[Tensor]:
        """Return the rows `[n]` of all shards, from those of this worker's."""
        return self._gathered(tf.stack(own), [len(part) for part in self.parts], key)

    def _gathered(self, rows: Tensor, counts: list[int], key: int) -> list[Tensor]:
        """Collect different numbers of rows: an operation takes equal ones, so the shorter are padded."""
        most = max(counts)
        padding = [[0, most - counts[self.replicas.index]]] + [[0, 0]] * (len(rows.shape) - 1)
        every = self.replicas.gather(tf.pad(rows, padding), self.first_key + key)
        return [every[worker * most + row] for worker, count in enumerate(counts) for row in range(count)]


def joined(shards: Iterable[States]) -> States:
    """Join the states of some shards to those of all their lanes."""
    return [tf.concat(parts, 0) for parts in zip(*shards, strict=True)]


def _filled(lanes: Tensor, most: int) -> Tensor:
    """Return `[T, lanes, ...]` with lanes of zeros added, up to `most`."""
    return tf.pad(lanes, [[0, 0], [0, most - lanes.shape[1]], *[[0, 0]] * (len(lanes.shape) - 2)])


def _as_vector(parts: Iterable[Tensor]) -> Tensor:
    return tf.concat([tf.reshape(part, [-1]) for part in parts], 0)
