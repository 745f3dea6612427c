"""The way in and out, with every turn that it must refuse."""

from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.portal.browser import Browser
from unit.portal.lab import HANA, SORA, Lab, Told, open_lab

from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.portal.login.proof import decode, encode
from warifu.portal.login.queries import LIFE
from warifu.portal.login.views import HOME, safe_next
from warifu.portal.sessions import token_hash
from warifu.simulator.cards import tray


async def signed(browser: Browser) -> str:
    """The address that leads back to the portal with a proof."""
    response = await browser.sign()
    assert response.status_code == 303
    return response.headers["location"]


def refused(response: httpx2.Response, problem: str = "challenge") -> bool:
    """Whether the portal led back to the login page with this problem."""
    return response.status_code == 303 and response.headers["location"] == f"/login?problem={problem}"


async def test_a_card_and_its_pin_open_the_history(lab: Lab) -> None:
    """Choosing a card and typing its PIN leads, by redirects alone, to that person's history."""
    await lab.deliver([told := Told()])
    browser = Browser(lab)
    page = await browser.follow("/history")
    assert "カードでログイン" in page.text
    chosen = await browser.post(
        f"{lab.card_origin}/choose",
        {"origin": lab.portal_origin, "person": HANA.person, "next": f"/history/{told.request_id}"},
    )
    pin_page = await browser.follow(chosen.headers["location"])
    assert lab.portal_origin in pin_page.text
    assert HANA.name in pin_page.text
    asked = {name: values[0] for name, values in parse_qs(pin_page.url.query.decode()).items()}
    answer = await browser.sign(**asked)
    arrived = await browser.follow(answer.headers["location"])
    assert str(arrived.url) == f"{lab.portal_origin}/history/{told.request_id}"
    assert "青凪市" in arrived.text


async def test_a_proof_serves_once(lab: Lab) -> None:
    """The same way back a second time opens nothing."""
    browser = Browser(lab)
    location = await signed(browser)
    await browser.follow(location)
    await browser.post("/logout")
    assert refused(await browser.get(location))
    assert (await browser.get("/history")).status_code == 303


async def test_a_proof_serves_one_browser(lab: Lab) -> None:
    """A proof carried to another browser opens nothing there, and is used up."""
    victim, thief = Browser(lab), Browser(lab)
    location = await signed(victim)
    await thief.challenge()
    assert refused(await thief.get(location))
    assert refused(await victim.get(location))


async def test_a_proof_ages_by_the_machine_clock(lab: Lab) -> None:
    """Within its life a proof serves, after it no more, whatever the network's clock does."""
    browser = Browser(lab)
    location = await signed(browser)
    lab.clock.machine_now += LIFE
    assert refused(await browser.get(location))
    location = await signed(browser)
    lab.clock.network_now += timedelta(days=100)
    lab.clock.machine_now += LIFE - timedelta(seconds=1)
    assert (await browser.get(location)).headers["location"] == HOME


async def test_a_failed_showing_uses_the_challenge_up(lab: Lab) -> None:
    """A challenge shown with a wrong signature cannot be tried again with the right one."""
    browser = Browser(lab)
    location = await signed(browser)
    query = parse_qs(urlsplit(location).query)
    spoilt = bytearray(decode(query["signature"][0], 80))
    spoilt[10] ^= 1
    assert refused(await browser.get(location.replace(query["signature"][0], encode(bytes(spoilt)))))
    assert refused(await browser.get(location))


@pytest.mark.parametrize("missing", ["challenge", "certificate", "signature"])
async def test_an_incomplete_proof_is_refused(lab: Lab, missing: str) -> None:
    """Without challenge, certificate or signature nothing opens and nothing breaks."""
    browser = Browser(lab)
    location = await signed(browser)
    query = parse_qs(urlsplit(location).query)
    assert refused(await browser.get(location.replace(query[missing][0], "")))


