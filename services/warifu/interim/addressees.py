"""Addressees: who is known here, by the institution's own addressee number (団体内統合宛名番号), and the code each is bound to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Integer, Row, bindparam, delete, insert, select, update

from warifu.exchange.form import FormError
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.ground import Ground
from warifu.interim.schema import ADDRESSEES, PROTECTIONS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.bulk import padded
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import ADDRESSEE_NO, FREE_TEXT, check_page, check_text, malformed

_NUMBER: Final = re.compile(rf"[0-9]{{1,{int(ADDRESSEE_NO)}}}", re.ASCII)
_LIST_DEFAULT: Final = 100

_FIND = select(ADDRESSEES).where(ADDRESSEES.c.addressee_no == bindparam("addressee_no"))
_HELD_BY = select(ADDRESSEES.c.addressee_no).where(ADDRESSEES.c.subject == bindparam("code"))
_ACQUAINT = insert(ADDRESSEES)
_KNOWN = select(ADDRESSEES.c.addressee_no).where(ADDRESSEES.c.addressee_no.in_(bindparam("numbers", expanding=True)))
_UNBIND = (
    update(ADDRESSEES)
    .where(ADDRESSEES.c.addressee_no == bindparam("b_addressee_no"))
    .values(subject=None, bound_at=None)
)
_UNBOUND = (
    select(ADDRESSEES.c.addressee_no)
    .where(ADDRESSEES.c.subject.is_(None), ADDRESSEES.c.addressee_no > bindparam("after"))
    .order_by(ADDRESSEES.c.addressee_no)
    .limit(bindparam("limit", type_=Integer()))
)
_UNPROTECT = delete(PROTECTIONS).where(PROTECTIONS.c.addressee_no == bindparam("b_addressee_no"))
_PROTECT = insert(PROTECTIONS)
_ASKED_ABOUT = (
    select(ADDRESSEES.c.addressee_no, ADDRESSEES.c.subject, PROTECTIONS.c.non_disclosure)
    .select_from(ADDRESSEES.outerjoin(PROTECTIONS, PROTECTIONS.c.addressee_no == ADDRESSEES.c.addressee_no))
    .where(ADDRESSEES.c.addressee_no.in_(bindparam("numbers", expanding=True)))
)


def check_addressee_no(number: str) -> None:
    """An addressee number: 1 to 15 ASCII digits.

    Raises:
        FormError: it is not.
    """
    if not _NUMBER.fullmatch(number):
        raise FormError("addressee_no", f"not 1 to {int(ADDRESSEE_NO)} digits")


def known(connection: Connection, numbers: Iterable[str]) -> set[str]:
    """Those of the numbers that are known here."""
    return set(connection.execute(_KNOWN, {"numbers": padded(list(numbers))}).scalars())


def find(connection: Connection, addressee_no: str) -> Row[Any]:
    """The addressee's row.

    Raises:
        LinkageError: CLIENT_ADDRESSEE_UNKNOWN.
    """
    row = connection.execute(_FIND, {"addressee_no": addressee_no}).first()
    if row is None:
        raise LinkageError(Reason.CLIENT_ADDRESSEE_UNKNOWN)
    return row


@dataclass(frozen=True, slots=True)
class AskedAbout:
    """An addressee of an inquiry."""

    code: bytes | None
    """SubjectReference, the institution's own; None while unbound."""
    hidden: bool
    """Protected by non-disclosure (不開示)."""

    @property
    def subject(self) -> exchange_pb2.SubjectReference:
        """The code.

        Raises:
            LinkageError: CLIENT_NOT_ENROLLED.
        """
        if self.code is None:
            raise LinkageError(Reason.CLIENT_NOT_ENROLLED)
        return exchange_pb2.SubjectReference.FromString(self.code)


class Addressees:
    """Bindings and protection flags of one institution."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def asked_about(self, numbers: Iterable[str]) -> Mapping[str, AskedAbout]:
        """Those of these addressees who are known, by number."""
        values = {"numbers": sorted(set(numbers))}
        rows = self._ground.store.read(lambda connection: connection.execute(_ASKED_ABOUT, values).all())
        return {row.addressee_no: AskedAbout(row.subject, bool(row.non_disclosure)) for row in rows}

    async def acquaint(self, subject: exchange_pb2.SubjectReference) -> str:
        """The addressee number of a person whose code this institution obtained by itself; a new one for a code that is new here."""
        code = subject.SerializeToString(deterministic=True)
        fresh = f"{int.from_bytes(self._ground.ids.token('addressee', 8), 'big') % 10 ** int(ADDRESSEE_NO):0{int(ADDRESSEE_NO)}}"
        row = {"addressee_no": fresh, "subject": code, "bound_at": self._ground.machine()}

        def find_or_add(connection: Connection) -> str:
            known: str | None = connection.execute(_HELD_BY, {"code": code}).scalar()
            if known is None:
                connection.execute(_ACQUAINT, row)
            return known or fresh

        return await self._ground.store.write(find_or_add)

    async def unbind(self, request: pb.UnbindRequest) -> pb.UnbindResponse:
        """Take a mislinked addressee's code away, with an entry in the journal. Copies stay; nothing finds them any more.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_ADDRESSEE_UNKNOWN, CLIENT_NOT_ENROLLED when there is nothing to unbind.
        """
        self._ground.require(request.institution)
        check_text(request.reason, "reason", FREE_TEXT)

        def change(connection: Connection) -> None:
            if find(connection, request.addressee_no).subject is None:
                raise LinkageError(Reason.CLIENT_NOT_ENROLLED)
            connection.execute(_UNBIND, {"b_addressee_no": request.addressee_no})
            self._ground.note(connection, "unbind", addressee_no=request.addressee_no, reason=request.reason)

        await self._ground.store.write(change)
        return pb.UnbindResponse()

    async def list_unbound(self, request: pb.ListUnboundRequest) -> pb.ListUnboundResponse:
        """Addressees without a code that serves, by number.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_MALFORMED.
        """
        self._ground.require(request.institution)
        if request.page_token and not _NUMBER.fullmatch(request.page_token):
            raise malformed("page_token", "not one of ours")
        limit = check_page(request.page_size, _LIST_DEFAULT)
        values = {"after": request.page_token, "limit": limit + 1}
        numbers = list(self._ground.store.read(lambda connection: connection.execute(_UNBOUND, values).scalars().all()))
        token = numbers[limit - 1] if len(numbers) > limit else ""
        return pb.ListUnboundResponse(addressee_nos=numbers[:limit], next_page_token=token)

    async def set_protection(self, request: pb.SetProtectionRequest) -> pb.SetProtectionResponse:
        """Set or lift the flags of a known addressee, with an entry in the journal.

        A number that is not known is refused: a flag on a mistyped number would protect nobody.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_ADDRESSEE_UNKNOWN.
        """
        self._ground.require(request.institution)
        check_text(request.reason, "reason", FREE_TEXT)
        flags = {name: getattr(request, name) for name in _FLAGS}

        def change(connection: Connection) -> None:
            find(connection, request.addressee_no)
            connection.execute(_UNPROTECT, {"b_addressee_no": request.addressee_no})
            if any(flags.values()):
                connection.execute(_PROTECT, {"addressee_no": request.addressee_no, **flags})
            what = "protect " + "".join("1" if flag else "0" for flag in flags.values())
            self._ground.note(connection, what, addressee_no=request.addressee_no, reason=request.reason)

        await self._ground.store.write(change)
        return pb.SetProtectionResponse()


_FLAGS: Final = ("non_disclosure", "self_disclosure_blocked", "manual_review")
