"""SIGINT, SIGTERM, SIGHUP, SIGUSR1: a run stops between two graph calls, after a checkpoint; a second one: at once.

Python runs a signal handler only when the main thread is back from C++, and tracing or compiling a large graph can take
longer than a person waits. An exception raised in a callback of TensorFlow may also be lost. So on the command line
a thread watches too: where there is nothing to save yet, it ends the process if the main thread does not.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from lstmzoo.errors import Interrupted
from lstmzoo.system.files import drop_scratch

if TYPE_CHECKING:  # doctor starts with the standard library alone
    from typing_extensions import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
GRACE = 0.6  # seconds that the main thread has to react
last_words = [2]  # descriptors; the last one is stderr, also while stderr is held back
SAME = 0.3  # seconds: `timeout` and some shells send one signal twice, to the process and to its group


class StopSignals:
    """A context in which signals raise `Interrupted`; once `patient` is set, the first one only sets `received`.

    Handlers are installed even where the shell set SIGINT to be ignored (a command started with `&`), but not for a
    SIGHUP that is ignored (`nohup`). In a thread that is not the main one nothing is installed: Python handles signals
    in the main thread alone. `may_leave`: we may end
    the process (as a command), so a thread watches for signals, and prints a message unless `quiet`.
    """

    def __init__(self, may_leave: bool = False, quiet: bool = False) -> None:
        self.received: int | None = None
        self.patient = False
        self.may_leave, self.quiet = may_leave, quiet
        self.before_leaving: Callable[[], None] = lambda: None
        self.before: dict[signal.Signals, Any] = {}
        self.terminals = [descriptor for descriptor in (1, 2) if may_leave and os.isatty(descriptor)]
        self.first = -SAME
        self.noticed, self.left = threading.Event(), threading.Event()

    def __enter__(self) -> "Self":
        if threading.current_thread() is threading.main_thread():
            if self.may_leave:
                reader, self.writer = os.pipe()
                os.set_blocking(self.writer, False)
                self.old_writer = signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
                threading.Thread(target=self._watch, args=(reader,), daemon=True).start()
            ours = [each for each in SIGNALS if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]
            self.before = {number: signal.signal(number, self._handle) for number in ours}
        return self

    def take_back(self) -> None:
        """Set the handlers again: TensorFlow takes SIGTERM when a cluster of several hosts begins."""
        for number in self.before:
            signal.signal(number, self._handle)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.left.set()  # from here on a signal only sets `received`
        stopped = error is not None and self.received is not None and not self.patient
        if self.may_leave and stopped:
            drop_scratch()  # a signal between the making of a directory and the `with` around it
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if self.before and self.may_leave:
            signal.set_wakeup_fd(self.old_writer)
            os.close(self.writer)
        if stopped and self.received is not None and isinstance(error, Exception):
            raise _interrupted(self.received) from error  # a library has made another error of it

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.noticed.set()
        self._leave_closed_terminals()
        again, self.received = self.received is not None, number
        if again and time.monotonic() - self.first < SAME:
            return
        self.first = time.monotonic()
        if (again or not self.patient) and not self.left.is_set():
            raise _interrupted(number)

    def _leave_closed_terminals(self) -> None:
        """Write to the null device from now on where a terminal was closed: each message to it would be an error."""
        for descriptor in self.terminals:
            if not os.isatty(descriptor):
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)

    def _watch(self, reader: int) -> None:
        last = -SAME
        while number := os.read(reader, 1):
            now = time.monotonic()
            if number[0] in SIGNALS and now - last >= SAME:
                self._answer(number[0], patiently=self.patient and last < 0)
                last = now
        os.close(reader)

    def _answer(self, number: int, patiently: bool) -> None:
        if patiently:
            if not self.noticed.wait(GRACE):
                print(
                    "stopping after the current graph call; a second signal stops at once", file=sys.stderr, flush=True
                )
        elif not self.left.wait(GRACE):
            try:
                drop_scratch()
                self.before_leaving()
                if not self.quiet:
                    os.write(last_words[-1], f"stopped by {signal.Signals(number).name}\n".encode())
            finally:
                os._exit(128 + number)


def _interrupted(number: int) -> Interrupted:
    return Interrupted(number, f"stopped by {signal.Signals(number).name}")
