"""The time steps in C++ against Keras's own layer, at sizes on both sides of whole vectors and blocks of lanes."""

import shlex

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import lstmzoo
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.execution import auto, native
from lstmzoo.execution.kernels import keras_layer, native_layer
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.system.compiler import find_compiler
from lstmzoo.training.describe import describe_plan
from lstmzoo.training.progress import SilentProgress
from tests.helpers.rows import few

T, D = 9, 2
needs_compiler = pytest.mark.skipif(not find_compiler(), reason="no C++ compiler")
SIZES = [(5, 11), (1, 1), (2, 8), (8, 16), (9, 7), (16, 17), (24, 3), (33, 9), (64, 2)]  # units, lanes


def computed(make, cell, x, h, c, compiled):
    """Outputs and final state of a window, and the gradients of a sum of its outputs."""

    @tf.function(jit_compile=compiled, autograph=False)
    def run(x, h, c):
        weights = [cell.kernel, cell.recurrent_kernel, cell.bias]
        with tf.GradientTape() as tape:
            tape.watch(x)
            hs, last_h, last_c = make(cell)(x, h, c)
            loss = tf.reduce_sum(hs * tf.sin(tf.reshape(tf.range(tf.size(hs), dtype=hs.dtype), hs.shape)))
        return [hs, last_h, last_c, *tape.gradient(loss, [x, *weights])]

    return [part.numpy() for part in run(x, h, c)]


def problem(units, lanes, size=1.0):
    """A cell, a window and a state; sums of a step are of the order of `size`, so that rounding does not grow."""
    random = np.random.default_rng(units)
    cell = keras.layers.LSTMCell(units)
    cell.build((None, D))
    cell.set_weights([random.normal(size=weight.shape) * size / units**0.5 for weight in cell.get_weights()])
    shapes = [(T, lanes, D), (lanes, units), (lanes, units)]
    return cell, *(tf.constant(random.normal(size=shape), tf.float32) for shape in shapes)


@needs_compiler
@pytest.mark.parametrize(("units", "lanes"), few(SIZES, [(5, 11)]))
def test_outputs_states_and_gradients_are_those_of_keras(units, lanes):
    given = problem(units, lanes)
    wanted = computed(keras_layer, *given, compiled=False)
    for found, other in zip(computed(native_layer, *given, compiled=True), wanted, strict=True):
        np.testing.assert_allclose(found, other, rtol=2e-5, atol=2e-5 * abs(other).max())


@needs_compiler
def test_a_lane_has_the_same_bits_whatever_is_beside_it():
    cell, *arrays = problem(5, 11)
    every = computed(native_layer, cell, *arrays, compiled=True)
    last = computed(native_layer, cell, *(array[..., 8:, :] for array in arrays), compiled=True)
    for found, other in zip(last[:3], every[:3], strict=True):
        np.testing.assert_array_equal(found, other[..., 8:, :])


@needs_compiler
def test_gates_that_are_shut_and_numbers_that_are_none():
    cell, x, h, c = problem(5, 11, 1e4)
    found = computed(native_layer, cell, x, h, c, compiled=True)
    np.testing.assert_allclose(found[0], computed(keras_layer, cell, x, h, c, compiled=False)[0], atol=1e-5)
    hs = computed(native_layer, cell, tf.where(tf.range(11)[:, None] == 3, np.nan, x), h, c, compiled=True)[0]
    assert np.isnan(hs).all((0, 2)).tolist() == [lane == 3 for lane in range(11)]


COMPILERS = {  # CXX: what is said of it
    "no-such-compiler": "none was found",
    "'g++": "none was found",
    " ": "none was found",
    "false": r"false failed \(without a word\)",
    "sh -c 'echo an error >&2; exit 1'": r"sh failed \(an error\)",
}


@pytest.mark.parametrize("name", COMPILERS)
def test_without_a_compiler_that_works_it_is_refused(monkeypatch, name):
    monkeypatch.setenv("CXX", name)
    said = rf"kernel: native is built by a C\+\+ compiler, and {COMPILERS[name]}: install one, or name it in CXX \(a new run may take xla"  # fmt: skip
    with pytest.raises(InputError, match=said):
        auto.check_kernel("native", "cpu")
    auto.check_kernel("xla", "gpu")
    with pytest.raises(InputError, match="native runs on CPUs only: on a GPU a new run takes keras"):
        auto.check_kernel("native", "gpu")


