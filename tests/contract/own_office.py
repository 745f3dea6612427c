"""Our own business system's cases as a business system that takes errands by its standard input, for `warifu conformance business --command`.

python own_office.py STORE: a database; a clerk's note of which case has which reference lies beside it. What our agencies do about copies, flags
and enrolment follows from their own records, and takes no errands of this form; reviews go from the counter to the interim server directly.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import grpc
from google.protobuf.json_format import MessageToDict

from warifu import law
from warifu.agencies import subjects
from warifu.agencies.cases import kept
from warifu.agencies.cases.asking import Asking
from warifu.agencies.cases.desk import Cases
from warifu.agencies.cases.ports import Ground
from warifu.agencies.schema import SUBJECT
from warifu.agencies.tables import metadata
from warifu.agency.v1 import cases_pb2
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.errors import LinkageError
from warifu.kernel.ids import Ids
from warifu.kernel.store import Store, sqlite_url

INSTITUTION, ROW = "nhi-480011", "P07"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
T = TypeVar("T")


class Clock:
    """A day that stays."""

    def network(self) -> datetime:
        """See `Clock`."""
        return NOW

    def today(self) -> date:
        """See `Clock`."""
        return (NOW + timedelta(hours=9)).date()


class Outside:
    """The interim server's plain face at an address, in the place of the one in the same process."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self._stub = interim_pb2_grpc.InterimServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._known: dict[str, interim_pb2.InquiryState] = {}

    async def inquire(self, request: interim_pb2.InquireRequest) -> interim_pb2.InquireResponse:
        """See `Interim`."""
        return await _told(self._stub.Inquire(request, metadata=self._metadata))

    async def collect(self, request: interim_pb2.CollectRequest) -> interim_pb2.CollectResponse:
        """See `Interim`."""
        response = await _told(self._stub.Collect(request, metadata=self._metadata))
        self._known[request.request_id] = response.inquiry
        return response

    def known(self, request_id: str) -> interim_pb2.InquiryState | None:
        """See `Interim`."""
        return self._known.get(request_id)


async def _told(call: Awaitable[T]) -> T:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise LinkageError.from_rpc(error, party="health_insurance") from error


class Desk:
    """A clerk at the desk of cases."""

    def __init__(self, ground: Ground, notes: Path) -> None:
        self.ground, self.notes = ground, notes
        self.cases, self.asking = Cases(ground), Asking(ground)

    async def ask(self, errand: dict[str, Any]) -> dict[str, Any]:
        """Ask for a case, which is opened the first time, and tell what came of it."""
        actor = cases_pb2.Actor(office=errand["office"], clerk=errand["clerk"])
        reference = await self._reference(errand, actor)
        span = common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=errand["year"]))
        request = cases_pb2.AskForCaseRequest(
            institution=INSTITUTION, reference=reference, row=ROW, provider=errand["provider"], span=span, actor=actor,
            idempotency_key=errand["case"],
        )  # fmt: skip
        await self.asking.ask(request)
        end = time.monotonic() + errand["waitMs"] / 1000
        while self.ground.business.store.read(kept.unsent) and time.monotonic() < end:
            await self.asking.resume()  # a job of the party
        look = cases_pb2.GetCaseRequest(institution=INSTITUTION, reference=reference, wait_ms=errand["waitMs"])
        while True:
            (inquiry,) = (await self.cases.get(look)).case.inquiries
            if inquiry.HasField("not_sent"):
                return {"reason": inquiry.not_sent.reason}
            if inquiry.inquiry.outcome or time.monotonic() >= end:
                return _shown(inquiry.inquiry)

    async def _reference(self, errand: dict[str, Any], actor: cases_pb2.Actor) -> str:
        notes = json.loads(self.notes.read_text(encoding="utf-8")) if self.notes.exists() else {}
        if errand["case"] not in notes:
            number = errand["addresseeNo"]
            row = {
                "addressee_no": number, "name": "名", "address": "所", "birth_date": "1980-01-01", "sex": 1,
                "digest": bytes(16), "enrolled": True, "known_at": 0,
            }  # fmt: skip
            store = self.ground.business.store
            if number not in store.read(lambda connection: subjects.by_number(connection, [number])):
                await store.write(lambda connection: connection.execute(SUBJECT.insert(), row))
            opening = cases_pb2.OpenCaseRequest(
                institution=INSTITUTION, addressee_no=number, procedure=errand["procedure"], actor=actor
            )
            notes[errand["case"]] = (await self.cases.open(opening)).case.reference
            self.notes.write_text(json.dumps(notes), encoding="utf-8")
        return str(notes[errand["case"]])


def _shown(state: interim_pb2.InquiryState) -> dict[str, Any]:
    def name(value: str, prefix: str) -> str:
        return value.removeprefix(prefix).replace("UNSPECIFIED", "")

    return {
        "outcome": name(exchange_pb2.Outcome.Name(state.outcome), "OUTCOME_"),
        "fineOutcome": name(exchange_pb2.FineOutcome.Name(state.fine_outcome), "FINE_OUTCOME_"),
        "reason": state.denial.reason if state.HasField("denial") else state.error.reason,
        "records": [MessageToDict(one) for one in state.records],
    }


async def main(path: Path) -> None:
    """Run a line's errand for each line."""
    store = Store(sqlite_url(path), metadata)
    store.create()
    async with grpc.aio.insecure_channel(os.environ["WARIFU_GRPC"]) as channel:
        interim: Any = Outside(channel, os.environ["WARIFU_TOKEN"])
        business: Any = SimpleNamespace(institution=INSTITUTION, store=store, clock=Clock(), ids=Ids())
        desk = Desk(Ground(business, interim, law.packaged), path.with_suffix(".notes.json"))
        while line := await asyncio.to_thread(sys.stdin.readline):
            errand = json.loads(line)
            try:
                said = await desk.ask(errand) if errand["op"] == "ask" else {"reason": "CLIENT_METHOD_UNKNOWN"}
            except LinkageError as error:
                said = {"reason": str(error.reason)}
            sys.stdout.write(json.dumps({"question": errand["question"], **said}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
