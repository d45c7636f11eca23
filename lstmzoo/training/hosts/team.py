"""The workers of a run as its trainer sees them: what all must decide alike is decided here, in one place.

Each decision is a collective operation, which all reach after the same call: so it is asked at the same places on each
worker, and never by one of them alone.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
from typing_extensions import Self

from lstmzoo.errors import EnvironmentFailure
from lstmzoo.execution.replicas import ALONE, Replicas
from lstmzoo.training.hosts.meeting import name_of
from lstmzoo.training.hosts.peers import Peers


class Team:
    """The collective operations and the peers of one run; the default is a run of one process."""

    def __init__(self, replicas: Replicas = ALONE, peers: Peers | None = None):
        self.replicas, self.peers = replicas, peers or Peers()
        self.leads = replicas.index == 0

    @classmethod
    def connected(cls, peers: Peers, ring: bool) -> Self:
        """Start TensorFlow's cluster with the peers, before its context exists; nothing without any."""
        replicas = Replicas(peers.hosts, peers.index, ring)
        with peers.all_ready():
            replicas.connect()
        return cls(replicas, peers)

    def stopped(self, received: int | None) -> int | None:
        """Return the signal that stops the run on all workers, if any of them has received one."""
        if self.replicas.count == 1:
            return received
        signum = int(self.replicas.agree(received or 0).max())
        if signum:
            self.peers.note_agreed()
        return signum or None

    def clock(self, seconds: float) -> float:
        """Return the leader's seconds: time budgets and schedules go by one clock."""
        return seconds if self.replicas.count == 1 else float(self.replicas.agree(seconds)[0, 0])

    def check_alike(self, tensors: Mapping[str, np.ndarray], place: str) -> None:
        """Raise `EnvironmentFailure` unless weights, slots and states are the same bits on all workers."""
        if self.replicas.count == 1:
            return
        digest = hashlib.sha256()
        for value in tensors.values():
            digest.update(np.ascontiguousarray(value).tobytes())
        found = self.replicas.digests(int.from_bytes(digest.digest()[:8], "little") >> 1)
        usual = max(found, key=lambda each: (np.count_nonzero(found == each), each == found[0]))
        for index in np.flatnonzero(found != usual):
            one, other = name_of(self.replicas.hosts, int(index)), int(np.argmax(found == usual))
            raise EnvironmentFailure(
                f"{one} has other weights than worker {other} after {place}: expected hosts of one kind (processor, "
                f"libraries); {self.peers.advice()}"
            )
