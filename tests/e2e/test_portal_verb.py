"""`warifu portal`: whoever builds pages finds a person for each state, with a token, at the first start and at the next."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from warifu.simulator.cards.client import LoginError, login

pytestmark = pytest.mark.slow
ORIGIN, ROWS, PATIENCE = "http://localhost:5173", 7, 60


@contextmanager
def portal(state: Path) -> Iterator[dict]:
    """The verb while the block lasts; what it announced."""
    words = ["portal", "--people", "60", "--rows", str(ROWS), "--state", str(state), "--dev-origin", ORIGIN, "--json"]
    with subprocess.Popen([sys.executable, "-m", "warifu.cli", *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.rstrip() == "}":
                break
        try:
            yield json.loads("".join(said))
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0


def asked(announced: dict, name: str) -> httpx2.Response:
    """The history of a demo person, by their token, from a page of the development origin."""
    person = next(one for one in announced["persons"] if one["name"] == name)
    address = urlsplit(announced["api"])
    told = {"host": address.netloc, "origin": ORIGIN, "authorization": f"Bearer {person['token']}"}
    return httpx2.get(f"http://127.0.0.1:{address.port}/api/v1/history", headers=told, timeout=PATIENCE)


def why_not(announced: dict, name: str) -> str:
    """Why a demo person's login with card and right PIN is refused."""
    person, urls = next(one for one in announced["persons"] if one["name"] == name), announced["urls"]
    with pytest.raises(LoginError) as refused:
        login(urls["portal"], urls["simulator"], person["person"], person["pin"])
    return refused.value.reason


def certificates(announced: dict, name: str) -> list[str]:
    """How the certificates on a demo person's card stand, as the card service shows it to its holder."""
    handle = next(one["person"] for one in announced["persons"] if one["name"] == name)
    address = urlsplit(announced["urls"]["simulator"])
    told = httpx2.get(
        f"http://127.0.0.1:{address.port}/api/v1/cards/{handle}", headers={"host": address.netloc}, timeout=PATIENCE
    )
    return [one["status"] for one in told.json()["certificates"]]


def test_each_demo_person_is_in_their_state_at_every_start(tmp_path: Path) -> None:
    """Who is empty, busy, slow and down shows it by the API, who is locked or whose card expired comes not in; a second start finds the same people so."""
    found = []
    for _ in range(2):
        with portal(tmp_path / "state") as announced:
            found.append({one["name"]: one["person"] for one in announced["persons"]})
            assert asked(announced, "empty").json()["entries"] == []
            assert asked(announced, "empty").headers["access-control-allow-origin"] == ORIGIN
            assert asked(announced, "down").status_code == 503
            began = time.monotonic()
            assert asked(announced, "slow").status_code == 200
            assert time.monotonic() - began >= 3
            ends = time.monotonic() + PATIENCE
            while len(entries := asked(announced, "busy").json()["entries"]) < ROWS and time.monotonic() < ends:
                time.sleep(0.2)
            assert len(entries) == ROWS
            assert [one["token"] for one in announced["persons"] if one["name"] in {"locked", "expired"}] == [None] * 2
            assert why_not(announced, "locked") == "CLIENT_CARD_LOCKED"
            assert why_not(announced, "expired") == "CLIENT_CARD_CERTIFICATE_NOT_GOOD"
            assert certificates(announced, "expired") == ["expired"]
    assert found[0] == found[1]
