"""Step 4, second half: under an admitted permit the copy is looked up, recorded and the answer sealed.

Permit id, record and sealed answer are committed in one transaction before the answer leaves. The same permit again, at any time and
at any replica, returns the stored answer; other bytes under its id are refused. Nothing is looked up under a permit that is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from warifu.exchange.answer import answer_bytes, answer_digest, seal_answers
from warifu.exchange.own_entry import OwnEntry
from warifu.exchange.permit import CheckedPermit
from warifu.exchange.projection import released
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import kept_provisions, kept_reviews, lookup, records
from warifu.interim.admit import Admission, Call, Question, Stored
from warifu.interim.approvals import Approvals
from warifu.interim.contents import Contents
from warifu.interim.enrol import subject_bytes
from warifu.interim.ground import Ground
from warifu.interim.kept_provisions import Provided, Told
from warifu.interim.kept_reviews import Review
from warifu.interim.lookup import Found, Person, Wanted
from warifu.interim.mishaps import Mishaps
from warifu.interim.provision_rows import PORTAL, answer_message
from warifu.interim.records import Event, RecordRow
from warifu.interim.review import Rule, rule_for
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import day_of, milliseconds
from warifu.kernel.limits import BATCH, MESSAGE_BYTES, check_items, malformed
from warifu.kernel.months import Month
from warifu.provision.v1 import provision_pb2 as pb

_TRIES: Final = 3
ANSWERS_BYTES: Final = MESSAGE_BYTES - 2 * 1024 * 1024
"""What the answers of one call may add up to before they are padded. Whoever asks for more is told the rest when it asks again."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """What the copies and the rules make of one question."""

    question: Question
    person: Person | None
    fine: exchange_pb2.FineOutcome.ValueType
    rule: Rule | None
    answer: exchange_pb2.Answer
    """Inside the seal."""

    @property
    def non_disclosure(self) -> bool:
        return _hidden(self.question, self.person)

    @property
    def outcome(self) -> exchange_pb2.Outcome.ValueType:
        return exchange_pb2.OUTCOME_ANSWERED if self.rule is None else exchange_pb2.OUTCOME_PENDING


class Provision:
    """Provides for one institution."""

    def __init__(
        self, ground: Ground, own_entry: OwnEntry, approvals: Approvals, mishaps: Mishaps | None = None
    ) -> None:
        self._ground = ground
        self._mishaps = mishaps or Mishaps()
        self._admission = Admission(replace(ground, clock=self._mishaps.clock(ground.clock)), approvals)
        self._own_entry = own_entry

    async def provide(self, request: pb.ProvideRequest) -> pb.ProvideResponse:
        """Answers in blocks, one result a permit, in the order asked.

        Raises:
            LinkageError: the call as a whole: PROVIDER_UNAVAILABLE while the own keys are not published, CLIENT_NOT_YOURS,
                CLIENT_MALFORMED without permits, CLIENT_TOO_MANY_ITEMS, no key of the gateway's at hand, no law book. Per item:
                CLIENT_PERMIT_INVALID, …_MISMATCH, …_EXPIRED, …_CHANGED, PROVIDER_PERMIT_INVALID when the own law book does not
                allow it, CLIENT_ORDINANCE_NOT_APPROVED, PROVIDER_RULINGS_UNAVAILABLE, CLIENT_QUERY_MISMATCH, CLIENT_QUERY_UNREADABLE, CLIENT_DIRECTORY_ENTRY_UNKNOWN for the requester's key.
        """
        self._ground.require(request.provider)
        if not self._own_entry.is_published:
            raise LinkageError(Reason.PROVIDER_UNAVAILABLE)
        check_items(request.permits, "permits", BATCH)
        check_items(request.queries, "queries", BATCH, required=False)
        call = Call(request, await self._admission.check(request))
        if len(set(call.ids())) < len(call.ids()):
            raise malformed("permits", "one permit id twice")
        for _ in range(_TRIES):
            known = self._ground.store.read(lambda connection: kept_provisions.known(connection, call.ids()))
            errors = await self._answer_new(call, known)
            if errors is not None:
                return self._respond(call, errors)
        raise LinkageError(Reason.PROVIDER_STORE_UNAVAILABLE)

    async def _answer_new(self, call: Call, known: dict[str, Row[Any]]) -> dict[int, LinkageError] | None:
        """Answer and commit the permits that are new; errors by place, or None when another call was first with one of them."""
        errors: dict[int, LinkageError] = {}
        questions: list[Question] = []
        for place, checked in enumerate(call.checked):
            try:
                if isinstance(checked, LinkageError):
                    raise checked
                if (row := known.get(checked.permit.permit_id)) is not None:
                    self._check_known(checked, row)
                else:
                    questions.append(await self._admission.question(call, place, checked))
            except LinkageError as error:
                errors[place] = error
        try:
            left = await self._commit(call, questions)
        except IntegrityError:
            return None
        places = {
            one.permit.permit_id: place for place, one in enumerate(call.checked) if isinstance(one, CheckedPermit)
        }
        return errors | {places[one]: LinkageError(Reason.PROVIDER_UNAVAILABLE) for one in left}

    def _check_known(self, checked: CheckedPermit, row: Row[Any]) -> None:
        """A used permit may be shown again, also after its window, until the review's time is over."""
        if row.permit_hash != checked.permit_hash:
            raise LinkageError(Reason.CLIENT_PERMIT_CHANGED)
        outcome = kept_provisions.told(self._ground.contents, row).outcome
        pending = outcome == exchange_pb2.OUTCOME_PENDING
        overdue = pending and row.review_until is not None and self._ground.network() > row.review_until
        if outcome == exchange_pb2.OUTCOME_EXPIRED or overdue:
            raise LinkageError(Reason.CLIENT_PERMIT_EXPIRED)

    async def _commit(self, call: Call, questions: Sequence[Question]) -> list[str]:
        """Look up, seal a block for each requester, and commit all of it at once; permits that were left out, unused."""
        if not questions:
            return []
        replies, left = _fitting(self._ground.store.read(lambda connection: self._look_up(connection, questions)))
        blocks: dict[tuple[str, str], list[_Reply]] = {}
        for reply in replies:
            recipient = reply.question.recipient
            blocks.setdefault((recipient.owner, recipient.key_id), []).append(reply)
        keys = self._ground.keys
        made = [
            _Block.of(
                self._ground.contents,
                block,
                seal_answers(
                    [reply.answer for reply in block],
                    block[0].question.recipient,
                    keys.signing_key_id,
                    self._mishaps.signer(
                        [reply.question for reply in block], [reply.person for reply in block], keys.sign
                    ),
                ),
            )
            for block in blocks.values()
        ]
        now = self._ground.network()
        entries = [row for reply in replies for row in self._records(reply, now)]
        numbers = await self._ground.store.write(lambda connection: _write(connection, made, entries))
        for number, one in zip(numbers, made, strict=True):
            call.answers[number] = one.sealed
            for place, reply in enumerate(one.replies):
                permit_id = reply.question.checked.permit.permit_id
                call.stored[permit_id] = Stored(number, place, reply.outcome, reply.non_disclosure)
        return [reply.question.checked.permit.permit_id for reply in left]

    def _look_up(self, connection: Connection, questions: Sequence[Question]) -> list[_Reply]:
        subjects = [subject_bytes(question.checked.permit.subject) for question in questions]
        known = lookup.people(connection, set(subjects))
        people = self._mishaps.people(connection, questions, [known.get(subject) for subject in subjects])
        wanted = [
            (person.addressee_no, question.checked.header.item)
            for question, person in zip(questions, people, strict=True)
            if person is not None and not _is_blocked(question, person)
        ]
        copies = lookup.copies(connection, wanted)
        return [self._reply(question, person, copies) for question, person in zip(questions, people, strict=True)]

    def _reply(self, question: Question, person: Person | None, copies: Mapping[Wanted, Sequence[Row[Any]]]) -> _Reply:
        found = self._mishaps.found(question, person, _find(question, person, copies))
        on = day_of(question.checked.exchange_time)
        rule = rule_for(
            self._ground.sample_key, question.checked.header.request_id, self._reviewed(question, person), found, on
        )
        rule = self._mishaps.rule(question, person, rule)
        fine = found.outcome if rule is None else exchange_pb2.FINE_OUTCOME_PENDING
        return _Reply(question, person, fine, rule, _answer(question, person, fine, found))

    @staticmethod
    def _reviewed(question: Question, person: Person | None) -> Person | None:
        """Who must be looked at before an answer leaves: nobody to whom nothing is told. Whoever has no record here does not wait either."""
        return None if person is not None and _is_blocked(question, person) else person

    def _records(self, reply: _Reply, now: int) -> list[RecordRow]:
        """Of the request always, of the outcome when it is final."""
        checked = reply.question.checked
        event = Event(
            header=checked.header,
            side="provider",
            requested_at=milliseconds(checked.exchange_time),
            table_version=checked.permit.table_version,
            row=checked.permit.row,
            permit_hash=checked.permit_hash,
        )
        entries = [event.request()]
        if reply.rule is None:
            digest = answer_digest(answer_bytes(reply.answer))
            hidden = reply.non_disclosure
            entries.append(event.outcome(reply.outcome, reply.fine, now, non_disclosure=hidden, digest=digest))
        return event.rows(self._ground.contents, entries)

    def _respond(self, call: Call, errors: dict[int, LinkageError]) -> pb.ProvideResponse:
        """Answers as they are stored, for old and new permits alike."""
        admitted = [one for place, one in enumerate(call.checked) if place not in errors]
        self._read_stored(call, [one.permit.permit_id for one in admitted if isinstance(one, CheckedPermit)])
        response, place_of = pb.ProvideResponse(), dict[int, int]()
        for place, checked in enumerate(call.checked):
            if place in errors:
                failure = errors[place].failure()
                response.results.add(outcome=exchange_pb2.OUTCOME_ERROR, error=failure)
                continue
            assert isinstance(checked, CheckedPermit)
            stored = call.stored[checked.permit.permit_id]
            if stored.block not in place_of:
                place_of[stored.block] = len(response.answers)
                response.answers.append(call.answers[stored.block])
            response.results.add(
                outcome=stored.outcome,
                answer_block=place_of[stored.block],
                answer_index=stored.place,
                non_disclosure=stored.non_disclosure,
            )
        return response

    def _read_stored(self, call: Call, admitted: Sequence[str]) -> None:
        """What was committed before this call."""
        ids = [one for one in admitted if one not in call.stored]
        if not ids:
            return
        contents, read = self._ground.contents, self._ground.store.read
        for permit_id, row in read(lambda connection: kept_provisions.known(connection, ids)).items():
            told = kept_provisions.told(contents, row)
            call.stored[permit_id] = Stored(row.block, row.place, told.outcome, told.non_disclosure)
        numbers = {one.block for one in call.stored.values()} - call.answers.keys()
        call.answers |= read(lambda connection: kept_provisions.blocks(connection, contents, sorted(numbers)))


