"""What the copies say: the person by the own code, the records by item, span and day, each cut down to what the row releases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select

from warifu.common.v1 import common_pb2
from warifu.exchange.projection import project
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.schema import ADDRESSEES, COPIES, PROTECTIONS
from warifu.items.v1 import items_pb2
from warifu.kernel.bulk import padded
from warifu.kernel.limits import RECORDS

_PEOPLE = (
    select(
        ADDRESSEES.c.subject,
        ADDRESSEES.c.addressee_no,
        PROTECTIONS.c.non_disclosure,
        PROTECTIONS.c.self_disclosure_blocked,
        PROTECTIONS.c.manual_review,
    )
    .select_from(ADDRESSEES.outerjoin(PROTECTIONS, PROTECTIONS.c.addressee_no == ADDRESSEES.c.addressee_no))
    .where(ADDRESSEES.c.subject.in_(bindparam("subjects", expanding=True)))
)
_COPIES = (
    select(COPIES)
    .where(COPIES.c.item == bindparam("item"), COPIES.c.addressee_no.in_(bindparam("numbers", expanding=True)))
    .order_by(COPIES.c.addressee_no, COPIES.c.record_key)
)
Wanted = tuple[str, str]
"""Addressee number and item."""
_FIRST_MONTH: Final = 4
"""Japan's fiscal year begins in April."""


@dataclass(frozen=True, slots=True)
class Person:
    """An addressee with the protection flags."""

    addressee_no: str
    non_disclosure: bool
    self_disclosure_blocked: bool
    manual_review: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What the copies say of one question."""

    outcome: exchange_pb2.FineOutcome.ValueType
    """PROVIDED, NO_RECORD or NOT_REGISTERED."""
    records: tuple[exchange_pb2.Record, ...] = ()
    corrected_on: date | None = None
    """The last correction of a record that is provided."""


def people(connection: Connection, subjects: Iterable[bytes]) -> dict[bytes, Person]:
    """The addressees that these codes are bound to, by code."""
    rows = connection.execute(_PEOPLE, {"subjects": padded(list(subjects))}).all()
    return {
        row.subject: Person(
            row.addressee_no,
            bool(row.non_disclosure),
            bool(row.self_disclosure_blocked),
            bool(row.manual_review),
        )
        for row in rows
    }


def copies(connection: Connection, wanted: Iterable[Wanted]) -> Mapping[Wanted, Sequence[Row[Any]]]:
    """Copies by addressee and item, in the order of their keys; nothing where there are none. One look for each item."""
    numbers: dict[str, set[str]] = {}
    for addressee_no, item in wanted:
        numbers.setdefault(item, set()).add(addressee_no)
    found: dict[Wanted, list[Row[Any]]] = {}
    for item, people_of in numbers.items():
        for row in connection.execute(_COPIES, {"item": item, "numbers": sorted(people_of)}):
            found.setdefault((row.addressee_no, item), []).append(row)
    return found


def find(
    connection: Connection, addressee_no: str, item: str, span: common_pb2.Span, on: date, paths: frozenset[str]
) -> Found:
    """What the copies of one person's item say; see `provided`."""
    wanted = (addressee_no, item)
    return provided(copies(connection, [wanted]).get(wanted, ()), span, on, paths)


def provided(rows: Sequence[Row[Any]], span: common_pb2.Span, on: date, paths: frozenset[str]) -> Found:
    """Of a person's copies of an item those that may be provided on a day and are about the span, cut down to `paths`.

    NOT_REGISTERED when the person has no copy of the item at all; NO_RECORD when there are some, but none that is published on the
    day and about the span, such as the new tax year's before its publication.
    """
    if not rows:
        return Found(exchange_pb2.FINE_OUTCOME_NOT_REGISTERED)
    days = span_days(span, on)
    chosen = [row for row in rows if _published(row, on) and _about(row, days)][: int(RECORDS)]
    if not chosen:
        return Found(exchange_pb2.FINE_OUTCOME_NO_RECORD)
    return Found(exchange_pb2.FINE_OUTCOME_PROVIDED, tuple(_record(row, paths) for row in chosen), _corrected(chosen))


def span_days(span: common_pb2.Span, on: date) -> tuple[str, str]:
    """First and last day asked for, ISO 8601: a fiscal year from 1 April to 31 March, a period as given, otherwise the day itself."""
    match span.WhichOneof("span"):
        case "fiscal_year":
            year = span.fiscal_year.year
            return f"{year:04}-0{_FIRST_MONTH}-01", f"{year + 1:04}-0{_FIRST_MONTH - 1}-31"
        case "period":
            period = span.period
            first = period.first_day if period.HasField("first_day") else "0001-01-01"
            return first, period.last_day if period.HasField("last_day") else "9999-12-31"
        case _:
            return on.isoformat(), on.isoformat()


def _published(row: Row[Any], on: date) -> bool:
    day = on.isoformat()
    return (row.published_from or day) <= day <= (row.published_to or day)


def _about(row: Row[Any], days: tuple[str, str]) -> bool:
    return (row.first_day or days[1]) <= days[1] and days[0] <= (row.last_day or days[0])


def _record(row: Row[Any], paths: frozenset[str]) -> exchange_pb2.Record:
    content = items_pb2.ItemContent.FromString(row.content)
    return exchange_pb2.Record(
        record_key=row.record_key, layout_version=row.layout_version, content=project(content, paths)
    )


def _corrected(rows: Sequence[Row[Any]]) -> date | None:
    days = [row.corrected_on for row in rows if row.corrected_on is not None]
    return date.fromisoformat(max(days)) if days else None
