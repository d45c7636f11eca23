"""Processes that start at once: forked from one that has imported what runs and searches need, and never used it."""

import importlib
import itertools
import multiprocessing
import os
import signal
import sys
import traceback
from multiprocessing import forkserver
from pathlib import Path
from typing import NamedTuple

from lstmzoo.system.signals import SIGNALS

CONTEXT = multiprocessing.get_context("forkserver")
IMPORTED = [
    "lstmzoo.sweep.scheduler.preload",
    "lstmzoo.sweep.run",
    "lstmzoo.training.loop",
    "lstmzoo.training.run",
    "lstmzoo.config.load",
]
NUMBERS = itertools.count()


def warm():
    """Have the process there that is forked from; a search that a test calls for forks its own from it too."""
    CONTEXT.set_forkserver_preload(IMPORTED)
    forkserver.ensure_running()


def started(target, *arguments):
    """A process of its own."""
    warm()
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


class Done(NamedTuple):
    """As of `subprocess.run`."""

    returncode: int
    stdout: str
    stderr: str


class Command:
    """`call(*arguments)` as a shell would start it: in a process group and a folder of its own."""

    def __init__(self, call, *arguments, cwd):
        number = next(NUMBERS)
        self.streams = [Path(f"{cwd}.{number}.{stream}") for stream in ("stdout", "stderr")]
        self.process = started(_as_command, str(cwd), self.streams, call, *arguments)
        self.pid = self.process.pid

    def poll(self):
        return self.process.exitcode

    def done(self, seconds=120):
        """When it has ended."""
        self.process.join(seconds)
        return Done(self.process.exitcode, *(path.read_text() for path in self.streams))


def command(module, *words, cwd):
    """`python -m lstmzoo.MODULE`, begun."""
    return Command(_main, module, list(map(str, words)), cwd=cwd)


def _as_command(cwd, streams, call, *arguments):
    os.setsid()
    os.chdir(cwd)
    for number, path in enumerate(streams, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    obey_signals()
    call(*arguments)


def _main(module, words):
    sys.argv = [f"lstmzoo.{module}", *words]
    importlib.import_module(f"lstmzoo.{module}").main(f"python -m lstmzoo.{module}")


def end_as_command(call):
    """Call a function and leave with the status that a command would have; 99 and a traceback for an error of its own."""
    status = 99
    try:
        obey_signals()
        call()
        status = 0
    except SystemExit as left:
        status = left.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def obey_signals():
    """As a process does that a shell has started; what it was forked from ignores them."""
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
