"""A desk of cases over a store of its own, beside an interim server of paper: approvals, what never left, what is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from warifu import law
from warifu.agencies.cases import kept
from warifu.agencies.cases.asking import Asking
from warifu.agencies.cases.desk import Cases
from warifu.agencies.cases.ports import Ground
from warifu.agencies.cases.told import Telling
from warifu.agencies.schema import SUBJECT
from warifu.agencies.tables import metadata
from warifu.agency.v1 import cases_pb2 as pb
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.kernel.limits import RETENTION
from warifu.kernel.store import Store, sqlite_url

ACTOR = pb.Actor(office="window-1", clerk="c-0001")
ADDRESSEE = "123456789012345"
SUBSIDY, FEES = "JT90000000000503", "JT90000000000502"
NOW = datetime(2026, 4, 6, 0, tzinfo=UTC)


@dataclass
class Clock:
    """The network's time, moved by hand."""

    now: datetime = NOW

    def network(self) -> datetime:
        """See `Clock`."""
        return self.now

    def today(self) -> date:
        """See `Clock`."""
        return (self.now + timedelta(hours=9)).date()


@dataclass
class PaperInterim:
    """Remembers what it was given."""

    problem: LinkageError | None = None
    rulings: law.Rulings | LinkageError = law.NOTHING_RULED
    given: list[interim_pb2.InquireRequest] = field(default_factory=list)

    async def inquire(self, request: interim_pb2.InquireRequest) -> interim_pb2.InquireResponse:
        """See `Interim`."""
        self.given.append(request)
        if self.problem is not None:
            raise self.problem
        return interim_pb2.InquireResponse(request_id=request.request_id)

    def known(self, request_id: str) -> interim_pb2.InquiryState | None:
        """See `Interim`."""
        if self.problem is not None or request_id not in {one.request_id for one in self.given}:
            return None
        return interim_pb2.InquiryState(
            request_id=request_id,
            outcome=exchange_pb2.OUTCOME_ANSWERED,
            fine_outcome=exchange_pb2.FINE_OUTCOME_NO_RECORD,
        )

    async def collect(self, request: interim_pb2.CollectRequest) -> interim_pb2.CollectResponse:
        """See `Interim`."""
        raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)

    async def rulings_for(self, _requester: str, _row: str) -> law.Rulings:
        """See `Interim`."""
        if isinstance(self.rulings, LinkageError):
            raise self.rulings
        return self.rulings

    async def correct(self, _request_id: str, _statement: str) -> interim_pb2.CorrectResponse:
        """See `Interim`."""
        raise LinkageError(Reason.GATEWAY_UNAVAILABLE)


@dataclass
class Desk:
    """The welfare office's desk."""

    ground: Ground
    interim: PaperInterim
    clock: Clock

    @property
    def institution(self) -> str:
        """Its code."""
        return self.ground.business.institution

    async def opened(self, procedure: str = FEES) -> str:
        """A case; its reference."""
        request = pb.OpenCaseRequest(
            institution=self.institution, addressee_no=ADDRESSEE, procedure=procedure, actor=ACTOR
        )
        return (await Cases(self.ground).open(request)).case.reference

    async def shown(self, reference: str) -> pb.Case:
        """A case as it is told."""
        request = pb.GetCaseRequest(institution=self.institution, reference=reference)
        return (await Cases(self.ground).get(request)).case

    def question(self, reference: str) -> pb.AskForCaseRequest:
        """What is asked."""
        return pb.AskForCaseRequest(
            institution=self.institution, reference=reference, row="P21", provider="tax-490016", actor=ACTOR,
            idempotency_key="k",
        )  # fmt: skip

    def rows(self) -> list[Any]:
        """The inquiries that may not have left."""
        return list(self.ground.business.store.read(kept.unsent))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A welfare office that knows one addressee."""
    book = law.packaged()
    institution = next(one.code for one in book.institutions.values() if one.role.code == "welfare")
    store = Store(sqlite_url(tmp_path / "desk.db"), metadata)
    store.create()
    row = {
        "addressee_no": ADDRESSEE, "name": "名", "address": "所", "birth_date": "1980-01-01", "sex": 1,
        "digest": bytes(16), "enrolled": True, "known_at": 0,
    }  # fmt: skip
    asyncio.run(store.write(lambda connection: connection.execute(SUBJECT.insert(), row)))
    clock, interim = Clock(), PaperInterim()
    business: Any = SimpleNamespace(institution=institution, store=store, clock=clock, ids=Ids())
    yield Desk(Ground(business, interim, lambda: book), interim, clock)
    store.close()


@pytest.mark.parametrize(("since", "awaits"), [(None, True), (date(2026, 4, 6), False), (date(2026, 4, 7), True)])
async def test_an_ordinance_row_awaits_its_approval(desk: Desk, since: date | None, awaits: bool) -> None:
    """A row by ordinance awaits approval until the day from which the supervisor approved it; a statutory row never does."""
    if since is not None:
        desk.interim.rulings = law.Rulings(approvals={(desk.institution, row): since for row in ("P27", "P27B")})
    procedures = (await Cases(desk.ground).list_procedures()).procedures
    told = {one.row: one.awaits_approval for each in procedures for one in each.inquiries}
    assert (told["P27"], told["P27B"], told["P21"]) == (awaits, awaits, False)


async def test_what_cannot_be_known_counts_as_not_approved(desk: Desk) -> None:
    """Without a fresh word of the supervisor's an ordinance row awaits its approval; the list is told all the same."""
    desk.interim.rulings = LinkageError(Reason.PROVIDER_RULINGS_UNAVAILABLE)
    procedures = (await Cases(desk.ground).list_procedures()).procedures
    assert all(one.awaits_approval for each in procedures if each.procedure == SUBSIDY for one in each.inquiries)


