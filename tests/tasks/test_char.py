"""The char task: lanes of a text, its last part for validation, runs and what they leave."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import lstmzoo
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import ConfigError, InputError
from lstmzoo.execution.engine import Execution
from lstmzoo.tasks.char import Char, CharSpec
from lstmzoo.training.validation import Validator

pytestmark = pytest.mark.usefixtures("blank_pictures")
PLAY = "to be, or not to be: that is the question. " * 50  # 2150 symbols, 16 different
CONFIG = """
task: {kind: char, text: play.txt}
model: {kind: stacked_layers, units: 8, depth: 2, dropout: 0.2}
train: {batch_size: 4, seq_length: 10, steps: 40, optimizer: {name: adam, learning_rate: 0.01}}
validate: {every_steps: 20}
sample: {every_steps: 10, length: 30}
checkpoint: {every_steps: 20}
execution: {kernel: scan}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path_factory.mktemp("cache")))


def load(folder, *overrides, text=PLAY, config=CONFIG):
    (folder / "play.txt").write_text(text)
    (folder / "play.yaml").write_text(config)
    return lstmzoo.load_config(folder / "play.yaml", overrides)


def metrics(directory):
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def char(tmp_path, length, batch_size, fraction=0.1):
    text = "".join(chr(97 + k % 26) for k in range(length))
    (tmp_path / "alphabet.txt").write_text(text)
    return Char(CharSpec(kind="char", text=str(tmp_path / "alphabet.txt")), batch_size, 0, fraction), text


@pytest.mark.parametrize("length, batch_size", [(1000, 4), (1003, 4), (501, 1), (500, 1), (77, 3)])
def test_each_symbol_is_followed_by_its_target(tmp_path, length, batch_size):
    task, text = char(tmp_path, length, batch_size)
    part = text[: length - math.ceil(length / 10)]
    x, y, _ = task.epoch_lanes(0)
    lane = len(part) // batch_size
    for b in range(batch_size):
        read, wanted = (task.vocabulary.decode(row).decode() for row in (x[b], y[b]))
        assert part[b * lane :].startswith(read)
        assert part[b * lane + 1 :].startswith(wanted)
        assert len(read) == len(wanted) == (lane if len(part) % batch_size else lane - 1)
    for seq_length in (1, 7, 10):
        windows, dropped = task.windows(seq_length)
        assert (windows, dropped) == (x.shape[1] // seq_length, len(part) - windows * batch_size * seq_length)
        assert task.epoch_lanes(0).dropped(seq_length) == dropped


def test_validation_is_the_last_part(tmp_path):
    task, text = char(tmp_path, 1004, 4)
    x, _, left_over = task.validation().lanes
    assert task.parts.held_out == 101
    assert task.vocabulary.decode(x[0]).decode() == text[903:928]
    assert left_over == 1
    assert task.validation().weights.all()


def test_the_validation_part_is_that_of_the_literature(tmp_path):
    assert math.ceil(1_115_394 * 0.1) == 111_540
    for fraction, held_out in ((0.1, 100), (0.05, 50), (0.3, 300), (0.9, 900), (0.0, 0)):
        assert char(tmp_path, 1000, 2, fraction)[0].parts.held_out == held_out


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("char")
    (folder / "cache").mkdir()
    return folder / "run", lstmzoo.train_run(load(folder), folder / "run")


def test_a_run_directory_holds_what_is_promised(finished):
    directory, result = finished
    assert {path.name for path in directory.iterdir()} == set(
        "config.yaml environment.json vocab.json metrics.jsonl result.json checkpoints plots samples tensorboard".split()
    )
    assert [path.name for path in sorted((directory / "samples").iterdir())] == [
        f"step-000000{step}.txt" for step in (10, 20, 30, 40)
    ]
    vocabulary = json.loads((directory / "vocab.json").read_text())
    assert vocabulary["symbols"] == sorted(set(PLAY))
    for sample in (directory / "samples").iterdir():
        assert len(sample.read_text()) == 30
        assert set(sample.read_text()) <= set(PLAY)
    environment = json.loads((directory / "environment.json").read_text())
    assert environment["data"]["text_symbols"] == len(PLAY)
    assert len(environment["data"]["text_sha256"]) == 64
    assert result["final"].keys() == {"train_loss", "epoch_train_loss", "val_loss", "val_bpc"}
    last = metrics(directory)[-1]
    assert last["val_bpc"] == pytest.approx(last["val_loss"] / math.log(2))


def test_the_config_of_a_run_is_absolute_and_reads_back(finished, tmp_path):
    directory, _ = finished
    kept = lstmzoo.load_config(directory / "config.yaml")
    assert kept.task.text == (str(directory.parent / "play.txt"),)
    assert make_plan(kept, "cpu").resolved == kept
    assert "corpus" not in (directory / "config.yaml").read_text()


def test_samples_stand_in_tensorboard(finished):
    events = EventAccumulator(str(finished[0] / "tensorboard"))
    events.Reload()
    assert "sample" in events.Tags()["tensors"]
    written = events.Tensors("sample")
    assert [event.step for event in written] == [10, 20, 30, 40]
    sample = (finished[0] / "samples" / "step-00000040.txt").read_text()
    assert written[-1].tensor_proto.string_val[0].decode().split() == sample.split()


def test_validation_and_samples_never_touch_training(finished, tmp_path):
    plain = load(tmp_path, "validate.every_steps=0", "sample.every_steps=0", "checkpoint.every_steps=7")
    lstmzoo.train_run(plain, tmp_path / "run")
    losses = [[line["train_loss"] for line in metrics(run)] for run in (finished[0], tmp_path / "run")]
    assert losses[0] == losses[1]
    assert list((tmp_path / "run" / "samples").iterdir()) == []


def test_the_same_seed_writes_the_same_samples(finished, tmp_path):
    lstmzoo.train_run(load(tmp_path), tmp_path / "run")
    for sample in (finished[0] / "samples").iterdir():
        assert (tmp_path / "run" / "samples" / sample.name).read_bytes() == sample.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["stacked_layers", "stacked_cells"])
