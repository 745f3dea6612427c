"""Bad input from people and browsers against the whole network of processes: markup, numbers, guessed PINs, strangers."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urljoin, urlsplit

import pytest
from canaries import files, search
from e2e.bad import SCRIPT, case_of, kill, question, stage_of
from e2e.conftest import Running

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import Reason
from warifu.simulator.cards.client import LOOPBACK, LoginError, Session, login
from warifu.simulator.cards.person import DemoPerson

NUMBER_ELSEWHERE = "123456789018"
"""Well-formed, with a right check digit, outside the synthetic block."""

MARKUP = re.compile(r'<script(?! type="module" src="/static/[^"<>]+"></script>)|<img|javascript:', re.IGNORECASE)
"""Any script but the page's own file, any picture, any address that runs."""


async def test_markup_in_every_free_text_reaches_the_page_as_no_markup(network: Running) -> None:
    """A clerk who types markup as office, staff code and consent reference marks nothing up: not on the citizen's pages, not in the JSON."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        consent = exchange_pb2.Consent(given_on="2026-04-01", reference=SCRIPT)
        asked = question(stage, case, office=SCRIPT, clerk=SCRIPT, consent=consent)
        exchange = await stage.ask(case.requester, case.addressee, asked)
        assert exchange.outcome in {"PROVIDED", "NO_RECORD"}
        entries = await stage.history(case.person.person)
        assert exchange.request_id in {entry["request_id"] for entry in entries}
        assert SCRIPT not in str(entries)
        for path in ("/history", f"/history/{exchange.request_id}"):
            for language in ("ja", "en"):
                page = await stage.page(case.person.person, path, language)
                assert exchange.request_id in page
                assert not MARKUP.search(page)


@pytest.mark.parametrize(
    "path",
    [
        "portal:/history/{}",
        "portal:/login?next={}",
        "portal:/login?lang={}",
        "portal:/{}",
        "simulator:/?q={}",
        "simulator:/?trait={}",
        "simulator:/pin?person={}&origin={}&challenge={}&session={}",
        "simulator:/{}",
    ],
)
def test_markup_in_an_address_is_never_markup_on_a_page(network: Running, path: str) -> None:
    """Whatever stands in a page's address comes back as text or not at all, on both faces."""
    face, _, rest = path.partition(":")
    session = Session(network.file.urls["portal"])
    _, location, body = session.get(network.file.urls[face] + rest.replace("{}", quote(SCRIPT)))
    assert not MARKUP.search(body)
    assert "<script" not in location
    assert ("&lt;script&gt;" in body) == (path == "simulator:/?q={}")  # what was searched for stands in its field


async def test_markup_in_a_persons_name_is_the_name(network: Running) -> None:
    """A visitor who gives markup for a name is nobody here, and is refused as such by the counter, with nothing registered."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        items = common_pb2.BasicItems()
        items.CopyFrom(stage.people.items(case.person.person))
        items.name = SCRIPT
        assert await stage.clerk(case.requester).find(items) is None
        assert await stage.refusal(stage.clerk(case.requester).receive(items)) in {
            None,
            Reason.CLIENT_PERSON_NOT_MATCHED,
        }


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (NUMBER_ELSEWHERE, Reason.CLIENT_NUMBER_NOT_SYNTHETIC),
        ("98765432101", Reason.CLIENT_NUMBER_MALFORMED),
        ("９８７６５４３２１０１２", Reason.CLIENT_NUMBER_CHECK_DIGIT),
        (SCRIPT, Reason.CLIENT_NUMBER_MALFORMED),
    ],
)
async def test_a_number_that_cannot_be_one_is_refused_and_kept_nowhere(
    network: Running, number: str, reason: Reason
) -> None:
    """At the counter a number outside the block or of another form is refused by its own reason, and lies in no party's files afterwards."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        items = stage.people.items(case.person.person)
        assert await stage.refusal(stage.clerk(case.requester).receive(items, number)) == reason
    if number == NUMBER_ELSEWHERE:
        assert [path for path in files(network.state) if search(path.read_bytes(), [number])] == []


def outcome_of_login(network: Running, person: str, pin: str) -> str:
    """The reason with which a login is refused; empty when it is not."""
    try:
        login(network.file.urls["portal"], network.file.urls["simulator"], person, pin)
    except LoginError as error:
        return error.reason
    return ""


def logs_in(network: Running, one: DemoPerson) -> bool:
    """Whether their PIN is still the one that was handed out: tests share the network, and some change it."""
    return outcome_of_login(network, one.person, one.pin) == ""


