"""The help line, and sessions that end with their card."""

import re
from datetime import timedelta

import httpx2
import pytest
from unit.portal.browser import Browser, visible
from unit.portal.card_authority import CardAuthority
from unit.portal.lab import HANA, SORA, Lab

from warifu.numbering.v1 import numbering_pb2 as pb

HOLDER = {
    "name": HANA.basic_items.name,
    "address": HANA.basic_items.address,
    "birth": HANA.basic_items.birth_date,
    "sex": "female",
    "lost": "card",
}


def card_of(lab: Lab, number: str = HANA.individual_number) -> str:
    """The number printed on somebody's card."""
    return next(card for card, owner in lab.authority.owners.items() if owner == number)


def plain(response: httpx2.Response) -> str:
    """An answer without its receipt."""
    return re.sub(r"[0-9]{8}", "N", response.text + str(sorted(response.headers.items())))


async def report(browser: Browser, how: str = "holder", **form: str) -> httpx2.Response:
    """Send a report."""
    return await browser.post(f"/helpline/{how}", form or HOLDER)


async def test_programs_are_told_what_the_page_says(lab: Lab) -> None:
    """Numbers, hours and languages are at an address of their own, without a login, in both languages as on the page."""
    browser = Browser(lab)
    told = (await browser.get("/api/v1/helpline")).json()
    for language in ("ja", "en"):
        page = visible((await browser.get(f"/helpline?lang={language}")).text)
        for said in (
            told["phone"],
            told["fax"],
            *told["languages"],
            *(one[language] for one in told["hours"].values()),
        ):
            assert said in page


@pytest.mark.parametrize("how", ["holder", "finder"])
async def test_a_report_ends_the_card_s_sessions_before_it_is_answered(lab: Lab, how: str) -> None:
    """When the answer is there the holder's session is gone; the next click says why, and no login helps until a counter releases it."""
    holder, other = Browser(lab), Browser(lab)
    await holder.log_in()
    await other.log_in(SORA)
    form = HOLDER if how == "holder" else {"number": card_of(lab).lower()}
    assert (await report(Browser(lab), how, **form)).status_code == 303
    assert (await other.get("/history")).status_code == 200
    ended = await holder.follow("/history")
    assert 'data-testid="session-ended"' in ended.text
    assert "一時停止" in visible(ended.text)
    assert 'data-testid="login-suspended"' in (await holder.follow((await holder.sign()).headers["location"])).text
    lab.authority.release(card_of(lab))
    assert (await holder.log_in()).status_code == 200
    assert (await holder.get("/history")).status_code == 200


async def test_every_report_is_answered_alike(lab: Lab) -> None:
    """Somebody with a card, nobody at all, and a card that is suspended already: same status, same page, same headers but for the receipt."""
    await Browser(lab).log_in()
    stranger = HOLDER | {"name": "どこにも　いない"}
    answers = [
        await report(Browser(lab), "holder", **HOLDER),
        await report(Browser(lab), "holder", **stranger),
        await report(Browser(lab), "holder", **HOLDER),
        await report(Browser(lab), "finder", number=card_of(lab)),
        await report(Browser(lab), "finder", number="WF000000000000"),
    ]
    assert len({plain(answer) for answer in answers}) == 1
    pages = [await Browser(lab).follow(answer.headers["location"]) for answer in answers]
    assert len({plain(page) for page in pages}) == 1


async def test_the_portal_keeps_nothing_of_a_report(lab: Lab, tmp_path) -> None:
    """What a holder types is in no file of the portal afterwards."""
    await report(Browser(lab), "holder", **HOLDER)
    files = b"".join(path.read_bytes() for path in tmp_path.glob("portal-main*"))
    assert HANA.basic_items.address.encode() not in files
    assert len(lab.authority.reports) == 1


