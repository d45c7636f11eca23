"""The line between two workers: messages of JSON and bytes, never of objects, and a beat that says who is alive."""

import json
import signal
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any, NamedTuple

from lstmzoo.system.signals import SIGNALS

BEAT, SILENCE = 1.0, 12.0  # seconds between two beats, and without one until a worker counts as gone
FIRST = 1 << 16  # bytes of a first message, at most: anybody may send one
PIECE = 1 << 20  # bytes that are sent or received at once
HEAD = struct.Struct(">IQ")  # bytes of the facts, and of the content


class Gone(Exception):
    """The end of a line: it was closed, is silent, or says what no worker says."""


class Message(NamedTuple):
    """A message: facts by name, and bytes."""

    facts: dict[str, Any]
    content: bytes = b""


class Line:
    """An open connection to another worker, over which a beat goes as long as this process lives."""

    def __init__(self, end: socket.socket):
        end.settimeout(SILENCE)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.end, self.lock, self.closed = end, threading.Lock(), threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, facts: Mapping[str, Any], content: bytes = b"") -> None:
        """Send a message; where the other end takes nothing, the line is closed, which who receives next notices."""
        text = json.dumps(facts, allow_nan=False).encode()
        try:
            with self.lock:
                self.end.sendall(HEAD.pack(len(text), len(content)) + text)
                for first in range(0, len(content), PIECE):  # each of them in time, the whole in any
                    self.end.sendall(content[first : first + PIECE])
        except OSError:
            self._shut()

    def receive(self, seconds: float = SILENCE, obeys: bool = True) -> Message:
        """Return the next message that is no beat; raise `Gone` where for so many seconds nothing has come.

        `obeys`: a signal that has ended the other worker is sent to this process too.
        """
        while True:
            facts, content = self._next(seconds)
            if "signal" in facts and obeys:
                _obey(facts["signal"])
            elif facts:
                return Message(facts, content)

    def receive_first(self, seconds: float) -> dict[str, Any]:
        """Return the facts of the first message, of whoever it may be; raise `Gone` for none in time."""
        until = time.monotonic() + seconds
        size, more = HEAD.unpack(self._read(HEAD.size, seconds, until))
        if size > FIRST or more:
            raise Gone("too long")
        return self._facts(self._read(size, seconds, until))

    def is_closed(self) -> bool:
        """Tell whether the other worker has closed the line; beats and signals that have come are taken from it."""
        try:
            while wait([self.end], 0):
                _obey(self._next(SILENCE).facts.get("signal"))
        except Gone:
            return True
        return False

    def close(self) -> None:
        """Close the line, which the other worker notices."""
        self.closed.set()
        self._shut()
        self.end.close()

    def _next(self, seconds: float) -> Message:
        size, more = HEAD.unpack(self._read(HEAD.size, seconds))
        return Message(self._facts(self._read(size, seconds)), self._read(more, seconds))

    def _facts(self, text: bytes) -> dict[str, Any]:
        with suppress(ValueError, RecursionError):
            if isinstance(found := json.loads(text), dict):
                return found
        raise Gone("no message")

    def _read(self, size: int, seconds: float, until: float | None = None) -> bytes:
        """Read so many bytes: each piece within `seconds`, and all before `until`."""
        found = bytearray()
        try:
            while len(found) < size:
                left = seconds if until is None else until - time.monotonic()
                if left <= 0 or not wait([self.end], left):
                    raise Gone("silent")
                piece = self.end.recv(min(size - len(found), PIECE))
                if not piece:
                    raise Gone("closed")
                found += piece
        except (OSError, ValueError) as error:
            raise Gone("closed") from error
        return bytes(found)

    def _shut(self) -> None:
        with suppress(OSError):
            self.end.shutdown(socket.SHUT_RDWR)  # who waits for it, here or there, notices

    def _beat(self) -> None:
        while not self.closed.wait(BEAT):
            self.send({})


def _obey(signum: Any) -> None:
    """Send a signal that has ended another worker to this process."""
    if signum in SIGNALS and not isinstance(signum, bool):
        signal.pthread_kill(threading.main_thread().ident or 0, signum)  # which may wait in the system
