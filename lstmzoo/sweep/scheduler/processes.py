"""Processes of a search, forked from one that has imported TensorFlow and never used it, so that they start at once.

The command itself imports no TensorFlow: it names a function, and the process imports that.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any, NamedTuple

from lstmzoo.system.machine import VISIBLE

LONGEST = 70  # bytes of the temporary folder's path; multiprocessing adds about 32
CONTEXT = multiprocessing.get_context("forkserver")


class Started(NamedTuple):
    """A process, our end of its pipe, and the time of its start."""

    process: Any
    pipe: Connection
    at: float

    def received(self) -> Iterator[Any]:
        """Yield the messages that have come."""
        try:
            while self.pipe.poll():
                yield self.pipe.recv()
        except (EOFError, OSError):  # it has closed its end
            return

    def answer(self, message: Any) -> None:
        """Send a message; nothing happens if the process is gone."""
        try:
            self.pipe.send(message)
        except OSError:
            return

    def kill(self) -> None:
        """Kill the process, and wait for its end."""
        self.process.kill()
        self.process.join()


def start(target: Callable[..., None], *arguments: Any) -> Started:
    """Start a process that calls `target(*arguments, its end of the pipe)`, and that dies with this one."""
    CONTEXT.set_forkserver_preload(["lstmzoo.sweep.scheduler.preload"])
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=target, args=(*arguments, theirs), daemon=True)
    with _no_main(), _short_folder():
        process.start()
    theirs.close()
    return Started(process, ours, time.monotonic())


def ask_device() -> str:
    """Return the device that TensorFlow finds in a process of its own ("gpu" or "cpu"); "" if that process fails."""
    asked = start(device)
    with suppress(EOFError, OSError):
        return str(asked.pipe.recv())
    return ""


@contextmanager
def _no_main() -> Iterator[None]:
    """Hide the main program: a new process would import and run it, if it has no `if __name__ == "__main__"`."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _short_folder() -> Iterator[None]:
    """Take another temporary folder where the name of the processes' socket would be longer than Linux's 107 bytes."""
    before = tempfile.gettempdir()
    if len(os.fsencode(before)) > LONGEST:
        tempfile.tempdir = next((each for each in ("/tmp", "/var/tmp") if os.access(each, os.W_OK)), before)
    try:
        yield
    finally:
        tempfile.tempdir = before


def device(pipe: Connection) -> None:
    """Send the device that TensorFlow finds."""
    from lstmzoo.system.machine import find_device

    pipe.send(find_device())


def chief(*arguments: Any) -> None:
    """Run the chief, in its own process."""
    from lstmzoo.sweep.scheduler.server import run_chief

    run_chief(*arguments)


def worker(*arguments: Any) -> None:
    """Run a worker, in its own process."""
    from lstmzoo.sweep.scheduler.worker import run_worker

    run_worker(*arguments)


def trial(gpu: str | None, train: str, *arguments: Any) -> None:
    """Run a trial, in its own process, with the training function `module:name`; of the GPUs it sees this one alone."""
    if gpu is not None:
        os.environ[VISIBLE] = gpu  # first of all: CUDA reads it once
    from importlib import import_module

    from lstmzoo.sweep.scheduler.trial_process import run_trial

    module, _, name = train.partition(":")
    run_trial(getattr(import_module(module), name), *arguments)
