"""The command and `export_model`: what is inside a file, the lines of its card, what is refused, what is left behind."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from importlib.metadata import requires
from pathlib import Path

import numpy as np
import onnx
import pytest
import tf_keras as keras

import lstmzoo
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.export import write
from lstmzoo.export.__main__ import main
from lstmzoo.export.card import Source
from lstmzoo.export.formats.registry import FORMATS
from lstmzoo.export.target import check_target
from lstmzoo.export.verify import compare
from lstmzoo.export.write import write_export
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.numpy_runner import NumpyRunner
from lstmzoo.inference.runtimes import LONG, choose_runtime
from lstmzoo.inference.sampling import SampleRequest
from lstmzoo.models.rebuild import blueprint_of
from lstmzoo.models.state import get_states
from lstmzoo.runs.trained import open_run
from tests.helpers.exports import ARRAYS, ENDINGS, live, symbols as given
from tests.helpers.forked import Command, command as command_of
from tests.helpers.places import ROOT
from tests.helpers.rows import few


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The package's char model in every format."""
    folder = tmp_path_factory.mktemp("exported")
    for form in ARRAYS:
        ending = ENDINGS[form]
        found = lstmzoo.export_model("zoo:char_python", folder / f"model{ending}", form)
        assert (found.format, found.symbols) == (form, 200)
        assert 0 <= found.difference < 1e-4  # of logits up to 30: 3e-5 is what float32 leaves of them
    return folder


def test_nothing_else_is_left(exported):
    assert {path.name for path in exported.iterdir()} == {f"model{ENDINGS[form]}" for form in ARRAYS}


def inside(folder, form, name="vocab.json"):
    """Read a vocabulary, or a file of another name, and the card, as another program would."""
    path = folder / f"model{ENDINGS[form]}"
    if form == "savedmodel":
        return json.loads((path / name).read_text()), (path / "README.md").read_text()
    if form == "onnx":
        kept = {prop.key: prop.value for prop in onnx.load(path).metadata_props}
        return json.loads(kept[name]), kept["README.md"]
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(name)), archive.read("README.md").decode()


@pytest.mark.parametrize("form", ARRAYS)
def test_vocabulary_and_card_are_inside(exported, form):
    vocabulary, card = inside(exported, form)
    assert vocabulary == open_run("zoo:char_python").vocabulary.as_json()
    assert "911,456 parameters" in card
    assert "1.05444" in card  # of its own card
    assert "| `h1`, `c1` | [B, 256] | float32 |" in card


STRANGER = """
import json, sys
import numpy as np
code, given, runtime = sys.argv[1], np.array(json.loads(sys.argv[2])), sys.argv[3]
scope = {}
exec(code, scope)
assert "lstmzoo" not in sys.modules
assert ("tensorflow" in sys.modules) == (runtime in ("keras", "savedmodel")), "only where it is the runtime"
x, states, found = given.astype(np.float32 if given.ndim == 3 else np.int32), scope["zeros"], []
for t in range(x.shape[1]):
    logits, states = scope["step"](x[:, t : t + 1], states)
    found.append(logits[:, 0].tolist())
print(json.dumps(found))
"""


def run_card(code, x, form, folder):
    """What the program of a card prints, and then what its `step` gives, a step a call, where lstmzoo is not at hand."""
    line = [sys.executable, "-c", STRANGER, code, json.dumps(x.tolist()), form]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    *said, found = done.stdout.rstrip("\n").split("\n")
    return "\n".join(said), np.swapaxes(json.loads(found), 0, 1)


def code_of(card):
    return re.search(r"```python\n(.*?)```", card, re.DOTALL)[1]


@pytest.mark.parametrize("forms", few([["onnx", "tflite"], ARRAYS], [["onnx", "tflite"]]), ids="-".join)
def test_the_cards_programs_run_in_a_process_without_lstmzoo(exported, forms):
    """In the directory of the files; they write one text, and their numbers are those of the live model."""
    x, texts = np.random.default_rng(1).integers(0, 96, (1, 40)), set()
    expected = lstmzoo.load_model("zoo:char_python")(x).numpy()
    for form in forms:
        written, logits = run_card(code_of(inside(exported, form)[1]), x, form, exported)
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
        texts.add(written)
    (text,) = texts
    assert len(text) == 201
    assert sum(text.count(word) for word in ("self", "def ", "return", "    ")) > 2


