"""Registers people: birth, first move-in, or many at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from warifu.kernel import basic_items
from warifu.kernel.bulk import Bulk
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import ID, check_text, malformed
from warifu.kernel.store import Store
from warifu.numbering import typed
from warifu.numbering.codes import Drawing
from warifu.numbering.people import in_chunks, people_by_items
from warifu.numbering.schema import INDIVIDUAL_NUMBER, PERSON, RESIDENT_CODE
from warifu.numbering.v1 import numbering_pb2
from warifu.numbering.vault import Vault
from warifu.numbers import individual_number

_BY_CODE = (
    select(RESIDENT_CODE.c.sealed, PERSON.c.digest)
    .join_from(RESIDENT_CODE, PERSON, RESIDENT_CODE.c.person == PERSON.c.id)
    .where(RESIDENT_CODE.c.sealed.in_(bindparam("keys", expanding=True)))
)
_LAST = select(func.coalesce(func.max(PERSON.c.id), 0))
_ITEMS: Final = ("name", "kana", "address", "birth_date", "sex", "digest")
_ADD_PERSON = Bulk(PERSON, "id", "registered_at", *_ITEMS)
_ADD_CODE = Bulk(RESIDENT_CODE, "sealed", "person", "origin", "since_at")
_ADD_NUMBER = Bulk(INDIVIDUAL_NUMBER, "sealed", "person", "counter", "since_at")


@dataclass(slots=True)
class _Newcomer:
    """One person to register, while it is decided whether that can be done."""

    reference: str
    values: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    """Empty: one is drawn."""
    sealed_code: bytes = b""
    error: LinkageError | None = None
    known: bool = False
    """Registered before with the same code and items: nothing to do."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Adds people to the register.

    Invariant: an individual number derives from the person's *first* resident code and the count of changes, so that a later change of
    resident code leaves it alone.
    """

    store: Store
    vault: Vault
    clock: Clock
    numbers_key: bytes
    drawing: Drawing
    simulation: bool
    """Callers may choose resident codes."""

    async def register(self, requests: Sequence[numbering_pb2.RegisterRequest]) -> list[numbering_pb2.RegisterResponse]:
        """Register all that can be registered, in one commit; one response a request, in order.

        The same person under the same code again has no effect; items of somebody registered need a code of their own.
        """
        newcomers = [self._read(request) for request in requests]
        good = [one for one in newcomers if one.error is None]
        await self.store.write(lambda connection: self._add(connection, good))
        return [_response(one) for one in newcomers]

    def _read(self, request: numbering_pb2.RegisterRequest) -> _Newcomer:
        one = _Newcomer(request.reference)
        try:
            check_text(request.reference, "reference", ID, required=False)
            items = basic_items.require(request.basic_items)
            one.values = {
                "name": items.name,
                "kana": items.kana if items.HasField("kana") else None,
                "address": items.address,
                "birth_date": items.birth_date,
                "sex": int(items.sex),
                "digest": basic_items.digest(items),
            }
            if request.HasField("resident_code"):
                if not self.simulation:
                    raise malformed("resident_code", "codes are drawn here outside a simulation")
                one.code = typed.code(request.resident_code)
                one.sealed_code = self.vault.seal_code(one.code)
        except LinkageError as error:
            one.error = error
        return one

    def _add(self, connection: Connection, newcomers: Sequence[_Newcomer]) -> None:
        codes = {one.sealed_code for one in newcomers if one.code}
        by_code = {row.sealed: row.digest for row in in_chunks(connection, _BY_CODE, list(codes))}
        by_items = people_by_items(connection, {one.values["digest"] for one in newcomers})
        _judge(newcomers, by_code, by_items)
        new = [one for one in newcomers if one.error is None and not one.known]
        if not new:
            return
        first, at = connection.execute(_LAST).scalar_one() + 1, milliseconds(self.clock.network())
        placed = [(one, first + n) for n, one in enumerate(new)]
        _ADD_PERSON.add(connection, [_person(one, person, at) for one, person in placed])
        self._give_codes(connection, placed, at)
        _ADD_NUMBER.add(connection, [self._number(one, person, at) for one, person in placed])

    def _give_codes(self, connection: Connection, placed: Sequence[tuple[_Newcomer, int]], at: int) -> None:
        """Chosen codes first: a code that is drawn must meet none of them."""
        drawn = [(one, person) for one, person in placed if not one.code]
        _ADD_CODE.add(connection, [self._code(one, person, at) for one, person in placed if one.code])
        for one, _ in drawn:
            one.code = self.drawing.draw(connection)
        _ADD_CODE.add(connection, [self._code(one, person, at) for one, person in drawn])

    def _code(self, one: _Newcomer, person: int, at: int) -> tuple[Any, ...]:
        return (one.sealed_code or self.vault.seal_code(one.code), person, True, at)

    def _number(self, one: _Newcomer, person: int, at: int) -> tuple[Any, ...]:
        number = individual_number.derive(self.numbers_key, one.code, 0)
        return (self.vault.seal_number(number), person, 0, at)


def _judge(newcomers: Sequence[_Newcomer], by_code: Mapping[bytes, bytes], by_items: Collection[bytes]) -> None:
    """Decide for each newcomer, counting those before it in the batch as registered."""
    codes, items = dict(by_code), set(by_items)
    for one in newcomers:
        digest = one.values["digest"]
        holder = codes.get(one.sealed_code) if one.code else None
        if holder is not None:
            one.known = holder == digest
            one.error = None if one.known else LinkageError(Reason.CLIENT_RESIDENT_CODE_TAKEN)
        elif not one.code and digest in items:
            one.error = LinkageError(Reason.CLIENT_PERSON_REGISTERED)
        else:
            items.add(digest)
            if one.code:
                codes[one.sealed_code] = digest


def _person(one: _Newcomer, person: int, at: int) -> tuple[Any, ...]:
    return (person, at, *(one.values[name] for name in _ITEMS))


def _response(one: _Newcomer) -> numbering_pb2.RegisterResponse:
    return numbering_pb2.RegisterResponse(
        reference=one.reference, error=one.error.failure() if one.error is not None else None
    )
