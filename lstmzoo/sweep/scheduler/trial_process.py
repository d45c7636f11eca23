"""One run of a search in its own process, forked from one that has imported TensorFlow and never used it."""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from lstmzoo.config.experiment import Experiment
from lstmzoo.config.plan import Plan
from lstmzoo.errors import Busy, Diverged, EnvironmentFailure, InputError, Interrupted
from lstmzoo.system.command_line import start_tensorflow
from lstmzoo.system.files import open_to_append
from lstmzoo.system.signals import SIGNALS
from lstmzoo.system.terminal import printable
from lstmzoo.training.progress import PlainProgress
from lstmzoo.training.run import Request, train

Train = Callable[[Experiment, Path], None]
MOST_SAID = 1000  # characters of a reason
KNOWN = (InputError, Diverged, EnvironmentFailure, Interrupted)


def train_trial(experiment: Experiment, run_dir: Path) -> None:
    """Start or continue an ordinary run, without pictures; wait while another process still writes to it."""
    while True:
        try:
            train(Request(experiment, run_dir, resume=True, pictures=False), PlainProgress(sys.stderr), _prepare)
            return
        except Busy:
            time.sleep(1)


def _prepare(plan: Plan, connect: Callable[[], Any]) -> Any:
    return start_tensorflow(int(plan.resolved.execution.threads), connect)


def run_trial(function: Train, experiment: Experiment, run_dir: Path, log: Path, result: Connection) -> None:
    """Run a trial's process from start to end: send why it failed, or an empty text, and exit with a status."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the process that it was forked from ignores it
    status, said = 0, ""
    try:
        live_quietly("trial", log)
        function(experiment, run_dir)
    except KNOWN as error:
        status, said = error.exit_status, str(error)
    except BaseException as error:
        traceback.print_exc()
        status, said = 1, f"{type(error).__name__}: {error}"
    if said:
        print(printable(said), file=sys.stderr)
    result.send(printable(said)[:MOST_SAID])  # the log has all of it
    sys.stderr.flush()
    os._exit(status)


def live_quietly(role: str, log: Path) -> None:
    """Take a name that `top` shows, write only to a log, leave signals to the command, and end when the command has.

    Only SIGTERM is let through, with which the command asks a trial to stop: two signals would leave no checkpoint.
    """
    with suppress(OSError):  # there is no /proc everywhere
        Path("/proc/self/comm").write_text(f"lstmzoo {role}", encoding="ascii")
    descriptor = open_to_append(log)
    for number in (1, 2):
        os.dup2(descriptor, number)
    signal.pthread_sigmask(signal.SIG_BLOCK, {*SIGNALS} - {signal.SIGTERM})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
