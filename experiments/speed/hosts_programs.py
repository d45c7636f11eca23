"""Programs of hosts.py: training alone and as one of several workers, a worker's part, and the sum of vectors alone."""

import os
import sys
import time
from collections.abc import Callable
from typing import NamedTuple


class Size(NamedTuple):
    """L layers of H units, B lanes, T steps, V symbols, and K windows a round."""

    depth: int
    units: int
    batch_size: int
    seq_length: int
    symbols: int
    windows: int


class Program(NamedTuple):
    """What is timed: training of a size, or a sum of vectors alone."""

    name: str
    size: Size | None = None
    megabytes: float = 0
    ring: bool = False
    is_part: bool = False
    """True for what one of two workers does, without the sum."""


def work(programs: list[Program], hosts: list[str], index: int) -> None:
    """Answers each number of a program on stdin with wall ms and CPU ms of a unit, and the number of units."""
    replicas = connected(hosts, index, max([1, *(program.size.units for program in programs if program.size)]))
    rounds = []
    for program in programs:
        replicas.ring = program.ring
        rounds.append(training(program, replicas) if program.size else summing(program, replicas))
        rounds[-1]()  # traces, so that the ring is in the graph
    print("ready", flush=True)
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        count = rounds[int(line)]()
        spent = (time.perf_counter() - wall, time.process_time() - cpu)
        print(*(1000 * seconds / count for seconds in spent), count, flush=True)


def connected(hosts: list[str], index: int, units: int) -> object:
    """The replicas of a team, once TensorFlow has its threads and its cluster."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    from lstmzoo.execution.auto import choose_threads
    from lstmzoo.execution.replicas import Replicas

    tf.config.threading.set_intra_op_parallelism_threads(choose_threads([units]))
    tf.config.threading.set_inter_op_parallelism_threads(choose_threads([units]))
    replicas = Replicas(hosts, index)
    replicas.connect()
    return replicas


def training(program: Program, replicas: object) -> Callable[[], int]:
    """Training as `run` does it: `auto` kernel, threads and shards, Adam, random symbols."""
    import numpy as np
    import tf_keras as keras

    import lstmzoo
    from lstmzoo.execution.auto import choose_shards, choose_threads
    from lstmzoo.execution.engine import Execution
    from lstmzoo.execution.replicas import Replicas

    size = program.size
    replicas = Replicas(["here", "elsewhere"]) if program.is_part else replicas
    layers, workers = [size.units], replicas.count
    shards = workers * choose_shards("xla", layers, size.batch_size // workers, choose_threads(layers))
    description = {"kind": "stacked_layers", "units": size.units, "depth": size.depth}
    encoding = "scalar" if size.symbols == 2 else "one_hot"
    model = lstmzoo.build_model(description, vocab_size=size.symbols, encoding=encoding, batch_size=size.batch_size)
    execution = Execution(model, keras.optimizers.Adam(2e-3), "xla", shards=shards, replicas=replicas)
    if program.is_part:
        execution.programs.shards.added = lambda own: own[0]
    x = np.random.default_rng(0).integers(0, size.symbols, (size.windows, size.batch_size, size.seq_length))
    return lambda: len(execution.train(x, np.roll(x, -1, axis=2)))


def summing(program: Program, replicas: object) -> Callable[[], int]:
    """The sum of a vector of each worker, again and again in one graph call."""
    import tensorflow as tf

    from lstmzoo.execution.shards import Shards

    shards = Shards(replicas, replicas.count, replicas.count)
    count = max(4, round(100 / (program.megabytes + 0.3)))
    vector = tf.Variable(tf.ones([max(1, round(program.megabytes * 1e6 / 4))]))

    def again(index: tf.Tensor, value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return index + 1, shards.added([[value]])[0] / replicas.count

    @tf.function(autograph=False)
    def repeated() -> tf.Tensor:
        return tf.while_loop(lambda index, _: index < count, again, [0, vector.value()])[1][0]

    def do() -> int:
        assert repeated().numpy() == 1
        return count

    return do
