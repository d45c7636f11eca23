"""File systems that cannot lock, or cannot flush a directory: runs and searches go on, one process at a time."""

import errno
import fcntl
import json
import os
import signal
import stat
import time

import pytest

import lstmzoo
from lstmzoo.errors import Busy, EnvironmentFailure, InputError
from lstmzoo.runs.directory import LOCK, RunDirectory
from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.system import files
from lstmzoo.system.locks import NO_LOCKS, take_lock
from lstmzoo.training.progress import SilentProgress
from tests.helpers.forked import started
from tests.helpers.places import ECHO
from tests.helpers.rows import few

SETS = ["train.steps=2", "validate.every_steps=0", "execution.kernel=scan"]
FEW = [errno.ENOLCK, errno.ENOSYS]


def break_flock(number):
    """As of a file system that refuses it with this error."""

    def refuse(descriptor, operation):
        if not operation & fcntl.LOCK_UN:
            raise OSError(number, os.strerror(number))

    fcntl.flock = refuse


@pytest.fixture
def no_locks(monkeypatch):
    monkeypatch.setattr(fcntl, "flock", fcntl.flock)
    return break_flock


class Said(SilentProgress):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("number", NO_LOCKS)
def test_one_process_at_a_time_where_nothing_can_be_locked(no_locks, tmp_path, number):
    no_locks(number)
    with RunDirectory.claim(tmp_path / "run") as held:
        assert held.note.startswith(f"warning: {tmp_path / 'run'} is in a file system without locks (")
        held.check_claim()
        with pytest.raises(Busy, match="expected one that no other process trains in"):
            RunDirectory.claim(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with RunDirectory.claim(tmp_path / "run") as again:
        again.check_claim()


def hold(number, path):
    break_flock(number)
    path.mkdir()
    lock = take_lock(path / LOCK)
    (path / "held").touch()
    time.sleep(60)
    lock.release()


@pytest.mark.parametrize("number", few(NO_LOCKS, FEW[:1]))
def test_the_lock_of_a_killed_process_is_taken_over(no_locks, tmp_path, number):
    run = tmp_path / "run"
    process = started(hold, number, run)
    while not (run / "held").exists():
        time.sleep(0.01)
    (run / "held").unlink()
    no_locks(number)
    with pytest.raises(Busy):
        RunDirectory.claim(run)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    until = time.monotonic() + 20
    while True:
        try:
            with RunDirectory.claim(run) as mine:
                mine.check_claim()
            return
        except Busy:
            assert time.monotonic() < until
            time.sleep(0.1)


@pytest.mark.parametrize("number", few(NO_LOCKS, FEW[:1]))
def test_a_run_says_so_in_one_line_and_trains(no_locks, tmp_path, number):
    no_locks(number)
    progress = Said()
    config = lstmzoo.load_config(ECHO, SETS)
    assert lstmzoo.train_run(config, tmp_path / "run", progress=progress)["status"] == "completed"
    assert [line for line in progress.said if "warning" in line] == [
        f"warning: {tmp_path / 'run'} is in a file system without locks "
        f"({'no locks' if number == errno.ENOSYS else os.strerror(number)}): let no other machine write there meanwhile"
    ]
    assert lstmzoo.train_run(config, tmp_path / "run", resume=True)["status"] == "completed"


def test_a_search_too(no_locks, sweep, tmp_path):
    no_locks(errno.EOPNOTSUPP)
    search = load_sweep(sweep({"kind": "random", "trials": 1}))
    first, second = (SweepDirectory(tmp_path / "d").prepare(search) for _ in range(2))
    assert "is in a file system without locks" in first.claim()
    with pytest.raises(InputError, match="expected one in which no other search runs"):
        second.claim()
    first.release()
    second.claim()
    second.release()


@pytest.fixture
def no_flush(monkeypatch):
    """A file system whose fsync fails for directories, or for files."""

    def use(number, is_there):
        real = os.fsync

        def refuse(descriptor):
            if is_there(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))
            return real(descriptor)

        monkeypatch.setattr(os, "fsync", refuse)

    return use


@pytest.mark.parametrize("number", files.NO_WAY)
def test_a_directory_that_cannot_be_flushed_is_no_failure(no_flush, tmp_path, number):
    no_flush(number, stat.S_ISDIR)
    files.write_atomically(tmp_path / "a", b"1")
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "b").write_bytes(b"2")
    files.publish(tmp_path / "beside", tmp_path / "c")
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "c" / "b").read_bytes()) == (b"1", b"2")


@pytest.mark.parametrize(
    ("number", "is_there", "advice"),
    [
        (errno.EIO, stat.S_ISDIR, "correct the cause"),
        (errno.EINVAL, stat.S_ISREG, "correct the cause"),
        (errno.ENOSPC, stat.S_ISREG, "make room"),
    ],
)
def test_what_is_not_safe_on_the_disk_is_a_failure_with_the_advice_for_it(no_flush, tmp_path, number, is_there, advice):
    no_flush(number, is_there)
    with pytest.raises(EnvironmentFailure, match=rf"{os.strerror(number)}\): {advice}"):
        lstmzoo.train_run(lstmzoo.load_config(ECHO, SETS), tmp_path / "run")


def test_a_run_where_no_directory_can_be_flushed(no_flush, tmp_path):
    no_flush(errno.EINVAL, stat.S_ISDIR)
    result = lstmzoo.train_run(lstmzoo.load_config(ECHO, SETS), tmp_path / "run")
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == result["status"] == "completed"
