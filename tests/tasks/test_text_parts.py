"""Texts of which each file is a segment: windows against a walk through the files, runs, resume, what is refused."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import lstmzoo
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import InputError
from lstmzoo.tasks.char import Char, CharSpec
from lstmzoo.training.describe import describe_plan
from tests.helpers.killing import assert_same_weights, metrics
from tests.helpers.series import QUIET

CONFIG = """
task: {kind: char, text: [a.txt, b.txt], segment: file}
model: {kind: single, units: 4}
train: {batch_size: 3, seq_length: 10, steps: 12, optimizer: {name: adam, learning_rate: 0.01}}
validate: {every_steps: 6}
sample: {every_steps: 0}
execution: {kernel: scan, windows_per_call: 5}
"""
FILES = {"a.txt": "to be, or not to be. " * 12, "b.txt": "that is the question: " * 5}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def write(folder, files, config=CONFIG):
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "play.yaml").write_text(config)
    return folder / "play.yaml"


def char(folder, texts, batch_size, fraction, **keys):
    paths = [folder / f"{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return Char(CharSpec(kind="char", text=list(map(str, paths)), segment="file", **keys), batch_size, 0, fraction)


def naive_parts(texts, fraction):
    """What is trained on and validated on of each file that has a target there."""
    held = [math.ceil(len(text) * Fraction(str(fraction))) for text in texts]
    parts = [text[: len(text) - n] for text, n in zip(texts, held, strict=True)], [text[len(text) - n :] for text, n in zip(texts, held, strict=True)]  # fmt: skip
    return [[part for part in each if len(part) > 1] for each in parts]


@settings(max_examples=25, **QUIET)
@given(
    st.lists(st.text("abc", max_size=40), min_size=1, max_size=5),
    st.integers(1, 4),
    st.integers(1, 7),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.booleans(),
)
def test_each_symbol_of_each_file_is_read_once_in_order_and_followed_by_its_target(
    tmp_path_factory, texts, batch_size, seq_length, fraction, is_marked
):
    assume(len(set("".join(texts))) > 1)
    task = char(tmp_path_factory.getbasetemp(), ["\ufeff" * is_marked + text for text in texts], batch_size, fraction)
    try:
        task.check(seq_length, fraction > 0)
    except InputError:
        assume(False)  # too short
    parts = naive_parts(texts, fraction)
    for part, stream in zip(parts, [task.epoch_lanes(0), *([task.validation()] if fraction else [])], strict=False):
        windows, expected = stream.cut(seq_length, 0, 10**6), naive_windows(task, part, stream)
        for found, wanted in zip(windows, expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
        first = len(windows.inputs) // 2
        for found, wanted in zip(stream.cut(seq_length, first, 1), expected, strict=True):
            np.testing.assert_array_equal(found, wanted[first : first + 1])
    assert task.validation().total() == expected[2].sum() if fraction else not task.parts.validating
    assert task.windows(seq_length)[1] == sum(map(len, texts)) - sum(len(each) for part in parts for each in part)


def naive_windows(task, part, stream):
    """Windows by a walk through each piece, symbol by symbol; the layout says only where a piece lies."""
    layout = stream.part.layout
    shape = (layout.windows, layout.batch_size, layout.seq_length)
    inputs, targets, weights = (np.zeros(shape, int) for _ in range(3))
    resets, read = np.zeros(shape[:2], bool), []
    ids = [task.vocabulary.encode_text(text, "text").tolist() for text in part]
    for lane, window, segment, row, rows in np.array(layout.pieces).T.tolist():
        resets[window, lane] = True
        for step in range(rows):
            here = (window + step // layout.seq_length, lane, step % layout.seq_length)
            inputs[here] = ids[segment][row + step]
            read.append((segment, row + step))
            if row + step + 1 < len(ids[segment]):
                targets[here], weights[here] = ids[segment][row + step + 1], 1
    assert sorted(read) == [(segment, place) for segment, text in enumerate(part) for place in range(len(text))]
    return inputs, targets, weights, resets


def test_a_plan_says_segments_and_parts(tmp_path):
    lines = describe_plan(make_plan(lstmzoo.load_config(write(tmp_path, FILES)), "cpu"))
    assert (
        lines["data"]
        == "362 symbols of text, 16 different; 11 windows of [3, 10] an epoch, 0 symbols dropped (they fill no window)"
    )
    assert lines["segments"] == "2 of 110 to 252 symbols, a file each"
    assert lines["training"].startswith(
        "325 symbols in 4 pieces, 11 windows of [3, 10] with 5 steps of padding; 323 symbols count"
    )
    assert lines["validation"].startswith("37 symbols in")


@pytest.mark.slow
def test_a_run_of_files_goes_on_exactly_and_only_with_the_same_files(tmp_path):
    """One of 12 steps, and one that ends in the middle of an epoch and goes on: losses and weights, bit for bit."""
    config = write(tmp_path, FILES)
    whole = lstmzoo.train_run(config, tmp_path / "whole")
    lstmzoo.train_run(lstmzoo.load_config(config, ["train.steps=7"]), tmp_path / "run")
    assert lstmzoo.train_run(config, tmp_path / "run", resume=True)["final"] == whole["final"]
    losses = [[line["train_loss"] for line in metrics(tmp_path / name)] for name in ("whole", "run")]
    assert losses[0] == losses[1]
    assert_same_weights(tmp_path / "whole", tmp_path / "run", 12)
    write(tmp_path, {"a.txt": FILES["a.txt"] + "that ", "b.txt": FILES["b.txt"].removeprefix("that ")})
    said = "task.text: expected the same files, each as long as before, that the run was trained with"
    with pytest.raises(InputError, match=said):
        lstmzoo.train_run(config, tmp_path / "run", resume=True)


REFUSED = [
    ({"a.txt": "abcdefgh" * 2, "b.txt": "ab"}, ["train.seq_length=15"], "task.text: expected a file with 15 symbols or more to train on, a window of train.seq_length, received at most 14"),
    ({"a.txt": "ab" * 20, "b.txt": "ab"}, ["validate.fraction=0.01"], "validate.fraction: expected a last part of 2 symbols or more of a file, received none"),
    ({"a.txt": "a" * 99, "b.txt": "a"}, [], "task: expected a text with two different symbols or more"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "overrides", "message"), REFUSED)
def test_what_cannot_be_trained_on_is_refused_and_nothing_is_begun(tmp_path, files, overrides, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.train_run(lstmzoo.load_config(write(tmp_path, files), overrides), tmp_path / "run")
    assert not (tmp_path / "run").exists()
