"""Processes that start at once: forked from one that has imported what runs and searches need, and never used it."""

import multiprocessing
import signal
from multiprocessing import forkserver

CONTEXT = multiprocessing.get_context("forkserver")
IMPORTED = [
    "lstmzoo.sweep.scheduler.preload",
    "lstmzoo.sweep.run",
    "lstmzoo.training.loop",
    "lstmzoo.training.run",
    "lstmzoo.config.load",
]


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


def obey_signals():
    """As a command does that a shell has started; what it was forked from ignores them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
