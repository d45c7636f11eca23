"""The other workers of a run while it goes on: who has gone, and how this one leaves."""

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import TracebackType

from typing_extensions import Self

from lstmzoo.errors import Diverged, EnvironmentFailure
from lstmzoo.system.deadline import deadline
from lstmzoo.system.files import drop_scratch
from lstmzoo.system.signals import last_words
from lstmzoo.training.hosts.line import SILENCE, Gone, Line
from lstmzoo.training.hosts.meeting import Lines, leave, name_of

GRACE = 3.0  # seconds that the main thread has to leave by itself once a worker has gone
LAST = 10.0  # seconds that the leader waits for the others to be done
CLUSTER = 15.0  # seconds in which TensorFlow's cluster begins, once all have imported TensorFlow
LOST = ("UnavailableError", "DeadlineExceededError", "AbortedError", "CancelledError", "InternalError", "UnknownError")


class Peers:
    """The lines to the others, watched by a thread each; a context that this worker leaves in order.

    `may_leave`: this process is a command's own, which ends where its main thread waits for one that has gone.
    """

    def __init__(self, hosts: Sequence[str] = (), index: int = 0, lines: Lines | None = None, may_leave: bool = False):
        self.hosts, self.index, self.lines, self.may_leave = hosts, index, lines or {}, may_leave
        self.gone: int | None = None
        self._why, self._saved, self._agreed = "", 0, False
        self._found, self._left, self._ready = threading.Event(), threading.Event(), threading.Event()
        self._there: set[int] = set()
        self._threads = [
            threading.Thread(target=self._watch, args=(index, line), daemon=True) for index, line in self.lines.items()
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End with the others where all have come to the same end, the leader last; else tell them what it was.

        Raises `EnvironmentFailure` at a worker whose leader did not come to that end.
        """
        self._left.set()
        if error is not None and not isinstance(error, Diverged) and not self._agreed:
            leave(self.lines.values(), error)
            return
        for line in self.lines.values():
            line.send({"done": True})
        for thread in self._threads:
            if thread.is_alive():
                thread.join(None if self.index else LAST)
        for line in self.lines.values():
            line.close()
        if self.index and self.gone is not None:
            raise EnvironmentFailure(self.message()) from error

    def watch(self) -> None:
        """Start to wait for messages of the others; until then, who asks one waits for its answer."""
        for thread in self._threads:
            thread.start()

    def note_saved(self, step: int) -> None:
        """Note the step of the last checkpoint, for a message; the leader tells the others when it has written one."""
        self._saved = step
        if self.index == 0:
            for line in self.lines.values():
                line.send({"saved": step})

    def note_agreed(self) -> None:
        """Note that all have agreed to stop: they leave together."""
        self._agreed = True

    @contextmanager
    def all_ready(self) -> Iterator[None]:
        """Wait until all others are here too, then do together what waits for all of them without hearing anything."""
        if self.lines:
            self._wait_until_ready()
        text = f"another worker has not started TensorFlow's cluster within {CLUSTER:.0f} s: {self.advice()}"
        with deadline(CLUSTER, text) if self.lines and self.may_leave else nullcontext():
            yield

    def failure(self, error: Exception) -> EnvironmentFailure | None:
        """Return what an error of TensorFlow's means where another worker has gone; None for other errors."""
        if not self.lines or type(error).__name__ not in LOST or not type(error).__module__.startswith("tensorflow"):
            return None
        if self._found.wait(SILENCE + GRACE):
            return EnvironmentFailure(self.message())
        named = re.search(r"/task:([0-9]+)", str(error))
        if named is None or int(named[1]) >= len(self.hosts):
            return None
        reason = " ".join(str(error).split())[:200]
        return EnvironmentFailure(f"{name_of(self.hosts, int(named[1]))} cannot be reached ({reason}): {self.advice()}")

    def message(self) -> str:
        """Say who has gone, what is left, and what to do."""
        if self.gone == self.index:
            return f"{name_of(self.hosts, self.index)}, this one, was silent too long for the others: {self.advice()}"
        why = f" ({self._why})" if self._why else ""
        return f"{name_of(self.hosts, self.gone or 0)} has gone{why}: {self.advice()}"

    def advice(self) -> str:
        """Say what is left, and what to do."""
        if not self._saved:
            return "no checkpoint was written yet; start all again with the same command"
        return f"the checkpoint of step {self._saved} is intact; start all again with --resume"

    def _wait_until_ready(self) -> None:
        if self.index:
            self.lines[0].send({"ready": True})
        while not self._ready.wait(0.2):
            if self._found.is_set():
                raise EnvironmentFailure(self.message())
        if self.index == 0:
            for line in self.lines.values():
                line.send({"all ready": True})

    def _watch(self, index: int, line: Line) -> None:
        """Wait for messages of one worker until it is done, or has gone."""
        try:
            while "done" not in (facts := line.receive().facts):
                self._saved = facts.get("saved", self._saved)
                if "ready" in facts or "all ready" in facts:
                    self._there.add(index)
                    if len(self._there) == len(self.lines):
                        self._ready.set()
                if "gone" in facts or "failed" in facts or "refused" in facts:
                    index, self._why = facts.get("gone", index), str(facts.get("failed", ""))
                    raise Gone("as it says")
        except Gone:
            self._miss(index)

    def _miss(self, index: int) -> None:
        if self._found.is_set():
            return
        self.gone = index
        self._found.set()
        if self._left.is_set():
            return
        for line in self.lines.values():
            line.send({"gone": index})
        if self.may_leave and not self._left.wait(GRACE):  # the main thread waits for the others, in TensorFlow
            drop_scratch()
            os.write(last_words[-1], f"{self.message()}\n".encode())
            os._exit(EnvironmentFailure.exit_status)
