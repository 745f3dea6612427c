"""What a business system must do when it enrols and inquires; one function a requirement."""

from __future__ import annotations

import uuid

from google.protobuf.json_format import MessageToDict

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2 as pb
from warifu.items.v1 import items_pb2
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.conformance.business_bench import BusinessBench
from warifu.simulator.conformance.business_expect import NUMBER, SALARY, copy_of, lost, same
from warifu.simulator.conformance.business_face import Answer, fine
from warifu.simulator.conformance.outcome import Text, UnmetError, expect, plain
from warifu.simulator.conformance.requester_gateway import Failing
from warifu.simulator.conformance.told import Told


def _record(salary: int = SALARY, key: str = "2025") -> exchange_pb2.Record:
    content = items_pb2.ItemContent(local_tax=items_pb2.LocalTaxInfo(salary_revenue_yen=salary))
    return exchange_pb2.Record(record_key=key, layout_version="2025-06", content=content)


def _says(*states: pb.InquiryState) -> Answer:
    """These states at one Collect after the other, the last for ever."""

    async def answer(_: pb.InquireRequest, times: int) -> pb.InquiryState:
        made = pb.InquiryState()
        made.CopyFrom(states[min(times, len(states)) - 1])
        return made

    return answer


PROVIDED = _says(fine("PROVIDED", _record()))


def _told(told: Told, outcome: str, fine_outcome: str = "", reason: str = "", salaries: tuple[int, ...] = ()) -> None:
    wanted = Told(outcome, fine_outcome, reason, salaries)
    if told != wanted:
        raise UnmetError(plain(wanted), plain(told))


async def enrol(bench: BusinessBench) -> None:
    """A new person is enrolled under the addressee number, and a refusal is told."""
    number = bench.person()
    errand = {"op": "enrol", "addresseeNo": number, "individualNumber": NUMBER}
    said = await bench.errand(errand)
    named = [(one.addressee_no, one.individual_number) for one in bench.face.of("Enrol") if one.addressee_no == number]
    expect(Text("宛名番号と個人番号", "addressee number and individual number"), named[-1:], [(number, NUMBER)])
    expect(Text("理由", "the reason"), said.get("reason") or "", "")
    unknown = bench.person()
    bench.face.refused["Enrol", unknown] = "CLIENT_PERSON_NOT_MATCHED"
    said = await bench.errand({**errand, "addresseeNo": unknown})
    expect(Text("理由", "the reason"), said.get("reason") or "", "CLIENT_PERSON_NOT_MATCHED")


async def numbers(bench: BusinessBench) -> None:
    """An individual number is sent when somebody is enrolled, and nowhere else."""
    errand = bench.case()
    before = len(bench.face.calls)
    await bench.errand({"op": "enrol", "addresseeNo": errand["addresseeNo"], "individualNumber": NUMBER})
    await bench.ask(errand, PROVIDED)
    await bench.errand(copy_of(errand["addresseeNo"], SALARY))
    for name, message in bench.face.calls[before:]:
        if name != "Enrol" and NUMBER in str(MessageToDict(message)):
            raise UnmetError(Text(f"個人番号のない {name}", f"{name} without the individual number"), plain(NUMBER))


async def inquiry(bench: BusinessBench) -> None:
    """An inquiry says what the errand says, with office, clerk and case."""
    errand = bench.case()
    await bench.ask(errand, PROVIDED)
    asked = bench.inquiries(errand)[-1]
    for name in ("provider", "affair", "procedure", "item", "office", "clerk"):
        expect(Text(f"照会の {name}", f"the inquiry's {name}"), getattr(asked, name), errand[name])
    expect(Text("年度", "the fiscal year"), asked.span.fiscal_year.year, errand["year"])
    if not asked.case_reference:
        raise UnmetError(Text("事案の番号", "the case that it is for"), plain("–"))


async def consent(bench: BusinessBench) -> None:
    """Consent that the person gave is in the inquiry, with its day and where the form lies."""
    errand = bench.case(consentGivenOn="2025-05-20")
    await bench.ask(errand, PROVIDED)
    given = bench.inquiries(errand)[-1].consent
    expect(Text("同意の日", "the day of the consent"), given.given_on, "2025-05-20")
    if not given.reference:
        raise UnmetError(Text("同意書の所在", "where the form of consent lies"), plain("–"))


