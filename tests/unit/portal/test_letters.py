"""Letters: about entries of one's own alone, to who took part alone, answered once, and naming nobody."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select
from unit.portal.browser import Browser, visible
from unit.portal.lab import SORA, START, Lab, Told

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.identity import Caller
from warifu.kernel.instants import timestamp
from warifu.kernel.limits import LETTER_TEXT
from warifu.portal.letters import terms
from warifu.portal.letters.queries import MOST_OPEN
from warifu.portal.letters.schema import letters
from warifu.portal.notices.queries import Notices
from warifu.portal.post.letters import LetterPost, addressee_of
from warifu.portal.schema import accounts
from warifu.portal.v1 import post_pb2

TEXT = "この問い合わせに覚えがありません。\nなぜ必要だったのですか。"
NHI, TAX, STRANGER = "nhi-480029", "tax-480011", "tax-490016"


@dataclass(frozen=True)
class Desk:
    """A citizen with one entry, and the post office."""

    lab: Lab
    browser: Browser
    told: Told
    post: LetterPost

    async def send(self, addressee: str = NHI, *, objection: bool = False, text: str = TEXT, **more: str) -> str:
        """Send a letter by the form; its id."""
        form = {"addressee": addressee, "kind": "objection" if objection else "question", "text": text, **more}
        response = await self.browser.post(f"/history/{self.told.request_id}/letter", form)
        assert response.status_code == 303, visible(response.text)
        return re.findall(r"/letters/([0-9a-f-]{36})\?sent", response.headers["location"])[0]

    async def answer(self, letter_id: str, text: str = "保険料の計算に必要でした。", by: str = NHI) -> None:
        """The addressee answers."""
        at = timestamp(int(self.lab.clock.network().timestamp() * 1000))
        await self.post.answer(by, post_pb2.AnswerPostRequest(letter_id=letter_id, text=text, at=at))


@pytest.fixture
async def desk(lab: Lab) -> Desk:
    """Hana, logged in, with one answered exchange."""
    told, browser = Told(), Browser(lab)
    await lab.deliver([told])
    await browser.log_in()
    post = LetterPost(lab.store, lab.seals, lab.clock, Notices(lab.store, lab.seals, lab.clock))
    return Desk(lab, browser, told, post)


async def test_this_portal_itself_is_no_addressee(lab: Lab) -> None:
    """Of an inquiry by which one asked for one's own information the provider and the supervisor can be asked; the portal has nobody to answer."""
    told, browser = Told(requester="portal-main"), Browser(lab)
    await lab.deliver([told])
    await browser.log_in()
    path = f"/history/{told.request_id}/letter"
    assert re.findall(r'name="addressee" value="([^"]+)"', (await browser.get(path)).text) == [TAX, "watchdog"]
    form = {"letter_id": str(uuid.uuid4()), "addressee": "portal-main", "kind": "question", "text": TEXT}
    assert (await browser.post(path, form)).status_code == 400


async def test_a_letter_goes_to_its_addressee_and_to_nobody_else(desk: Desk) -> None:
    """The institution fetches text, kind, exchange and term; another institution, even the other side, and the supervisor fetch nothing."""
    letter_id = await desk.send()
    (posted,) = desk.post.fetch(NHI, 0, 0)
    assert (posted.letter_id, posted.position, posted.text) == (letter_id, 1, TEXT)
    assert (posted.request_id, posted.objection, posted.answer_by) == (desk.told.request_id, False, "2026-04-20")
    assert (posted.requester, posted.provider) == (NHI, TAX)
    assert not desk.post.fetch(NHI, 1, 0)
    for other in (TAX, STRANGER, "watchdog", ""):
        assert not desk.post.fetch(other, 0, 0)


async def test_a_letter_names_no_person(desk: Desk) -> None:
    """Nothing of what is posted says who wrote: no account, no code, no certificate."""
    await desk.send()
    content = b"".join(one.SerializeToString() for one in desk.post.fetch(NHI, 0, 0))
    held = desk.lab.store.read(lambda c: list(c.execute(select(accounts.c.account)).scalars()))
    assert held
    assert not any(account.encode() in content for account in held)
    names = {field.name for field in post_pb2.PostedLetter.DESCRIPTOR.fields}
    assert names == {
        "position", "letter_id", "request_id", "objection", "text", "sent_at", "answer_by", "requester", "provider",
    }  # fmt: skip
    overdue = {field.name for field in post_pb2.OverdueLetter.DESCRIPTOR.fields}
    assert overdue == {"letter_id", "institution", "request_id", "objection", "answer_by"}


