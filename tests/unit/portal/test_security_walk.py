"""The security walk over every route of the portal, the card service and the stage: foreign forms, frames, caches, hosts, logins and log-outs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from unit.portal.browser import Browser
from unit.portal.lab import HANA, SORA, Lab
from unit.portal.mandated import JSON
from unit.portal.walked import EVIL, Face, Held, Way, everything, rows, stage_face, ways

from warifu.portal.login.views import PRE_LOGIN_COOKIE
from warifu.portal.sessions import COOKIE
from warifu.simulator.cards.schema import metadata as of_cards

FOREIGN = [
    {"origin": EVIL},
    {"origin": "null"},
    {"origin": ""},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"origin": EVIL, "authorization": "Basic eDp5"},
    {"origin": EVIL, "authorization": "Negotiate eDp5"},
]
"""What requests carry that other sites have a browser send. Browsers add the last two by themselves, once they know a password or a ticket."""
ANYBODY = {
    "/",
    "/checks",
    "/clinic",
    "/clinic/read",
    "/developers",
    "/differs",
    "/helpline",
    "/helpline/done",
    "/helpline/fax",
    "/helpline/finder",
    "/helpline/holder",
    "/kiosk",
    "/kiosk/finish",
    "/kiosk/leave",
    "/login",
    "/login/challenge",
    "/login/return",
    "/logout",
    "/openapi.json",
    "/procedures",
    "/procedures/{code}",
    "/static/{tag}/{name:path}",
}
"""Where nobody need be logged in; below /api/v1/ too."""
PATHS = {COOKIE: "/", PRE_LOGIN_COOKIE: "/login"}
"""Of the cookies that a login goes by."""
NOTED = frozenset({"operations", "challenges"})
"""Tables that a GET may write: that something was exported, and the login's challenge."""


@pytest.fixture
async def held(lab: Lab) -> Held:
    """Hana, with one of everything."""
    return await everything(lab)


@pytest.fixture(params=["portal", "card", "stage"])
async def face(
    request: pytest.FixtureRequest, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Face]:
    """Each face in turn; at the portal Hana is logged in, at the card service her card lies on the reader, the stage shows one exchange."""
    if request.param == "stage":
        async with stage_face(tmp_path, monkeypatch) as stage:
            yield stage
        return
    held = await everything(lab)
    await held.hana.post(lab.card_origin + "/choose", {"origin": lab.portal_origin, "person": HANA.person})
    held.hana.client.event_hooks = {}  # methods that the API does not describe are asked too
    if request.param == "portal":
        yield Face("portal", lab.portal.web, lab.portal_origin, held.hana.client, held.ids)
    else:
        yield Face("card", lab.cards, lab.card_origin, held.hana.client)


def kept(lab: Lab) -> object:
    """All that portal and card service hold."""
    return rows(lab.store), rows(lab.people, of_cards)


# --- foreign forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", FOREIGN, ids=str)
async def test_no_form_is_taken_from_elsewhere(lab: Lab, face: Face, sent: dict[str, str]) -> None:
    """Every address that takes a form answers 403 to one from elsewhere, and nothing at all is changed by it."""
    forms = [way for way in face.ways if way.method != "GET"]
    assert forms
    before = kept(lab)
    taken = [way for way in forms if (await face.ask(way, **sent)).status_code != 403]
    assert taken == []
    assert kept(lab) == before


async def test_forms_from_here_are_taken(face: Face) -> None:
    """The same addresses look at a form that comes from this face: it is where it comes from that was refused."""
    for way in (way for way in face.ways if way.method != "GET"):
        refused, looked_at = await face.ask(way, origin=EVIL), await face.ask(way)
        assert looked_at.status_code != 500, way
        assert (looked_at.status_code, looked_at.text) != (403, refused.text), way


async def test_reading_changes_nothing(lab: Lab, face: Face) -> None:
    """No GET changes anything that could be wished from elsewhere by a link: only what was exported is noted, and the login's challenge."""
    before = rows(lab.store, but=NOTED), rows(lab.people, of_cards)
    for way in face.ways:
        if way.method == "GET":
            assert (await face.ask(way)).status_code != 500, way
    assert (rows(lab.store, but=NOTED), rows(lab.people, of_cards)) == before


# --- frames, caches, hosts --------------------------------------------------------------------------------------------


def exposed(way: Way, response: httpx2.Response) -> list[str]:
    """What an answer's headers lack."""
    headers, lacking = response.headers, []
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    lasting = way.static and response.status_code == 200
    expected = {
        "framed": policy.get("frame-ancestors") == "'none'" and headers["x-frame-options"] == "DENY",
        "scripts": policy.get("script-src", "'self'") == "'self'" and "unsafe" not in str(policy),
        "rest": (policy.get("default-src"), policy.get("base-uri")) == ("'none'", "'none'"),
        "kept": headers["cache-control"] == ("public, max-age=31536000, immutable" if lasting else "no-store"),
        "guessed": headers["x-content-type-options"] == "nosniff",
        "told": headers["referrer-policy"] == "same-origin",
        "shared": not [name for name in headers if name.startswith("access-control-")],
    }
    lacking += [name for name, holds in expected.items() if not holds]
    return lacking


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_no_answer_can_be_framed_kept_or_guessed_at(face: Face, accept: str) -> None:
    """Every answer to every method, taken or refused, to a page or to a program, forbids framing, keeping and sniffing, and scripts but its own."""
    found = {}
    for way in face.ways:
        for method in ("GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"):
            asked = Way(method, way.route)
            for sent in ({}, {"origin": EVIL}):
                response = await face.ask(asked, accept=accept, **sent)
                if lacking := exposed(asked, response):
                    found[asked, response.status_code] = lacking
    assert found == {}


