"""Several processes that train one model: in a network of their own where the machine allows that."""

import ctypes
import fcntl
import os
import socket
import struct
import sys
import traceback
from pathlib import Path

from tests.helpers.forked import obey_signals, started

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, UP = 0x8913, 0x8914, 1
FIRST_PORT = 5000


def own_network():
    """Enter a network in which nobody else is; False where the machine does not allow it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | UP))
    return True


def free_ports(count):
    """Ports that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Cluster:
    """`call(hosts, index, *arguments)` in a process each, of workers of one run; what each says is in a file."""

    def __init__(self, folder, count, call, *arguments):
        self.said = [Path(folder, f"worker-{index}.said") for index in range(count)]
        self.process = started(_begin, self.said, call, arguments)
        self.count = count

    def pid(self, index, seconds=60):
        """Process of a worker."""
        ...

    def done(self, seconds=300):
        """Status and words of each."""
        self.process.join(seconds)
        statuses = [int(Path(f"{path}.status").read_text()) for path in self.said]
        return list(zip(statuses, [path.read_text() for path in self.said], strict=True))


def _begin(said, call, arguments):
    ports = range(FIRST_PORT, FIRST_PORT + len(said)) if own_network() else free_ports(len(said))
    hosts = [f"127.0.0.1:{port}" for port in ports]
    pids = []
    for index, path in enumerate(said):
        pid = os.fork()
        if pid == 0:
            _work(path, call, hosts, index, arguments)
        pids.append(pid)
    for path, pid in zip(said, pids, strict=True):
        Path(f"{path}.status").write_text(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


def _work(path, call, hosts, index, arguments):
    status = 99
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        obey_signals()
        call(hosts, index, *arguments)
        status = 0
    except SystemExit as left:
        status = left.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