async def test_the_session_is_new_at_login(lab: Lab) -> None:
    """A session cookie planted beforehand is never the one that the login opens (no fixation)."""
    browser = Browser(lab)
    browser.client.cookies.set("warifu_session", "planted", domain="portal.localhost", path="/")
    await browser.log_in()
    given = [c.value for c in browser.client.cookies.jar if c.name == "warifu_session" and c.value != "planted"]
    assert len(given) == 1
    assert len(given[0]) >= 43
    thief = Browser(lab)
    thief.client.cookies.set("warifu_session", "planted", domain="portal.localhost", path="/")
    assert (await thief.get("/history")).status_code == 303


async def test_cookies_are_hidden_from_scripts_and_other_sites(lab: Lab) -> None:
    """Session and pre-login cookies are HttpOnly, SameSite=Lax and host-only; the pre-login cookie goes to the login alone."""
    browser = Browser(lab)
    made = (await browser.get("/login/challenge")).headers["set-cookie"]
    assert "HttpOnly" in made
    assert "SameSite=lax" in made
    assert "Path=/login" in made
    assert "Domain" not in made
    location = await signed(browser)
    opened = (await browser.get(location)).headers.get_list("set-cookie")
    session = next(line for line in opened if line.startswith("warifu_session="))
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert "Max-Age=3600" in session
    assert "Domain" not in session


async def test_the_store_holds_no_cookie(lab: Lab, tmp_path) -> None:
    """Neither session nor pre-login secrets, nor challenges, lie in the portal's files; only their hashes."""
    browser = Browser(lab)
    asked = await browser.challenge()
    pre = browser.client.cookies.get("warifu_login")
    await browser.log_in()
    session = browser.cookie("warifu_session")
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("portal-main.db*"))
    for secret in (session, pre, asked["challenge"]):
        assert secret
        assert secret.encode() not in stored
    assert decode(asked["challenge"], 32) not in stored
    assert token_hash(session) in stored


async def test_an_idle_session_ends(lab: Lab) -> None:
    """Fifteen minutes without a request end a session; a request in between keeps it alive."""
    browser = Browser(lab)
    await browser.log_in()
    for _ in range(3):
        lab.clock.machine_now += timedelta(minutes=14)
        assert (await browser.get("/history")).status_code == 200
    lab.clock.machine_now += timedelta(minutes=15, seconds=1)
    assert (await browser.get("/history")).status_code == 303


async def test_a_session_ends_after_an_hour(lab: Lab) -> None:
    """However busy, a session ends sixty minutes after the login."""
    browser = Browser(lab)
    await browser.log_in()
    for _ in range(5):
        lab.clock.machine_now += timedelta(minutes=10)
        assert (await browser.get("/history")).status_code == 200
    lab.clock.machine_now += timedelta(minutes=10)
    assert (await browser.get("/history")).status_code == 303
    assert await lab.portal.jobs["sessions"]() == 1


async def test_logging_out_ends_the_session_itself(lab: Lab) -> None:
    """After logging out the old cookie opens nothing, also when somebody kept it."""
    browser = Browser(lab)
    await browser.log_in()
    kept = browser.cookie("warifu_session")
    assert (await browser.post("/logout")).headers["location"] == "/login?out"
    assert "ログアウトしました" in (await browser.get("/login?out")).text
    browser.client.cookies.set("warifu_session", kept, domain="portal.localhost", path="/")
    assert (await browser.get("/history")).status_code == 303


async def test_sessions_outlast_a_restart(lab: Lab, tmp_path) -> None:
    """A portal that was stopped and started again still knows who is logged in."""
    browser = Browser(lab)
    await browser.log_in()
    again = await open_lab(tmp_path)
    try:
        visitor = Browser(again)
        visitor.client.cookies = browser.client.cookies
        assert (await visitor.get("/history")).status_code == 200
    finally:
        again.close()


async def test_a_card_that_is_not_good_is_refused(lab: Lab) -> None:
    """A suspended or revoked certificate opens nothing, and the page says what to do."""
    browser = Browser(lab)
    await browser.log_in()
    await browser.post("/logout")
    lab.authority.statuses = dict.fromkeys(lab.authority.statuses, False)
    assert refused(await browser.get(await signed(browser)), "revoked")
    assert "市区町村の窓口" in (await browser.get("/login?problem=certificate")).text


