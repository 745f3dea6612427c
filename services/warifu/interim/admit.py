"""Step 4, first half: all that must hold of a permit before anything is looked up (docs/PROTOCOL.md §6.1).

Signed by the gateway for this provider, within its window, allowed by the own law book on the exchange's day, and with its query.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from warifu import law
from warifu.exchange import permit as permits
from warifu.exchange import query, sealing
from warifu.exchange.directory import GATEWAY
from warifu.exchange.keys import SealingKey
from warifu.exchange.permit import CheckedPermit, PermitChecker
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.approvals import Approvals
from warifu.interim.ground import Ground
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import day_of
from warifu.provision.v1 import provision_pb2 as pb


class Question(NamedTuple):
    """A permit that may be answered, with its query."""

    signed: bytes
    checked: CheckedPermit
    row: law.Row
    requester_role: str
    query: exchange_pb2.Query
    recipient: SealingKey


class Stored(NamedTuple):
    """A provision as it is stored: its answer block, by number, and what it came to."""

    block: int
    place: int
    outcome: exchange_pb2.Outcome.ValueType
    non_disclosure: bool


@dataclass(slots=True)
class Call:
    """One Provide call under way. Each permit is an error, or stands in a block."""

    request: pb.ProvideRequest
    checked: list[CheckedPermit | LinkageError]
    opened: dict[bytes, list[exchange_pb2.Query] | LinkageError] = field(default_factory=dict)
    """Queries by hash of their block; a block is opened once."""

    book: law.LawBook | None = None
    """In force when the call's first permit was looked at."""
    recipients: dict[tuple[str, str], SealingKey | None] = field(default_factory=dict)
    """Keys of requesters by owner and id; each is asked for once."""
    decided: dict[tuple[law.Ask, str], law.Permit] = field(default_factory=dict)
    """What the own law book allows, by question and row: permits that go together mostly ask the same of many people."""
    stored: dict[str, Stored] = field(default_factory=dict)
    """Provisions that this call itself has committed, by permit id."""
    answers: dict[int, exchange_pb2.SealedAnswer] = field(default_factory=dict)
    """And their blocks, by number."""

    def ids(self) -> list[str]:
        """Permit ids of those that were admitted so far."""
        return [one.permit.permit_id for one in self.checked if isinstance(one, CheckedPermit)]


class Admission:
    """Admits permits at one institution."""

    def __init__(self, ground: Ground, approvals: Approvals) -> None:
        self._ground, self._approvals = ground, approvals

    async def check(self, request: pb.ProvideRequest) -> list[CheckedPermit | LinkageError]:
        """Signature, form and provider of each permit, by the gateway's keys that the directory vouches for."""
        ids = {signed.signature.key_id for signed in request.permits}
        keys = {key_id: await self._ground.directory.signing_key(GATEWAY, key_id) for key_id in ids}
        checker = PermitChecker(self._ground.institution, keys.get, request.permits)
        return [_attempt(checker, signed) for signed in request.permits]

    async def question(self, call: Call, place: int, checked: CheckedPermit) -> Question:
        """All that must hold before anything is looked up.

        Raises:
            LinkageError: see `provide.Provision.provide`.
        """
        permits.check_window(checked, self._ground.clock.machine())
        if call.book is None:
            call.book = self._ground.law.book()
        decision = await self._decide(call, call.book, checked)
        asked = self._query(call, checked)
        named = checked.header.requester, checked.permit.requester_key_id
        if named not in call.recipients:
            call.recipients[named] = await self._ground.directory.sealing_key(*named)
        requester = call.recipients[named]
        if requester is None:
            raise LinkageError(Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN, metadata={"owner": checked.header.requester})
        signed = call.request.permits[place].permit
        return Question(signed, checked, decision.row, decision.requester.role.code, asked, requester)

    async def _decide(self, call: Call, book: law.LawBook, checked: CheckedPermit) -> law.Permit:
        """The own law book must allow the same, by the same row, on the exchange's day; assessments of both sides included.

        What the supervisor rules is asked about where an ordinance is the row's origin; else closing the gate is the gateway's (art. 21).
        """
        request, day = checked.header, day_of(checked.exchange_time)
        ask = law.Ask(
            requester=request.requester,
            provider=request.provider,
            affair=request.affair,
            procedure=request.procedure,
            item=request.item,
            on=day,
            # Consent that is to be given tomorrow is none today.
            consent=request.HasField("consent") and request.consent.given_on <= day.isoformat(),
        )
        known = call.decided.get((ask, checked.permit.row))
        if known is not None:
            return known
        row = book.rows.get(checked.permit.row)
        by_ordinance = row is not None and row.origin is law.Origin.ORDINANCE
        ruled = (
            await self._approvals.rulings_for(ask.requester, checked.permit.row) if by_ordinance else law.NOTHING_RULED
        )
        decision = law.decide(book, ask, ruled)
        if isinstance(decision, law.Deny) and decision.reason is law.Reason.CLIENT_ORDINANCE_NOT_APPROVED:
            raise LinkageError(Reason.CLIENT_ORDINANCE_NOT_APPROVED)
        if not isinstance(decision, law.Permit) or decision.row.id != checked.permit.row:
            raise LinkageError(Reason.PROVIDER_PERMIT_INVALID)
        call.decided[ask, checked.permit.row] = decision
        return decision

    def _query(self, call: Call, checked: CheckedPermit) -> exchange_pb2.Query:
        block_hash = checked.permit.query_block_hash
        if not call.opened:
            call.opened.update(self._open(call.request.queries))
        queries = call.opened.get(block_hash, LinkageError(Reason.CLIENT_QUERY_MISMATCH))
        if isinstance(queries, LinkageError):
            raise queries
        index = checked.permit.query_index
        if index >= len(queries) or queries[index].header_hash != checked.header_hash:
            raise LinkageError(Reason.CLIENT_QUERY_MISMATCH)
        return queries[index]

    def _open(self, blocks: Iterable[exchange_pb2.SealedBlock]) -> dict[bytes, list[exchange_pb2.Query] | LinkageError]:
        opened: dict[bytes, list[exchange_pb2.Query] | LinkageError] = {}
        for block in blocks:
            try:
                opened[sealing.block_hash(block)] = query.open_queries(block, self._ground.keys)
            except LinkageError as error:
                opened[sealing.block_hash(block)] = error
        return opened


def _attempt(checker: PermitChecker, signed: exchange_pb2.SignedPermit) -> CheckedPermit | LinkageError:
    try:
        return checker.check(signed)
    except LinkageError as error:
        return error
