"""The command and `export_model`: what is inside a file, the lines of its card, what is refused, what is left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from exports import ENDINGS, live, symbols

import lstmzoo
from lstmzoo import exporting
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.formats.notes import Notes
from lstmzoo.formats.table import FORMATS
from lstmzoo.state import get_states
from lstmzoo.vocabulary import Vocabulary


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
