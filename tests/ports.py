"""Ports for parties that tests start and stop."""

from __future__ import annotations

import random
import socket

_RANGE = range(12_000, 21_000)
"""Below the range from which the system takes the near ends of connections: one of those could hold the port of a party that is down."""
_dice = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that is free now and was not given before by this process."""
    while True:
        port = _dice.choice(_RANGE)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
