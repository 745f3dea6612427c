"""Which local ports a network takes, and keeps while its parties come and go.

A port is claimed before it is handed out, so that networks started at the same moment, and a party that is started again, never find it
taken by each other. A claim is a socket name of this machine (unix(7), abstract) held by the launcher: it ends with it, however that ends.
"""

from __future__ import annotations

import os
import socket

from warifu.simulator.told import ToldError

DEFAULT_WEB_PORT = 8170
"""First port tried for the web faces, when none is asked for."""
LAST_WEB_PORT = 8970
WEB_STEP = 10
GRPC_PORTS = range(21_000, 32_000)
"""Below the range from which the system takes the near ends of connections, which could hold a dead party's port."""


class PortError(ToldError):
    """A port that was asked for is not free; the message says which and what to do."""


class Ports:
    """The ports of one network; `close` gives them back."""

    def __init__(self) -> None:
        self._claims: dict[int, socket.socket] = {}

    def claim(self, port: int) -> bool:
        """Whether `port` of 127.0.0.1 is free and now ours."""
        if port in self._claims:
            return False
        held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            held.bind(f"\0warifu/port/{port}")
        except OSError:
            held.close()
            return False
        if not is_free(port):
            held.close()
            return False
        self._claims[port] = held
        return True

    def claim_all(self, first: int, count: int) -> list[int] | None:
        """`count` ports from `first` on, or None, and none of them, when one is taken."""
        wanted = range(first, first + count)
        got = [port for port in wanted if self.claim(port)]
        if len(got) == count:
            return got
        for port in got:
            self._claims.pop(port).close()
        return None

    def web(self, count: int, asked: int | None) -> list[int]:
        """`count` adjacent ports, beginning at `asked` or, when it is None, at the first place that has them.

        Raises:
            PortError: a port that was asked for is taken, or none is left.
        """
        if asked is not None:
            if (got := self.claim_all(asked, count)) is not None:
                return got
            raise taken(next((port for port in range(asked, asked + count) if not is_free(port)), asked))
        for first in range(DEFAULT_WEB_PORT, LAST_WEB_PORT, WEB_STEP):
            if (got := self.claim_all(first, count)) is not None:
                return got
        raise PortError(
            f"{DEFAULT_WEB_PORT} から {LAST_WEB_PORT} の間に、続いた {count} 個の空きポートがありません。--port で指定してください。",
            f"no {count} adjacent ports are free between {DEFAULT_WEB_PORT} and {LAST_WEB_PORT}. Choose one with --port.",
        )

    def grpc(self, count: int) -> list[int]:
        """`count` ports for parties.

        Raises:
            PortError: too few are left.
        """
        start = os.getpid() * count % len(GRPC_PORTS)
        order = [*GRPC_PORTS[start:], *GRPC_PORTS[:start]]
        got: list[int] = []
        for port in order:
            if len(got) == count:
                return got
            if self.claim(port):
                got.append(port)
        raise PortError(
            f"{GRPC_PORTS.start} から {GRPC_PORTS.stop} の間の空きポートが足りません。別のネットワークを終了してください。",
            f"too few ports are free between {GRPC_PORTS.start} and {GRPC_PORTS.stop}. End another network first.",
        )

    def close(self) -> None:
        """Give every port back."""
        for held in self._claims.values():
            held.close()
        self._claims.clear()


def taken(port: int) -> PortError:
    """Something else listens there."""
    return PortError(
        f"ポート {port} は別のプログラムが使っています。--port で別のポートを指定してください。",
        f"port {port} is in use by another program. Choose another with --port.",
    )


def is_free(port: int) -> bool:
    """Whether `port` can be listened to on 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
