"""A clock that stands still while the process sleeps: stopped by SIGSTOP, a debugger, a frozen container."""

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # doctor starts with the standard library alone
    from typing_extensions import Self

TICK = 0.2  # seconds between two looks at the time
PAUSE = 2.0  # seconds without a look, above which the process slept: a slow machine gains nothing


class AwakeClock:
    """Seconds of the monotonic clock without the pauses, as a context: within it a thread looks at the time.

    A gap of more than `PAUSE` between two looks is a pause, and the clock leaves it out but for one tick. (A call that
    kept the thread from looking would be taken for one too; TensorFlow's do not.)
    """

    def __init__(self) -> None:
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.looked, self.slept = time.monotonic(), 0.0

    def seconds(self) -> float:
        """Return the seconds, from any beginning: only differences have a meaning."""
        with self.lock:
            now = time.monotonic()
            gap, self.looked = now - self.looked, now
            self.slept += gap - TICK if gap > PAUSE else 0.0
            return now - self.slept

    def __enter__(self) -> "Self":
        self.looked = time.monotonic()
        threading.Thread(target=self._tick, name="clock", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.ended.set()

    def _tick(self) -> None:
        while not self.ended.wait(TICK):
            self.seconds()
