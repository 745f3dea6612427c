"""Which parties a network has, how each is built, and which institutions each serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from warifu.law import LawBook

PORTAL = "portal"


def agency_kinds(book: LawBook) -> tuple[str, ...]:
    """Kinds of agency, each a party: those of the register's roles. A kind is a folder of `warifu.agencies` and a table of data."""
    return tuple(dict.fromkeys(role.kind for role in book.register.roles.values() if role.kind != PORTAL))


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
    web_host: str | None = None
    """Host of its web face."""
    agency: bool = False
    """It serves business systems behind interim servers, and counters."""

    @property
    def institutions(self) -> tuple[str, ...]:
        """The identities that are institutions of the register."""
        return tuple(code for code in self.identities if code != "main")


def plan(book: LawBook) -> tuple[PlannedParty, ...]:
    """The parties of a network with the institutions of `book`'s register, in the order in which they are shown."""
    kinds = agency_kinds(book)
    agencies = (
        PlannedParty(kind, "warifu.agencies.party:build", _codes(book, kind), ("numbering", "gateway"), agency=True)
        for kind in kinds
    )
    return (
        PlannedParty("numbering", "warifu.numbering.party:build", ("main",), ("gateway",)),
        PlannedParty("gateway", "warifu.gateway.party:build", ("main",), (*kinds, PORTAL)),
        *agencies,
        PlannedParty(
            PORTAL, "warifu.portal.party:build", _codes(book, PORTAL), ("numbering", "gateway"), "portal.localhost"
        ),
        PlannedParty("simulator", "warifu.simulator.party:build", ("main",), ("numbering",), "card.localhost"),
    )


def _codes(book: LawBook, kind: str) -> tuple[str, ...]:
    return tuple(sorted(one.code for one in book.register.of_kind(kind)))


def preloaded(parties: Sequence[PlannedParty]) -> tuple[str, ...]:
    """Modules that the nursery imports before it forks."""
    kinds = tuple(f"warifu.agencies.{party.name}" for party in parties if party.agency)
    return ("warifu.kernel.server", *dict.fromkeys(party.build.split(":")[0] for party in parties), *kinds)
