"""My card, shared terminals, use as a health-insurance card, and the account for benefits."""

import re
from datetime import timedelta

import pytest
from unit.portal.browser import Browser, visible
from unit.portal.lab import HANA, SORA, Lab

from warifu.kernel.errors import LinkageError
from warifu.portal.card.safe import Safe

ACCOUNT = {
    "bank": "aonagi",
    "branch": "001",
    "type": "ordinary",
    "number": "7654321",
    "holder": "シオミ　ハナ",
    "consent": "yes",
}
INSURED = {"insurer": "nhi-480029", "number": "12-3456", "consent": "yes"}


async def test_my_card_says_until_when(lab: Lab) -> None:
    """The certificate that opened the session is shown with its end; within three months of it comes a hint to renew."""
    browser = Browser(lab)
    await browser.log_in()
    page = (await browser.get("/card")).text
    assert "2031年4月5日" in visible(page)
    assert 'data-testid="card-renewal"' not in page
    lab.clock.network_now += timedelta(days=1800)
    assert 'data-testid="card-renewal"' in (await browser.get("/card")).text
    lab.authority.down = True
    assert 'data-testid="card-unavailable"' in (await browser.get("/card")).text


async def notices(browser: Browser) -> list[str]:
    """Kinds of the notices of whoever is logged in."""
    return [one["kind"] for one in (await browser.get("/api/v1/notices")).json()["notices"]]


async def test_a_notice_comes_ahead_of_the_end_and_once(lab: Lab) -> None:
    """Three months before a certificate ends its holder is told, in words with the day, and never again; until then nothing is asked."""
    browser = Browser(lab)
    await browser.log_in()
    lab.clock.network_now += timedelta(days=1825 - 93)
    lab.authority.down = True
    assert await lab.portal.jobs["card-ends"]() == 0
    lab.authority.down = False
    assert await notices(browser) == []
    lab.clock.network_now += timedelta(days=2)
    assert await lab.portal.jobs["card-ends"]() == 1
    assert await lab.portal.jobs["card-ends"]() == 0
    assert await notices(browser) == ["card-expiry"]
    assert "2031年4月5日（土）まで" in visible((await browser.get("/notices")).text)
    assert "Sat 5 April 2031" in visible((await browser.get("/notices?lang=en")).text)


async def test_whoever_renewed_is_told_nothing_of_the_old_end(lab: Lab) -> None:
    """A certificate that was replaced before its notice is due is passed over; the new one has a notice of its own, years later."""
    browser = Browser(lab)
    await browser.log_in()
    lab.clock.network_now += timedelta(days=1825 - 91)
    await browser.post(f"{lab.card_origin}/cards/{HANA.person}/renewal", {"old": HANA.pin})
    await browser.log_in()
    assert await lab.portal.jobs["card-ends"]() == 1
    assert await notices(browser) == []
    lab.clock.network_now += timedelta(days=1825 - 91)
    assert await lab.portal.jobs["card-ends"]() == 1
    assert await notices(browser) == ["card-expiry"]


async def test_the_notice_waits_for_the_numbering_body(lab: Lab) -> None:
    """While nobody says how a certificate stands nothing is told and nothing is lost."""
    browser = Browser(lab)
    await browser.log_in()
    lab.clock.network_now += timedelta(days=1800)
    lab.authority.down = True
    with pytest.raises(LinkageError):
        await lab.portal.jobs["card-ends"]()
    lab.authority.down = False
    await lab.portal.jobs["card-ends"]()
    assert await notices(browser) == ["card-expiry"]


async def test_pages_of_one_s_own_ask_for_a_login(lab: Lab) -> None:
    """Without a session they lead to the login, and programs get 401."""
    browser = Browser(lab)
    for path in ("/card", "/benefits", "/insurance"):
        assert (await browser.get(path)).headers["location"].startswith("/login")
        assert (await browser.get(f"/api/v1{path}")).status_code == 401


async def test_an_account_for_benefits_is_shown_by_its_last_digits(lab: Lab, tmp_path) -> None:
    """It is sealed at rest, told as little as needed, replaced by another, and forgotten on wish."""
    browser = Browser(lab)
    await browser.log_in()
    assert (await browser.post("/benefits", ACCOUNT)).status_code == 303
    page = (await browser.get("/benefits")).text
    assert "****321" in page
    assert "7654321" not in page
    assert b"7654321" not in b"".join(path.read_bytes() for path in tmp_path.glob("portal-main.db*"))
    await browser.post("/benefits", ACCOUNT | {"number": "1112223"})
    assert (await browser.get("/api/v1/benefits")).json()["account"]["last_digits"] == "223"
    await browser.post("/benefits/end")
    assert (await browser.get("/api/v1/benefits")).json() == {"account": None}
    assert [one for one in ("口座を登録", "登録をやめ") if one in visible((await browser.get("/operations")).text)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bank", "mufg"),
        ("branch", "1"),
        ("type", "x"),
        ("number", "１２３４５６７"),
        ("holder", "Hana"),
        ("consent", ""),
    ],
)
async def test_an_account_of_no_right_form_is_refused(lab: Lab, field: str, value: str) -> None:
    """The problem stands beside its field, and nothing is kept."""
    browser = Browser(lab)
    await browser.log_in()
    response = await browser.post("/benefits", ACCOUNT | {field: value})
    assert response.status_code == 400
    assert f'id="{field}-problem"' in response.text
    assert (await browser.get("/api/v1/benefits")).json() == {"account": None}


