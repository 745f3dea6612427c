"""Checks that several drills share. Each reads what others hold and returns a `Finding` that names what is missing or wrong."""

from __future__ import annotations

from collections.abc import Iterable

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.model import Finding, done, missed
from warifu.supervision.v1 import supervision_pb2 as filing

SUPERVISOR = "watchdog"
"""The addressee of letters to the supervisor."""


async def leak_reported(
    ground: Ground, institution: str, *, persons: int, wrongful: bool, names: Iterable[str] = ()
) -> Finding:
    """The institution reported the leak to the supervisor since the begin: so many persons, a wrongful purpose or none, and nobody named.

    `names`: words that would name somebody, such as names, addresses and numbers.
    """
    findings = [
        _judged(report, persons, names, wrongful=wrongful)
        for row in ground.filed("leak", institution)
        if (report := filing.ReportLeakRequest.FromString(row["final"] or row["preliminary"]))
    ]
    if not findings:
        who = ground.named(institution)
        return missed(
            f"{who.ja}から監督機関に、漏えい等の報告が届いていない。",
            f"No leak report of {who.en} has reached the supervisor.",
        )
    return next((one for one in findings if one.done), findings[0])


def _judged(report: filing.ReportLeakRequest, persons: int, names: Iterable[str], *, wrongful: bool) -> Finding:
    if report.persons != persons:
        return missed(
            f"報告の人数が {report.persons} 人になっている。関係するのは {persons} 人。",
            f"The report says {report.persons} person(s); {persons} are concerned.",
        )
    if report.wrongful_purpose != wrongful:
        return missed(
            "不正の目的のおそれの有無が違う。確報の期限（30日か60日か）が変わる。",
            "Whether a wrongful purpose is possible is stated wrongly; the term of the final report (30 or 60 days) depends on it.",
        )
    text = f"{report.what}\n{report.cause}\n{report.done}"
    if any(name and name in text for name in names):
        return missed("報告に、個人が分かる言葉が入っている。", "The report contains words that name a person.")
    return done(f"報告 {report.reference} が届いている。", f"Report {report.reference} was received.")


async def letter_answered(
    ground: Ground, person: str, letter: str, *, request_id: str = "", corrected_by: str = ""
) -> Finding:
    """The person's letter has an answer; with `corrected_by`, that institution also corrected the record of the exchange."""
    written = await ground.letter(person, letter)
    if written is None or not (written["answer"] or "").strip():
        return missed("手紙に回答していない。", "The letter has no answer.")
    if not corrected_by:
        return done("手紙に回答した。", "The letter was answered.")
    entry = await ground.entry(person, request_id)
    corrections = [one for one in (entry or {}).get("corrections", []) if one["institution"] == corrected_by]
    if not corrections:
        return missed(
            "手紙に回答したが、誤った記録に訂正が付いていない。本人の履歴には、誤った記録だけが見える。",
            "The letter was answered, but no correction stands beside the wrong record: the person's history still shows it alone.",
        )
    return done("手紙に回答し、記録に訂正を付けた。", "The letter was answered and the record corrected.")


async def asked_again(
    ground: Ground, institution: str, addressee_no: str, provider: str, item: str, before: str
) -> interim_pb2.InquiryState | None:
    """The newest inquiry about the addressee, the same in provider and item, that was answered after the one with the id `before`; with records."""
    for one in await ground.inquiries(institution, addressee_no):
        if one.request_id == before:
            return None
        if one.request.provider != provider or one.request.item != item:
            continue
        whole = await ground.stage.clerk(institution).collect(one.request_id)
        if whole.fine_outcome == exchange_pb2.FINE_OUTCOME_PROVIDED:
            return whole
    return None
