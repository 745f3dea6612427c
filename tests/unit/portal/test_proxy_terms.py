"""Terms, reaches and parents: a mandate ends by itself, opens what it was given for and nothing else, and a child's card makes a parent's."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from unit.portal.browser import Browser, visible
from unit.portal.lab import HANA, LONG, SORA, DemoPerson, Lab, Told
from unit.portal.mandated import JSON, accepted, acting, acts, logged_in, paired, reason, word_of

from warifu.portal.proxies import scopes
from warifu.portal.proxies.parents import LIFE
from warifu.portal.proxies.scopes import OutOfScopeError, Scope


def asked_of(begun: httpx2.Response) -> dict[str, str]:
    """The form fields for the card, from where a browser is led."""
    return dict(parse_qsl(urlsplit(begun.headers["location"]).query))


async def registered(
    lab: Lab, parent: Browser, child: DemoPerson = HANA, days: str = "90", shown_by: Browser | None = None
) -> httpx2.Response:
    """The answer when the child's card was shown, chosen at the card service as at a login."""
    begun = await parent.post("/proxies/child", {"label": "長女", "own": "父", "days": days})
    assert begun.status_code == 303, begun.text
    asked = asked_of(begun)
    assert begun.headers["location"].startswith(lab.card_origin + "/?")
    browser = shown_by or parent
    challenged = await browser.get(f"/login/challenge?next={asked['next']}")
    signed = await browser.sign(child, **asked_of(challenged))
    assert signed.status_code == 303, signed.text
    return await browser.get(signed.headers["location"], accept="application/json")


# --- terms ------------------------------------------------------------------------------------------------------------


async def test_a_mandate_ends_with_its_term(lab: Lab) -> None:
    """To the moment it was given for it opens the history; from then on nothing, in the very session too, though no job has run."""
    await lab.deliver([Told()])
    _, own, _ = await acting(lab, days="30")
    lab.clock.network_now += timedelta(days=30) - timedelta(milliseconds=1)
    assert (await own.get("/history")).status_code == 200
    lab.clock.network_now += timedelta(milliseconds=1)
    assert reason(await own.get("/api/v1/history")) == (403, "MANDATE_ENDED")
    await own.post("/proxies/back")
    assert (await own.get("/api/v1/proxies")).json()["principals"] == []


async def test_the_end_of_a_term_is_traced_and_told_once(lab: Lab) -> None:
    """Both sides have the end in their records and a notice of it, dated when it was, however late the job runs."""
    theirs, own, _ = await paired(lab, days="30")
    ended = lab.clock.network_now + timedelta(days=30)
    lab.clock.network_now += timedelta(days=45)
    assert await lab.portal.jobs["proxy-terms"]() == 1
    assert await lab.portal.jobs["proxy-terms"]() == 0
    for browser in (theirs, own):
        (newest, *_) = (await browser.get("/api/v1/proxies/records")).json()["records"]
        assert newest["act"] == "TERM_ENDED"
        assert newest["at"].startswith(ended.date().isoformat())
        (notice,) = (await browser.get("/api/v1/notices")).json()["notices"]
        assert notice["kind"] == "proxy-term"


async def test_after_the_term_the_two_may_agree_anew(lab: Lab) -> None:
    """A mandate that is over hinders no new one, and counts against no limit."""
    theirs, own, _ = await paired(lab, days="30")
    lab.clock.network_now += timedelta(days=31)
    assert (await accepted(own, await word_of(theirs))).status_code == 200


async def test_no_mandate_lasts_longer_than_a_year(lab: Lab) -> None:
    """A term that is not on the list makes no word; without one the longest counts, which is a year."""
    theirs, own, _ = await paired(lab)
    for days in ("366", "0", "-1", "３０", "abc"):
        refused = await theirs.post("/proxies/word", {"label": "母", "days": days}, **JSON)
        assert reason(refused) == (400, "TERM_MALFORMED"), days
    (one,) = (await own.get("/api/v1/proxies")).json()["principals"]
    assert (one["since"][:10], one["until"][:10]) == ("2026-04-06", "2027-04-06")
    assert (one["kind"], one["scope"]) == ("CONSENT", "HISTORY")


# --- reaches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize(
    "path",
    [
        "/notices",
        "/operations",
        "/letters",
        "/letters/new",
        "/applications",
        "/procedures/x/apply",
        "/card",
        "/developers",
    ],
)
def test_what_is_not_named_is_closed(scope: Scope, path: str) -> None:
    """Whatever reach a mandate has, a page that is the person's own and is not named for it is closed, below /api/ as well."""
    for address in (path, f"/api/v1{path}", f"{path}/"):
        with pytest.raises(OutOfScopeError):
            scopes.check(scope, address)


@pytest.mark.parametrize(
    "path", ["/history", "/history/x/proof", "/history.csv", "/checks", "/api/v1/proofs", "/proxies/back", "/"]
)
def test_the_history_and_the_way_back_are_open(path: str) -> None:
    """Every mandate opens the history, what checks it, and the way back."""
    for scope in Scope:
        scopes.check(scope, path)


