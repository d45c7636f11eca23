"""Workers of one run: the numbers depend on the shards alone, not on how many workers compute them."""

import functools
import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import lstmzoo
from lstmzoo.config.optimizers import OPTIMIZERS, SECTIONS, make_optimizer
from lstmzoo.execution.auto import cut_lanes, share_shards
from lstmzoo.execution.engine import Execution
from lstmzoo.execution.replicas import ALONE, Replicas
from lstmzoo.training.snapshot import take_snapshot
from tests.helpers.cluster import Cluster

WINDOWS, LENGTH, VOCAB = 6, 4, 5
PLAIN = {"kernel": "scan", "kind": "stacked_layers", "units": [5, 4], "encoding": "one_hot", "shards": 4, "lanes": 13}
ONE = {"kind": "single", "units": 4}
DROPOUT = {"recurrent_dropout": 0.3, "input_dropout": 0.2, "output_dropout": 0.25}
SMALL = {**ONE, "lanes": 7, "shards": 3}
ROWS = {  # what differs from PLAIN
    **{name: {"optimizer": name, **SMALL} for name in OPTIMIZERS},
    "nesterov": {"optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True}, **SMALL},
    "centered": {"optimizer": {"name": "rmsprop", "centered": True, "momentum": 0.5}, **SMALL},
    "clip by global norm": {"clip": 0.01, **SMALL},
    "clip each": {"optimizer": {"name": "adam", "clipnorm": 0.01}, **SMALL},
    "dropout": {"dropout": 0.4},
    "dropout in cells": {"dropout": 0.4, **DROPOUT, "kind": "stacked_cells", "shards": 3},
    "single": {"kind": "single", "units": 6},
    "embedding": {"encoding": "embedding", "embedding_dim": 3},
    "a lane a shard": {"shards": 6, "lanes": 6, **ONE},
    "uneven": {"shards": 5, "lanes": 7, "shares": [1, 0.5, 0.3, 0.2, 0.1, 0.1]},
    "two shards": {"shards": 2, **ONE},
    "reset each window": {"carry": False, **ONE},
    "hard": {"recurrent_activation": "hard_sigmoid", **ONE},
    "xla": {"kernel": "xla", "shards": 3},
    "xla, everything": {"kernel": "xla", "dropout": 0.3, "clip": 0.01, "encoding": "embedding", "embedding_dim": 3},
    "keras": {"kernel": "keras", "shards": 3, "dropout": 0.3},
    "keras, cells": {"kernel": "keras", "kind": "stacked_cells", "clip": 0.01},
    "resets": {"resets": True},
    "weights": {"weights": 1},
    "mse": {"loss": "mse"},
    "mae, weights, resets": {"loss": "mae", "weights": 1, "resets": True, "kernel": "xla", "shards": 3},
    "huber, weights of each": {"loss": "huber", "weights": 2, "resets": True, "skip": True, "shards": 5, "lanes": 7},
    "keras, mse, dropout": {"loss": "mse", "kernel": "keras", "dropout": 0.3, "weights": 2, "shards": 3},
}  # fmt: skip
FEW = ("dropout in cells", "uneven", "huber, weights of each")
OF_THREE = (
    *FEW,
    "xla, everything",
    "keras, mse, dropout",
    "a lane a shard",
)  # each kernel, and as many shards as lanes


def computed(replicas, row):
    """Digests of all that a run of some windows leaves: losses, weights, slots, states, evaluation."""
    row = {**PLAIN, **row}
    loss, numbers = row.get("loss", "cross_entropy"), "loss" in row
    sizes = {"encoding": "features", "input_dim": 3, "outputs": 2} if numbers else {"vocab_size": VOCAB}
    model = lstmzoo.build_model(
        {
            name: row[name]
            for name in (*DROPOUT, "kind", "units", "dropout", "recurrent_activation", "skip")
            if name in row
        },
        **{"encoding": row["encoding"], **sizes},
        batch_size=row["lanes"],
        embedding_dim=row.get("embedding_dim"),
        seed=1,
    )
    given = row.get("optimizer", "adam")
    given = given if isinstance(given, dict) else {"name": given}
    optimizer = make_optimizer(SECTIONS[given["name"]](**given), row.get("clip"))
    averages = [tf.Variable(weight.numpy()) for weight in model.weights if "shares" in row]
    sizes = {"windows_per_call": 4, "shards": row["shards"]}
    execution = Execution(model, optimizer, row["kernel"], 1, **sizes, replicas=replicas, loss=loss, averages=averages)
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, VOCAB, (WINDOWS, row["lanes"], LENGTH))
    targets, rates = np.roll(inputs, 1, axis=2), np.linspace(0.01, 0.02, WINDOWS)
    weights = rng.integers(0, 3, (*inputs.shape, 2) if row.get("weights") == 2 else inputs.shape)
    resets = rng.random(inputs.shape[:2]) < 0.3 if "resets" in row else None
    if numbers:
        inputs, targets = rng.normal(size=(*inputs.shape, 3)), rng.normal(size=(*inputs.shape, 2))
    if "weights" in row:
        targets = np.where(weights.reshape(*targets.shape[:3], -1), targets, np.nan) if numbers else targets
    else:
        weights = None
    losses = execution.train(inputs, targets, rates, row.get("carry", True), weights, resets, row.get("shares"))
    execution.gather_states()
    parts = {"losses": losses, **take_snapshot(model, optimizer, averages)}
    if any(row[name] != value for name, value in SMALL.items()):  # an evaluation knows no optimizer
        weights = np.ones(inputs.shape[:3]) if weights is None else weights
        evaluation = execution.evaluate(inputs, targets, weights, resets=resets)
        parts |= {"predictions": evaluation.predictions, **evaluation.sums}
    return {name: hashlib.sha256(np.ascontiguousarray(part).tobytes()).hexdigest() for name, part in parts.items()}


