"""Sampling and scoring: the distribution against NumPy, frequencies by chi-square, a model with a known answer."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import product

import numpy as np
import pytest

import lstmzoo
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import InputError
from lstmzoo.export.write import source_of_run
from lstmzoo.inference import draw, draw_tf
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import RunnerSampler
from lstmzoo.inference.draw_tf import GraphSampler
from lstmzoo.inference.numpy_runner import NumpyRunner
from lstmzoo.inference.runtimes import choose_runtime
from lstmzoo.inference.scoring import describe_scores
from lstmzoo.models.rebuild import blueprint_of
from lstmzoo.runs.trained import open_run
from tests.helpers.rows import few

ALPHABET = "abcdefgh"


@pytest.fixture(scope="module")
def successor():
    """A fake: the next symbol is the present one + 1. Gates are driven far open, so h only holds the last symbol."""
    size = len(ALPHABET)
    model = lstmzoo.build_model({"kind": "single", "units": size}, vocab_size=size, encoding="one_hot", batch_size=1)
    kernel, bias = np.zeros((size, 4 * size)), np.zeros(4 * size)
    bias[:size], bias[size : 2 * size], bias[3 * size :] = 50, -50, 50  # i open, f shut, o open
    kernel[:, 2 * size : 3 * size] = 5 * np.eye(size)
    head = 50 * np.roll(np.eye(size), 1, axis=1)
    model.set_weights([kernel, np.zeros((size, 4 * size)), bias, head, np.zeros(size)])
    return model


@pytest.fixture(scope="module")
def untrained():
    return lstmzoo.build_model(
        {"kind": "stacked_layers", "units": [6, 5]}, vocab_size=8, encoding="one_hot", batch_size=1, seed=5
    )


def drawn(model, length, seed=0, prompt=None, samples=1, **choice):
    pieces = GraphSampler(model, Choice(**choice), samples)
    return np.concatenate(list(pieces.draw(length, (seed,), None if prompt is None else np.array(prompt))))


@pytest.mark.parametrize("prompt", [[5], [1, 2, 5], [7] * 200 + [5]])
@pytest.mark.parametrize("temperature", [0, 1.0])
def test_five_is_followed_by_six_seven_and_nought(successor, prompt, temperature):
    found = drawn(successor, 200, prompt=prompt, temperature=temperature, samples=2)
    np.testing.assert_array_equal(found, np.repeat((np.arange(6, 206) % 8)[:, None], 2, axis=1))


def by_numpy(logits, temperature=1.0, top_k=None, top_p=None):
    """One row, the plain way."""
    order = sorted(range(len(logits)), key=lambda symbol: -logits[symbol])
    kept = order[: top_k or len(order)]
    weights = {symbol: math.exp((logits[symbol] - max(logits)) / temperature) for symbol in kept}
    total, nucleus, reached = sum(weights.values()), [], 0.0
    for symbol in kept:
        if reached < (top_p or 1) or top_p is None:
            nucleus.append(symbol)
        reached += weights[symbol] / total
    total = sum(weights[symbol] for symbol in nucleus)
    return [weights[symbol] / total if symbol in nucleus else 0.0 for symbol in range(len(logits))]


@pytest.mark.parametrize(
    "choice",
    [{}, {"temperature": 0.3}, {"temperature": 5.0}, {"top_k": 1}, {"top_k": 3}, {"top_k": 99}, {"top_p": 0.5},
     {"top_p": 1e-9}, {"top_p": 1.0}, {"temperature": 0.7, "top_k": 5, "top_p": 0.8}],
)  # fmt: skip
def test_one_step_has_the_plain_distribution_in_tensorflow_and_in_numpy(choice):
    logits = np.random.default_rng(1).normal(0, 2, (20, 12)).astype(np.float32)
    expected = [by_numpy(row.astype(float), **choice) for row in logits]
    for module in (draw_tf, draw):
        np.testing.assert_allclose(module.probabilities(logits, Choice(**choice)), expected, atol=1e-12)
    uniform = np.random.default_rng(2).random(20)
    chosen = [module.choose(logits, uniform, Choice(**choice)) for module in (draw_tf, draw)]
    np.testing.assert_array_equal(*chosen)


def test_a_runner_draws_what_the_graph_loop_draws(untrained):
    runner = NumpyRunner(blueprint_of(untrained))
    for choice in (Choice(), Choice(0), Choice(0.5, 3), Choice(2.0, None, 0.7)):
        samplers = GraphSampler(untrained, choice, 3), RunnerSampler(runner, choice, 3)
        for prompt in (None, np.array([1, 4, 2] * 50)):
            both = [each.draw(150, (7,), prompt) for each in samplers]
            np.testing.assert_array_equal(*(np.concatenate(list(pieces)) for pieces in both))


def test_auto_is_a_rule_of_the_length():
    assert [choose_runtime("auto", count) for count in (0, 100_000, 100_001)] == ["numpy", "numpy", "tensorflow"]
    assert choose_runtime("onnx", 10**9) == "onnx"


@pytest.mark.parametrize("choice", few([{}, {"temperature": 2.0, "top_k": 6}, {"top_p": 0.7}], [{}]))
def test_drawn_frequencies_pass_a_chi_square_test(untrained, choice):
    """20,000 samples of one step after the same prompt against the model's own distribution."""
    prompt, count = np.array([1, 4, 2]), 20_000
    found = np.bincount(drawn(untrained, 1, prompt=prompt, samples=count, **choice)[0], minlength=8)
    untrained.reset_states()
    expected = np.array(by_numpy(untrained(prompt[None]).numpy()[0, -1].astype(float), **choice)) * count
    assert (found[expected == 0] == 0).all()
    kept = expected > 0
    square = ((found - expected)[kept] ** 2 / expected[kept]).sum()
    assert square < {8: 26.1, 6: 22.5, 5: 20.5, 4: 18.5}.get(int(kept.sum()), 26.1)  # p > 0.0005


