"""A search as a command of its own: starting and killing it, and what it left."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.helpers.places import ROOT

PROGRAM = """
import sys
from lstmzoo.sweep.run import run_sweep
from lstmzoo.system.command_line import exit_status
path, dir, train, workers, options = sys.argv[1:]
sys.exit(exit_status(lambda: run_sweep(path, dir, int(workers), train=train, **eval(options))))
"""


def start(path, directory, train="tests.helpers.trying:known", workers=2, **options):
    """A search in a process group of its own."""
    command = [sys.executable, "-c", PROGRAM, str(path), str(directory), train, str(workers), repr(options)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True)


def ended(process, seconds=120):
    """Its exit status, and what it said."""
    _, said = process.communicate(timeout=seconds)
    return process.returncode, said


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
