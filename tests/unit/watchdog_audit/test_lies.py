"""Every lie is found for what it is, and by its own check alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from unit.watchdog_audit.lies import LIES, STOP
from unit.watchdog_audit.model import Model

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.watchdog.audit.checks import EACH, WHOLE
from warifu.watchdog.audit.findings import Kind


async def test_a_sound_network_has_no_findings(model: Model) -> None:
    """Exchanges of every outcome, done by the rules, leave nothing to find; all leaves are counted."""
    report = await model.audit()
    assert report.findings == ()
    assert report.entries == len(model.leaves)


@pytest.mark.parametrize("name", LIES)
async def test_a_lie_is_found_for_what_it_is(model: Model, name: str) -> None:
    """One lie in a sound network leads to findings of one kind, the lie's own."""
    kind, plant = LIES[name]
    plant(model)
    findings = (await model.audit()).findings
    assert {finding.kind for finding in findings} == {kind}, findings
    assert 1 <= len(findings) <= 2


@pytest.mark.parametrize("name", LIES)
async def test_each_check_is_needed(model: Model, name: str) -> None:
    """Without its own check a lie goes unnoticed by all others."""
    kind, plant = LIES[name]
    plant(model)
    assert (await model.audit(kind)).findings == ()


async def test_what_the_supervisor_rules_is_law(model: Model) -> None:
    """A denial because of a stop is lawful while it is in force; what was permitted in the moment of the announcement may have crossed it."""
    model.rule(stops=[STOP])
    model.exchange()
    for _ in range(3):
        model.exchange(pb.OUTCOME_DENIED, reason="CLIENT_STOPPED")
    model.rule()
    for _ in range(3):
        model.exchange()
    assert (await model.audit()).findings == ()


def test_every_kind_has_its_check_and_its_lie() -> None:
    """No kind of finding is without a check, and no check without a lie that shows what it is for."""
    assert {*WHOLE, *EACH} == set(Kind)
    assert {kind for kind, _ in LIES.values()} == set(Kind)


@pytest.mark.parametrize("name", LIES)
async def test_a_finding_names_party_and_entry_and_nobody(model: Model, name: str) -> None:
    """A finding's document is of the promised shape; its entry is a leaf index, a request id or empty; it holds no clerk, office or salt."""
    LIES[name][1](model)
    report = (await model.audit()).document()
    for finding in report["findings"]:
        assert set(finding) == {"kind", "party", "entry", "detail"}
        assert finding["party"]
        assert (
            finding["entry"] == "" or finding["entry"].isdecimal() or finding["entry"].startswith("00000000-0000-4000")
        )
        assert "c-1" not in finding["detail"]
        assert "国保" not in finding["detail"]


def test_kinds_are_said_in_both_languages() -> None:
    """Each kind has its row of texts, and Japanese and English are not the same."""
    path = Path(__file__).parents[3] / "services" / "warifu" / "watchdog" / "audit" / "kinds.toml"
    rows = tomllib.loads(path.read_text(encoding="utf-8"))
    assert set(rows) == set(Kind)
    assert all(set(row) == {"ja", "en", "who"} and row["ja"] != row["en"] for row in rows.values())
