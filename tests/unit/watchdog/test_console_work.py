"""The console's work: searching, opening, deciding; what it shows, what is entered, what it withstands."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.watchdog.desk_lab import NHI, START, TAX, Browser, Desk, exchange, filing, leak, suspicion, visible

from warifu.exchange.detection import RULES
from warifu.kernel.errors import LinkageError, Reason
from warifu.law import Stopped
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.watchdog.findings import Finding, Kind
from warifu.watchdog.leaks.queries import terms
from warifu.watchdog.measures.queries import Kind as MeasureKind
from warifu.watchdog.ordinances.queries import FOLLOWS, State
from warifu.watchdog.rulings import ANEW
from warifu.watchdog.staff.roles import Role

SCRIPT = "<script>document.title='taken'</script>"


async def logged_in(desk: Desk, role: Role = Role.DIRECTOR, language: str = "ja") -> Browser:
    """Somebody at work."""
    browser = Browser(desk, language)
    await browser.log_in(role)
    return browser


# --- search ---------------------------------------------------------------------------------------------------------------------


async def test_opening_the_search_searches_nothing(desk: Desk) -> None:
    """The empty form asks the gateway nothing, so that nothing is entered."""
    browser = await logged_in(desk)
    assert (await browser.get("/search")).status_code == 200
    assert desk.network.searched == []


@pytest.mark.parametrize(
    "query",
    ["institution=nobody-1", "procedure=JT", "outcome=MAYBE", "first=yesterday", "first=2026-06-02&last=2026-06-01"],
)
async def test_a_condition_that_cannot_be_met_is_refused_here(desk: Desk, query: str) -> None:
    """The page says so, the JSON names the field, and the gateway is not asked."""
    browser = await logged_in(desk)
    assert (await browser.get(f"/search?go=1&{query}")).status_code == 400
    response = await browser.get(f"/api/v1/search?{query}")
    assert response.status_code == 400
    assert response.json()["error"]["reason"] == "CLIENT_MALFORMED"
    assert desk.network.searched == []


async def test_the_search_offers_no_person(desk: Desk) -> None:
    """The form's fields are institution, procedure, outcome and days; a name in the address changes nothing of what is asked."""
    browser = await logged_in(desk)
    page = (await browser.get("/search?go=1&name=x&person=y&addressee=1&code=2")).text
    names = {part.split('"')[0] for part in page.split(' name="')[1:]} - {"viewport", "robots"}
    assert names == {"go", "institution", "procedure", "outcome", "first", "last"}
    (asked,) = desk.network.searched
    assert asked == pb.SearchRecordsRequest(before=0, limit=20, role="director")


async def test_what_was_found_is_the_same_for_programs(desk: Desk) -> None:
    """Codes, outcome, places and times as the gateway told them, and where to go on."""
    desk.network.found = pb.SearchRecordsResponse(exchanges=[exchange(1), exchange(2, "OPEN")], next=2)
    browser = await logged_in(desk)
    document = (await browser.get("/api/v1/search")).json()
    first, second = document["exchanges"]
    assert (first["requester"], first["provider"], first["outcome"], first["request_leaf"]) == (NHI, TAX, "ANSWERED", 2)
    assert first["requested_at"] == "2026-06-01T09:04:00.000+09:00"
    assert (second["outcome"], second["answered_at"], document["next"]) == ("OPEN", None, 2)


async def test_a_gateway_that_is_away_is_told_as_such(desk: Desk) -> None:
    """The page and the JSON say that the gateway cannot be reached; the attempt is in the diary."""
    desk.network.away = True
    browser = await logged_in(desk)
    assert (await browser.get("/search?go=1")).status_code == 503
    assert (await browser.get("/api/v1/search")).json()["error"]["reason"] == "GATEWAY_UNAVAILABLE"
    assert [row.act for row in desk.office.diary.page(2**62)][:2] == ["search", "search"]


# --- findings and suspicions --------------------------------------------------------------------------------------------------------


