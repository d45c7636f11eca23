"""The process of the chief, from its first word to its last."""

import signal
import time
from pathlib import Path
from typing import Any

from lstmzoo.errors import EnvironmentFailure
from lstmzoo.sweeps.chief import Chief
from lstmzoo.sweeps.directory import SweepDirectory
from lstmzoo.sweeps.leaderboard import Leaderboard
from lstmzoo.sweeps.search import Search
from lstmzoo.sweeps.service import Service, serve
from lstmzoo.sweeps.trial import live_quietly

TICK = 0.1  # seconds


def run_chief(search: Search, path: Path, address: str, begins: bool, alone: bool, command: Any) -> None:
    """The whole life of the chief's process: `command` hears where it listens, of all trials, and how it ended.

    `begins`: the search starts or goes on; else a chief that died is replaced. `alone`: no worker is left over.
    """
    directory = SweepDirectory(path)
    live_quietly("chief", directory.inside / "chief.log")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # the command ends it when all trials have ended
    try:
        chief = Chief(search, directory)
        if begins:
            chief.begin(alone)
        service = Service(chief)
        server, listening = serve(service, directory.key, address)
        command.send(("listening", listening))
        _look_after(chief, service, command)
        server.stop(1).wait()
    except (OSError, EnvironmentFailure) as error:
        command.send(("failed", f"the sweep in {directory.path} failed: {error}: put that right and start it again"))
        raise SystemExit(1) from None


def _look_after(chief: Chief, service: Service, command: Any) -> None:
    """Until the search is over: vanished workers, and results that are always true."""
    board, shown, before = Leaderboard(chief.search, chief.directory), -1, time.monotonic()
    over = False
    while not over:
        time.sleep(TICK)
        now = time.monotonic()
        chief.miss(slept=now - before if now - before > 5 else 0.0)
        if service.failure is not None:
            raise OSError(str(service.failure)) from service.failure
        over = chief.is_over()
        if chief.oracle.version != shown or over:
            shown, trials = chief.oracle.version, chief.trials()
            command.send(("trials", trials))
            board.update(trials, is_last=over)
        before = time.monotonic()
    command.send(("over", chief.is_hopeless()))