@pytest.mark.parametrize("host", ["evil.example", "{}.evil.example", "evil.example:80@{}", "{}, evil.example"])
async def test_every_address_answers_to_its_own_host_alone(lab: Lab, face: Face, host: str) -> None:
    """Under another name nothing is shown or done, and the name is said nowhere in the answer."""
    before = kept(lab)
    for way in face.ways:
        response = await face.ask(way, host=host.format(f"{face.name}.localhost"))
        assert response.status_code == 421, way
        assert "evil" not in response.text + str(response.headers), way
    assert kept(lab) == before


async def test_no_address_is_made_of_the_host_header(face: Face) -> None:
    """Under another port, as behind a container's mapping, no page and no redirect names that port: addresses come from the configuration."""
    for way in face.ways:
        response = await face.ask(way, host=f"{face.name}.localhost:6666", x_forwarded_host="evil.example")
        assert response.status_code != 421, way
        assert "6666" not in response.headers.get("location", ""), way
        assert ":6666" not in response.text, way
        assert "evil.example" not in response.text, way


# --- login and log-out ------------------------------------------------------------------------------------------------


def needing(lab: Lab) -> list[Way]:
    """The portal's ways that need a login."""
    found = ways(lab.portal.web)
    assert {way.route.removeprefix("/api/v1") for way in found} >= ANYBODY
    public = [way for way in found if way.route.removeprefix("/api/v1") in ANYBODY]
    return [way for way in found if way not in public or (way.route == "/api/v1/developers")]


def turned_away(response: httpx2.Response) -> bool:
    """Whether an answer leads to the login, or says that one is needed."""
    leads = re.match(r"/login\?(next=|$)", response.headers.get("location", "")) is not None
    return response.status_code == 401 or (response.status_code == 303 and leads)


@pytest.mark.parametrize("cookie", ["", "planted", "x" * 43, "\u00e9", "' or 1=1 --"])
async def test_without_a_login_nothing_of_anybody_s_is_shown(held: Held, cookie: str) -> None:
    """Every way that is not stated to be open turns a stranger away, and changes nothing."""
    stranger = Browser(held.lab)
    headers = {"cookie": f"{COOKIE}={cookie}".encode("latin-1")} if cookie else {}
    stranger.client.headers.update(headers)
    face = Face("portal", held.lab.portal.web, held.lab.portal_origin, stranger.client, held.ids)
    before = rows(held.lab.store)
    shown = [way for way in needing(held.lab) if not turned_away(await face.ask(way))]
    assert shown == []
    assert rows(held.lab.store) == before


async def test_a_log_out_everywhere_ends_everything(held: Held) -> None:
    """After it no browser and no token of the account opens any way that needs a login; other people's go on."""
    lab, second, other = held.lab, Browser(held.lab), Browser(held.lab)
    await second.log_in()
    await other.log_in(SORA)
    first = dict(held.hana.client.cookies)
    assert (await second.post("/logout/everywhere")).status_code == 303
    held.hana.client.cookies.update(first)
    token = Browser(lab)
    token.client.headers["authorization"] = f"Bearer {held.ids['secret']}"
    for browser in (held.hana, second, token):
        face = Face("portal", lab.portal.web, lab.portal_origin, browser.client, held.ids)
        assert [way for way in needing(lab) if not turned_away(await face.ask(way))] == []
    assert (await other.get("/history")).status_code == 200


async def test_a_log_out_ends_the_session_for_every_copy_of_its_cookie(held: Held) -> None:
    """A copy of the cookie in another browser opens nothing after the log-out."""
    copy = Browser(held.lab)
    copy.client.cookies.set(COOKIE, str(held.hana.cookie(COOKIE)), domain="portal.localhost", path="/")
    assert (await copy.get("/history")).status_code == 200
    await held.hana.post("/logout")
    assert turned_away(await copy.get("/history"))
    face = Face("portal", held.lab.portal.web, held.lab.portal_origin, copy.client, held.ids)
    assert [way for way in needing(held.lab) if not turned_away(await face.ask(way))] == []


async def test_a_foreign_token_ends_no_session(held: Held) -> None:
    """Who shows a token, even one that opens nothing, ends nothing of the cookie that came along."""
    for path in ("/api/v1/logout", "/api/v1/kiosk/finish", "/api/v1/kiosk/leave"):
        await held.hana.post(path, authorization="Bearer wrong", **JSON)
        copy = Browser(held.lab)
        copy.client.cookies.set(COOKIE, str(held.hana.cookie(COOKIE)), domain="portal.localhost", path="/")
        assert (await copy.get("/history")).status_code == 200, path