@needs_compiler
@pytest.mark.parametrize("name", [None, "", "env c++", "c++ -O1"])
def test_a_compiler_that_works_may_have_arguments(monkeypatch, name):
    monkeypatch.delenv("CXX", raising=False) if name is None else monkeypatch.setenv("CXX", name)
    auto.check_kernel("native", "cpu")


def test_a_compiler_that_fails_is_no_traceback(monkeypatch):
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(EnvironmentFailure, match=r"native was not built: false failed \(without a word\): repair that"):
        native.build(7, "float", "sigmoid", False)
    with pytest.raises(InputError, match="native computes in float32 or float64, received float16: take xla"):
        native.time_steps(7, tf.float16, "sigmoid")


NAMED = {  # task, units, kernel, device, CXX, whether a plan names native
    "a small net of numbers": ("series", [24, 8], "auto", "cpu", "sh", True),
    "a larger one": ("series", [8, 25], "auto", "cpu", "sh", False),
    "a kernel that was chosen": ("series", [8, 8], "xla", "cpu", "sh", False),
    "on a GPU": ("series", [8, 8], "auto", "gpu", "sh", False),
    "without a compiler": ("series", [8, 8], "auto", "cpu", "no-such-compiler", False),
    "symbols": ("echo", [8, 8], "auto", "cpu", "sh", False),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_plan_names_native_where_it_pays_and_runs_no_compiler(monkeypatch, name):
    kind, units, kernel, device, compiler, says = NAMED[name]
    monkeypatch.setenv("CXX", compiler)
    monkeypatch.setattr("subprocess.run", None)
    task = {"kind": kind} | ({"data": "narma10", "rows": 300} if kind == "series" else {})
    given = {"name": kind, "task": task, "model": {"kind": "stacked_layers", "units": units}}
    train, execution = {"batch_size": 2, "seq_length": 10, "epochs": 1}, {"kernel": kernel}
    line = describe_plan(make_plan(Experiment(**given, train=train, execution=execution), device))["execution"]
    assert line.endswith("; --set execution.kernel=native trains it about 2 to 6 times as fast") == says


def write_compiler(folder, monkeypatch, version):
    """Put a compiler with a version of its own, that of the machine otherwise, into CXX."""
    monkeypatch.delenv("CXX", raising=False)
    script = folder / "c++"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" || exec {shlex.join(find_compiler())} "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))


@pytest.mark.parametrize("built", [False, True])
def test_the_compiler_stands_beside_the_versions_where_it_counts(tmp_path, monkeypatch, built):
    directory = RunDirectory(tmp_path)
    write_compiler(tmp_path, monkeypatch, "C 1")
    directory.write_environment("cpu", {}, built)
    assert directory.read_json("environment.json")["versions"].get("c++") == ("C 1" if built else None)
    assert directory.note_resume(5, "cpu", {}, built) == []
    write_compiler(tmp_path, monkeypatch, "C 2")
    assert directory.note_resume(6, "cpu", {}, built) == (["c++ was C 1 and is C 2"] if built else [])


class Said(SilentProgress):
    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


@needs_compiler
@pytest.mark.slow
def test_another_compiler_is_warned_of_when_a_run_goes_on(tmp_path, monkeypatch):
    task, train = {"kind": "echo", "series_length": 400, "echo_step": 1}, {"batch_size": 2, "seq_length": 10}
    given = {"name": "echo", "task": task, "model": {"kind": "single", "units": 4}, "execution": {"kernel": "native"}}
    said = Said()
    for epochs in (1, 2):
        write_compiler(tmp_path, monkeypatch, f"C {epochs}")
        config = Experiment(**given, train={**train, "epochs": epochs})
        lstmzoo.train_run(config, tmp_path / "run", resume=epochs > 1, progress=said)
    assert "warning: c++ was C 1 and is C 2: the numbers may not be those of an uninterrupted run" in said.lines
