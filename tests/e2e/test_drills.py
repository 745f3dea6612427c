"""Drills on a real network: nothing done, something done wrongly, and all done right, as users of the faces do it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date

import pytest
from e2e.conftest import Running, start, stop
from e2e.drilling import WITHIN, Console, Drilling

from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.interim.v1 import interim_pb2
from warifu.law import packaged
from warifu.simulator.drills import altered_log, curious_insider, stale_copy, wrong_person
from warifu.simulator.operators import Operator
from warifu.simulator.scenarios.stage import Stage, tax_year

pytestmark = [pytest.mark.timeout(300)]
slow = pytest.mark.slow
NOBODY = "00000000-0000-4000-8000-00000000dead"


def unlink(drilling: Drilling, institution: str, addressee: str) -> None:
    """As `warifu operator unlink` does."""

    async def act(stage: Stage) -> None:
        operator = Operator(stage.clerk(institution), stage.book)
        await operator.unlink(addressee, "linked to the wrong person")
        assert await operator.linked_again(addressee, within=60)

    drilling.on_stage(act)


def register_again(drilling: Drilling, institution: str, addressee: str) -> None:
    """As `warifu operator copies` does."""

    async def act(stage: Stage) -> None:
        operator = Operator(stage.clerk(institution), stage.book)
        assert str(stale_copy.YEAR) in await operator.register_again(addressee, date(2026, 4, 6))

    drilling.on_stage(act)


# --- wrong-person -------------------------------------------------------------------------------------------------------


@pytest.fixture
def wrong(network: Running) -> Drilling:
    """wrong-person, begun."""
    drilling = Drilling(network, "wrong-person")
    drilling.begin()
    return drilling


def test_nothing_done_about_the_wrong_person_misses_every_task(wrong: Drilling) -> None:
    """Each task is named with what is missing: no answer, still linked wrongly, not asked anew, no answer to the letter, no report."""
    missed = wrong.grade().missed
    assert list(missed) == ["exchange", "linked", "asked-anew", "corrected", "reported"]
    assert "still linked to the other" in missed["linked"]
    assert "Nothing was asked anew" in missed["asked-anew"]
    assert "no answer" in missed["corrected"]
    assert "No leak report" in missed["reported"]


@slow
def test_the_wrong_person_treated_wrongly_fails_naming_each_fault(wrong: Drilling) -> None:
    """Asked before the link is right, linked to a third person, answered without a correction, reported with names: each is told apart."""
    facts = wrong.run.facts
    wrong.answer("exchange", NOBODY)
    wrong.ask_anew(wrong_person.INSURER, facts["addressee"], facts["case"], wrong_person.ROW, facts["provider"])
    link_to_a_third(wrong, facts["addressee"])
    wrong.answer_letter(wrong_person.INSURER, facts["letter"], "お調べしました。 We looked into it.")
    wrong.report_leak(wrong_person.INSURER, facts["letter"][:20], persons=1, what=f"{facts['other_name']} の情報")
    missed = wrong.grade().missed
    assert "not the one" in missed["exchange"]
    assert "yet another person" in missed["linked"]
    assert "again about somebody else" in missed["asked-anew"]
    assert "no correction" in missed["corrected"]
    assert "name a person" in missed["reported"]


def link_to_a_third(drilling: Drilling, addressee: str) -> None:
    """Unlink, and link to somebody else again, faster than the business system does it right."""
    facts = drilling.run.facts

    async def act(stage: Stage) -> None:
        third = next(
            person
            for person in stage.people.all()
            if person.present and person.person not in {facts["other"], facts["dependant"]}
            and all(spell.institution != wrong_person.INSURER for spell in person.insurance)
        )  # fmt: skip
        interim = stage.clerk(wrong_person.INSURER).interim
        request = interim_pb2.EnrolRequest(
            institution=wrong_person.INSURER, addressee_no=addressee, basic_items=stage.people.items(third.person)
        )
        for _ in range(5):
            unbind = interim_pb2.UnbindRequest(institution=wrong_person.INSURER, addressee_no=addressee, reason="x")
            await interim.Unbind(unbind, timeout=15)
            (answer,) = [one async for one in interim.Enrol(iter([request]))]
            if not answer.HasField("error"):
                return

    drilling.on_stage(act)


@slow
def test_the_wrong_person_treated_rightly_passes(wrong: Drilling) -> None:
    """Found, unlinked and so linked anew, asked again for the same case, the letter answered with a correction, the leak reported."""
    facts = wrong.run.facts
    wrong.answer("exchange", facts["request_id"])
    unlink(wrong, wrong_person.INSURER, facts["addressee"])
    wrong.ask_anew(wrong_person.INSURER, facts["addressee"], facts["case"], wrong_person.ROW, facts["provider"])
    correction = "別の方と取り違えて照会しました。 It was asked about another person by mistake."
    wrong.answer_letter(wrong_person.INSURER, facts["letter"], "申し訳ありません。 We apologise.", correction)
    reference = f"leak-{facts['letter'][:8]}"
    wrong.report_leak(wrong_person.INSURER, reference, persons=1, what="別の方の情報を受け取った。")
    grade = wrong.grade()
    assert grade.made["passed"], grade.missed


# --- stale-copy ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def stale(network: Running) -> Drilling:
    """stale-copy, begun."""
    drilling = Drilling(network, "stale-copy")
    drilling.begin()
    return drilling


def ask_for_income(drilling: Drilling) -> None:
    """Ask once more for the same case."""
    facts = drilling.run.facts
    drilling.ask_anew(
        stale_copy.UNION, facts["addressee"], facts["case"], stale_copy.ROW, facts["office"],
        span=tax_year(stale_copy.YEAR),
    )  # fmt: skip


@slow
def test_nothing_done_about_the_stale_copy_misses_every_task(stale: Drilling) -> None:
    """Each task is named with what is missing, and what went out is the old income."""
    missed = stale.grade().missed
    assert list(missed) == ["cause", "copy", "asked-anew", "corrected"]
    assert "still differs" in missed["copy"]
    assert "Nothing was asked anew" in missed["asked-anew"]
    assert "no answer" in missed["corrected"]


@slow
def test_the_stale_copy_treated_wrongly_fails_naming_each_fault(stale: Drilling) -> None:
    """The original made to fit the copy, and asked before the copy was right: told apart from doing nothing."""
    facts = stale.run.facts
    stale.answer("cause", "delivery")
    ask_for_income(stale)
    assert "before the copy was put right" in stale.grade().missed["asked-anew"]

    async def spoil(stage: Stage) -> None:
        clerk = stage.clerk(facts["office"])
        request = agency_pb2.GetSubjectRequest(institution=facts["office"], addressee_no=facts["at_office"])
        held = await clerk.agency.GetSubject(request, timeout=15)
        info = next(one.local_tax for one in held.records if one.local_tax.tax_year == stale_copy.YEAR)
        info.total_income_yen = facts["stale_yen"]
        change = agency_pb2.Change(tax_assessment=info)
        reference = f"spoil/{facts['letter'][:8]}"
        await clerk.record(
            [agency_pb2.RecordRequest(reference=reference, addressee_no=facts["at_office"], change=change)]
        )

    stale.on_stage(spoil)
    stale.answer_letter(facts["office"], facts["letter"], "確かめました。 We checked.")
    missed = stale.grade().missed
    assert list(missed) == ["cause", "copy", "asked-anew", "corrected"]
    assert "It is the copy" in missed["cause"]
    assert "original was changed" in missed["copy"]
    assert "no correction" in missed["corrected"]


@slow
def test_the_stale_copy_treated_rightly_passes(stale: Drilling) -> None:
    """Found, registered anew from the original, asked again, the letter answered with a correction."""
    facts = stale.run.facts
    stale.answer("cause", "copy")
    register_again(stale, facts["office"], facts["at_office"])
    ask_for_income(stale)
    correction = "更正前の値を提供しました。 The values of before the correction were provided."
    stale.answer_letter(facts["office"], facts["letter"], "申し訳ありません。 We apologise.", correction)
    grade = stale.grade()
    assert grade.made["passed"], grade.missed


# --- curious-insider ----------------------------------------------------------------------------------------------------


@pytest.fixture
def curious(network: Running) -> Drilling:
    """curious-insider, begun."""
    drilling = Drilling(network, "curious-insider")
    drilling.begin()
    return drilling


@slow
def test_nothing_done_about_the_curious_insider_misses_every_task(curious: Drilling) -> None:
    """Each task is named with what is missing; the supervisor's console shows the inquiries without a case all the same."""
    missed = curious.grade().missed
    assert list(missed) == ["institution", "clerk", "told", "reported", "measure", "replied"]
    assert missed["clerk"] == "Not answered."
    assert "neither guidance" in missed["measure"]
    console = Console(curious.running, "examiner")
    until = time.monotonic() + WITHIN
    while not any(
        one["rule"] == "no-case" and one["institution"] == curious_insider.INSURER
        for one in console.document("/api/v1/suspicions")["suspicions"]
    ):
        assert time.monotonic() < until, "the supervisor was not pointed at the insurer"
        time.sleep(0.5)


