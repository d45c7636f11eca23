"""A search as a command of its own: starting and killing it, and what it left."""

import csv
import multiprocessing.util
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from lstmzoo.sweep.run import run_sweep
from lstmzoo.system.command_line import exit_status
from tests.helpers.forked import Command


def start(path, directory, train="tests.helpers.trying:known", workers=2, **options):
    """A search, begun."""
    return Command(_search, path, directory, train, workers, options, cwd=directory.parent)


def _search(path, directory, train, workers, options):
    multiprocessing.util.spawnv_passfds = _forked
    sys.exit(exit_status(lambda: run_sweep(path, directory, workers, train=train, **options)))


def _forked(python, arguments, files):
    """In place of a new Python, for the server from which a search forks its processes: it has imported all already."""
    if pid := os.fork():
        return pid
    for number in {int(path.name) for path in Path("/proc/self/fd").iterdir()} - {0, 1, 2, *map(int, files)}:
        with suppress(OSError):
            os.close(number)
    del sys.modules["lstmzoo.sweep.scheduler.preload"]  # what it does beside importing is done again
    try:
        exec(arguments[-1], {})
    finally:
        os._exit(0)


def ended(command, seconds=120):
    """Its exit status, and what it said."""
    done = command.done(seconds)
    return done.returncode, done.stderr


def rows(directory):
    with (directory / "leaderboard.csv").open() as file:
        return list(csv.DictReader(file))


def by_trial(directory):
    """What must be the same in each search of one sweep."""
    found = rows(directory)
    assert len({row["trial"] for row in found}) == len(found)
    return sorted(tuple(row.items()) for row in found)


def those_of(group, role):
    """Living processes of a group that bear a name; the dead stay listed where the first process reaps nobody."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            comm = (path / "comm").read_text().strip()
            state, _, of, *_ = (path / "stat").read_text().rpartition(")")[2].split()
            if int(of) == group and comm == f"lstmzoo {role}" and state not in "ZX":
                found.append(int(path.name))
        except OSError:
            continue
    return found


def killed(pid):
    """Whether it was still there to be killed."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