async def test_what_is_stored_is_sealed(desk: Desk) -> None:
    """Neither the words nor the institution lie plainly in the row."""
    await desk.send(TAX)
    row = desk.lab.store.read(lambda c: c.execute(select(letters)).one())
    plain = repr(tuple(row)).encode("unicode_escape") + row.sealed
    for secret in (TEXT, TAX, NHI):
        assert secret.encode() not in plain
        assert secret.encode("unicode_escape") not in plain


async def test_positions_are_each_addressee_s_own(desk: Desk) -> None:
    """An addressee counts its own letters from 1 without a gap, so that it learns nothing of how many others got."""
    for addressee in (NHI, "watchdog", TAX, NHI, "watchdog", NHI):
        await desk.send(addressee, text=str(uuid.uuid4()))
    assert [one.position for one in desk.post.fetch(NHI, 0, 0)] == [1, 2, 3]
    assert [one.position for one in desk.post.fetch("watchdog", 0, 0)] == [1, 2]
    assert [one.position for one in desk.post.fetch(NHI, 1, 1)] == [2]


async def test_an_answer_is_read_by_who_wrote(desk: Desk) -> None:
    """The letter's page shows the answer, its document too, a notice leads there, and the same answer again changes nothing."""
    letter_id = await desk.send()
    assert "まだ返事はありません" in visible((await desk.browser.get(f"/letters/{letter_id}")).text)
    await desk.answer(letter_id)
    await desk.answer(letter_id)
    assert "保険料の計算に必要でした" in visible((await desk.browser.get(f"/letters/{letter_id}")).text)
    document = (await desk.browser.get(f"/api/v1/letters/{letter_id}")).json()
    assert (document["answer"], document["overdue"]) == ("保険料の計算に必要でした。", False)
    notices = (await desk.browser.get("/api/v1/notices")).json()
    assert [one["about"] for one in notices["notices"]] == [f"/letters/{letter_id}"]
    assert "返事あり" in visible((await desk.browser.get("/letters")).text)
    assert "返事あり" in visible((await desk.browser.get(f"/history/{desk.told.request_id}")).text)


async def test_an_answer_is_given_once_and_by_its_addressee(desk: Desk) -> None:
    """Another answer is refused, and so is one by whoever else, in the same way as for a letter that never was."""
    letter_id = await desk.send()
    for by, which in ((TAX, letter_id), ("watchdog", letter_id), (NHI, str(uuid.uuid4()))):
        with pytest.raises(LinkageError) as refused:
            await desk.answer(which, by=by)
        assert refused.value.reason == Reason.CLIENT_LETTER_UNKNOWN
    await desk.answer(letter_id)
    with pytest.raises(LinkageError) as changed:
        await desk.answer(letter_id, "べつの返事")
    assert changed.value.reason == Reason.CLIENT_LETTER_ANSWERED


@pytest.mark.parametrize(
    ("text", "reason"), [("", Reason.CLIENT_MALFORMED), ("x" * (LETTER_TEXT + 1), Reason.CLIENT_TOO_LARGE)]
)
async def test_an_answer_has_bounds(desk: Desk, text: str, reason: Reason) -> None:
    """An empty answer and one that is too long are refused by name."""
    letter_id = await desk.send()
    with pytest.raises(LinkageError) as refused:
        await desk.answer(letter_id, text)
    assert refused.value.reason == reason


async def test_an_answer_is_neither_before_its_letter_nor_from_the_future(desk: Desk) -> None:
    """Whatever time an addressee says, what is shown lies between the letter and now."""
    letter_id = await desk.send()
    at = timestamp(int((START - timedelta(days=9)).timestamp() * 1000))
    await desk.post.answer(NHI, post_pb2.AnswerPostRequest(letter_id=letter_id, text="x", at=at))
    document = (await desk.browser.get(f"/api/v1/letters/{letter_id}")).json()
    assert document["answered_at"] == document["sent_at"]