@pytest.mark.parametrize(
    ("how", "changes", "field"),
    [
        ("holder", {"name": ""}, "name"),
        ("holder", {"address": " "}, "address"),
        ("holder", {"birth": "1991/02/03"}, "birth"),
        ("holder", {"birth": "1991-02-30"}, "birth"),
        ("holder", {"sex": ""}, "sex"),
        ("holder", {"lost": "bag"}, "lost"),
        ("finder", {"number": "WF 1234"}, "number"),
        ("finder", {"number": "WF000000000001"}, "number"),
        ("finder", {"number": "123456789012"}, "number"),
    ],
)
async def test_what_has_not_the_form_is_said_beside_its_field(
    lab: Lab, how: str, changes: dict[str, str], field: str
) -> None:
    """A report of no possible form is refused before anybody is asked, and what was typed stays in the form."""
    response = await report(Browser(lab), how, **({**HOLDER, **changes} if how == "holder" else changes))
    assert response.status_code == 400
    assert f'id="{field}-problem"' in response.text
    assert lab.authority.reports == []


async def test_a_card_number_is_read_as_people_type_it(lab: Lab) -> None:
    """Small letters, full width, spaces and hyphens make no difference."""
    await Browser(lab).log_in()
    number = card_of(lab)
    typed = f" ｗｆ {number[2:6]}-{number[6:10]}　{number[10:]}"
    assert (await report(Browser(lab), "finder", number=typed)).status_code == 303
    assert lab.authority.reports[0].card_number == number


async def test_one_place_reports_ten_times_in_ten_minutes(lab: Lab) -> None:
    """The eleventh is refused with the telephone number, right or wrong; ten minutes later it is taken again."""
    browser = Browser(lab)
    for _ in range(10):
        assert (await report(browser, "finder", number="WF000000000000")).status_code == 303
    for form in (HOLDER, HOLDER | {"name": "どこにも　いない"}):
        refused = await report(browser, "holder", **form)
        assert refused.status_code == 429
        assert "0000-95-0178" in refused.text
    lab.clock.pass_time(timedelta(minutes=10))
    assert (await report(browser, "holder", **HOLDER)).status_code == 303


async def test_an_authority_that_is_down_is_said_so(lab: Lab) -> None:
    """Nobody is told that a report was taken when it was not."""
    lab.authority.down = True
    response = await report(Browser(lab), "holder", **HOLDER)
    assert response.status_code == 503
    assert 'data-testid="helpline-failed"' in response.text


async def test_a_suspension_elsewhere_ends_sessions_with_the_next_run_of_the_job(lab: Lab) -> None:
    """The job reads what became of certificates, once each; a revoked one ends its sessions with another word, a release ends none."""
    browser = Browser(lab)
    await browser.log_in()
    job = lab.portal.jobs["card-changes"]
    lab.authority.release(card_of(lab))
    assert await job() == 1
    assert (await browser.get("/history")).status_code == 200
    lab.authority._change(next(iter(lab.authority.carriers)), pb.CERTIFICATE_STATUS_REVOKED)
    assert await job() == 1
    assert await job() == 0
    assert "失効" in visible((await browser.follow("/history")).text)


async def test_what_was_reported_during_a_login_keeps_it_out(lab: Lab, monkeypatch) -> None:
    """A card that stops being good between the check and the opening of the session leaves no session."""
    browser = Browser(lab)
    await browser.log_in()
    await browser.post("/logout")
    there = (await browser.sign()).headers["location"]
    real, asked = CardAuthority.standing, []

    async def standing(authority: CardAuthority, serial: str):
        asked.append(serial)
        told = await real(authority, serial)
        if len(asked) == 1:
            await lab.authority.suspend(pb.SuspendRequest(holder=HANA.basic_items))
        return told

    monkeypatch.setattr(CardAuthority, "standing", standing)
    assert "suspended" in (await browser.get(there)).headers["location"]
    assert (await browser.get("/history")).status_code == 303


async def test_logging_out_everywhere_ends_other_browsers_too(lab: Lab) -> None:
    """Every session of the account ends; another browser is told why at its next click, somebody else's stays."""
    here, there, other = Browser(lab), Browser(lab), Browser(lab)
    for browser, person in ((here, HANA), (there, HANA), (other, SORA)):
        await browser.log_in(person)
    assert "1か所" in visible((await here.get("/card")).text)
    assert (await here.post("/logout/everywhere")).status_code == 303
    assert (await here.get("/history")).status_code == 303
    assert "ほかの画面" in visible((await there.follow("/history")).text)
    assert (await other.get("/history")).status_code == 200
