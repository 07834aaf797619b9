"""Free ports on loopback, for test stacks and for `up --auto-ports`."""

from __future__ import annotations

import contextlib
import random
import socket

from processors.ports import NamedError

#: Below Linux's range for outgoing connections, so that no client's socket takes a port before its server does.
FIRST, LAST = 20_000, 32_000
TRIES_MAX = 5_000


class NoFreePorts(NamedError):
    """There are not enough free ports between 20000 and 32000 on loopback. End the programs that hold them."""


def free_ports(count: int) -> list[int]:
    """`count` different ports on which nobody listens now."""
    # Not a secret: two stacks that start at the same moment should only look in different places.
    chooser = random.SystemRandom()
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for _ in range(TRIES_MAX):
            if len(found) == count:
                return found
            port = chooser.randint(FIRST, LAST)
            if port in found:
                continue
            listener = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                found.append(port)
    raise NoFreePorts


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as listener:
        # Servers set this too: a port whose last connections are still closing counts as free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts(port: int, timeout_seconds: float = 0.2) -> bool:
    """Whether somebody accepts connections on this loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout_seconds).close()
    except OSError:
        return False
    return True