@pytest.mark.parametrize(
    "name, symbols",
    [
        ("embedding", Vocabulary([10, 39, 92, 34, 96, 125, 0x1F600], "char")),
        ("stacked_cells-3", Vocabulary([0, 10, 65, 97, 200, 254, 255], "byte", lowercase=False)),
        ("scalar", None),
        ("features", None),
    ],
)
def test_cards_of_other_models_run_too(name, symbols, tmp_path):
    """Whatever is to be encoded, and whatever the file is called."""
    blueprint, path = blueprint_of(live(name, 1)), tmp_path / """m "a'{b}\\n\n.onnx"""
    write_export(Source(blueprint, symbols, name, "random"), path, "onnx")
    card = {prop.key: prop.value for prop in onnx.load(path).metadata_props}["README.md"]
    x = given(name, 1)
    written, logits = run_card(code_of(card), x, "onnx", tmp_path)
    np.testing.assert_allclose(logits, live(name, 1)(x).numpy(), rtol=0, atol=1e-5)
    if symbols is None:
        assert written.startswith("answer: [")
    assert ("lower case" in card) is False
    assert ("a byte" in card) == (name == "stacked_cells-3")


CHOICES = [{"temperature": 0.5}, {"temperature": 0}, {"top_k": 5, "top_p": 0.8, "samples": 3}, {"stop": ")"}]


@pytest.mark.parametrize("choice", few(CHOICES, CHOICES[2:3]))
def test_a_seed_is_one_text_on_every_runtime(choice):
    texts = [
        lstmzoo.sample_text("zoo:char_python", prompt="def ", length=150, seed=2, runtime=runtime, **choice)
        for runtime in ("tensorflow", "numpy", "tflite", "onnx")
    ]
    assert texts[1:] == texts[:1] * 3