async def test_a_pin_cannot_be_guessed_in_parallel_or_across_kill_9(network: Running) -> None:
    """Thirty guesses at the same moment get three looks; after a kill -9 of the card service the right PIN opens nothing either."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        others = (
            one.person for one in reversed(stage.people.all()) if one.present and one.person != case.person.person
        )
        able = (one for one in map(stage.people.demo, others) if logs_in(network, one))
        victim, other = next(able), next(able)
        stage.has_played(victim.person)  # the card stays locked: no drill and no other test shall take it
        wrong = [f"{n:04d}" for n in range(31) if f"{n:04d}" != victim.pin][:30]
        with ThreadPoolExecutor(15) as pool:
            told = list(pool.map(lambda pin: outcome_of_login(network, victim.person, pin), wrong))
        assert set(told) == {Reason.CLIENT_PIN_WRONG, Reason.CLIENT_CARD_LOCKED}
        assert told.count(Reason.CLIENT_PIN_WRONG) <= 3
        await kill(network, stage, "simulator")
        assert outcome_of_login(network, victim.person, victim.pin) == Reason.CLIENT_CARD_LOCKED
        assert outcome_of_login(network, other.person, other.pin) == ""


async def test_a_login_link_opens_once_and_in_its_own_browser(network: Running) -> None:
    """The card's signed way back to the portal opens nothing in another browser, and nothing a second time."""
    async with stage_of(network) as stage:
        handle = (await case_of(stage)).person.person
        pin, urls = stage.people.demo(handle).pin, network.file.urls
    document, history = "application/json", urljoin(urls["portal"], "/api/v1/history")
    browser, victim, thief = (Session(urls["portal"]) for _ in range(3))
    way_back = signed(browser, urls, handle, pin)
    assert browser.get(way_back, document)[0] == 200
    assert browser.get(way_back, document)[0] != 200
    stolen = signed(victim, urls, handle, pin)
    assert thief.get(stolen, document)[0] != 200
    assert victim.get(stolen, document)[0] != 200
    assert [one.get(history, document)[0] for one in (browser, victim, thief)] == [200, 401, 401]


def signed(browser: Session, urls: Mapping[str, str], handle: str, pin: str) -> str:
    """The address to which the card service sends a browser after the right PIN."""
    _, location, _ = browser.get(urljoin(urls["portal"], "/login/challenge"))
    asked = dict(pair.split("=", 1) for pair in urlsplit(location).query.split("&"))
    form = {
        "origin": urls["portal"].rstrip("/"),
        "challenge": asked["challenge"],
        "session": asked["session"],
        "person": handle,
        "pin": pin,
    }
    status, location, body = browser.post(urljoin(urls["simulator"], "/sign"), form, "application/json")
    assert status == 303, body
    return location


async def test_another_citizens_record_is_no_page(network: Running) -> None:
    """Logged in as somebody else, a record's address shows what an invented one shows, byte for byte, as page and as document."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        exchange = await stage.ask(case.requester, case.addressee, question(stage, case))
        assert exchange.request_id in {entry["request_id"] for entry in await stage.history(case.person.person)}
        stranger = next(p for p in stage.people.all() if p.person != case.person.person and p.present)
        demo_person = stage.people.demo(stranger.person)
        urls = network.file.urls
        session = login(urls["portal"], urls["simulator"], stranger.person, demo_person.pin)
        invented = "00000000-0000-4000-8000-00000000dead"
        for path in ("/history/{}", "/api/v1/history/{}"):
            theirs, nobodys = (
                session.get(urls["portal"] + path.format(one)) for one in (exchange.request_id, invented)
            )
            assert theirs[0] == nobodys[0] == 404
            assert theirs[2].replace(exchange.request_id, "") == nobodys[2].replace(invented, "")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://card.localhost.evil.example", ""])
def test_a_cross_site_post_is_refused(network: Running, origin: str) -> None:
    """A form sent from another site to the portal's log-out or the card's signature is refused before anything is looked at."""
    for face, path in (("portal", "/logout"), ("simulator", "/sign")):
        parts = urlsplit(network.file.urls[face])
        connection = http.client.HTTPConnection(LOOPBACK, parts.port, timeout=10)
        headers = {"Host": parts.netloc, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, "person=p-000001&pin=0000", headers | ({"Origin": origin} if origin else {}))
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        assert response.status == 403, (face, body)
        assert response.headers.get("Set-Cookie") is None or "session" not in response.headers["Set-Cookie"]


def test_another_host_name_is_refused(network: Running) -> None:
    """A face asked for by an address or another name, as after DNS rebinding, shows no page."""
    for face in ("portal", "simulator"):
        parts = urlsplit(network.file.urls[face])
        for host in (f"127.0.0.1:{parts.port}", f"evil.example:{parts.port}"):
            connection = http.client.HTTPConnection(LOOPBACK, parts.port, timeout=10)
            connection.request("GET", "/", headers={"Host": host})
            assert connection.getresponse().status == 421
            connection.close()