async def test_an_opening_waits_for_a_gateway_that_is_away(desk: Desk) -> None:
    """The finding is shown all the same, saying that it is not yet entered; once the gateway is back it is, once."""
    await desk.find()
    desk.network.away = True
    browser = await logged_in(desk)
    page = await browser.get("/findings/1")
    assert page.status_code == 200
    assert "まだ公開ログに残っていません" in page.text
    assert (await browser.get("/diary")).text.count("公開ログへ送るところ") == 1
    desk.network.away = False
    assert await desk.office.jobs["openings"]() == 1
    assert await desk.office.jobs["openings"]() == 0
    assert desk.network.entered == [("finding-1", "director")]


async def test_each_opening_is_an_entry_also_for_programs(desk: Desk) -> None:
    """Page and JSON, finding and suspicion: each opening is entered with the role; lists, missing ones and nonsense enter nothing."""
    await desk.find()
    desk.network.suspected["gateway"] = [suspicion()]
    await desk.office.collector.collect()
    browser = await logged_in(desk, Role.EXAMINER)
    for path in ("/findings/1", "/api/v1/findings/1", "/suspicions/1", "/api/v1/suspicions/1"):
        assert (await browser.get(path)).status_code == 200
    for path in ("/findings", "/api/v1/findings", "/suspicions", "/api/v1/suspicions", "/detectors"):
        assert (await browser.get(path)).status_code == 200
    for path in ("/findings/2", "/findings/x", "/api/v1/suspicions/9", "/suspicions/-1", "/findings/" + "9" * 40):
        assert (await browser.get(path)).status_code == 404
    assert desk.network.entered == [
        (name, "examiner") for name in ("finding-1", "finding-1", "suspicion-1", "suspicion-1")
    ]


async def test_a_list_does_not_tell_what_an_opening_tells(desk: Desk) -> None:
    """Detail and evidence of a finding, places of a suspicion are in no list."""
    await desk.find()
    desk.network.suspected["gateway"] = [suspicion()]
    await desk.office.collector.collect()
    browser = await logged_in(desk)
    lists = [
        (await browser.get(path)).text
        for path in ("/findings", "/api/v1/findings", "/suspicions", "/api/v1/suspicions")
    ]
    assert not any("another note" in page or "102" in page for page in lists)
    assert "another note" in (await browser.get("/findings/1")).text
    assert "102" in (await browser.get("/suspicions/1")).text


@pytest.mark.parametrize("kind", Kind)
async def test_every_kind_of_finding_has_a_title(desk: Desk, kind: Kind) -> None:
    """In both languages the list shows words, not the kind's name nor the party's code; so does the finding's page."""
    told = {"known": "5", "shown": "4", "problem": "p", "recorded": "t", "reporter": "r", "entry": "1"}
    await desk.findings.keep(Finding(kind, "gateway", b"s", b"\x00\x01", told))
    for language in ("ja", "en"):
        browser = await logged_in(desk, language=language)
        pages = [(await browser.get(path)).text for path in ("/findings", "/findings/1")]
        assert f">{kind}<" not in pages[0]
        assert "0001" in pages[1]
        for page in pages:
            assert {"ja": ">ゲートウェイ<", "en": ">Gateway<"}[language] in page
            assert ">gateway<" not in page


async def test_lists_go_on_where_a_page_ended(desk: Desk) -> None:
    """45 suspicions are three pages, each of them once, newest first; a filter leaves the rule's own."""
    desk.network.suspected[NHI] = [suspicion(n, RULES[n % 2].name) for n in range(45)]
    assert await desk.office.collector.collect() == 45
    browser = await logged_in(desk)
    shown, before = [], ""
    for expected in (20, 20, 5):
        document = (await browser.get(f"/api/v1/suspicions{before}")).json()
        assert len(document["suspicions"]) == expected
        shown += [one["id"] for one in document["suspicions"]]
        before = f"?before={document['next']}"
    assert shown == list(range(45, 0, -1))
    page = (await browser.get(f"/suspicions?rule={RULES[0].name}")).text
    assert page.count('data-testid="suspicion"') == 20
    assert RULES[1].title.ja not in page.split("<ol")[1]


async def test_the_same_suspicion_is_kept_once_and_may_grow(desk: Desk) -> None:
    """Listed again it changes nothing; with more records it is the same one, larger; of unknown rules and other institutions none is kept."""
    for count, new in ((120, 1), (120, 0), (130, 1)):
        desk.network.suspected[NHI] = [
            suspicion(count=count), suspicion(2, "invented"), suspicion(3, institution="nhi-480011"),
        ]  # fmt: skip
        assert await desk.office.collector.collect() == new
    (kept,) = desk.office.found.suspicions(2**62)
    assert (kept.count, kept.source) == (130, NHI)


