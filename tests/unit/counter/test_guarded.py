"""The security walk at the counters: foreign forms, hosts and frames, caches, fixed sessions, other institutions' numbers."""

from __future__ import annotations

import pytest
from unit.counter.lab import CHIEF, CITY, CLERK, TAX, Browser, Lab

from warifu.staff.sessions import COOKIE

FORMS = ("/login", "/logout", "/visitors", "/visitors/1/end", "/protections", "/proposals/1/approve", "/filings/leaks")


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "sent", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
async def test_a_foreign_form_changes_nothing(lab: Lab, path: str, sent: dict[str, str]) -> None:
    """A form that another site sends with the clerk's cookie is refused before anything is looked at."""
    browser = Browser(lab)
    await browser.log_in()
    before = lab.acts()
    assert (await browser.post(path, {"visit": "1"}, **sent)).status_code == 403
    assert (lab.acts(), lab.stubs.agencies.asked) == (before, [])
    assert (await browser.get("/visitors")).status_code == 200


async def test_only_the_counters_own_host_is_answered(lab: Lab) -> None:
    """Another Host is misdirected, whatever the port."""
    for host in ("evil.example", "portal.localhost:8174", "counter.localhost.evil.example"):
        assert (await Browser(lab).get("/login", host=host)).status_code == 421
    assert (await Browser(lab).get("/login", host="counter.localhost:9999")).status_code == 200


async def test_a_given_cookie_never_becomes_the_session(lab: Lab) -> None:
    """The login makes a secret of its own, whatever cookie was there before: a fixed session opens nothing."""
    browser = Browser(lab)
    browser.client.cookies.set(COOKIE, "fixed", domain="counter.localhost", path=f"/{CITY}")
    response = await browser.log_in()
    assert "fixed" not in response.headers["set-cookie"]
    other = Browser(lab)
    other.client.cookies.set(COOKIE, "fixed", domain="counter.localhost", path=f"/{CITY}")
    assert (await other.get("/visitors")).status_code == 303


async def test_pages_are_kept_by_nobody_and_framed_by_nobody(lab: Lab) -> None:
    """Every page forbids storing and framing, and no script may run."""
    browser = Browser(lab)
    await browser.log_in()
    for path in ("", "/visitors", "/visitors/new", "/nothing"):
        headers = (await browser.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(lab: Lab) -> None:
    """It is HttpOnly and SameSite=Strict, and confined to its institution."""
    cookie = (await Browser(lab).log_in()).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert f"path=/{CITY};" in f"{cookie};"


async def test_numbers_of_another_institution_lead_nowhere(lab: Lab) -> None:
    """A visit and a proposal of one institution are not found at another, even for its chief."""
    clerk = Browser(lab)
    await clerk.log_in(CLERK)
    await clerk.receive()
    await clerk.post("/protections", {"visit": "1", "flags": ["manual_review"], "why": "申出"})
    other, chief = Browser(lab, TAX), Browser(lab, TAX)
    await other.log_in(CLERK)
    await chief.log_in(CHIEF)
    assert (await other.get("/visitors/1")).status_code == 404
    assert (await chief.get("/proposals/1")).status_code == 404
    assert (await chief.post("/proposals/1/approve", {"seen": ""})).status_code == 404
    assert lab.stubs.interims.asked == []


async def test_a_log_out_ends_the_session_everywhere(lab: Lab) -> None:
    """A copy of the cookie in another browser opens nothing after the log-out."""
    browser, copy = Browser(lab), Browser(lab)
    await browser.log_in()
    copy.client.cookies.set(COOKIE, browser.client.cookies[COOKIE], domain="counter.localhost", path=f"/{CITY}")
    assert (await copy.get("/visitors")).status_code == 200
    await browser.post("/logout")
    assert (await copy.get("/visitors")).status_code == 303


async def test_pages_of_no_feature_have_the_menu_of_whoever_is_there(lab: Lab) -> None:
    """What is missing, refused or told of the real thing leaves a clerk where the work is; outside the institution and before the login nobody is named."""
    browser = Browser(lab)
    assert 'data-testid="whoami"' not in (await browser.get("/nothing")).text
    await browser.log_in()
    shown = [
        await browser.get("/nothing"),
        await browser.post("/visitors", origin="null"),
        await browser.get("/differs"),
    ]
    assert [page.status_code for page in shown] == [404, 403, 200]
    for page in shown:
        assert 'data-testid="whoami"' in page.text
        assert 'data-testid="menu-visitors"' in page.text
        assert f'href="/{CITY}/differs"' in page.text
    for path, status in (("/nothing", 404), ("/differs", 200), (f"/{TAX}/differs", 200), ("/nhi-999999/differs", 200)):
        outside = await browser.client.get(lab.origin + path)
        assert (outside.status_code, 'data-testid="whoami"' in outside.text) == (status, False)
