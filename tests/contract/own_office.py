"""Our own business systems as one that takes errands by its standard input, for `warifu conformance business --command`.

python own_office.py FOLDER: databases of two agencies and of their counter. A health insurance enrols, asks and protects; a tax office keeps
the books and decides on answers that wait. Whatever they do is done by our agencies' and our counter's own code: through the agencies'
recording and cases, and by the counter's pages.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contract.own_agency import AGENCIES, NHI, TAX, Agency, Outside, bearer
from contract.own_counter import Counter
from unit.counter.lab import PaperClock

from warifu.agencies.cases import kept
from warifu.agency.v1 import agency_pb2, cases_pb2
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import LinkageError

ROW = "P07"
NOW = datetime(2026, 6, 1, 0, 30, tzinfo=UTC)
NUMBER = "999000000008"
"""What a visitor shows whose errand names no number."""
FLAGS = {
    "nonDisclosure": "non_disclosure",
    "selfDisclosureBlocked": "self_disclosure_blocked",
    "manualReview": "manual_review",
}
CLERKS_OWN = {"municipality": "480011", "returnKind": "TAX_RETURN_KIND_RETURN", "taxClass": "TAX_CLASS_TAXED"}
"""What an assessment has beside the values that an errand names."""


class Office:
    """What becomes of errands."""

    def __init__(self, folder: Path, stub: interim_pb2_grpc.InterimServiceAsyncStub) -> None:
        folder.mkdir(exist_ok=True)
        clock = PaperClock()
        clock.now = NOW
        outside = Outside(stub)
        self.agencies = {code: Agency.open(folder, code, clock, outside) for code in AGENCIES}
        self.counter = Counter.open(folder, clock, self.agencies, stub)
        self._notes = folder / "notes.json"

    async def run(self, errand: dict[str, Any]) -> dict[str, Any]:
        """What is said of one."""
        if errand["op"] == "ask":
            return await self._ask(errand)
        if errand["op"] == "reviews":
            return {"reviews": [{"permitId": one} for one in await self.counter.reviews(TAX)]}
        return _failed(await self._done(errand))

    async def _done(self, errand: dict[str, Any]) -> str:
        """Why something could not be done."""
        match errand["op"]:
            case "enrol":
                return await self.counter.receive(NHI, errand["addresseeNo"], errand["individualNumber"])
            case "copy":
                return await self._copy(errand)
            case "protect":
                change = {FLAGS[name]: errand[name] for name in FLAGS if name in errand}
                return await self.counter.protect(NHI, errand["addresseeNo"], NUMBER, change)
            case "decide":
                return await self.counter.decide(TAX, errand["permitId"], errand["decision"])
        return "CLIENT_METHOD_UNKNOWN"

    async def _copy(self, errand: dict[str, Any]) -> str:
        """The tax office's books say now this of a year, or that there ought never to have been anything."""
        if errand["content"] is None:
            gone = agency_pb2.Withdrawal(record_key=errand["recordKey"], reason="適合試験")
            change = agency_pb2.Change(withdrawal=gone)
        else:
            info = ParseDict(CLERKS_OWN | errand["content"]["localTax"], items_pb2.LocalTaxInfo())
            change = agency_pb2.Change(tax_assessment=info)
        published = errand.get("publishedFrom")
        return await self.agencies[TAX].record(errand["question"], errand["addresseeNo"], change, published)

    async def _ask(self, errand: dict[str, Any]) -> dict[str, Any]:
        """Ask for a case, which is opened the first time, and tell what came of it."""
        agency, actor = self.agencies[NHI], cases_pb2.Actor(office=errand["office"], clerk=errand["clerk"])
        reference = await self._reference(errand, actor)
        span = common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=errand["year"]))
        request = cases_pb2.AskForCaseRequest(
            institution=NHI, reference=reference, row=ROW, provider=errand["provider"], span=span, actor=actor,
            idempotency_key=errand["case"], consent_given_on=errand.get("consentGivenOn"),
        )  # fmt: skip
        await agency.asking.ask(request)
        end = time.monotonic() + errand["waitMs"] / 1000
        while agency.business.store.read(kept.unsent) and time.monotonic() < end:
            await agency.asking.resume()  # a job of the party
        look = cases_pb2.GetCaseRequest(institution=NHI, reference=reference, wait_ms=errand["waitMs"])
        while True:
            (inquiry,) = (await agency.cases.get(look)).case.inquiries
            if inquiry.HasField("not_sent"):
                return _failed(inquiry.not_sent.reason)
            if inquiry.inquiry.outcome or time.monotonic() >= end:
                return _shown(inquiry.inquiry)

    async def _reference(self, errand: dict[str, Any], actor: cases_pb2.Actor) -> str:
        """The case's reference, by a clerk's note."""
        notes = json.loads(self._notes.read_text(encoding="utf-8")) if self._notes.exists() else {}
        if errand["case"] not in notes:
            agency, number = self.agencies[NHI], errand["addresseeNo"]
            await agency.acquaint(number)
            opening = cases_pb2.OpenCaseRequest(
                institution=NHI, addressee_no=number, procedure=errand["procedure"], actor=actor
            )
            notes[errand["case"]] = (await agency.cases.open(opening)).case.reference
            self._notes.write_text(json.dumps(notes), encoding="utf-8")
        return str(notes[errand["case"]])


def _failed(reason: str) -> dict[str, Any]:
    return {"reason": reason} if reason else {}


def _shown(state: interim_pb2.InquiryState) -> dict[str, Any]:
    def name(value: str, prefix: str) -> str:
        return value.removeprefix(prefix).replace("UNSPECIFIED", "")

    return {
        "outcome": name(exchange_pb2.Outcome.Name(state.outcome), "OUTCOME_"),
        "fineOutcome": name(exchange_pb2.FineOutcome.Name(state.fine_outcome), "FINE_OUTCOME_"),
        "reason": state.denial.reason if state.HasField("denial") else state.error.reason,
        "records": [MessageToDict(one) for one in state.records],
    }


async def main(folder: Path) -> None:
    """Run a line's errand for each line."""
    interceptors = bearer(os.environ["WARIFU_TOKEN"])
    async with grpc.aio.insecure_channel(os.environ["WARIFU_GRPC"], interceptors=interceptors) as channel:
        office = Office(folder, interim_pb2_grpc.InterimServiceStub(channel))
        while line := await asyncio.to_thread(sys.stdin.readline):
            errand = json.loads(line)
            try:
                said = await office.run(errand)
            except LinkageError as error:
                said = _failed(str(error.reason))
            sys.stdout.write(json.dumps({"question": errand["question"], **said}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
