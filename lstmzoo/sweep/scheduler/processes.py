"""Processes of a search, forked from one that has TensorFlow imported and never used: they start at once.

The command itself imports no TensorFlow: it names what a process does, and the process imports it.
"""

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any, NamedTuple

CONTEXT = multiprocessing.get_context("forkserver")


class Started(NamedTuple):
    """A process, our end of its pipe, and when it began."""

    process: Any
    pipe: Connection
    at: float

    def received(self) -> Iterator[Any]:
        """The messages that have come."""
        try:
            while self.pipe.poll():
                yield self.pipe.recv()
        except (EOFError, OSError):  # it has closed its end
            return

    def answer(self, message: Any) -> None:
        """Send a message, if it is still there."""
        try:
            self.pipe.send(message)
        except OSError:
            return

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.join()


def start(target: Callable[..., None], *arguments: Any) -> Started:
    """A process that calls `target(*arguments, its end of the pipe)`, and dies with this one."""
    CONTEXT.set_forkserver_preload(["lstmzoo.sweep.scheduler.preload"])
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=target, args=(*arguments, theirs), daemon=True)
    with _no_main():
        process.start()
    theirs.close()
    return Started(process, ours, time.monotonic())


@contextmanager
def _no_main() -> Iterator[None]:
    """A process would import the program that this one was started as, which need not be guarded against that."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def chief(*arguments: Any) -> None:
    """Be the chief."""
    from lstmzoo.sweep.scheduler.server import run_chief

    run_chief(*arguments)


def worker(*arguments: Any) -> None:
    """Be a worker."""
    from lstmzoo.sweep.scheduler.worker import run_worker

    run_worker(*arguments)


def trial(train: str, *arguments: Any) -> None:
    """Run a trial by a function, `module:name`."""
    from importlib import import_module

    from lstmzoo.sweep.scheduler.trial_process import run_trial

    module, _, name = train.partition(":")
    run_trial(getattr(import_module(module), name), *arguments)
