"""Nobody is a visitor by a number alone: number check and identity proofing, both, on record, and the number kept nowhere."""

from __future__ import annotations

import re
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.counter.lab import ADDRESSEE, CLERK, GOOD, HANA, NUMBER, REVIEWER, Browser, Lab

from warifu.counter.visitors.papers import NUMBER_PAPERS, PAPERS, WITH_PHOTO, WITHOUT_PHOTO, Lacking, Seen, lacking
from warifu.kernel.errors import LinkageError, Reason

ALL_SEEN = {one.value for one in Seen}
CODES = st.sets(st.sampled_from([*sorted(WITH_PHOTO | WITHOUT_PHOTO), "library-card"]))


@given(st.sampled_from([*NUMBER_PAPERS, "", "receipt"]), CODES, st.sets(st.sampled_from([*sorted(ALL_SEEN), "hat"])))
def test_papers_suffice_exactly_as_the_rule_says(number_paper: str, papers: set[str], seen: set[str]) -> None:
    """A number paper, then one paper with a photo and every check, or two without and every check but the face; nothing else."""
    photo = bool(papers & WITH_PHOTO)
    enough = photo or len(papers & WITHOUT_PHOTO) >= 2
    checked = (ALL_SEEN if photo else ALL_SEEN - {"face"}) <= seen
    assert (not lacking(number_paper, papers, seen)) == (number_paper in NUMBER_PAPERS and enough and checked)


@given(CODES, st.sets(st.sampled_from(sorted(ALL_SEEN))))
def test_more_papers_and_checks_never_spoil_it(papers: set[str], seen: set[str]) -> None:
    """Who is identified stays identified when everything else is shown and checked too."""
    if not lacking("card", papers, seen):
        assert not lacking("card", papers | WITH_PHOTO | WITHOUT_PHOTO, ALL_SEEN)


def test_the_card_is_enough_for_both() -> None:
    """The individual number card alone proves number and person; it stands in both lists."""
    assert not lacking("card", {"card"}, ALL_SEEN)
    assert "card" in NUMBER_PAPERS
    assert "card" in {paper.code for paper in PAPERS}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"papers": []}, "papers-wrong"),
        ({"papers": ["pension"]}, "papers-wrong"),
        ({"number_paper": ""}, "number-paper-wrong"),
        ({"seen": ["original"]}, "seen-wrong"),
        ({"number": ""}, "number-wrong"),
        ({"number": "999000000009"}, "number-wrong"),
        ({"number": "123456789018"}, "number-wrong"),
        ({"name": ""}, "name-wrong"),
        ({"address": " "}, "address-wrong"),
        ({"born": "yesterday"}, "born-wrong"),
        ({"sex": "x"}, "sex-wrong"),
    ],
)
async def test_what_is_missing_is_said_beside_its_field(lab: Lab, changes: dict, told: str) -> None:
    """A form that lacks something comes back with the reason and without the number; nobody was asked and nothing is on record."""
    browser = Browser(lab)
    await browser.log_in()
    response = await browser.receive(**changes)
    assert response.status_code == 400
    assert f'data-testid="{told}"' in response.text
    assert (GOOD | changes)["number"] not in response.text or not (GOOD | changes)["number"]
    assert lab.stubs.agencies.asked == []
    assert [act for act, *_ in lab.acts()] == ["login"]


async def test_all_that_is_missing_is_said_at_once(lab: Lab) -> None:
    """An empty form names every field to mend, each described by its own text; none has to be found out one by one."""
    browser = Browser(lab)
    await browser.log_in()
    empty = {
        "number": "",
        "number_paper": "",
        "papers": [],
        "seen": [],
        "name": "",
        "address": "",
        "born": "",
        "sex": "",
    }
    page = (await browser.receive(**empty)).text
    for name in ("number", "number-paper", "papers", "seen", "name", "address", "born", "sex"):
        assert re.search(rf'aria-describedby="[^"]*{name}-wrong"', page), name
        assert f'id="{name}-wrong"' in page, name


async def test_a_visitor_is_received_on_number_and_items(lab: Lab) -> None:
    """The business system is asked with both and the staff code; the visit says how it was proved, and by whom."""
    browser = Browser(lab)
    await browser.log_in()
    response = await browser.receive(number="9990 0000 ０００８")
    assert response.headers["location"] == "/residency-480011/visitors/1"
    (request,) = lab.stubs.agencies.requests("ReceiveVisitor")
    assert (request.individual_number, request.basic_items, request.clerk) == (NUMBER, HANA, CLERK)
    text = (await browser.get("/visitors/1")).text
    for shown in (HANA.name, ADDRESSEE, "個人番号カード（裏面）", CLERK, "この機関では初めての人"):
        assert shown in text
    assert 'data-testid="step-protections"' in text
    assert lab.acts()[1:] == [("receive", CLERK, "card", "done"), ("look-up", CLERK, ADDRESSEE, "done")]