def test_the_first_symbol_is_uniform(untrained):
    found = np.bincount(drawn(untrained, 1, samples=8000)[0], minlength=8)
    assert ((found - 1000) ** 2 / 1000).sum() < 26.1


def test_seeds_and_pieces(untrained, monkeypatch):
    one = GraphSampler(untrained, Choice())
    text, short, other = (np.concatenate(list(one.draw(*how))) for how in ((150, [0]), (100, [0]), (150, [1])))
    np.testing.assert_array_equal(text, drawn(untrained, 150))
    np.testing.assert_array_equal(text[:100], short)
    assert (text != other).any()
    many = drawn(untrained, 150, samples=3)
    np.testing.assert_array_equal(many[:, :1], text)
    assert (many[:, 0] != many[:, 1]).any()
    for module in (draw, draw_tf):
        monkeypatch.setattr(module, "PIECE", 7)
    np.testing.assert_array_equal(text, drawn(untrained, 150))
    monkeypatch.setattr("lstmzoo.inference.draw_tf.COMPILED_SYMBOLS", 0)
    np.testing.assert_array_equal(text, drawn(untrained, 150))


OPTIONS = [
    {},
    {"recurrent_activation": "hard_sigmoid"},
    {"dropout": 0.5},
    {"encoding": "embedding", "embedding_dim": 3},
]
TABLE = list(product(["stacked_layers", "stacked_cells"], OPTIONS))


@pytest.mark.parametrize(
    ("kind", "option"), few(TABLE, [TABLE[1], TABLE[2], TABLE[-1]]), ids=[f"{kind}-{option}" for kind, option in TABLE]
)
def test_greedy_sampling_is_keras_predict_in_a_loop(kind, option):
    encoding = option.get("encoding", "one_hot")
    model = lstmzoo.build_model(
        {"kind": kind, "units": [6, 5], **option}, vocab_size=8, encoding=encoding, batch_size=1, seed=2
    )
    model.set_weights([3 * weight for weight in model.get_weights()])
    wanted, last = [], 3
    for _ in range(20):
        last = int(model.predict_on_batch(np.array([[last]]))[0, -1].argmax())
        wanted.append(last)
    assert len(set(wanted)) > 1
    np.testing.assert_array_equal(drawn(model, 20, prompt=[3], temperature=0)[:, 0], wanted)


