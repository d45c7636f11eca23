"""Damaged files, full disks, vanished directories, links: nothing earlier is lost, and one message says what to do."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import lstmzoo
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.runs.checkpoint import checkpoint_steps, load_checkpoint, save_checkpoint, whole_checkpoints
from lstmzoo.runs.directory import FILES, FOLDERS, LOCK
from lstmzoo.training.progress import SilentProgress
from tests.helpers.killing import assert_same_run, random_moments, run_in_process
from tests.helpers.rows import few
from tests.helpers.runs import started

TEXT = "the quick brown fox jumps over the lazy dog, and the dog sleeps on.\n" * 25
pytestmark = pytest.mark.usefixtures("blank_pictures")
SETS = ["validate.every_steps=12", "checkpoint.every_steps=10", "sample={every_steps: 12, length: 20}"]


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    """Config of a small char run."""
    folder = tmp_path_factory.mktemp("play")
    (folder / "play.txt").write_text(TEXT)
    (folder / "play.yaml").write_text(
        "task: {kind: char, text: play.txt}\nmodel: {kind: single, units: 5}\ntrain: {steps: 40, seq_length: 15}\n"
        "execution: {kernel: scan}\n"  # nothing to compile: no kernel has a part in what is told here
    )
    return folder / "play.yaml"


@pytest.fixture(scope="module")
def whole(play, tmp_path_factory):
    """A run that nothing has disturbed."""
    directory = tmp_path_factory.mktemp("whole") / "run"
    lstmzoo.train_run(lstmzoo.load_config(play, SETS), directory)
    assert checkpoint_steps(directory / "checkpoints") == [36, 40]
    return directory


# Damage


def test_each_damaged_checkpoint_is_found_and_the_one_before_serves(copy):
    path = copy / "checkpoints" / "step-00000040.safetensors"
    content, rng = path.read_bytes(), np.random.default_rng(0)
    header = 8 + int.from_bytes(content[:8], "little")
    damaged = [content[: int(n)] for n in rng.integers(0, len(content), 200)]
    places = [*rng.integers(0, 8, 20), *rng.integers(8, header, 240), *range(header - 8, header)]
    for place in [*places, *rng.integers(header, len(content), 500 - len(places))]:
        flipped = bytearray(content)
        flipped[place] ^= int(rng.integers(1, 256))
        damaged.append(bytes(flipped))
    assert len(damaged) == 700
    for other in damaged:
        path.write_bytes(other)
        notes: list[str] = []
        step, _ = next(whole_checkpoints(copy / "checkpoints", notes))
        assert (step, notes) == (36, ["the checkpoint of step 40 is damaged"])


def test_the_one_before_a_damaged_one_goes_on_to_the_same_end(copy, whole):
    path = copy / "checkpoints" / "step-00000040.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert started(copy).resumed.notes == ["the checkpoint of step 40 is damaged; going on from step 36"]
    lstmzoo.train_run(None, copy, resume=True)
    assert {path.name for path in (copy / "checkpoints").glob("*.damaged")} == {f"{path.name}.damaged"}
    assert_same_run(whole, copy)


OTHERS = ["checkpoints/step-00000050.safetensors", "samples/step-00000050.txt", "checkpoints/.foo.1.tmp"]


@pytest.mark.parametrize("name", few(OTHERS, OTHERS[:1]))
def test_a_folder_or_a_pipe_with_the_name_of_a_file(copy, whole, name):
    (copy / "checkpoints" / "step-00000040.safetensors").unlink()
    (copy / name).mkdir()
    os.mkfifo(copy / "checkpoints" / "step-00000060.safetensors")
    lstmzoo.train_run(None, copy, resume=True)
    shutil.rmtree(copy / name, ignore_errors=True)
    assert_same_run(whole, copy)


def test_what_is_intact_is_looked_at(play, tmp_path):
    """A damaged checkpoint is neither called intact nor does it take the place of a whole one."""
    run, config = tmp_path / "run", lstmzoo.load_config(play, ["validate.every_steps=0", "checkpoint.every_steps=10"])

    class Damaging(SilentProgress):
        def show(self, moment):
            if moment.step == 30:
                path = run / "checkpoints" / "step-00000030.safetensors"
                path.write_bytes(path.read_bytes()[:-1])
                raise OSError(5, "Input/output error")

    message = r"Input/output error .the checkpoint of step 20 is intact.: correct the cause, and go on with --resume"
    with pytest.raises(EnvironmentFailure, match=message):
        lstmzoo.train_run(config, run, progress=Damaging())
    lstmzoo.train_run(None, run, resume=True)
    assert checkpoint_steps(run / "checkpoints") == [30, 40]


def test_a_checkpoint_of_another_version_is_refused(copy):
    for path in (copy / "checkpoints").iterdir():
        tensors, metadata = load_checkpoint(path)
        save_checkpoint(path, {"weights/000": tensors["weights/000"]}, {"settings": metadata["settings"]})
    with pytest.raises(InputError, match="expected a checkpoint of this version of lstmzoo, received one of another"):
        started(copy)


def test_with_no_whole_checkpoint_left_the_message_says_what_to_do(copy):
    for path in (copy / "checkpoints").iterdir():
        path.write_bytes(b"")
    message = (
        "expected a run with a whole checkpoint, received .*: the checkpoint of step 40 is damaged; the checkpoint of "
        "step 36 is damaged: restore one, or remove them to start this run from step 0"
    )
    with pytest.raises(InputError, match=message):
        lstmzoo.train_run(None, copy, resume=True)


def emptied(path):
    path.write_bytes(b"")


def deep(path):
    path.write_bytes(b"[" * 200_000)


def piped(path):
    path.unlink()
    os.mkfifo(path)


def scrambled(path):
    path.write_bytes(np.random.default_rng(len(path.name)).bytes(500))


OF_CHAR = tuple(name for name in FILES if name != "scaling.json")
CHECKPOINTS = ["checkpoints/step-00000036.safetensors", "checkpoints/step-00000040.safetensors"]
READ = {"resume": ["config.yaml", "environment.json", "metrics.jsonl", "result.json", "vocab.json"], "sample": ["config.yaml", "vocab.json"]}  # fmt: skip


@pytest.mark.parametrize("damage", [Path.unlink, emptied, scrambled, deep, piped])
@pytest.mark.parametrize("name", [*OF_CHAR, "checkpoints"])
def test_each_file_missing_emptied_or_scrambled(copy, name, damage):
    """What a command reads is needed, but for what is written last and for checkpoints that never were."""
    for path in CHECKPOINTS if name == "checkpoints" else [name]:
        damage(copy / path)
    is_new = (damage is Path.unlink and name in ("result.json", "checkpoints")) or (
        damage is piped and name == "checkpoints"
    )
    if not is_new:
        with pytest.raises(InputError, match=r"expected .*, received ") as caught:
            started(copy)
        assert len(str(caught.value).splitlines()) == 1
    else:
        assert (started(copy).resumed is None) == (name == "checkpoints")
    if name in (*READ["sample"], "checkpoints"):
        for command in (lambda: lstmzoo.sample_text(copy), lambda: lstmzoo.score_text(copy, "the")):
            with pytest.raises(InputError, match=r"expected .*, received ") as caught:
                command()
            assert len(str(caught.value).splitlines()) == 1


def test_a_few_wrong_bytes_anywhere_start_a_run_or_are_refused(copy):
    rng, contents = np.random.default_rng(0), {name: (copy / name).read_bytes() for name in OF_CHAR}
    refused = 0
    for _ in range(300):
        name = OF_CHAR[rng.integers(len(OF_CHAR))]
        content = bytearray(contents[name])
        for place in rng.integers(0, len(content), rng.integers(1, 6)):
            content[place] = rng.integers(256)
        (copy / name).write_bytes(content)
        try:
            started(copy)
        except InputError:
            refused += 1
        for other, whole in contents.items():
            (copy / other).write_bytes(whole)
    assert refused > 100


@pytest.mark.parametrize("value", ["NaN", "1e999", '"low"', "[1]", "null", "true"])
@pytest.mark.parametrize("name", ["train_loss", "learning_rate"])
def test_a_measure_that_is_no_finite_number_is_damage(copy, name, value):
    lines = (copy / "metrics.jsonl").read_text()
    (copy / "metrics.jsonl").write_text(re.sub(rf'"{name}": [0-9.]+', f'"{name}": {value}', lines))
    with pytest.raises(InputError, match=f"expected the lines of steps 1 to 40, received .* as {name} of step 1"):
        started(copy)


@pytest.mark.parametrize("name", ["vocab.json", "samples/step-00000007.txt", "plots/mine.png"])
@pytest.mark.parametrize("resume", [True, False])
def test_files_that_no_run_has_written_are_left_alone(play, tmp_path, name, resume):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"expected one without a run, received .*, which holds {name.split('/')[0]}"):
        lstmzoo.train_run(lstmzoo.load_config(play, SETS), tmp_path, resume=resume)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["a" * 300, "caf\udce9", "play.yaml"])
@pytest.mark.parametrize("resume", [True, False])
def test_directories_that_cannot_be(play, tmp_path, name, resume):
    with pytest.raises(InputError, match="run directory: expected a"):
        lstmzoo.train_run(lstmzoo.load_config(play, SETS), play.parent / name, resume=resume)


# The disk


MOMENTS = random_moments(1, 10, 60)


@pytest.mark.parametrize("moment", few(MOMENTS, MOMENTS[:1]))
def test_a_full_disk_loses_nothing(play, whole, tmp_path, moment):
    """From some operation on, no file can be written; after room is made, the run ends as it would have."""
    sets, run = SETS, tmp_path / "run"
    status, said = run_in_process(play, sets, run, moment, ("full", moment % 3 * 40))
    assert (status, "make room" in said) == (1, True), said
    assert "failed: " in said or "cannot be written" in said
    steps, damaged = checkpoint_steps(run / "checkpoints"), []
    assert [step for step, _ in whole_checkpoints(run / "checkpoints", damaged)][::-1] == steps
    assert damaged == []
    assert run_in_process(play, sets, run).status == 0
    assert_same_run(whole, run)


@pytest.mark.parametrize(
    ("what", "advice"),
    few(
        [("removed", "No such file or directory"), ("read-only", "Permission denied")],
        [("removed", "No such file or directory")],
    ),
)
def test_a_directory_that_vanishes_or_closes(play, tmp_path, what, advice):
    for moment in (15, 38):
        run = tmp_path / str(moment)
        status, said = run_in_process(play, SETS, run, moment, (what,))
        assert (status, said[:8]) == (1, "the run ")
        assert advice in said
        assert run.exists() == (what == "read-only")


def test_a_file_that_somebody_else_writes_to_is_a_failure(play, tmp_path):
    class Meddling(SilentProgress):
        def show(self, moment):
            with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
                file.write("{}\n")

    with pytest.raises(EnvironmentFailure, match="metrics.jsonl was changed or removed by something else"):
        lstmzoo.train_run(lstmzoo.load_config(play, SETS), tmp_path / "run", progress=Meddling())


# Links


@pytest.mark.parametrize("name", [*FILES, *FOLDERS, LOCK])
def test_nothing_is_written_through_a_link(copy, play, tmp_path, name):
    """Neither by --resume nor by a new run in a directory that was prepared by somebody else."""
    outside, fresh = tmp_path / "outside", tmp_path / "fresh"
    fresh.mkdir()
    outside.mkdir() if name in FOLDERS else outside.write_text("mine")
    for directory in (copy, fresh):
        shutil.rmtree(directory / name, ignore_errors=True)
        (directory / name).unlink(missing_ok=True)
        (directory / name).symlink_to(outside)
        with pytest.raises(InputError, match="a symbolic link: remove it, or choose another directory with --run-dir"):
            lstmzoo.train_run(lstmzoo.load_config(play, SETS), directory, resume=directory is copy)
    assert list(outside.iterdir()) == [] if name in FOLDERS else outside.read_text() == "mine"
    outside.rmdir() if name in FOLDERS else outside.unlink()  # a dangling one
    with pytest.raises(InputError, match="a symbolic link"):
        lstmzoo.train_run(lstmzoo.load_config(play, SETS), fresh)
    assert not os.path.lexists(outside)