def _fitting(replies: Sequence[_Reply]) -> tuple[Sequence[_Reply], Sequence[_Reply]]:
    """Those that one message holds, one at least, and the others: these were looked up, but nothing of it leaves."""
    size = 0
    for place, reply in enumerate(replies):
        size += reply.answer.ByteSize()
        if place and size > ANSWERS_BYTES:
            return replies[:place], replies[place:]
    return replies, ()


def _find(question: Question, person: Person | None, copies: Mapping[Wanted, Sequence[Row[Any]]]) -> Found:
    if person is None:
        return Found(exchange_pb2.FINE_OUTCOME_NOT_REGISTERED)
    if _is_blocked(question, person):
        return Found(exchange_pb2.FINE_OUTCOME_WITHHELD)
    request = question.checked.header
    paths = released(question.row.fields, question.query.fields)
    rows = copies.get((person.addressee_no, request.item), ())
    return lookup.provided(rows, request.span, day_of(question.checked.exchange_time), paths)


def _answer(
    question: Question, person: Person | None, fine: exchange_pb2.FineOutcome.ValueType, found: Found
) -> exchange_pb2.Answer:
    checked = question.checked
    return answer_message(
        checked.permit_hash,
        checked.header,
        checked.header_hash,
        fine,
        found.records,
        non_disclosure=_hidden(question, person),
    )


