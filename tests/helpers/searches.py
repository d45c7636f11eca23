"""A search as a command of its own: starting and killing it, and what it left."""

import csv
import itertools
import multiprocessing.util
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from lstmzoo.sweep.run import run_sweep
from lstmzoo.system.command_line import exit_status
from tests.helpers.forked import CONTEXT, obey_signals, warm

NUMBERS = itertools.count()


class Command(CONTEXT.Process):
    """A search in a process group of its own; what it says stands in a file."""

    def __init__(self, path, directory, train, workers, options):
        super().__init__()
        self.path, self.directory, self.train, self.workers, self.options = path, directory, train, workers, options
        self.stderr = Path(f"{directory}-{next(NUMBERS)}.stderr")

    def run(self):
        os.setsid()
        os.dup2(os.open(self.stderr, os.O_WRONLY | os.O_CREAT), 2)
        obey_signals()
        multiprocessing.util.spawnv_passfds = _forked
        search = lambda: run_sweep(self.path, self.directory, self.workers, train=self.train, **self.options)  # noqa: E731
        sys.exit(exit_status(search))


def _forked(python, arguments, files):
    """In place of a new Python, for the server from which a search forks its processes: it has imported all already."""
    if pid := os.fork():
        return pid
    for name in {each.name for each in Path("/proc/self/fd").iterdir()} - {"0", "1", "2", *map(str, files)}:
        with suppress(OSError):
            os.close(int(name))
    del sys.modules["lstmzoo.sweep.scheduler.preload"]  # what it does beside importing is done again
    try:
        exec(arguments[-1], {})
    finally:
        os._exit(0)


def start(path, directory, train="tests.helpers.trying:known", workers=2, **options):
    """A search, begun."""
    warm()
    command = Command(path, directory, train, workers, options)
    command.start()
    return command


def ended(command, seconds=120):
    """Its exit status, and what it said."""
    command.join(seconds)
    return command.exitcode, command.stderr.read_text()


def rows(directory):
    with (directory / "leaderboard.csv").open() as file:
        return list(csv.DictReader(file))


def by_trial(directory):
    """What must be the same in each search of one sweep."""
    found = rows(directory)
    assert len({row["trial"] for row in found}) == len(found)
    return sorted(tuple(row.items()) for row in found)


def those_of(group, role):
    """Processes of a group that bear a name."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            comm = (path / "comm").read_text().strip()
            if int((path / "stat").read_text().rpartition(")")[2].split()[2]) == group and comm == f"lstmzoo {role}":
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
