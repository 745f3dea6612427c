"""What a line asks, as the contract has it. The same line is the same inquiry for ever: in another file, after a crash, a year later."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Final

from warifu.common.v1 import common_pb2
from warifu.interim.v1 import interim_pb2
from warifu.simulator.face.batch.fields import InquiryLine
from warifu.simulator.face.batch.lines import HIDDEN, day_of

_LINES: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "batch-inquiry.warifu.example")
NOBODY: Final = "batch"
"""Clerk of an inquiry whose line names none, as the real file's lines do not; the contract wants one."""
_APRIL: Final = 4


def request_id(institution: str, line: InquiryLine) -> str:
    """Derived from the whole line, its time of asking included: a corrected file asks nothing twice but what was corrected."""
    return str(uuid.uuid5(_LINES, "\n".join((institution, *line.cells))))


def request_of(institution: str, line: InquiryLine) -> interim_pb2.InquireRequest:
    """The inquiry of a line in a file of `institution`'s. Of another institution's line the interim server says that it is not ours."""
    return interim_pb2.InquireRequest(
        institution=line.institution,
        request_id=request_id(institution, line),
        addressee_no=line.about,
        provider=line.provider,
        affair=line.affair,
        procedure=line.procedure,
        item=line.item,
        span=_span(line),
        office=line.office.strip(),
        clerk=line.user.strip() or NOBODY,
        non_disclosure=line.non_disclosure == HIDDEN,
        case_reference=f"batch/{line.asked_at}",
    )


def _span(line: InquiryLine) -> common_pb2.Span | None:
    first, last = day_of(line.first_day), day_of(line.last_day)
    if line.year == "1" and first is not None:
        return common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=first.year - (first.month < _APRIL)))
    if line.condition == "1":
        return common_pb2.Span(period=common_pb2.Period(first_day=_iso(first), last_day=_iso(last)))
    return None


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
