"""Proxies: made with the principal's card and the proxy's own login, traced, ended at once; and what must not be possible."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL
from unit.portal.browser import Browser, visible
from unit.portal.lab import HANA, LONG, SORA, Lab, TestClock, Told, open_lab
from unit.portal.mandated import JSON, accepted, acting, acts, logged_in, paired, reason, word_of

from warifu.kernel.months import month_of
from warifu.kernel.store import Store
from warifu.kernel.vault import Vault
from warifu.portal.history import holds
from warifu.portal.kept import Seals
from warifu.portal.notices.queries import Notices
from warifu.portal.proxies.queries import GUESS_WINDOW, MOST_GUESSES, MOST_PROXIES, WORD_LIFE, Proxies
from warifu.portal.proxies.refusals import RefusedError
from warifu.portal.proxies.scopes import Scope
from warifu.portal.proxies.traces import Act, Position, Traces
from warifu.portal.schema import accounts, mandates, metadata, proxy_guesses, proxy_words, sessions
from warifu.portal.sessions import Acting, MandateEndedError, Session
from warifu.simulator.cards import tray

# --- becoming one -----------------------------------------------------------------------------------------------------


async def test_a_proxy_reads_the_principal_s_history(lab: Lab) -> None:
    """After pairing and switching, list, entry and both documents are the principal's, under a banner, and nothing of the proxy's own."""
    await lab.deliver([hers := Told()])
    await lab.deliver([his := Told()], SORA)
    _, own, _ = await acting(lab)
    page = (await own.get("/history")).text
    assert hers.request_id in page
    assert his.request_id not in page
    assert "「花」の代理人として閲覧しています" in page
    entry = await own.get(f"/history/{hers.request_id}")
    assert entry.status_code == 200
    assert "「花」の代理人として閲覧しています" in entry.text
    document = (await own.get("/api/v1/history")).json()
    assert [one["request_id"] for one in document["entries"]] == [hers.request_id]
    assert document["proxy_for"] == "花"
    assert (await own.get(f"/api/v1/history/{hers.request_id}")).json()["request_id"] == hers.request_id
    for path in ("/history/", "/api/v1/history/"):
        assert (await own.get(path + his.request_id)).status_code == 404


async def test_going_back_shows_one_s_own_history(lab: Lab) -> None:
    """After switching back the proxy reads their own history again, without banner, and none of the principal's."""
    await lab.deliver([hers := Told()])
    await lab.deliver([his := Told()], SORA)
    _, own, _ = await acting(lab)
    answer = await own.post("/proxies/back")
    assert answer.headers["location"] == "/proxies?done=back"
    page = (await own.get("/history")).text
    assert his.request_id in page
    assert hers.request_id not in page
    assert "代理人として閲覧しています" not in page
    assert (await own.get(f"/history/{hers.request_id}")).status_code == 404


async def test_the_principal_notices_nothing_but_the_proxy(lab: Lab) -> None:
    """While somebody reads for her, the principal's own session reads her own history as before."""
    await lab.deliver([hers := Told()])
    theirs, _, _ = await acting(lab)
    page = (await theirs.get("/history")).text
    assert hers.request_id in page
    assert "代理人として閲覧しています" not in page
    assert (await theirs.get("/api/v1/history")).json()["proxy_for"] is None


async def test_codes_that_come_later_are_read_too(lab: Lab) -> None:
    """A principal whose resident code changed has one history, for the proxy as well."""
    await lab.deliver([old := Told()])
    theirs, own, _ = await acting(lab)
    lab.authority.codes[HANA.individual_number] = 1
    await lab.portal.jobs["superseded"]()
    await lab.deliver([new := Told()], change=1)
    await theirs.post("/logout")
    await theirs.log_in(HANA)
    page = (await own.get("/history")).text
    assert old.request_id in page
    assert new.request_id in page


async def test_the_pages_lead_through_it(lab: Lab) -> None:
    """By forms alone: the word is shown once, typed at the other side, and each side sees the other under its own label."""
    theirs, own = await logged_in(lab), await logged_in(lab, SORA)
    shown = await theirs.post("/proxies/word", {"label": "ソラさん"})
    word = re.search(r'data-testid="word">([^<]+)<', shown.text)
    assert word
    answer = await own.post("/proxies/accept", {"word": word[1].lower(), "label": "ハナさん"})
    assert answer.headers["location"] == "/proxies?done=registered"
    page = visible((await own.get("/proxies?done=registered")).text)
    assert "代理人として登録されました" in page
    assert "ハナさん" in page
    assert "ソラさん" not in page
    assert "ソラさん" in (await theirs.get("/proxies")).text
    document = (await theirs.get("/api/v1/proxies")).json()
    assert [one["label"] for one in document["proxies"]] == ["ソラさん"]
    assert document["principals"] == []


