"""The result file: for every line of the inquiry file at least one row, for an inquiry with several records one row each.

Columns 1 to 18 are the line's, but that 13 names no provider where none answered, as the real one; 24, 25 and 26 are where the real file has them, and so are columns 231 and 255 of a tax record, whose rows
are 262 columns wide. The places of everything else are this project's (docs/BUSINESS.md §3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.clock import JAPAN
from warifu.simulator.face.batch import messages
from warifu.simulator.face.batch.fields import FIELDS
from warifu.simulator.face.batch.lines import Malformed, written
from warifu.simulator.face.batch.messages import Told
from warifu.simulator.face.batch.row import Row

HEAD: Final = (
    "照会要求ID", "照会日時", "提供日時", "結果", "理由", "照会ステータス（明細単位）", "照会処理結果メッセージ（明細単位）",
    "照会ステータス（特定個人情報名単位）", "行番号", "レコードの順", "レコードキー", "版番号",
)  # fmt: skip
"""Columns 19 to 30."""
VALUES: Final = len(FIELDS) + len(HEAD)
"""A value stands in the column of this number plus its field number in items.proto."""
TAX_WIDTH: Final = 262
_PROVIDER: Final = next(place for place, field in enumerate(FIELDS) if field.name == "provider")
PLACED: Final = {"municipal_per_capita_levy_yen": 231, "municipal_income_levy_yen": 255}
"""Columns of the real tax result that are known."""


def result_file(rows: Iterable[Row]) -> Iterator[str]:
    """The lines of the result file, each with its end."""
    for row in rows:
        for cells in _rows(row):
            yield written(cells)


def told_of(row: Row) -> Told:
    """What is told of one line as it stands."""
    if isinstance(row.line, Malformed):
        return messages.malformed(row.line)
    assert row.request is not None  # of a line that can be read
    if row.duplicate:
        return messages.duplicate(row.request)
    if row.refused is not None:
        return messages.refused(row.refused, row.request)
    return messages.told_of(row.state or interim_pb2.InquiryState(request=row.request))


def _rows(row: Row) -> Iterator[list[str]]:
    told, state = told_of(row), row.state or interim_pb2.InquiryState()
    head = [
        *_asked(row),
        "" if row.request is None or row.duplicate else row.request.request_id,
        _time(state.requested_at, there=state.HasField("requested_at")),
        _time(state.answered_at, there=state.HasField("answered_at")),
        told.outcome,
        told.reason,
        told.status.line,
        told.message,
        told.status.item,
        str(row.number),
    ]
    if not state.records:
        yield [*head, "0", "", ""]
    for place, record in enumerate(state.records, 1):
        yield [*head, str(place), record.record_key, record.layout_version, *_values(record)]


def _asked(row: Row) -> list[str]:
    cells = list(row.line.cells[: len(FIELDS)])
    cells += [""] * (len(FIELDS) - len(cells))
    if not row.answered:
        cells[_PROVIDER] = ""
    return cells


def _time(instant: Timestamp, *, there: bool) -> str:
    return instant.ToDatetime(tzinfo=JAPAN).strftime("%Y%m%d%H%M%S%f")[:17] if there else ""


def _values(record: exchange_pb2.Record) -> list[str]:
    which = record.content.WhichOneof("content")
    if which is None:
        return []
    content = getattr(record.content, which)
    cells = [""] * max(field.number for field in content.DESCRIPTOR.fields)
    if which == "local_tax":
        cells += [""] * (TAX_WIDTH - VALUES - len(cells))
    for field in content.DESCRIPTOR.fields:
        value = _text(content, field)
        cells[field.number - 1] = value
        if field.name in PLACED:
            cells[PLACED[field.name] - VALUES - 1] = value
    return cells


def _text(content: Any, field: Any) -> str:
    """Numbers and texts as they are, 1 or 0 for a truth, the number of an enumeration, nothing for what was not provided."""
    value = getattr(content, field.name)
    if field.is_repeated:
        return ";".join(_member(one) for one in value)
    if field.has_presence and not content.HasField(field.name):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if field.enum_type is not None and not value:
        return ""
    return str(value)


def _member(member: items_pb2.HouseholdMember) -> str:
    return f"{member.relationship}/{member.birth_date}"
