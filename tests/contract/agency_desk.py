"""What clerks at an agency's counter send, and what lies in its files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing

from town import CITY, INSURER, NHI, OTHER_CITY, TAX, Town

from warifu import law
from warifu.agency.v1 import agency_pb2 as pb
from warifu.agency.v1 import agency_pb2_grpc
from warifu.common.v1 import common_pb2
from warifu.interim.v1 import interim_pb2_grpc
from warifu.items.v1 import items_pb2

KINDS = {CITY: "residency", OTHER_CITY: "residency", TAX: "tax", NHI: "health_insurance", INSURER: "health_insurance"}

REAL_LOOKING = "123456789018"

NHI_NUMBER = law.packaged().institutions[NHI].insurer_number

INSURER_NUMBER = law.packaged().institutions[INSURER].insurer_number


def desk(town_: Town, institution: str) -> agency_pb2_grpc.AgencyServiceAsyncStub:
    """The business system, from its own counter."""
    return town_.stub(agency_pb2_grpc.AgencyServiceStub, KINDS[institution], "counter", institution)


def interim(town_: Town, institution: str) -> interim_pb2_grpc.InterimServiceAsyncStub:
    """The interim server, from the same counter."""
    return town_.stub(interim_pb2_grpc.InterimServiceStub, KINDS[institution], "counter", institution)


async def record(town_: Town, institution: str, requests: Iterable[pb.RecordRequest]) -> list[pb.RecordResponse]:
    """The responses to a stream of changes."""
    filled = []
    for request in requests:
        request.institution = institution
        filled.append(request)
    return [response async for response in desk(town_, institution).Record(iter(filled))]


def acquaint(items: common_pb2.BasicItems, reference: str) -> pb.RecordRequest:
    """Only makes somebody known."""
    return pb.RecordRequest(reference=reference, basic_items=items, change=pb.Change(acquaintance=pb.Acquaintance()))


def tax(year: int, income: int, **fields) -> pb.Change:
    """An assessment of the city."""
    values = {
        "tax_year": year,
        "municipality": "480011",
        "return_kind": items_pb2.TAX_RETURN_KIND_RETURN,
        "tax_class": items_pb2.TAX_CLASS_TAXED,
        "total_income_yen": income,
    }
    return pb.Change(tax_assessment=items_pb2.LocalTaxInfo(**{**values, **fields}))


def qualification(insurer: str, first: str, end: str | None = None, **fields) -> pb.Change:
    """A qualification; ended for another insurance when it has an end."""
    values = {
        "insurer_number": insurer,
        "number": "123456",
        "insured_kind": items_pb2.INSURED_KIND_INSURED,
        "qualified_on": first,
        "disqualified_on": end,
        "loss_reason": items_pb2.INSURANCE_LOSS_REASON_OTHER_INSURANCE if end else None,
    }
    return pb.Change(qualification=items_pb2.MedicalInsuranceInfo(**{**values, **fields}))


def residency(reason: str, on: str, items: common_pb2.BasicItems | None = None, **fields) -> pb.Change:
    """A change of the resident record."""
    values = {
        "household_id": "h-1",
        "relationship": "世帯主",
        "is_head": True,
        "resident_kind": items_pb2.RESIDENT_KIND_JAPANESE,
        "resident_since": on,
    }
    info = items_pb2.ResidentRecordInfo(**{**values, **fields})
    return pb.Change(residency=pb.ResidencyChange(reason=reason, moved_on=on, record=info, basic_items=items))


def copies(town_: Town, institution: str) -> list[sqlite3.Row]:
    """The copies as they lie at the interim server."""
    with closing(sqlite3.connect(town_.state / KINDS[institution] / f"{institution}.interim.db")) as store, store:
        store.row_factory = sqlite3.Row
        return store.execute("SELECT * FROM copies ORDER BY addressee_no, record_key").fetchall()


def held(town_: Town, party: str) -> bytes:
    """Every byte of a party's files."""
    return b"".join(path.read_bytes() for path in (town_.state / party).rglob("*") if path.is_file())
