"""The law book that a network has in force, as its gateway has it."""

from __future__ import annotations

from pathlib import Path

from warifu.exchange.lawbook import CurrentLaw
from warifu.kernel.errors import Reason
from warifu.kernel.trust import Trust
from warifu.simulator.launcher.plan import GATEWAY


def current_law(state: Path) -> CurrentLaw:
    """What the gateway of the network in `state` decides by: the newest that the root of trust signed."""
    return CurrentLaw(Trust(state / GATEWAY), Reason.GATEWAY_TABLE_INVALID)
