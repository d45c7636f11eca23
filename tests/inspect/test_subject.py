"""What each kind of run reads and is known of it: bits, tables, what it validates on, bytes; and how symbols look."""

import json
import shutil

import numpy as np
import pytest
import yaml

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.inspect import subject
from lstmzoo.inspect.features import text_features
from lstmzoo.inspect.glyphs import shown_byte, shown_character
from lstmzoo.inspect.markup import escaped
from lstmzoo.runs.trained import open_run
from lstmzoo.zoo.pretrained import run_path
from tests.helpers.series_runs import write_run
from tests.helpers.text_runs import write_text_run
from tests.inspect.test_page import read


def write_table(path, rows, names="a,b"):
    path.write_text(f"{names}\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "page.html"


@pytest.fixture
def table(tmp_path):
    rows = np.random.default_rng(0).normal(5, 3, (40, 2)).round(3)
    return write_table(tmp_path / "table.csv", rows), rows


def test_an_echo_run_shows_its_bits_and_who_keeps_them(out):
    lstmzoo.inspect_model("zoo:echo_4", out=out, length=100)
    header, blocks = read(out)
    inputs, targets, predictions = blocks["tracks"]
    assert header["tracks"] == ["input", "target", "prediction"]
    assert np.isnan(targets[:3]).all() and np.array_equal(targets[3:], inputs[:-3])
    assert np.array_equal(predictions[3:].round(), targets[3:])
    keeps = header["features"][3]
    assert keeps["name"] == "input 3 steps ago" and abs(keeps["best"][0][3]) > 0.9
    np.testing.assert_allclose(
        blocks["h0"].T / 32767, lstmzoo.activations("zoo:echo_4", inputs.astype(int))["h0"], atol=2e-5
    )


def test_a_series_run_reads_a_table(tmp_path, out, table):
    path, rows = table
    run = write_run(tmp_path / "run", ["a", "b"], ["b"], horizon=2)
    lstmzoo.inspect_model(run, path, out=out, length=30)
    header, blocks = read(out)
    assert header["tracks"] == ["input a", "input b", "target b", "prediction b"]
    np.testing.assert_allclose(blocks["tracks"][:2].T, rows[:30], rtol=1e-6)
    np.testing.assert_allclose(blocks["tracks"][2], rows[2:32, 1], rtol=1e-6)
    np.testing.assert_allclose(blocks["tracks"][3], lstmzoo.predict_series(run, rows)[:30, 0], rtol=1e-5)
    assert header["notes"] == ["The first 30 of 40 rows (--length shows more)."]


def test_of_many_recordings_the_first_is_shown(tmp_path, out):
    path = write_table(tmp_path / "table.csv", [(k // 8, k) for k in range(40)], "part,a")
    lstmzoo.inspect_model(write_run(tmp_path / "run", ["a"], segment={"column": "part"}), path, out=out, length=30)
    header, blocks = read(out)
    assert (header["steps"], header["notes"]) == (8, ["The first of 5 recordings."])
    np.testing.assert_allclose(blocks["tracks"][0], range(8))


def test_a_series_run_reads_what_it_validates_on(out):
    lstmzoo.inspect_model("zoo:clipper", out=out, length=20)
    _, blocks = read(out)
    inputs, targets, predictions = blocks["tracks"]
    np.testing.assert_allclose(predictions, lstmzoo.predict_series("zoo:clipper", inputs[:, None])[:, 0], atol=1e-6)
    assert np.isfinite(targets[-20:]).all() and np.isnan(targets[:-20]).all()  # what comes before warms it up
    np.testing.assert_allclose(predictions[-20:], targets[-20:], atol=0.01)


def test_tables_that_have_changed_since_are_refused(tmp_path, table, out):
    run = write_run(tmp_path / "run", ["a", "b"])
    write_table(run / "trained.csv", table[1])
    with pytest.raises(InputError, match="task.data: expected the tables that the run was trained on, received others"):
        lstmzoo.inspect_model(run, out=out)


def test_a_lane_that_ends_early_says_so(out):
    lstmzoo.inspect_model("zoo:echo_4", out=out, length=100_000)
    header, _ = read(out)
    assert header["notes"] == [f"These {header['steps']:,} steps are all: after them the state is set to zero."]


def test_features_of_bytes_are_those_of_their_characters(tmp_path):
    text = "Der Bär läuft über\n «Öl»"
    content = text.encode() + b"\xff"
    trained = open_run(write_text_run(tmp_path / "run", content, unit="byte"))
    found = subject.subject_of(trained, content, None).features
    sizes = [len(symbol.encode()) for symbol in text]
    for each, wanted in zip(found, text_features(text), strict=True):
        np.testing.assert_array_equal(each.values[:-1], wanted.values.repeat(sizes), each.name)


def test_symbols_that_cannot_be_shown_have_a_sign():
    shown = [shown_character(symbol) for symbol in "a\n\0\x7f\u202e\u0301\U0001f600<"]
    assert [glyph for glyph, _ in shown] == ["a", "↵", "␀", "␡", "�", "◌\u0301", "\U0001f600", "<"]
    assert shown[4][1] == "U+202E right-to-left override"
    assert shown_byte(200) == ["·", "byte 200"]
    assert escaped("<a href='x'>\"&\0") == "&lt;a href=&#39;x&#39;&gt;&quot;&amp;�"


def echo_run(folder, **validate):
    """A copy of zoo:echo_4 that validates on another share."""
    run = shutil.copytree(run_path("zoo:echo_4"), folder)
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["validate"] |= validate
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    return run, config


def test_a_run_that_never_validates_shows_an_echo_that_is_drawn_for_it(tmp_path, out):
    run, _ = echo_run(tmp_path / "run", every_steps=0, fraction=0.0, patience=None)
    lstmzoo.inspect_model(run, out=out, length=100)
    header, _ = read(out)
    assert header["steps"] == 100 and header["features"][3]["name"] == "input 3 steps ago"


def test_padding_behind_a_lane_is_not_shown(tmp_path, out):
    run, config = echo_run(tmp_path / "run")
    lane = round(config["validate"]["fraction"] * config["task"]["series_length"]) // config["train"]["batch_size"]
    assert lane % config["train"]["seq_length"]  # so its last window is padded
    lstmzoo.inspect_model(run, out=out, length=10**5)
    header, blocks = read(out)
    assert header["steps"] == lane == blocks["tracks"].shape[1]
    assert header["notes"] == [f"These {lane:,} steps are all: after them the state is set to zero."]


def test_a_series_run_that_validates_on_nothing_needs_a_table(tmp_path, out, table):
    run = write_run(tmp_path / "run", ["a", "b"])
    config = json.loads((run / "config.yaml").read_text()) | {"validate": {"every_steps": 0, "fraction": 0.0}}
    (run / "config.yaml").write_text(json.dumps(config))
    write_table(run / "trained.csv", table[1])
    with pytest.raises(InputError, match="expected a part of the run's data to show, received 0: name a table"):
        lstmzoo.inspect_model(run, out=out)
    lstmzoo.inspect_model(run, table[0], out=out)
