"""Everyone's pages: each link leads to a page, each form to somewhere that takes it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from browser.chromium import chromium
from playwright.sync_api import Browser
from running import Running

from warifu.simulator.people import People
from warifu.simulator.state import NetworkFile
from warifu.simulator.tour.acts import Scene
from warifu.simulator.tour.crawl import Crawl, Visit, pattern
from warifu.simulator.tour.visitors import Visitor, entered, visitors

pytestmark = [pytest.mark.browser, pytest.mark.slow]
INSTITUTION, CARD_OFFICE = "nhi-490016", "residency-490016"
EVERYONE = [one for one in visitors(INSTITUTION, CARD_OFFICE) if one.crawls]
WITH_LOGIN = {"portal.localhost", "counter.localhost", "watchdog.localhost"}
ENOUGH = {"trainer": 8, "citizen": 12, "clerk": 4, "director": 8, "examiner": 8}
"""Pages that somebody has at the very least, so that a crawl that finds nothing fails."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def scene(network: Running) -> Scene:
    """A play on the network, unless everyone has played already: somebody with a history."""
    played = network.json("play", "moved-household", code=None) if network.process.poll() is None else {}
    person = played.get("person") or "p-000001"
    return Scene(person, People.of(network.file).demo(person).pin, INSTITUTION, {})


def crawled(browser: Browser, network: NetworkFile, scene: Scene, who: Visitor) -> list[Visit]:
    """Every page that somebody reaches, one of each pattern."""
    with entered(browser, network, who, scene.person, scene.pin) as context:
        return list(Crawl(context, network.urls[who.face], who.skipped).run(who.start))


@pytest.mark.parametrize("who", EVERYONE, ids=lambda who: who.name)
def test_every_link_leads_to_a_page(browser: Browser, network: Running, scene: Scene, who: Visitor) -> None:
    """No visitor meets a link that is broken or not theirs, nor a form that nothing takes."""
    visits = crawled(browser, network.file, scene, who)
    assert not [f"{one.url}: {one.status}, from {one.linked_from}" for one in visits if one.status >= 400]
    assert len(visits) >= ENOUGH.get(who.name, 1)
    assert not {form.action for one in visits for form in one.forms if not taken(form.action, form.method)}


def taken(address: str, method: str) -> bool:
    """Whether a face takes forms of this method at an address. Where one has to log in, an empty form of a stranger says so."""
    parts = urlsplit(address)
    told = {"host": parts.netloc, "origin": f"{parts.scheme}://{parts.netloc}", "sec-fetch-site": "same-origin"}
    harmless = method if parts.hostname in WITH_LOGIN else "put"
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{parts.port}", verify=False
    ) as client:  # no TLS: no certificates to read
        answer = client.request(harmless, parts.path, headers=told)
    return (
        answer.status_code == 405
        if harmless == "put"
        else answer.status_code not in {404, 405} and answer.status_code < 500
    )


def test_identifiers_make_no_new_page() -> None:
    """Two addresses that differ by identifiers alone have one pattern; other pages have others."""
    first, second = (f"http://x/history/{n * 8}-{n * 4}-{n * 4}-{n * 4}-{n * 12}" for n in ("0", "a"))
    assert pattern(first) == pattern(second) != pattern("http://x/history")
    assert pattern("http://x/history?before=1&lang=ja") == pattern("http://x/history?before=2")
