"""Workers of one run: the collective operations by which they exchange what they have computed.

TensorFlow's own collective operations are used, in a cluster that `MultiWorkerMirroredStrategy` begins; nothing else of
`tf.distribute`, which refuses stateful models. An operation waits for all workers, so whatever decides that one is
reached must be the same on each. An instance key stands for one shape for ever: each place of the program has its own.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lstmzoo.errors import EnvironmentFailure
from lstmzoo.execution.products import Tensor

GROUP = 7001  # the collective group of all workers
VALUES, DIGEST = 1, 2  # instance keys
KEYS = 1000  # that one part of the program takes at most


class Replicas:
    """The workers at some addresses, of which this process is number `index`; without addresses it is alone."""

    def __init__(self, hosts: Sequence[str] = (), index: int = 0, ring: bool = False):
        self.hosts, self.index, self.count = tuple(hosts), index, max(len(hosts), 1)
        self.ring = ring and self.count > 1
        self.given = 0

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

    def add(self, value: Tensor, key: int) -> Tensor:
        """Add the values of all workers, round a ring."""
        if self.count == 1:
            return value
        return tf.raw_ops.CollectiveReduceV2(
            input=value, group_size=self.count, group_key=GROUP, instance_key=key, ordering_token=[],
            merge_op="Add", final_op="Id", communication_hint="RING",
        )  # fmt: skip

    def new_keys(self) -> int:
        """Return the first of KEYS instance keys that are free; all workers ask in the same order."""
        self.given += 1
        return self.given * KEYS

    def agree(self, *values: float) -> np.ndarray:
        """Return what each worker says, `[R, n]`; always the same number of values."""
        return np.asarray(self.gather(tf.constant([values], tf.float64), VALUES))

    def digests(self, digest: int) -> np.ndarray:
        """Return the 63-bit digest of each worker, `[R]`."""
        return np.asarray(self.gather(tf.constant([digest], tf.int64), DIGEST))


ALONE = Replicas()
