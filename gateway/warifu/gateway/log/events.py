"""Entering what changes the rules by which exchanges are decided: the mode at start, the permission table, rights, the directory.

What is in force is compared with the newest event of its kind, so each change is entered once, however often it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select

from warifu.exchange import event as events
from warifu.gateway.log import entries
from warifu.gateway.schema import EVENT
from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds, timestamp
from warifu.log.v1.log_pb2 import (
    ContentsErased,
    DirectoryChanged,
    FindingOpened,
    GatewayStarted,
    NetworkEvent,
    RecordsSearched,
    RightsChanged,
    RulingsChanged,
    TableChanged,
)
from warifu.supervision.v1.supervision_pb2 import SignedRulings

_ADD: Final = insert(EVENT)
_NEWEST: Final = (
    select(EVENT.c.digest)
    .where(EVENT.c.kind == bindparam("kind"), EVENT.c.subject == bindparam("subject"))
    .order_by(EVENT.c.position.desc())
    .limit(1)
)

Write = Callable[[Connection], bool]
"""Enters an event within a transaction, unless it is in force already; whether it did."""


class Events:
    """Makes events at the present time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def started(self, *, simulation: bool, program: str) -> Write:
        """The gateway began to serve; entered each time."""
        event = NetworkEvent(started=GatewayStarted(simulation=simulation, program=program))
        return lambda connection: self._add(connection, event, "", None)

    def table(self, version: str, digest: bytes) -> Write:
        """This permission table is in force; `digest` is SHA-256 of what the root of trust signed."""
        return self._change(NetworkEvent(table=TableChanged(version=version, digest=digest)), "", digest)

    def rights(self, table: bytes) -> Write:
        """This table of who may call what is in force."""
        digest = sha256(table).digest()
        return self._change(NetworkEvent(rights=RightsChanged(digest=digest)), "", digest)

    def directory(self, owner: str, version: int, entry: bytes) -> Write:
        """This is the owner's newest entry."""
        digest = sha256(entry).digest()
        change = DirectoryChanged(owner=owner, version=version, digest=digest)
        return self._change(NetworkEvent(directory=change), owner, digest)

    def erased(self, erased: ContentsErased) -> Write:
        """A month's contents were erased; entered each time."""
        return lambda connection: self._add(connection, NetworkEvent(erased=erased), erased.month, None)

    def opened(self, finding: str, role: str) -> Write:
        """Staff of the supervisor opened a finding; entered each time."""
        event = NetworkEvent(opened=FindingOpened(finding=finding, role=role))
        return lambda connection: self._add(connection, event, finding, None)

    def searched(self, searched: RecordsSearched) -> Write:
        """Staff of the supervisor searched the records; entered each time."""
        return lambda connection: self._add(connection, NetworkEvent(searched=searched), "", None)

    def ruled(self, signed: SignedRulings, digest: bytes) -> Write:
        """This is what the supervisor has in force; `digest` is SHA-256 of what it rules, without the time of the signature."""
        return self._change(NetworkEvent(rulings=RulingsChanged(rulings=signed)), "", digest)

    def _change(self, event: NetworkEvent, subject: str, digest: bytes) -> Write:
        kind = str(event.WhichOneof("event"))

        def write(connection: Connection) -> bool:
            known = connection.execute(_NEWEST, {"kind": kind, "subject": subject}).scalar()
            return known != digest and self._add(connection, event, subject, digest)

        return write

    def _add(self, connection: Connection, event: NetworkEvent, subject: str, digest: bytes | None) -> bool:
        event.version = events.VERSION
        event.at.CopyFrom(timestamp(milliseconds(self._clock.network())))
        committed = events.commit(event)
        values = {
            "position": entries.add(connection, committed.commitment, milliseconds(self._clock.machine())),
            "event": committed.event,
            "salt": committed.salt,
            "kind": str(event.WhichOneof("event")),
            "subject": subject,
            "digest": digest,
        }
        connection.execute(_ADD, values)
        return True
