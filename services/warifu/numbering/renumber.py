"""Changes of the two numbers: one touches no linkage code, the other all of them.

A new individual number (after a leak with fear of misuse, art. 7(2)) is told to the person and nobody else. A new resident code (on the
person's wish) is told to the gateway alone, until it has acknowledged: every institution must then claim its code anew.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.common.v1 import common_pb2
from warifu.kernel import basic_items
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import FREE_TEXT, check_text, malformed
from warifu.kernel.store import Store
from warifu.numbering import typed
from warifu.numbering.codes import Drawing
from warifu.numbering.journal import Journal, Kind
from warifu.numbering.life import only
from warifu.numbering.lookup import outcome_of
from warifu.numbering.match import Matching
from warifu.numbering.people import People
from warifu.numbering.schema import CODE_CHANGE, CURRENT_CODE, INDIVIDUAL_NUMBER, OWED, RESIDENT_CODE
from warifu.numbering.vault import Vault
from warifu.numbers import NumberError, individual_number

_LOG: Final = logging.getLogger(__name__)

_ORIGIN = select(RESIDENT_CODE.c.sealed).where(
    RESIDENT_CODE.c.person == bindparam("person_id"), RESIDENT_CODE.c.origin.is_(True)
)
_COUNTER = select(INDIVIDUAL_NUMBER.c.counter).where(INDIVIDUAL_NUMBER.c.sealed == bindparam("sealed_number"))
_RETIRE = (
    update(INDIVIDUAL_NUMBER)
    .where(INDIVIDUAL_NUMBER.c.sealed == bindparam("sealed_number"), INDIVIDUAL_NUMBER.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), reason=bindparam("why"))
)
_ADD_NUMBER = insert(INDIVIDUAL_NUMBER)
_CURRENT = select(RESIDENT_CODE.c.sealed).where(RESIDENT_CODE.c.person == bindparam("person_id")).where(CURRENT_CODE)
_END_CODE = (
    update(RESIDENT_CODE).where(RESIDENT_CODE.c.sealed == bindparam("sealed_code")).values(ended_at=bindparam("at"))
)
_ADD_CODE = insert(RESIDENT_CODE)
_OWE = insert(CODE_CHANGE)
_LIST_OWED = select(CODE_CHANGE).where(OWED).order_by(CODE_CHANGE.c.position).limit(100)
_TOLD = update(CODE_CHANGE).where(CODE_CHANGE.c.position == bindparam("b_position")).values(told_at=bindparam("at"))


class Superseding(Protocol):
    """The gateway, as far as changes of resident code need it."""

    async def supersede(self, old: str, new: str) -> None:
        """Tell the change. Raises LinkageError when it was not acknowledged."""


@dataclass(frozen=True, slots=True)
class NumberChange:
    """Assigns new individual numbers."""

    store: Store
    vault: Vault
    clock: Clock
    matching: Matching
    numbers_key: bytes

    async def change(self, institution: str, number: str, items: common_pb2.BasicItems | None, reason: str) -> str:
        """A new number for the person of `number` and `items`; the old one is refused from now on.

        Raises:
            LinkageError: CLIENT_PERSON_NOT_MATCHED, CLIENT_NUMBER_RETIRED and the others of `Matching.match`; CLIENT_MALFORMED without a
                reason, or after nine changes.
        """
        check_text(reason, "reason", FREE_TEXT)
        person = await self.matching.require(institution, number, items, Kind.CHANGE)
        sealed = self.vault.seal_number(typed.number(number))
        return await self.store.write(lambda connection: self._write(connection, person, sealed, reason))

    def _write(self, connection: Connection, person: int, sealed: bytes, reason: str) -> str:
        origin = self.vault.open_code(connection.execute(_ORIGIN, {"person_id": person}).scalar_one())
        counter = connection.execute(_COUNTER, {"sealed_number": sealed}).scalar_one() + 1
        try:
            number = individual_number.derive(self.numbers_key, origin, counter)
        except NumberError:
            raise malformed("individual_number", "changed nine times already") from None
        at = milliseconds(self.clock.network())
        # Two requests with the same leaked number at once: the second finds it retired.
        if connection.execute(_RETIRE, {"sealed_number": sealed, "at": at, "why": reason}).rowcount != 1:
            raise malformed("individual_number", "being changed already")
        row = {"sealed": self.vault.seal_number(number), "person": person, "counter": counter, "since_at": at}
        connection.execute(_ADD_NUMBER, row)
        return number


@dataclass(frozen=True, slots=True)
class CodeChange:
    """Assigns new resident codes and tells the gateway, however often it takes."""

    store: Store
    vault: Vault
    clock: Clock
    people: People
    journal: Journal
    drawing: Drawing
    gateway: Superseding

    async def change(self, institution: str, items: common_pb2.BasicItems) -> None:
        """A new code for the one person with these items. Durable on return; told to the gateway then or, when it is away, by `tell`.

        Raises:
            LinkageError: CLIENT_LOOKUP_TOO_FEW_ITEMS, CLIENT_PERSON_NOT_MATCHED, CLIENT_PERSON_AMBIGUOUS.
        """
        digest = basic_items.digest(basic_items.require(items))
        people = self.people.by_items([digest]).get(digest, [])
        await self.journal.note(institution, (Kind.CHANGE, outcome_of(len(people))))
        person = only(people)
        await self.store.write(lambda connection: self._write(connection, institution, person))
        try:
            await self.tell()
        except LinkageError as error:
            _LOG.info("the gateway will be told later of a new resident code", extra={"reason": str(error.reason)})

    async def tell(self) -> int:
        """Tell the gateway what it has not acknowledged, oldest first; how many it acknowledged. A telling again has no effect there.

        Raises:
            LinkageError: the first failure; what comes after it waits.
        """
        told = 0
        for row in self.store.read(lambda connection: connection.execute(_LIST_OWED).all()):
            await self.gateway.supersede(self.vault.open_code(row.old_sealed), self.vault.open_code(row.new_sealed))
            done = {"b_position": row.position, "at": milliseconds(self.clock.network())}
            await self.store.write(lambda connection, done=done: connection.execute(_TOLD, done))  # type: ignore[misc]
            told += 1
        return told

    def _write(self, connection: Connection, institution: str, person: int) -> None:
        at = milliseconds(self.clock.network())
        old = connection.execute(_CURRENT, {"person_id": person}).scalar_one()
        new = self.vault.seal_code(self.drawing.draw(connection))
        connection.execute(_END_CODE, {"sealed_code": old, "at": at})
        connection.execute(_ADD_CODE, {"sealed": new, "person": person, "origin": False, "since_at": at})
        connection.execute(_OWE, {"old_sealed": old, "new_sealed": new, "institution": institution, "changed_at": at})