async def test_what_may_pass_is_sent_again_as_it_was(desk: Desk) -> None:
    """While the interim server cannot take an inquiry it stays bound; later the very same request is taken, once."""
    reference = await desk.opened()
    desk.interim.problem = LinkageError(Reason.GATEWAY_UNAVAILABLE)
    asked = await Asking(desk.ground).ask(desk.question(reference))
    again = await Asking(desk.ground).ask(desk.question(reference))
    assert again.request_id == asked.request_id
    assert not (await desk.shown(reference)).inquiries[0].HasField("not_sent")
    desk.interim.problem = None
    assert await Asking(desk.ground).resume() == 1
    assert len({one.SerializeToString(deterministic=True) for one in desk.interim.given}) == 1
    assert desk.rows() == []
    assert await Asking(desk.ground).resume() == 0
    assert desk.interim.given[0].case_reference == reference


async def test_what_will_never_pass_says_why(desk: Desk) -> None:
    """An inquiry that the interim server refuses for good stands in its case with the reason and is not tried again."""
    reference = await desk.opened()
    desk.interim.problem = LinkageError(Reason.CLIENT_NOT_ENROLLED)
    await Asking(desk.ground).ask(desk.question(reference))
    assert (await desk.shown(reference)).inquiries[0].not_sent.reason == Reason.CLIENT_NOT_ENROLLED
    assert desk.rows() == []


async def test_a_case_goes_when_its_exchanges_go(desk: Desk) -> None:
    """After the term for which contents of exchanges are kept, a case is dropped with all that stands about it; a younger one stays."""
    old = await desk.opened()
    await Asking(desk.ground).ask(desk.question(old))
    fill = pb.FillCaseRequest(institution=desk.institution, reference=old, actor=ACTOR)
    fill.fields.add(name="child_name", value="名")
    await Cases(desk.ground).fill(fill)
    await Cases(desk.ground).request_paper(
        pb.RequestPaperRequest(institution=desk.institution, reference=old, row="P21", actor=ACTOR)
    )
    cases = Cases(desk.ground)
    assert await cases.forget() == 0
    month = NOW.year * 12 + NOW.month - 1 + RETENTION
    desk.clock.now = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
    young = await desk.opened()
    assert await cases.forget() == 0
    month += 1
    desk.clock.now = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
    assert await cases.forget() == 1
    assert await cases.forget() == 0
    with pytest.raises(LinkageError):
        await desk.shown(old)
    assert (await desk.shown(young)).reference == young
    for table in ("case_inquiry", "case_paper", "case_field"):
        store = desk.ground.business.store
        query = metadata.tables[table].select()
        assert store.read(lambda connection, query=query: connection.execute(query).all()) == []


async def test_a_visitor_s_case_owes_nobody_progress(desk: Desk) -> None:
    """Only an application has an applicant to be told."""
    reference = await desk.opened()
    await Asking(desk.ground).ask(desk.question(reference))
    assert await Telling(desk.ground).run() == 0
