"""What one inquiry must come to: decided by the law book, looked up by the rules of docs/PROTOCOL.md §6, cut down to the row's fields.

Written a second time on purpose: days are compared as days, fields are taken away instead of copied, so that a mistake of the parties is
not repeated here. What a record consists of comes from the kinds of agency themselves.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from warifu.common.v1 import common_pb2
from warifu.exchange import domains
from warifu.exchange.v1 import exchange_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.limits import RECORDS
from warifu.law import NOTHING_RULED, Ask, Deny, LawBook, Row, Rulings, decide
from warifu.simulator.testcards.held import Held, Holdings

SAMPLE: Final = 40
FRESH: Final = timedelta(days=7)
APRIL: Final = 4
PORTAL: Final = "portal"


@dataclass(frozen=True, slots=True)
class Flags:
    """Protection of one person at one institution (docs/GLOSSARY.md). Nobody has any when a network begins."""

    non_disclosure: bool = False
    self_disclosure_blocked: bool = False
    manual_review: bool = False


NO_FLAGS: Final = Flags()


@dataclass(frozen=True, slots=True)
class Ruled:
    """What has happened to a network since it began, as far as answers depend on it."""

    rulings: Rulings = NOTHING_RULED
    """Stops and approvals of the supervisor."""
    flags: Mapping[tuple[str, str], Flags] = field(default_factory=dict)
    """By institution and handle."""


AS_IT_BEGAN: Final = Ruled()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an inquiry under a row must come to."""

    row: Row
    requester: str
    provider: str
    span: common_pb2.Span
    """What to ask for; empty: the day itself."""
    outcome: str
    """As the gateway tells: ANSWERED, PENDING or DENIED."""
    fine: str | None = None
    """PROVIDED, NO_RECORD, NOT_REGISTERED, WITHHELD or PENDING; None when denied."""
    reason: str | None = None
    """Why it is denied."""
    records: tuple[exchange_pb2.Record, ...] = ()
    """Exactly what arrives; of a waiting answer nothing yet."""
    non_disclosure: bool = False
    """Marked 不開示: the person's history never shows it."""
    released: Expectation | None = None
    """Of a waiting answer: what arrives once a clerk provides it."""
    _sampling: bytes | None = None
    """The provider's sample key; None where the sample cannot matter."""

    @property
    def sampled_too(self) -> bool:
        """About one in 40 of such inquiries waits for a clerk all the same, by its request id: see `asked_as`."""
        return self._sampling is not None

    @property
    def year(self) -> int | None:
        """The tax year asked for; None for the day itself or a period."""
        return self.span.fiscal_year.year if self.span.HasField("fiscal_year") else None

    def asked_as(self, request_id: str) -> Expectation:
        """The same for one inquiry: known to wait, or not, by the provider's sample."""
        if self._sampling is None or not sampled(self._sampling, request_id):
            return replace(self, _sampling=None)
        return _waiting(self)


def sample_key(seed: int, institution: str) -> bytes:
    """The key of an institution's review sample in a simulation (docs/PROTOCOL.md §6, rule 2)."""
    return hmac.digest(str(seed).encode(), domains.REVIEW_SAMPLE + institution.encode(), sha256)


def sampled(key: bytes, permit_id: str) -> bool:
    """Whether an inquiry is one of those that a clerk looks at."""
    drawn = hmac.new(key, domains.REVIEW_SAMPLE + permit_id.encode(), sha256).hexdigest()
    return int(drawn[:16], 16) % SAMPLE == 0


