"""Findings: kept once, in words of both languages, and never without end."""

from __future__ import annotations

import re
import string
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

import warifu.watchdog.findings as module
from warifu.kernel.clock import SimulatedClock
from warifu.kernel.limits import Limit
from warifu.kernel.store import Store, sqlite_url
from warifu.watchdog.evidence import Contradiction
from warifu.watchdog.findings import Finding, Findings, Kind
from warifu.watchdog.schema import FINDING, metadata

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TOLD = {"known": "12", "shown": "7", "problem": "?", "recorded": "then", "reporter": "spiffe://x", "entry": "3"}


@pytest.fixture
def store(tmp_path: Path):
    """A store with the watchdog's tables."""
    store = Store(sqlite_url(tmp_path / "watchdog.db"), metadata)
    store.create()
    yield store
    store.close()


def finding(subject: bytes = b"subject", kind: Kind = Kind.FORK) -> Finding:
    """One finding."""
    return Finding(kind, "gateway", subject, b"evidence", TOLD)


async def test_a_finding_is_kept_once_with_both_clocks(store: Store) -> None:
    """A finding is kept with machine and simulated time; the same about the same again is not kept, about something else it is."""
    findings = Findings(store, SimulatedClock(NOW, stopped=True))

    assert [await findings.keep(one) for one in (finding(), finding(), finding(b"other"))] == [True, False, True]
    assert await findings.keep(finding(kind=Kind.SMALLER_TREE))
    first, second, third = findings.page()
    assert (first.kind, first.party, first.evidence) == ("fork", "gateway", b"evidence")
    assert first.network_at == NOW.timestamp() * 1000 != first.found_at
    assert [row.id for row in findings.page(after=first.id)] == [second.id, third.id]
    assert [row.id for row in findings.page(limit=1)] == [first.id]


async def test_findings_of_one_kind_do_not_fill_the_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit of a kind nothing more of it is kept, and other kinds are."""
    monkeypatch.setattr(module, "FINDINGS", Limit(3, "findings", "of one kind"))
    findings = Findings(store, SimulatedClock(NOW, stopped=True))

    assert [await findings.keep(finding(bytes([number]))) for number in range(5)] == [True] * 3 + [False] * 2
    assert await findings.keep(finding(kind=Kind.OWN_MEMORY))
    assert store.read(lambda c: c.execute(select(func.count()).select_from(FINDING)).scalar()) == 4


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_told_in_both_languages(kind: Kind) -> None:
    """Each kind has a text in Japanese and one in English that fill the same places, and leave none open."""
    path = Path(module.__file__).with_name("findings.toml")
    row = tomllib.loads(path.read_text(encoding="utf-8"))[kind]
    problems = row.pop("problems", {})
    assert bool(problems) is (kind is Kind.WRONG_TILES)
    places = {
        language: {name for _, name, _, _ in string.Formatter().parse(text) if name} for language, text in row.items()
    }

    assert set(row) == {"ja", "en"}
    assert places["ja"] == places["en"] <= set(TOLD)
    made = finding(kind=kind)
    assert "{" not in made.text("ja") + made.text("en")
    assert made.text("ja") != made.text("en")


@pytest.mark.parametrize("problem", ["missing", "unreadable", "foreign", "edge", "unproved"])
def test_what_is_wrong_with_a_log_is_told_in_the_language_of_the_finding(problem: str) -> None:
    """What fills a place of a text by language stands in that language there: no English in the Japanese text but the tile's path."""
    told = {"known": "12", "shown": "7", "problem": module.wrong_tiles(problem, "tile/0/008")}
    made = Finding(Kind.WRONG_TILES, "gateway", b"subject", b"evidence", told)

    assert not re.search("[a-z]", made.text("ja").replace("tile/0/008", ""))
    assert re.fullmatch(r"[\x20-\x7e]+", made.text("en"))
    assert (
        ("tile/0/008" in made.text("ja")) is ("tile/0/008" in made.text("en")) is (problem not in {"edge", "unproved"})
    )


@given(st.none() | st.text(), st.text(), st.lists(st.binary(min_size=32, max_size=32), max_size=3))
def test_evidence_is_read_back_as_it_was_kept(known: str | None, shown: str, proof: list[bytes]) -> None:
    """Notes of any text and proofs of any length come back unchanged."""
    kept = Contradiction(known, shown, tuple(proof))

    assert Contradiction.from_bytes(kept.to_bytes()) == kept
