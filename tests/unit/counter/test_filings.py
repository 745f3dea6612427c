"""What a chief files with the supervisor, reads of what staff did, and how far a page goes back."""

from __future__ import annotations

import re

import pytest
from unit.counter.lab import CHIEF, CLERK, Browser, Lab, visible

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds, timestamp
from warifu.supervision.v1 import supervision_pb2 as pb

WELFARE = "welfare-480011"
USE = {
    "reference": "use-1",
    "row": "P27",
    "ordinance": "青凪市こどもの医療費の助成に関する条例（平成20年条例第5号）",
    "same_aim": "医療費の負担を軽くする\r\n趣旨が同じ。",
    "similar_content": "所得を確かめる内容が似ている。",
    "no_wider": "広くない。",
}
LEAK = {"reference": "leak-1", "final": "0", "known_on": "2026-04-05", "persons": "12", "what": "封筒を取り違えた。"}


async def chief_at(lab: Lab, institution: str = "residency-480011", language: str = "ja") -> Browser:
    """An institution's chief."""
    chief = Browser(lab, institution, language)
    await chief.log_in(CHIEF)
    return chief


async def test_an_ordinance_use_is_filed(lab: Lab) -> None:
    """The form offers the institution's own rows by ordinance; what was typed reaches the supervisor on one line each, on record."""
    lab.stubs.supervisor.answers["FileOrdinanceUse"] = pb.FileOrdinanceUseResponse()
    chief = await chief_at(lab, WELFARE)
    page = (await chief.get("/filings/uses/new")).text
    assert '<option value="P27">' in page
    affair = re.findall(r'<option value="(\w+)">', page.split('id="statutory_affair"')[1])[0]
    response = await chief.post("/filings/uses", USE | {"statutory_affair": affair})
    assert response.headers["location"] == f"/{WELFARE}/filings?done=use"
    (filed,) = lab.stubs.supervisor.requests("FileOrdinanceUse")
    assert (filed.row, filed.same_aim) == ("P27", "医療費の負担を軽くする 趣旨が同じ。")
    assert lab.acts(WELFARE)[-1] == ("file-use", CHIEF, "P27", "done")


async def test_an_institution_without_such_a_row_files_nothing(lab: Lab) -> None:
    """Where no row by ordinance names the institution, the page says so."""
    text = (await (await chief_at(lab)).get("/filings/uses/new")).text
    assert 'data-testid="empty"' in text


async def test_a_leak_is_reported_preliminary_and_final(lab: Lab) -> None:
    """The preliminary report needs what happened; the final one, reached with the same reference, cause and what was done too."""
    lab.stubs.supervisor.answers["ReportLeak"] = pb.ReportLeakResponse()
    chief = await chief_at(lab)
    assert (await chief.post("/filings/leaks", LEAK)).status_code == 303
    page = (await chief.get("/filings/leaks/new?reference=leak-1&known_on=2026-04-05&final=1")).text
    assert 'name="reference" value="leak-1"' in page
    assert (await chief.post("/filings/leaks", LEAK | {"final": "1"})).status_code == 400
    final = LEAK | {"final": "1", "cause": "確認の漏れ。", "done": "本人に知らせた。", "wrongful": "1"}
    assert (await chief.post("/filings/leaks", final)).status_code == 303
    first, second = lab.stubs.supervisor.requests("ReportLeak")
    assert (first.is_final, first.persons, first.known_on, first.wrongful_purpose) == (False, 12, "2026-04-05", False)
    assert (second.is_final, second.reference, second.wrongful_purpose) == (True, "leak-1", True)


@pytest.mark.parametrize("changes", [{"known_on": "x"}, {"persons": "many"}, {"persons": "１２"}, {"what": ""}])
async def test_a_report_that_lacks_something_comes_back(lab: Lab, changes: dict[str, str]) -> None:
    """What was typed stays, the reference too, the reason stands beside the field, and the supervisor is told nothing."""
    chief = await chief_at(lab)
    response = await chief.post("/filings/leaks", LEAK | changes)
    assert response.status_code == 400
    assert re.findall(r'data-testid="(\w+)-wrong"', response.text) == list(changes)
    assert 'name="reference" value="leak-1"' in response.text
    assert lab.stubs.supervisor.asked == []


