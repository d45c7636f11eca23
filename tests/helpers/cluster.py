"""Several processes that train one model, each forked; in a network of their own where the machine allows that."""

import ctypes
import fcntl
import importlib
import os
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.helpers.forked import end_as_command, started

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, UP = 0x8913, 0x8914, 1
FIRST_PORT = 5000


class Ended(NamedTuple):
    """How a worker has ended, and its messages."""

    status: int
    said: str


class Cluster:
    """`call(hosts, index, *arguments)` in a process for each worker, begun."""

    def __init__(self, folder, count, call, *arguments):
        folder.mkdir(parents=True, exist_ok=True)
        self.said = [Path(folder, f"worker-{index}.said") for index in range(count)]
        for path in folder.glob("worker-*"):
            path.unlink()
        self.process = started(_begin, self.said, call, arguments)

    def ready(self, index):
        """Wait until a worker has been started."""
        _when_there(Path(f"{self.said[index]}.pid"))

    def send(self, index, signum):
        """A signal to one worker."""
        os.kill(int(_when_there(Path(f"{self.said[index]}.pid"))), signum)

    def done(self, seconds=120):
        """How all have ended; those that have not are killed."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            for index in range(len(self.said)):
                self.send(index, signal.SIGKILL)
            self.process.join(10)
        return [Ended(int(Path(f"{path}.status").read_text()), path.read_text()) for path in self.said]


def command(hosts, index, words):
    """`python -m lstmzoo.run WORDS` as one of the workers; without others where there is one host."""
    company = ["--hosts", ",".join(hosts), "--index", str(index)] if len(hosts) > 1 else []
    sys.argv = ["lstmzoo.run", *map(str, words), *company]
    importlib.import_module("lstmzoo.run").main("python -m lstmzoo.run")


def wait_for(path, seconds=90):
    """Wait until something is there."""
    limit = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < limit, f"{path} did not appear"
        time.sleep(0.02)


def _when_there(path):
    wait_for(path)
    while not (text := path.read_text()):
        time.sleep(0.01)
    return text


def _begin(said, call, arguments):
    ports = range(FIRST_PORT, FIRST_PORT + len(said)) if _own_network() else _free_ports(len(said))
    hosts, pids = [f"127.0.0.1:{port}" for port in ports], []
    for index, path in enumerate(said):
        pid = os.fork()
        if pid == 0:
            _work(path, call, hosts, index, arguments)
        pids.append(pid)
        Path(f"{path}.pid").write_text(str(pid))
    for path, pid in zip(said, pids, strict=True):
        Path(f"{path}.status").write_text(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


def _work(path, call, hosts, index, arguments):
    def work():
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(file, number)
        try:
            call(hosts, index, *arguments)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            Path(f"{path}.ended").touch()

    end_as_command(work)


def _own_network():
    """Enter a network that holds nobody else; False where the machine does not allow it."""
    user, group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNET):
        print("this machine allows no network of one's own: the workers meet on its loopback", file=sys.stderr)
        return False
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        found = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", found)[1] | UP
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags))
    return True


def _free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
