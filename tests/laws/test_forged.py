"""Checkpoints that no run writes, behind a right digest: each is damage, and the one before serves."""

import json
import re
import shutil

import numpy as np
import pytest

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.runs.checkpoint import load_checkpoint, save_checkpoint
from lstmzoo.runs.trained import open_run
from tests.helpers.rows import few
from tests.helpers.runs import started

LINE = '{"step": 40, "epoch": 1, "train_loss": 1.0, "learning_rate": 0.1}'

pytestmark = pytest.mark.usefixtures("blank_pictures")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A small char run with the checkpoints of steps 36 and 40."""
    folder = tmp_path_factory.mktemp("forged")
    (folder / "play.txt").write_text("the quick brown fox jumps over the lazy dog.\n" * 25)
    (folder / "play.yaml").write_text(
        "task: {kind: char, text: play.txt}\nmodel: {units: 5}\ntrain: {steps: 40, seq_length: 15}\n"
        "validate: {every_steps: 12}\nsample: {every_steps: 0}\nexecution: {kernel: scan}\n"
    )
    lstmzoo.train_run(folder / "play.yaml", folder / "run")
    return folder / "run"


def forged(path, tensors, metadata):
    """Reseal a checkpoint with other tensors and metadata; None takes one away, a function changes it."""
    found = load_checkpoint(path)
    for kept, changes in ((found.tensors, tensors), (found.metadata, metadata)):
        for name, change in changes.items():
            kept[name] = change(kept[name]) if callable(change) else change
            if change is None:
                del kept[name]
    save_checkpoint(path, found.tensors, {name: text for name, text in found.metadata.items() if name != "sha256"})


def one(value, dtype=np.int64):
    return np.array(value, dtype)


def counted(**changes):
    """Another value in a place of `position`: step, epoch, window."""
    places = {"step": 0, "epoch": 1, "window": 2}

    def change(position):
        position = position.copy()
        for name, value in changes.items():
            position[places[name]] = value
        return position

    return change


def with_settings(**changes):
    def change(text):
        settings = json.loads(text) | {path.replace("__", "."): value for path, value in changes.items()}
        return json.dumps({path: value for path, value in settings.items() if value != "gone"})

    return {"settings": change}


def broken(value):
    def change(array):
        array = array.copy()
        array.reshape(-1)[-1] = value
        return array

    return change


MODEL = {  # what everybody reads
    "a weight missing": ({"weights/001": None}, {}),
    "a weight more": ({"weights/005": one([1.0], np.float32)}, {}),
    "a weight of another name": ({"weights/bias": one([1.0], np.float32)}, {}),
    "a weight turned": ({"weights/001": np.transpose}, {}),
    "a weight of a scalar": ({"weights/002": one(1.0, np.float32)}, {}),
    "a weight without rows": ({"weights/000": lambda value: value[:0]}, {}),
    "a weight in float64": ({"weights/000": np.float64}, {}),
    "a weight of integers": ({"weights/000": np.int64}, {}),
    "a weight that is NaN": ({"weights/000": broken(np.nan)}, {}),
    "a weight that is infinite": ({"weights/004": broken(-np.inf)}, {}),
    "a best step of two": ({"best/step": one([1, 2])}, {}),
    "a best step to come": ({"best/step": one(41)}, {}),
    "a best step below none": ({"best/step": one(-2)}, {}),
    "a best step in float": ({"best/step": one(36, np.float64)}, {}),
    "a best loss that is NaN": ({"best/val_loss": one(np.nan, np.float64)}, {}),
    "a best loss in float32": ({"best/val_loss": one(1.0, np.float32)}, {}),
    "no best loss": ({"best/val_loss": None}, {}),
    "a position before the start": ({"position": counted(step=-5)}, {}),
    "a position of another step": ({"position": counted(step=20)}, {}),
    "a position of one": ({"position": one([40])}, {}),
    "a position in float": ({"position": np.float64}, {}),
}
RUN = (
    MODEL
    | {  # what a run that goes on reads
        "no position": ({"position": None}, {}),
        "another epoch": ({"position": counted(epoch=7)}, {}),
        "an epoch before the first": ({"position": counted(epoch=-1)}, {}),
        "another window": ({"position": counted(window=3)}, {}),
        "a window behind the epoch": ({"position": counted(epoch=0, window=40)}, {}),
        "misses below zero": ({"early_stopping/misses": one(-1)}, {}),
        "misses beyond the steps": ({"early_stopping/misses": one(41)}, {}),
        "steps of the epoch": ({"epoch/steps": one(41)}, {}),
        "a loss of the epoch that is infinite": ({"epoch/loss": one(np.inf, np.float64)}, {}),
        "a state of other lanes": ({"states/000/h": lambda value: value[:-1]}, {}),
        "a state that is NaN": ({"states/000/c": broken(np.nan)}, {}),
        "a state of a layer more": ({"states/001/h": one([[1.0]], np.float32)}, {}),
        "no state": ({"states/000/c": None}, {}),
        "a slot missing": ({"optimizer/005": None}, {}),
        "a slot more": ({"optimizer/006": one([1.0], np.float32)}, {}),
        "a slot of another shape": ({"optimizer/001": np.transpose}, {}),
        "a slot that is NaN": ({"optimizer/002": broken(np.nan)}, {}),
        "another iteration": ({"optimizer/000": one(-5)}, {}),
        "an iteration in float": ({"optimizer/000": one(40, np.float32)}, {}),
        "a tensor of another part": ({"evil": one(1)}, {}),
        "settings that are no JSON": ({}, {"settings": "{"}),
        "settings that are a list": ({}, {"settings": "[[1, 2]]"}),
        "settings that are deep": ({}, {"settings": "[" * 100_000}),
        "settings with a key of no experiment": ({}, with_settings(model__evil=1)),
        "settings with a key in the place of a section": ({}, with_settings(train=1)),
        "settings without a task": ({}, with_settings(task__kind="gone")),
        "settings of another task": ({}, with_settings(task__kind="echo")),
        "settings with units below one": ({}, with_settings(model__units=[-5])),
        "settings with units as text": ({}, with_settings(model__units="5")),
        "settings with a rate that is NaN": ({}, with_settings(train__optimizer__learning_rate=float("nan"))),
        "settings with a kernel that is none": ({}, with_settings(execution__kernel="evil")),
        "settings that are still open": ({}, with_settings(execution__threads="auto")),
        "settings with no length": ({}, with_settings(train__steps=None)),
        "settings with two lengths": ({}, with_settings(train__epochs=1)),
        "settings of a shorter run": ({}, with_settings(train__steps=39)),
        "settings of another seed": ({}, with_settings(seed=7)),
        "settings of other units": ({}, with_settings(model__units=[6])),
        "another text": ({}, {"text_sha256": "0" * 64}),
        "no text": ({}, {"text_sha256": None}),
        "another vocabulary": ({}, {"vocab_sha256": "\x1b[2J"}),
        "seconds that are NaN": ({}, {"train_seconds": "nan"}),
        "seconds below zero": ({}, {"train_seconds": "-1"}),
        "seconds that are text": ({}, {"train_seconds": "soon"}),
        "something pending of another step": (
            {},
            {"pending": '{"step": 39, "epoch": 1, "train_loss": 1.0, "learning_rate": 0.1}'},
        ),
        "something pending without a loss": ({}, {"pending": '{"step": 40}'}),
        "something pending without an epoch": (
            {},
            {"pending": '{"step": 40, "train_loss": 1.0, "learning_rate": 0.1}'},
        ),
        "something pending that is not finite": ({}, {"pending": LINE.replace("0.1", "NaN")}),
        "a pending measure that is too large": ({}, {"pending": LINE.replace("}", ', "val_loss": 1e400}')}),
        "a pending measure that is no number": ({}, {"pending": LINE.replace("}", ', "val_loss": "abc"}')}),
        "something pending that is no JSON": ({}, {"pending": "[" * 100_000}),
    }
)


ALWAYS = ["a weight of another name", "a weight that is NaN", "a best step of two", "a position before the start",
          "a window behind the epoch", "a state of other lanes", "a slot of another shape", "settings that are deep",
          "settings with units below one", "settings of another seed", "another text", "seconds that are NaN"]  # fmt: skip


@pytest.mark.parametrize("name", few(RUN, ALWAYS))
def test_a_forged_checkpoint_is_damage_and_the_one_before_serves(copy, name):
    forged(copy / "checkpoints" / "step-00000040.safetensors", *RUN[name])
    resumed = started(copy).resumed
    assert (resumed.checkpoint.tensors["position"][0], len(resumed.notes)) == (36, 1)
    assert re.match(r"the checkpoint of step 40 is damaged \(.{,300}\); going on from step 36$", resumed.notes[0])


@pytest.mark.parametrize("name", few(MODEL, ALWAYS))
def test_no_reader_takes_a_forged_model(copy, name):
    for step in (36, 40):
        forged(copy / "checkpoints" / f"step-{step:08d}.safetensors", *MODEL[name])
    none = r"which has none: the checkpoint of step 40 is damaged .*step 36 is damaged"
    with pytest.raises(InputError, match=f"{none}|expected weights of the model in the run's config.yaml, received "):
        open_run(copy)


def test_a_checkpoint_under_the_name_of_another_step_is_damage(copy):
    path = copy / "checkpoints" / "step-00000200.safetensors"
    shutil.copy(copy / "checkpoints" / "step-00000040.safetensors", path)
    assert started(copy).resumed.notes[0].startswith("the checkpoint of step 200 is damaged (")
    assert open_run(copy).notes == [
        "the checkpoint of step 200 is damaged (position: expected 200, received 40); using step 40"
    ]


def test_settings_that_are_missing_have_their_defaults(copy):
    """A run of a version that lacked a key goes on."""
    for path in (copy / "checkpoints").iterdir():
        forged(path, {}, with_settings(validate__patience="gone", model__recurrent_activation="gone"))
    assert started(copy).resumed.notes == []


def test_the_weights_of_a_deep_model_keep_their_order(tmp_path):
    """A thousand weights and four: the number 1000 comes after 999."""
    (tmp_path / "config.yaml").write_text(
        "task: {kind: echo}\nmodel: {kind: stacked_layers, units: 1, depth: 334}\ntrain: {epochs: 1}\n"
    )
    shapes = [(1, 4), (1, 4), (4,)] * 334 + [(1, 2), (2,)]
    tensors = {f"weights/{n:03d}": np.full(shape, n, np.float32) for n, shape in enumerate(shapes)}
    (tmp_path / "checkpoints").mkdir()
    save_checkpoint(tmp_path / "checkpoints" / "step-00000010.safetensors", tensors, {})
    assert [int(value.flat[0]) for value in open_run(tmp_path).weights] == list(range(1004))
