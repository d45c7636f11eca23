"""Directories that a command writes to: nothing is written elsewhere through a part of them."""

import os
import shutil

import pytest

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.report.write import PAGE, PICTURE, TABLE
from lstmzoo.runs import directory
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.sweep import directory as sweeps
from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.zoo.pretrained import MODELS
from tests.helpers.rows import few


def run(place):
    RunDirectory.claim(place).release()


def sweep(place):
    SweepDirectory(place).prepare(load_sweep("echo"))


def report(place):
    lstmzoo.write_report(MODELS / "echo_4", place)


OWN = {
    run: [*directory.FILES, *directory.FOLDERS, directory.LOCK],
    sweep: [*sweeps.FILES, *sweeps.FOLDERS, sweeps.LOCK, "logs/trial-0000.log", "search/chief.log", "trial-0000", "tensorboard/trial-0001"],
    report: [PAGE, TABLE, PICTURE],
}  # fmt: skip
IN_PLACE = [(run, "metrics.jsonl"), (run, ".lock"), (sweep, "search/.lock")]
ROWS = [(command, name) for command, names in OWN.items() for name in names]
OFTEN = [(run, "metrics.jsonl"), (sweep, "logs/trial-0000.log"), (sweep, "logs"), (sweep, "best.yaml"), (report, TABLE)]


def cleared(part, command, place):
    """Make room for a part; a sweep has to have begun there, or it would refuse a directory with anything in it."""
    if command is sweep:
        command(place)
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
    part.parent.mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("target", ["file", "folder", "nothing"])
@pytest.mark.parametrize(("command", "name"), few(ROWS, OFTEN))
def test_a_link_in_the_place_of_a_part_is_refused(tmp_path, command, name, target):
    outside, part = tmp_path / "outside", tmp_path / "there" / name
    if target == "file":
        outside.write_text("mine")
    elif target == "folder":
        outside.mkdir()
    cleared(part, command, tmp_path / "there")
    part.symlink_to(outside)
    with pytest.raises(InputError, match=r"(run|sweep) directory|report: expected .* of its own, received a symbolic"):
        command(tmp_path / "there")
    assert part.is_symlink()
    assert not outside.exists() if target == "nothing" else outside.is_dir() or outside.read_text() == "mine"


@pytest.mark.parametrize(("command", "name"), IN_PLACE)
def test_a_second_name_of_a_file_that_is_written_in_place_is_refused(tmp_path, command, name):
    outside, part = tmp_path / "outside", tmp_path / "there" / name
    outside.write_text("mine")
    cleared(part, command, tmp_path / "there")
    os.link(outside, part)
    with pytest.raises(
        InputError, match=r"expected .* to be a file of its own, received one with a second name.* replace it by a copy"
    ):
        command(tmp_path / "there")
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("command", OWN)
def test_the_directory_itself_may_be_a_link(tmp_path, command):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "there").symlink_to("elsewhere")
    command(tmp_path / "there")


@pytest.mark.parametrize("name", ["config.yaml", "result.json", "environment.json"])
def test_a_second_name_of_a_file_that_is_replaced_does_no_harm(tmp_path, name):
    (tmp_path / "outside").write_text("mine")
    (tmp_path / "there").mkdir()
    os.link(tmp_path / "outside", tmp_path / "there" / name)
    with RunDirectory.claim(tmp_path / "there") as claimed:
        claimed.begin("name: run\n")
        claimed.write_result({})
    assert (tmp_path / "outside").read_text() == "mine"