async def test_a_parent_registers_for_a_small_child_in_one_browser(lab: Lab) -> None:
    """With the child's card in hand: log in as the child, have the word made, log out, log in as oneself, type it."""
    await lab.deliver([childs := Told()])
    browser = await logged_in(lab, HANA)
    word = await word_of(browser)
    await browser.post("/logout")
    await browser.log_in(SORA)
    mandate = (await accepted(browser, word)).json()["mandate"]
    await browser.post("/proxies/act", {"mandate": mandate})
    assert childs.request_id in (await browser.get("/history")).text


async def test_only_hashes_of_words_are_kept(lab: Lab) -> None:
    """Neither the word nor its letters are anywhere in the portal's database."""
    theirs = await logged_in(lab)
    word = await word_of(theirs)
    tables = [lab.store.read(lambda c, t=table: repr(c.execute(select(t)).all())) for table in metadata.sorted_tables]
    held = "".join(tables)
    assert "母" in held
    assert word not in held
    assert word.replace("-", "") not in held


# --- what must not be possible ----------------------------------------------------------------------------------------


async def test_a_word_serves_once(lab: Lab) -> None:
    """A word that was used is unknown afterwards, for the same proxy and for another."""
    theirs, own, _ = await paired(lab)
    word = await word_of(theirs)
    other = await logged_in(lab, LONG)
    assert (await accepted(other, word)).status_code == 200
    for browser in (own, other):
        assert reason(await accepted(browser, word)) == (403, "WORD_UNKNOWN")


async def test_of_two_at_once_one_becomes_the_proxy(lab: Lab) -> None:
    """Typed by two people in the same moment a word makes one mandate."""
    word = await word_of(await logged_in(lab))
    one, other = await logged_in(lab, SORA), await logged_in(lab, LONG)
    answers = await asyncio.gather(accepted(one, word), accepted(other, word))
    assert sorted(answer.status_code for answer in answers) == [200, 403]
    assert len(lab.store.read(lambda c: c.execute(select(mandates)).all())) == 1


async def test_a_word_expires_by_the_machine_clock(lab: Lab) -> None:
    """Ten minutes of machine time end a word, whatever the simulated clock does; until then it serves."""
    theirs, own = await logged_in(lab), await logged_in(lab, SORA)
    word = await word_of(theirs)
    lab.clock.machine_now += WORD_LIFE
    assert reason(await accepted(own, word)) == (403, "WORD_UNKNOWN")
    word = await word_of(theirs)
    lab.clock.network_now += timedelta(days=400)
    lab.clock.machine_now += WORD_LIFE - timedelta(milliseconds=1)
    assert (await accepted(own, word)).status_code == 200


async def test_a_new_word_ends_the_one_before(lab: Lab) -> None:
    """One person has one living word."""
    theirs, own = await logged_in(lab), await logged_in(lab, SORA)
    first = await word_of(theirs)
    second = await word_of(theirs)
    assert reason(await accepted(own, first)) == (403, "WORD_UNKNOWN")
    assert (await accepted(own, second)).status_code == 200


async def test_guessing_is_limited(lab: Lab, tmp_path: Path) -> None:
    """After five wrong words in a quarter of an hour not even the right one is taken, also across a restart; then it is again."""
    theirs, own = await logged_in(lab), await logged_in(lab, SORA)
    for guess in range(MOST_GUESSES):
        assert reason(await accepted(own, f"0000-0000-000{guess}")) == (403, "WORD_UNKNOWN")
    answer = await accepted(own, await word_of(theirs))
    assert reason(answer) == (429, "TOO_MANY_GUESSES")
    assert answer.headers["retry-after"] == "900"
    lab.clock.pass_time(GUESS_WINDOW - timedelta(minutes=1))
    assert reason(await accepted(own, await word_of(theirs))) == (429, "TOO_MANY_GUESSES")
    await own.get("/")
    await own.get("/proxies")
    lab.clock.pass_time(timedelta(minutes=1))
    assert (await accepted(own, await word_of(theirs))).status_code == 200


