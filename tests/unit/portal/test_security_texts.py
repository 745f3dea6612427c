"""The security walk over what is typed and what is pointed at: other people's ids, markup in every text, ways that lead elsewhere."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import httpx2
import pytest
from unit.portal.browser import Browser
from unit.portal.corrected import Corrected
from unit.portal.lab import HANA, LONG, SORA, Lab, Told
from unit.portal.paper_requester import tax_record
from unit.portal.test_information import answered
from unit.portal.test_letters import NHI
from unit.portal.test_procedures import applied, tell
from unit.portal.walked import EVIL, FIELDS, Face, Held, Way, everything, reading, rows, signed, stage_face

from warifu.common.v1 import common_pb2
from warifu.kernel.instants import milliseconds, timestamp
from warifu.portal.information.requester import Answer, State
from warifu.portal.notices.queries import Notices
from warifu.portal.post.letters import LetterPost
from warifu.portal.v1 import post_pb2

MARKUP = "'\"><i data-walk>"
"""Would leave an attribute and become an element, were it not escaped."""
ELSEWHERE = (
    EVIL,
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%2fevil.example",
    "/\t/evil.example",
    "/.//evil.example",
    "javascript:alert(1)//evil.example",
    "@evil.example",
    ".evil.example",
)
"""Where an address that is taken over unlooked-at would lead."""
SHOWN_AGAIN = {
    "portal": {
        ("GET", "/procedures", "q"),
        ("POST", "/benefits", "holder"),
        ("POST", "/benefits", "number"),
        ("POST", "/developers/tokens", "label"),
        ("POST", "/helpline/finder", "number"),
        ("POST", "/helpline/holder", "address"),
        ("POST", "/helpline/holder", "name"),
        ("POST", "/history/{request_id}/letter", "text"),
        ("POST", "/insurance", "number"),
        ("POST", "/procedures/{code}/apply", "child_name"),
        ("POST", "/proxies/accept", "label"),
    },
    "card": {("GET", "/", "next"), ("GET", "/", "q"), ("GET", "/", "return")},
    "stage": {("GET", "/exchange", "id"), ("GET", "/people", "q"), ("POST", "/clock", "day")},
}
"""Fields whose content is on the page that answers."""
IDS = {
    ("/developers/tokens/end", "token"),
    ("/history/{request_id}/letter", "letter_id"),
    ("/notices/open", "notice"),
    ("/procedures/{code}/apply", "draft"),
    ("/proxies/act", "mandate"),
    ("/proxies/end", "mandate"),
}
"""Routes with the fields of theirs that name something of somebody's."""


class Page(HTMLParser):
    """The elements of a page that matter here."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.planted = False
        self.fields: list[tuple[str, str]] = []
        self.inline = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        found = dict(attrs)
        self.planted |= "data-walk" in found
        self.inline |= any(name.startswith("on") or name == "style" for name in found)
        self.links += [str(found[name]) for name in ("href", "src", "action", "formaction") if found.get(name)]
        if tag == "meta" and "url=" in str(found.get("content")):
            self.links.append(str(found["content"]).partition("url=")[2])
        if tag in {"input", "button", "select", "textarea"} and found.get("name"):
            self.fields.append((str(found["name"]), str(found.get("value", ""))))


def is_page(response: httpx2.Response) -> bool:
    """Whether a browser shows it as a page."""
    return response.headers.get("content-type", "").startswith("text/html")


def safe(response: httpx2.Response) -> bool:
    """Whether nothing that was typed became an element, a handler or a script."""
    if not is_page(response):
        return True
    page = Page(response.text)
    return not page.planted and not page.inline


@pytest.fixture
async def held(lab: Lab) -> Held:
    """Hana, with one of everything."""
    return await everything(lab)


def portal(held: Held, browser: Browser | None = None, ids: Mapping[str, str] | None = None) -> Face:
    """The portal as `browser` sees it; Hana's by default."""
    client = (browser or held.hana).client
    client.event_hooks = {}
    return Face("portal", held.lab.portal.web, held.lab.portal_origin, client, ids or held.ids)


@pytest.fixture(params=["portal", "card", "stage"])
async def face(
    request: pytest.FixtureRequest, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Face]:
    """Each face in turn, with somebody in it who has one of everything."""
    if request.param == "stage":
        async with stage_face(tmp_path, monkeypatch) as stage:
            yield stage
        return
    held = await everything(lab)
    chosen = {"origin": lab.portal_origin, "person": HANA.person}
    await held.hana.post(lab.card_origin + "/choose", chosen)
    found = portal(held)
    yield found if request.param == "portal" else Face("card", lab.cards, lab.card_origin, found.client)