@pytest.mark.slow
def test_scores_are_the_same_on_every_runtime():
    text = Path(write.__file__).read_text()[:1500]
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
    """An environment in which packages are not installed."""
    (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({modules!r}))\n")
    return {**os.environ, "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}


README = (ROOT / "lstmzoo" / "inference" / "README.md").read_text()
SMALL = {"numpy", "safetensors", "pyyaml", "pydantic", "typing-extensions", "typer", "platformdirs"}
LARGE = (
    "tensorflow",
    "tf_keras",
    "keras",
    "keras_tuner",
    "matplotlib",
    "tensorboard",
    "h5py",
    "pooch",
    "packaging",
    "grpc",
    "filelock",
)


@pytest.mark.parametrize("runtime", ["numpy", "onnx", "auto"])
def test_a_small_machine_needs_no_tensorflow(runtime, tmp_path):
    """With what README tells it to install, and no more of what lstmzoo asks for."""
    environment = without(tmp_path, *LARGE)
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


def test_what_a_small_machine_installs_is_in_readme():
    """Every requirement of the package is in one of the two lists; rich comes with typer."""
    asked = {re.split(r"[\[<>=;]", line)[0] for line in requires("lstmzoo") if "extra ==" not in line}
    assert asked - SMALL == {name.replace("_", "-") for name in LARGE} - {"keras", "grpc"} | {"grpcio", "rich"}
    (line,) = re.findall(r"--no-deps .* pip install (.*)", README)
    assert set(line.split()) == SMALL


@pytest.mark.parametrize(
    "words",
    [
        ["lstmzoo.sample", "zoo:char_python", "--runtime", "tensorflow"],
        ["lstmzoo.sample", "zoo:char_python", "--runtime", "tflite"],
        ["lstmzoo.export", "zoo:char_python", "m.keras"],
        ["lstmzoo.run", "echo", "--run-dir", "run"],
        ["lstmzoo.sweep", "echo", "--dir", "sweep"],
    ],
)
def test_what_needs_tensorflow_says_so_in_a_line(words, tmp_path):
    (tmp_path / "place").mkdir()
    done = command(*words, env=without(tmp_path, "tensorflow", "tf_keras"), cwd=tmp_path / "place")
    assert (done.returncode, done.stdout) == (2, "")
    wanted = (
        "expected tensorflow to be installed for this, received none (.*): python -m pip install tensorflow tf-keras"
    )
    *before, last = done.stderr.splitlines()
    assert re.fullmatch(wanted, last)
    assert before == [] or words[0] == "lstmzoo.run"  # which says first what it was to run
    assert not list((tmp_path / "place").iterdir())


def test_the_command_says_what_it_wrote(tmp_path):
    done = command("lstmzoo.export", "zoo:echo_4", tmp_path / "new" / "echo.onnx")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert re.fullmatch(r".*/new/echo\.onnx: onnx, \d+ kB", lines[0])
    assert lines[1] == "weights: after step 3,330"
    assert lines[2] == "inputs: ids [B, T] int32, h0 [B, 4], c0 [B, 4]"
    assert lines[3] == "outputs: logits [B, T, 2], and the states for what comes next, h0_next and so on"
    assert re.fullmatch(r"checked over 200 symbols: logits (within \d\.\de-0\d of|equal to) the live model's", lines[4])
    assert lines[5] == "inside: model.json and README.md in the metadata"
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
        ("m.onnx", {"format": "onx"}, "format: expected one of keras, savedmodel, tflite, onnx, c, received 'onx'; did you mean onnx?"),
        ("m", {}, "format: expected one of .*, or a name that ends with .keras, .tflite, .onnx, .h, received 'm': choose one with --format .savedmodel writes a directory."),
        ("m.onxx", {}, "received 'm.onxx'; did you mean .onnx\\?: choose one with --format"),
        ("m.onnx", {"format": "x" * 5000}, "format: expected one of .*, received 'x{56}\\.\\.\\.$"),
        ("m.onnx", {"format": ""}, "format: expected one of keras, savedmodel, tflite, onnx, c, received ''"),
        ("m.KERAS", {}, "expected a name that ends with .keras with format keras, received 'm.KERAS'"),
        ("m[1]", {"format": "savedmodel"}, r"expected a path without \[ with format savedmodel"),
        ("m\udcff.onnx", {}, "received one that is not UTF-8"),
        ("m\0.onnx", {}, "received one that is not UTF-8"),
        ("new/..", {"format": "savedmodel"}, "received one without a name at its end"),
        ("m.onnx", {"format": "tflite"}, "expected a name that ends with .tflite with format tflite, received 'm.onnx'"),
        ("m.onnx", {"format": "savedmodel"}, "expected the name of a directory with format savedmodel"),
        ("m", {"format": "keras"}, "expected a name that ends with .keras with format keras, received 'm'"),
        ("run", {"format": "savedmodel"}, "expected a path that does not exist yet, received one that exists: remove it"),
        ("run/config.yaml", {"format": "onnx"}, "expected a path that does not exist yet"),
        ("run/config.yaml/m.onnx", {}, r"received one that cannot be used \(Not a directory\)"),
        ("m" * 300 + ".onnx", {}, r"received one that cannot be used \(File name too long\)"),
        ("zoo:echo_4", {"format": "savedmodel"}, "names a trained model of the package"),
        ("new/m.onnx", {}, "expected a run with a checkpoint, .*which has none"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_leaves_nothing(empty_run, out, options, message):
    before = sorted(empty_run.parent.rglob("*"))
    with pytest.raises(InputError, match=message):
        lstmzoo.export_model(empty_run, empty_run.parent / out, **options)
    assert sorted(empty_run.parent.rglob("*")) == before


@pytest.mark.parametrize("out", ["m.onnx", "m.tflite", "m", "new/m.keras", "./m.onnx"])
def test_a_working_directory_that_is_gone_is_the_users_to_change(tmp_path, monkeypatch, out):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InputError, match=r"received one that cannot be used \(No such file or directory\)"):
        check_target(Path(out), None if "." in out else "savedmodel")
    check_target(tmp_path / "m.onnx", None)


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

    monkeypatch.setattr(write, "FORMATS", {"onnx": FORMATS["onnx"]._replace(write=spoilt)})
    with pytest.raises(EnvironmentFailure, match=r"received numbers that differ by 0.001: the file was removed"):
        lstmzoo.export_model("zoo:echo_4", tmp_path / "new" / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_a_model_that_no_runtime_can_reproduce_is_called_so():
    """Its own numbers change as much when its weights change in their last digit."""
    for scale, outcome in ((0.3, None), (1, "expected a model whose numbers do not depend on the last digit")):
        model = lstmzoo.build_model({"units": 64}, vocab_size=7, encoding="one_hot", batch_size=1)
        draws = np.random.default_rng(0)
        model.set_weights([draws.normal(0, scale, weight.shape) for weight in model.get_weights()])
        blueprint = blueprint_of(model)
        if outcome is None:
            assert compare(blueprint, NumpyRunner(blueprint)) < 1e-5
        else:
            with pytest.raises(InputError, match=outcome):
                compare(blueprint, NumpyRunner(blueprint))


def slow_export():
    """An export that stays in one call of C, in which no signal handler of Python's runs."""

    def slow(blueprint, notes, path):
        (path.parent / "part").write_text("half")
        print("begun", file=sys.stderr, flush=True)  # held back as what converters say is
        Path("begun").touch()
        hashlib.pbkdf2_hmac("sha256", b"a", b"b", 1_000_000_000)

    write.FORMATS = {"onnx": FORMATS["onnx"]._replace(write=slow)}
    sys.argv[1:] = ["zoo:echo_4", "above/deep/new.onnx"]
    main("export")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_long_call_of_a_library_leaves_nothing(tmp_path, number):
    """Such as the conversion of a large model; the process says why it ends."""
    process = Command(slow_export, cwd=tmp_path)
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, number)
    assert process.done() == (128 + number, "", f"stopped by {number.name}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["begun"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing(tmp_path, number):
    process = command_of("export.__main__", "zoo:char_python", tmp_path / "m.tflite", cwd=tmp_path)
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, number)
    assert process.done(30).returncode == 128 + number
    assert not list(tmp_path.iterdir())


def test_what_appears_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    def late(blueprint, notes, path):
        FORMATS[form].write(blueprint, notes, path)
        (tmp_path / "m.onnx").write_text("precious")
        (tmp_path / "m").mkdir()

    for form, name in (("onnx", "m.onnx"), ("savedmodel", "m")):
        monkeypatch.setattr(write, "FORMATS", {form: FORMATS[form]._replace(write=late)})
        with pytest.raises(InputError, match="received one that exists"):
            lstmzoo.export_model("zoo:echo_4", tmp_path / name, form)
        assert (tmp_path / "m.onnx").read_text() == "precious"
        assert sorted(path.name for path in tmp_path.rglob("*")) == ["m", "m.onnx"]
        (tmp_path / "m.onnx").unlink()
        (tmp_path / "m").rmdir()


def test_weights_that_a_format_cannot_hold_are_refused(tmp_path, monkeypatch):
    for form, most in (("onnx", 2**31), ("tflite", 2**31)):
        assert 0.9 * most < FORMATS[form].most_bytes < most
        monkeypatch.setitem(FORMATS, form, FORMATS[form]._replace(most_bytes=400))
        with pytest.raises(
            InputError,
            match=rf"at most 0.0 MB of float32 with {form}, received .*choose another format \(.*keras, savedmodel",
        ):
            lstmzoo.export_model("zoo:echo_4", tmp_path / f"m.{form}")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_card_names_the_text_and_no_folder(tmp_path):
    """A name that is no UTF-8 too: it is escaped."""
    name = os.fsdecode(b"caf\xe9.txt")
    (tmp_path / name).write_text("abc" * 100)
    train = {"batch_size": 2, "seq_length": 5, "steps": 2}
    task = {"kind": "char", "text": str(tmp_path / "*.txt"), "lowercase": True}
    config = {"task": task, "model": {"units": 3}, "train": train, "validate": {"every_steps": 2}}
    (tmp_path / "c.yaml").write_text(json.dumps(config))
    lstmzoo.train_run(lstmzoo.load_config(tmp_path / "c.yaml"), tmp_path / "run")
    found = lstmzoo.export_model(tmp_path / "run", tmp_path / "m.onnx")
    card = {prop.key: prop.value for prop in onnx.load(found.path).metadata_props}["README.md"]
    assert "- **Task**: kind char; text caf\\udce9.txt; unit char; lowercase True; errors strict.\n" in card
    assert re.search(r"- \*\*Weights\*\*: after step 2, its best: val_loss \d\.\d+ nats a symbol\.\n", card)
    assert "lower case only: a text is lower-cased first" in card
    assert str(tmp_path) not in card


def test_a_full_disk_is_one_message(tmp_path, monkeypatch):
    def full(blueprint, notes, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "FORMATS", {"onnx": FORMATS["onnx"]._replace(write=full)})
    with pytest.raises(
        EnvironmentFailure,
        match=r"m.onnx': expected to write it, received: No space left on device; nothing was written",
    ):
        lstmzoo.export_model("zoo:echo_4", tmp_path / "new" / "m.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("policy", few(["mixed_float16", "float64"], ["mixed_float16"]))
def test_a_users_own_policy_of_types_changes_nothing(policy, tmp_path):
    keras.mixed_precision.set_global_policy(policy)
    try:
        found = lstmzoo.export_model("zoo:echo_4", tmp_path / "m.keras")
    finally:
        keras.mixed_precision.set_global_policy("float32")
        keras.mixed_precision.set_global_policy(None)  # follows floatx again
    assert found.difference < 2e-5


EXTREMES = [{"temperature": 1e-310}, {"temperature": 1e308, "top_k": 3}, {"top_p": 1e-310}]


@pytest.mark.parametrize("choice", few(EXTREMES, EXTREMES[:1]))
def test_extreme_choices_are_one_text_too(choice, recwarn):
    texts = {
        lstmzoo.sample_text("zoo:char_python", prompt="def ", length=40, seed=2, runtime=runtime, **choice)
        for runtime in ("tensorflow", "numpy")
    }
    assert len(texts) == 1
    assert not [each for each in recwarn if issubclass(each.category, RuntimeWarning)]


def test_auto_counts_all_that_is_read_and_drawn():
    few = SampleRequest("def ", 1000, Choice(), 0, 1, None)
    assert few.symbols == 1004
    assert few._replace(samples=3).symbols == 3012
    assert choose_runtime("auto", LONG) == "numpy"
    assert choose_runtime("auto", LONG + 1) == "tensorflow"
    assert choose_runtime("onnx", LONG + 1) == "onnx"


def test_a_terminal_sees_the_text_alone(tmp_path):
    """LiteRT says at its start what it has to say, and that is not in the midst of a text."""
    words = ["zoo:char_python", "--prompt", "def ", "--length", 5, "--runtime", "tflite"]
    done = command_of("sample", *words, cwd=tmp_path).done()
    assert (done.returncode, done.stderr, len(done.stdout)) == (0, "", 9)


def test_a_prompt_may_come_through_a_pipe():
    done = command("lstmzoo", "sample", "zoo:char_python", "--prompt-file", "-", "--length", 5, input="import os\n")
    assert (done.returncode, done.stderr, len(done.stdout)) == (0, "", 15)
    assert done.stdout.startswith("import os\n")


@pytest.mark.parametrize("name", few(["stacked_cells-3", "features"], ["features"]))
def test_a_live_model_is_exported_too_and_its_states_stay(name, tmp_path):
    model, x = live(name, 5), given(name, 5)
    model(x)
    before = [part for pair in get_states(model) for part in pair]
    exported = lstmzoo.export_model(model, tmp_path / "m.onnx")
    np.testing.assert_array_equal(
        np.concatenate(before, 1), np.concatenate([p for hc in get_states(model) for p in hc], 1)
    )
    logits, _ = FORMATS["onnx"].open(exported.path, exported.signature)(x, before)
    np.testing.assert_allclose(logits, model(x).numpy(), rtol=0, atol=1e-5)
    with pytest.raises(InputError, match="with a head, whose outputs are logits or numbers, received one without"):
        headless = lstmzoo.build_model("echo_4", vocab_size=None, encoding="scalar", batch_size=1)
        lstmzoo.export_model(headless, tmp_path / "n.onnx")
    with pytest.raises(InputError, match="expected a tf_keras"):
        lstmzoo.export_model(3, tmp_path / "n.onnx")
    with pytest.raises(InputError, match="layer 0 kernel: expected finite numbers, received NaN or infinity"):
        model.set_weights([weight * np.nan for weight in model.get_weights()])
        lstmzoo.export_model(model, tmp_path / "n.h")
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]
