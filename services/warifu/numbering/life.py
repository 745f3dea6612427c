"""What life changes in the register: names, addresses, death."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from warifu.common.v1 import common_pb2
from warifu.kernel import basic_items
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import malformed
from warifu.kernel.store import Store
from warifu.numbering import certificates
from warifu.numbering.people import People
from warifu.numbering.schema import FORMER_ITEMS, PERSON

_CHANGE = update(PERSON).where(PERSON.c.id == bindparam("person_id"))
_FORMERLY = select(FORMER_ITEMS.c.person).where(
    FORMER_ITEMS.c.digest == bindparam("b_digest"), FORMER_ITEMS.c.person == bindparam("person_id")
)
_KEEP_FORMER = insert(FORMER_ITEMS)
_DROP_FORMER = delete(FORMER_ITEMS).where(
    FORMER_ITEMS.c.digest == bindparam("b_digest"), FORMER_ITEMS.c.person == bindparam("person_id")
)
_DIE = update(PERSON).where(PERSON.c.id == bindparam("person_id")).values(died_on=bindparam("day"))


@dataclass(frozen=True, slots=True)
class Life:
    """Notes changes of people who are registered."""

    store: Store
    people: People
    clock: Clock

    async def change(self, before: common_pb2.BasicItems, after: common_pb2.BasicItems) -> None:
        """Note that the person with the items `before` has the items `after` from now on. The same again has no effect.

        Raises:
            LinkageError: CLIENT_PERSON_NOT_MATCHED, CLIENT_PERSON_AMBIGUOUS; CLIENT_LOOKUP_TOO_FEW_ITEMS for either.
        """
        old, new = basic_items.digest(basic_items.require(before)), basic_items.digest(basic_items.require(after))
        people = self.people.by_items([old]).get(old, [])
        if not people and self._changed_before(old, new):
            return
        person = only(people)
        await self.store.write(lambda connection: self._write_change(connection, person, old, new, after))

    async def die(self, items: common_pb2.BasicItems, died_on: str) -> None:
        """Note a death; the person's card certificates end with it.

        Raises:
            LinkageError: as `change`; CLIENT_MALFORMED for a day that is none or is to come.
        """
        digest = basic_items.digest(basic_items.require(items))
        if basic_items.parse_day(died_on, "died_on") > self.clock.today():
            raise malformed("died_on", "in the future")
        person = only(self.people.by_items_ever([digest]).get(digest, []))
        await self.store.write(lambda connection: self._write_death(connection, person, died_on))

    def _changed_before(self, old: bytes, new: bytes) -> bool:
        """Whether somebody with the items `new` had the items `old`."""
        return any(
            self.store.read(
                lambda connection, person=person: connection.execute(  # type: ignore[misc]
                    _FORMERLY, {"b_digest": old, "person_id": person}
                ).first()
            )
            for person in self.people.by_items([new]).get(new, [])
        )

    def _write_change(
        self, connection: Connection, person: int, old: bytes, new: bytes, after: common_pb2.BasicItems
    ) -> None:
        values = {"name": after.name, "address": after.address, "birth_date": after.birth_date, "sex": int(after.sex)}
        kana = after.kana if after.HasField("kana") else None
        connection.execute(_CHANGE, {"person_id": person, "kana": kana, "digest": new, **values})
        for digest in {old, new}:
            connection.execute(_DROP_FORMER, {"b_digest": digest, "person_id": person})
        if old != new:
            now = milliseconds(self.clock.network())
            connection.execute(_KEEP_FORMER, {"digest": old, "person": person, "until_at": now})
            certificates.lapse_signatures(connection, person, now)  # what they say of their holder holds no more

    def _write_death(self, connection: Connection, person: int, died_on: str) -> None:
        connection.execute(_DIE, {"person_id": person, "day": died_on})
        certificates.revoke_all(connection, person, milliseconds(self.clock.network()))


def only(people: list[int]) -> int:
    """The one person.

    Raises:
        LinkageError: CLIENT_PERSON_NOT_MATCHED for none, CLIENT_PERSON_AMBIGUOUS for several.
    """
    if not people:
        raise LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED)
    if len(people) > 1:
        raise LinkageError(Reason.CLIENT_PERSON_AMBIGUOUS)
    return people[0]