# --- fixed sessions ---------------------------------------------------------------------------------------------------


async def test_a_given_cookie_never_becomes_the_session(lab: Lab) -> None:
    """The login makes a secret of its own, whatever cookies were planted before; neither of them opens anything afterwards."""
    victim, thief = Browser(lab), Browser(lab)
    for name in (COOKIE, PRE_LOGIN_COOKIE):
        victim.client.cookies.set(name, "fixed", domain="portal.localhost", path=PATHS[name])
    await victim.log_in()
    assert victim.cookie(COOKIE) != "fixed"
    for name in (COOKIE, PRE_LOGIN_COOKIE):
        thief.client.cookies.set(name, "fixed", domain="portal.localhost", path=PATHS[name])
    assert turned_away(await thief.get("/history"))


async def test_another_s_session_does_not_become_one_s_own(lab: Lab) -> None:
    """Whoever plants their own living session finds the victim's login in a session of its own, and the planted one ended."""
    thief, victim = Browser(lab), Browser(lab)
    await thief.log_in(SORA)
    planted = str(thief.cookie(COOKIE))
    victim.client.cookies.set(COOKIE, planted, domain="portal.localhost", path="/")
    signed = await victim.sign()
    await victim.follow(signed.headers["location"])
    assert victim.cookie(COOKIE) != planted
    assert turned_away(await thief.get("/history"))
    assert (await victim.get("/history")).status_code == 200


async def test_a_proof_serves_one_browser_once(lab: Lab) -> None:
    """The way back from the card opens nothing in another browser, not even with the same pre-login cookie once it was used."""
    victim, thief = Browser(lab), Browser(lab)
    arrival = (await victim.sign()).headers["location"]
    bound = str(victim.client.cookies.get(PRE_LOGIN_COOKIE))
    assert "problem=" in (await thief.get(arrival)).headers["location"]
    assert thief.cookie(COOKIE) is None
    victim.client.cookies.clear()
    victim.client.cookies.set(PRE_LOGIN_COOKIE, bound, domain="portal.localhost", path="/login")
    first, second = await victim.get(arrival), await victim.get(arrival)
    assert "problem=" in first.headers["location"]  # tried by the thief, so used up
    assert "problem=" in second.headers["location"]


@pytest.mark.parametrize("path", ["/login/challenge", "/login/return"])
async def test_cookies_are_out_of_reach(lab: Lab, path: str) -> None:
    """Session and pre-login cookies are HttpOnly and SameSite, and belong to no other host."""
    browser = Browser(lab)
    arrival = (await browser.sign()).headers["location"]
    response = await browser.get(arrival if path == "/login/return" else path)
    cookie = next(one for one in response.headers.get_list("set-cookie") if re.match("warifu_(session|login)=", one))
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    assert "domain=" not in cookie.lower()


# --- shared terminals -------------------------------------------------------------------------------------------------


async def test_nothing_to_keep_leaves_at_a_shared_terminal(held: Held) -> None:
    """Whatever is handed out as a file elsewhere is refused at a kiosk, on every route; elsewhere there are such files."""
    kiosk, files = Browser(held.lab), []
    await kiosk.get("/kiosk")
    await kiosk.log_in()
    for browser in (held.hana, kiosk):
        face = Face("portal", held.lab.portal.web, held.lab.portal_origin, browser.client, held.ids)
        answers = [(way, await face.ask(way)) for way in face.ways if way.method == "GET"]
        files.append([way.route for way, answer in answers if "content-disposition" in answer.headers])
    assert len(files[0]) >= 5
    assert files[1] == []


async def test_a_fault_that_somebody_wished_changes_no_refusal(held: Held) -> None:
    """While one account is set to be slow or down, another's refusals are the usual ones."""
    other, kiosk = Browser(held.lab), Browser(held.lab)
    await other.log_in(SORA)
    await other.post("/api/v1/developers/fault", {"fault": "down"})
    await kiosk.get("/kiosk")
    await kiosk.log_in()
    assert (await kiosk.get("/history.csv")).status_code == 403


async def test_pages_of_no_feature_have_the_menu_of_whoever_is_there(lab: Lab) -> None:
    """What is missing, refused, out of order or told of the real thing has the menu of whoever is logged in, and the login before."""
    browser = Browser(lab)
    for path in ("/nothing", "/differs"):
        assert 'data-testid="nav-login"' in (await browser.get(path)).text
    await browser.log_in()
    shown = [
        await browser.get("/nothing"),
        await browser.post("/letters", origin="null"),
        await browser.get("/differs"),
    ]
    await browser.post("/api/v1/developers/fault", {"fault": "down"})
    shown.append(await browser.get("/history"))
    assert [page.status_code for page in shown] == [404, 403, 200, 503]
    for page in shown:
        assert 'data-testid="logout"' in page.text
        assert 'data-testid="nav-notices"' in page.text