def _work(hosts, index, names, place, together):
    """The rows, computed by all together, or by each alone a part of them."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    replicas = Replicas(hosts, index) if together else ALONE
    replicas.connect()
    rows = {name: computed(replicas, ROWS[name]) for name in (names if together else names[index::2])}
    Path(f"{place}-{index}").write_text(json.dumps(rows))


@functools.cache
def by_worker(workers, names):
    """What each worker has computed, by row."""
    with tempfile.TemporaryDirectory() as folder:
        count = max(workers, 2)  # one worker's rows are computed by two processes, each alone
        ended = Cluster(Path(folder), count, _work, names, f"{folder}/found", workers > 1).done(240)
        assert [each.status for each in ended] == [0] * count, ended
        found = [json.loads(Path(f"{folder}/found-{index}").read_text()) for index in range(count)]
        return found if workers > 1 else [{name: row for each in found for name, row in each.items()}]


def test_two_workers_give_the_bits_of_one_process():
    assert by_worker(2, FEW) == by_worker(1, FEW) * 2


@pytest.mark.slow
def test_workers_give_the_bits_of_one_process():
    (alone,) = by_worker(1, tuple(ROWS))
    for workers, names in ((2, tuple(ROWS)), (3, OF_THREE)):  # an optimizer sees the same sums from two as from three
        for found in by_worker(workers, names):
            assert {name: rows for name, rows in found.items() if rows != alone[name]} == {}
    assert len({json.dumps(row) for row in alone.values()}) == len(ROWS)


@pytest.mark.parametrize(("lanes", "shards", "workers"), [(13, 4, 2), (7, 7, 3), (64, 6, 4), (5, 1, 1)])
def test_every_lane_and_shard_has_one_worker(lanes, shards, workers):
    sizes, parts = cut_lanes(lanes, shards), share_shards(shards, workers)
    assert sizes == [len(part) for part in np.array_split(np.arange(lanes), shards)]
    assert [shard for part in parts for shard in part] == list(range(shards))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1 and min(map(len, parts)) >= 1
