"""What a business system must do with copies, protection and reviews; one function a requirement."""

from __future__ import annotations

import uuid
from datetime import timedelta

from warifu.common.v1 import common_pb2
from warifu.exchange.permit import stamp
from warifu.interim.v1 import interim_pb2 as pb
from warifu.simulator.conformance.asking import EXCHANGED
from warifu.simulator.conformance.business_bench import BusinessBench
from warifu.simulator.conformance.business_expect import SALARY, copy_of, lost, same
from warifu.simulator.conformance.folder import ITEM
from warifu.simulator.conformance.outcome import Text, UnmetError, expect, plain


def _copies(bench: BusinessBench, number: str) -> list[pb.RegisterCopiesRequest]:
    return [one for one in bench.face.of("RegisterCopies") if one.addressee_no == number]


async def copy_kinds(bench: BusinessBench) -> None:
    """A record that is new, changed and gone in the own books is registered as that."""
    number = bench.person()
    for salary in (1_000_000, 2_000_000, None):
        await bench.errand(copy_of(number, salary))
    kinds = [pb.CopyChange.Name(one.change) for one in _copies(bench, number)]
    expect(
        Text("副本の種別", "the kinds of change"),
        kinds,
        [f"COPY_CHANGE_{name}" for name in ("NEW", "DIFFERENCE", "DELETE")],
    )


async def copy_form(bench: BusinessBench) -> None:
    """A copy has item, key, layout version and period of its record, and its values."""
    number = bench.person()
    errand = copy_of(number, SALARY)
    await bench.errand(errand)
    made = _copies(bench, number)
    if not made:
        raise UnmetError(Text("副本の登録", "a copy"), plain("–"))
    copy = made[-1]
    for name, value in (
        ("item", copy.item),
        ("recordKey", copy.record_key),
        ("layoutVersion", copy.layout_version),
        ("firstDay", copy.about.first_day),
        ("lastDay", copy.about.last_day),
    ):
        expect(Text(f"副本の {name}", f"the copy's {name}"), value, errand[name])
    local = copy.content.local_tax
    expect(Text("値", "its values"), (local.tax_year, local.salary_revenue_yen), (2025, SALARY))


async def publication(bench: BusinessBench) -> None:
    """A record that may be provided from a day on is registered with that day."""
    number = bench.person()
    await bench.errand(copy_of(number, SALARY) | {"publishedFrom": "2025-06-15"})
    days = [one.published_from for one in _copies(bench, number)]
    expect(Text("提供を始める日", "the first day on which it may be provided"), days[-1:], ["2025-06-15"])


async def copy_ids(bench: BusinessBench) -> None:
    """After a lost answer the same change is sent again under its record id; another change has another."""
    number = bench.person()
    bench.face.failing["RegisterCopies"] = [lost()]
    await bench.errand(copy_of(number, 1_000_000))
    bench.face.failing["RegisterCopies"].clear()
    first = _copies(bench, number)
    same(first, Text("副本の登録", "the copy"))
    await bench.errand(copy_of(number, 2_000_000))
    second = _copies(bench, number)[-1]
    if second.record_id == first[0].record_id:
        raise UnmetError(Text("異動ごとに別のレコード識別番号", "a record id for each change"), plain(second.record_id))


async def copy_errors(bench: BusinessBench) -> None:
    """A copy that is refused within a list that was taken is told as refused."""
    number = bench.person()
    bench.face.refused["RegisterCopies", number] = "CLIENT_LAYOUT_UNKNOWN"
    said = await bench.errand(copy_of(number, 1_000_000))
    expect(Text("理由", "the reason"), said.get("reason") or "", "CLIENT_LAYOUT_UNKNOWN")


async def protection(bench: BusinessBench) -> None:
    """A flag that is set leaves the others of the person as they are."""
    number = bench.person()
    for change in ({"nonDisclosure": True}, {"manualReview": True}, {"nonDisclosure": False}):
        await bench.errand({"op": "protect", "addresseeNo": number, **change})
    flags = [
        (one.non_disclosure, one.self_disclosure_blocked, one.manual_review)
        for one in bench.face.of("SetProtection")
        if one.addressee_no == number
    ]
    wanted = [(True, False, False), (True, False, True), (False, False, True)]
    expect(Text("不開示・自己情報提供不可・自動応答不可", "the three flags"), flags, wanted)


def _review(permit: str, number: str) -> pb.Review:
    """An answer that waits, as an interim server lists it."""
    return pb.Review(
        permit_id=permit,
        addressee_no=number,
        requester="welfare-490016",
        procedure="JT90000000000101",
        item=ITEM,
        why=common_pb2.LocalizedText(ja="本人に確認の指示がある", en="review is ordered for the person"),
        requested_at=stamp(EXCHANGED),
        review_until=stamp(EXCHANGED + timedelta(days=30)),
    )


async def decision(bench: BusinessBench) -> None:
    """What waits for a clerk is listed, and decided as the clerk did."""
    for word in ("provide", "withhold"):
        permit, number = str(uuid.uuid4()), bench.person()
        bench.face.reviews[permit] = _review(permit, number)
        said = await bench.errand({"op": "reviews"})
        listed = [one.get("permitId") for one in said.get("reviews") or () if isinstance(one, dict)]
        expect(Text("一覧にある", "it is listed"), permit in listed, wanted=True)
        await bench.errand({"op": "decide", "permitId": permit, "decision": word, "clerk": "c-0003"})
        made = [
            (pb.ReviewDecision.Name(one.decision), one.clerk)
            for one in bench.face.of("ReleaseReview")
            if one.permit_id == permit
        ]
        expect(Text("決定と職員", "decision and clerk"), made, [(f"REVIEW_DECISION_{word.upper()}", "c-0003")])
        del bench.face.reviews[permit]


async def decision_id(bench: BusinessBench) -> None:
    """After a lost answer a decision is sent again under its id."""
    permit = str(uuid.uuid4())
    bench.face.reviews[permit] = _review(permit, bench.person())
    bench.face.failing["ReleaseReview"] = [lost()]
    await bench.errand({"op": "decide", "permitId": permit, "decision": "provide", "clerk": "c-0003"})
    bench.face.failing["ReleaseReview"].clear()
    made = [one for one in bench.face.of("ReleaseReview") if one.permit_id == permit]
    same(made, Text("決定", "the decision"))
    if not made[0].decision_id:
        raise UnmetError(Text("決定の番号（decisionId）", "a decision id"), plain("–"))
    del bench.face.reviews[permit]
