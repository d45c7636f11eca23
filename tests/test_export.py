"""Exported models in their own runtimes against the live model: logits, states, greedy text; and what is refused."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

import lstmzoo
from lstmzoo import exporting
from lstmzoo.blueprint import Blueprint
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.formats.notes import Notes
from lstmzoo.formats.table import FORMATS
from lstmzoo.numpy_runner import NumpyRunner
from lstmzoo.rebuild import blueprint_of
from lstmzoo.signature import signature_of
from lstmzoo.state import get_states
from lstmzoo.vocabulary import Vocabulary

V, STEPS = 7, 200
PIECES = [1, 17, 1, 17, 64, 100]  # 200 steps
MODELS = {
    "single": {"kind": "single", "units": [12]},
    **{f"{kind}-{depth}": {"kind": kind, "units": [12, 8, 10][:depth]} for kind in ("stacked_cells", "stacked_layers") for depth in (1, 2, 3)},
    "hard_sigmoid": {"kind": "stacked_cells", "units": [12, 8], "recurrent_activation": "hard_sigmoid"},
    "dropout": {"kind": "stacked_layers", "units": [12, 8], "dropout": 0.5},
    "embedding": {"kind": "stacked_layers", "units": [12, 8], "encoding": "embedding", "embedding_dim": 3},
    "scalar": {"kind": "stacked_cells", "units": [4, 5]},
    "features": {"kind": "stacked_layers", "units": [4, 5]},
}  # fmt: skip
ENDINGS = {name: form.ending for name, form in FORMATS.items()}


def live(name, batch_size):
    """A model whose greedy text changes: weights away from their small beginnings."""
    encoding = name if name in ("embedding", "scalar", "features") else "one_hot"
    options = {"input_dim": 3} if name == "features" else {}
    model = lstmzoo.build_model(MODELS[name], vocab_size=V, encoding=encoding, batch_size=batch_size, **options)
    draws = np.random.default_rng(3)
    model.set_weights([1.5 * weight + draws.normal(0, 0.1, weight.shape) for weight in model.get_weights()])
    return model


def symbols(name, batch_size):
    draws = np.random.default_rng(4)
    if name == "features":
        return draws.normal(size=(batch_size, STEPS, 3)).astype(np.float32)
    return draws.integers(0, V, (batch_size, STEPS), np.int32)


class Expected(NamedTuple):
    """What Keras's own stateful model says."""

    blueprint: Blueprint
    logits: dict[int, np.ndarray]
    """By batch size, of all steps."""
    states: dict[int, list[np.ndarray]]
    """After them."""
    written: list[int]
    """The greedy text after symbol 3."""


@functools.cache
def expected_of(name):
    logits, states, written = {}, {}, [3]
    for batch_size in (5, 1):
        model = live(name, batch_size)
        logits[batch_size] = model(symbols(name, batch_size)).numpy()
        states[batch_size] = [part for pair in get_states(model) for part in pair]
    model.reset_states()
    step = tf.function(model)
    for _ in range(STEPS if model.inputs[0].dtype == tf.int32 else 0):
        written.append(int(step(tf.constant([[written[-1]]]))[0, -1].numpy().argmax()))
    return Expected(blueprint_of(model), logits, states, written[1:])


def opened(form, blueprint, folder):
    if form == "numpy":
        return NumpyRunner(blueprint)
    path = folder / f"model{ENDINGS[form]}"
    FORMATS[form].write(blueprint, Notes(None, "# card"), path)
    return FORMATS[form].open(path, signature_of(blueprint))


@pytest.mark.parametrize("form", [*FORMATS, "numpy"])
@pytest.mark.parametrize("name", MODELS)
def test_a_runtime_gives_the_live_models_numbers(name, form, tmp_path):
    """Over 200 symbols in pieces with the states passed along, for one lane and for five."""
    expected = expected_of(name)
    runner = opened(form, expected.blueprint, tmp_path)
    for batch_size in (1, 5):
        x, states = symbols(name, batch_size), runner.signature.zero_states(batch_size)
        found, first = [], 0
        for length in PIECES:
            logits, states = runner(x[:, first : first + length], states)
            assert logits.shape == (batch_size, length, V)
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


