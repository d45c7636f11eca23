"""Addresses HOST:PORT of processes that work together."""

import re
import socket
from collections.abc import Sequence
from typing import Any

from lstmzoo.errors import InputError, shown

_ADDRESS = re.compile(r"([^:\s,]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}")


def check_address(name: str, address: str | None) -> None:
    """Raise `InputError` unless an address is HOST:PORT or None."""
    if address is None:
        return
    if (
        not isinstance(address, str)
        or not _ADDRESS.fullmatch(address)
        or not 0 < int(address.rpartition(":")[2]) < 65536
    ):
        raise InputError(f"{name}: expected HOST:PORT such as 127.0.0.1:5000, received {shown(address)}")


def place_of(address: str) -> tuple[str, int]:
    """Return host and port: `place_of("[::1]:5000")` is `("::1", 5000)`."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def resolve(name: str, address: str) -> list[Any]:
    """Find an address as `socket.getaddrinfo` returns it; `InputError` for a host that this machine does not know."""
    try:
        return socket.getaddrinfo(*place_of(address), type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no name of a host"
        raise InputError(f"{name}: expected a host that exists, received {shown(address)} ({reason})") from error


def check_hosts(hosts: Sequence[str], index: int) -> tuple[str, ...]:
    """Return the addresses of the workers of a run; `InputError` for wrong ones, and for an index that none has."""
    if isinstance(hosts, str) or not isinstance(hosts, Sequence):
        raise InputError(f"hosts: expected a list of addresses, received {shown(hosts)}")
    for address in hosts:
        check_address("hosts", address or "")
        if address.startswith("["):
            raise InputError(f"hosts: expected a name or an IPv4 address, received {shown(address)}")
    twice = next((address for place, address in enumerate(hosts) if address in hosts[:place]), None)
    if twice is not None:
        raise InputError(f"hosts: expected different addresses, received {shown(twice)} twice: give each its own port")
    most = max(len(hosts), 1) - 1
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= most:
        legal = f"0 to {most}, the place in hosts" if most else "0 without other hosts"
        raise InputError(f"index: expected {legal}, received {shown(index)}")
    return tuple(hosts)