async def test_a_person_who_does_not_match_is_no_visitor(lab: Lab) -> None:
    """When the numbering body says no, the reason is shown, the number is not, no visit is made, and the attempt is on record."""
    lab.stubs.agencies.answers["ReceiveVisitor"] = LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED)
    browser = Browser(lab)
    await browser.log_in()
    response = await browser.receive()
    assert response.status_code == 409
    assert 'data-reason="CLIENT_PERSON_NOT_MATCHED"' in response.text
    assert NUMBER not in response.text
    assert HANA.name in response.text
    assert lab.bench().visits.today() == []
    assert lab.acts()[-1] == ("receive", CLERK, "card", "CLIENT_PERSON_NOT_MATCHED")


async def test_the_act_is_on_record_before_anybody_is_asked(lab: Lab) -> None:
    """While the business system is asked, the act already stands, without an end."""
    during = []

    def answer(_request: object) -> object:
        during.extend(lab.acts())
        raise LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED)

    lab.stubs.agencies.answers["ReceiveVisitor"] = answer  # type: ignore[assignment]
    browser = Browser(lab)
    await browser.log_in()
    await browser.receive()
    assert during[-1] == ("receive", CLERK, "card", None)


async def test_neither_number_nor_name_stays_at_the_counter(lab: Lab, tmp_path: Path) -> None:
    """The counter's database holds the addressee number and no other word of the visitor."""
    browser = Browser(lab)
    await browser.log_in()
    await browser.receive()
    await browser.get("/visitors/1")
    connection = sqlite3.connect(tmp_path / "residency-480011.counter.db")
    kept = "\n".join(connection.iterdump())
    connection.close()
    assert ADDRESSEE in kept
    for secret in (NUMBER, HANA.name, HANA.address, HANA.birth_date):
        assert secret not in kept


async def test_a_visit_counts_until_it_is_ended_and_on_its_day(lab: Lab) -> None:
    """An ended or a past visit shows nobody's particulars and leads to no work; looking at it asks nobody."""
    browser = Browser(lab)
    await browser.log_in()
    await browser.receive()
    await browser.receive()
    assert (await browser.post("/visitors/2/end")).headers["location"] == "/residency-480011/visitors"
    asked = len(lab.stubs.agencies.asked)
    assert HANA.name not in (await browser.get("/visitors/2")).text
    lab.clock.now += timedelta(days=1)
    text = (await browser.get("/visitors/1")).text
    assert HANA.name not in text
    assert "step-protections" not in text
    assert len(lab.stubs.agencies.asked) == asked
    assert lab.bench().visits.current(1) is None
    assert "きょうはまだ来庁者がいません" in (await browser.get("/visitors")).text


async def test_a_visit_that_does_not_exist_is_not_found(lab: Lab) -> None:
    """An unknown number and nonsense answer 404."""
    browser = Browser(lab)
    await browser.log_in()
    for path in ("/visitors/7", "/visitors/x", "/visitors/99999999999999999999"):
        assert (await browser.get(path)).status_code == 404


async def test_a_business_system_that_is_away_is_told_as_such(lab: Lab) -> None:
    """A page whose particulars cannot be had says what failed and that it may be tried again."""
    browser = Browser(lab, language="en")
    await browser.log_in()
    await browser.receive()
    lab.stubs.agencies.answers["GetSubject"] = LinkageError(Reason.PROVIDER_UNAVAILABLE)
    response = await browser.get("/visitors/1")
    assert response.status_code == 502
    assert 'data-reason="PROVIDER_UNAVAILABLE"' in response.text
    assert lab.acts()[-1][3] == "PROVIDER_UNAVAILABLE"


async def test_markup_in_a_name_stays_text(lab: Lab) -> None:
    """What is typed comes back escaped."""
    browser = Browser(lab)
    await browser.log_in()
    text = (await browser.receive(name="<script>x</script>", papers=[])).text
    assert "<script>x" not in text
    assert "&lt;script&gt;x" in text


async def test_a_reviewer_receives_nobody(lab: Lab) -> None:
    """Receiving is not a reviewer's work."""
    browser = Browser(lab)
    await browser.log_in(REVIEWER)
    assert (await browser.receive()).status_code == 403
    assert lab.stubs.agencies.asked == []


def test_every_lack_has_its_place_on_the_form() -> None:
    """Each reason why somebody is not identified is one that the form can show."""
    form = (Path(__file__).parents[3] / "services/warifu/counter/templates/visitor_new.html").read_text()
    assert all(f"fields.mend('{one.value}', wrong" in form for one in Lacking)
