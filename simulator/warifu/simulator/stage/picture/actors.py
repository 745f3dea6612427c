"""The parties of the picture, each with what it holds and what was looked for in vain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.law import Text
from warifu.simulator.stage.picture import asking, between, providing, things, words
from warifu.simulator.stage.picture.absences import absences
from warifu.simulator.stage.picture.known import Known, bytes_of
from warifu.simulator.stage.picture.model import (
    DECIDED,
    LOGGED,
    NOTHING,
    OPENED,
    PREPARED,
    PROVIDED,
    RELAYED,
    SHOWN,
    Actor,
    Held,
    Role,
)
from warifu.simulator.stage.picture.names import Names

_TITLES: Final = {
    Role.REQUESTER: words.REQUESTER,
    Role.GATEWAY: words.GATEWAY,
    Role.PROVIDER: words.PROVIDER,
    Role.LOG: words.LOG,
    Role.WATCHDOG: words.WATCHDOG,
    Role.PORTAL: words.PORTAL,
    Role.NUMBERING: words.NUMBERING,
}
_RECORDS: Final[dict[int, int]] = {pb.RECORD_KIND_REQUEST: DECIDED, pb.RECORD_KIND_OUTCOME: RELAYED}
_READ: Final = {
    Role.REQUESTER: {"inquiries", "addressees", "records", "promises"},
    Role.PROVIDER: {"provisions", "addressees", "copies", "reviews", "answer_blocks", "records", "promises"},
    Role.GATEWAY: {"exchange", "record", "outbox"},
    Role.LOG: {"record", "log_head"},
    Role.WATCHDOG: {"head"},
    Role.PORTAL: {"entries"},
    Role.NUMBERING: set[str](),
}
"""Tables that the picture knows; rows of any other are shown as they are."""
_OTHERS: Final = {
    Role.REQUESTER: PREPARED,
    Role.GATEWAY: DECIDED,
    Role.PROVIDER: PROVIDED,
    Role.WATCHDOG: LOGGED,
    Role.PORTAL: SHOWN,
    Role.NUMBERING: PREPARED,
    Role.LOG: LOGGED,
}
"""From which step on such rows are shown."""


def actors(known: Known, names: Names) -> dict[Role, Actor]:
    """All of them, by role."""
    found = {role: _actor(known, names, role) for role in Role}
    return {role: replace(actor, absences=absences(role, known, found)) for role, actor in found.items()}


def _actor(known: Known, names: Names, role: Role) -> Actor:
    held = list(_held(known, names, role))
    strange = [row for row in known.rows(role) if row.table not in _READ[role]]
    held += things.others(strange, _OTHERS[role])
    return Actor(
        role,
        _TITLES[role],
        _name(known, names, role),
        known.party(role),
        _unique(held),
        known.seen(role),
        len(bytes_of(role, known.rows(role))),
    )


def _name(known: Known, names: Names, role: Role) -> Text:
    match role:
        case Role.REQUESTER:
            return names.institution(known.requester)
        case Role.PROVIDER:
            return names.institution(known.provider)
        case _:
            return NOTHING


def _held(known: Known, names: Names, role: Role) -> Iterator[Held]:
    match role:
        case Role.REQUESTER:
            yield from _requester(known, names)
        case Role.GATEWAY:
            yield from _gateway(known, names)
        case Role.PROVIDER:
            yield from _provider(known, names)
        case Role.LOG:
            yield from (held for row in known.of(role, "record") for held in between.leaf(row))
            yield from (held for row in known.of(role, "log_head") for held in between.log_head(row))
        case Role.WATCHDOG:
            yield from (held for row in known.of(role, "head") for held in between.witness_head(row))
        case Role.PORTAL:
            yield from (held for row in known.of(role, "entries") for held in between.entry(names, row))
        case Role.NUMBERING:
            return


def _requester(known: Known, names: Names) -> Iterator[Held]:
    role = Role.REQUESTER
    for row in known.of(role, "inquiries"):
        yield from asking.inquiry(names, row, known.of(role, "addressees"))
    for row in known.of(role, "records"):
        yield things.record(names, row, OPENED)
    for row in known.of(role, "promises"):
        yield asking.promise(row, "promise")


def _gateway(known: Known, names: Names) -> Iterator[Held]:
    for row in known.of(Role.GATEWAY, "exchange"):
        yield from between.exchange(names, row)
    for row in known.of(Role.GATEWAY, "record"):
        yield things.record(names, row, _RECORDS.get(row.number("kind") or 0, DECIDED))
    for row in known.of(Role.GATEWAY, "outbox"):
        yield between.outbox(row)


def _provider(known: Known, names: Names) -> Iterator[Held]:
    role = Role.PROVIDER
    for row in known.of(role, "provisions"):
        yield from providing.provision(names, row, known.of(role, "addressees"), known.of(role, "copies"))
    for row in known.of(role, "reviews"):
        yield providing.review(row)
    for place, row in enumerate(known.of(role, "answer_blocks")):
        yield from providing.answer_block(names, row, place)
    for row in known.of(role, "records"):
        yield things.record(names, row, PROVIDED)
    for row in known.of(role, "promises"):
        yield asking.promise(row, "promise")


def _unique(held: list[Held]) -> list[Held]:
    """The same things in order of their steps, each with a name of its own."""
    seen: dict[str, int] = {}
    told = []
    for one in sorted(held, key=lambda one: one.since):
        seen[one.name] = seen.get(one.name, 0) + 1
        told.append(one if seen[one.name] == 1 else replace(one, name=f"{one.name}-again-{seen[one.name]}"))
    return told