def test_sharded_validation_is_the_mean_over_all_targets(tmp_path, kind):
    """B lanes, the last partial window included: 97 targets in each of 4 lanes, in windows of 10."""
    task, _ = char(tmp_path, 3881, 4)
    model = lstmzoo.build_model(
        {"kind": kind, "units": 100, "depth": 2}, vocab_size=26, encoding="one_hot", batch_size=4, seed=3
    )
    made = Execution(model, keras.optimizers.SGD(), "xla", shards=3)  # of 2, 1 and 1 lanes
    x, y, _ = task.validation().lanes
    found = Validator(task, made, 10, 3).measure()
    log = (
        np.log(np.exp(z := model.predict(x, verbose=0)).sum(-1))
        - np.take_along_axis(z, y[..., None].astype(int), -1)[..., 0]
    )
    assert found["val_loss"] == pytest.approx(log.mean(), rel=1e-5)


PLAIN = ("plain", "validate.every_steps=0", "sample.every_steps=0")


@pytest.mark.slow
@pytest.mark.parametrize("other", [PLAIN, ("again",)], ids=["plain", "again"])
def test_the_laws_hold_for_sharded_lanes(tmp_path, other):
    """100 units in 16 lanes: two threads, two programs side by side; with dropout, validated and not, and again."""
    found = []
    for name, *overrides in (("one",), other):
        config = load(
            tmp_path, "model.units=100", "train.batch_size=16", "train.steps=8", "validate.every_steps=3",
            "sample.every_steps=4", "execution={kernel: xla, threads: 2}", *overrides,
        )  # fmt: skip
        lstmzoo.train_run(config, tmp_path / name)
        found.append([line["train_loss"] for line in metrics(tmp_path / name)])
    assert found[0] == found[1]
    if other[0] == "again":
        samples = [tmp_path / name / "samples" / "step-00000008.txt" for name in ("one", "again")]
        assert samples[0].read_bytes() == samples[1].read_bytes()


def test_a_run_stops_when_patience_is_lost(tmp_path):
    config = load(
        tmp_path,
        "validate.every_steps=5",
        "validate.patience=2",
        "train.steps=1000",
        "train.optimizer.learning_rate=1.0",
    )
    result = lstmzoo.train_run(config, tmp_path / "run")
    assert result["status"] == "stopped_early"
    assert result["steps"] == result["best"]["step"] + 10
    losses = [line["val_loss"] for line in metrics(tmp_path / "run") if "val_loss" in line]
    assert min(losses) == result["best"]["val_loss"] <= min(losses[-2:])
    assert (tmp_path / "run" / "samples" / f"step-{result['steps']:08d}.txt").exists()


def test_every_text_option_reaches_the_run(tmp_path):
    config = load(tmp_path, "task.unit=byte", "task.lowercase=true", text=PLAY.upper() + "ÜÜ" * 20)
    plan = make_plan(config, "cpu")
    assert plan.task.vocab_size == len(set(PLAY)) + 2
    assert plan.task.vocabulary.as_json()["symbols"][-1] == 0xC3


