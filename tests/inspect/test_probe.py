"""Activations: against Keras's own layers, a walk by hand, the runner's logits and the scores; in bounded memory."""

import subprocess
import sys

import numpy as np
import pytest
import tf_keras as keras

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.inference.numpy_runner import load
from lstmzoo.inspect import probe
from tests.helpers.series_runs import write_run
from tests.helpers.text_runs import write_text_run

TEXT = "the cat sat (on 'the' mat).\n    and so on, again and again.\n"
RANDOM = np.random.default_rng(3)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_text_run(tmp_path_factory.mktemp("char") / "run", TEXT)


@pytest.fixture
def short_pieces(monkeypatch):
    monkeypatch.setattr(probe, "PIECE", 7)


def by_hand(layer, x, hard=False):
    """h, c, i, f, g, o `[N, H]` of features `[N, D]`, one step after another in float64."""
    kernel, recurrent_kernel, bias = (part.astype(np.float64) for part in layer)
    h = c = np.zeros(len(recurrent_kernel))
    found = []
    for row in x:
        i, f, g, o = np.split(row @ kernel + h @ recurrent_kernel + bias, 4)
        i, f, o = (np.clip(0.2 * z + 0.5, 0, 1) if hard else 1 / (1 + np.exp(-z)) for z in (i, f, o))
        g = np.tanh(g)
        c = f * c + i * g
        h = o * np.tanh(c)
        found.append((h, c, i, f, g, o))
    return dict(zip("hcifgo", np.array(found).swapaxes(0, 1), strict=True))


def same(found, layer, wanted):
    for name, values in wanted.items():
        np.testing.assert_allclose(found[f"{name}{layer}"], values, rtol=0, atol=2e-5, err_msg=f"{name}{layer}")


def test_all_arrays_are_those_of_a_walk_by_hand(run, short_pieces):
    found, runner = lstmzoo.activations(run, TEXT), load(run)
    ids = [sorted(set(TEXT)).index(symbol) for symbol in TEXT]
    below = np.eye(len(set(TEXT)))[ids]
    for layer, weights in enumerate(runner.weights.layers):
        wanted = by_hand(weights, below)
        same(found, layer, wanted)
        below = wanted["h"]
    kernel, bias = runner.weights.head
    shares = np.exp(below @ kernel + bias)
    nats = -np.log(shares[np.arange(len(ids) - 1), ids[1:]] / shares[:-1].sum(1))
    assert np.isnan(found["surprise"][0])
    np.testing.assert_allclose(found["surprise"][1:], nats, atol=1e-4)


def test_names_shapes_and_types(run):
    found = lstmzoo.activations(run, TEXT)
    assert list(found) == "h0 c0 i0 f0 g0 o0 h1 c1 i1 f1 g1 o1 surprise".split()
    assert {name: found[name].shape for name in ("h0", "o1", "surprise")} == {
        "h0": (len(TEXT), 9),
        "o1": (len(TEXT), 7),
        "surprise": (len(TEXT),),
    }
    assert {values.dtype for values in found.values()} == {np.dtype(np.float32)}
    with pytest.raises(KeyError, match="received 'h2'; legal: c0, c1"):
        found["h2"]


def test_what_is_kept_cannot_be_written_to_and_names_cost_nothing(run, monkeypatch):
    found = lstmzoo.activations(run, TEXT)
    with pytest.raises(ValueError, match="read-only"):
        found["h0"][:] = 0
    monkeypatch.setattr(found, "pieces", None)
    assert "c1" in found and "c2" not in found


def test_hidden_states_are_those_of_kerass_layers(run):
    model = lstmzoo.load_model(run, batch_size=1)
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)]
    outputs = keras.Model(model.inputs, [layer.output for layer in layers])
    ids = np.array([[sorted(set(TEXT)).index(symbol) for symbol in TEXT]])
    found = lstmzoo.activations(run, TEXT)
    for number, hidden in enumerate(outputs(ids)):
        np.testing.assert_allclose(found[f"h{number}"], hidden[0], atol=1e-6)
    for number, (h, c) in enumerate(lstmzoo.get_states(model)):
        np.testing.assert_allclose(found[f"h{number}"][-1], h[0], atol=1e-6)
        np.testing.assert_allclose(found[f"c{number}"][-1], c[0], atol=1e-5)


def test_surprise_is_what_a_score_counts(run):
    nats = lstmzoo.score_text(run, TEXT)["carried"]["nats"]
    assert lstmzoo.activations(run, TEXT)["surprise"][1:].mean() == pytest.approx(nats, abs=1e-5)


@pytest.mark.parametrize("hard", [False, True])
def test_numbers_are_read_in_the_units_of_the_data(tmp_path, hard):
    activation = "hard_sigmoid" if hard else "sigmoid"
    model = {"kind": "single", "units": 6, "recurrent_activation": activation}
    folder, rows = write_run(tmp_path / "run", ["a", "b"], held=["b"], model=model), RANDOM.normal(5, 3, (30, 2))
    rows[[4, 5, 20], 1] = np.nan
    found = lstmzoo.activations(folder, rows)
    assert "surprise" not in found
    known = rows.copy()
    for row in (4, 5, 20):
        known[row, 1] = known[row - 1, 1]
    features = np.column_stack([(known - [1, 11]) / [0.5, 1.5], np.isnan(rows[:, 1])])
    same(found, 0, by_hand(load(folder).weights.layers[0], features, hard))


def test_an_echo_run_reads_its_bits():
    bits = RANDOM.integers(0, 2, 50)
    found = lstmzoo.activations("zoo:echo_4", bits)
    same(found, 0, by_hand(load("zoo:echo_4").weights.layers[0], bits[:, None]))


def test_an_embedding_is_looked_up(tmp_path):
    model = {"kind": "single", "units": 5, "encoding": "embedding", "embedding_dim": 3}
    folder = write_text_run(tmp_path / "run", TEXT, model, "embedding")
    runner, ids = load(folder), np.array([sorted(set(TEXT)).index(symbol) for symbol in TEXT])
    same(lstmzoo.activations(folder, ids), 0, by_hand(runner.weights.layers[0], runner.weights.embedding[ids]))


def test_bad_input_is_refused(run, tmp_path):
    with pytest.raises(InputError, match=r"received 'Z' \(U\+005A\), first at symbol 1"):
        lstmzoo.activations(run, "Z")
    with pytest.raises(InputError, match="ids from 0 to|received text"):
        lstmzoo.activations("zoo:echo_4", "0110")
    with pytest.raises(InputError, match="expected a run directory, received"):
        lstmzoo.activations(tmp_path, "the")


@pytest.mark.slow
def test_memory_is_bounded():
    """40,000 symbols of 2 x 256: 82 MB of h, one array of 41 MB, and little more."""
    code = """
import resource, lstmzoo
found = lstmzoo.activations("zoo:char_python", "x = 1\\n" * 10)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = lstmzoo.activations("zoo:char_python", "x = [1]\\n" * 5_000)
found["c1"]
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 160
