"""Streams: pieces equal the whole, states pass between runtimes and processes, and what is no state is refused."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import lstmzoo
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.export.formats.registry import FORMATS
from lstmzoo.export.opened import open_exported
from lstmzoo.inference.runtimes import RUNTIMES
from lstmzoo.runs.checkpoint import load_checkpoint, save_checkpoint
from lstmzoo.runs.trained import open_run
from tests.helpers.rows import few
from tests.helpers.series_runs import write_run
from tests.helpers.text_runs import write_text_run

ECHO, NAN = "zoo:echo_4", np.nan
TEXT = "def f(x):\n    return [y for y in x if y]\n\n\nclass A:\n    def g(self):\n        pass\n"
V = len(set(TEXT))
DRAWS = np.random.default_rng(3)
BITS = DRAWS.integers(0, 2, (3, 40))
EXACT = ("numpy", "tensorflow", "c")  # whose numbers do not depend on the size of the pieces


@pytest.fixture(scope="module")
def pump(tmp_path_factory):
    """A run of numbers that looks three rows ahead, and lacked values of one input."""
    return write_run(tmp_path_factory.mktemp("pump") / "run", ["p", "q"], ["q"], held=["q"], horizon=3)


@pytest.fixture(scope="module")
def char(tmp_path_factory):
    return write_text_run(tmp_path_factory.mktemp("char") / "run", TEXT)


@pytest.fixture(scope="module")
def run_of(pump, char):
    return {"char": char, "echo": ECHO, "pump": pump, "clipper": "zoo:clipper"}.__getitem__


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LSTMZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def rows(count):
    """Rows of the pump, of which the second input lacks some."""
    values = 10 * DRAWS.normal(size=(count, 2)) + [1, 11]
    values[DRAWS.random(count) < 0.3, 1] = NAN
    return values


ROWS = rows(60)
STEPS = {"char": TEXT, "echo": BITS[0], "pump": ROWS}


def close(found, expected, bound):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= bound * max(1, np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "runtime"),
    few(
        [(name, runtime) for name in STEPS for runtime in RUNTIMES[1:]],
        [("char", "numpy"), ("echo", "numpy"), ("pump", "numpy"), ("pump", "c"), ("echo", "onnx")],
    ),
)
def test_a_stream_in_pieces_saved_and_restored_equals_the_whole(name, runtime, run_of, tmp_path):
    logits = {} if name == "pump" else {"logits": True}
    xs, path, run = STEPS[name], tmp_path / "state", run_of(name)
    whole = lstmzoo.stream(run, runtime=runtime).run(xs, **logits)
    close(whole, lstmzoo.stream(run).run(xs, **logits), 1e-5)
    for _ in range(1 if runtime in ("tensorflow", "tflite") else 3):  # which take seconds to open
        cuts = [0, *sorted(DRAWS.integers(0, len(xs) + 1, 3).tolist()), len(xs)]
        found, state = [], None
        for first, last in pairwise(cuts):
            piece = lstmzoo.stream(run, runtime=runtime, state=state)
            found.append(piece.run(xs[first:last], **logits))
            piece.save(state := path)
        together = np.concatenate(found)
        assert np.array_equal(together, whole) if runtime in EXACT else True
        close(together, whole, 1e-6)


@pytest.mark.parametrize("name", ["char", "pump"])
def test_what_a_caller_does_with_its_arrays_leaves_the_state(name, run_of, tmp_path):
    logits = {} if name == "pump" else {"logits": True}
    changed, left = lstmzoo.stream(run_of(name)), lstmzoo.stream(run_of(name))
    xs = ROWS[:9].copy() if name == "pump" else np.arange(9) % V
    left.run(xs.copy(), **logits)
    found = changed.run(xs, **logits)
    found *= 0.1
    xs[:] = 0
    states = []
    for each in (changed, left):
        each.save(tmp_path / "state")
        states.append(load_checkpoint(tmp_path / "state").tensors)
    assert all(np.array_equal(part, states[1][key]) for key, part in states[0].items())


@given(st.lists(st.integers(0, len(TEXT)), min_size=3, max_size=3).map(sorted), st.data())
@settings(max_examples=15, deadline=None)
def test_any_three_cuts_and_any_steps_give_the_same_numbers(char, cuts, data):
    stream = lstmzoo.stream(char)
    whole = stream.copy().run(TEXT)
    found = []
    for first, last in zip([0, *cuts], [*cuts, len(TEXT)], strict=True):
        stream = stream.copy()
        one = [stream.step(TEXT[first])[None]] if first < last and data.draw(st.booleans()) else []
        found += [*one, stream.run(TEXT[first + len(one) : last])]
    assert np.array_equal(np.concatenate(found), whole)


def files(run, folder, forms):
    for form in forms:
        path = folder / f"{form}{FORMATS[form].ending}"
        lstmzoo.export_model(run, path, form)
        yield path


@pytest.mark.parametrize("name", few(STEPS, ["pump"]))
@pytest.mark.parametrize("forms", few([["onnx", "c"], ["keras", "savedmodel", "tflite"]], [["onnx", "c"]]))
def test_a_state_passes_from_any_runtime_to_any_other(name, forms, run_of, tmp_path):
    xs, half, run = STEPS[name], 33, run_of(name)
    whole, every = lstmzoo.stream(run).run(xs), [run, *files(run, tmp_path, forms)]
    for source in every:
        first = lstmzoo.stream(source)
        close(first.run(xs[:half]), whole[:half], 1e-5)
        first.save(tmp_path / "state")
        for other in every:
            close(lstmzoo.stream(other, state=tmp_path / "state").run(xs[half:]), whole[half:], 1e-5)


def test_int8_goes_on_from_the_state_of_float32(tmp_path):
    lstmzoo.export_model(ECHO, tmp_path / "net.h", weights="int8")
    stream = lstmzoo.stream(ECHO)
    stream.run(BITS[0])
    stream.save(tmp_path / "state")
    found = lstmzoo.stream(tmp_path / "net.h", state=tmp_path / "state").run(BITS[1])
    assert np.abs(found - stream.run(BITS[1])).max() < 0.01


CHILD = """
import sys
import numpy as np
import lstmzoo
stream = lstmzoo.stream(sys.argv[1], state=sys.argv[2])
np.save(sys.argv[3], stream.run(sys.argv[4], logits=True))
assert "tensorflow" not in sys.modules
"""


@pytest.mark.parametrize("ending", few([None, ".onnx", ".h"], [None]))
def test_another_process_goes_on_without_tensorflow(ending, char, tmp_path):
    source = char if ending is None else tmp_path / f"net{ending}"
    if ending is not None:
        lstmzoo.export_model(char, source)
    stream = lstmzoo.stream(char)
    stream.run(TEXT[:30])
    stream.save(tmp_path / "state")
    words = [source, tmp_path / "state", tmp_path / "found.npy", TEXT[30:]]
    subprocess.run([sys.executable, "-c", CHILD, *map(str, words)], check=True)
    close(np.load(tmp_path / "found.npy"), stream.run(TEXT[30:], logits=True), 1e-5)


@pytest.mark.parametrize("runtime", few(RUNTIMES[1:], ["numpy", "c"]))
def test_lanes_are_reset_one_by_one(runtime):
    stream = lstmzoo.stream(ECHO, lanes=3, runtime=runtime)
    stream.run(BITS)
    stream.reset(1)
    assert stream.steps.tolist() == [40, 0, 40]
    found = stream.run(BITS)
    fresh, on = lstmzoo.stream(ECHO, lanes=3, runtime=runtime), lstmzoo.stream(ECHO, lanes=3, runtime=runtime)
    on.run(BITS)
    assert np.array_equal(found[1], fresh.run(BITS)[1])
    assert np.array_equal(found[[0, 2]], on.run(BITS)[[0, 2]])
    stream.reset([0, 2])
    stream.reset()
    assert np.array_equal(stream.run(BITS), lstmzoo.stream(ECHO, lanes=3, runtime=runtime).run(BITS))
    for lanes in (3, -1, [0, 7], "x", 0.5, True, [[0]], [[0], [0, 1]], [0, [1]]):
        with pytest.raises(InputError, match="lanes: expected numbers from 0 to 2"):
            stream.reset(lanes)


def test_a_lane_is_reset_with_what_it_holds(pump):
    both = np.stack([ROWS, ROWS])
    stream = lstmzoo.stream(pump, lanes=2)
    stream.run(both)
    stream.reset(0)
    assert np.array_equal(stream.run(both)[0], lstmzoo.stream(pump, lanes=2).run(both)[0])


def test_probabilities_are_those_of_the_logits_and_numbers_those_of_predict(char, pump):
    logits = lstmzoo.stream(char).run(TEXT, logits=True)
    shares = np.exp(logits.astype(float) - logits.max(-1, keepdims=True))
    assert np.allclose(lstmzoo.stream(char).run(TEXT), shares / shares.sum(-1, keepdims=True), rtol=1e-12)
    assert np.array_equal(lstmzoo.stream(pump).run(ROWS), lstmzoo.predict_series(pump, ROWS))
    with pytest.raises(InputError, match="logits: expected False for a model of numbers, received True"):
        lstmzoo.stream(pump).step(ROWS[0], logits=True)


@pytest.mark.parametrize(
    ("name", "lanes", "call", "given_", "shape"),
    [
        ("char", 1, "step", "d", (V,)),
        ("char", 1, "step", b"d", (V,)),
        ("char", 1, "step", 7, (V,)),
        ("char", 1, "step", np.uint8(7), (V,)),
        ("char", 1, "step", ["d"], (1, V)),
        ("char", 1, "step", [[7]], (1, V)),
        ("char", 1, "run", TEXT[:5], (5, V)),
        ("char", 1, "run", "", (0, V)),
        ("char", 1, "run", [], (0, V)),
        ("char", 1, "run", [TEXT[:5]], (1, 5, V)),
        ("char", 1, "run", [1, 2, 3], (3, V)),
        ("char", 1, "run", [[1, 2, 3]], (1, 3, V)),
        ("char", 2, "step", ["a", "d"], (2, V)),
        ("char", 2, "step", np.array([1, 2]), (2, V)),
        ("char", 2, "run", ["ass", "def"], (2, 3, V)),
        ("char", 2, "run", np.ones((2, 4), np.uint8), (2, 4, V)),
        ("pump", 1, "step", [1.0, 11], (1,)),
        ("pump", 1, "step", [[1, 11]], (1, 1)),
        ("pump", 1, "step", [1, NAN], (1,)),
        ("pump", 1, "run", ROWS, (60, 1)),
        ("pump", 1, "run", ROWS[None], (1, 60, 1)),
        ("pump", 1, "run", ROWS[:0], (0, 1)),
        ("pump", 2, "step", ROWS[:2], (2, 1)),
        ("pump", 2, "run", ROWS.reshape(2, 30, 2), (2, 30, 1)),
        ("clipper", 1, "step", 0.5, (1,)),
        ("clipper", 1, "step", [0.5], (1,)),
        ("clipper", 1, "step", [[0.5]], (1, 1)),
        ("clipper", 1, "run", [0.5, 1], (2, 1)),
        ("clipper", 1, "run", [[0.5], [1]], (2, 1)),
        ("clipper", 2, "step", [0.5, 1], (2, 1)),
        ("clipper", 2, "run", [[0.5, 1, 2], [1, 2, 3]], (2, 3, 1)),
    ],
)
def test_what_comes_out_has_the_axes_of_what_goes_in(name, lanes, call, given_, shape, run_of):
    stream = lstmzoo.stream(run_of(name), lanes)
    found = getattr(stream, call)(given_)
    assert found.shape == shape
    assert stream.steps.tolist() == [shape[-2] if call == "run" else 1] * lanes


@pytest.mark.parametrize(
    ("name", "lanes", "call", "given_", "said"),
    [
        ("char", 1, "step", "de", "x: expected one symbol, received 'de': run() takes several"),
        ("char", 1, "step", "", "x: expected one symbol, received ''"),
        ("char", 1, "step", [1, 2], "x: expected one symbol, received int64 [2]"),
        ("char", 1, "step", V, f"from 0 to {V - 1}, received {V} to {V}"),
        ("char", 1, "step", -1, f"from 0 to {V - 1}, received -1 to -1"),
        ("char", 1, "step", 1.0, "x: expected one symbol, received 1.0"),
        ("char", 1, "step", None, "x: expected one symbol, received None"),
        ("char", 1, "step", True, "x: expected one symbol, received True"),
        ("char", 1, "run", "é", "received 'é' (U+00E9)"),
        ("char", 1, "run", ["a", "d"], "expected a text, or ids [T], received ['a', 'd']"),
        ("char", 1, "run", bytearray(b"\1\2"), "expected a text, or ids [T], received bytearray(b'"),
        ("char", 1, "run", [[1], [1, 2]], "expected a text, or ids [T], received [[1], [1, 2]]"),
        ("char", 2, "run", ["a", "de"], "all of one length, received 1, 2 symbols"),
        ("char", 2, "run", "as", "expected a text, or ids [T] for each of 2 lanes, received 'as'"),
        ("char", 2, "step", "a", "expected one symbol for each of 2 lanes, received 'a'"),
        ("echo", 1, "run", "01", "from 0 to 1 (this model has no vocabulary), received text"),
        ("pump", 1, "step", [1], "x: expected a row of 2 numbers, received int64 [1]"),
        ("pump", 1, "step", [NAN, 11], "lane 0, row 0 (from 0 on), input 'p': expected a number"),
        ("pump", 1, "step", [np.inf, 11], "input 'p': expected a number of at most"),
        ("pump", 1, "step", ["1", "2"], "x: expected a row of 2 numbers, received ['1', '2']"),
        ("pump", 1, "run", ROWS[:, :1], "xs: expected numbers [T, 2], received float64 [60, 1]"),
        ("pump", 2, "run", ROWS, "xs: expected numbers [T, 2] for each of 2 lanes, received float64 [60, 2]"),
    ],
)
def test_what_cannot_be_read_is_refused_and_the_state_stays(name, lanes, call, given_, said, run_of):
    stream = lstmzoo.stream(run_of(name), lanes)
    with pytest.raises(InputError) as raised:
        getattr(stream, call)(given_)
    assert said in str(raised.value)
    assert stream.steps.tolist() == [0] * lanes


def test_outputs_that_are_not_finite_are_refused_and_the_state_stays(tmp_path):
    run = write_run(tmp_path / "run", ["p"], model={"kind": "single", "units": 3, "skip": True})
    stream = lstmzoo.stream(run)
    before = stream.run([1, 2, 3])
    with pytest.raises(InputError, match="received NaN or infinity at row 5 of a recording: "):
        stream.run([1, 3.4e38])
    assert stream.steps.tolist() == [3]
    assert np.array_equal(np.concatenate([before, stream.run([4])]), lstmzoo.stream(run).run([1, 2, 3, 4]))


def test_symbols_are_those_of_the_ids_that_come_out(char, pump):
    stream = lstmzoo.stream(char)
    assert stream.symbols == sorted(set(TEXT))
    by_id = stream.copy().run([stream.symbols.index(each) for each in "def"])
    assert np.array_equal(by_id, stream.run("def"))
    assert [lstmzoo.stream(each).symbols for each in (pump, ECHO)] == [None, None]


def test_a_copy_goes_its_own_way():
    stream = lstmzoo.stream(ECHO)
    stream.run(BITS[0])
    other = stream.copy()
    other.run(BITS[1])
    assert (stream.steps.tolist(), other.steps.tolist()) == ([40], [80])
    assert np.array_equal(stream.run(BITS[1]), stream.copy().run(BITS[1])) is False
    other.reset()
    assert stream.steps.tolist() == [80]


@pytest.mark.parametrize("runtime", few(RUNTIMES[1:], ["numpy"]))
def test_copies_in_threads_give_the_same_numbers(runtime):
    stream, parts = lstmzoo.stream(ECHO, runtime=runtime), np.split(np.tile(BITS, 4), 32, axis=1)

    def read(lane):
        copy = stream.copy()
        return np.concatenate([copy.run(part[lane]) for part in parts])

    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(read, range(3)))
    assert np.array_equal(together, [read(lane) for lane in range(3)])


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A state of two lanes, one of which has read nothing since."""
    stream, path = lstmzoo.stream(ECHO, lanes=2), tmp_path_factory.mktemp("state") / "s.safetensors"
    stream.run(BITS[:2])
    stream.reset(1)
    stream.save(path)
    return path


