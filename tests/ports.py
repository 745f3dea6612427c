"""Ports for parties that tests start and stop."""

from __future__ import annotations

import random
import socket
from collections import deque

_RANGE = range(12_000, 21_000)
"""Below the range from which the system takes the near ends of connections: one of those could hold the port of a party that is down."""
_dice = random.SystemRandom()
_given: deque[int] = deque(maxlen=1_000)
"""Given last: their parties may be down for a moment. Were all remembered, a long run would find no row of ports any more."""


def free_port() -> int:
    """A port of 127.0.0.1 that is free now and was not given lately by this process."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of so many adjacent ones."""
    while True:
        first = _dice.choice(_RANGE)
        wanted = range(first, first + count)
        if not any(port in wanted for port in _given) and all(map(_is_free, wanted)):
            _given.extend(wanted)
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