PLAY = "to be, or not to be: that is the question. " * 30
CONFIG = """
task: {kind: char, text: play.txt}
model: {kind: stacked_layers, units: 12, depth: 2}
train: {batch_size: 2, seq_length: 12, steps: 120, optimizer: {name: adam, learning_rate: 0.02}}
validate: {every_steps: 40}
sample: {every_steps: 0}
execution: {kernel: scan}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sampled")
    (folder / "play.txt").write_text(PLAY)
    (folder / "play.yaml").write_text(CONFIG)
    os.environ["LSTMZOO_CACHE"] = str(folder / "cache")
    try:
        lstmzoo.train_run(lstmzoo.load_config(folder / "play.yaml"), folder / "run")
    finally:
        del os.environ["LSTMZOO_CACHE"]
    (folder / "play.txt").rename(folder / "moved.txt")  # a run is its directory: nothing else is needed
    return folder / "run"


def test_a_text_is_the_prompt_and_so_many_symbols(run):
    text = lstmzoo.sample_text(run, prompt="to be", length=100, seed=1)
    assert text.startswith("to be")
    assert len(text) == 105
    assert lstmzoo.sample_text(run, prompt="to be", length=100, seed=1) == text
    assert lstmzoo.sample_text(run, prompt="to be", length=100, seed=2) != text
    assert len(lstmzoo.sample_text(run, length=70)) == 70
    assert lstmzoo.sample_text(run, prompt="to", length=0) == "to"
    several = lstmzoo.sample_text(run, prompt="to be", length=100, seed=1, samples=3)
    assert [len(one) for one in several] == [105] * 3
    assert several[0] == text


def test_a_text_ends_with_the_stop_string(run):
    whole = lstmzoo.sample_text(run, prompt="to", length=400, seed=3)
    for stop in ("b", whole[80:83], whole[63:70]):
        text = lstmzoo.sample_text(run, prompt="to", length=400, seed=3, stop=stop)
        assert whole[: 2 + whole[2:].index(stop) + len(stop)] == text
    assert lstmzoo.sample_text(run, length=50, stop="qqqqq") == lstmzoo.sample_text(run, length=50)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"prompt": "To BE §"}, r"prompt: expected only symbols that the model knows \(16 of them, .*received 'T' \(U\+0054\), 'B'.*'§'.*first at symbol 1"),
        ({"stop": "§"}, "stop: expected only symbols"),
        ({"stop": ""}, "stop: expected a text of one symbol or more"),
        ({"temperature": -0.5}, "temperature: expected a number >= 0, received -0.5"),
        ({"temperature": math.nan}, "temperature: expected a number >= 0, received nan"),
        ({"top_p": 0.0}, "top-p: expected a number above 0 and at most 1, received 0.0"),
        ({"top_p": 1.5}, "top-p: expected"),
        ({"top_k": 0}, "top-k: expected an integer >= 1, received 0"),
        ({"runtime": "x" * 5000}, "runtime: expected one of .*, received 'x{56}\\.\\.\\.$"),
        ({"prompt": ["x" * 5000]}, r"prompt: expected text, received \['x{55}\.\.\.$"),
        ({"length": -1}, "length: expected an integer >= 0, received -1"),
        ({"samples": 2_000_000_000}, "samples: expected an integer from 1 to 10,000"),
        ({"temperature": "1"}, "temperature: expected a number >= 0, received '1'"),
        ({"prompt": None}, "prompt: expected text, received None"),
        ({"samples": 0}, "samples: expected an integer from 1 to 10,000, received 0"),
        ({"runtime": "tenserflow"}, "runtime: expected one of auto, numpy, tensorflow, tflite, onnx, c, received 'tenserflow'; did you mean tensorflow"),
        ({"length": None}, "length: expected an integer"),
        ({"seed": -1}, "seed: expected an integer >= 0, received -1"),
        ({"seed": ""}, "seed: expected an integer >= 0, received ''"),
        ({"seed": 0.0}, "seed: expected an integer >= 0, received 0.0"),
    ],
)  # fmt: skip
def test_what_cannot_be_sampled(run, options, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.sample_text(run, **options)


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


def test_what_is_no_trained_run(run, copy, tmp_path):
    with pytest.raises(InputError, match="expected a run directory, received .* no config.yaml"):
        lstmzoo.sample_text(tmp_path)
    with pytest.raises(InputError, match="expected a run directory"):
        lstmzoo.sample_text("x" * 300)
    symbols = json.loads((run / "vocab.json").read_text())["symbols"]
    Vocabulary(map(ord, [*symbols[:-1], "~"]), "char").save(copy / "vocab.json")
    with pytest.raises(InputError, match="expected the vocabulary that the run was trained with, .*restore"):
        lstmzoo.score_text(copy, "abc")
    shutil.copy(run / "vocab.json", copy)
    (copy / "config.yaml").write_text((run / "config.yaml").read_text().replace("units: 12", "units: 13"))
    with pytest.raises(InputError, match="expected weights of the model in the run's config.yaml"):
        lstmzoo.sample_text(copy)
    shutil.copy(run / "config.yaml", copy)
    shutil.rmtree(copy / "checkpoints")
    with pytest.raises(InputError, match="expected a run with a checkpoint, .*which has none: train it"):
        lstmzoo.sample_text(copy)
    (tmp_path / "echo").mkdir()
    (tmp_path / "echo" / "config.yaml").write_text("task: {kind: echo}\nmodel: echo_4\ntrain: {epochs: 1}\n")
    with pytest.raises(InputError, match="expected a run of a char task, received .*echo"):
        lstmzoo.sample_text(tmp_path / "echo")


def test_the_best_checkpoint_is_used_or_else_one_that_is_whole(run, copy):
    best = json.loads((run / "result.json").read_text())["best"]["step"]
    assert lstmzoo.score_text(run, PLAY[:50])["step"] == best
    for path in sorted((copy / "checkpoints").iterdir())[1:]:
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.warns(UserWarning, match="is damaged; using step"):
        step = lstmzoo.score_text(copy, PLAY[:50])["step"]
    assert step == int(min((copy / "checkpoints").iterdir()).stem[5:])
    with pytest.warns(UserWarning, match="is damaged; using step") as said:
        lstmzoo.load_model(copy)
    assert said[0].filename == __file__
    assert "best" not in source_of_run(open_run(copy)).weights
    done = command("sample", copy, "--prompt", "§")  # which ends it before TensorFlow is loaded
    assert done.returncode == 2
    assert "is damaged; using step" in done.stderr.decode()


def test_scores_are_those_of_keras(run):
    text, window = PLAY[5:400], 50
    found = lstmzoo.score_text(run, text, window=window)
    vocabulary = Vocabulary.load(run / "vocab.json")
    model, ids = open_run(run).model(1), vocabulary.encode_text(text, "text").astype(int)

    def losses(part):
        model.reset_states()
        logits = model.predict(part[None, :-1], verbose=0)[0].astype(float)
        return np.log(np.exp(logits).sum(-1)) - logits[np.arange(len(part) - 1), part[1:]]

    carried = losses(ids)
    cold = np.concatenate([losses(ids[k : k + window + 1]) for k in range(0, len(ids) - 1, window)])
    assert len(carried) == len(cold) == found["targets"] == len(text) - 1
    for name, wanted in (("carried", carried), ("cold", cold)):
        assert found[name]["nats"] == pytest.approx(wanted.mean(), rel=1e-5)
        assert found[name]["bpc"] == pytest.approx(found[name]["nats"] / math.log(2))
        assert found[name]["perplexity"] == pytest.approx(math.exp(found[name]["nats"]))
        places = [wanted[place::window].mean() for place in range(window)]
        np.testing.assert_allclose(found["by_position"][name], places, rtol=1e-4)
    assert "state helps by" in describe_scores(found)


def test_texts_that_cannot_be_scored(run, tmp_path):
    for text, message in (("", "received 0"), ("t", "two symbols or more"), ("tö", "received 'ö'")):
        with pytest.raises(InputError, match=message):
            lstmzoo.score_text(run, text)
    with pytest.raises(InputError, match="which is a directory"):
        lstmzoo.score_text(run, tmp_path)
    with pytest.raises(InputError, match="window: expected an integer >= 1, received 0"):
        lstmzoo.score_text(run, "to be", window=0)


def command(module, *words, **options):
    line = [sys.executable, "-m", f"lstmzoo.{module}", *map(str, words)]
    return subprocess.run(line, capture_output=True, timeout=120, **options)


def test_the_command_writes_the_text_and_nothing_else(run, tmp_path):
    (tmp_path / "prompt.txt").write_text("to be")
    done = command("sample", run, "--prompt-file", tmp_path / "prompt.txt", "--length", 300, "--seed", 4)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == lstmzoo.sample_text(run, prompt="to be", length=300, seed=4)


def test_the_command_scores(run, tmp_path):
    (tmp_path / "text.txt").write_text(PLAY[:300])
    done = command("score", run, tmp_path / "text.txt", "--window", 64, "--json")
    assert done.returncode == 0, done.stderr
    wanted = lstmzoo.score_text(run, tmp_path / "text.txt", window=64)
    assert json.loads(done.stdout)["carried"] == pytest.approx(wanted["carried"], rel=1e-5)


def test_mistakes_at_the_command_line_are_one_line_and_status_two(run, tmp_path):
    for module, words, message in (
        ("sample", [run, "--prompt", "§"], "'§' (U+00A7)"),
        ("sample", [tmp_path], "expected a run directory"),
        ("sample", [run, "--top-p", "7"], "top-p: expected a number above 0 and at most 1, received 7.0"),
        ("score", [run, tmp_path], "is a directory"),
    ):
        done = command(module, *words)
        assert done.returncode == 2
        assert done.stdout == b""
        assert message in done.stderr.decode()
        assert done.stderr.count(b"\n") == 1


@pytest.mark.slow
def test_ctrl_c_and_a_closed_pipe_end_quietly(run):
    line = [sys.executable, "-m", "lstmzoo.sample", str(run), "--length", "100000000"]
    for end, runtime in (("signal", "tensorflow"), ("pipe", "numpy")):
        process = subprocess.Popen([*line, "--runtime", runtime], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert len(process.stdout.read(1000)) == 1000
        if end == "signal":
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        process.stdout.close()
        assert process.wait(20) == (130 if end == "signal" else 0)
        assert process.stderr.read() == b""
        process.stderr.close()
