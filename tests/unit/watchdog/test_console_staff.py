"""Who may enter the console, and what is written down of whom."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from unit.watchdog.desk_lab import Browser, Desk, visible

from warifu.staff.accounts import LOCKED_FOR, TRIES
from warifu.staff.sessions import COOKIE, IDLE, LONGEST
from warifu.watchdog.staff.accounts import demo_accounts
from warifu.watchdog.staff.roles import Role
from warifu.watchdog.staff.views import safe_next

STAFF_PAGES = (
    "/search",
    "/findings",
    "/findings/1",
    "/suspicions",
    "/suspicions/1",
    "/detectors",
    "/ordinances",
    "/ordinances/1",
    "/measures",
    "/stops",
    "/leaks",
    "/leaks/1",
    "/diary",
)
PROGRAMS = ("/api/v1/search", "/api/v1/findings", "/api/v1/findings/1", "/api/v1/suspicions", "/api/v1/suspicions/1")
FORMS = ("/stops", "/stops/1/lift", "/measures", "/ordinances/1/decide")


@pytest.mark.parametrize("path", STAFF_PAGES)
async def test_a_visitor_is_led_to_the_login_and_back(desk: Desk, path: str) -> None:
    """A page for staff is shown after the login that it leads to, and to nobody before."""
    response = await Browser(desk).get(path)
    assert response.status_code == 303
    assert response.headers["location"] == f"/login?next={path.replace('/', '%2F')}"


@pytest.mark.parametrize("path", PROGRAMS)
async def test_a_program_without_a_session_is_told_so(desk: Desk, path: str) -> None:
    """The JSON pages answer 401 to whoever is not logged in."""
    assert (await Browser(desk).get(path)).status_code == 401


@pytest.mark.parametrize("path", FORMS)
async def test_a_visitor_changes_nothing(desk: Desk, path: str) -> None:
    """Every form of the console leads a visitor to the login."""
    response = await Browser(desk).post(path, {"ground": "by_hand"})
    assert response.headers["location"].startswith("/login")
    assert desk.office.stops.all() == []


@pytest.mark.parametrize("path", ["/", "/login", "/pia", "/public/measures", "/public/ordinances", "/differs"])
async def test_what_is_published_is_open_to_everyone(desk: Desk, path: str) -> None:
    """Registers, measures and approvals need no login."""
    assert (await Browser(desk).get(path)).status_code == 200


@pytest.mark.parametrize("role", Role)
async def test_both_roles_log_in_and_out(desk: Desk, role: Role) -> None:
    """The right password opens the console with the role's name on it; after the log-out the old cookie opens nothing."""
    browser = Browser(desk, "en")
    assert (await browser.log_in(role)).headers["location"] == "/"
    assert 'data-testid="whoami"' in (await browser.get("/")).text
    kept = browser.client.cookies[COOKIE]
    assert (await browser.post("/logout")).headers["location"] == "/login?out"
    browser.client.cookies.set(COOKIE, kept, domain="watchdog.localhost")
    assert (await browser.get("/search")).status_code == 303


async def test_a_wrong_name_and_a_wrong_password_are_told_alike(desk: Desk) -> None:
    """Nobody learns from the answer whether an account exists."""
    browser = Browser(desk)
    wrong = await browser.log_in(password="wrong")
    unknown = await browser.post("/login", {"login": "nobody", "password": "wrong"})
    assert (wrong.status_code, unknown.status_code) == (403, 403)
    assert visible(wrong.text) == visible(unknown.text)
    assert COOKIE not in browser.client.cookies


async def test_wrong_passwords_in_a_row_lock_the_account_for_a_while(desk: Desk) -> None:
    """After five wrong ones, also all at once, the right one is refused until the time is over; the other account is not locked."""
    await asyncio.gather(*(Browser(desk).log_in(password=f"guess {number}") for number in range(TRIES)))
    browser = Browser(desk)
    assert (await browser.log_in()).status_code == 403
    assert (await Browser(desk).log_in(Role.DIRECTOR)).status_code == 303
    desk.clock.moment += LOCKED_FOR
    assert (await browser.log_in()).status_code == 303


async def test_a_right_password_clears_the_count(desk: Desk) -> None:
    """Four wrong ones, a right one and four wrong ones lock nothing."""
    for _ in range(2):
        for number in range(TRIES - 1):
            await Browser(desk).log_in(password=f"guess {number}")
        assert (await Browser(desk).log_in()).status_code == 303


@pytest.mark.parametrize(("step", "steps"), [(IDLE, 1), (IDLE - timedelta(minutes=1), 17)])
async def test_a_session_ends_by_itself(desk: Desk, step: timedelta, steps: int) -> None:
    """Half an hour without a request, or eight hours in all, end it."""
    browser = Browser(desk)
    await browser.log_in()
    for _ in range(steps):
        assert (await browser.get("/diary")).status_code == 200
        desk.clock.moment += step
    assert steps == 1 or step * steps > LONGEST
    assert (await browser.get("/diary")).status_code == 303
    assert await desk.console.jobs["staff-sessions"]() == 1


