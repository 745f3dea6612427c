"""From a used permit to the answer that leaves: what provision at once and a clerk's later release have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from warifu.exchange.answer import SALT_SIZE, answer_bytes, answer_digest, seal_answers
from warifu.exchange.header import header_hash
from warifu.exchange.projection import released
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import lookup
from warifu.interim.enrol import subject_bytes
from warifu.interim.ground import Ground
from warifu.interim.kept_provisions import Provided
from warifu.interim.lookup import Found, Person
from warifu.interim.records import Event, RecordRow
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import stamped
from warifu.kernel.randomness import draw

PORTAL: Final = "portal"
"""Role whose requests are the person's own."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A final answer, sealed and signed, with the records that go with it."""

    fine: exchange_pb2.FineOutcome.ValueType
    sealed: bytes
    """Serialised SealedAnswer."""
    records: list[RecordRow]
    non_disclosure: bool


def answer_message(
    permit_hash: bytes,
    request: exchange_pb2.RequestHeader,
    header_hash: bytes,
    outcome: exchange_pb2.FineOutcome.ValueType,
    records: tuple[exchange_pb2.Record, ...],
    *,
    non_disclosure: bool,
) -> exchange_pb2.Answer:
    """The answer to an inquiry under a permit, with a new salt; records only when it is PROVIDED."""
    return exchange_pb2.Answer(
        header_hash=header_hash,
        permit_hash=permit_hash,
        provider=request.provider,
        requester=request.requester,
        outcome=outcome,
        records=records if outcome == exchange_pb2.FINE_OUTCOME_PROVIDED else (),
        non_disclosure=non_disclosure,
        salt=draw(SALT_SIZE),
    )


def event_of(row: Provided) -> Event:
    """The provider's side of a provision's exchange."""
    permit = exchange_pb2.Permit.FromString(row.permit)
    return Event(
        header=exchange_pb2.RequestHeader.FromString(permit.header),
        side="provider",
        requested_at=stamped(permit.exchange_time),
        table_version=permit.table_version,
        row=permit.row,
        permit_hash=row.permit_hash,
    )


async def seal_one(ground: Ground, row: Provided, *, withhold: bool) -> Answered:
    """The final answer to one used permit, by what the copies and the flags say now; non-disclosure is never taken back.

    Raises:
        LinkageError: the requester's key cannot be had at present.
    """
    permit = exchange_pb2.Permit.FromString(row.permit)
    request = exchange_pb2.RequestHeader.FromString(permit.header)
    subject = subject_bytes(permit.subject)
    person = ground.store.read(lambda connection: lookup.people(connection, [subject])).get(subject)
    asking = ground.law.book().institutions.get(request.requester)
    own = asking is not None and asking.role.code == PORTAL
    hidden = row.told.non_disclosure or (person is not None and person.non_disclosure and not own)
    found = Found(exchange_pb2.FINE_OUTCOME_WITHHELD) if withhold else _found_now(ground, row, person, request, own=own)
    message = answer_message(
        row.permit_hash, request, header_hash(permit.header), found.outcome, found.records, non_disclosure=hidden
    )
    requester = await ground.directory.sealing_key(request.requester, permit.requester_key_id)
    if requester is None:
        raise LinkageError(Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN, metadata={"owner": request.requester})
    sealed = seal_answers([message], requester, ground.keys.signing_key_id, ground.keys.sign)
    event = event_of(row)
    digest = answer_digest(answer_bytes(message))
    entry = event.outcome(
        exchange_pb2.OUTCOME_ANSWERED, found.outcome, ground.network(), non_disclosure=hidden, digest=digest
    )
    return Answered(found.outcome, sealed.SerializeToString(), event.rows(ground.contents, [entry]), hidden)


def _found_now(
    ground: Ground, row: Provided, person: Person | None, request: exchange_pb2.RequestHeader, *, own: bool
) -> Found:
    """The person may have been unbound since, and the copy changed."""
    if person is None:
        return Found(exchange_pb2.FINE_OUTCOME_NOT_REGISTERED)
    if person.self_disclosure_blocked and own:
        return Found(exchange_pb2.FINE_OUTCOME_WITHHELD)
    permit, query = exchange_pb2.Permit.FromString(row.permit), exchange_pb2.Query.FromString(row.fields)
    paths = released(ground.law.book().rows[permit.row].fields, query.fields)
    return ground.store.read(
        lambda connection: lookup.find(
            connection, person.addressee_no, request.item, request.span, ground.clock.today(), paths
        )
    )
