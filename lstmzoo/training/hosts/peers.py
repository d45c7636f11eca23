"""The other workers of a run while it goes on: who has gone, and how this one leaves."""

import os
import re
import threading
from collections.abc import Sequence
from types import TracebackType

from typing_extensions import Self

from lstmzoo.errors import Diverged, EnvironmentFailure, Interrupted
from lstmzoo.system.files import drop_scratch
from lstmzoo.system.signals import last_words
from lstmzoo.training.hosts.line import SILENCE, Gone, Line
from lstmzoo.training.hosts.meeting import Lines, name_of

GRACE = 3.0  # seconds that the main thread has to leave by itself once a worker has gone
LAST = 10.0  # seconds that the leader waits for the others to be done
LOST = ("UnavailableError", "DeadlineExceededError", "AbortedError", "CancelledError", "InternalError", "UnknownError")


class Peers:
    """The lines to the others, watched by a thread each; a context that this worker leaves in order.

    `may_leave`: this process is a command's own, which ends where its main thread waits for one that has gone.
    """

    def __init__(self, hosts: Sequence[str] = (), index: int = 0, lines: Lines | None = None, may_leave: bool = False):
        self.hosts, self.index, self.lines, self.may_leave = hosts, index, lines or {}, may_leave
        self.gone: int | None = None
        self.saved = 0
        """The step of the last checkpoint, for the message."""
        self.agreed = False
        """True once all have agreed to stop."""
        self.found, self.left = threading.Event(), threading.Event()
        self.threads = [
            threading.Thread(target=self._watch, args=(index, line), daemon=True) for index, line in self.lines.items()
        ]

    def __enter__(self) -> Self:
        return self

    def watch(self) -> None:
        """Start to wait for messages of the others; until then, who asks one waits for its answer."""
        for thread in self.threads:
            thread.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Say that this worker is done, or which signal has ended it; one that fails just goes."""
        self.left.set()
        together = error is None or isinstance(error, Diverged) or self.agreed
        if together or isinstance(error, Interrupted):
            last = {"done": True} if together else {"signal": error.exit_status - 128}  # type: ignore[union-attr]
            for line in self.lines.values():
                line.send(last)
        if together and self.index == 0:  # the leader is the last: TensorFlow's cluster ends with it
            for thread in self.threads:
                if thread.is_alive():
                    thread.join(LAST)
        for line in self.lines.values():
            line.close()

    def failure(self, error: Exception) -> EnvironmentFailure | None:
        """Return what an error of TensorFlow's means where another worker has gone; None for other errors."""
        if not self.lines or type(error).__name__ not in LOST or not type(error).__module__.startswith("tensorflow"):
            return None
        if self.found.wait(SILENCE + GRACE):
            return EnvironmentFailure(self.message())
        named = re.search(r"/task:([0-9]+)", str(error))
        reason = " ".join(str(error).split())[:200]
        who = name_of(self.hosts, int(named[1])) if named and int(named[1]) < len(self.hosts) else "another worker"
        return EnvironmentFailure(f"{who} cannot be reached ({reason}): {self.advice()}")

    def message(self) -> str:
        """Say who has gone, what is left, and what to do."""
        if self.gone == self.index:
            return f"{name_of(self.hosts, self.index)}, this one, was silent too long for the others: {self.advice()}"
        return f"{name_of(self.hosts, self.gone or 0)} has gone: {self.advice()}"

    def advice(self) -> str:
        """Say what is left, and what to do."""
        if not self.saved:
            return "no checkpoint was written yet; start all again with the same command"
        return f"the checkpoint of step {self.saved} is intact; start all again with --resume"

    def _watch(self, index: int, line: Line) -> None:
        """Wait for messages of one worker until it is done, or has gone."""
        try:
            while True:
                facts = line.receive().facts
                if "done" in facts:
                    return
                if isinstance(facts.get("gone"), int):
                    index = facts["gone"]
                    raise Gone("as the leader says")
        except Gone:
            self._miss(index)

    def _miss(self, index: int) -> None:
        if self.left.is_set() or self.found.is_set():
            return
        self.gone = index
        self.found.set()
        for line in self.lines.values():
            line.send({"gone": index})
        if self.may_leave and not self.left.wait(GRACE):  # the main thread waits for the others, in TensorFlow
            drop_scratch()
            os.write(last_words[-1], f"{self.message()}\n".encode())
            os._exit(EnvironmentFailure.exit_status)