async def test_a_planted_cookie_opens_nothing_and_is_replaced(desk: Desk) -> None:
    """The login makes a new secret whatever cookie came along."""
    browser = Browser(desk)
    browser.client.cookies.set(COOKIE, "planted", domain="watchdog.localhost")
    assert (await browser.get("/diary")).status_code == 303
    await browser.log_in()
    stranger = Browser(desk)
    stranger.client.cookies.set(COOKIE, "planted", domain="watchdog.localhost")
    assert (await stranger.get("/diary")).status_code == 303


async def test_the_cookie_is_confined(desk: Desk) -> None:
    """It is out of scripts' reach and is sent from no other site."""
    set_cookie = (await Browser(desk).log_in()).headers["set-cookie"].lower()
    assert "httponly" in set_cookie
    assert "samesite=strict" in set_cookie


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_of_another_site_is_refused(desk: Desk, path: str) -> None:
    """A post that does not come from the console's own pages changes nothing."""
    browser = Browser(desk)
    await browser.log_in(Role.DIRECTOR)
    assert (await browser.post(path, {}, origin="http://evil.localhost")).status_code == 403


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/stops", {"institution": "tax-480011", "ground": "art_28", "why": "x"}),
        ("/stops/1/lift", {}),
        ("/measures", {"institution": "tax-480011", "kind": "order", "title": "t", "text": "x"}),
        ("/measures", {"institution": "tax-480011", "kind": "recommendation", "title": "t", "text": "x"}),
        ("/ordinances/1/decide", {"to": "approved", "note": "x"}),
    ],
)
async def test_an_examiner_does_not_decide(desk: Desk, path: str, form: dict[str, str]) -> None:
    """What binds an institution is the director's; the page says so, and nothing is recorded."""
    browser = Browser(desk)
    await browser.log_in()
    response = await browser.post(path, form)
    assert response.status_code == 403
    assert "監督課長が行います" in response.text
    assert desk.office.stops.all() == []
    assert desk.office.measures.page(2**62) == []


async def test_the_diary_says_who_did_what(desk: Desk) -> None:
    """A login, a search and a stop are there, newest first, by office and not by name."""
    browser = Browser(desk, "en")
    await browser.log_in(Role.DIRECTOR)
    await browser.get("/search?go=1&institution=tax-480011")
    await browser.post("/stops", {"institution": "tax-480011", "ground": "by_hand", "why": "a drill"})
    acts = [(row.act, row.about, row.role) for row in desk.office.diary.page(2**62)]
    assert acts == [("stop", "tax-480011", "director"), ("search", "tax-480011", "director"), ("login", "", "director")]
    assert visible((await browser.get("/diary")).text).count("Director of supervision") == 4


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example", "/\\evil", "x", "", None, "/" + "a" * 400])
def test_the_login_leads_nowhere_else(there: str | None) -> None:
    """Only a path of the console is gone on to."""
    assert safe_next(there) == "/"


async def test_demo_accounts_are_made_once_and_shown(desk: Desk) -> None:
    """Random passwords are kept for the owner's eyes; a second start has the same ones; the login page shows what it is given."""
    folder = desk.folder / "secrets"
    first = await demo_accounts(desk.console.accounts, folder)
    assert await demo_accounts(desk.console.accounts, folder) == first
    assert set(first) == {role.value for role in Role}
    assert len(set(first.values())) == len(Role)
    assert (folder / "demo-staff.json").stat().st_mode & 0o077 == 0
    assert "director-password" in (await Browser(desk).get("/login")).text


async def test_a_password_lies_nowhere_in_the_store(desk: Desk) -> None:
    """The database and its write-ahead log hold no password, nor a session's secret."""
    browser = Browser(desk)
    await browser.log_in()
    kept = b"".join(path.read_bytes() for path in desk.folder.glob("watchdog.db*"))
    assert b"examiner-password" not in kept
    assert browser.client.cookies[COOKIE].encode() not in kept


async def test_pages_of_no_feature_have_the_menu_of_whoever_is_there(desk: Desk) -> None:
    """What is missing, refused or told of the real thing has the staff's menu for staff, and the public's before the login."""
    browser = Browser(desk)
    before = await browser.get("/nothing")
    assert 'data-testid="nav-login"' in before.text
    await browser.log_in(Role.EXAMINER)
    shown = [await browser.get("/nothing"), await browser.post("/stops", origin="null"), await browser.get("/differs")]
    assert [page.status_code for page in shown] == [404, 403, 200]
    for page in shown:
        assert 'data-testid="whoami"' in page.text
        assert 'href="/diary"' in page.text


async def test_an_empty_field_is_marked_and_costs_no_try(desk: Desk) -> None:
    """What was not typed is said beside its field; what was typed and is wrong marks both fields alike."""
    browser = Browser(desk)
    for _ in range(TRIES + 1):
        empty = await browser.post("/login", {"login": Role.EXAMINER, "password": ""})
    assert empty.status_code == 400
    assert 'aria-describedby="password-wrong" aria-invalid="true"' in empty.text
    assert "login-wrong" not in empty.text
    wrong = (await browser.log_in(password="wrong")).text
    assert wrong.count('aria-describedby="login-problem" aria-invalid="true"') == 2
    assert (await browser.log_in()).status_code == 303