@pytest.mark.slow
def test_embedding(tmp_path):
    config = load(tmp_path, "model.encoding=embedding", "model.embedding_dim=3")
    result = lstmzoo.train_run(config, tmp_path / "run")
    assert result["final"]["val_loss"] < math.log(16)
    assert result["parameters"] == 16 * 3 + 4 * 8 * (3 + 8 + 1) + 4 * 8 * (8 + 8 + 1) + 16 * 9


def test_text_given_by_set_replaces_the_files_and_may_be_relative_to_here(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine.txt").write_text("mine" * 100)
    monkeypatch.chdir(tmp_path / "here")
    config = load(tmp_path, "task.text=mine.txt", config=CONFIG.replace("text: play.txt", "corpus: python-stdlib"))
    assert config.task.text == (str(tmp_path / "here" / "mine.txt"),)
    assert config.task.corpus is None
    assert load(tmp_path, "task.text=play.txt").task.text == (str(tmp_path / "play.txt"),)


def test_a_glob_and_a_list_are_files_in_order(tmp_path):
    for name in ("b.txt", "a.txt", "c.md"):
        (tmp_path / name).write_text(name)
    assert load(tmp_path, "task.text=[c.md, a.txt]").task.text == (str(tmp_path / "c.md"), str(tmp_path / "a.txt"))
    globbed = load(tmp_path, config=CONFIG.replace("play.txt", "'[ab].*'")).task.text
    assert globbed == (str(tmp_path / "a.txt"), str(tmp_path / "b.txt"))


@pytest.mark.parametrize(
    "overrides, message",
    [
        (["task.text=nowhere.txt"], r"--set task.text: task.text: expected a text file \(.*nowhere.txt is not there\), received 'nowhere.txt'"),
        (["task.text=."], r"is a directory: name its files, such as .*/\*.txt"),
        (["task.text='no*.txt'"], "no file matches .*no"),
        (['task.text="a\\0b"'], "contains a NUL"),
        (["task.text=" + "x" * 300], "File name too long"),
        (["task.text=~nosuchuser/x.txt"], "nosuchuser/x.txt is not there"),
        (["task.text=[]"], "expected a path, a list of paths, or a glob"),
        (["task.corpus=shakespear"], "expected python-stdlib or tinyshakespeare, received 'shakespear'; did you mean tinyshakespeare"),
        (["task.corpus=python-stdlib", "task.text=play.txt"], "task: expected exactly one of corpus and text"),
        (["validate.fraction=0.0"], "validate.fraction: expected a share above 0, or validate.every_steps: 0"),
        (["model.encoding=scalar"], "model.encoding: expected auto, one_hot or embedding with the char task"),
        (["sample.temperature=-1"], "sample.temperature: expected 0.0 or more, received -1"),
        (["model.units=100000000"], "expected sizes that fit in memory"),
    ],
)  # fmt: skip
def test_bad_configs_are_refused(tmp_path, overrides, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, *overrides)


@pytest.mark.parametrize(
    "text, overrides, message",
    [
        ("", [], "expected a text, received nothing"),
        ("short", [], "task: expected a text with 41 symbols or more to train on.*received 4 .and 1 to validate on"),
        ("x" * 60, [], "expected a text with two different symbols or more"),
        ("xy" * 30, ["validate.fraction=0.05"], "validate.fraction: expected a last part of 5 symbols or more.*received 3 of 60"),
        ("a\0" * 90, [], "NUL byte at offset 1"),
    ],
)  # fmt: skip
def test_bad_texts_are_refused_and_nothing_is_begun(tmp_path, text, overrides, message):
    config = load(tmp_path, *overrides, text=text)
    with pytest.raises(InputError, match=message):
        lstmzoo.train_run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_more_files_than_a_config_holds_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("lstmzoo.tasks.paths.MOST_FILES", 3)
    for k in range(4):
        (tmp_path / f"{k}.part").write_text("x")
    with pytest.raises(ConfigError, match="expected at most 3 files .4 match: join them"):
        load(tmp_path, "task.text='*.part'")


def test_an_echo_task_has_no_samples(tmp_path):
    (tmp_path / "echo.yaml").write_text(
        "task: {kind: echo}\ntrain: {epochs: 1}\nmodel: echo_4\nsample: {every_steps: 5}\n"
    )
    with pytest.raises(ConfigError, match="sample: expected no such section with the echo task"):
        lstmzoo.load_config(tmp_path / "echo.yaml")
    assert Path(tmp_path / "echo.yaml").exists()