@slow
def test_the_curious_insider_treated_wrongly_fails_naming_each_fault(curious: Drilling) -> None:
    """The wrong institution and clerk, the wrong number of people, no wrongful purpose, a measure to another institution."""
    curious.answer("institution", "tax-480011")
    curious.answer("clerk", "c-0001")
    reference = f"leak-{curious.run.facts['letter'][:8]}"
    curious.report_leak(curious_insider.INSURER, f"{reference}a", persons=1, what="閲覧", wrongful_purpose=True)
    measure = {"institution": "tax-480011", "kind": "guidance", "title": "照会", "text": "点検すること。"}
    Console(curious.running).post("/measures", measure)
    missed = curious.grade().missed
    assert "not the institution" in missed["institution"]
    assert "not the staff code" in missed["clerk"]
    assert "4 are concerned" in missed["reported"]
    assert "another institution" in missed["measure"]
    assert "did not reply" in missed["replied"]
    curious.report_leak(curious_insider.INSURER, f"{reference}b", persons=4, what="閲覧")
    assert "wrongful purpose" in curious.grade().missed["reported"]


@slow
def test_the_curious_insider_treated_rightly_passes(curious: Drilling) -> None:
    """Found by the console and the letter, answered, reported, a measure issued at the console and replied to."""
    facts = curious.run.facts
    curious.answer("institution", packaged().institutions[curious_insider.INSURER].name.ja)
    curious.answer("clerk", "C-0002")
    curious.answer_letter(curious_insider.INSURER, facts["letter"], "申し訳ありません。 We apologise.")
    reference = f"leak-{facts['letter'][:8]}"
    curious.report_leak(curious_insider.INSURER, reference, persons=4, what="不要な照会", wrongful_purpose=True)
    console = Console(curious.running)
    measure = {
        "institution": curious_insider.INSURER,
        "kind": "recommendation",
        "title": "照会",
        "text": "点検すること。",
    }
    console.post("/measures", measure)
    curious.reply(curious_insider.INSURER, "毎日点検します。 We look through them every day.")
    grade = curious.grade()
    assert grade.made["passed"], grade.missed


