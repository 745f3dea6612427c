"""Who may enter a counter, when, and for what."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.counter.lab import AFTERNOON, CARD_CLERK, CHIEF, CITY, CLERK, REVIEWER, START, TAX, Browser, Lab, visible

from warifu.counter.staff.accounts import DEMO, demo_staff
from warifu.counter.staff.duty import ALWAYS, Duty
from warifu.counter.staff.roles import RIGHTS, Right, Role, roles_with
from warifu.counter.staff.views import safe_next
from warifu.staff.accounts import LOCKED_FOR, TRIES
from warifu.staff.sessions import COOKIE, IDLE
from warifu.staff.totp import STEP

PAGES = {
    "/visitors": Right.VISITORS,
    "/visitors/new": Right.VISITORS,
    "/visitors/1": Right.VISITORS,
    "/protections": Right.PROTECT,
    "/filings": Right.FILE,
    "/filings/uses/new": Right.FILE,
    "/filings/leaks/new": Right.FILE,
    "/staff": Right.SUPERVISE,
    "/acts": Right.SUPERVISE,
}
FORMS = {
    "/visitors": Right.VISITORS,
    "/visitors/1/end": Right.VISITORS,
    "/protections": Right.PROTECT,
    "/proposals/1/approve": Right.APPROVE,
    "/proposals/1/refuse": Right.APPROVE,
    "/proposals/1/again": Right.APPROVE,
    "/filings/uses": Right.FILE,
    "/filings/leaks": Right.FILE,
    "/filings/measures/1/reply": Right.FILE,
    "/staff/c-0002/hour": Right.SUPERVISE,
}
LOGINS = {Role.CLERK: CLERK, Role.REVIEWER: REVIEWER, Role.CHIEF: CHIEF, Role.CARD_CLERK: CARD_CLERK}


@pytest.mark.parametrize("path", [*PAGES, "/proposals", "/proposals/1"])
async def test_a_visitor_of_the_site_is_led_to_the_login_and_back(lab: Lab, path: str) -> None:
    """A page for staff is shown after the login that it leads to, and to nobody before."""
    response = await Browser(lab).get(path)
    assert response.status_code == 303
    assert response.headers["location"] == f"/{CITY}/login?next=%2F{CITY}{path.replace('/', '%2F')}"


@pytest.mark.parametrize("path", [*FORMS, "/proposals/1/withdraw"])
async def test_nobody_without_a_session_changes_anything(lab: Lab, path: str) -> None:
    """Every form leads somebody who is not logged in to the login; no service is called and nothing is on record."""
    response = await Browser(lab).post(path, {"visit": "1"})
    assert response.headers["location"].startswith(f"/{CITY}/login")
    assert lab.stubs.agencies.asked + lab.stubs.interims.asked + lab.stubs.supervisor.asked == []
    assert lab.acts() == []


@pytest.mark.parametrize("role", Role)
async def test_each_role_opens_its_own_work_and_no_other(lab: Lab, role: Role) -> None:
    """Pages and forms of another role's work answer 403 and name whose work it is."""
    browser = Browser(lab)
    await browser.log_in(LOGINS[role])
    for path, right in PAGES.items():
        status = (await browser.get(path)).status_code
        assert (status == 403) == (right not in RIGHTS[role]), (path, status)
    for path, right in FORMS.items():
        if right not in RIGHTS[role]:
            assert (await browser.post(path)).status_code == 403, path


def test_every_right_is_some_roles_work_and_none_has_all() -> None:
    """No work is nobody's, no role may do everything, and who asks for an act is not the only one who can approve it."""
    assert all(roles_with(right) for right in Right)
    assert all(set(Right) - rights for rights in RIGHTS.values())
    assert any(Right.APPROVE not in RIGHTS[role] for role in roles_with(Right.PROTECT))


def test_only_a_residency_has_a_card_clerk() -> None:
    """The card counter is at the residency office alone; every other account is everywhere."""
    assert {one.login for one in demo_staff("residency")} - {one.login for one in demo_staff("tax")} == {CARD_CLERK}
    assert len({one.login for one in DEMO}) == len(DEMO)


async def test_one_logs_in_with_all_three_and_out_again(lab: Lab) -> None:
    """Staff code, password and one-time password open the counter; after the log-out the old cookie opens nothing; both are on record."""
    browser = Browser(lab, language="en")
    assert (await browser.log_in()).headers["location"] == f"/{CITY}"
    assert 'data-testid="whoami"' in (await browser.get("")).text
    kept = browser.client.cookies[COOKIE]
    assert (await browser.post("/logout")).headers["location"] == f"/{CITY}/login?out"
    browser.client.cookies.set(COOKIE, kept, domain="counter.localhost", path=f"/{CITY}")
    assert (await browser.get("/visitors")).status_code == 303
    assert [(act, login, result) for act, login, _, result in lab.acts()] == [
        ("login", CLERK, "done"),
        ("logout", CLERK, "done"),
    ]