async def test_what_was_left_is_somebody_s_own(lab: Lab) -> None:
    """Another person sees nothing of it."""
    hana, sora = Browser(lab), Browser(lab)
    await hana.log_in()
    await sora.log_in(SORA)
    await hana.post("/benefits", ACCOUNT)
    assert (await sora.get("/api/v1/benefits")).json() == {"account": None}


async def test_what_was_left_outlives_the_month_s_key(lab: Lab) -> None:
    """A record in use is sealed anew before its key is destroyed: eight years later it opens still."""
    browser = Browser(lab)
    await browser.log_in()
    await browser.post("/benefits", ACCOUNT)
    safe = Safe(lab.store, lab.seals, lab.clock)
    for _ in range(8):
        lab.clock.network_now += timedelta(days=365)
        await safe.reseal()
        await lab.portal.jobs["retention"]()
    await browser.log_in()
    assert (await browser.get("/api/v1/benefits")).json()["account"]["last_digits"] == "321"


async def show_card(browser: Browser, agreed: str = "00") -> str:
    """Lay Hana's card on a clinic's reader; what the terminal shows."""
    there = (await browser.get(f"/clinic/read?{'medicines=yes' if agreed[0] == '1' else ''}")).headers["location"]
    assert f"%2Fclinic%2F{agreed}" in there
    challenged = await browser.post(
        f"{browser.lab.card_origin}/choose",
        {"origin": browser.lab.portal_origin, "next": f"/clinic/{agreed}", "person": HANA.person},
    )
    asked = await browser.follow(challenged.headers["location"])
    query = dict(asked.url.params)
    signed = await browser.post(f"{browser.lab.card_origin}/sign", {**query, "person": HANA.person, "pin": HANA.pin})
    return (await browser.follow(signed.headers["location"])).text


async def test_a_clinic_learns_what_was_registered(lab: Lab) -> None:
    """A good card that nobody registered is not found; registered, its insurer is told, and what the patient agreed to. Nobody is logged in."""
    page = await show_card(Browser(lab))
    assert "該当なし" in visible(page)
    browser = Browser(lab)
    await browser.log_in()
    assert (await browser.post("/insurance", INSURED)).status_code == 303
    clinic = Browser(lab)
    page = visible(await show_card(clinic, "10"))
    assert "資格 有効" in page
    assert "12-3456" in page
    assert "同意あり" in page
    assert "ネットワークの外" in page
    assert clinic.cookie("warifu_session") is None
    assert (await clinic.get("/history")).status_code == 303
    await browser.post("/insurance/end")
    assert "該当なし" in visible(await show_card(Browser(lab)))


async def test_a_clinic_s_look_opens_no_account(lab: Lab) -> None:
    """Who never used the portal has no account after being treated."""
    await show_card(Browser(lab))
    assert lab.authority.enrolled == 0


async def test_a_shared_terminal_ends_after_three_minutes(lab: Lab) -> None:
    """A session there lives three minutes without use and renews its page to the terminal's first one; elsewhere fifteen."""
    kiosk, own = Browser(lab), Browser(lab)
    await kiosk.get("/kiosk")
    for browser in (kiosk, own):
        await browser.log_in()
    assert 'http-equiv="refresh" content="180' in (await kiosk.get("/history")).text
    assert 'http-equiv="refresh"' not in (await own.get("/history")).text
    lab.clock.pass_time(timedelta(minutes=3))
    assert (await kiosk.get("/history")).status_code == 303
    assert (await own.get("/history")).status_code == 200


async def test_a_shared_terminal_hands_out_no_files(lab: Lab) -> None:
    """Exports are refused there with a page that says where they are to be had."""
    browser = Browser(lab)
    await browser.get("/kiosk")
    await browser.log_in()
    for path in ("/history.csv", "/history.json"):
        response = await browser.get(path)
        assert response.status_code == 403, path
        assert "content-disposition" not in response.headers


async def test_finishing_leaves_nothing(lab: Lab) -> None:
    """The session ends, cookies go but for the terminal's own, the card is off the reader, and the browser may keep no page."""
    browser = Browser(lab)
    await browser.get("/kiosk")
    await browser.log_in()
    await browser.client.post(
        f"{lab.card_origin}/choose",
        data={"origin": lab.portal_origin, "person": HANA.person},
        headers={"origin": lab.card_origin, "sec-fetch-site": "same-origin"},
    )
    finished = await browser.post("/kiosk/finish")
    assert "cache" in finished.headers["clear-site-data"]
    page = await browser.get(finished.headers["location"])
    assert f"{lab.card_origin}/finish" in page.text
    cleared = await browser.follow(f"{lab.card_origin}/finish?origin={lab.portal_origin}")
    assert 'data-testid="kiosk-cleared"' in cleared.text
    assert (await browser.get("/history")).status_code == 303
    assert browser.cookie("warifu_session") is None
    assert browser.client.cookies.get("warifu_card", domain="card.localhost") is None
    assert browser.cookie("warifu_kiosk") == "1"
    await browser.post("/kiosk/leave")
    assert browser.cookie("warifu_kiosk") is None


async def test_a_browser_may_follow_the_clinic_s_form_to_the_card(lab: Lab) -> None:
    """The page's policy lets its form be led on to the card service, where the form leads; without it nothing would happen at a click."""
    browser = Browser(lab)
    allowed = (await browser.get("/clinic")).headers["content-security-policy"]
    led = (await browser.get("/clinic/read")).headers["location"]
    assert led.startswith(lab.card_origin)
    assert re.search(rf"form-action [^;]*{re.escape(lab.card_origin)}", allowed)
