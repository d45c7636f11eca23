"""SIGINT and SIGTERM: a run stops between two graph calls, after a checkpoint; a second signal leaves at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from typing_extensions import Self

from lstmzoo.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """While active, signals raise `Interrupted`; once `patient`, the first one only sets `received`.

    Handlers are installed even where the shell set SIGINT to be ignored (a command started with `&`). In a thread that
    is not the main one nothing is installed: Python handles signals in the main thread alone.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.patient = False
        self.before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None or not self.patient:
            raise Interrupted(number, f"stopped by {signal.Signals(number).name}")
        self.received = number
