"""Which parties a network has, how each is built, and which institutions each serves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from warifu.law import LawBook

AGENCY_KINDS = ("residency", "tax", "health_insurance")
"""Kinds of agency, each a party; a kind is a folder of `warifu.agencies` and a table of data."""


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

    @property
    def institutions(self) -> tuple[str, ...]:
        """The identities that are institutions of the register."""
        return tuple(code for code in self.identities if code != "main")


def plan(book: LawBook) -> tuple[PlannedParty, ...]:
    """The parties of a network with the institutions of `book`'s register, in the order in which they are shown."""
    kinds = {
        kind: sorted(i.code for i in book.register.institutions.values() if i.kind == kind) for kind in AGENCY_KINDS
    }
    agencies = (
        PlannedParty(kind, "warifu.agencies.party:build", tuple(codes), ("numbering", "gateway"))
        for kind, codes in kinds.items()
    )
    return (
        PlannedParty("numbering", "warifu.numbering.party:build", ("main",), ("gateway",)),
        PlannedParty("gateway", "warifu.gateway.party:build", ("main",), (*AGENCY_KINDS, "portal")),
        *agencies,
        PlannedParty(
            "portal", "warifu.portal.party:build", ("portal-main",), ("numbering", "gateway"), "portal.localhost"
        ),
        PlannedParty("simulator", "warifu.simulator.party:build", ("main",), ("numbering",), "card.localhost"),
    )


def preloaded(parties: Iterable[PlannedParty]) -> tuple[str, ...]:
    """Modules that the nursery imports before it forks."""
    kinds = tuple(f"warifu.agencies.{kind}" for kind in AGENCY_KINDS)
    return ("warifu.kernel.server", *dict.fromkeys(party.build.split(":")[0] for party in parties), *kinds)
