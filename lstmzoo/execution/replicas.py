"""Workers of one run: who computes which shards of the lanes, and the collective operations by which they agree.

The B lanes of a run are cut into S shards, fixed in its config; each of R workers computes some of them, and every
worker makes the same update. The gradients of all shards are gathered on every worker and added in the order of lanes:
the numbers depend on S, never on R (with `ring` they depend on R, for each worker adds its own first).

TensorFlow's own collective operations are used, in a cluster that `MultiWorkerMirroredStrategy` begins; nothing else of
`tf.distribute`, which refuses stateful models. An operation waits for all workers, so whatever decides that one is
reached must be the same on each. An instance key stands for one shape for ever: each place of the program has its own.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lstmzoo.errors import EnvironmentFailure
from lstmzoo.execution.auto import cut_lanes, share_shards
from lstmzoo.execution.kernels import Tensor

GROUP = 7001  # the collective group of all workers
VALUES, DIGEST = 1, 2  # instance keys
TRAIN, EVALUATE, STATES = 0, 1, 2  # instance keys of a share, after its first one; STATES + i: state i
KEYS = 1000  # of a share, at most


class Replicas:
    """The workers at some addresses, of which this process is number `index`; without addresses it is alone."""

    def __init__(self, hosts: Sequence[str] = (), index: int = 0, ring: bool = False):
        self.hosts, self.index, self.count = tuple(hosts), index, max(len(hosts), 1)
        self.ring = ring and self.count > 1
        self.shares = 0

    def connect(self) -> None:
        """Start the cluster, before TensorFlow's context exists; it waits until all workers have come.

        Raises `EnvironmentFailure` where TensorFlow's server cannot start.
        """
        if self.count == 1:
            return
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(self.hosts)}),
            task_type="worker",
            task_id=self.index,
            rpc_layer="grpc",
        )
        try:
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)  # kept: the cluster ends with it
        except tf.errors.OpError as error:
            reason = " ".join(str(error).split())[:200]
            raise EnvironmentFailure(f"hosts: TensorFlow's server did not start ({reason}): free the port") from error

    def gather(self, value: Tensor, key: int) -> Tensor:
        """Collect `[n, ...]` of every worker to `[R n, ...]`, in the order of workers."""
        if self.count == 1:
            return value
        return tf.raw_ops.CollectiveGatherV2(
            input=value, group_size=self.count, group_key=GROUP, instance_key=key, ordering_token=[]
        )

    def agree(self, *values: float) -> np.ndarray:
        """Return what each worker says, `[R, n]`; always the same number of values."""
        return np.asarray(self.gather(tf.constant([values], tf.float64), VALUES))

    def digests(self, digest: int) -> np.ndarray:
        """Return the 63-bit digest of each worker, `[R]`."""
        return np.asarray(self.gather(tf.constant([digest], tf.int64), DIGEST))


class Share:
    """The part of all shards that this worker computes."""

    def __init__(self, replicas: Replicas, batch_size: int, shards: int):
        replicas.shares += 1  # on each worker in the same order
        self.replicas, self.first_key = replicas, replicas.shares * KEYS
        self.every = cut_lanes(batch_size, shards)
        self.parts = share_shards(shards, replicas.count)
        own = self.parts[replicas.index]
        self.sizes = self.every[own.start : own.stop]
        first = sum(self.every[: own.start])
        self.lanes = slice(first, first + sum(self.sizes))
        self.is_whole = replicas.count == 1

    def rows_of_all(self, own: list[Tensor], key: int) -> list[Tensor]:
        """Return the rows `[n]` of all shards, from those of this worker's."""
        return own if self.is_whole else self._gathered(tf.stack(own), [len(part) for part in self.parts], key)

    def added(self, own: list[Tensor], key: int) -> Tensor:
        """Add the vectors `[n]` of all shards, in the order of lanes; a ring adds those of each worker first."""
        if not self.replicas.ring:
            return tf.add_n(self.rows_of_all(own, key))
        replicas = self.replicas
        return tf.raw_ops.CollectiveReduceV2(
            input=tf.add_n(own), group_size=replicas.count, group_key=GROUP, instance_key=self.first_key + key,
            ordering_token=[], merge_op="Add", final_op="Id", communication_hint="RING",
        )  # fmt: skip

    def lanes_of_all(self, states: Tensor, key: int) -> Tensor:
        """Return a state `[B, H]` of which each worker has brought its own lanes."""
        counts = [sum(self.every[part.start : part.stop]) for part in self.parts]
        return tf.stack(self._gathered(states[self.lanes], counts, key))

    def placed(self, own: Tensor, all_lanes: Tensor) -> Tensor:
        """Return `[B, ...]` with the own lanes in their place."""
        if self.is_whole:
            return own
        return tf.concat([all_lanes[: self.lanes.start], own, all_lanes[self.lanes.stop :]], 0)

    def _gathered(self, rows: Tensor, counts: list[int], key: int) -> list[Tensor]:
        """Collect different numbers of rows: an operation takes equal ones, so the shorter are padded."""
        most = max(counts)
        padding = [[0, most - counts[self.replicas.index]]] + [[0, 0]] * (len(rows.shape) - 1)
        every = self.replicas.gather(tf.pad(rows, padding), self.first_key + key)
        return [every[worker * most + row] for worker, count in enumerate(counts) for row in range(count)]


ALONE = Replicas()
