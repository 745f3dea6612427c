"""At which addresses a network under test is reached from outside its process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from warifu.simulator.face import Options

LOOPBACK: Final = "127.0.0.1"
ANY: Final = "0.0.0.0"  # noqa: S104 - compared with, and listened on only where somebody says so
FACES: Final = 10
"""The plain faces' ports begin so far from the control service's; what lies between is for web faces."""


@dataclass(frozen=True, slots=True)
class Where:
    """With a first port every other one is known beforehand, as containers need it; without, any that are free."""

    port: int = 0
    """Of the control service. Web faces take the next ones, plain faces two each from `port + FACES` on, in the order in which they open."""
    listen: str = LOOPBACK
    """IPv4 address that is listened on; "0.0.0.0" in a container."""
    host: str | None = None
    """Name or address by which others reach it, which is told of control service and plain faces; None: the one listened on."""

    @property
    def near(self) -> str:
        """Where it is reached from this very machine."""
        return LOOPBACK if self.listen == ANY else self.listen

    @property
    def told(self) -> str:
        """Where others are told to reach it."""
        return self.host or self.near

    @property
    def web(self) -> int | None:
        """Port of the first web face; None for any."""
        return self.port + 1 if self.port else None

    def face(self, number: int) -> Options:
        """How the plain face that opens after `number` others is served."""
        first = self.port + FACES + 2 * number if self.port else 0
        return self.again(first, first + 1 if first else 0)

    def again(self, http: int, grpc: int) -> Options:
        """How a face is served at these ports."""
        return Options(http, grpc, listen=self.listen, host=self.told)


HERE: Final = Where()