async def test_guesses_at_once_are_all_counted(lab: Lab) -> None:
    """Of twenty wrong words typed in the same moment five are looked at."""
    own = await logged_in(lab, SORA)
    answers = await asyncio.gather(*(accepted(own, f"0000-0000-00{guess}") for guess in range(10, 30)))
    assert [answer.status_code for answer in answers].count(403) == MOST_GUESSES


async def test_guesses_outlast_a_restart(tmp_path: Path) -> None:
    """Who has used up their guesses has none left after the portal was started again."""
    first = await open_lab(tmp_path)
    own = await logged_in(first, SORA)
    for _ in range(MOST_GUESSES):
        await accepted(own, "0000-0000-0000")
    first.close()
    second = await open_lab(tmp_path)
    second.authority.key, second.authority.certificate = first.authority.key, first.authority.certificate
    second.authority.statuses, second.authority.holders = first.authority.statuses, first.authority.holders
    again = await logged_in(second, SORA)
    assert reason(await accepted(again, "0000-0000-0000")) == (429, "TOO_MANY_GUESSES")
    second.close()


async def test_nobody_is_their_own_proxy(lab: Lab) -> None:
    """A word typed under the login that made it makes nothing, and still serves the one for whom it was meant."""
    theirs = await logged_in(lab)
    word = await word_of(theirs)
    assert reason(await accepted(theirs, word)) == (409, "OWN_WORD")
    assert (await accepted(await logged_in(lab, SORA), word)).status_code == 200


async def test_a_pair_has_one_mandate(lab: Lab) -> None:
    """Who is somebody's proxy cannot become so twice, but the other way round they can."""
    theirs, own, _ = await paired(lab)
    assert reason(await accepted(own, await word_of(theirs))) == (409, "ALREADY_PROXY")
    assert (await accepted(theirs, await word_of(own))).status_code == 200


async def test_five_proxies_are_enough(lab: Lab) -> None:
    """A sixth proxy is refused."""
    theirs, _, mandate = await paired(lab)
    row = lab.store.read(lambda c: c.execute(select(mandates)).mappings().one())
    more = [{**row, "mandate": f"{place:032x}"} for place in range(MOST_PROXIES - 1)]
    await lab.store.write(lambda c: c.execute(mandates.insert(), more))
    late = await logged_in(lab, LONG)
    assert reason(await accepted(late, await word_of(theirs))) == (409, "FULL")
    await theirs.post("/proxies/end", {"mandate": mandate})
    assert (await accepted(late, await word_of(theirs))).status_code == 200


@pytest.mark.parametrize("path", ["/proxies", "/proxies/records"])
async def test_pages_need_a_login(lab: Lab, path: str) -> None:
    """Without a session the pages lead to the login and back."""
    answer = await Browser(lab).get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=%2Fproxies")


@pytest.mark.parametrize("what", ["word", "accept", "act", "back", "end"])
async def test_acts_need_a_login_and_a_page_of_this_site(lab: Lab, what: str) -> None:
    """Without a session nothing is done, for people and programs; from another site nothing is done with one."""
    stranger = Browser(lab)
    assert (await stranger.post(f"/proxies/{what}")).headers["location"] == "/login?next=/proxies"
    assert (await stranger.post(f"/proxies/{what}", **JSON)).status_code == 401
    browser = await logged_in(lab)
    assert (await browser.post(f"/proxies/{what}", origin="http://evil.example")).status_code == 403
    assert (await browser.get(f"/proxies/{what}")).status_code == 405


async def test_documents_need_a_login(lab: Lab) -> None:
    """Without a session the documents are answered 401."""
    for path in ("/api/v1/proxies", "/api/v1/proxies/records"):
        assert (await Browser(lab).get(path)).status_code == 401


async def test_somebody_else_s_mandate_opens_nothing(lab: Lab) -> None:
    """A mandate's id serves its two sides alone, and only the proxy to read: to all others it is missing."""
    await lab.deliver([hers := Told()])
    theirs, own, mandate = await paired(lab)
    stranger = await logged_in(lab, LONG)
    for browser, what in ((stranger, "act"), (stranger, "end"), (theirs, "act")):
        assert (await browser.post(f"/proxies/{what}", {"mandate": mandate})).status_code == 404
    assert hers.request_id not in (await stranger.get("/history")).text
    assert await acts(stranger) == []
    assert (await own.post("/proxies/act", {"mandate": mandate})).status_code == 303
    assert (await own.post("/proxies/act", {"mandate": "0" * 32}, **JSON)).status_code == 409