# --- altered-log --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drilling]:
    """altered-log, begun on a network of its own, since it damages it."""
    running = start(tmp_path_factory.mktemp("altered") / "state", "--people", "100")
    try:
        drilling = Drilling(running, "altered-log")
        drilling.begin()
        yield drilling
    finally:
        stop(running)


@slow
def test_the_altered_log_is_found_step_by_step(damaged: Drilling) -> None:
    """Nothing done misses every task; wrong answers are named; the reconciliation at the console, the right answers and a letter pass."""
    facts = damaged.run.facts
    missed = damaged.grade().missed
    assert list(missed) == ["reconciled", "exchange", "party", "proof", "told"]
    assert "No reconciliation" in missed["reconciled"]

    damaged.answer("exchange", NOBODY)
    damaged.answer("party", "requester")
    damaged.answer("proof", "basis-differs")
    missed = damaged.grade().missed
    assert "was not altered" in missed["exchange"]
    assert "gateway's record" in missed["party"]
    assert "does not say which is right" in missed["proof"]

    console = Console(damaged.running)
    console.post("/reconciliations", {})
    console.eventually("/reconciliations", "/reconciliations/1")
    findings = console.document("/api/v1/reconciliations/1")["findings"]
    assert {"commitment-broken", "basis-differs"} <= {one["kind"] for one in findings}
    assert facts["request_id"] in str(findings)
    damaged.answer("exchange", facts["request_id"])
    damaged.answer("party", "gateway")
    damaged.answer("proof", "commitment-broken")
    console.eventually("/letters", f"/letters/{facts['letter']}")
    console.post(
        f"/letters/{facts['letter']}", {"text": "履歴の記録は正しいものです。 The record in your history is right."}
    )
    grade = damaged.grade()
    assert grade.made["passed"], grade.missed
    assert altered_log.ROW != altered_log.LIE


