"""What every step of one institution's interim server stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from warifu.exchange.directory import Directory
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.lawbook import CurrentLaw
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.contents import Contents
from warifu.interim.schema import DIRECTORY, JOURNAL, MARKS
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.kernel.instants import milliseconds
from warifu.kernel.peers import Peers
from warifu.kernel.store import Store

_MARK = select(MARKS.c.value).where(MARKS.c.name == bindparam("name"))
_MOVE = update(MARKS).where(MARKS.c.name == bindparam("b_name")).values(value=bindparam("b_value"))
_SET = insert(MARKS)
_NOTE = insert(JOURNAL)
_OWN_ENTRY = select(DIRECTORY.c.signed).where(DIRECTORY.c.owner == bindparam("me"))
_FORGET_OWN_ENTRY = delete(DIRECTORY).where(DIRECTORY.c.owner == bindparam("me"))
_ADD_ENTRY = insert(DIRECTORY)
_VERSION: Final = "directory-version"


@dataclass(frozen=True, slots=True)
class Ground:
    """One institution: its store, its keys, its ways out. Holds nothing of any other institution."""

    institution: str
    store: Store
    keys: InstitutionKeys
    directory: Directory
    law: CurrentLaw
    clock: Clock
    peers: Peers
    """Called out under the identity `institution`."""
    ids: Ids
    sample_key: bytes
    """Draws the sample of answers that a clerk looks at; known to this provider alone."""
    contents: Contents
    """Seals what is kept of exchanges."""

    def machine(self) -> int:
        """Machine time, milliseconds."""
        return milliseconds(self.clock.machine())

    def network(self) -> int:
        """Network time, milliseconds."""
        return milliseconds(self.clock.network())

    def require(self, institution: str) -> None:
        """Refuse a request in another institution's name.

        Raises:
            LinkageError: CLIENT_NOT_YOURS.
        """
        if institution != self.institution:
            raise LinkageError(Reason.CLIENT_NOT_YOURS)

    def mark(self, name: str) -> int:
        """Where a list was read to; 0 at the beginning."""
        return self.store.read(lambda connection: connection.execute(_MARK, {"name": name}).scalar()) or 0

    def note(self, connection: Connection, what: str, *, addressee_no: str, reason: str = "") -> None:
        """Enter into the journal what was done to an addressee, within the transaction that does it."""
        values = {"at": self.network(), "what": what, "addressee_no": addressee_no, "reason": reason}
        connection.execute(_NOTE, values)


def move_mark(connection: Connection, name: str, value: int) -> None:
    """Set a mark, within a transaction."""
    if connection.execute(_MOVE, {"b_name": name, "b_value": value}).rowcount == 0:
        connection.execute(_SET, {"name": name, "value": value})


@dataclass(frozen=True, slots=True)
class VersionMark:
    """The highest version that the institution ever gave its directory entry (`warifu.exchange.own_entry.Memory`)."""

    ground: Ground

    def last(self) -> int:
        """That version; 0 before the first."""
        return self.ground.mark(_VERSION)

    async def keep(self, version: int) -> None:
        """Note a higher one, durably."""
        await self.ground.store.write(lambda connection: move_mark(connection, _VERSION, version))

    def entry(self) -> exchange_pb2.SignedDirectoryEntry | None:
        """What the relay took last."""
        kept = self.ground.store.read(lambda c: c.execute(_OWN_ENTRY, {"me": self.ground.institution}).scalar())
        return None if kept is None else exchange_pb2.SignedDirectoryEntry.FromString(kept)

    async def taken(self, entry: exchange_pb2.SignedDirectoryEntry) -> None:
        """Note that the relay took it, in place of the one before."""
        mine, version = {"me": self.ground.institution}, exchange_pb2.DirectoryEntry.FromString(entry.entry).version
        values = {"owner": self.ground.institution, "version": version, "signed": entry.SerializeToString()}

        def keep(connection: Connection) -> None:
            connection.execute(_FORGET_OWN_ENTRY, mine)
            connection.execute(_ADD_ENTRY, values)

        await self.ground.store.write(keep)
