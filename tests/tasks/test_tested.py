"""The part of a text that a run is tested on: never seen before the end, then scored once with the best weights."""

import csv
import json
from math import ceil, log

import numpy as np
import pytest

import lstmzoo
from lstmzoo.config.plan import make_plan
from lstmzoo.data.segments import Segment, split
from lstmzoo.errors import ConfigError, InputError
from lstmzoo.tasks.char import Char, CharSpec
from lstmzoo.training.describe import describe_plan

CONFIG = """
task: {kind: char, text: play.txt, test_fraction: 0.1}
model: {kind: single, units: 8}
train: {batch_size: 4, seq_length: 10, steps: 40, optimizer: {name: adam, learning_rate: 0.05}}
validate: {every_steps: 10, fraction: 0.2}
sample: {every_steps: 0}
execution: {kernel: scan}
"""
PLAY = "to be, or not to be: that is the question. " * 40


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def load(folder, *overrides, text=PLAY):
    (folder / "play.txt").write_text(text)
    (folder / "play.yaml").write_text(CONFIG)
    return lstmzoo.load_config(folder / "play.yaml", overrides)


@pytest.mark.parametrize("fractions", [(), (0.1,), (0.1, 0.1), (0.0, 0.3), (0.5, 0.4)])
@pytest.mark.parametrize("rows", [0, 1, 2, 10, 1115394])
def test_parts_follow_one_another_and_leave_nothing_out(fractions, rows):
    parts = split([Segment(3, 7, rows, 7), Segment(4, 0, 5, 0)], *fractions)
    assert len(parts) == len(fractions) + 1
    place = 7
    for first, _ in parts:
        assert first.table == 3 and first.begins == 7 and first.first == place and first.rows >= 0
        place += first.rows
    assert place == 7 + rows
    if rows > 10:
        assert [part[0].rows for part in parts[1:]] == [ceil(round(rows * share, 9)) for share in fractions]


def test_a_text_is_cut_in_three(tmp_path):
    (tmp_path / "a.txt").write_text("".join(chr(97 + k % 26) for k in range(1003)))
    task = Char(CharSpec(kind="char", text=str(tmp_path / "a.txt"), test_fraction=0.05), 2, 0, 0.1)
    parts = [task.parts.training, task.parts.validating, *task.to_test()]
    assert [len(part) for part in parts] == [1003 - 101 - 51, 101, 51]
    np.testing.assert_array_equal(np.concatenate(parts), task.text.ids)


def test_the_best_weights_are_tested_as_score_does_it(tmp_path, monkeypatch):
    config = load(tmp_path, "train.schedule={kind: exponential, decay_rate: 0.5}", "task.test_fraction=0.15")
    result = lstmzoo.train_run(config, tmp_path / "run")
    test = result["test"]
    assert test == json.loads((tmp_path / "run" / "result.json").read_text())["test"]
    score = lstmzoo.score_text(tmp_path / "run", PLAY[-ceil(len(PLAY) * 0.15) :])
    assert (test["step"], test["targets"]) == (result["best"]["step"], score["targets"])
    assert test["test_loss"] == pytest.approx(score["carried"]["nats"], rel=1e-6)
    assert test["test_bpc"] == pytest.approx(test["test_loss"] / log(2))
    lstmzoo.write_report([tmp_path / "run"], tmp_path / "report")
    (row,) = csv.DictReader((tmp_path / "report" / "report.csv").read_text().splitlines())
    assert float(row["test_loss"]) == test["test_loss"]
    assert "| test_loss |" in (tmp_path / "report" / "report.md").read_text()
    again = lstmzoo.train_run(run_dir=tmp_path / "run", resume=True)  # nothing to do
    assert again["test"] == test


def test_what_is_tested_on_changes_nothing_before_the_end(tmp_path):
    """Another text of the same symbols there: the same losses on the way, another one at the end."""
    count = ceil(len(PLAY) * 0.1)
    other = PLAY[:-count] + PLAY[-count:][::-1]
    results = []
    for name, text in (("one", PLAY), ("other", other)):
        results.append(lstmzoo.train_run(load(tmp_path, text=text), tmp_path / name))
    one, two = results
    assert one["final"] == two["final"] and one["best"] == two["best"]
    assert one["test"]["test_loss"] < two["test"]["test_loss"]


def test_parts_of_files_begin_with_zero_state(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(PLAY)
    config = load(tmp_path, "task.text=[a.txt, b.txt]", "task.segment=file")
    result = lstmzoo.train_run(config, tmp_path / "run")
    score = lstmzoo.score_text(tmp_path / "run", PLAY[-ceil(len(PLAY) * 0.1) :])
    assert result["test"]["targets"] == 2 * score["targets"]
    assert result["test"]["test_loss"] == pytest.approx(score["carried"]["nats"], rel=1e-6)


def test_a_plan_and_the_end_of_a_run_say_it(tmp_path, capsys):
    config = load(tmp_path)
    assert (
        describe_plan(make_plan(config, "cpu"))["test"] == "172 symbols, scored once at the end with the best weights"
    )
    result = lstmzoo.train_run(config, tmp_path / "run", verbose=True)
    said = capsys.readouterr()
    assert (
        f"test_loss {result['test']['test_loss']:.6g} (weights of step {result['test']['step']}" in said.out + said.err
    )


def test_a_run_without_a_test_says_nothing(tmp_path):
    assert "test" not in lstmzoo.train_run(load(tmp_path, "task.test_fraction=0"), tmp_path / "run")


def test_bad_shares_are_refused(tmp_path):
    with pytest.raises(
        ConfigError, match="task.test_fraction: expected a share below 1 together with validate.fraction"
    ):
        load(tmp_path, "task.test_fraction=0.8")
    with pytest.raises(InputError, match="task.test_fraction: expected a last part of 2 symbols or more"):
        lstmzoo.train_run(load(tmp_path, "task.test_fraction=0.0001"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("segment", ["null", "file"])
def test_a_test_that_leaves_too_little_to_train_on_is_named(tmp_path, segment):
    with pytest.raises(InputError, match=r"train.seq_length, validate.fraction or task.test_fraction"):
        lstmzoo.train_run(
            load(tmp_path, "task.test_fraction=0.79", "train.seq_length=30", f"task.segment={segment}"),
            tmp_path / "run",
        )
