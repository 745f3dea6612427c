"""What a party does not hold, proved by looking for it in every byte that it holds.

What is looked for comes from the other parties' views: a code that nobody showed cannot be looked for, and then nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.law import Text
from warifu.simulator.stage.picture import words
from warifu.simulator.stage.picture.known import Known, bytes_of
from warifu.simulator.stage.picture.model import Absence, Actor, Role

_SHORTEST: Final = 8
"""Bytes: of anything shorter an occurrence would say nothing."""
_ANY_CODE: Final = Text("だれの符号も", "anyone's code")
_REQUESTER, _PROVIDER, _PORTAL = words.REQUESTER_CODE, words.PROVIDER_CODE, words.PORTAL_CODE
_CHECKED: Final[Mapping[Role, tuple[Text, ...]]] = {
    Role.REQUESTER: (_PROVIDER, _PORTAL, words.PROVIDER_ADDRESSEE, words.THE_PERMIT),
    Role.GATEWAY: (words.VALUES, words.QUERY_PLAIN, words.REQUESTER_ADDRESSEE, words.PROVIDER_ADDRESSEE, _PORTAL),
    Role.PROVIDER: (_REQUESTER, _PORTAL, words.REQUESTER_ADDRESSEE),
    Role.LOG: (words.EXCHANGE_ID, words.INSTITUTIONS, _ANY_CODE),
    Role.WATCHDOG: (words.EXCHANGE_ID, words.INSTITUTIONS, _ANY_CODE),
    Role.PORTAL: (words.VALUES, _REQUESTER, _PROVIDER, words.REQUESTER_ADDRESSEE, words.PROVIDER_ADDRESSEE),
    Role.NUMBERING: (words.EXCHANGE_ID, _ANY_CODE),
}
"""What each is looked through for."""


@dataclass(frozen=True, slots=True)
class _Secret:
    label: Text
    needles: tuple[bytes, ...]


def absences(role: Role, known: Known, actors: Mapping[Role, Actor]) -> list[Absence]:
    """What was looked for at a party whose view could be read, and whether it was there."""
    if not actors[role].seen:
        return []
    held, own = bytes_of(role, known.rows(role)), _own(actors[role])
    secrets = {secret.label: secret for secret in _secrets(known, actors)}
    told = []
    for label in _CHECKED[role]:
        needles = [needle for needle in secrets[label].needles if len(needle) >= _SHORTEST and needle not in own]
        if needles:
            told.append(Absence(label, any(_inside(held, needle) for needle in needles)))
    return told


def _inside(held: bytes, needle: bytes) -> bool:
    """As it is, or written in hexadecimal digits."""
    return needle in held or needle.hex().encode() in held.lower()


def _own(actor: Actor) -> set[bytes]:
    """Codes and numbers by which the party itself refers to the person."""
    return {held.raw for held in actor.held if held.name in {"code", "addressee"} or held.name.startswith("bound-")}


def _secrets(known: Known, actors: Mapping[Role, Actor]) -> Iterator[_Secret]:
    requester, provider, portal, gateway = (
        actors[role] for role in (Role.REQUESTER, Role.PROVIDER, Role.PORTAL, Role.GATEWAY)
    )
    asked = {*_raws(requester, "code"), *_raws(gateway, "requester-code")}
    provided = {*_raws(provider, "code"), *_raws(gateway, "provider-code")}
    shown = {*_raws(portal, "code")} - asked - provided  # the portal may itself be the requester
    yield _Secret(_REQUESTER, tuple(asked))
    yield _Secret(_PROVIDER, tuple(provided))
    yield _Secret(_PORTAL, tuple(shown))
    yield _Secret(_ANY_CODE, (*asked, *provided, *shown))
    yield _Secret(words.REQUESTER_ADDRESSEE, _raws(requester, "addressee"))
    yield _Secret(words.PROVIDER_ADDRESSEE, _raws(provider, "addressee"))
    yield _Secret(words.THE_PERMIT, (*_raws(gateway, "permit"), *_raws(provider, "permit")))
    yield _Secret(words.QUERY_PLAIN, _raws(provider, "query"))
    yield _Secret(words.VALUES, tuple(_values(known)))
    yield _Secret(words.EXCHANGE_ID, (known.header.request_id.encode(),))
    yield _Secret(words.INSTITUTIONS, (known.requester.encode(), known.provider.encode()))


def _raws(actor: Actor, name: str) -> tuple[bytes, ...]:
    return tuple(held.raw for held in actor.held if held.name == name)


def _values(known: Known) -> Iterator[bytes]:
    """What the provider's copies say, and what the requester read of them."""
    yield from (row.raw("content") for row in known.of(Role.PROVIDER, "copies"))
    answer = known.inquiry.message("answer", pb.Answer) if known.inquiry is not None else None
    if answer is not None:
        yield from (record.content.SerializeToString() for record in answer.records)
