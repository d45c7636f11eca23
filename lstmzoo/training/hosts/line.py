"""The line between two workers: messages of JSON and bytes, never of objects, and a beat that says who is alive."""

import json
import os
import signal
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from lstmzoo.system.signals import SIGNALS

BEAT, SILENCE = 1.0, 12.0  # seconds between two beats, and without one until a worker counts as gone
FIRST = 1 << 16  # bytes of a first message, at most: anybody may send one


class Gone(Exception):
    """The end of a line: it was closed, is silent, or says what no worker says."""


class Message(NamedTuple):
    """A message: facts by name, and bytes."""

    facts: dict[str, Any]
    content: bytes


class Line:
    """An open connection to another worker, over which a beat goes as long as this process lives."""

    def __init__(self, end: socket.socket):
        end.settimeout(None)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.end, self.connection = end, Connection(os.dup(end.fileno()))
        self.lock, self.closed = threading.Lock(), threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, facts: Mapping[str, Any], content: bytes = b"") -> None:
        """Send a message; where the other end is closed, who receives next notices it."""
        with self.lock, suppress(OSError):
            self.connection.send_bytes(json.dumps({**facts, "bytes": len(content)}, allow_nan=False).encode())
            if content:
                self.connection.send_bytes(content)

    def receive(self, seconds: float = SILENCE, most: int | None = None) -> Message:
        """Return the next message that is no beat; raise `Gone` where for so many seconds not even one has come.

        `most`: its bytes. A signal that has ended the other worker is sent to this process too.
        """
        while True:
            facts, content = self._next(seconds, most)
            if "signal" in facts:
                _obey(facts["signal"])
            elif facts.keys() != {"bytes"}:
                return Message(facts, content)

    def is_closed(self) -> bool:
        """Tell whether the other worker has closed the line; beats and signals that have come are taken from it."""
        try:
            while self.connection.poll(0):
                _obey(self._next(0, FIRST)[0].get("signal"))
        except (OSError, Gone):
            return True
        return False

    def close(self) -> None:
        """Close the line, which the other worker notices."""
        self.closed.set()
        with self.lock, suppress(OSError):
            self.end.shutdown(socket.SHUT_RDWR)  # or a thread that waits for a message keeps it open
        self.end.close()
        self.connection.close()

    def _next(self, seconds: float, most: int | None) -> tuple[dict[str, Any], bytes]:
        try:
            if not self.connection.poll(seconds):
                raise Gone("silent")
            facts = json.loads(self.connection.recv_bytes(most))
            return facts, self.connection.recv_bytes() if facts["bytes"] else b""
        except (OSError, EOFError, ValueError, TypeError, LookupError, RecursionError) as error:
            raise Gone("closed") from error

    def _beat(self) -> None:
        while not self.closed.wait(BEAT):
            self.send({})


def _obey(signum: Any) -> None:
    """Send a signal that has ended another worker to this process."""
    if signum in SIGNALS:
        signal.pthread_kill(threading.main_thread().ident or 0, signum)  # which may wait in the system
