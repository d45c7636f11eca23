"""Every kind of model in every format, run by the format's own runtime and in NumPy: the live model's numbers."""

import subprocess
import sys
import time
from itertools import product

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter

from lstmzoo.errors import InputError
from lstmzoo.export.formats.registry import FORMATS
from lstmzoo.inference.numpy_runner import NumpyRunner
from lstmzoo.models.rebuild import blueprint_of
from tests.helpers.exports import ARRAYS, MODELS, NUMBERS, PIECES, M, V, expected_of, live, opened, symbols, write
from tests.helpers.rows import few

OF_NUMBERS = [
    "single",
    "single skip",
    "stacked_cells-3 skip",
    "stacked_layers-2 skip",
    "hard_sigmoid skip",
    "dropout skip",
]
TABLE = [
    *product(MODELS, [*FORMATS, "numpy"]),
    *((f"numbers {name}", "numpy") for name in OF_NUMBERS),
    *product(["numbers stacked_cells-2 skip"], ["numpy", "onnx", "c"]),
]
EACH = ["single", "stacked_cells-3", "hard_sigmoid", "dropout", "embedding", "scalar", "features"]
ALWAYS = [
    *product(EACH, ["numpy", "onnx"]),
    *product(["stacked_cells-3"], FORMATS),
    *product(["numbers stacked_cells-2 skip"], ["numpy", "onnx"]),
]


@pytest.mark.parametrize(("name", "form"), few(TABLE, ALWAYS))
def test_a_runtime_gives_the_live_models_numbers(name, form, tmp_path):
    """Over 200 symbols in pieces with the states passed along, for one lane and for five."""
    expected = expected_of(name)
    runner = opened(form, expected.blueprint, tmp_path)
    for batch_size in (1, 5):
        x, states = symbols(name, batch_size), runner.signature.zero_states(batch_size)
        found, first = [], 0
        for length in PIECES:
            logits, states = runner(x[:, first : first + length], states)
            assert logits.shape == (batch_size, length, M if name in NUMBERS else V)
            found.append(logits)
            first += length
        np.testing.assert_allclose(np.concatenate(found, 1), expected.logits[batch_size], rtol=0, atol=1e-5)
        for ours, theirs in zip(states, expected.states[batch_size], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)  # c is not bounded
    written, last, states = [], np.array([[3]], np.int32), runner.signature.zero_states(1)
    for _ in expected.written:
        logits, states = runner(last, states)
        last = logits[:, -1:].argmax(-1).astype(np.int32)
        written.append(int(last[0, 0]))
    assert written == expected.written


def test_greedy_texts_are_not_one_symbol():
    assert len(set(expected_of("stacked_cells-3").written)) > 2


def test_numpy_in_float64_is_a_witness_for_them_all():
    blueprint = blueprint_of(live("stacked_layers-3", 1))
    precise = [type(layer)(*(part.astype(float) for part in layer)) for layer in blueprint.weights.layers]
    exact = NumpyRunner(blueprint._replace(weights=blueprint.weights._replace(layers=tuple(precise))))
    x = symbols("stacked_layers-3", 1)
    logits, _ = exact(x, exact.signature.zero_states(1))
    assert logits.dtype == np.float64
    np.testing.assert_allclose(logits, live("stacked_layers-3", 1)(x), rtol=0, atol=1e-5)


def test_numpy_refuses_other_shapes():
    runner = NumpyRunner(blueprint_of(live("single", 1)))
    states = runner.signature.zero_states(1)
    for x, given, message in (
        (np.array([1]), states, r"ids: expected integers \[B, T\], received int64 \[1\]"),
        (np.array([[1.5]]), states, r"ids: expected integers \[B, T\], received float64 \[1, 1\]"),
        (
            np.array([[1], [2]]),
            states,
            r"states: expected \['h0', 'c0'\] of shapes \[\(2, 12\), .*received \[\(1, 12\)",
        ),
        (np.array([[2**32]]), states, "ids: expected integers from 0 to 6, received 4294967296"),
        (np.array([[1]]), states[:1], r"states: expected .*received \[\(1, 12\)\]"),
    ):
        with pytest.raises(InputError, match=message):
            runner(x, given)
    logits, after = runner(np.zeros((1, 0), int), states)
    assert logits.shape == (1, 0, V)
    np.testing.assert_array_equal(after, states)


STRANGER = """
import sys
import numpy as np
import tensorflow as tf
assert "lstmzoo" not in sys.modules
for path in sys.argv[1:]:
    model = tf.saved_model.load(path).signatures["serving_default"]
    given = np.load(path + "/given.npz")
    zero = {name: tf.zeros([1, given[name]]) for name in given.files if name != "x"}
    found, written, states = [], [3], zero
    for t in range(200):
        outputs = model(**states, ids=tf.constant(given["x"][:, t : t + 1]))
        found.append(outputs["logits"].numpy())
        states = {name: outputs[name] for name in zero}
    states = zero
    for _ in range(200):
        outputs = model(**states, ids=tf.constant([[written[-1]]]))
        written.append(int(outputs["logits"][0, -1].numpy().argmax()))
        states = {name: outputs[name] for name in zero}
    np.savez(path + "/found.npz", logits=np.concatenate(found, 1), written=written[1:])
"""