def refused(path, said, source=ECHO, lanes=2):
    with pytest.raises(InputError) as raised:
        lstmzoo.stream(source, lanes=lanes, state=path)
    assert str(path)[-20:] in str(raised.value)
    assert said in str(raised.value), str(raised.value)


def test_a_state_of_something_else_is_refused(state, pump, tmp_path):
    refused(state, "expected the state of this model (weights", "zoo:clipper")
    refused(state, "received that of another one", pump)
    refused(state, "expected the state of 1 lane, received one of 2 lanes", lanes=1)
    refused(tmp_path / "none", "received no such file (No such file or directory)")
    refused(tmp_path, "received no such file (Is a directory)")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "received no such file (it is no regular file)")
    checkpoint = next((open_run(pump) and pump / "checkpoints").iterdir())
    refused(checkpoint, "received a checkpoint of a run")


def test_truncated_and_altered_files_are_refused(state, tmp_path):
    content, draws, path = state.read_bytes(), np.random.default_rng(5), tmp_path / "wrong.safetensors"
    for size in [0, 1, 7, 8, 9, *draws.integers(10, len(content), 60).tolist()]:
        path.write_bytes(content[:size])
        refused(path, "a file that is none, or damaged")
    for place in draws.integers(0, len(content), 100).tolist():
        changed = bytearray(content)
        changed[place] ^= 1 << int(draws.integers(8))
        path.write_bytes(changed)
        refused(path, "expected the state of")
    for more in (b"\0", content):
        path.write_bytes(content + more)
        refused(path, "a file that is none, or damaged")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t, m: t.pop("h0") is None or None, "other parts"),
        (lambda t, m: t.pop("steps") is None or None, "other parts"),
        (lambda t, m: t.update(more=np.zeros(1)), "other parts"),
        (lambda t, m: t.update(h0=np.zeros((2, 5), np.float32)), "h0 of another shape"),
        (lambda t, m: t.update(h0=np.zeros((3, 4), np.float32)), "h0 of another shape"),
        (lambda t, m: t.update(h0=np.zeros((2, 4))), "h0 of another shape or type (float64 [2, 4])"),
        (lambda t, m: t.update(c0=np.full((2, 4), NAN, np.float32)), "c0 that is not finite"),
        (lambda t, m: t.update(c0=np.full((2, 4), np.inf, np.float32)), "c0 that is not finite"),
        (lambda t, m: t.update(h0=np.full((2, 4), 1.5, np.float32)), "h0 beyond 1"),
        (lambda t, m: t.update(steps=np.array([-1, 0])), "steps that are not 0 to"),
        (lambda t, m: t.update(steps=np.array([2**63 - 1, 0])), "steps that are not 0 to"),
        (lambda t, m: t.update(steps=np.array([40, 0, 3])), "h0 of another shape"),
        (lambda t, m: t.update(steps=np.zeros((2, 1), np.int64)), "of another shape"),
        (lambda t, m: t.update(steps=np.array([0, 0])), "a last symbol"),
        (lambda t, m: t.update(last=np.array([2, -1])), "a last symbol that the model does not know"),
        (lambda t, m: t.update(last=np.array([-2, -1])), "a last symbol that the model does not know"),
        (lambda t, m: t.update(last=np.array([0, 1])), "a last symbol that the model does not know"),
        (lambda t, m: t.update(steps=np.array([40, 1]), last=np.array([0, -1])), "a last symbol"),
        (lambda t, m: t.update(outputs=np.ones((2, 1, 2), np.float32)), "outputs before its first step"),
        (lambda t, m: t.update(outputs=np.zeros((2, 2, 2), np.float32)), "outputs of another shape"),
        (lambda t, m: t.update(h0=np.full((2, 4), 0.5, np.float32)), "a state before its first step"),
        (lambda t, m: m.update(ahead="2"), "outputs of another horizon"),
        (lambda t, m: m.update(seed="x", draws="1"), "no place in a random stream"),
        (lambda t, m: m.update(seed="1", draws="-1"), "no place in a random stream"),
        (lambda t, m: m.update(seed="1"), "no place in a random stream"),
        (lambda t, m: m.update(seed="1", draws="9" * 60), "no place in a random stream"),
        (lambda t, m: m.update(kind="state of a stream 2"), "received 'state of a stream 2'"),
        (lambda t, m: m.pop("weights_sha256") is None or None, "received that of another one (weights 'none'"),
        (lambda t, m: m.update(weights_sha256="0" * 64), "received that of another one"),
    ],
)
def test_what_no_stream_writes_is_refused_though_its_digest_is_right(state, change, said, tmp_path):
    tensors, metadata = load_checkpoint(state)
    metadata.pop("sha256")
    change(tensors, metadata)
    save_checkpoint(tmp_path / "s", tensors, metadata)
    refused(tmp_path / "s", said)