async def test_the_rules_are_shown_as_they_run(desk: Desk) -> None:
    """Each rule's sentence and threshold stand on the page in the visitor's language."""
    for language in ("ja", "en"):
        text = visible((await (await logged_in(desk, language=language)).get("/detectors")).text)
        for rule in RULES:
            assert rule.says.to(language) in text
            assert str(rule.threshold) in text


# --- measures, stops, ordinance uses -----------------------------------------------------------------------------------------------


async def test_a_measure_is_published_and_blocks_nothing(desk: Desk) -> None:
    """An order stands on the public page with its deadline; what is in force at the gateway does not change by it."""
    browser = await logged_in(desk)
    form = {
        "institution": TAX,
        "kind": "order",
        "title": "記録の確認",
        "text": f"報告すること。{SCRIPT}",
        "reply_by": "2026-06-30",
    }
    assert (await browser.post("/measures", form)).status_code == 303
    page = (await Browser(desk).get("/public/measures")).text
    assert "記録の確認" in page
    assert "2026年6月30日" in page
    assert "<script" not in page
    assert desk.office.rulings.in_force().stops == {}


@pytest.mark.parametrize(
    "change",
    [{"institution": "nobody"}, {"kind": "threat"}, {"title": ""}, {"text": "x" * 2001}, {"title": "a\nb"}, {"title": "a\u0007"},
     {"reply_by": "soon"}, {"reply_by": "2026-05-31"}],
)  # fmt: skip
async def test_a_measure_that_is_not_whole_is_not_issued(desk: Desk, change: dict[str, str]) -> None:
    """Whatever is missing or wrong, nothing is published."""
    browser = await logged_in(desk)
    form = {"institution": TAX, "kind": "guidance", "title": "t", "text": "x"} | change
    assert (await browser.post("/measures", form)).status_code == 400
    assert desk.office.measures.page(2**62) == []


@pytest.mark.parametrize(
    ("path", "form", "wrong", "kept"),
    [
        ("/measures", {"institution": TAX, "kind": "guidance", "title": "記録の件", "reply_by": "2026-05-31"}, {"reply_by", "text"}, "記録の件"),
        ("/stops", {"institution": "nobody", "why": "訓練の停止"}, {"institution", "ground"}, "訓練の停止"),
        ("/ordinances/1/decide", {"to": "approved"}, {"note"}, "条例第3号"),
    ],
)  # fmt: skip
async def test_what_is_wrong_stands_beside_its_field(
    desk: Desk, path: str, form: dict[str, str], wrong: set[str], kept: str
) -> None:
    """Exactly the fields to mend are marked, each described by a text on the page; what was typed stays."""
    await desk.office.uses.file(NHI, filing())
    page = (await (await logged_in(desk)).post(path, form)).text
    marked = re.findall(r'aria-describedby="([^"]*-wrong)"', page)
    assert {ids.split()[-1] for ids in marked} == {f"{name}-wrong" for name in wrong}
    assert all(f'id="{one}"' in page for ids in marked for one in ids.split())
    assert kept in page


async def test_an_examiner_is_offered_nothing_that_is_the_director_s(desk: Desk) -> None:
    """Where the director finds a form, an examiner reads whose work it is."""
    await desk.office.uses.file(NHI, filing())
    await desk.office.stops.stop(TAX, Stopped.ART_28, "why", START.date())
    examiner, director = Browser(desk), await logged_in(desk)
    await examiner.log_in()
    for path, form in (("/stops", "/stops"), ("/stops", "/stops/1/lift"), ("/ordinances/1", "/ordinances/1/decide")):
        theirs, page = (await examiner.get(path)).text, (await director.get(path)).text
        assert f'action="{form}"' in page, form
        assert f'action="{form}"' not in theirs, form
        assert 'data-testid="for-director"' in theirs


