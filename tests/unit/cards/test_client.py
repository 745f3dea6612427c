"""The program's way in, over real sockets."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from unit.portal.lab import HANA, LONG, SORA, START, Told
from unit.portal.serving import Served, served

from warifu.simulator.cards.client import LoginError, fetch_history, login


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Served]:
    """A lab behind sockets."""
    with served(tmp_path) as running:
        yield running


def test_a_program_reads_the_whole_history(network: Served) -> None:
    """Login and every page of the history, newest first, however many there are."""
    told = [Told(START - timedelta(hours=n)) for n in range(120)]
    network.run(network.lab.deliver(told))
    entries = fetch_history(network.lab.portal_origin, network.lab.card_origin, HANA.person, HANA.pin)
    assert [entry["request_id"] for entry in entries] == [one.request_id for one in told]


def test_a_program_reads_pages_as_a_browser_gets_them(network: Served) -> None:
    """A session fetches pages in both languages, and says so when there is none."""
    session = login(network.lab.portal_origin, network.lab.card_origin, SORA.person, SORA.pin)
    assert "表示できるやりとりはありません" in session.page()
    assert "There is nothing to show" in session.page("/history?limit=5", "en")
    with pytest.raises(LoginError, match="404"):
        session.page("/history/none")


def test_a_program_is_told_why_not(network: Served) -> None:
    """Wrong PIN, locked card and unknown card are told apart by reason code."""
    reasons = []
    for person, pin in [(LONG.person, "0000")] * 3 + [
        (LONG.person, LONG.pin),
        ("p999999", "0000"),
        (HANA.person, "12"),
    ]:
        with pytest.raises(LoginError) as refusal:
            login(network.lab.portal_origin, network.lab.card_origin, person, pin)
        reasons.append(refusal.value.reason)
    assert reasons == [
        "CLIENT_PIN_WRONG", "CLIENT_PIN_WRONG", "CLIENT_CARD_LOCKED", "CLIENT_CARD_LOCKED", "CLIENT_CARD_UNKNOWN", "CLIENT_MALFORMED",
    ]  # fmt: skip


def test_a_face_that_is_not_there_is_named(network: Served) -> None:
    """When nothing listens, the error names the address."""
    with pytest.raises(LoginError, match=r"card\.localhost:1 cannot be reached"):
        login(network.lab.portal_origin, "http://card.localhost:1", HANA.person, HANA.pin)


def test_a_program_fills_in_forms(network: Served) -> None:
    """A session posts forms and reads what the portal answers to programs, reasons for refusal included."""
    origins = network.lab.portal_origin, network.lab.card_origin
    hana, sora = (login(*origins, person.person, person.pin) for person in (HANA, SORA))
    word = hana.submit("/proxies/word", {"label": "母"})["word"]
    mandate = sora.submit("/proxies/accept", {"word": word, "label": "花"})["mandate"]
    assert [one["mandate"] for one in hana.document("/api/v1/proxies")["proxies"]] == [mandate]
    with pytest.raises(LoginError) as refusal:
        sora.submit("/proxies/accept", {"word": word, "label": "花"})
    assert refusal.value.reason == "WORD_UNKNOWN"
    assert "pairing word" in str(refusal.value)
    with pytest.raises(LoginError, match="nothing that you may see"):
        sora.submit("/proxies/act", {"mandate": "none"})
