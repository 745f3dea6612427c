"""With one seed and a clock that stands still, a page is the same to the byte: drawn twice, and in two networks that were never one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import pytest
from running import Running, start, stop

from warifu.simulator.cards.client import Session, login
from warifu.simulator.people import People
from warifu.simulator.tour.crawl import pattern

pytestmark = pytest.mark.slow
SEED, PEOPLE, WITHIN = "7", "60", 60
FACES: Final = ("portal", "stage", "simulator", "counter", "watchdog")
LANGUAGES: Final = ("ja", "en")
LETTER: Final = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True)
class Unlike:
    """Something of a page that no seed decides, and why."""

    why: str
    found: re.Pattern[str]


def element(testid: str) -> re.Pattern[str]:
    """The content of an element."""
    return re.compile(rf'(?<=data-testid="{testid}">)[^<]*')


UNLIKE: Final = (
    Unlike("a token that serves one sending of the form", re.compile(r'(?<=name="letter_id" value=")[0-9a-f-]+')),
    Unlike("a commitment binds by a salt, which is random", element("commitment")),
    Unlike("the serial number of a certificate, part of what is signed", element("card-serial")),
    Unlike("the same in the portal's data", re.compile(r'(?<="serial":")[0-9a-f]+')),
    Unlike("a password of a training account, kept as a key is", re.compile(r'(?:(?<=<code>)|(?<=name="password" value="))[a-z0-9]{4}(?:-[a-z0-9]{4}){2}(?=<|")')),
    Unlike("a one-time password", element("demo-code")),
    Unlike("the script that checks the log has the log's keys in it", re.compile(r"(?<=/static/)[0-9a-f]{16}(?=/page\.js)")),
    Unlike("the port at which a face is reached", re.compile(r"(?:(?<=localhost:)|(?<=localhost%3A))\d+")),
)  # fmt: skip
"""All of it, in one place. What is masked is masked in every page."""
LEFT_OUT: Final = (
    re.compile(r"/history/[^/]+/proof$"),  # a proof is hashes and salts
    re.compile(r"/exchange/"),  # shows ciphertexts, signatures, commitments and keys: that is what it is for
    re.compile(r"/(?:static|login/challenge)"),  # a challenge is a token
)
LINK: Final = re.compile(r'<a [^>]*href="([^"#]+)')


@dataclass(frozen=True)
class Page:
    """What was answered at one address."""

    status: int
    location: str
    body: str

    def masked(self) -> tuple[int, str, str]:
        """All of it but what no seed decides."""
        location, body = self.location, self.body
        for one in UNLIKE:
            location, body = one.found.sub("…", location), one.found.sub("…", body)
        return self.status, location, body


@contextmanager
def network(state: Path) -> Iterator[Running]:
    """A network of its own, filled by the same acts in the same order each time."""
    running = start(state, "--people", PEOPLE, "--seed", SEED, "--stopped-clock")
    try:
        yield running
    finally:
        stop(running)


def act(running: Running) -> Session:
    """A play, and what its citizen then does at the portal; the citizen's session."""
    person = running.json("play", "moved-household")["person"]
    urls = running.file.urls
    session = login(urls["portal"], urls["simulator"], person, People.of(running.file).demo(person).pin)
    newest, tax = (
        next(one for one in session.history() if one["provider"].startswith(kind)) for kind in ("insurer", "tax")
    )
    question = {"letter_id": LETTER, "addressee": newest["requester"], "kind": "question", "text": "なぜですか。"}
    session.post(f"{urls['portal']}/api/v1/history/{newest['request_id']}/letter", question, "application/json")
    wish = {"provider": tax["provider"], "consent": "yes", "year": "2025"}
    session.post(f"{urls['portal']}/api/v1/information/ask/S01", wish, "application/json")
    until(lambda: bool(session.document("/api/v1/notices")["notices"]))
    until(lambda: len(session.history()) == 3)
    return session


def until(there: Callable[[], bool]) -> None:
    """Wait until jobs have carried something over."""
    ends = time.monotonic() + WITHIN
    while not there():
        assert time.monotonic() < ends, "nothing came"
        time.sleep(0.2)


def pages(session: Session, base: str) -> Iterator[tuple[str, str]]:
    """Every page of a face that links lead to, one of each pattern, and its address below the face."""
    queue, seen = ["/"], set[str]()
    while queue:
        path = queue.pop(0)
        shape = pattern(urljoin(base, path))
        if shape in seen or "projector=" in path or any(one.search(path) for one in LEFT_OUT):
            continue
        seen.add(shape)
        status, location, body = session.get(urljoin(base, path))
        yield path, body
        if status == 303 and location.startswith(base):
            queue.append(location.removeprefix(base))
        if "<html" in body:
            queue += [unescape(link) for link in LINK.findall(body) if link.startswith("/")]


def read(running: Running, session: Session) -> Mapping[str, Page]:
    """Every page of every face in both languages, and the portal's data; each is asked for twice and must be the same at once."""
    found = dict[str, Page]()
    for face in FACES:
        base = running.file.urls[face]
        visitor = session if face == "portal" else Session(session.portal_url)
        for path, _ in list(pages(visitor, base)):
            addresses = [f"{path}{'&' if '?' in path else '?'}lang={language}" for language in LANGUAGES]
            if face == "portal":
                addresses.append(f"/api/v1{path}")
            for address in addresses:
                page, again = (Page(*visitor.get(urljoin(base, address))) for _ in range(2))
                assert page.masked() == again.masked(), f"{face}{address} differs when it is drawn again"
                found[f"{face}{address}"] = page
    return found


def test_two_networks_of_one_seed_show_the_same(tmp_path: Path) -> None:
    """Portal, stage, card service, counters and console answer with the same bytes, pages and JSON alike, but for what `UNLIKE` names."""
    read_at = []
    for name in ("one", "other"):
        with network(tmp_path / name) as running:
            read_at.append(read(running, act(running)))
    one, other = read_at
    assert one.keys() == other.keys()
    assert not [address for address in one if one[address].masked() != other[address].masked()]
    assert len([address for address in one if one[address].status == 200]) > 150
    assert any("/api/v1/history/" in address and one[address].status == 200 for address in one)
    everything = "\n".join(page.body for page in one.values())
    assert not [unlike.why for unlike in UNLIKE if not unlike.found.search(everything)], "no longer an exception"