async def test_whatever_is_wrong_is_told_alike(lab: Lab) -> None:
    """An unknown staff code, a wrong password and a wrong one-time password get the same page, apart from the code that is shown again."""
    browser, told = Browser(lab), set()
    for form in (
        {"login": "c-9999", "password": "x", "code": "000000"},
        {"login": CLERK, "password": "x", "code": "000000"},
    ):
        response = await browser.post("/login", form)
        assert response.status_code == 403
        told.add(visible(response.text).replace(form["login"], ""))
    assert (await browser.log_in(code="000000")).status_code == 403
    assert (await browser.log_in(password="wrong")).status_code == 403
    assert COOKIE not in browser.client.cookies
    assert len({text.partition("訓練用のかんたんログイン")[0] for text in told}) == 1


async def test_a_one_time_password_is_accepted_once(lab: Lab) -> None:
    """The same code a second time is refused; the login page then shows the next one, and when that is used too, none."""
    browser = Browser(lab)
    await browser.get("/login")
    code = lab.code(CLERK)
    assert (await browser.log_in(code=code)).status_code == 303
    assert (await Browser(lab).log_in(code=code)).status_code == 403
    following = lab.code(CLERK)
    assert following != code
    assert (await Browser(lab).log_in(code=following)).status_code == 303
    assert "次の番号を待っています" in (await Browser(lab).get("/login")).text
    lab.clock.moment += timedelta(seconds=STEP)
    assert (await Browser(lab).log_in()).status_code == 303


async def test_a_code_grows_old(lab: Lab) -> None:
    """A code is accepted one step after its own and not two."""
    browser = Browser(lab)
    await browser.get("/login")
    code = lab.code(CLERK)
    lab.clock.moment += timedelta(seconds=STEP)
    assert (await browser.log_in(code=code)).status_code == 303
    other = lab.code(REVIEWER)
    lab.clock.moment += timedelta(seconds=2 * STEP)
    assert (await browser.log_in(REVIEWER, code=other)).status_code == 403


async def test_wrong_codes_in_a_row_lock_the_account(lab: Lab) -> None:
    """Five right passwords with wrong codes lock the account for a while: the second factor cannot be guessed."""
    await Browser(lab).get("/login")
    await asyncio.gather(*(Browser(lab).log_in(code="000000") for _ in range(TRIES)))
    assert (await Browser(lab).log_in()).status_code == 403
    assert (await Browser(lab).log_in(REVIEWER)).status_code == 303
    lab.clock.moment += LOCKED_FOR
    assert (await Browser(lab).log_in()).status_code == 303


async def test_a_session_opens_one_institution(lab: Lab) -> None:
    """The cookie is sent to the institution's own pages alone, and opens no other institution even when it is sent there."""
    browser = Browser(lab)
    response = await browser.log_in()
    assert f"Path=/{CITY};" in response.headers["set-cookie"].replace("path=", "Path=")
    token = browser.client.cookies[COOKIE]
    other = Browser(lab, TAX)
    other.client.cookies.set(COOKIE, token, domain="counter.localhost", path=f"/{TAX}")
    assert (await other.get("/visitors")).status_code == 303


async def test_a_session_ends_by_itself(lab: Lab) -> None:
    """Half an hour without a request ends it, by the machine's clock; the job forgets it."""
    browser = Browser(lab)
    await browser.log_in()
    lab.clock.moment += IDLE
    assert (await browser.get("/visitors")).status_code == 303
    assert await lab.counter.jobs["staff-sessions"]() == 1


async def test_outside_duty_hours_nobody_works(lab: Lab) -> None:
    """An afternoon clerk is refused in the morning with the hours, and no session is opened; the attempt is on record."""
    browser = Browser(lab)
    response = await browser.log_in(AFTERNOON)
    assert response.status_code == 403
    assert "13:00–17:15" in visible(response.text)
    assert COOKIE not in browser.client.cookies
    assert lab.acts() == [("off-duty", AFTERNOON, "", "OFF_DUTY")]


async def test_who_stays_after_hours_is_refused(lab: Lab) -> None:
    """A session outlives the hours, and opens nothing after them."""
    browser = Browser(lab)
    await browser.log_in()
    lab.clock.now += timedelta(hours=9)
    response = await browser.get("/visitors")
    assert response.status_code == 403
    assert 'data-testid="off-duty"' in response.text