@pytest.mark.parametrize(("objection", "days"), [(False, 14), (True, 30)])
async def test_what_is_not_answered_in_time_is_overdue(desk: Desk, objection: bool, days: int) -> None:
    """On the last day of the term it is not yet, the day after it is: on the citizen's page and in the supervisor's list, without a word of text."""
    letter_id = await desk.send(TAX, objection=objection)
    await desk.send("watchdog")
    desk.lab.clock.network_now += timedelta(days=days)
    assert not desk.post.overdue()
    assert (await desk.browser.get(f"/api/v1/letters/{letter_id}")).json()["overdue"] is False
    desk.lab.clock.network_now += timedelta(days=1)
    (late,) = desk.post.overdue()
    assert (late.letter_id, late.institution, late.objection) == (letter_id, TAX, objection)
    assert TEXT.encode() not in late.SerializeToString()
    assert "までに返事がありませんでした" in visible((await desk.browser.get(f"/letters/{letter_id}")).text)
    await desk.answer(letter_id, by=TAX)
    assert not desk.post.overdue()


def test_the_terms_are_stated() -> None:
    """A question has two weeks, an objection thirty days; the last day counts."""
    sent = START.date()
    assert terms.answer_by(sent, objection=False) == sent + timedelta(days=14)
    assert terms.answer_by(sent, objection=True) == sent + timedelta(days=30)
    assert not terms.is_overdue(sent, sent)
    assert terms.is_overdue(sent, sent + timedelta(days=1))


async def test_there_is_no_letter_about_what_is_not_in_one_s_history(desk: Desk) -> None:
    """For an invented, a stranger's and a withheld exchange form and sending are missing alike, so a letter tells of none."""
    browser = Browser(desk.lab)
    await browser.log_in(SORA)
    withheld = Told(withheld=True)
    with pytest.raises(LinkageError):
        await desk.lab.deliver([withheld], SORA)
    for request_id in (desk.told.request_id, withheld.request_id, "0" * 36):
        assert (await browser.get(f"/history/{request_id}/letter")).status_code == 404
        form = {"addressee": "watchdog", "kind": "question", "text": TEXT}
        assert (await browser.post(f"/history/{request_id}/letter", form)).status_code == 404
    assert not desk.post.fetch("watchdog", 0, 0)


async def test_a_stranger_s_letter_is_missing(desk: Desk) -> None:
    """Somebody else's letter is missing like one that never was, as page and as document."""
    letter_id = await desk.send()
    browser = Browser(desk.lab)
    await browser.log_in(SORA)
    for path in (f"/letters/{letter_id}", f"/letters/{uuid.uuid4()}"):
        assert (await browser.get(path)).status_code == 404
        assert (await browser.get(f"/api/v1{path}")).status_code == 404
    assert (await browser.get("/api/v1/letters")).json() == {"letters": [], "next": None}
    assert (await Browser(desk.lab).get(f"/letters/{letter_id}")).status_code == 303


async def test_only_who_took_part_is_written_to(desk: Desk) -> None:
    """An institution that took no part cannot be chosen, nor the provider of an inquiry that never reached it."""
    denied = Told(outcome=pb.OUTCOME_DENIED)
    await desk.lab.deliver([denied])
    for told, addressee in ((desk.told, STRANGER), (desk.told, ""), (denied, TAX)):
        form = {"addressee": addressee, "kind": "question", "text": TEXT}
        response = await desk.browser.post(f"/history/{told.request_id}/letter", form)
        assert response.status_code == 400
        assert "だれに送るかを選んでください" in visible(response.text)
    page = (await desk.browser.get(f"/history/{denied.request_id}/letter")).text
    assert f'value="{TAX}"' not in page
    assert f'value="{NHI}"' in page


@pytest.mark.parametrize("text", ["", "   ", "x" * (LETTER_TEXT + 1), "a\x00b", "a\x1b[0m"])
async def test_a_text_has_bounds(desk: Desk, text: str) -> None:
    """An empty text, one that is too long and one with control characters are not sent; what was typed stays in the form."""
    form = {"addressee": NHI, "kind": "question", "text": text}
    response = await desk.browser.post(f"/history/{desk.told.request_id}/letter", form)
    assert response.status_code == 400
    assert 'data-testid="letter-problem"' in response.text
    assert 'aria-invalid="true"' in response.text
    assert not desk.post.fetch(NHI, 0, 0)