async def same_request(bench: BusinessBench) -> None:
    """After a lost answer the same inquiry is sent again, under its UUID; another case is another inquiry."""
    errand, other = bench.case(), bench.case()
    bench.face.failing["Inquire"] = [lost(), lost()]
    told = await bench.ask(errand, PROVIDED)
    bench.face.failing["Inquire"].clear()
    asked = bench.inquiries(errand)
    same(asked, Text("照会", "the inquiry"))
    _told(told, "ANSWERED", "PROVIDED", salaries=(SALARY,))
    await bench.ask(other, PROVIDED)
    ids = {asked[0].request_id, bench.inquiries(other)[0].request_id}
    if len(ids) < 2 or not all(map(_is_uuid, ids)):  # noqa: PLR2004 - two cases
        raise UnmetError(Text("事案ごとに別の UUID", "a UUID of its own for each case"), plain(sorted(ids)))


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


async def stored(bench: BusinessBench) -> None:
    """The same errand after a kill is the same inquiry."""
    errand = bench.case()
    await bench.ask({**errand, "waitMs": 0}, _says(pb.InquiryState()))
    if not await bench.restart():
        return
    bench.face.failing["Inquire"] = []
    told = await bench.ask(errand, PROVIDED)
    _told(told, "ANSWERED", "PROVIDED", salaries=(SALARY,))
    ids = {one.request_id for one in bench.inquiries(errand)}
    expect(Text("照会の数", "inquiries of the case"), len(ids), 1)


async def under_way(bench: BusinessBench) -> None:
    """While there is no outcome it waits, and says nothing that sounds like one."""
    errand = bench.case()
    told = await bench.ask({**errand, "waitMs": 0}, _says(pb.InquiryState()))
    _told(told, "")
    told = await bench.ask(errand, _says(pb.InquiryState(), pb.InquiryState(), fine("PROVIDED", _record())))
    _told(told, "ANSWERED", "PROVIDED", salaries=(SALARY,))


async def pending(bench: BusinessBench) -> None:
    """What waits for a clerk of the provider is told as waiting, and collected later without asking anew."""
    errand = bench.case()
    waits = pb.InquiryState(outcome=exchange_pb2.OUTCOME_PENDING, fine_outcome=exchange_pb2.FINE_OUTCOME_PENDING)
    _told(await bench.ask({**errand, "waitMs": 0}, _says(waits)), "PENDING", "PENDING")
    _told(await bench.ask(errand, PROVIDED), "ANSWERED", "PROVIDED", salaries=(SALARY,))
    ids = {one.request_id for one in bench.inquiries(errand)}
    expect(Text("照会の数", "inquiries of the case"), len(ids), 1)


async def outcomes(bench: BusinessBench) -> None:
    """Every outcome is told as that and no other, with the reason where there is one."""
    for name in ("NO_RECORD", "NOT_REGISTERED", "WITHHELD"):
        _told(await bench.ask(bench.case(), _says(fine(name))), "ANSWERED", name)
    denied = pb.InquiryState(
        outcome=exchange_pb2.OUTCOME_DENIED, denial=linkage_pb2.Denial(reason="CLIENT_ITEM_NOT_PERMITTED")
    )
    _told(await bench.ask(bench.case(), _says(denied)), "DENIED", reason="CLIENT_ITEM_NOT_PERMITTED")
    for outcome, reason in (("ERROR", "PROVIDER_ANSWER_INVALID"), ("EXPIRED", "GATEWAY_EXPIRED")):
        number = exchange_pb2.Outcome.Value(f"OUTCOME_{outcome}")
        failed = pb.InquiryState(outcome=number, error=common_pb2.Failure(reason=reason))
        _told(await bench.ask(bench.case(), _says(failed)), outcome, reason=reason)


async def values(bench: BusinessBench) -> None:
    """All records are told, to the yen."""
    told = await bench.ask(bench.case(), _says(fine("PROVIDED", _record(), _record(1, "2025-2"))))
    _told(told, "ANSWERED", "PROVIDED", salaries=(SALARY, 1))


async def refusal(bench: BusinessBench) -> None:
    """What is refused for good is asked once, and told with its reason."""
    errand = bench.case()
    bench.face.failing["Inquire"] = [Failing("CLIENT_NOT_ENROLLED") for _ in range(20)]
    told = await bench.ask(errand, PROVIDED)
    bench.face.failing["Inquire"].clear()
    expect(Text("送った回数", "times that it was sent"), len(bench.inquiries(errand)), 1)
    if told.is_believed or told.reason != "CLIENT_NOT_ENROLLED":
        raise UnmetError(Text("理由 CLIENT_NOT_ENROLLED", "the reason CLIENT_NOT_ENROLLED"), plain(told))