async def test_an_expired_certificate_is_refused_with_the_way_to_renewal(lab: Lab) -> None:
    """A card handed out long ago opens nothing: page and program are told that it expired, the page leads on; renewed, it opens."""
    await tray.fill(lab.people, [replace(HANA, issued_on=date(2021, 4, 5))])
    browser = Browser(lab)
    way_back = await signed(browser)
    assert refused(await browser.get(way_back), "expired")
    page = (await browser.get("/login?problem=expired")).text
    assert f'href="{lab.card_origin}/cards" data-testid="to-renewal"' in page
    told = await browser.get(await signed(browser), accept="application/json")
    error = told.json()["error"]
    assert (told.status_code, error["reason"], error["status"]) == (403, "CLIENT_CARD_CERTIFICATE_NOT_GOOD", "expired")
    await browser.post(f"{lab.card_origin}/cards/{HANA.person}/renewal", {"old": HANA.pin})
    await browser.log_in()
    assert (await browser.get("/card")).status_code == 200


async def test_a_card_that_ran_out_and_was_suspended_is_told_as_suspended(lab: Lab) -> None:
    """Renewal is not offered to whoever's card was reported as lost, whatever the day."""
    await tray.fill(lab.people, [replace(HANA, issued_on=date(2021, 4, 5))])
    browser = Browser(lab)
    way_back = await signed(browser)
    (serial,) = lab.authority.carriers
    lab.authority._change(serial, pb.CERTIFICATE_STATUS_SUSPENDED)
    assert refused(await browser.get(way_back), "suspended")


async def test_without_the_numbering_body_nobody_comes_in(lab: Lab) -> None:
    """While a certificate's status cannot be asked, the login fails closed and says to wait."""
    browser = Browser(lab)
    location = await signed(browser)
    lab.authority.down = True
    assert refused(await browser.get(location), "unavailable")


async def test_programs_are_told_the_reason(lab: Lab) -> None:
    """A program that asks for JSON gets the reason code in both languages."""
    response = await Browser(lab).get("/login/return?challenge=x", accept="application/json")
    assert response.status_code == 403
    error = response.json()["error"]
    assert error["reason"] == "CLIENT_CHALLENGE_INVALID"
    assert set(error["message"]) == {"ja", "en"}


async def test_two_people_in_two_browsers_see_each_their_own(lab: Lab) -> None:
    """Each session shows the entries of its own holder."""
    await lab.deliver([mine := Told()])
    await lab.deliver([theirs := Told()], SORA)
    hana, sora = Browser(lab), Browser(lab)
    assert mine.request_id in (await hana.log_in(HANA)).text
    assert theirs.request_id in (await sora.log_in(SORA)).text
    assert mine.request_id not in (await sora.get("/history")).text


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example", "https://evil.example", "/\\evil.example", "/%2f/evil.example", "javascript:alert(1)", "evil.example",
        "/history\r\nSet-Cookie: a=b", "/history//x", "/" + "a" * 400, "/history?next=//evil.example", "/./..//x", "", None,
    ],
)  # fmt: skip
def test_a_login_never_leads_elsewhere(path: str | None) -> None:
    """What is not plainly a page of this portal becomes the history (no open redirect)."""
    assert safe_next(path) == HOME


@pytest.mark.parametrize("path", ["/", "/history", "/history/3b2d-11", "/history?before=AAAA_-&lang=en"])
def test_a_login_leads_to_the_page_asked_for(path: str) -> None:
    """A page of this portal stays what it is."""
    assert safe_next(path) == path


@given(st.text(max_size=80))
def test_whatever_is_asked_for_stays_on_this_host(path: str) -> None:
    """Resolved as a browser does, the page after the login is always on the portal."""
    joined = urlsplit(str(httpx2.URL("http://portal.localhost:8170/login").join(safe_next(path))))
    assert (joined.scheme, joined.netloc) == ("http", "portal.localhost:8170")
