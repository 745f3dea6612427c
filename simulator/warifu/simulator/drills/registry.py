"""Every drill by name, in the order in which trainers would give them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from warifu.simulator.drills.altered_log import ALTERED_LOG
from warifu.simulator.drills.curious_insider import CURIOUS_INSIDER
from warifu.simulator.drills.leaked_number import LEAKED_NUMBER
from warifu.simulator.drills.lost_card import LOST_CARD
from warifu.simulator.drills.model import Drill
from warifu.simulator.drills.shared_terminal import SHARED_TERMINAL
from warifu.simulator.drills.stale_copy import STALE_COPY
from warifu.simulator.drills.wrong_person import WRONG_PERSON

_ALL: Final = (
    WRONG_PERSON,
    LEAKED_NUMBER,
    CURIOUS_INSIDER,
    LOST_CARD,
    SHARED_TERMINAL,
    STALE_COPY,
    ALTERED_LOG,
)
DRILLS: Final[Mapping[str, Drill]] = MappingProxyType({drill.name: drill for drill in _ALL})
"""Drills on the running network."""
