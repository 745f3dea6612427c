"""Traces of proxies: each act on the principal's data leaves one that both sides read, and none tells of an entry."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from unit.portal.browser import visible
from unit.portal.lab import LONG, SORA, START, Lab, Told
from unit.portal.mandated import accepted, acting, acts, logged_in, paired, word_of

from warifu.portal.proxies.traces import PAGE_SIZE, Position
from warifu.portal.schema import traces


async def test_each_act_leaves_a_trace_that_both_sides_read(lab: Lab) -> None:
    """Registering, switching, each list and each entry, as page or document, and the end are told to both, each by its own label."""
    await lab.deliver([hers := Told()])
    theirs, own, mandate = await acting(lab)
    for path in ("/history", "/api/v1/history", f"/history/{hers.request_id}", f"/api/v1/history/{hers.request_id}"):
        assert (await own.get(path)).status_code == 200
    await theirs.post("/proxies/end", {"mandate": mandate})
    expected = [
        "PRINCIPAL_ENDED",
        "READ_ENTRY",
        "READ_ENTRY",
        "READ_LIST",
        "READ_LIST",
        "SWITCHED",
        "REGISTERED",
    ]
    assert await acts(theirs) == [(act, "principal", "母") for act in expected]
    await own.post("/proxies/back")
    assert await acts(own) == [(act, "proxy", "花") for act in expected]
    page = visible((await theirs.get("/proxies/records")).text)
    assert "代理人「母」が、あなたの履歴の1件を開きました" in page
    assert "あなたが、「花」の履歴の一覧を見ました" in visible((await own.get("/proxies/records")).text)


async def test_own_reading_leaves_no_trace(lab: Lab) -> None:
    """What the principal reads, and what a proxy reads of their own history, is nowhere noted."""
    await lab.deliver([told := Told()])
    theirs, own, _ = await paired(lab)
    for browser in (theirs, own):
        await browser.get("/history")
        await browser.get(f"/history/{told.request_id}")
    assert [act for act, _, _ in await acts(theirs)] == ["REGISTERED"]


async def test_what_is_not_there_leaves_no_trace(lab: Lab) -> None:
    """An entry that is missing, withheld or somebody else's is answered alike to a proxy and traced in no case."""
    await lab.deliver([Told()])
    await lab.deliver([his := Told()], SORA)
    withheld = Told(withheld=True)
    with pytest.raises(Exception, match="CLIENT_DELIVERY_INVALID"):
        await lab.deliver([withheld])
    theirs, own, _ = await acting(lab)
    answers = [await own.get(f"/history/{one.request_id}") for one in (withheld, his, Told())]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert [act for act, _, _ in await acts(theirs)] == ["SWITCHED", "REGISTERED"]


async def test_a_trace_names_no_entry(lab: Lab) -> None:
    """A trace holds time, kind and mandate, and nothing of what was read."""
    await lab.deliver([hers := Told()])
    _, own, _ = await acting(lab)
    await own.get(f"/history/{hers.request_id}")
    held = lab.store.read(lambda c: repr(c.execute(select(traces)).all()))
    assert "READ_ENTRY" in held
    assert hers.request_id not in held
    assert set(traces.c.keys()) == {"mandate", "at", "number", "act"}


async def test_nothing_is_shown_whose_trace_is_not_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the trace cannot be written, the page breaks instead of showing the history."""
    await lab.deliver([hers := Told()])
    _, own, _ = await acting(lab)

    async def full(_change: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(type(lab.store), "write", lambda _self, change: full(change))
    answer = await own.get("/history")
    assert answer.status_code == 500
    assert hers.request_id not in answer.text


async def test_traces_are_paged_over_all_mandates(lab: Lab) -> None:
    """The pages of traces, newest first, hold each trace of both mandates once, also when all happened in one moment."""
    await lab.deliver([Told()])
    theirs, own, mandate = await paired(lab)
    third = await logged_in(lab, LONG)
    second = (await accepted(third, await word_of(theirs, "三"))).json()["mandate"]
    for browser, which in ((own, mandate), (third, second)):
        await browser.post("/proxies/act", {"mandate": which})
        for _ in range(PAGE_SIZE):
            await browser.get("/api/v1/history")
    lab.clock.network_now += timedelta(hours=1)
    await own.get("/api/v1/history")
    found = await acts(theirs)
    assert len(found) == 2 * (PAGE_SIZE + 2) + 1
    assert found[0] == ("READ_LIST", "principal", "母")
    assert [act for act, _, label in found if label == "三"][-2:] == ["SWITCHED", "REGISTERED"]
    page = (await theirs.get("/proxies/records")).text
    assert page.count('data-testid="trace"') == PAGE_SIZE
    older = re.search(r'href="(/proxies/records\?before=[^"]+)"', page)
    assert older
    assert (await theirs.get(html.unescape(older[1]))).text.count('data-testid="trace"') == PAGE_SIZE


@pytest.mark.parametrize("text", ["", "x", "AAAA", "%00", "A" * 38, "f" * 300, "_" * 38])
async def test_any_position_is_answered(lab: Lab, text: str) -> None:
    """Whatever stands in the address, a page is shown."""
    theirs, _, _ = await paired(lab)
    assert (await theirs.get(f"/proxies/records?before={text}")).status_code == 200


def test_positions_survive_an_address() -> None:
    """A position read from its own text is the same."""
    position = Position(-5, "0f" * 16, 2**31 - 1)
    assert Position.read(str(position)) == position


async def test_traces_tell_the_simulated_time(lab: Lab) -> None:
    """A trace's time is the network's, as everything in a history."""
    theirs, own, mandate = await paired(lab)
    lab.clock.network_now = START + timedelta(days=3)
    await own.post("/proxies/act", {"mandate": mandate})
    (newest, *_) = (await theirs.get("/api/v1/proxies/records")).json()["records"]
    assert newest["at"] == "2026-04-09T09:05:00.000+09:00"
