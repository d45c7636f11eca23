"""Dynamic evaluation: each window is scored and then learnt from, against a loop with Keras's model and NumPy."""

import bz2
import json
import lzma
import math
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.inference.adapting import DECAY, adaptive_nats
from lstmzoo.inference.scoring import describe_scores, ids_of
from lstmzoo.runs.trained import open_run
from tests.helpers.text_runs import write_text_run

TEXT = "the cat sat on the mat; the rat sat on the cat. " * 4
T, RATE = 10, 0.003  # T as the run has it


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    model = {"kind": "stacked_layers", "units": [9, 7], "dropout": 0.4, "recurrent_dropout": 0.3, "output_dropout": 0.2}
    return write_text_run(tmp_path_factory.mktemp("text") / "run", TEXT, model)


def by_hand(run, text, rate):
    """Nats of all targets of a text: Keras's own model and gradients, the rule in NumPy."""
    trained = open_run(run)
    ids = ids_of(trained, text).astype(np.int32)
    model = trained.model(1)  # in which dropout acts in training alone
    first = [weight.astype(float) for weight in model.get_weights()]
    weights, sums, total = first, [0.0] * len(first), 0.0
    for step, start in enumerate(range(0, len(ids) - 1, T), 1):
        x, y = ids[:-1][start : start + T], ids[1:][start : start + T]
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x[None])[0])
            loss = tf.reduce_mean(losses)
        total += float(loss) * len(y)
        gradients = [np.asarray(each, float) for each in tape.gradient(loss, model.trainable_variables)]
        sums = [old + each**2 for old, each in zip(sums, gradients, strict=True)]
        sizes = [np.sqrt(each / step) for each in sums]
        decays = [np.minimum(DECAY * size / (size.mean() + 1e-8), 1) for size in sizes]
        weights = [
            weight + decay * (trained - weight) - rate * gradient / (size + 1e-8)
            for weight, decay, trained, gradient, size in zip(weights, decays, first, gradients, sizes, strict=True)
        ]
        model.set_weights(weights)
    return total


@pytest.mark.slow
def test_it_scores_each_window_before_it_learns_from_it(run):
    trained = open_run(run)
    ids = ids_of(trained, TEXT[:107])  # the last window is short
    found = adaptive_nats(trained, ids, RATE)
    assert found == pytest.approx(by_hand(run, TEXT[:107], RATE), rel=1e-5)
    assert found == adaptive_nats(open_run(run), ids, RATE)


def test_compressors_get_what_the_model_reads(tmp_path, monkeypatch):
    monkeypatch.setattr("lstmzoo.inference.adapting.adaptive_nats", lambda *rest: 1.0)
    run = write_text_run(tmp_path / "run", TEXT.lower(), lowercase=True)
    found = [lstmzoo.score_text(run, text, adapt=RATE)["bytes"] for text in (TEXT.title(), TEXT.lower())]
    assert found[0] == found[1]


@pytest.mark.slow
def test_scores_have_it_apart_beside_the_bytes(run):
    plain, found = lstmzoo.score_text(run, TEXT), lstmzoo.score_text(run, TEXT, adapt=RATE)
    assert {name: found[name] for name in plain} == plain
    assert found.keys() - plain.keys() == {"adaptive", "bytes"}
    adaptive, sizes = found["adaptive"], found["bytes"]
    assert adaptive["rate"] == RATE and adaptive["nats"] < found["carried"]["nats"]
    assert adaptive["bpc"] == adaptive["nats"] / math.log(2)
    targets = len(TEXT) - 1
    assert sizes == {
        "carried": math.ceil(found["carried"]["bpc"] * targets / 8),
        "adaptive": math.ceil(adaptive["bpc"] * targets / 8),
        "text": len(TEXT),
        "xz": len(lzma.compress(TEXT.encode(), preset=9 | lzma.PRESET_EXTREME)),
        "bzip2": len(bz2.compress(TEXT.encode())),
    }
    still = lstmzoo.score_text(run, TEXT, adapt=np.float32(0))["adaptive"]
    assert still["nats"] == pytest.approx(plain["carried"]["nats"], rel=1e-5)
    shown = describe_scores(found)
    assert f"{'adaptive (learns)':<24} {adaptive['nats']:>8.4f}" in shown
    assert f"{sizes['adaptive']:,} adaptive, {len(TEXT):,} text, {sizes['xz']:,} by xz, " in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"adapt": -1}, "adapt: expected a learning rate such as 0.0003, received -1"),
        ({"adapt": True}, "adapt: expected a learning rate such as 0.0003, received True"),
        ({"adapt": math.nan}, "adapt: expected a learning rate such as 0.0003, received nan"),
        ({"adapt": 0.1, "save_state": "state"}, "adapt: expected no state beside it"),
        pytest.param(
            {"adapt": 1e39},
            r"adapt: expected a rate at which the model learns, received 1e\+39: give a lower one",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_is_no_rate_is_refused(run, options, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.score_text(run, TEXT, **options)


@pytest.mark.slow
def test_the_command_gives_the_same(run, tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    words = ["score", run, tmp_path / "text.txt", "--adapt", str(RATE), "--json"]
    done = subprocess.run([sys.executable, "-m", "lstmzoo", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wanted, found = lstmzoo.score_text(run, tmp_path / "text.txt", adapt=RATE), json.loads(done.stdout)
    assert found["adaptive"] == pytest.approx(wanted["adaptive"], rel=1e-5)
