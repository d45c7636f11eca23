"""The meeting of the workers of a run, before TensorFlow starts: all come to the leader, who looks at each.

Worker 0 leads. Its port is open until all others have come; then TensorFlow's own server takes the port. Who is not a
worker of this run is sent away.
"""

import errno
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lstmzoo.errors import EnvironmentFailure, InputError, Interrupted
from lstmzoo.runs.environment import changes
from lstmzoo.system.addresses import place_of
from lstmzoo.system.terminal import duration
from lstmzoo.training.hosts.line import Gone, Line

NAME = "lstmzoo worker 1"
LATE, AGAIN = 3.0, 60.0  # seconds until a line says who has not come, and until it says so again
HELLO = 3.0  # seconds in which who has come must say who it is
NO_NUMBERS = ("python", "git_commit")  # that may differ: no number depends on them
Lines = dict[int, Line]
Say = Callable[[str], None]


class Waiting:
    """The wait for others, which a person is informed of, and which has an end."""

    def __init__(self, seconds: float, say: Say):
        self.began, self.seconds, self.say, self.reported = time.monotonic(), seconds, say, LATE - AGAIN

    def go_on(self, whom: str, reason: str = "") -> None:
        """Tell now and then for whom we wait; raise `EnvironmentFailure` when the time is over."""
        passed = time.monotonic() - self.began
        if passed >= self.seconds:
            raise EnvironmentFailure(
                f"{whom} did not come within {duration(self.seconds)}{reason}: start the same command on each host, or "
                "wait longer with --wait"
            )
        if passed - self.reported >= AGAIN:
            self.reported = passed
            self.say(f"waiting for {whom}{reason} (at most {duration(self.seconds - passed)} more); see its messages")


def name_of(hosts: Sequence[str], index: int) -> str:
    """Name a worker: `worker 1 (b:5000)`."""
    return f"worker {index} ({hosts[index]})"


def check_port(hosts: Sequence[str], index: int) -> None:
    """Raise `InputError` if the own port cannot be opened."""
    with _opened(hosts, index):
        return


def lead(hosts: Sequence[str], facts: Mapping[str, Any], wait: float, say: Say) -> Lines:
    """Wait for all others, and return the lines to them.

    `facts`: the environment, which must be the same everywhere. Raises `InputError` for a worker that does not fit and
    `EnvironmentFailure` for one that does not come; both are sent to all who have come.
    """
    lines: Lines = {}
    waiting = Waiting(wait, say)
    try:
        with _opened(hosts, 0) as door:
            while missing := [index for index in range(1, len(hosts)) if index not in lines]:
                waiting.go_on(", ".join(name_of(hosts, index) for index in missing))
                if line := _knocking(door):
                    _let_in(line, lines, hosts, facts)
                for index in [index for index, line in lines.items() if line.is_closed()]:
                    lines.pop(index).close()
    except BaseException as error:
        leave(lines.values(), error)
        raise
    for line in lines.values():
        line.send({"welcome": True})
    return lines


def join(hosts: Sequence[str], index: int, facts: Mapping[str, Any], wait: float, say: Say) -> Line:
    """Find the leader, and return the line to it once all have come. Raises as `lead` does."""
    check_port(hosts, index)
    hello = {"name": NAME, "hosts": list(hosts), "index": index, "environment": facts}
    waiting = Waiting(wait, say)
    reason = ""
    while True:
        waiting.go_on(f"the leader, {name_of(hosts, 0)}", reason)
        try:
            line = Line(socket.create_connection(place_of(hosts[0]), timeout=HELLO))
        except (OSError, UnicodeError) as error:
            reason = f", {getattr(error, 'strerror', None) or error}"
            time.sleep(0.2)
            continue
        line.send(hello)
        try:
            answer = line.receive().facts
        except Gone:  # it has ended, or another server is there
            line.close()
            reason = ", what is there is no leader of a run"
            time.sleep(0.2)
            continue
        except BaseException as error:
            leave([line], error)
            raise
        check_answer(answer)
        return line


def leave(lines: Iterable[Line], error: BaseException) -> None:
    """Send the others what has ended this worker, and close the lines."""
    ended = {InputError: {"refused": str(error)}, EnvironmentFailure: {"failed": str(error)}}
    facts: dict[str, Any] = next((facts for kind, facts in ended.items() if isinstance(error, kind)), {})
    if isinstance(error, Interrupted):
        facts = {"signal": error.exit_status - 128}
    for line in lines:
        if facts:
            line.send(facts)
        line.close()


def check_answer(facts: Mapping[str, Any]) -> None:
    """Raise what has ended the other worker, where its message says so."""
    if "refused" in facts:
        raise InputError(str(facts["refused"]))
    if "failed" in facts:
        raise EnvironmentFailure(str(facts["failed"]))


def _opened(hosts: Sequence[str], index: int) -> socket.socket:
    host, port = place_of(hosts[index])
    try:
        door = socket.create_server(("", port), backlog=len(hosts) + 8)
    except OSError as error:
        reason = "another program uses it" if error.errno == errno.EADDRINUSE else error.strerror
        received = f"{port} ({reason})"
        raise InputError(f"hosts: expected a free port on {host}, received {received}: choose another one") from error
    door.settimeout(0.5)
    return door


def _knocking(door: socket.socket) -> Line | None:
    """Return the line to whoever has come."""
    try:
        return Line(door.accept()[0])
    except OSError:
        return None


def _let_in(line: Line, lines: Lines, hosts: Sequence[str], facts: Mapping[str, Any]) -> None:
    """Add a worker that has come; who is none is sent away, and one that does not fit is an `InputError`."""
    try:
        hello = line.receive_first(HELLO)
        if hello.get("name") != NAME or not isinstance(hello.get("environment"), dict):
            raise Gone("no worker")
    except Gone:
        line.close()
        return
    if problem := _problem(hello, lines, hosts, facts):
        error = InputError(problem)
        leave([line], error)
        raise error
    lines[hello["index"]] = line


def _problem(hello: Mapping[str, Any], lines: Lines, hosts: Sequence[str], facts: Mapping[str, Any]) -> str:
    """Say what is wrong with a worker that has come; nothing for one that fits."""
    index, found = hello.get("index"), hello.get("hosts")
    if found != list(hosts):
        return f"hosts: expected the same on each host, received {','.join(hosts)} (the leader) and {_shown(found)}"
    if not isinstance(index, int) or not 0 < index < len(hosts):
        return f"index: expected 0 to {len(hosts) - 1}, received {index}"
    if index in lines:
        return f"index: expected a different one on each host, received {index} twice: give each its place in hosts"
    others = changes(facts, hello["environment"])
    differ = [f"{name} {old} (the leader) and {new}" for name, (old, new) in others.items() if name not in NO_NUMBERS]
    if not differ:
        return ""
    received = ", ".join(differ)
    return f"{name_of(hosts, index)}: expected what the leader has, received {received}: make the hosts alike"


def _shown(hosts: Any) -> str:
    return ",".join(map(str, hosts))[:200] if isinstance(hosts, list) else "none"
