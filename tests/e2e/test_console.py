"""The supervisor's console of the whole network: what a clerk asked is found, what is stopped is refused, the reconciliation finds nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx2
import pytest
from e2e.conftest import Running

WAIT = 60
INSURER = "insurer-06480016"


class Console:
    """The console's pages, for its director."""

    def __init__(self, network: Running) -> None:
        origin = network.file.urls["watchdog"]
        sent = {"host": urlsplit(origin).netloc, "origin": origin, "sec-fetch-site": "same-origin"}
        base = f"http://127.0.0.1:{urlsplit(origin).port}"
        self.client = httpx2.Client(base_url=base, headers=sent, timeout=WAIT)
        secret = network.state / "watchdog" / "secrets" / "demo-staff.json"
        answer = self.client.post(
            "/login", data={"login": "director", "password": json.loads(secret.read_text())["director"]}
        )
        self.client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]

    def json(self, path: str) -> dict:
        """A page's data."""
        answer = self.client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    @contextmanager
    def stopped(self, institution: str) -> Iterator[None]:
        """An institution is stopped by hand while the block lasts."""
        answer = self.client.post("/stops", data={"institution": institution, "ground": "by_hand", "why": "a drill"})
        assert answer.headers["location"] == "/stops?done=stopped"
        number = self.client.get("/stops").text.split("/lift")[0].rsplit("/", 1)[1]
        try:
            yield
        finally:
            assert self.client.post(f"/stops/{number}/lift").headers["location"] == "/stops?done=lifted"


@pytest.fixture(scope="module")
def console(network: Running) -> Iterator[Console]:
    """The console of the running network."""
    opened = Console(network)
    yield opened
    opened.client.close()


def test_a_played_exchange_is_found_without_naming_anybody(network: Running, console: Console) -> None:
    """The exchanges of a lesson are found by their institution; nothing that is answered names the person."""
    played = network.json("play", "moved-household")
    asked = played["exchanges"][0]
    found = console.json(f"search?institution={asked['requester']}&outcome=ANSWERED")
    assert asked["request_id"] in {one["request_id"] for one in found["exchanges"]}
    assert played["person"] not in json.dumps(found)


def test_an_institution_that_is_stopped_asks_nobody(network: Running, console: Console) -> None:
    """A lesson in which it asks is refused while it is stopped, with the stop as the reason; the refusals are found by their outcome."""
    with console.stopped(INSURER):
        played = network.json("play", "dependant-check", code=1)
        found = {one["request_id"]: one["reason"] for one in console.json("search?outcome=DENIED")["exchanges"]}
    asked = [one for one in played["exchanges"] if one["requester"] == INSURER]
    assert {one["outcome"] for one in asked} == {"DENIED"}
    with_consent = [one for one in asked if one["reason"] != "CLIENT_CONSENT_MISSING"]  # the lesson asks once without
    assert with_consent
    assert {one["reason"] for one in with_consent} == {"CLIENT_STOPPED"}
    assert {found[one["request_id"]] for one in with_consent} == {"CLIENT_STOPPED"}
    assert network.json("play", "dependant-check")["passed"]


def test_the_reconciliation_reads_the_whole_network(console: Console) -> None:
    """Begun on the page, it ends by itself, has read every entry and every party."""
    assert console.client.post("/reconciliations").status_code == 303
    ends = time.monotonic() + WAIT
    while 'data-testid="run"' not in (page := console.client.get("/reconciliations").text) and time.monotonic() < ends:
        time.sleep(0.5)
    assert 'data-testid="run"' in page
    run = console.json("reconciliations/1")
    assert (run["trouble"], run["found"]) == ("", 0), run
    assert run["entries"] > 0