async def test_a_proxy_of_a_proxy_gets_nothing(lab: Lab) -> None:
    """Who may read for a proxy reads the proxy's own history, and neither the principal's nor a way to it."""
    await lab.deliver([hers := Told()])
    await lab.deliver([his := Told()], SORA)
    _, own, mandate = await acting(lab)
    await own.post("/proxies/back")
    third = await logged_in(lab, LONG)
    second = (await accepted(third, await word_of(own), "空")).json()["mandate"]
    await own.post("/proxies/act", {"mandate": mandate})
    await third.post("/proxies/act", {"mandate": second})
    page = (await third.get("/history")).text
    assert his.request_id in page
    assert hers.request_id not in page
    assert (await third.get(f"/history/{hers.request_id}")).status_code == 404
    await third.post("/proxies/back")
    assert (await third.post("/proxies/act", {"mandate": mandate})).status_code == 404
    assert [one["label"] for one in (await third.get("/api/v1/proxies")).json()["principals"]] == ["空"]


@pytest.mark.parametrize("what", ["word", "accept", "act", "end"])
async def test_while_acting_nothing_can_be_changed(lab: Lab, what: str) -> None:
    """A proxy makes no words, takes none and ends nothing while acting: neither in their own name by mistake nor in the principal's."""
    _, own, mandate = await acting(lab)
    before = [lab.store.read(lambda c, t=table: c.execute(select(t)).all()) for table in (mandates, proxy_words)]
    form = {"mandate": mandate, "label": "x", "word": "0000-0000-0000"}
    assert reason(await own.post(f"/proxies/{what}", form, **JSON)) == (409, "NOT_WHILE_ACTING")
    page = await own.post(f"/proxies/{what}", form)
    assert page.status_code == 409
    assert 'data-testid="back"' in page.text
    assert 'data-testid="make-word"' not in page.text
    after = [lab.store.read(lambda c, t=table: c.execute(select(t)).all()) for table in (mandates, proxy_words)]
    assert before == after


# --- ending -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["principal", "proxy"])
async def test_either_side_ends_it_at_once(lab: Lab, side: str) -> None:
    """Ended by either side, in another session, the running one reads nothing more: no page, no document, not its own history instead."""
    await lab.deliver([hers := Told()])
    await lab.deliver([his := Told()], SORA)
    theirs, own, mandate = await acting(lab)
    ender = theirs if side == "principal" else await logged_in(lab, SORA)
    assert (await ender.post("/proxies/end", {"mandate": mandate})).headers["location"] == "/proxies?done=ended"
    for path in ("/history", f"/history/{hers.request_id}", f"/history/{his.request_id}"):
        answer = await own.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/proxies")
    for path in ("/api/v1/history", f"/api/v1/history/{hers.request_id}", f"/api/v1/history/{his.request_id}"):
        assert reason(await own.get(path)) == (403, "MANDATE_ENDED")
    page = (await own.get("/proxies")).text
    assert "代理の登録が終わりました" in page
    await own.post("/proxies/back")
    assert his.request_id in (await own.get("/history")).text
    assert (await own.post("/proxies/act", {"mandate": mandate})).status_code == 404
    assert (await own.get("/api/v1/proxies")).json()["principals"] == []
    assert (await theirs.get("/api/v1/proxies")).json()["proxies"] == []


async def test_it_ends_once(lab: Lab) -> None:
    """A mandate that has ended cannot be ended again, and leaves one trace of its end."""
    theirs, own, mandate = await paired(lab)
    answers = await asyncio.gather(
        theirs.post("/proxies/end", {"mandate": mandate}), own.post("/proxies/end", {"mandate": mandate})
    )
    assert sorted(answer.status_code for answer in answers) == [303, 404]
    assert [act for act, _, _ in await acts(theirs)][1:] == ["REGISTERED"]


