"""Used permits as they are kept, with the answers that left: what was asked and answered lies sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.contents import Contents
from warifu.interim.schema import ANSWER_BLOCKS, PROVISIONS, REVIEWS
from warifu.kernel.bulk import Bulk, padded
from warifu.kernel.months import Month


@dataclass(frozen=True, slots=True)
class Told:
    """What a provision came to."""

    outcome: exchange_pb2.Outcome.ValueType
    """ANSWERED, PENDING, EXPIRED."""
    fine_outcome: exchange_pb2.FineOutcome.ValueType
    non_disclosure: bool


@dataclass(frozen=True, slots=True)
class Provided:
    """One used permit, opened."""

    permit_id: str
    permit_hash: bytes
    month: Month
    """Of the exchange's time."""
    permit: bytes
    """exchange.v1.Permit as received."""
    fields: bytes
    """exchange.v1.Query as opened."""
    addressee_no: str | None
    told: Told
    block: int = 0
    """Its answer is in this block; 0 before it is stored."""
    place: int = 0


_COLUMNS: Final = ("permit_id", "permit_hash", "month", "block", "place", "asked", "answered")
_ADD: Final = Bulk(PROVISIONS, *_COLUMNS)
_VALUES: Final = itemgetter(*_COLUMNS)
_ADD_BLOCK = insert(ANSWER_BLOCKS).returning(ANSWER_BLOCKS.c.block)
_KNOWN = (
    select(PROVISIONS, REVIEWS.c.review_until)
    .select_from(PROVISIONS.outerjoin(REVIEWS, REVIEWS.c.permit_id == PROVISIONS.c.permit_id))
    .where(PROVISIONS.c.permit_id.in_(bindparam("ids", expanding=True)))
)
_BLOCKS = select(ANSWER_BLOCKS).where(ANSWER_BLOCKS.c.block.in_(bindparam("blocks", expanding=True)))
_TELL = (
    update(PROVISIONS)
    .where(PROVISIONS.c.permit_id == bindparam("b_permit_id"))
    .values({name: bindparam(name) for name in ("answered", "block", "place")})
)


def known(connection: Connection, ids: Sequence[str]) -> dict[str, Row[Any]]:
    """Rows of these permits, with their review's end, by permit id; `told` and `opened` open them."""
    return {row.permit_id: row for row in connection.execute(_KNOWN, {"ids": padded(ids)})}


def told(contents: Contents, row: Row[Any]) -> Told:
    """What the provision in a row came to.

    Raises:
        ErasedError: its term is over.
    """
    return Told(*contents.open(row.month, _name(row.permit_id, "answered"), row.answered))


def permit_of(contents: Contents, row: Row[Any]) -> bytes:
    """The permit in a row, as received; raises as `opened`."""
    permit: bytes = _asked(contents, row)[0]
    return permit


def opened(contents: Contents, row: Row[Any]) -> Provided:
    """The provision in a row.

    Raises:
        ErasedError: its term is over.
    """
    permit, fields, addressee_no = _asked(contents, row)
    return Provided(
        permit_id=row.permit_id,
        permit_hash=row.permit_hash,
        month=row.month,
        permit=permit,
        fields=fields,
        addressee_no=addressee_no,
        told=told(contents, row),
        block=row.block,
        place=row.place,
    )


def _asked(contents: Contents, row: Row[Any]) -> list[Any]:
    return contents.open(row.month, _name(row.permit_id, "asked"), row.asked)


def blocks(connection: Connection, contents: Contents, numbers: Sequence[int]) -> dict[int, exchange_pb2.SealedAnswer]:
    """Answers as they left, by number of their block."""
    rows = connection.execute(_BLOCKS, {"blocks": padded(numbers)})
    return {row.block: block_of(contents, row) for row in rows}


def block_of(contents: Contents, row: Row[Any]) -> exchange_pb2.SealedAnswer:
    """The answers in a row of blocks."""
    (sealed,) = contents.open(row.month, _BLOCK, row.sealed)
    return exchange_pb2.SealedAnswer.FromString(sealed)


def row_of(contents: Contents, provided: Provided) -> dict[str, object]:
    """The row to add, but for block and place; made before the transaction, since sealing needs none."""
    asked = [provided.permit, provided.fields, provided.addressee_no]
    return {
        "permit_id": provided.permit_id,
        "permit_hash": provided.permit_hash,
        "month": provided.month,
        "asked": contents.seal(provided.month, _name(provided.permit_id, "asked"), asked),
        "answered": _answered(contents, provided, provided.told),
    }


def block_row(contents: Contents, month: Month, sealed: bytes) -> dict[str, object]:
    """The row of a block to add: `sealed` is a serialised SealedAnswer, `month` that of the youngest exchange which it answers."""
    return {"month": month, "sealed": contents.seal(month, _BLOCK, [sealed])}


def add_block(connection: Connection, row: dict[str, object]) -> int:
    """Add a block; its number."""
    return int(connection.execute(_ADD_BLOCK, row).scalar_one())


def add(connection: Connection, block: int, rows: Sequence[dict[str, object]]) -> None:
    """Add the provisions that a block answers, in their order; IntegrityError when one of the permits was used meanwhile."""
    _ADD.add(connection, [_VALUES({**row, "block": block, "place": place}) for place, row in enumerate(rows)])


def tell(connection: Connection, contents: Contents, provided: Provided, after: Told, block: int) -> None:
    """Replace what a provision came to, and its answer by the only one in `block`; a block that it had already keeps its place."""
    values = {
        "b_permit_id": provided.permit_id,
        "answered": _answered(contents, provided, after),
        "block": block,
        "place": provided.place if block == provided.block else 0,
    }
    connection.execute(_TELL, values)


def _answered(contents: Contents, provided: Provided, after: Told) -> bytes:
    values = [after.outcome, after.fine_outcome, after.non_disclosure]
    return contents.seal(provided.month, _name(provided.permit_id, "answered"), values)


_BLOCK = "answer-block"


def _name(permit_id: str, part: str) -> str:
    return f"provision/{part}/{permit_id}"
