"""Which local ports a network takes."""

from __future__ import annotations

import socket
from collections.abc import Iterator

DEFAULT_WEB_PORT = 8170
"""First port tried for the web faces, when none is asked for."""
LAST_WEB_PORT = 8970


class PortError(Exception):
    """A port that was asked for is not free; the message says which and what to do."""


def is_free(port: int) -> bool:
    """Whether `port` can be listened to on 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def web_ports(count: int, asked: int | None) -> list[int]:
    """`count` adjacent free ports, beginning at `asked` or, when it is None, at the first place that has them.

    Raises:
        PortError: a port that was asked for is taken, or none is left.
    """
    if asked is not None:
        taken = [p for p in range(asked, asked + count) if not is_free(p)]
        if taken:
            msg = f"port {taken[0]} is in use by another program. Choose another with --port."
            raise PortError(msg)
        return list(range(asked, asked + count))
    for first in range(DEFAULT_WEB_PORT, LAST_WEB_PORT, 10):
        if all(is_free(p) for p in range(first, first + count)):
            return list(range(first, first + count))
    msg = f"no {count} adjacent ports are free between {DEFAULT_WEB_PORT} and {LAST_WEB_PORT}. Choose one with --port."
    raise PortError(msg)


def grpc_ports(count: int) -> Iterator[int]:
    """`count` distinct free ports, chosen by the system."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
            yield probe.getsockname()[1]
    finally:
        for probe in probes:
            probe.close()