# --- the verb -----------------------------------------------------------------------------------------------------------


@slow
def test_the_command_begins_shows_hints_answers_and_grades(network: Running) -> None:
    """Each verb prints one JSON document; the grade's exit code says whether it was passed; the debrief comes with the grade alone."""
    begun = network.json("drill", "begin", "wrong-person", "--again")
    assert [task["state"] for task in begun["tasks"]] == ["open"] * 5
    assert "debrief" not in begun
    assert not any("{" in text[language] for text in begun["briefing"] for language in ("ja", "en"))
    hint = network.json("drill", "hint", "wrong-person", "linked")
    assert hint["left"] == 2
    network.json("drill", "answer", "wrong-person", "exchange", NOBODY)
    assert network.json("drill", "show", "wrong-person")["tasks"][0]["state"] == "given"
    graded = network.json("drill", "grade", "wrong-person", code=1)
    assert graded["grade"]["hints"] == 1
    assert set(graded["debrief"]["missed"]) == {task["task"] for task in graded["tasks"]}
    assert "under way" not in network.command("drill", "begin", "wrong-person", code=0).stderr
    assert "under way" in network.command("drill", "begin", "wrong-person", code=2).stderr
    assert "there is no drill" in network.command("drill", "show", "nothing", code=2).stderr


@slow
def test_an_operator_finds_sees_unlinks_and_registers_again(network: Running) -> None:
    """By the four items an operator finds the number, sees originals, unlinks, which links anew by itself, and registers copies; unknown ones are told."""
    drilling = Drilling(network, "wrong-person")
    facts = drilling.begin().facts

    async def items(stage: Stage) -> list[str]:
        held = stage.people.items(facts["dependant"])
        sex = "male" if held.sex == common_pb2.SEX_MALE else "female"
        return ["--name", held.name, "--address", held.address, "--born", held.birth_date, "--sex", sex]

    here = ("--institution", wrong_person.INSURER)
    found = network.json("operator", "find", *drilling.on_stage(items), *here)
    assert found == {"addressee_no": facts["addressee"]}
    held = network.json("operator", "file", facts["addressee"], *here)
    assert held["linked"]
    assert "medical_insurance" in held["records"][0]
    assert network.json("operator", "unlink", facts["addressee"], "--reason", "wrong", *here)["linked"]
    assert drilling.grade().by_task["linked"]["done"]
    assert network.json("operator", "copies", facts["addressee"], *here)["registered"]
    nobody = network.command("operator", "file", "1", *here, code=2)
    assert "CLIENT_ADDRESSEE_UNKNOWN" in nobody.stderr