@pytest.mark.slow
def test_saved_models_run_in_a_process_without_lstmzoo(tmp_path):
    """A symbol a call, by the names of their states: TensorFlow is all that it has."""
    folders = {name: tmp_path / name for name in ("single", "stacked_cells-2", "stacked_layers-3")}
    for name, folder in folders.items():
        signature = write("savedmodel", expected_of(name).blueprint, folder)
        sizes = dict(zip(signature.state_names, signature.state_sizes, strict=True))
        np.savez(folder / "given.npz", x=symbols(name, 1), **sizes)
    line = [sys.executable, "-c", STRANGER, *map(str, folders.values())]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    for name, folder in folders.items():
        found, expected = np.load(folder / "found.npz"), expected_of(name)
        np.testing.assert_allclose(found["logits"], expected.logits[1], rtol=0, atol=1e-5)
        assert found["written"].tolist() == expected.written


def described(form, path):
    """Names of what goes in and what comes out with their shapes, None for any size, as the format's own reader says."""
    if form == "keras":
        model = keras.models.load_model(path, compile=False)
        return (
            {each.name: [*each.shape] for each in model.inputs},
            {name: [*each.shape] for name, each in model.output.items()},
        )
    if form == "savedmodel":
        model = tf.saved_model.load(str(path)).signatures["serving_default"]
        given = model.structured_input_signature[1]
        return tuple({name: [*each.shape] for name, each in part.items()} for part in (given, model.structured_outputs))
    if form == "tflite":
        call = Interpreter(str(path)).get_signature_runner()
        return tuple(
            {
                name: [size if size >= 0 else None for size in each["shape_signature"].tolist()]
                for name, each in part.items()
            }
            for part in (call.get_input_details(), call.get_output_details())
        )
    session = onnxruntime.InferenceSession(str(path))
    return tuple(
        {each.name: [size if isinstance(size, int) else None for size in each.shape] for each in part}
        for part in (session.get_inputs(), session.get_outputs())
    )


@pytest.mark.parametrize("name", ["stacked_cells-3", "features"])
@pytest.mark.parametrize("form", ARRAYS)
def test_states_stand_in_the_signature_by_name(form, name, tmp_path):
    path = tmp_path / f"model{FORMATS[form].ending}"
    signature = write(form, expected_of(name).blueprint, path)
    given, gives = described(form, path)
    states = {name: [None, size] for name, size in zip(signature.state_names, signature.state_sizes, strict=True)}
    first = {"features": [None, None, 3]} if name == "features" else {"ids": [None, None]}
    assert list(states) == [f"{part}{layer}" for layer in range(len(MODELS[name]["units"])) for part in "hc"]
    assert given == {**first, **states}
    after = {f"{name}_next": shape for name, shape in states.items()} if form == "onnx" else states
    assert gives == {"logits": [None, None, V], **after}


@pytest.mark.parametrize("name", few(MODELS, ["stacked_cells-3", "embedding"]))
def test_onnx_has_an_lstm_operation_a_layer_and_no_loop(name, tmp_path):
    write("onnx", expected_of(name).blueprint, tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    operations = [node.op_type for node in graph.node]
    assert operations.count("LSTM") == len(MODELS[name]["units"])
    assert not {"Loop", "Scan", "If", "SequenceInsert"} & set(operations)
    assert {node.domain for node in graph.node} == {""}, "operations of ONNX itself"


@pytest.mark.slow
def test_tflite_has_built_in_operations_only(tmp_path):
    write("tflite", expected_of("embedding").blueprint, tmp_path / "model.tflite")
    interpreter = Interpreter(str(tmp_path / "model.tflite"))
    names = {each["op_name"] for each in interpreter._get_ops_details()}
    assert names and not {name for name in names if name.startswith("Flex") or "Custom" in name}


NO_SYMBOL = r"(?i)out of (range|data bounds|bounds)|not in \[0, 7\)|must be in the range|from 0 to 6, received"


@pytest.mark.parametrize("name", ["single", "embedding"])
@pytest.mark.parametrize("form", [*FORMATS, "numpy"])
def test_what_is_no_symbol_is_refused(form, name, tmp_path):
    """None of them answers as if it were another one."""
    runner = opened(form, expected_of(name).blueprint, tmp_path)
    for wrong in (V, 10**9, -1):
        with pytest.raises(Exception, match=NO_SYMBOL):
            runner(np.array([[1, wrong]], np.int32), runner.signature.zero_states(1))


def test_numpy_refuses_features_of_another_size():
    runner = NumpyRunner(blueprint_of(live("features", 1)))
    for x in (np.zeros((1, 1, 2)), np.zeros((1, 3)), np.zeros((1, 1, 3), complex)):
        with pytest.raises(InputError, match=r"features: expected floats \[B, T, 3\], received"):
            runner(x, runner.signature.zero_states(1))


@pytest.mark.parametrize("form", ["tflite", "savedmodel"])
def test_a_step_costs_the_same_however_long_the_window(form, tmp_path):
    """And its logits are those of one window after another."""
    runner = opened(form, expected_of("single").blueprint, tmp_path)
    x = np.random.default_rng(0).integers(0, V, (1, 4000), np.int32)
    zero = runner.signature.zero_states(1)
    runner(x[:, :250], zero)
    seconds, whole = timed(lambda: runner(x, zero)[0])
    states, pieces = zero, []
    for first in range(0, 4000, 250):
        logits, states = runner(x[:, first : first + 250], states)
        pieces.append(logits)
    np.testing.assert_allclose(whole, np.concatenate(pieces, 1), rtol=0, atol=1e-6)
    assert seconds < 3 * min(timed(lambda: [runner(x[:, :250], zero) for _ in range(16)])[0] for _ in range(3))


def timed(call):
    """CPU seconds, and what it gives."""
    begin = time.process_time()
    found = call()
    return time.process_time() - begin, found
