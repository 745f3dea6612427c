"""Which parties a network has, how each is built, and which institutions each serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from warifu.law import LawBook

GATEWAY = "gateway"
"""The party that may be several processes."""
PORTAL = "portal"
WATCHDOG = "watchdog"
COUNTER = "counter"
DESKS = frozenset({COUNTER})


def agency_kinds(book: LawBook) -> tuple[str, ...]:
    """Kinds of agency, each a party: those of the register's roles. A kind is a folder of `warifu.agencies` and a table of data."""
    return tuple(dict.fromkeys(role.kind for role in book.register.roles.values() if role.kind != PORTAL))


@dataclass(frozen=True, slots=True)
class Face:
    """A party's web face."""

    name: str
    """By which other faces know it; its host is this name under .localhost."""
    rank: int
    """Its port is this far from the network's first."""
    knows: tuple[str, ...] = ()
    """Faces whose origins it is told, because it leads to them or takes what comes from them."""

    @property
    def host(self) -> str:
        """The only host that it answers to."""
        return f"{self.name}.localhost"


STAGE = Face("stage", 5)
"""The trainer's face, served by the launcher itself: it belongs to no party."""


@dataclass(frozen=True, slots=True)
class PlannedParty:
    """One party of the plan."""

    name: str
    build: str
    """Its build function, "module:function"."""
    identities: tuple[str, ...]
    """Codes of its client certificates."""
    calls: tuple[str, ...]
    """Parties that it calls, whose addresses it is told."""
    web: Face | None = None
    agency: bool = False
    """It serves business systems behind interim servers, and counters."""

    @property
    def institutions(self) -> tuple[str, ...]:
        """The identities that are institutions of the register."""
        return tuple(code for code in self.identities if code != "main")


def plan(book: LawBook, *, bare: bool = False) -> tuple[PlannedParty, ...]:
    """The parties of a network with the institutions of `book`'s register, in the order in which they are shown.

    `bare`: without those that only people at their desks need (`DESKS`).
    """
    return tuple(party for party in _plan(book) if not (bare and party.name in DESKS))


def _plan(book: LawBook) -> tuple[PlannedParty, ...]:
    kinds = agency_kinds(book)
    agencies = (
        PlannedParty(
            kind,
            "warifu.agencies.party:build",
            _codes(book, kind),
            ("numbering", "gateway", PORTAL, WATCHDOG),
            agency=True,
        )
        for kind in kinds
    )
    return (
        PlannedParty("numbering", "warifu.numbering.party:build", ("main",), ("gateway",)),
        PlannedParty("gateway", "warifu.gateway.party:build", ("main",), (*kinds, PORTAL, WATCHDOG), Face("log", 2)),
        *agencies,
        PlannedParty(
            PORTAL,
            "warifu.portal.party:build",
            _codes(book, PORTAL),
            ("numbering", "gateway", WATCHDOG),
            Face(PORTAL, 0, ("card", "log")),
        ),
        PlannedParty(
            WATCHDOG, "warifu.watchdog.party:build", ("main",), ("gateway", *kinds, PORTAL), Face(WATCHDOG, 3)
        ),
        PlannedParty(
            COUNTER,
            "warifu.counter.party:build",
            tuple(code for kind in kinds for code in _codes(book, kind)),
            ("numbering", *kinds, WATCHDOG),
            Face(COUNTER, 4),
        ),
        PlannedParty(
            "simulator", "warifu.simulator.party:build", ("main",), ("numbering",), Face("card", 1, (PORTAL,))
        ),
    )


def _codes(book: LawBook, kind: str) -> tuple[str, ...]:
    return tuple(sorted(one.code for one in book.register.of_kind(kind)))


def preloaded(parties: Sequence[PlannedParty]) -> tuple[str, ...]:
    """Modules that the nursery imports before it forks."""
    kinds = tuple(f"warifu.agencies.{party.name}" for party in parties if party.agency)
    return ("warifu.kernel.server", *dict.fromkeys(party.build.split(":")[0] for party in parties), *kinds)