async def test_a_reply_comes_once_from_its_institution_and_is_published(desk: Desk) -> None:
    """Another institution's is refused, the same again changes nothing, other words are refused; late ones are counted until then."""
    measures, today = desk.office.measures, desk.clock.today()
    number = await measures.issue(TAX, MeasureKind.GUIDANCE, "t", "x", today=today, reply_by=today)
    desk.clock.now += timedelta(days=1)
    assert len(measures.late(desk.clock.today())) == 1
    for who, text, reason in ((NHI, "r", Reason.CLIENT_MALFORMED), (TAX, "", Reason.CLIENT_MALFORMED)):
        with pytest.raises(LinkageError) as refused:
            await measures.reply(who, number, text, desk.clock.today())
        assert refused.value.reason == reason
    for _ in range(2):
        await measures.reply(TAX, number, "手順を直した。", desk.clock.today())
    with pytest.raises(LinkageError) as refused:
        await measures.reply(TAX, number, "別の回答", desk.clock.today())
    assert refused.value.reason == Reason.CLIENT_REFERENCE_CHANGED
    assert measures.late(desk.clock.today()) == []
    assert "手順を直した。" in (await Browser(desk).get("/public/measures")).text


async def test_a_stop_is_told_to_the_gateway_and_to_everyone(desk: Desk) -> None:
    """It is in the rulings that the gateway gets, on the register's page and on the public one; lifted, in none."""
    browser = await logged_in(desk)
    done = await browser.post("/stops", {"institution": TAX, "ground": "art_28", "why": "評価の再実施がない。"})
    assert done.headers["location"] == "/stops?done=stopped"
    (stop,) = desk.network.put_rulings[-1].stops
    assert (stop.institution, stop.ground, stop.since) == (TAX, pb.STOP_GROUND_ART_28, "2026-06-01")
    again = await browser.post("/stops", {"institution": TAX, "ground": "by_hand", "why": "x"})
    assert again.status_code == 409
    for path in ("/pia", "/public/measures"):
        assert "第28条" in (await Browser(desk).get(path)).text
    assert (await browser.post("/stops/1/lift")).headers["location"] == "/stops?done=lifted"
    assert not desk.network.put_rulings[-1].stops
    assert (await browser.post("/stops/1/lift")).status_code == 404


async def test_a_stop_reaches_a_gateway_that_was_away(desk: Desk) -> None:
    """It is recorded, the page says that the gateway does not know yet, and the periodic job tells it."""
    desk.network.away = True
    browser = await logged_in(desk)
    done = await browser.post("/stops", {"institution": TAX, "ground": "by_hand", "why": "訓練"})
    assert done.headers["location"] == "/stops?done=later"
    assert await desk.office.jobs["rulings"]() == 0
    desk.network.away = False
    assert await desk.office.jobs["rulings"]() == 1
    assert desk.network.put_rulings[-1].stops[0].institution == TAX


async def test_rulings_are_signed_anew_while_nothing_changes(desk: Desk) -> None:
    """Not within the minute, and again after it, so that approvals stay fresh at providers."""
    for _ in range(3):
        await desk.office.jobs["rulings"]()
    assert len(desk.network.put_rulings) == 1
    desk.clock.moment += ANEW
    assert await desk.office.jobs["rulings"]() == 0
    first, second = desk.network.put_rulings
    assert second.issued_at.seconds - first.issued_at.seconds == ANEW.total_seconds()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("to", State)
async def test_only_what_follows_can_be_decided(desk: Desk, state: State, to: State) -> None:
    """A filing is approved or refused once, an approval can be withdrawn, and nothing else happens to either."""
    uses = desk.office.uses
    await uses.file(NHI, filing())
    way = {
        State.APPROVED: [State.APPROVED],
        State.REFUSED: [State.REFUSED],
        State.WITHDRAWN: [State.APPROVED, State.WITHDRAWN],
    }
    for one in way.get(state, []):
        assert await uses.decide(1, one, "n")
    assert await uses.decide(1, to, "n") == (to in FOLLOWS[state])
    approved = uses.one(1).state == State.APPROVED
    assert bool(desk.office.rulings.in_force().approvals) == approved
    assert ("条例第3号" in (await Browser(desk).get("/public/ordinances")).text) == approved