def test_a_state_replaces_a_state_and_nothing_else(state, tmp_path):
    stream = lstmzoo.stream(ECHO)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="received one of another file: choose another path"):
        stream.save(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(InputError, match="received one in a folder that does not exist"):
        stream.save(tmp_path / "none" / "s")
    with pytest.raises(InputError, match="received one that cannot be used"):
        stream.save("a\0b")
    stream.save(tmp_path / "s")
    stream.run(BITS[0])
    stream.save(tmp_path / "s")
    assert lstmzoo.stream(ECHO, state=tmp_path / "s").steps.tolist() == [40]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "s"]
    with pytest.raises((EnvironmentFailure, InputError)):
        stream.save("/proc/self/s")


def test_exported_files_say_what_they_are(char, tmp_path):
    path = tmp_path / "net.onnx"
    lstmzoo.export_model(char, path)
    found = open_exported(path)
    assert found.facts.weights == open_exported(next(files(char, tmp_path, ["c"]))).facts.weights
    assert found.symbols == open_run(char).symbols
    with pytest.raises(InputError, match="runtime: expected auto or onnx for .*, received c"):
        lstmzoo.stream(path, runtime="c")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("m.onnx", b"", "received one without model.json: export it again"),
        ("m.onnx", b"\x08", "received another file"),
        ("m.tflite", b"not a zip", "received another file (File is not a zip file)"),
        ("m.keras", b"PK\x05\x06" + bytes(18), "received one without model.json"),
        ("m.h", b"int x;\n", "received another file (no header that lstmzoo wrote)"),
        ("m.h", b"\n/* lstmzoo reads this\nmodel.json []\n*/\n", "received another file (other keys)"),
        ("m.h", None, "received one that cannot be read (No such file or directory)"),
        ("m" * 300 + ".h", None, "received one that cannot be read (File name too long)"),
        ("m", None, "expected a run directory, received"),
        ("m.bin", b"x", "expected a run directory, received"),
    ],
)
def test_what_is_no_exported_model_is_refused(name, content, said, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        lstmzoo.stream(tmp_path / name)
    assert said in str(raised.value)


def test_a_live_model_is_to_be_exported_first():
    with pytest.raises(InputError, match="an exported file, received <object .*: export_model exports a model"):
        lstmzoo.stream(object())


def test_a_file_whose_facts_do_not_fit_is_refused(char, tmp_path):
    lstmzoo.export_model(char, tmp_path / "net.h")
    text = (tmp_path / "net.h").read_text()
    facts = json.loads(text[text.rindex("model.json ") + 11 :].splitlines()[0])
    for wrong in ({"output_dim": 5}, {"units": []}, {"units": [0]}, {"encoding": "x"}, {"ahead": -1}, {"numbers": 1}):
        (tmp_path / "net.h").write_text(text.replace(json.dumps(facts), json.dumps({**facts, **wrong})))
        with pytest.raises(InputError, match="expected a model that lstmzoo has exported with format c, received"):
            lstmzoo.stream(tmp_path / "net.h")