async def test_a_form_sent_twice_is_one_filing(lab: Lab) -> None:
    """The reference comes with the form, so both sendings carry the same; two forms have two."""
    chief = await chief_at(lab)
    pages = [(await chief.get("/filings/leaks/new")).text for _ in range(2)]
    one, other = (re.findall(r'name="reference" value="([^"]+)"', page)[0] for page in pages)
    assert one != other
    assert one.startswith("leak-2026-04-06-")


async def test_filings_measures_and_terms_are_listed(lab: Lab) -> None:
    """States, terms, notes and what is overdue are told as the supervisor has them."""
    answers = lab.stubs.supervisor.answers
    filed = timestamp(milliseconds(lab.clock.now))
    use = pb.OrdinanceUse(reference="use-1", row="P27", state="refused", filed_at=filed, note="理由が足りない。")
    answers["ListOrdinanceUses"] = pb.ListOrdinanceUsesResponse(uses=[use])
    leak = pb.Leak(
        reference="leak-1",
        known_on="2026-03-01",
        preliminary_due="2026-03-06",
        preliminary_on="2026-03-02",
        final_due="2026-03-31",
    )
    answers["ListLeaks"] = pb.ListLeaksResponse(leaks=[leak])
    measure = pb.Measure(
        id=3, kind="recommendation", title="改善", text="<b>改める</b>", issued_on="2026-03-01", reply_by="2026-04-01"
    )
    answers["ListMeasures"] = pb.ListMeasuresResponse(measures=[measure])
    text = (await (await chief_at(lab)).get("/filings")).text
    for shown in ("承認されなかった", "理由が足りない。", "期限を過ぎた", "勧告: 改善", "確報を出す"):
        assert shown in visible(text)
    assert "<b>改める" not in text


async def test_a_reply_is_sent_once_it_has_words(lab: Lab) -> None:
    """An empty reply comes back beside its measure; one with words reaches the supervisor with the measure's number."""
    measure = pb.Measure(id=3, kind="order", title="停止", text="止める", issued_on="2026-03-01")
    lab.stubs.supervisor.answers["ListMeasures"] = pb.ListMeasuresResponse(measures=[measure])
    lab.stubs.supervisor.answers["ReplyToMeasure"] = pb.ReplyToMeasureResponse()
    chief = await chief_at(lab)
    response = await chief.post("/filings/measures/3/reply", {"text": " "})
    assert response.status_code == 400
    assert 'data-testid="reply-3-wrong"' in response.text
    assert (await chief.post("/filings/measures/3/reply", {"text": "改めた。"})).status_code == 303
    assert lab.stubs.supervisor.requests("ReplyToMeasure") == [pb.ReplyToMeasureRequest(id=3, text="改めた。")]
    assert lab.acts()[-1] == ("reply", CHIEF, "measure-3", "done")


async def test_a_supervisor_that_is_away_is_told_as_such(lab: Lab) -> None:
    """The list says that it cannot be had; a form keeps what was typed and says why it was not taken."""
    lab.stubs.supervisor.answers.clear()
    chief = await chief_at(lab, language="en")
    assert 'data-reason="PROVIDER_UNAVAILABLE"' in (await chief.get("/filings")).text
    response = await chief.post("/filings/leaks", LEAK)
    assert response.status_code == 409
    assert LEAK["what"] in response.text
    lab.stubs.supervisor.answers["ReportLeak"] = LinkageError(Reason.CLIENT_REFERENCE_CHANGED)
    assert 'data-reason="CLIENT_REFERENCE_CHANGED"' in (await chief.post("/filings/leaks", LEAK)).text


async def test_acts_are_listed_newest_first_and_page_by_page(lab: Lab) -> None:
    """Every act is on exactly one page, with who, what and how it ended."""
    chief, account = await chief_at(lab), lab.bench().accounts.find(CHIEF)
    assert account is not None
    for number in range(45):
        async with lab.bench().acts.during(account, "look-up", f"{number}"):
            pass
    lab.bench().accounts.find(CLERK)
    found, path = [], "/acts"
    while path:
        text = (await chief.get(path)).text
        found += re.findall(r'data-act="([a-z-]+)" data-result="(\w*)"', text)
        older = re.search(r'href="/residency-480011(/acts\?before=\d+)"', text)
        path = older[1] if older else ""
    assert found == [("look-up", "done")] * 45 + [("login", "done")]