async def test_a_revocation_while_a_page_is_made_wins(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the mandate ends between the look at the session and the answer, nothing is shown and nothing is traced."""
    await lab.deliver([hers := Told()])
    theirs, own, _ = await acting(lab)

    def ended_meanwhile(look: Callable[..., Any]) -> Callable[..., Any]:
        def looked(*asked: object) -> object:
            with closing(sqlite3.connect(tmp_path / "portal-main.db")) as other, other:
                other.execute("UPDATE mandates SET ended_at = 1")
            return look(*asked)

        return looked

    looks: list[tuple[str, Any, str]] = [
        ("/api/v1/history", holds, "months_of"),
        (f"/api/v1/history/{hers.request_id}", lab.portal.accounts, "subjects"),
    ]
    for path, where, name in looks:
        await lab.store.write(lambda c: c.execute(mandates.update().values(ended_at=None)))
        with monkeypatch.context() as patched:
            patched.setattr(where, name, ended_meanwhile(getattr(where, name)))
            assert reason(await own.get(path)) == (403, "MANDATE_ENDED")
    assert [act for act, _, _ in await acts(theirs)] == ["SWITCHED", "REGISTERED"]


async def test_a_logout_ends_the_acting(lab: Lab) -> None:
    """Who logs in anew reads their own history, whatever they did before."""
    await lab.deliver([hers := Told()])
    _, own, _ = await acting(lab)
    await own.post("/logout")
    assert hers.request_id not in (await own.log_in(SORA)).text


async def test_it_outlasts_a_restart(tmp_path: Path) -> None:
    """A portal that is started again knows mandates, who acts, and traces."""
    first = await open_lab(tmp_path)
    await first.deliver([hers := Told()])
    _, own, _ = await acting(first)
    first.close()
    second = await open_lab(tmp_path)
    again = Browser(second)
    again.client.cookies = own.client.cookies
    assert hers.request_id in (await again.get("/history")).text
    assert [act for act, _, _ in await acts(again)] == ["READ_LIST", "SWITCHED", "REGISTERED"]
    second.close()


# --- form -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["", " ", "　", "x" * 41, "a\nb", "a\x00b", "a\u202eb"])
async def test_labels_are_checked(lab: Lab, label: str) -> None:
    """An empty label, one over forty characters or with invisible characters is refused at either side, and uses up no word."""
    theirs, own = await logged_in(lab), await logged_in(lab, SORA)
    assert reason(await theirs.post("/proxies/word", {"label": label}, **JSON)) == (400, "LABEL_MALFORMED")
    word = await word_of(theirs)
    assert reason(await accepted(own, word, label)) == (400, "LABEL_MALFORMED")
    assert (await accepted(own, word, "x" * 40)).status_code == 200


async def test_a_refused_word_costs_no_typing_of_the_label(lab: Lab) -> None:
    """After a wrong word the page says so, keeps the label and forgets the word."""
    own = await logged_in(lab, SORA)
    page = await own.post("/proxies/accept", {"word": "7777-7777-7777", "label": '花"さん'})
    assert page.status_code == 403
    assert 'role="alert"' in page.text
    assert 'value="花&#34;さん"' in page.text
    assert "7777" not in page.text


async def test_markup_in_labels_stays_text(lab: Lab) -> None:
    """Markup in a label is shown as text on every page that has it."""
    label = "<script>1</script>\"'"
    theirs, own = await logged_in(lab), await logged_in(lab, SORA)
    mandate = (await accepted(own, await word_of(theirs, label), label)).json()["mandate"]
    await own.post("/proxies/act", {"mandate": mandate})
    pages = [await own.get("/history"), await own.get("/proxies"), await theirs.get("/proxies")]
    pages += [await theirs.get("/proxies/records")]
    for page in pages:
        assert "<script>1" not in page.text
        assert "&lt;script&gt;1" in page.text


async def test_english_pages_about_proxies_are_english(lab: Lab) -> None:
    """Every page and state about proxies is English to who reads English."""
    theirs, own = await logged_in(lab, HANA, "en"), await logged_in(lab, SORA, "en")
    shown = await theirs.post("/proxies/word", {"label": "mother"})
    word = re.search(r'data-testid="word">([^<]+)<', shown.text)
    assert word
    pages = [shown, await own.post("/proxies/accept", {"word": "no", "label": "daughter"})]
    mandate = (await accepted(own, word[1], "daughter")).json()["mandate"]
    pages += [await own.get("/proxies?done=registered"), await theirs.get("/proxies")]
    await own.post("/proxies/act", {"mandate": mandate})
    pages += [await own.get("/history"), await own.get("/proxies"), await own.post("/proxies/word")]
    await theirs.post("/proxies/end", {"mandate": mandate})
    pages += [await own.get("/proxies"), await theirs.get("/proxies/records")]
    await own.post("/proxies/back")
    pages += [
        await own.get("/proxies/records"),
        await own.get("/proxies/records?before=" + str(Position(0, "0" * 32, 0))),
    ]
    for page in pages:
        text = visible(page.text).replace("これは訓練用シミュレータです", "").replace("日本語", "")
        assert not [letter for letter in text if "\u3040" <= letter <= "\u9fff"], text


async def test_old_words_and_guesses_are_forgotten(lab: Lab) -> None:
    """The portal's job erases words and guesses that no longer count, and no others."""
    theirs, own = await logged_in(lab), await logged_in(lab, SORA)
    await word_of(theirs)
    await accepted(own, "0000-0000-0000")
    assert await lab.portal.jobs["proxies"]() == 0
    lab.clock.pass_time(GUESS_WINDOW)
    assert await lab.portal.jobs["proxies"]() == 2
    for table in (proxy_words, proxy_guesses):
        assert lab.store.read(lambda c, t=table: c.execute(select(t)).all()) == []


async def test_accounts_that_become_one_keep_their_mandates(lab: Lab) -> None:
    """When two accounts turn out to be one person's, the mandates of both are that person's, and their proxy reads the whole history."""
    await lab.deliver([old := Told()])
    theirs, own, mandate = await paired(lab)
    lab.authority.codes[HANA.individual_number] = 1
    await lab.portal.jobs["superseded"]()
    await lab.deliver([new := Told()], change=1)
    renewed = replace(HANA, person="p000009", pin="1212")
    await tray.fill(lab.people, [renewed])
    with_new_card = await logged_in(lab, renewed)
    assert (await with_new_card.get("/api/v1/proxies")).json()["proxies"] == []
    await theirs.post("/logout")
    await theirs.log_in(HANA)  # the old card obtains the new code, and so both cards are known to be one person's
    assert [one["mandate"] for one in (await with_new_card.get("/api/v1/proxies")).json()["proxies"]] == [mandate]
    await own.post("/proxies/act", {"mandate": mandate})
    read = [one["request_id"] for one in (await own.get("/api/v1/history")).json()["entries"]]
    assert sorted(read) == sorted([old.request_id, new.request_id])


async def test_mandates_live_on_postgresql_as_on_sqlite(postgres_database: URL, tmp_path: Path) -> None:
    """Word, guess, switch, traces by pages and end work on the other database too, and sessions learn of the end."""
    clock, store = TestClock(), Store(postgres_database, metadata)
    store.create()
    seals = Seals(Vault.open(tmp_path / "months.json", month_of(clock.today())))
    proxies, noted = Proxies(store, clock, Notices(store, seals, clock)), Traces(store, clock)
    session = Session(b"hash", "proxy")
    await store.write(
        lambda c: c.execute(accounts.insert(), [{"account": a, "opened_at": 0} for a in ("person", "proxy")])
    )
    row = {"token_hash": b"hash", "account": "proxy", "opened_at": 0, "seen_at": 0, "serial": "1a", "kiosk": False}
    await store.write(lambda c: c.execute(sessions.insert(), row))
    with pytest.raises(RefusedError):
        await proxies.accept("proxy", "0000-0000-0000", "person")
    mandate = await proxies.accept("proxy", await proxies.make_word("person", "proxy"), "person")
    assert await proxies.act(session, mandate)
    acting_session = session._replace(acting=Acting(mandate, "person", "person", Scope.HISTORY))
    await noted.note(acting_session, Act.READ_LIST)
    first = noted.page("person", size=2)
    assert [trace.act for trace in first.traces] == [Act.READ_LIST, Act.SWITCHED]
    assert [trace.act for trace in noted.page("person", first.older).traces] == [Act.REGISTERED]
    assert await proxies.end("person", mandate)
    with pytest.raises(MandateEndedError):
        await noted.note(acting_session, Act.READ_LIST)
    assert await proxies.purge() == 0
    later = await proxies.accept("proxy", await proxies.make_word("person", "proxy"), "person")
    clock.pass_time(timedelta(days=31))
    assert await proxies.end_terms() == 1
    assert later
    assert noted.page("person").traces[0].act == Act.TERM_ENDED
    store.close()