def _is_blocked(question: Question, person: Person) -> bool:
    """自己情報提供不可: the person's own request is to learn nothing."""
    return person.self_disclosure_blocked and question.requester_role == PORTAL


def _hidden(question: Question, person: Person | None) -> bool:
    """不開示. Not of the person's own request: who asked knows of it, and an entry that fails to come would tell of the flag (PROTO-6.10)."""
    return person is not None and person.non_disclosure and question.requester_role != PORTAL


@dataclass(frozen=True, slots=True)
class _Block:
    """An answer block; its rows, those of the provisions that it answers, and of their reviews."""

    replies: Sequence[_Reply]
    sealed: exchange_pb2.SealedAnswer
    block: dict[str, object]
    provisions: list[dict[str, object]]
    reviews: list[dict[str, object]]

    @classmethod
    def of(cls, contents: Contents, replies: Sequence[_Reply], sealed: exchange_pb2.SealedAnswer) -> _Block:
        """Made before the transaction, since sealing needs none."""
        months = [contents.month(milliseconds(reply.question.checked.exchange_time)) for reply in replies]
        pairs = list(zip(replies, months, strict=True))
        reviews = [_waiting(reply, reply.rule, month) for reply, month in pairs if reply.rule is not None]
        return cls(
            replies,
            sealed,
            kept_provisions.block_row(contents, max(months), sealed.SerializeToString()),
            [kept_provisions.row_of(contents, _provided(reply, month)) for reply, month in pairs],
            [kept_reviews.row_of(contents, review) for review in reviews],
        )


def _write(connection: Connection, blocks: Sequence[_Block], entries: Sequence[RecordRow]) -> list[int]:
    """Runs in the store's transaction; the blocks' numbers. Raises IntegrityError when one of the permits was used meanwhile."""
    numbers = [kept_provisions.add_block(connection, one.block) for one in blocks]
    for number, one in zip(numbers, blocks, strict=True):
        kept_provisions.add(connection, number, one.provisions)
        kept_reviews.add(connection, one.reviews)
    records.add(connection, entries)
    return numbers


def _provided(reply: _Reply, month: Month) -> Provided:
    checked = reply.question.checked
    return Provided(
        permit_id=checked.permit.permit_id,
        permit_hash=checked.permit_hash,
        month=month,
        permit=reply.question.signed,
        fields=reply.question.query.SerializeToString(),
        addressee_no=reply.person.addressee_no if reply.person else None,
        told=Told(reply.outcome, reply.fine, reply.non_disclosure),
    )


def _waiting(reply: _Reply, rule: Rule, month: Month) -> Review:
    checked = reply.question.checked
    return Review(
        permit_id=checked.permit.permit_id,
        month=month,
        requested_at=milliseconds(checked.exchange_time),
        review_until=milliseconds(checked.review_until),
        rule=int(rule),
    )
