"""Our own interim server as a requester that takes questions by its standard input, for `warifu conformance requester --command`.

python own_requester.py FOLDER: a party's folder that `warifu conformance prepare` made. docs/CONFORMANCE.md says what a line is.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from warifu.common.v1 import common_pb2
from warifu.exchange.record import check as check_record
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.host import InterimHost
from warifu.interim.institution import Interim
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.party import Context, Party
from warifu.kernel.server import serve


async def enrol(interim: Interim, institution: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """Why somebody could not be enrolled, if they could not."""
    request = interim_pb2.EnrolRequest(institution=institution, addressee_no=question["addresseeNo"])
    if "basicItems" in question:
        ParseDict(question["basicItems"], request.basic_items)
    else:
        request.individual_number = question["individualNumber"]
    (response,) = await interim.enrol([request])
    return {"requestId": question["requestId"], "reason": response.error.reason}


async def ask(interim: Interim, institution: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a question."""
    request_id, number = question["requestId"], question["addresseeNo"]
    if "code" in question:  # as if it had been claimed, under a number of ours
        number = await interim.acquaint(pb.SubjectReference(code=bytes.fromhex(question["code"])))
    request = interim_pb2.InquireRequest(
        institution=institution,
        request_id=request_id,
        addressee_no=number,
        span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=question["year"])),
        fields=question["fields"],
        non_disclosure=question["nonDisclosure"],
        case_reference="conformance",
        **{name: question[name] for name in ("provider", "affair", "procedure", "item", "office", "clerk")},
    )
    try:
        await interim.inquire(request)
        wait = interim_pb2.CollectRequest(
            institution=institution, request_id=request_id, wait_ms=max(question["waitMs"], 5000)
        )
        state = (await interim.collect(wait)).inquiry
    except LinkageError as error:
        return {"requestId": request_id, "reason": str(error.reason)}
    reason = state.denial.reason if state.HasField("denial") else state.error.reason
    return {
        "requestId": request_id,
        "outcome": pb.Outcome.Name(state.outcome).removeprefix("OUTCOME_"),
        "fineOutcome": pb.FineOutcome.Name(state.fine_outcome).removeprefix("FINE_OUTCOME_"),
        "reason": reason,
        "records": [MessageToDict(one) for one in state.records],
    }


async def records(interim: Interim, institution: str, request_id: str) -> dict[str, Any]:
    """What is on record of an exchange."""
    page = await interim.list_records(interim_pb2.ListRecordsRequest(institution=institution, limit=500))
    rows = [one for one in page.records if check_record(one.record).request_id == request_id]
    return {"requestId": request_id, "records": [MessageToDict(one) for one in rows]}


async def answer(interim: Interim, institution: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """What is answered to a line."""
    if question["op"] == "records":
        return await records(interim, institution, question["requestId"])
    if question["op"] == "enrol":
        return await enrol(interim, institution, question)
    return await ask(interim, institution, question)


async def main(folder: Path) -> None:
    """Serve the party and answer a line for each line."""
    hosts = []

    async def build(context: Context) -> Party:
        hosts.append(InterimHost(context))
        host = hosts[0]
        return Party(host.services, host.jobs, host.checks, host.view, host.start, host.close)

    async with serve(folder, build):
        (institution,) = hosts[0].institutions
        interim = hosts[0].interim(institution)
        while line := await asyncio.to_thread(sys.stdin.readline):
            said = await answer(interim, institution, json.loads(line))
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
