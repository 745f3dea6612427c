"""The faults that can be planted, by name: the table `faults.toml`, read and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from warifu.kernel.errors import Reason

AGENCIES: Final = "agencies"
"""In `parties`: every party that serves institutions of a kind of agency."""
_NOT_AGENCIES: Final = frozenset({"numbering", "gateway", "portal", "watchdog", "counter", "simulator"})


class Effect(StrEnum):
    """What a fault does. The first ones happen to a call, at the interceptor; the others at a port behind it."""

    REFUSE = "refuse"
    SLOW = "slow"
    LATE = "late"
    DROP = "drop"
    TWICE = "twice"

    STALE = "stale"
    OTHER_PERSON = "other-person"
    LAYOUT = "layout"
    SIGNATURE = "signature"
    REVIEW = "review"
    SKEW = "skew"

    IDLE = "idle"

    PERMIT_TWICE = "permit-twice"
    LATE_PERMIT = "late-permit"
    DAMAGED_PERMIT = "damaged-permit"
    EXPIRED_PERMIT = "expired-permit"


AT_THE_DOOR: Final = frozenset({Effect.REFUSE, Effect.SLOW, Effect.LATE, Effect.DROP, Effect.TWICE})


class By(StrEnum):
    """What a planted fault can be confined to."""

    INSTITUTION = "institution"
    PROCEDURE = "procedure"
    PERSON = "person"
    COUNT = "count"
    PROBABILITY = "probability"


@dataclass(frozen=True, slots=True)
class Kind:
    """One fault of the table."""

    name: str
    parties: Sequence[str]
    methods: Sequence[str]
    effect: Effect
    by: frozenset[By]
    """What it can be confined to."""
    ja: str
    en: str
    felt_ja: str
    felt_en: str
    """What is felt of it, and where."""
    seconds: float = 0.0
    reason: Reason | None = None
    institution: str = ""
    """Whom a call concerns."""
    needs: frozenset[By] = frozenset()
    """What it must be confined to."""
    web: bool = False

    def fits(self, party: str) -> bool:
        """Whether it can be planted at `party`."""
        return party in self.parties or (AGENCIES in self.parties and party not in _NOT_AGENCIES)


@cache
def kinds() -> Mapping[str, Kind]:
    """Every fault that can be planted, by name, in the table's order.

    Raises:
        ValueError: the table is wrong; the message names the fault.
    """
    table = tomllib.loads(Path(__file__).with_name("faults.toml").read_text(encoding="utf-8"))
    return MappingProxyType({name: _kind(name, row) for name, row in table.items()})


def _kind(name: str, row: dict[str, Any]) -> Kind:
    reason = Reason(row.pop("reason")) if "reason" in row else None
    by, needs = (frozenset(map(By, row.pop(key, ()))) for key in ("by", "needs"))
    methods = row.pop("methods", ())
    kind = Kind(name=name, effect=Effect(row.pop("effect")), reason=reason, by=by, needs=needs, methods=methods, **row)
    if bool(kind.methods) != (kind.effect in AT_THE_DOOR) or not needs <= by:
        raise ValueError(f"faults.toml: {name}: methods or selection do not fit its effect")
    return kind