async def test_a_decision_needs_a_reason(desk: Desk) -> None:
    """Without one, or to something unknown, nothing is decided."""
    await desk.office.uses.file(NHI, filing())
    browser = await logged_in(desk)
    for form in ({"to": "approved"}, {"to": "filed", "note": "x"}, {"note": "x"}):
        assert (await browser.post("/ordinances/1/decide", form)).status_code == 400
    assert (await browser.post("/ordinances/2/decide", {"to": "approved", "note": "x"})).status_code == 404
    assert desk.office.uses.one(1).state == State.FILED


# --- leaks --------------------------------------------------------------------------------------------------------------------------


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 90))
def test_terms_run_from_the_day_on_which_it_was_known(
    known: date, wrongful: bool, first: bool, last: bool, after: int
) -> None:
    """5 days for the preliminary report, 30 or 60 for the final one; late from the day after, until the report comes."""
    due = terms(known, wrongful=wrongful, preliminary=first, final=last, today=known + timedelta(days=after))
    assert (due.preliminary_due - known).days == 5
    assert (due.final_due - known).days == (60 if wrongful else 30)
    assert due.preliminary_late == (after > 5 and not first and not last)
    assert due.final_late == (after > (60 if wrongful else 30) and not last)


async def test_overdue_leaks_come_first_and_are_counted(desk: Desk) -> None:
    """A leak whose final report is overdue stands before a newer one that is not, and on the first page."""
    await desk.office.leaks.report(TAX, leak("old", known=date(2026, 4, 1)))
    await desk.office.leaks.report(NHI, leak("new", known=date(2026, 5, 30), what=SCRIPT))
    browser = await logged_in(desk)
    page = (await browser.get("/leaks")).text
    assert page.index("青凪市 市民税課") < page.index("大澪市 国民健康保険課")
    assert desk.office.leaks.late() == 1
    assert "<script" not in (await browser.get("/leaks/2")).text
    await desk.office.leaks.report(TAX, leak("old", final=True, known=date(2026, 4, 1)))
    assert desk.office.leaks.late() == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"known": date(2026, 6, 2)}, Reason.CLIENT_MALFORMED),
        ({"what": ""}, Reason.CLIENT_MALFORMED),
        ({"what": "x" * 2001}, Reason.CLIENT_TOO_LARGE),
        ({"final": True, "done": ""}, Reason.CLIENT_MALFORMED),
        ({"persons": 2**31}, Reason.CLIENT_MALFORMED),
    ],
)
async def test_a_leak_report_that_is_not_whole_is_refused(
    desk: Desk, changes: dict[str, object], reason: Reason
) -> None:
    """A day to come, no or too long a text, a final report without what was done, more persons than there are."""
    with pytest.raises(LinkageError) as refused:
        await desk.office.leaks.report(TAX, leak(**changes))  # type: ignore[arg-type]
    assert refused.value.reason == reason
    assert desk.office.leaks.all() == []


async def test_a_wrongful_purpose_told_later_gives_more_time(desk: Desk) -> None:
    """A final report's word on it counts from then on, and the day on which the leak was known stays that of the first report."""
    await desk.office.leaks.report(TAX, leak())
    with pytest.raises(LinkageError):
        await desk.office.leaks.report(TAX, leak(final=True, known=date(2026, 5, 21)))
    told = await desk.office.leaks.report(TAX, leak(final=True, wrongful_purpose=True))
    assert told.final_due == "2026-07-19"


# --- words --------------------------------------------------------------------------------------------------------------------------


async def test_english_pages_have_no_japanese_left(desk: Desk) -> None:
    """On English pages only the notice, the language link and what people wrote is Japanese."""
    await desk.office.stops.stop(TAX, Stopped.ART_28, "why", START.date())
    await desk.find()
    browser = await logged_in(desk, language="en")
    for path in ("/", "/search?go=1", "/findings/1", "/suspicions", "/detectors", "/pia", "/ordinances", "/measures", "/stops", "/leaks",
                 "/diary", "/differs", "/public/measures", "/public/ordinances", "/nothing", "/login"):  # fmt: skip
        text = visible((await browser.get(path)).text).replace("これは訓練用シミュレータです", "").replace("日本語", "")
        assert not [letter for letter in text if "\u3040" <= letter <= "\u9fff"], path
