"""SIGINT and SIGTERM: a run stops between two graph calls, after a checkpoint; a second signal leaves at once.

Python runs a signal handler only when the main thread is back from C++, and tracing or compiling a large graph can take
longer than a person waits; and an exception raised in a callback of TensorFlow may be swallowed. So a thread watches
too: where there is nothing to save yet, it ends the process itself if the main thread does not.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from typing_extensions import Self

from lstmzoo.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 0.6  # seconds that the main thread has to answer


class StopSignals:
    """While active, signals raise `Interrupted`; once `patient`, the first one only sets `received`.

    Handlers are installed even where the shell set SIGINT to be ignored (a command started with `&`). In a thread that
    is not the main one nothing is installed: Python handles signals in the main thread alone.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.patient = False
        self.before_leaving: Callable[[], None] = lambda: None
        self.before: dict[signal.Signals, Any] = {}
        self.noticed, self.left = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self._handle) for number in SIGNALS}
            reader, self.writer = os.pipe()
            os.set_blocking(self.writer, False)
            self.old_writer = signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
            threading.Thread(target=self._watch, args=(reader,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.left.set()
        if self.before:
            signal.set_wakeup_fd(self.old_writer)
            os.close(self.writer)
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.noticed.set()
        first, self.received = self.received is None, number
        if not (first and self.patient):
            raise Interrupted(number, f"stopped by {signal.Signals(number).name}")

    def _watch(self, reader: int) -> None:
        seen = 0
        while number := os.read(reader, 1):
            if number[0] in SIGNALS:
                seen += 1
                self._answer(number[0], seen == 1 and self.patient)
        os.close(reader)

    def _answer(self, number: int, patiently: bool) -> None:
        if patiently:
            if not self.noticed.wait(GRACE):
                print(
                    "stopping after the present graph call; a second signal leaves at once", file=sys.stderr, flush=True
                )
        elif not self.left.wait(GRACE):
            print(f"stopped by {signal.Signals(number).name}", file=sys.stderr, flush=True)
            self.before_leaving()
            os._exit(128 + number)