@pytest.mark.parametrize("path", ["/information", "/information/ask/S01", "/api/v1/information/x"])
def test_own_information_needs_the_wider_reach(path: str) -> None:
    """Own information opens to the wider reach alone; an address that only begins alike opens to none."""
    scopes.check(Scope.INFORMATION, path)
    with pytest.raises(OutOfScopeError):
        scopes.check(Scope.HISTORY, path)
    with pytest.raises(OutOfScopeError):
        scopes.check(Scope.INFORMATION, "/informationx")


async def test_a_closed_page_says_so_and_shows_the_way_back(lab: Lab) -> None:
    """Under a mandate a page beyond its reach is refused with words and the banner, and its document with a reason."""
    _, own, _ = await acting(lab)
    page = await own.get("/operations")
    assert page.status_code == 403
    assert "代理人としては使えません" in visible(page.text)
    assert 'data-testid="back"' in page.text
    assert reason(await own.get("/api/v1/operations")) == (403, "OUT_OF_SCOPE")


# --- parents ----------------------------------------------------------------------------------------------------------


async def test_a_parent_registers_by_both_cards(lab: Lab) -> None:
    """Logged in with the own card and showing the child's, a parent reads the child's history at once; the child's account shows who and what."""
    await lab.deliver([told := Told()], HANA)
    parent = await logged_in(lab, SORA)
    assert (await registered(lab, parent)).status_code == 200
    (one,) = (await parent.get("/api/v1/proxies")).json()["principals"]
    assert (one["label"], one["kind"], one["scope"]) == ("長女", "PARENT", "INFORMATION")
    assert (await parent.post("/proxies/act", {"mandate": one["mandate"]})).status_code == 303
    assert [entry["request_id"] for entry in (await parent.get("/api/v1/history")).json()["entries"]] == [
        told.request_id
    ]
    child = await logged_in(lab, HANA)
    assert [(act, label) for act, _, label in await acts(child)] == [
        ("READ_LIST", "父"),
        ("SWITCHED", "父"),
        ("REGISTERED", "父"),
    ]


async def test_showing_a_child_s_card_logs_nobody_in_as_the_child(lab: Lab) -> None:
    """The parent's session stays the parent's, with the parent's own history."""
    await lab.deliver([Told()], HANA)
    parent = await logged_in(lab, SORA)
    await registered(lab, parent)
    assert (await parent.get("/api/v1/history")).json()["entries"] == []


async def test_another_browser_or_person_cannot_finish_it(lab: Lab) -> None:
    """What one parent began is registered for nobody else: neither in another browser nor after another login in the same one."""
    parent, other = await logged_in(lab, SORA), await logged_in(lab, LONG)
    answer = await registered(lab, parent, shown_by=other)
    assert answer.headers["location"] == "/proxies/child"
    assert (await other.get("/api/v1/proxies")).json()["principals"] == []
    assert (await parent.get("/api/v1/proxies")).json()["principals"] == []


async def test_one_s_own_card_makes_no_parent(lab: Lab) -> None:
    """Who shows their own card again is told so, and nothing is registered."""
    parent = await logged_in(lab, SORA)
    assert reason(await registered(lab, parent, SORA)) == (409, "OWN_CARD")
    assert (await parent.get("/api/v1/proxies")).json()["principals"] == []


async def test_no_link_makes_a_login_into_a_registration(lab: Lab) -> None:
    """A card that comes back without the parent's own page before it, once more after it, or too late, registers nothing and logs nobody in."""
    parent = await logged_in(lab, SORA)

    async def shown() -> str:
        challenged = await parent.get("/login/challenge?next=/proxies/child/card")
        signed = await parent.sign(HANA, **asked_of(challenged))
        return (await parent.get(signed.headers["location"])).headers["location"]

    assert await shown() == "/proxies/child"
    assert (await parent.get("/api/v1/proxies")).json()["principals"] == []
    mandate = (await registered(lab, parent)).json()["mandate"]
    await parent.post("/proxies/end", {"mandate": mandate})
    assert await shown() == "/proxies/child"
    await parent.post("/proxies/child", {"label": "長女", "own": "父", "days": "90"})
    lab.clock.pass_time(LIFE)
    assert await shown() == "/proxies/child"
    assert (await parent.get("/api/v1/proxies")).json()["principals"] == []
    assert await lab.portal.jobs["proxy-children"]() == 0


@pytest.mark.parametrize(
    "form", [{"label": "", "own": "父", "days": "90"}, {"label": "子", "own": "父", "days": "999"}]
)
async def test_a_form_that_does_not_fit_leads_to_no_card(lab: Lab, form: dict[str, str]) -> None:
    """Without labels or with a term that is not on the list the page says so, and no challenge is made."""
    parent = await logged_in(lab, SORA)
    answer = await parent.post("/proxies/child", form)
    assert answer.status_code == 400
    assert "child-problem" in answer.text
