"""What institutions are to each other: local uses, refusals, what each holds, and an exchange from counter to counter."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing

from contract.agency_desk import (
    acquaint,
    desk,
    held,
    interim,
    record,
    tax,
)
from tiny import reason_of
from town import CITY, DEADLINE, INSURER, NHI, TAX, Town, code_of, person

from warifu import law
from warifu.agency.v1 import agency_pb2 as pb
from warifu.agency.v1 import agency_pb2_grpc
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.institution import _sample_key
from warifu.interim.review import sampled
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import Reason


async def test_local_uses_are_published(network: Town) -> None:
    """An office's list names offices of its own body alone, with a purpose in both languages; an insurer's is empty."""
    uses = (await desk(network, NHI).ListLocalUses(pb.ListLocalUsesRequest(institution=NHI))).uses
    assert {use.provider for use in uses} == {TAX, CITY}
    assert all(use.purpose.ja and use.purpose.en and use.item for use in uses)
    assert not (await desk(network, INSURER).ListLocalUses(pb.ListLocalUsesRequest(institution=INSURER))).uses


async def test_another_institution_gets_nothing(network: Town) -> None:
    """A counter of the same kind and one of another kind are refused, in calls and streams."""
    stub = desk(network, NHI)
    find = pb.FindSubjectRequest(institution=INSURER, basic_items=person())
    assert await reason_of(stub.FindSubject(find), "health_insurance") == Reason.CLIENT_NOT_YOURS
    request = acquaint(person(), "a")
    request.institution = INSURER
    assert await reason_of(stub.Record(iter([request])).read(), "health_insurance") == Reason.CLIENT_NOT_YOURS
    foreign = network.stub(agency_pb2_grpc.AgencyServiceStub, "tax", "counter", NHI)
    find.institution = NHI
    assert await reason_of(foreign.FindSubject(find), "tax") == Reason.CLIENT_CALLER_NOT_ALLOWED


async def test_no_agency_holds_codes_of_others_or_numbers(network: Town) -> None:
    """After recording, the business database holds neither an individual number, nor a resident code, nor a linkage code."""
    (number,) = await network.people([person()])
    await record(network, TAX, [pb.RecordRequest(reference="a", basic_items=person(), change=tax(2025, 3))])
    with closing(sqlite3.connect(network.state / "tax" / f"{TAX}.interim.db")) as store, store:
        (subject,) = store.execute("SELECT subject FROM addressees").fetchone()
    business = b"".join(path.read_bytes() for path in (network.state / "tax").glob(f"{TAX}.db*"))
    assert subject not in business
    for secret in (number, code_of(0)):
        assert secret.encode() not in held(network, "tax")


def unsampled(town_: Town) -> str:
    """A request id that the tax office's review sample does not draw."""
    key = _sample_key(town_.running["tax"].context.config, TAX)
    return next(one for one in iter(lambda: str(uuid.uuid4()), "") if not sampled(key, one))


async def test_an_exchange_answers_from_what_was_recorded(network: Town) -> None:
    """What the old city's tax office recorded is what the new insurer's interim server is told, and no more than the row releases."""
    row = law.packaged().rows["P10"]
    await network.people([person(40)])
    (provider,) = await record(
        network, TAX, [pb.RecordRequest(reference="a", basic_items=person(40), change=tax(2025, 7))]
    )
    (requester,) = await record(network, INSURER, [acquaint(person(40), "a")])
    assert not provider.HasField("error")
    for kind in ("tax", "health_insurance"):
        await network.running[kind].jobs.settle()
    stub = interim(network, INSURER)
    ask = interim_pb2.InquireRequest(
        institution=INSURER,
        addressee_no=requester.addressee_no,
        provider=TAX,
        affair=row.affair.code,
        procedure=row.procedure.code,
        item=row.item,
        span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025)),
        office="window-1",
        clerk="c-0001",
        request_id=unsampled(network),
        consent=exchange_pb2.Consent(given_on="2026-04-06", reference="form-1"),
    )
    receipt = await stub.Inquire(ask)
    collect = interim_pb2.CollectRequest(institution=INSURER, request_id=receipt.request_id, wait_ms=15_000)
    state = (await stub.Collect(collect, timeout=DEADLINE + 15)).inquiry
    assert state.fine_outcome == exchange_pb2.FINE_OUTCOME_PROVIDED, state
    told = state.records[0].content.local_tax
    assert {field.name for field, _ in told.ListFields()} <= set(row.fields)
    assert state.records[0].record_key == "2025"
    assert "total_income_yen" not in row.fields or told.total_income_yen == 7