async def test_a_chief_grants_an_hour_on_record(lab: Lab) -> None:
    """The hour lets the clerk in at once and ends by itself; who granted it to whom is on record."""
    chief, clerk = Browser(lab), Browser(lab)
    await chief.log_in(CHIEF)
    assert (await chief.post(f"/staff/{AFTERNOON}/hour")).headers["location"] == f"/{CITY}/staff?done=hour"
    assert (await clerk.log_in(AFTERNOON)).status_code == 303
    assert (await clerk.get("/visitors")).status_code == 200
    lab.clock.now += timedelta(hours=1)
    assert (await clerk.get("/visitors")).status_code == 403
    assert ("grant-hour", CHIEF, AFTERNOON, "done") in lab.acts()


async def test_nobody_grants_an_hour_to_themselves_or_to_nobody(lab: Lab) -> None:
    """The chief's own account and a staff code that does not exist are not found."""
    chief = Browser(lab)
    await chief.log_in(CHIEF)
    for login in (CHIEF, "c-9999"):
        assert (await chief.post(f"/staff/{login}/hour")).status_code == 404


async def test_the_demo_accounts_outlive_a_restart(lab: Lab) -> None:
    """The passwords that were made at the first login page are the ones that a new process shows."""
    first = (await Browser(lab).get("/login")).text
    lab.benches.close()
    lab.benches.demo._made.clear()  # type: ignore[union-attr]
    second = (await Browser(lab).get("/login")).text
    assert visible(first) == visible(second)


async def test_without_a_simulation_no_password_is_shown(lab: Lab) -> None:
    """Outside a simulation the login page names no account, and none is made."""
    lab.benches.demo = None  # type: ignore[misc]
    response = await Browser(lab).get("/login")
    assert 'data-testid="demo-account"' not in response.text
    assert lab.bench().accounts.all() == []


async def test_every_institution_is_offered_and_no_other_exists(lab: Lab) -> None:
    """The first page leads to each institution with a counter; an unknown one is not found."""
    text = (await Browser(lab).get("//")).text
    assert text.count('data-testid="institution"') == len(lab.benches.all())
    assert "portal-main" not in text
    for other in ("tax-999999", "portal-main", "TAX-480011"):
        assert (await Browser(lab, other).get("/login")).status_code == 404


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        (f"/{CITY}/visitors?a=1", True),
        (f"/{CITY}", True),
        (f"/{TAX}/visitors", False),
        ("//evil.example", False),
        (f"/{CITY}/..//evil.example", False),
        ("https://evil.example/", False),
        (f"/{CITY}evil", False),
        (None, False),
    ],
)
def test_after_the_login_one_stays_at_the_institution(path: str | None, kept: bool) -> None:
    """Only pages of the institution are led to."""
    assert safe_next(path, f"/{CITY}") == (path if kept else f"/{CITY}")


@given(st.integers(0, 7 * 24 * 60 - 1))
def test_duty_is_the_days_and_hours_it_says(minute: int) -> None:
    """Monday to Friday from 8:30 to 17:15 in Japan is covered, every other minute of the week is not; on call covers all."""
    monday = START.replace(hour=0, minute=0) - timedelta(hours=9)
    at = monday + timedelta(minutes=minute)
    day, of_day = divmod(minute, 24 * 60)
    duty = Duty.of(range(5), "8:30", "17:15")
    assert duty.covers(at) == (day < 5 and 8 * 60 + 30 <= of_day < 17 * 60 + 15)
    assert ALWAYS.covers(at)


def test_duty_is_told_in_both_languages() -> None:
    """Weekdays in a row are a range, others are listed."""
    assert Duty.of(range(5), "8:30", "17:15").words.ja == "月–金 8:30–17:15"
    assert Duty.of((1, 5), "9:00", "12:00").words.en == "Tue, Sat 9:00–12:00"
    assert ALWAYS.words.en == "any time"


async def test_what_could_be_nobody_s_is_said_beside_its_field(lab: Lab) -> None:
    """Empty fields and a code that is not six digits are marked one by one, alike for every account, and cost no try; what could be right is marked as a whole."""
    browser = Browser(lab)
    told = set()
    for login in (CLERK, "c-9999"):
        for _ in range(TRIES + 1):
            answer = await browser.post("/login", {"login": login, "password": "", "code": "12 345"})
        assert answer.status_code == 400
        told.add(answer.text.replace(f'id="login" name="login" value="{login}"', ""))
    (page,) = told
    assert [name for name in ("login", "password", "code") if f'id="{name}-wrong"' in page] == ["password", "code"]
    assert 'aria-describedby="code-hint code-wrong" aria-invalid="true"' in page
    wrong = (await browser.post("/login", {"login": CLERK, "password": "x", "code": "000 000"})).text
    assert wrong.count('login-problem" aria-invalid="true"') == 3
    assert "-wrong" not in wrong
    assert (await browser.log_in()).status_code == 303
