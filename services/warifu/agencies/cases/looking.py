"""What a case shows: its inquiries as the interim server knows them, the papers that answers saved and those to bring."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row

from warifu import law
from warifu.agencies.cases.forms import form_of
from warifu.agencies.cases.kept import File
from warifu.agencies.cases.ports import Ground
from warifu.agencies.cases.procedures import texts
from warifu.agency.v1 import cases_pb2
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import timestamp

UNSETTLED: Final = frozenset({exchange_pb2.OUTCOME_UNSPECIFIED, exchange_pb2.OUTCOME_PENDING})
"""Outcomes that may still change."""


@dataclass(frozen=True, slots=True)
class Look:
    """An inquiry of a case with what is known of it."""

    kept: Row[Any]
    state: interim_pb2.InquiryState

    @property
    def is_final(self) -> bool:
        """Nothing will change any more."""
        return self.kept.refused is not None or self.state.outcome not in UNSETTLED

    @property
    def provided(self) -> bool:
        """A record came."""
        return self.state.fine_outcome == exchange_pb2.FINE_OUTCOME_PROVIDED


def known(ground: Ground, inquiry: Row[Any]) -> Look:
    """An inquiry as it is known here, without asking anybody."""
    state = ground.interim.known(inquiry.request_id)
    return Look(inquiry, state or interim_pb2.InquiryState(request_id=inquiry.request_id))


async def looked_up(ground: Ground, file: File, wait_ms: int) -> list[Look]:
    """The inquiries of a case, oldest first; waits for those on their way, and asks once more for those that wait for a clerk."""
    return list(await asyncio.gather(*(_looked_up(ground, inquiry, wait_ms) for inquiry in file.inquiries)))


async def _looked_up(ground: Ground, inquiry: Row[Any], wait_ms: int) -> Look:
    if known(ground, inquiry).is_final:
        return known(ground, inquiry)
    request = interim_pb2.CollectRequest(
        institution=ground.business.institution, request_id=inquiry.request_id, wait_ms=wait_ms
    )
    try:
        return Look(inquiry, (await ground.interim.collect(request)).inquiry)
    except LinkageError as error:
        if error.reason != Reason.CLIENT_REQUEST_UNKNOWN:  # not sent yet, or its term is over
            raise
        return known(ground, inquiry)


def shown(ground: Ground, file: File, looks: Iterable[Look], *, with_inquiries: bool = True) -> cases_pb2.Case:
    """The case as it is told."""
    looks, row = list(looks), file.case
    saved = {look.kept.row: None for look in looks if look.provided}
    missing = [one for one in file.papers if one not in saved]
    case = cases_pb2.Case(
        reference=file.reference,
        addressee_no=row.addressee_no,
        procedure=row.procedure,
        opened_at=timestamp(row.opened_at),
        opened_by=_actor(row),
        state=cases_pb2.CASE_STATE_AWAITS_PAPER if file.is_open and missing else row.state,
        application_id=row.application_id,
        inquiries=[_inquiry(look) for look in looks] if with_inquiries else (),
        papers_saved=papers(ground.book(), saved),
        papers_to_bring=papers(ground.book(), missing),
        filled=_filled(file),
    )
    if not file.is_open:
        case.note = row.note
        case.decided_at.CopyFrom(timestamp(row.decided_at))
        case.decided_by.CopyFrom(cases_pb2.Actor(office=row.decided_office, clerk=row.decided_clerk))
    return case


def papers(book: law.LawBook, rows: Iterable[str]) -> list[common_pb2.LocalizedText]:
    """The papers of these rows, each once. A row is ended but never removed, so an old case finds its own."""
    return texts(dict.fromkeys(paper for row in rows for paper in book.rows[row].papers))


def _inquiry(look: Look) -> cases_pb2.CaseInquiry:
    row = look.kept
    shown_ = cases_pb2.CaseInquiry(
        row=row.row, provider=row.provider, inquiry=look.state, asked_at=timestamp(row.asked_at), asked_by=_actor(row)
    )
    if row.refused is not None:
        shown_.not_sent.CopyFrom(LinkageError(Reason(row.refused)).failure())
    return shown_


def _filled(file: File) -> list[cases_pb2.HandFilled]:
    order = {name: place for place, name in enumerate(form_of(file.case.procedure).names)}
    fields = sorted(file.fields, key=lambda field: (order.get(field.name, len(order)), field.name))
    return [
        cases_pb2.HandFilled(
            name=field.name,
            value=field.value,
            filled_at=timestamp(field.at),
            filled_by=None if field.clerk is None else _actor(field),
        )
        for field in fields
    ]


def _actor(row: Row[Any]) -> cases_pb2.Actor:
    return cases_pb2.Actor(office=row.office, clerk=row.clerk)
