"""Plays on the stage: one at a time, watched while they run, ended in words whatever happens to them."""

from __future__ import annotations

import asyncio

import pytest
from unit.stage.lab import Lab, gone, scenario

from warifu.kernel.errors import LinkageError, Reason
from warifu.simulator.cards.client import LoginError
from warifu.simulator.scenarios import NotPlayableError, Stage
from warifu.simulator.stage.scenarios import plays


async def good(stage: Stage) -> None:
    """Says something, checks something."""
    stage.narrate("始める。", "It begins.")
    stage.person = "p-000001"
    stage.check("the-number-is-new", passed=not stage.sabotaged)


async def test_a_play_is_told_from_its_first_line_to_its_checks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines, person and checks of a play that went well stand on the page, which says that it passed."""
    name = scenario(monkeypatch, good)
    answer = await lab.post(f"/scenarios/{name}/play")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/scenarios/{name}#progress")
    played = await lab.until_ended(name)
    assert (played["state"], played["passed"], played["person"]) == ("passed", True, "p-000001")
    page = (await lab.get(f"/scenarios/{name}")).text
    for text in (
        "始める。",
        "番号が新しくなった",
        "合格",
        "/?origin=http%3A%2F%2Fportal.localhost%3A8170&amp;next=%2Fhistory&amp;q=p-000001",
    ):
        assert text in page
    assert 'data-passed="yes"' in page


async def test_a_planted_fault_that_is_noticed_is_as_meant(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the fault planted a failing check is what the trainer wants to see, and the page says so."""
    name = scenario(monkeypatch, good)
    await lab.post(f"/scenarios/{name}/play", fault="1")
    assert (await lab.until_ended(name))["state"] == "failed"
    page = (await lab.get(f"/scenarios/{name}")).text
    assert "検査が誤りに気づきました" in page
    assert 'data-passed="no"' in page


async def test_one_play_at_a_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one runs, another is not begun and the page says why; every page leads to the running one; it can be stopped."""

    async def endless(stage: Stage) -> None:
        stage.narrate("待つ。", "Waiting.")
        await asyncio.Event().wait()

    name = scenario(monkeypatch, endless)
    other = scenario(monkeypatch, good, "refused")
    await lab.post(f"/scenarios/{name}/play")
    assert (await lab.post(f"/scenarios/{other}/play")).headers["location"] == f"/scenarios/{other}?busy"
    assert "まだ演じられません" in (await lab.get(f"/scenarios/{other}?busy")).text
    assert 'data-testid="stage-running"' in (await lab.get("/clock")).text
    await lab.post(f"/scenarios/{other}/stop")  # another's button ends nothing
    assert (await lab.document(name))["state"] == "running"
    await lab.post(f"/scenarios/{name}/stop")
    assert (await lab.document(name))["state"] == "stopped"
    await lab.post(f"/scenarios/{other}/play")
    assert (await lab.until_ended(other))["state"] == "passed"


async def test_a_page_asks_for_news_only_while_there_can_be_some(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The running play's part renews itself every second; once it ended the whole page is read anew, once."""
    go = asyncio.Event()

    async def waits(stage: Stage) -> None:
        await go.wait()
        stage.check("the-number-is-new", passed=True)

    name = scenario(monkeypatch, waits)
    await lab.post(f"/scenarios/{name}/play")
    part = await lab.get(f"/scenarios/{name}/progress")
    assert 'hx-trigger="every 1s"' in part.text
    assert "hx-refresh" not in part.headers
    go.set()
    await lab.until_ended(name)
    part = await lab.get(f"/scenarios/{name}/progress")
    assert part.headers["hx-refresh"] == "true"
    assert "hx-trigger" not in part.text


@pytest.mark.parametrize(
    ("error", "ja", "en"),
    [
        (gone(), "相手", "reached"),
        (LinkageError(Reason.CLIENT_SAME_BODY), "庁内連携", "body"),
        (NotPlayableError("全員演じ終えました", "everyone has played"), "全員演じ終えました", "everyone has played"),
        (LoginError("", "refused"), "応答しません", "does not answer"),
        (LoginError("CLIENT_CARD_LOCKED", "locked"), "ロック", "locked"),
        (TimeoutError(), "打ち切りました", "given up"),
        (KeyError("a secret"), "思いがけない失敗", "unexpected"),
    ],
    ids=["a party is gone", "refused", "not playable", "portal gone", "card locked", "too long", "unexpected"],
)
async def test_a_play_that_breaks_says_why(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, error: Exception, ja: str, en: str
) -> None:
    """Whatever ends a play, the page says it in the reader's language, names the parties that are silent, and can play again."""

    async def breaks(stage: Stage) -> None:
        stage.check("the-number-is-new", passed=True)
        raise error

    name = scenario(monkeypatch, breaks)
    lab.doors.silent = {"tax"}
    await lab.post(f"/scenarios/{name}/play")
    played = await lab.until_ended(name)
    assert (played["state"], played["silent"]) == ("broken", ["tax"])
    for language, word in (("ja", ja), ("en", en)):
        page = (await lab.get(f"/scenarios/{name}", language)).text
        assert word in page
        assert "<code>tax</code>" in page
        assert "a secret" not in page
    scenario(monkeypatch, good)
    await lab.post(f"/scenarios/{name}/play")
    assert (await lab.until_ended(name))["state"] == "passed"


async def test_without_a_single_check_nothing_has_passed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A play that looked at nothing is no success."""

    async def empty(_stage: Stage) -> None:
        """Nothing."""

    name = scenario(monkeypatch, empty)
    await lab.post(f"/scenarios/{name}/play")
    assert (await lab.until_ended(name))["state"] == "failed"


async def test_a_play_ends_with_the_network(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing the stage cancels what plays in its midst, lets it clean up, and leaves no task behind."""
    seen: list[str] = []
    began = asyncio.Event()

    async def endless(_stage: Stage) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("left")

    name = scenario(monkeypatch, endless)
    await lab.post(f"/scenarios/{name}/play")
    await began.wait()
    await lab.face.close()
    assert seen == ["left"]
    assert (await lab.document(name))["state"] == "stopped"
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("play ")]


async def test_a_slow_play_waits_before_each_inquiry(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The box on the page gives the play its pace."""
    paces: list[float] = []

    async def notes(stage: Stage) -> None:
        paces.append(stage.pace)
        stage.check("the-number-is-new", passed=True)

    name = scenario(monkeypatch, notes)
    for form in ({}, {"slow": "1"}):
        await lab.post(f"/scenarios/{name}/play", **form)
        await lab.until_ended(name)
    assert paces == [0.0, plays.SLOW]


async def test_only_the_newest_plays_are_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a lesson lasts, the launcher keeps a bounded number of plays."""
    monkeypatch.setattr(plays, "KEPT", 3)
    name = scenario(monkeypatch, good)
    for _ in range(plays.KEPT + 2):
        await lab.post(f"/scenarios/{name}/play")
        last = await lab.until_ended(name)
    assert last["play"] == plays.KEPT + 2
