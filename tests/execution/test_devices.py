"""Several GPUs of one host: shards on several devices give the bits that they give on one.

No GPU is needed: logical devices of the CPU take their place, in a process of its own, since they must be made before
TensorFlow's context.
"""

import functools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import lstmzoo
from lstmzoo.execution import engine
from tests.helpers.forked import CONTEXT, obey_signals, started
from tests.helpers.kernels import LAYERS
from tests.helpers.killing import assert_same_weights, metrics
from tests.helpers.places import ECHO
from tests.helpers.rows import few

DEVICES = ["CPU:0", "CPU:1", "CPU:2"]
WINDOWS, LANES, LENGTH, VOCAB = 4, 7, 3, 5  # lanes that neither 2, 3 nor 4 divides
ROWS = {  # model, encoding, optimizer, shards
    "more shards than devices": ({}, "one_hot", {}, 4),
    "everything": ({"units": [4, 3], "dropout": 0.4}, "embedding", {"global_clipnorm": 0.01}, 2),  # and a frozen layer
}
SIZES = {"embedding": {"embedding_dim": 3}}
ALWAYS = [("scan", "more shards than devices", 3)]
TABLE = [
    *ALWAYS,
    ("scan", "more shards than devices", 2),
    *((kernel, "everything", 2) for kernel in LAYERS),
]


class Devices:
    """A process with three logical CPUs; `ask(call, *arguments)` returns what a function returns there."""

    def __init__(self):
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = started(_answer, theirs)
        theirs.close()

    def ask(self, call, *arguments):
        self.pipe.send((call, arguments))
        assert self.pipe.poll(120), "it hung"
        return self.pipe.recv()

    def end(self):
        self.process.kill()
        self.process.join()


def _answer(pipe):
    obey_signals()
    tf.config.threading.set_intra_op_parallelism_threads(2)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * len(DEVICES))
    while True:
        call, arguments = pipe.recv()
        pipe.send(call(*arguments))


@pytest.fixture(scope="module")
def devices():
    process = Devices()
    yield process
    process.end()


@functools.cache
def computed(kernel, row, count):
    """All that training and evaluation on so many devices leave, by name, and the devices that the graphs ask for."""
    description, encoding, clipped, shards = ROWS[row]
    model = lstmzoo.build_model(
        {"kind": "stacked_layers", "units": [4], **description},
        vocab_size=VOCAB,
        encoding=encoding,
        batch_size=LANES,
        seed=1,
        **SIZES.get(encoding, {}),
    )
    model.get_layer("lstm_0").trainable = row != "everything"
    optimizer = keras.optimizers.Adam(0.01, **clipped)
    engine.find_gpus = lambda worker: DEVICES[:count]
    made = engine.Execution(model, optimizer, kernel, seed=1, shards=shards)
    symbols = np.random.default_rng(0).integers(0, VOCAB, (WINDOWS, LANES, LENGTH))
    losses = made.train(symbols, np.roll(symbols, 1, axis=2))
    found = made.evaluate(symbols, np.roll(symbols, 1, axis=2), np.ones(symbols.shape))
    arrays = {
        "losses": [losses],
        "weights": model.get_weights(),
        "slots": [variable.numpy() for variable in optimizer.variables],
        "states": [state.numpy() for state in made.states],
        "validation": [*found.sums.values(), found.predictions, *(state.numpy() for state in found.states)],
    }
    return arrays, [others(program) for program in made.programs.traced.values()]


def others(program):
    """Devices that a traced program asks for beside the first (where Keras asks for it, whatever we do)."""
    functions = program.graph.as_graph_def().library.function
    asked = {node.device.rpartition("device:")[2] for function in functions for node in function.node_def}
    return asked - {"", DEVICES[0]}


@pytest.mark.parametrize(("kernel", "row", "count"), few(TABLE, ALWAYS))
def test_several_devices_give_the_bits_of_one(devices, kernel, row, count):
    one, none = devices.ask(computed, kernel, row, 1)
    several, used = devices.ask(computed, kernel, row, count)
    assert none == [set(), set()]
    assert used == [set(DEVICES[1:count])] * 2
    assert all(part.any() for part in one["losses"] + one["states"] + one["validation"])
    for name, parts in one.items():
        for part, other in zip(parts, several[name], strict=True):
            np.testing.assert_array_equal(part, other, name)


def run_on(count, directory, steps):
    """A run on so many devices, or the rest of one."""
    engine.find_gpus = lambda worker: DEVICES[:count]
    sets = ["task.series_length=1500", "train.seq_length=10", "validate.every_steps=6", f"train.steps={steps}"]
    config = lstmzoo.load_config(ECHO, [*sets, "execution={kernel: scan, shards: 2}"])
    return lstmzoo.train_run(config, directory, resume=True)["status"]


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_devices(devices, tmp_path):
    for count, name, steps in ((2, "whole", 12), (1, "run", 6), (2, "run", 12)):
        assert devices.ask(run_on, count, tmp_path / name, steps) == "completed"
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "run")
    assert_same_weights(tmp_path / "whole", tmp_path / "run", 12)