@pytest.mark.parametrize("ids", [[[V]], [[-1]]])
@pytest.mark.parametrize("name", ["single", "embedding"])
def test_numpy_refuses_what_is_no_symbol(name, ids):
    runner = NumpyRunner(blueprint_of(live(name, 1)))
    with pytest.raises(InputError, match=r"ids: expected integers from 0 to 6, received (7|-1)"):
        runner(np.array(ids), runner.signature.zero_states(1))


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
        (np.array([[1]]), states[:1], r"states: expected .*received \[\(1, 12\)\]"),
    ):
        with pytest.raises(InputError, match=message):
            runner(x, given)
    logits, after = runner(np.zeros((1, 0), int), states)
    assert logits.shape == (1, 0, V)
    np.testing.assert_array_equal(after, states)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The package's char model in every format."""
    folder = tmp_path_factory.mktemp("exported")
    for form, ending in ENDINGS.items():
        found = lstmzoo.export_model("zoo:char_python", folder / f"model{ending}", form)
        assert (found.format, found.symbols) == (form, 200)
        assert 0 <= found.difference < 1e-4  # of logits up to 30: 3e-5 is what float32 leaves of them
    return folder


def test_nothing_else_is_left(exported):
    assert {path.name for path in exported.iterdir()} == {f"model{ending}" for ending in ENDINGS.values()}


def inside(folder, form):
    """Vocabulary and card, read as a stranger would."""
    path = folder / f"model{ENDINGS[form]}"
    if form == "savedmodel":
        return json.loads((path / "vocab.json").read_text()), (path / "README.md").read_text()
    if form == "onnx":
        import onnx

        kept = {prop.key: prop.value for prop in onnx.load(path).metadata_props}
        return json.loads(kept["vocab.json"]), kept["README.md"]
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("vocab.json")), archive.read("README.md").decode()


@pytest.mark.parametrize("form", FORMATS)
def test_vocabulary_and_card_are_inside(exported, form):
    vocabulary, card = inside(exported, form)
    assert vocabulary == lstmzoo.trained.open_run("zoo:char_python").vocabulary.as_json()
    assert "911,456 parameters" in card
    assert "1.13776" in card  # of its own card
    assert "| `h1`, `c1` | [B, 256] | float32 |" in card


STRANGER = """
import json, sys
import numpy as np
code, x = sys.argv[1], np.array(json.loads(sys.argv[2]), np.int32)
scope = {}
exec(code, scope)
assert "lstmzoo" not in sys.modules
assert ("tensorflow" in sys.modules) == (sys.argv[3] in ("keras", "savedmodel")), "only where it is the runtime"
lines = code.splitlines()
again = "\\n".join(lines[next(i for i, line in enumerate(lines) if line.startswith("outputs")):])
scope["states"] = {name: np.zeros_like(value) for name, value in scope["states"].items()}
found = []
for symbol in x:
    scope["ids"] = np.array([[symbol]], np.int32)
    exec(again, scope)
    found.append(np.asarray(scope["logits"])[0, 0].tolist())
print(json.dumps(found))
"""


