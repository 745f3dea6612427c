"""Traits as people read them. The trait itself, as the command line knows it, is an English word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from warifu.simulator.population import CAST
from warifu.simulator.population.traits import TRAITS

ROLE: Final = "cast:"
"""How the trait of a scenario's role begins."""
EXPIRED: Final = "expired-card"
"""Trait of whoever's card was handed out so long ago that its certificate has run out when the network begins."""
_CARDS: Final = {EXPIRED: "電子証明書の期限切れ"}
"""Traits that only a card has, not the population's."""


@dataclass(frozen=True, slots=True)
class Label:
    """One trait for a reader of one language."""

    trait: str
    text: str
    role: bool
    """It is a role of a scenario."""
    count: int = 0
    """People on the tray who have it, where that is asked."""


def label(trait: str, language: str, count: int = 0) -> Label:
    """The trait in words; one that the population does not know stands for itself."""
    role = trait.startswith(ROLE)
    known = CAST.get(trait.removeprefix(ROLE)) if role else TRAITS.get(trait)
    words = trait.removeprefix(ROLE).replace("-", " ")
    japanese = known[0] if known else _CARDS.get(trait, words)
    return Label(trait, japanese if language != "en" else words, role, count)


def labels(found: Iterable[str], language: str) -> Sequence[Label]:
    """Traits in words, roles first."""
    return sorted((label(trait, language) for trait in found), key=lambda one: not one.role)


def choices(counted: Iterable[tuple[str, int]], language: str) -> Sequence[tuple[bool, Sequence[Label]]]:
    """What one can search by: (roles or not, traits in words); roles first, each group in the population's own order."""
    order = {trait: place for place, trait in enumerate([*(ROLE + role for role in CAST), *TRAITS])}
    known = sorted(counted, key=lambda pair: (order.get(pair[0], len(order)), pair[0]))
    told = [label(trait, language, count) for trait, count in known]
    groups = ((role, [one for one in told if one.role is role]) for role in (True, False))
    return [(role, group) for role, group in groups if group]
