"""Addressees (宛名): who is known to one institution, found by folded basic items, numbered by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update

from warifu.agencies.schema import CHANGE, FORMER_ITEMS, SUBJECT, UNENROLLED
from warifu.common.v1 import common_pb2
from warifu.kernel import basic_items
from warifu.kernel.bulk import Bulk, padded
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.kernel.limits import ADDRESSEE_NO

CHUNK: Final = 500
"""Most values in one IN list: below every database's limit of parameters."""
_DIGITS: Final = int(ADDRESSEE_NO)
_LEAD: Final = 10**9
_FIRST_LEAD: Final = 10 ** (_DIGITS - 1) // _LEAD
_CHANGES_A_LEAD: Final = 1000
"""The leading digits of numbers that are drawn in order go up by one with so many changes recorded: there is room for 900 million."""

_BY_DIGEST = select(SUBJECT.c.digest, SUBJECT.c.addressee_no).where(
    SUBJECT.c.digest.in_(bindparam("keys", expanding=True))
)
_BY_FORMER = select(FORMER_ITEMS.c.digest, FORMER_ITEMS.c.addressee_no).where(
    FORMER_ITEMS.c.digest.in_(bindparam("keys", expanding=True))
)
_BY_NUMBER = select(SUBJECT).where(SUBJECT.c.addressee_no.in_(bindparam("keys", expanding=True)))
_LAST_CHANGE = select(func.coalesce(func.max(CHANGE.c.position), 0))
_UNENROLLED = select(SUBJECT).where(UNENROLLED).order_by(SUBJECT.c.addressee_no).limit(CHUNK)
_COLUMNS: Final = ("name", "kana", "address", "birth_date", "sex", "digest")
_ADD = Bulk(SUBJECT, "addressee_no", "known_at", "enrolled", *_COLUMNS)
_CHANGE = update(SUBJECT).where(SUBJECT.c.addressee_no == bindparam("b_addressee_no"))
_KEEP_FORMER = insert(FORMER_ITEMS)
_DROP_FORMER = delete(FORMER_ITEMS).where(
    FORMER_ITEMS.c.digest == bindparam("b_digest"), FORMER_ITEMS.c.addressee_no == bindparam("b_addressee_no")
)
_ENROLLED = update(SUBJECT).where(SUBJECT.c.addressee_no == bindparam("b_addressee_no")).values(enrolled=True)


def new_number(ids: Ids, institution: str) -> str:
    """A number for a new addressee: 15 digits, without meaning; in a simulation derived from its seed."""
    drawn = int.from_bytes(ids.token(f"addressee/{institution}"))
    lowest: int = 10 ** (_DIGITS - 1)
    return str(lowest + drawn % (9 * lowest))


def numbers_together(connection: Connection, ids: Ids, institution: str, count: int) -> list[str]:
    """Numbers for people who are taken over together, in no order, all above those of people who were taken over before.

    So tables that are kept by number are written at one place; among a million people at random places each row would rewrite a page
    of its own. Of a person such a number says no more than with which thousand they came.
    """
    last = connection.execute(_LAST_CHANGE).scalar_one()
    floor = (_FIRST_LEAD + last // _CHANGES_A_LEAD) * _LEAD
    found: dict[str, None] = {}
    while len(found) < count:
        tokens = [int.from_bytes(ids.token(f"addressee/{institution}")) for _ in range(count - len(found))]
        drawn = [str(floor + token % _LEAD) for token in tokens]
        taken = by_number(connection, drawn)
        found |= dict.fromkeys(number for number in drawn if number not in taken)
    return list(found)


def by_items(connection: Connection, digests: Collection[bytes]) -> dict[bytes, set[str]]:
    """The addressees with these items; where nobody has them now, whoever had them."""
    found: dict[bytes, set[str]] = {}
    for query in (_BY_DIGEST, _BY_FORMER):
        missing = [digest for digest in digests if digest not in found]
        for row in in_chunks(connection, query, missing):
            found.setdefault(row.digest, set()).add(row.addressee_no)
    return found


def only(numbers: Collection[str]) -> str | None:
    """The one addressee, or None.

    Raises:
        LinkageError: CLIENT_PERSON_AMBIGUOUS when several people here share their items.
    """
    if len(numbers) > 1:
        raise LinkageError(Reason.CLIENT_PERSON_AMBIGUOUS)
    return next(iter(numbers), None)


def by_number(connection: Connection, numbers: Collection[str]) -> Mapping[str, Row[Any]]:
    """The rows of these addressees."""
    return {row.addressee_no: row for row in in_chunks(connection, _BY_NUMBER, list(numbers))}


def require(connection: Connection, addressee_no: str) -> Row[Any]:
    """The row of one addressee.

    Raises:
        LinkageError: CLIENT_ADDRESSEE_UNKNOWN.
    """
    row = by_number(connection, [addressee_no]).get(addressee_no)
    if row is None:
        raise LinkageError(Reason.CLIENT_ADDRESSEE_UNKNOWN)
    return row


def unenrolled(connection: Connection) -> Sequence[Row[Any]]:
    """Some of the addressees for whom no code was ever obtained."""
    return connection.execute(_UNENROLLED).all()


def items_of(row: Row[Any]) -> common_pb2.BasicItems:
    """The basic items of a row."""
    return common_pb2.BasicItems(
        name=row.name, kana=row.kana, address=row.address, birth_date=row.birth_date, sex=row.sex
    )


def row_of(items: common_pb2.BasicItems, digest: bytes | None = None) -> dict[str, Any]:
    """The columns that basic items fill; `digest` is theirs, where it is known already."""
    return {
        "name": items.name,
        "kana": items.kana if items.HasField("kana") else None,
        "address": items.address,
        "birth_date": items.birth_date,
        "sex": int(items.sex),
        "digest": digest or basic_items.digest(items),
    }


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New addressees: `addressee_no`, `known_at` and the columns of `row_of`."""
    _ADD.add(
        connection,
        [(row["addressee_no"], row["known_at"], False, *(row[name] for name in _COLUMNS)) for row in rows],
    )


def change(connection: Connection, addressee_no: str, old: bytes, items: common_pb2.BasicItems) -> None:
    """Other items for an addressee; what was before still finds the file."""
    row = row_of(items)
    connection.execute(_CHANGE, {"b_addressee_no": addressee_no, **row})
    for digest in {old, row["digest"]}:
        connection.execute(_DROP_FORMER, {"b_digest": digest, "b_addressee_no": addressee_no})
    if old != row["digest"]:
        connection.execute(_KEEP_FORMER, {"digest": old, "addressee_no": addressee_no})


def mark_enrolled(connection: Connection, numbers: Collection[str]) -> None:
    """The interim server has a code for these."""
    if numbers:
        connection.execute(_ENROLLED, [{"b_addressee_no": number} for number in numbers])


def in_chunks(connection: Connection, query: Select[Any], keys: Sequence[object]) -> list[Row[Any]]:
    """All rows of `query`, whose `keys` are asked for some hundred at a time."""
    rows: list[Row[Any]] = []
    for start in range(0, len(keys), CHUNK):
        rows += connection.execute(query, {"keys": padded(keys[start : start + CHUNK])})
    return rows