@pytest.mark.parametrize("form", FORMATS)
def test_the_cards_lines_run_it_in_a_process_without_lstmzoo(exported, form):
    """A symbol a call, in the directory of the file; greedy text and logits are those of the live model."""
    code = re.search(r"```python\n(.*?)```", inside(exported, form)[1], re.DOTALL)[1]
    x = np.random.default_rng(1).integers(0, 96, 40)
    line = [sys.executable, "-c", STRANGER, code, json.dumps(x.tolist()), form]
    done = subprocess.run(line, cwd=exported, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = lstmzoo.load_model("zoo:char_python")(x[None]).numpy()[0]
    np.testing.assert_allclose(json.loads(done.stdout), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    "choice", [{"temperature": 0.5}, {"temperature": 0}, {"top_k": 5, "top_p": 0.8, "samples": 3}, {"stop": ")"}]
)
def test_a_seed_is_one_text_on_every_runtime(choice):
    texts = [
        lstmzoo.sample_text("zoo:char_python", prompt="def ", length=150, seed=2, runtime=runtime, **choice)
        for runtime in ("tensorflow", "numpy", "tflite", "onnx")
    ]
    assert texts[1:] == texts[:1] * 3


def test_scores_are_the_same_on_every_runtime():
    text = Path(exporting.__file__).read_text()[:1500]
    wanted, *others = (
        lstmzoo.score_text("zoo:char_python", text, window=100, runtime=runtime)
        for runtime in ("tensorflow", "numpy", "tflite", "onnx")
    )
    for found in others:
        for kind in ("carried", "cold"):
            assert found[kind] == pytest.approx(wanted[kind], rel=1e-5)
            np.testing.assert_allclose(found["by_position"][kind], wanted["by_position"][kind], atol=1e-4)


def command(*words, **options):
    line = [sys.executable, "-m", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, **options)


def without(folder, *modules):
    """An environment in which packages cannot be imported."""
    for module in modules:
        (folder / module).mkdir()
        (folder / module / "__init__.py").write_text(f"raise ImportError('No module named {module}')")
    return {**os.environ, "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}


@pytest.mark.parametrize("runtime", ["numpy", "onnx"])
def test_these_need_no_tensorflow(runtime, tmp_path):
    environment = without(tmp_path, "tensorflow", "tf_keras", "keras", "keras_tuner")
    words = ["zoo:char_python", "--prompt", "class ", "--length", 60, "--seed", 5, "--runtime", runtime]
    done = command("lstmzoo.sample", *words, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == lstmzoo.sample_text("zoo:char_python", prompt="class ", length=60, seed=5, runtime="numpy")
    (tmp_path / "text.txt").write_text("import os\n" * 5)
    scored = command(
        "lstmzoo.score", "zoo:char_python", tmp_path / "text.txt", "--json", "--runtime", runtime, env=environment
    )
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["targets"] == 49


def test_the_command_says_what_it_wrote(tmp_path):
    done = command("lstmzoo.export", "zoo:echo_4", tmp_path / "new" / "echo.onnx")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert re.fullmatch(r".*/new/echo\.onnx: onnx, \d+ kB", lines[0])
    assert lines[1] == "inputs: ids [B, T] int32, h0 [B, 4], c0 [B, 4]"
    assert lines[2] == "outputs: logits [B, T, 2], and the states for what comes next"
    assert re.fullmatch(r"checked over 200 symbols: logits (within \d\.\de-0\d of|equal to) the live model's", lines[3])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["echo.onnx"]


@pytest.fixture
def empty_run(tmp_path):
    """A run that has written no checkpoint yet."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("task: {kind: echo}\nmodel: echo_4\ntrain: {epochs: 1}\n")
    return tmp_path / "run"


@pytest.mark.parametrize(
    "out, options, message",
    [
        ("m.onnx", {"format": "onx"}, "format: expected one of keras, savedmodel, tflite, onnx, received 'onx'; did you mean onnx?"),
        ("m", {}, "format: expected one of .*, or a name that ends with .keras, .tflite, .onnx, received 'm': say --format"),
        ("m.onnx", {"format": "tflite"}, "expected a name that ends with .tflite with format tflite, received 'm.onnx'"),
        ("m.onnx", {"format": "savedmodel"}, "expected the name of a directory with format savedmodel"),
        ("m", {"format": "keras"}, "expected a name that ends with .keras with format keras, received 'm'"),
        ("run", {"format": "savedmodel"}, "expected a path where nothing is, received one that exists: remove what is there"),
        ("run/config.yaml", {"format": "onnx"}, "expected a path where nothing is"),
        ("run/config.yaml/m.onnx", {}, r"received one that cannot be \(Not a directory\)"),
        ("m" * 300 + ".onnx", {}, r"received one that cannot be \(File name too long\)"),
        ("zoo:echo_4", {"format": "savedmodel"}, "names a trained model of the package"),
        ("new/m.onnx", {}, "expected a run with a checkpoint, .*which has none"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_leaves_nothing(empty_run, out, options, message):
    before = sorted(empty_run.parent.rglob("*"))
    with pytest.raises(InputError, match=message):
        lstmzoo.export_model(empty_run, empty_run.parent / out, **options)
    assert sorted(empty_run.parent.rglob("*")) == before


def test_a_missing_package_is_named_with_the_line_that_installs_it(tmp_path):
    environment = without(tmp_path, "onnxruntime", "ai_edge_litert")
    for words, extra in (
        (["lstmzoo.export", "zoo:echo_4", tmp_path / "m.onnx"], "onnx"),
        (["lstmzoo.export", "zoo:echo_4", tmp_path / "m", "--format", "tflite"], "tflite"),
        (["lstmzoo.sample", "zoo:char_python", "--runtime", "onnx"], "onnx"),
        (["lstmzoo.score", "zoo:char_python", __file__, "--runtime", "tflite"], "tflite"),
    ):
        begin = time.monotonic()
        done = command(*words, env=environment)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"python -m pip install 'lstmzoo[{extra}]'" in done.stderr
        assert done.stderr.count("\n") == 1
        assert time.monotonic() - begin < 3  # TensorFlow's import alone takes longer
    assert not list(tmp_path.glob("m*"))


def test_a_file_that_computes_something_else_is_not_kept(tmp_path, monkeypatch):
    def spoilt(blueprint, notes, path):
        head = blueprint.weights.head
        weights = blueprint.weights._replace(head=head._replace(bias=head.bias + 0.001))
        FORMATS["onnx"].write(blueprint._replace(weights=weights), notes, path)

    monkeypatch.setattr(exporting, "FORMATS", {"onnx": FORMATS["onnx"]._replace(write=spoilt)})
    with pytest.raises(EnvironmentFailure, match="received others, by 0.001: nothing was kept"):
        lstmzoo.export_model("zoo:echo_4", tmp_path / "new" / "m.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing(tmp_path, number):
    line = [sys.executable, "-m", "lstmzoo.export", "zoo:char_python", str(tmp_path / "m.tflite")]
    process = subprocess.Popen(line, stderr=subprocess.PIPE)
    while not list(tmp_path.iterdir()):
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["stacked_cells-3", "features"])
def test_a_live_model_is_exported_too_and_its_states_stay(name, tmp_path):
    model, x = live(name, 5), symbols(name, 5)
    model(x)
    before = [part for pair in get_states(model) for part in pair]
    exported = lstmzoo.export_model(model, tmp_path / "m.onnx")
    np.testing.assert_array_equal(
        np.concatenate(before, 1), np.concatenate([p for hc in get_states(model) for p in hc], 1)
    )
    logits, _ = FORMATS["onnx"].open(exported.path, exported.signature)(x, before)
    np.testing.assert_allclose(logits, model(x).numpy(), rtol=0, atol=1e-5)
    with pytest.raises(InputError, match="with a head, whose outputs are logits, received one without"):
        headless = lstmzoo.build_model("echo_4", vocab_size=None, encoding="scalar", batch_size=1)
        lstmzoo.export_model(headless, tmp_path / "n.onnx")
    with pytest.raises(InputError, match="expected a tf_keras"):
        lstmzoo.export_model(3, tmp_path / "n.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_bytes_are_symbols_too(tmp_path):
    """The vocabulary of a text of bytes goes into each file as numbers."""
    notes = Notes(Vocabulary([0, 10, 255], "byte"), "# card")
    assert json.loads(notes.files()["vocab.json"]) == {"unit": "byte", "lowercase": False, "symbols": [0, 10, 255]}