# --- other people's ids -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_what_is_somebody_else_s_is_missing_like_what_never_was(held: Held, accept: str) -> None:
    """On every route with a place for something of somebody's, Sora finds Hana's exactly as she finds an id that was made up, and changes nothing."""
    sora, lab = Browser(held.lab), held.lab
    await sora.log_in(SORA)
    strange = {name: re.sub("[0-9a-f]", "0", value) for name, value in held.ids.items()}
    personal = [way for way in portal(held).ways if not way.static and way.whose in held.ids]
    before, mine = rows(lab.store), await signed(held)
    for way in personal:
        answers = []
        for ids in (held.ids, strange):
            sent = mine if way.route.endswith("/signed") else {}
            response = await portal(held, sora, ids).ask(way, sent, accept=accept)
            answers.append((response.status_code, response.text.replace(ids[way.whose], "ID")))
        assert answers[0] == answers[1], way
        assert answers[0][0] == 404, way
    assert rows(lab.store) == before
    assert len(personal) >= 15
    for way in (way for way in personal if way.method == "GET" and not way.route.endswith("/signed")):
        assert (await portal(held).ask(way, accept=accept)).status_code == 200, way


async def test_no_field_names_an_id_that_the_walk_does_not_know(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all fields that routes look for, those that open something when they hold an id of Hana's are in the list of `IDS`."""
    pages = [await portal(held).ask(way) for way in portal(held).ways if way.method == "GET"]
    found = set()
    for way in portal(held).ways:
        with reading(monkeypatch) as seen:
            await portal(held).ask(way)
        named = seen[FIELDS[way.method]] & {"application", "token", "letter_id", "notice", "draft", "mandate", "card"}
        found |= {(way.route.removeprefix("/api/v1"), name) for name in named}
    fields = [one for page in pages if is_page(page) for one in Page(page.text).fields]
    hidden = {name for name, value in fields if value in held.ids.values()}
    assert found == IDS
    assert hidden == {"notice", "token", "mandate"}


async def test_a_field_with_somebody_else_s_id_does_nothing(held: Held) -> None:
    """Hana's notice, token, mandate, letter and draft in Sora's forms are missing, and Hana's own stay as they are."""
    lab, sora = held.lab, Browser(held.lab)
    await sora.log_in(SORA)
    await lab.deliver([told := Told()], SORA)
    third = Browser(lab)
    await third.log_in(LONG)
    before = rows(lab.store)
    for browser, path, field in (
        (sora, "/notices/open", "notice"),
        (sora, "/developers/tokens/end", "token"),
        (third, "/proxies/act", "mandate"),
        (third, "/proxies/end", "mandate"),
        (held.hana, "/proxies/act", "mandate"),
    ):
        for prefix in ("", "/api/v1"):
            response = await browser.post(prefix + path, {field: held.ids[field]})
            assert response.status_code == 404, path
    letter = {"addressee": told.requester, "kind": "question", "text": "x", "letter_id": held.ids["letter"]}
    assert (await sora.post(f"/history/{told.request_id}/letter", letter)).status_code == 400
    form = await sora.get(f"/procedures/JT90000000000501/apply?draft={held.ids['draft']}")
    assert "汐見" not in form.text
    assert rows(lab.store) == before


async def test_proofs_of_somebody_else_s_entries_are_not_given(held: Held) -> None:
    """The document of proofs has nothing of an id that is another's, and all of one's own."""
    sora = Browser(held.lab)
    await sora.log_in(SORA)
    path = f"/api/v1/proofs?request_id={held.ids['entry']}"
    assert (await sora.get(path)).json()["entries"] == {}
    assert list((await held.hana.get(path)).json()["entries"]) == [held.ids["entry"]]


async def test_a_proxy_s_ids_are_no_wider_than_the_mandate(lab: Lab) -> None:
    """Who reads Hana's history for her finds her letters, drafts, applications, notices and tokens no more than before."""
    held, own = await everything(lab), Browser(lab)
    await own.log_in(SORA)
    assert (await own.post("/proxies/act", {"mandate": held.ids["mandate"]})).status_code == 303
    assert (await own.get(f"/history/{held.ids['entry']}")).status_code == 200
    for way in portal(held).ways:
        if way.method == "GET" and way.whose in {"letter", "draft", "application", "information"}:
            response = await portal(held, own).ask(way)
            assert response.status_code in {403, 404}, way


# --- markup -----------------------------------------------------------------------------------------------------------


async def names_of(face: Face, way: Way, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The fields that a route looks for, with those of the forms on the page that leads there."""
    with reading(monkeypatch) as seen:
        shown = await face.ask(way)
        await face.ask(Way("GET", way.route)) if way.method == "POST" else None
    listed = {name for name, _ in Page(shown.text).fields} if is_page(shown) else set()
    return seen[FIELDS[way.method]] | listed | {"unheard-of"}


async def test_markup_in_any_field_stays_text(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """Markup in each field of each query and form, alone and in all at once, never becomes an element of the answer."""
    told = set()
    for way in (way for way in face.ways if not way.static):
        names = await names_of(face, way, monkeypatch)
        for sent in [*({name: MARKUP} for name in sorted(names)), dict.fromkeys(names, MARKUP)]:
            response = await face.ask(way, sent, accept="text/html")
            assert response.status_code != 500, (way, sent)
            assert safe(response), (way, sent)
            if is_page(response) and len(sent) == 1 and MARKUP in html.unescape(response.text):
                told |= {(way.method, way.route, name) for name in sent}
    assert told >= SHOWN_AGAIN[face.name]


async def test_markup_in_any_header_stays_text(face: Face) -> None:
    """Nor does markup in what a browser says of itself, nor in an address that is none."""
    sent = {
        "user_agent": MARKUP,
        "accept_language": MARKUP,
        "referer": EVIL + MARKUP,
        "cookie": f"warifu_lang={MARKUP}",
    }
    for way in face.ways:
        assert safe(await face.ask(way, **sent)), way
    for path in ("/<i data-walk>", "/history/<i data-walk>", "/exchange/<i data-walk>", "/cards/<i data-walk>"):
        assert safe(await face.client.get(face.origin + path + f"?lang=en&x={MARKUP}"))


async def test_what_a_citizen_wrote_is_shown_as_it_was_written(lab: Lab) -> None:
    """Markup in letter, token's label, proxies' labels and form is kept, and shown as text on every page of both people."""
    held = await everything(lab, MARKUP)
    sora = Browser(lab)
    await sora.log_in(SORA)
    shown: dict[str, list[str]] = {"hana": [], "sora": []}
    for name, browser in (("hana", held.hana), ("sora", sora)):
        for way in (way for way in portal(held).ways if way.method == "GET"):
            response = await portal(held, browser).ask(way, accept="text/html")
            assert safe(response), way
            if is_page(response) and MARKUP in html.unescape(response.text):
                shown[name].append(way.route)
    assert set(shown["hana"]) >= {
        "/letters/{letter_id}",
        "/developers",
        "/proxies",
        "/proxies/records",
        "/applications/drafts/{application}",
    }
    assert set(shown["sora"]) >= {"/proxies", "/proxies/records"}


async def test_what_institutions_wrote_is_shown_as_it_was_written(lab: Lab) -> None:
    """Markup in an answer, a correction, an application's note and papers, and in an item's content stays text in pages and documents."""
    held = await everything(lab)
    at = timestamp(milliseconds(lab.clock.network()))
    post = LetterPost(lab.store, lab.seals, lab.clock, Notices(lab.store, lab.seals, lab.clock))
    await post.answer(NHI, post_pb2.AnswerPostRequest(letter_id=held.ids["letter"], text=MARKUP, at=at))
    corrected = Corrected(lab, Told())
    await corrected.deliver()
    corrected.correct(MARKUP)
    await corrected.deliver()
    application = await applied(lab, held.hana)
    paper = common_pb2.LocalizedText(ja=MARKUP, en=MARKUP)
    state = post_pb2.APPLICATION_STATE_AWAITS_PAPER
    await tell(lab, application, state, note=MARKUP, papers_saved=[paper], papers_to_bring=[paper])
    records = [tax_record(municipality=MARKUP)]
    information = await answered(lab, held.hana, Answer(State.ARRIVED, milliseconds(lab.clock.network()), records))
    written = {"entry": corrected.request_id, "application": application, "information": information}
    face, shown = portal(held, ids={**held.ids, **written}), []
    for way in (way for way in face.ways if way.method == "GET"):
        response = await face.ask(way, accept="text/html")
        assert safe(response), way
        if is_page(response) and MARKUP in html.unescape(response.text):
            shown.append(way.route)
    assert set(shown) >= {
        "/letters/{letter_id}",
        "/history/{request_id}",
        "/applications/{application}",
        "/information/{request_id}",
    }


# --- ways that lead elsewhere -----------------------------------------------------------------------------------------


def astray(face: Face, lab: Lab, response: httpx2.Response) -> list[str]:
    """Redirects, links and forms that do not stay within the demo's faces, as a browser reads them."""
    leads = Page(response.text).links if is_page(response) else []
    leads += [response.headers[name] for name in ("location", "refresh", "hx-redirect") if name in response.headers]
    return [one for one in leads if not _stays(one, (face.origin, lab.portal_origin, lab.card_origin))]


def _stays(address: str, origins: tuple[str, ...]) -> bool:
    """As browsers do (URL standard): tabs and line ends are dropped, and a backslash is a slash."""
    read = re.sub(r"[\t\r\n]", "", address.strip()).replace("\\", "/")
    if read.startswith("//") or re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", read):
        own = re.match(r"https?://([a-z]+)\.localhost(:\d+)?(?=[/?#]|$)", read)
        return own is not None or read.startswith(("tel:", "mailto:"))
    return True


async def test_no_field_leads_elsewhere(face: Face, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """No redirect, link or form of an answer leads out, whatever address stands in any field of any query or form."""
    for way in (way for way in face.ways if not way.static):
        names = sorted(await names_of(face, way, monkeypatch))
        usual = astray(face, lab, await face.ask(way, accept="text/html"))
        for address in ELSEWHERE:
            alone = [{name: address} for name in names] if address in ELSEWHERE[:2] else []
            for sent in (*alone, dict.fromkeys(names, address)):
                response = await face.ask(way, sent, accept="text/html")
                assert astray(face, lab, response) in (usual, []), (way, sent)
                assert "evil.example" not in response.headers.get("location", "").partition("?")[0], (way, sent)


@pytest.mark.parametrize("next_page", ELSEWHERE)
@pytest.mark.parametrize("path", ["/login", "/login/challenge"])
async def test_a_login_ends_on_a_page_of_the_portal(lab: Lab, path: str, next_page: str) -> None:
    """Whatever page is to follow, the first one after the card is the history."""
    browser = Browser(lab)
    asked = await browser.client.get(lab.portal_origin + path, params={"next": next_page})
    if path == "/login":
        (there,) = (one for one in Page(asked.text).links if one.startswith(lab.card_origin))
        assert httpx2.URL(there).params["next"] == "/history"
        return
    query = httpx2.URL(asked.headers["location"]).params
    back = await browser.sign(**{name: query[name] for name in ("origin", "challenge", "session")})
    assert (await browser.get(back.headers["location"])).headers["location"] == "/history"


@pytest.mark.parametrize("origin", [*ELSEWHERE, "http://portal.localhost:8170.evil.example", "http://portal.localhost"])
async def test_the_card_service_works_for_the_portal_alone(lab: Lab, origin: str) -> None:
    """It signs nothing for, and leads nobody to, an origin that its configuration does not name."""
    browser = Browser(lab)
    asked = {**await browser.challenge(), "origin": origin, "person": HANA.person, "pin": HANA.pin}
    for path in ("/", "/pin", "/finish", "/signature"):
        response = await browser.client.get(lab.card_origin + path, params=asked)
        assert (response.status_code, "location" in response.headers) == (400, False), path
    for path in ("/choose", "/sign", "/signature"):
        response = await browser.post(lab.card_origin + path, asked)
        assert (response.status_code, "location" in response.headers) == (400, False), path


@pytest.mark.parametrize("way_back", [*ELSEWHERE, "history", "/history?x=1", "/history#x", ""])
async def test_a_signature_goes_back_to_a_page_of_the_portal(lab: Lab, way_back: str) -> None:
    """A way back that is no path of the portal's gets no signature."""
    browser = Browser(lab)
    asked = {"origin": lab.portal_origin, "digest": "A" * 43, "session": "A" * 43, "return": way_back}
    assert (await browser.client.get(lab.card_origin + "/signature", params=asked)).status_code == 400
    sent = {**asked, "card": HANA.person, "password": "ABC123"}
    assert (await browser.post(lab.card_origin + "/signature", sent)).status_code == 400