async def test_markup_in_a_letter_is_text(desk: Desk) -> None:
    """Whatever is written, also by the institution, is shown as it was written."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    letter_id = await desk.send(text=evil)
    await desk.answer(letter_id, evil)
    for path in (f"/letters/{letter_id}", "/letters"):
        text = (await desk.browser.get(path)).text
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text


async def test_the_same_form_twice_is_one_letter(desk: Desk) -> None:
    """Pressing the button twice sends once; the same id with other words is refused, and no other account can use it."""
    letter_id = str(uuid.uuid4())
    assert await desk.send(letter_id=letter_id) == letter_id
    assert await desk.send(letter_id=letter_id) == letter_id
    assert len(desk.post.fetch(NHI, 0, 0)) == 1
    form = {"addressee": NHI, "kind": "question", "text": "x", "letter_id": letter_id}
    assert (await desk.browser.post(f"/history/{desk.told.request_id}/letter", form)).status_code == 400
    stranger, theirs = Browser(desk.lab), Told()
    await desk.lab.deliver([theirs], SORA)
    await stranger.log_in(SORA)
    form["text"] = TEXT
    assert (await stranger.post(f"/history/{theirs.request_id}/letter", form)).status_code == 400
    assert len(desk.post.fetch(NHI, 0, 0)) == 1


async def test_so_many_may_wait(desk: Desk) -> None:
    """An account has so many letters open; an answer makes room."""
    ids = [await desk.send(text=str(number)) for number in range(MOST_OPEN)]
    form = {"addressee": NHI, "kind": "question", "text": TEXT}
    assert (await desk.browser.post(f"/history/{desk.told.request_id}/letter", form)).status_code == 400
    await desk.answer(ids[0])
    await desk.send()


async def test_letters_are_paged(desk: Desk) -> None:
    """Twenty a page, newest first, each once."""
    ids = []
    for number in range(15):
        desk.lab.clock.pass_time(timedelta(minutes=1 if number else 0))
        ids.append(await desk.send(text=str(number)))
        await desk.answer(ids[-1])
    ids += [await desk.send(TAX, text=str(number)) for number in range(8)]
    found, query = [], ""
    for _ in range(3):
        document = (await desk.browser.get(f"/api/v1/letters{query}")).json()
        found += [one["letter_id"] for one in document["letters"]]
        if document["next"] is None:
            break
        query = f"?before={document['next']}"
    assert len(found) == len(set(found)) == len(ids)
    assert set(found) == set(ids)


async def test_a_program_sends_by_the_same_way(desk: Desk) -> None:
    """The form's twin answers with the letter's id, and with the problem when there is one."""
    path = f"/api/v1/history/{desk.told.request_id}/letter"
    sent = await desk.browser.post(path, {"addressee": NHI, "kind": "objection", "text": TEXT})
    assert sent.status_code == 201
    assert desk.post.fetch(NHI, 0, 0)[0].letter_id == sent.json()["letter_id"]
    refused = await desk.browser.post(path, {"addressee": NHI, "kind": "objection", "text": ""})
    assert (refused.status_code, refused.json()["error"]["problem"]) == (400, "text")
    assert (await Browser(desk.lab).post(path, {})).status_code == 401


async def test_letters_go_with_their_entry(desk: Desk) -> None:
    """When the entry's term is over, the letter is erased with it, and its addressee's answer finds it no more."""
    letter_id = await desk.send()
    desk.lab.clock.pass_time(timedelta(days=365 * 7 + 62))
    await desk.lab.portal.jobs["retention"]()
    assert desk.lab.store.read(lambda c: c.execute(select(letters)).first()) is None
    assert not desk.post.fetch(NHI, 0, 0)
    with pytest.raises(LinkageError) as refused:
        await desk.answer(letter_id)
    assert refused.value.reason == Reason.CLIENT_LETTER_UNKNOWN


def test_who_calls_is_who_is_written_to() -> None:
    """An institution is known by its code, the supervisor by its party: no institution can be called so."""
    assert addressee_of(Caller("tax", TAX, 1, START)) == TAX
    assert addressee_of(Caller("watchdog", "main", 1, START)) == "watchdog"
    assert addressee_of(Caller("health_insurance", "main", 1, START)) == "main"
