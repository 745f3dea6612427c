"""Step 1: the business system's question becomes an inquiry, stored whole before anything is sent.

Header in the clear, query sealed for the provider, the own code beside it; a retry, also after a restart, sends the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from warifu.exchange import header, query, sealing
from warifu.exchange.keys import SealingKey
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import kept_blocks, kept_inquiries
from warifu.interim.addressees import Addressees, AskedAbout
from warifu.interim.contents import Contents
from warifu.interim.ground import Ground
from warifu.interim.kept_inquiries import Inquiry
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CODE, FIELDS, ID, check_items, check_text
from warifu.kernel.months import Month


def find(connection: Connection, contents: Contents, request_id: str) -> Inquiry:
    """The inquiry with this id.

    Raises:
        LinkageError: CLIENT_REQUEST_UNKNOWN.
    """
    inquiry = kept_inquiries.find(connection, contents, request_id)
    if inquiry is None:
        raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
    return inquiry


def sent(connection: Connection, contents: Contents, ids: Sequence[str]) -> list[Sent]:
    """The inquiries with these ids, as they are sent, in order.

    Raises:
        LinkageError: CLIENT_REQUEST_UNKNOWN: one of them is not, or not any more.
    """
    found = kept_inquiries.find_all(connection, contents, ids)
    if len(found) < len(set(ids)):
        raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
    kept = kept_blocks.find(connection, contents, {one.query_block for one in found.values()})
    blocks = {number: exchange_pb2.SealedBlock.FromString(block) for number, block in kept.items()}
    return [Sent(found[one], blocks[found[one].query_block]) for one in ids]


class Sent(NamedTuple):
    """A stored inquiry with the block that its query is in: what is sent, again and again."""

    inquiry: Inquiry
    query: exchange_pb2.SealedBlock
    """The same object for all that share it."""


class Known(NamedTuple):
    """An inquiry that was stored before, by the same request."""

    inquiry: Inquiry


class _Asked(NamedTuple):
    """A request in form, before its query is sealed."""

    request: pb.InquireRequest
    kept: bytes
    """Its bytes, by which the same request is known again."""
    head: bytes
    subject: exchange_pb2.SubjectReference

    @property
    def query(self) -> exchange_pb2.Query:
        return exchange_pb2.Query(header_hash=header.header_hash(self.head), fields=self.request.fields)


class Inquiries:
    """Makes and stores inquiries of one institution."""

    def __init__(self, ground: Ground, addressees: Addressees) -> None:
        self._ground, self._addressees = ground, addressees

    async def store(self, requests: Sequence[pb.InquireRequest]) -> list[Sent | Known | LinkageError]:
        """Each of the requests as it is stored, durable, in order. The same request under the same id again has no effect.

        Those for one provider are sealed in one block. Errors are each request's own: CLIENT_NOT_YOURS, CLIENT_ADDRESSEE_UNKNOWN,
        CLIENT_NOT_ENROLLED, CLIENT_MALFORMED naming the field, CLIENT_REQUEST_CHANGED, CLIENT_PROVIDER_UNKNOWN, or why the provider's key
        cannot be had.
        """
        results: list[Sent | Known | LinkageError | None] = [None] * len(requests)
        known = self._known([one.request_id for one in requests if one.HasField("request_id")])
        people = self._addressees.asked_about(one.addressee_no for one in requests)
        fresh: dict[int, _Asked] = {}
        first: set[str] = set()
        for place, request in enumerate(requests):
            try:
                asked = self._identified(request)
                if asked.request_id in known:
                    results[place] = _same(known[asked.request_id], asked)
                elif asked.request_id not in first:
                    fresh[place] = _checked(asked, people.get(asked.addressee_no))
                    first.add(asked.request_id)
            except LinkageError as error:
                results[place] = error
        for place, result in (await self._written(fresh)).items():
            results[place] = result
        missing = [place for place, result in enumerate(results) if result is None]
        if missing:  # asked twice at once: what is stored by now decides for the second
            again = await self.store([requests[place] for place in missing])
            for place, one in zip(missing, again, strict=True):
                results[place] = one
        return [result for result in results if result is not None]

    def _identified(self, request: pb.InquireRequest) -> pb.InquireRequest:
        self._ground.require(request.institution)
        if request.HasField("request_id"):
            return request
        asked = pb.InquireRequest()
        asked.CopyFrom(request)
        asked.request_id = self._ground.ids.uuid(f"inquiry/{self._ground.institution}", self._ground.network())
        return asked

    def _known(self, ids: Sequence[str]) -> dict[str, Inquiry]:
        if not ids:
            return {}
        contents = self._ground.contents
        return self._ground.store.read(lambda connection: kept_inquiries.find_all(connection, contents, ids))

    async def _written(self, fresh: Mapping[int, _Asked]) -> dict[int, Sent | Known | LinkageError]:
        """Seal and store what is new, a block for each provider, all in one commit."""
        results: dict[int, Sent | Known | LinkageError] = {}
        groups: dict[str, list[int]] = {}
        for place, asked in fresh.items():
            groups.setdefault(asked.request.provider, []).append(place)
        made: list[tuple[list[int], _Block]] = []
        for provider, places in groups.items():
            try:
                made.append((places, await self._block(provider, [fresh[place] for place in places])))
            except LinkageError as error:
                results |= dict.fromkeys(places, error)
        for places, stored in await self._stored(made):
            results |= zip(places, stored, strict=True)
        return results

    async def _block(self, provider: str, asked: Sequence[_Asked]) -> _Block:
        key = await self._key(provider)
        block = query.seal_queries([one.query for one in asked], key)
        digest = sealing.block_hash(block)
        month, now = self._ground.contents.month(self._ground.network()), self._ground.machine()
        inquiries = [
            Inquiry(
                request_id=one.request.request_id,
                month=month,
                made_at=now,
                request=one.kept,
                inquiry=exchange_pb2.Inquiry(
                    header=one.head, subject=one.subject, query_block_hash=digest, query_index=index
                ).SerializeToString(deterministic=True),
            )
            for index, one in enumerate(asked)
        ]
        return _Block.of(self._ground.contents, month, block, inquiries)

    async def _key(self, provider: str) -> SealingKey:
        try:
            return (await self._ground.directory.entry(provider)).sealing
        except LinkageError as error:
            # Who has published no keys yet may do so soon, but nobody does under a code that the law book does not have.
            missing = error.reason == Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN
            if missing and provider not in self._ground.law.book().institutions:
                raise LinkageError(Reason.CLIENT_PROVIDER_UNKNOWN, metadata={"provider": provider}) from error
            raise

    async def _stored(
        self, made: Sequence[tuple[list[int], _Block]]
    ) -> list[tuple[list[int], Sequence[Sent | Known | LinkageError]]]:
        try:
            numbers = await self._ground.store.write(
                lambda connection: [kept_inquiries.add(connection, block.row, block.rows) for _, block in made]
            )
        except IntegrityError:  # one of them came twice at once: whoever was first has stored it
            if sum(len(places) for places, _ in made) == 1 and not self._known([made[0][1].inquiries[0].request_id]):
                raise
            return [(places, [await self._alone(one) for one in block.inquiries]) for places, block in made]
        return [(places, block.sent(number)) for (places, block), number in zip(made, numbers, strict=True)]

    async def _alone(self, inquiry: Inquiry) -> Sent | Known | LinkageError:
        """An inquiry of a batch that could not be stored as a whole."""
        asked = pb.InquireRequest.FromString(inquiry.request)
        found = self._known([asked.request_id]).get(asked.request_id)
        if found is not None:
            try:
                return _same(found, asked)
            except LinkageError as error:
                return error
        (result,) = await self.store([asked])
        return result


@dataclass(frozen=True, slots=True)
class _Block:
    """Inquiries that share a query block, and their rows."""

    query: exchange_pb2.SealedBlock
    inquiries: list[Inquiry]
    row: dict[str, object]
    rows: list[dict[str, object]]

    @classmethod
    def of(cls, contents: Contents, month: Month, block: exchange_pb2.SealedBlock, inquiries: list[Inquiry]) -> _Block:
        """Made before the transaction, since sealing needs none."""
        row = kept_blocks.row_of(contents, month, block.SerializeToString())
        return cls(block, inquiries, row, [kept_inquiries.row_of(contents, one) for one in inquiries])

    def sent(self, number: int) -> list[Sent]:
        """As they are stored, in block `number`."""
        return [Sent(one._replace(query_block=number), self.query) for one in self.inquiries]


def _checked(asked: pb.InquireRequest, person: AskedAbout | None) -> _Asked:
    check_items(asked.fields, "fields", FIELDS, required=False)
    for path in asked.fields:
        check_text(path, "fields", CODE)
    check_text(asked.case_reference, "case_reference", ID, required=False)
    if person is None:
        raise LinkageError(Reason.CLIENT_ADDRESSEE_UNKNOWN)
    subject = person.subject
    head = header.build(_header(asked, hidden=person.hidden))
    return _Asked(asked, asked.SerializeToString(deterministic=True), head, subject)


def _same(kept: Inquiry, asked: pb.InquireRequest) -> Known:
    if kept.request != asked.SerializeToString(deterministic=True):
        raise LinkageError(Reason.CLIENT_REQUEST_CHANGED)
    return Known(kept)


def _header(asked: pb.InquireRequest, *, hidden: bool) -> exchange_pb2.RequestHeader:
    return exchange_pb2.RequestHeader(
        request_id=asked.request_id,
        requester=asked.institution,
        provider=asked.provider,
        affair=asked.affair,
        procedure=asked.procedure,
        item=asked.item,
        span=asked.span if asked.HasField("span") else None,
        office=asked.office,
        clerk=asked.clerk,
        # A protected person's exchanges are hidden whether or not the clerk thought of it.
        non_disclosure=asked.non_disclosure or hidden,
        consent=asked.consent if asked.HasField("consent") else None,
    )
