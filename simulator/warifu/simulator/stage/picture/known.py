"""One exchange's rows, sorted by whose they are and what they mean. Only views go in: what no party holds is not known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.stage.picture.model import Role
from warifu.simulator.stage.picture.reading import Row, Views, parsed, rows

_INTERIM: Final = frozenset(
    {"inquiries", "addressees", "provisions", "copies", "reviews", "answer_blocks", "records", "promises"}
)
"""Tables of an interim server, whichever party it is in."""
_PUBLIC: Final = frozenset({"record", "log_head"})
_PARTIES: Final = {
    Role.GATEWAY: "gateway",
    Role.LOG: "gateway",
    Role.WATCHDOG: "watchdog",
    Role.PORTAL: "portal",
    Role.NUMBERING: "numbering",
}


@dataclass(frozen=True)
class Known:
    """What the views say of one exchange."""

    views: Views
    kinds: Mapping[str, str]
    """Which party serves an institution."""

    @cached_property
    def _rows(self) -> dict[str, list[Row]]:
        return {party: rows(holdings) for party, holdings in self.views.items()}

    @cached_property
    def _all(self) -> list[Row]:
        return [row for each in self._rows.values() for row in each]

    @cached_property
    def inquiry(self) -> Row | None:
        """The requester's row."""
        return self._first("inquiries")

    @cached_property
    def provision(self) -> Row | None:
        """The provider's row."""
        return self._first("provisions")

    @cached_property
    def exchange(self) -> Row | None:
        """The gateway's row."""
        return next((row for row in self._rows.get("gateway", ()) if row.table == "exchange"), None)

    @cached_property
    def header(self) -> pb.RequestHeader:
        """What was asked, as the first of gateway, requester and provider says that has it; empty when none has."""
        found = (parsed(pb.RequestHeader, raw) for raw in self._headers() if raw)
        return next((header for header in found if header is not None and header.request_id), pb.RequestHeader())

    def _headers(self) -> list[bytes]:
        held = []
        if self.exchange is not None:
            held.append((self.exchange.message("inquiry", pb.Inquiry) or pb.Inquiry()).header)
        if self.inquiry is not None:
            sent = self.inquiry.message("sent", linkage_pb2.InquireRequest) or linkage_pb2.InquireRequest()
            held.append((parsed(pb.Inquiry, sent.inquiry) or pb.Inquiry()).header)
        if self.provision is not None:
            held.append((self.provision.message("permit", pb.Permit) or pb.Permit()).header)
        return held

    @property
    def requester(self) -> str:
        """The requester's code: whose inquiry it is, or whom the header names."""
        return self.inquiry.owner if self.inquiry is not None else self.header.requester

    @property
    def provider(self) -> str:
        """The provider's code."""
        return self.provision.owner if self.provision is not None else self.header.provider

    def party(self, role: Role) -> str:
        """The process in which a party of the picture runs; empty when that is not known."""
        institution = {Role.REQUESTER: self.requester, Role.PROVIDER: self.provider}.get(role)
        return _PARTIES[role] if institution is None else self.kinds.get(institution, "")

    def seen(self, role: Role) -> bool:
        """Its view could be read."""
        party = self.party(role)
        return not party or party in self.views

    def rows(self, role: Role) -> list[Row]:
        """Everything that a party of the picture holds."""
        match role:
            case Role.REQUESTER | Role.PROVIDER:
                owner = self.requester if role is Role.REQUESTER else self.provider
                return [row for row in self._all if row.owner == owner and row.table in _INTERIM] if owner else []
            case Role.LOG:
                return [row for row in self._rows.get("gateway", ()) if row.table in _PUBLIC]
            case Role.GATEWAY:
                return [row for row in self._rows.get("gateway", ()) if row.table != "log_head"]
            case Role.PORTAL:
                return [row for row in self._rows.get("portal", ()) if row.table not in _INTERIM]
            case _:
                return self._rows.get(_PARTIES[role], [])

    def of(self, role: Role, table: str) -> list[Row]:
        """A party's rows of one table."""
        return [row for row in self.rows(role) if row.table == table]

    def one(self, role: Role, table: str) -> Row | None:
        """The first of them."""
        return next(iter(self.of(role, table)), None)

    @property
    def outcome(self) -> int:
        """What the gateway has it come to, else the requester; 0 while there is nothing."""
        for row in (self.exchange, self.inquiry):
            if row is not None and row.number("outcome"):
                return row.number("outcome") or 0
        return 0

    def _first(self, table: str) -> Row | None:
        return next((row for row in self._all if row.table == table), None)


def bytes_of(role: Role, held: Sequence[Row]) -> bytes:
    """Everything that a party holds, to look through; of the log what is public: commitments and signed notes."""
    if role is Role.LOG:
        public = ("commitment", "checkpoint", "witnessed")
        return b"\0".join(row.raw(column) for row in held for column in public)
    return b"\0".join(row.everything for row in held)
