"""Files that are written beside their place: each under a name of its own; of scratch directories nothing is left."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lstmzoo
from lstmzoo.errors import Interrupted
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.system import files
from lstmzoo.system.files import (
    drop_scratch,
    name_beside,
    open_atomically,
    remove_leftovers,
    scratch,
    write_atomically,
)
from lstmzoo.system.signals import StopSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_scratch_directory_is_made_leaves_none(tmp_path, monkeypatch, number):
    made = Path.mkdir

    def stopped(self, *options):
        made(self, *options)
        signal.raise_signal(number)

    monkeypatch.setattr(Path, "mkdir", stopped)
    with pytest.raises(Interrupted), StopSignals(may_leave=True), scratch(".export.", tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_signal_before_the_block_is_entered_leaves_none(tmp_path):
    """The directory is there, and nobody is in charge of it but the command that ends."""
    with pytest.raises(Interrupted), StopSignals(may_leave=True):
        held = scratch(".export.", tmp_path)
        held.__enter__()
        signal.raise_signal(signal.SIGINT)
    assert not list(tmp_path.iterdir())


def test_a_process_that_is_ended_while_it_writes_leaves_the_old_file(tmp_path):
    """As a signal ends one that does not answer: without leaving any `with`."""
    (tmp_path / "file").write_text("old")
    held = open_atomically(tmp_path / "file")
    held.__enter__().write(b"half")
    assert len(list(tmp_path.iterdir())) == 2
    drop_scratch()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_writers_with_one_process_number_do_not_disturb_one_another(tmp_path):
    """Threads have one, and so have containers that share a directory."""
    contents = [bytes([number]) * 5000 for number in range(64)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda content: write_atomically(tmp_path / "file", content), contents))
    assert (tmp_path / "file").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


STANDING = [".config.yaml.{pid}.tmp", ".config.yaml.1.tmp", ".config.yaml.tmp", ".key.{pid}.tmp", ".notes.12ab.tmp", ".tmp"]  # fmt: skip


@pytest.mark.parametrize("name", STANDING)
def test_what_stands_beside_already_neither_hinders_a_run_nor_goes(tmp_path, name):
    standing = tmp_path / name.format(pid=os.getpid())
    standing.write_text("somebody else's")
    with RunDirectory.create("run", tmp_path) as directory:
        directory.begin("name: run\n")
        directory.begin("name: run\n")  # a second start removes what a killed one has left
    assert (tmp_path / "config.yaml").read_text() == "name: run\n"
    assert standing.read_text() == "somebody else's"


def test_a_name_that_is_taken_all_the_same_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(files.secrets, "token_hex", lambda size: "0" * 2 * size)
    taken = name_beside(tmp_path / "file")
    taken.write_text("somebody else's")
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "file", b"new")
    assert (taken.read_text(), (tmp_path / "file").exists()) == ("somebody else's", False)


def test_what_appears_under_the_name_after_the_rename_stays(tmp_path, monkeypatch):
    real, seen = Path.replace, []

    def replace(self, target):
        real(self, target)
        self.write_text("somebody else's")
        seen.append(self)

    monkeypatch.setattr(Path, "replace", replace)
    write_atomically(tmp_path / "file", b"new")
    assert ((tmp_path / "file").read_bytes(), seen[0].read_text()) == (b"new", "somebody else's")


def test_what_killed_writers_have_left_goes(tmp_path):
    left = [name_beside(tmp_path / name) for name in ("config.yaml", "step-00000500.safetensors")]
    for path in left:
        path.write_text("half")
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_name_is_made_of_a_process_number():
    sources = Path(lstmzoo.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "getpid" in path.read_text(encoding="utf-8")] == []