@dataclass(frozen=True, slots=True)
class Oracle:
    """Says what inquiries must come to on a day."""

    book: LawBook
    seed: int
    day: date
    holdings: Mapping[str, Holdings]
    ruled: Ruled = AS_IT_BEGAN

    def rows(self, requester: str) -> Sequence[Row]:
        """Every row of the table that names the requester's role, in force or not."""
        role = self.book.institutions[requester].role.code
        return [row for row in self.book.rows.values() if role in row.requester_roles]

    def providers(self, row: Row) -> Sequence[str]:
        """Every institution that may be asked under a row, the requester's own body included."""
        return [one.code for one in self.book.register.with_roles(row.provider_roles)]

    def expect(
        self,
        handle: str,
        requester: str,
        row: Row,
        provider: str,
        span: common_pb2.Span | None = None,
        *,
        consent: bool | None = None,
        fields: Sequence[str] = (),
    ) -> Expectation:
        """What an inquiry about a person comes to. `consent`: as the row needs it, when not said; `fields`: all that it releases, when none."""
        given = row.consent_required if consent is None else consent
        ask = Ask(requester, provider, row.affair.code, row.procedure.code, row.item, self.day, given)
        decision = decide(self.book, ask, self.ruled.rulings)
        span = span or common_pb2.Span()
        if isinstance(decision, Deny):
            return Expectation(row, requester, provider, span, "DENIED", reason=str(decision.reason))
        return self._answer(handle, Expectation(row, requester, provider, span, "ANSWERED"), fields)

    def _answer(self, handle: str, asked: Expectation, fields: Sequence[str]) -> Expectation:
        held = self.holdings[asked.provider]
        is_known = handle in held.born
        flags = self.ruled.flags.get((asked.provider, handle), NO_FLAGS) if is_known else NO_FLAGS
        own = self.book.institutions[asked.requester].role.code == PORTAL
        key = sample_key(self.seed, asked.provider)
        if own and flags.self_disclosure_blocked:
            return replace(asked, fine="WITHHELD", _sampling=key)
        copies = held.copies(handle, self.day) if held.item == asked.row.item else []
        fine, chosen = _chosen(copies, asked.span, self.day)
        paths = frozenset(asked.row.fields) & frozenset(fields) if fields else frozenset(asked.row.fields)
        answer = replace(
            asked,
            fine=fine,
            records=tuple(_record(copy, paths) for copy in chosen),
            non_disclosure=flags.non_disclosure and not own,
            _sampling=key,
        )
        return _waiting(answer) if flags.manual_review or _is_fresh(chosen, self.day) else answer


def _waiting(answer: Expectation) -> Expectation:
    released = replace(answer, _sampling=None)
    return replace(released, outcome="PENDING", fine="PENDING", records=(), released=released)


def _chosen(copies: Sequence[Held], span: common_pb2.Span, day: date) -> tuple[str, Sequence[Held]]:
    if not copies:
        return "NOT_REGISTERED", ()
    first, last = _days(span, day)
    chosen = [
        copy
        for copy in copies
        if (copy.published_from or day) <= day and copy.about[0] <= last and first <= copy.about[1]
    ]
    return ("PROVIDED" if chosen else "NO_RECORD"), chosen[: int(RECORDS)]


def _days(span: common_pb2.Span, day: date) -> tuple[date, date]:
    match span.WhichOneof("span"):
        case "fiscal_year":
            year = span.fiscal_year.year
            return date(year, APRIL, 1), date(year + 1, APRIL, 1) - timedelta(days=1)
        case "period":
            period = span.period
            first = date.fromisoformat(period.first_day) if period.HasField("first_day") else date.min
            last = date.fromisoformat(period.last_day) if period.HasField("last_day") else date.max
            return first, last
        case _:
            return day, day


def _record(copy: Held, paths: frozenset[str]) -> exchange_pb2.Record:
    """The copy without the fields that are not released."""
    content = items_pb2.ItemContent()
    content.CopyFrom(copy.content)
    values = getattr(content, content.WhichOneof("content") or "")
    for name in [one.name for one, _ in values.ListFields()]:
        if name not in paths:
            values.ClearField(name)
    empty = [one for one in copy.content.empty_fields if one.path in paths]
    del content.empty_fields[:]
    content.empty_fields.extend(empty)
    return exchange_pb2.Record(record_key=copy.record_key, layout_version=copy.layout_version, content=content)


def _is_fresh(copies: Sequence[Held], day: date) -> bool:
    """One of them was corrected (更正日) in the last week."""
    values = [getattr(copy.content, copy.content.WhichOneof("content") or "") for copy in copies]
    corrected = [getattr(one, "corrected_on", "") for one in values]
    return any(text and day - date.fromisoformat(text) < FRESH for text in corrected)
