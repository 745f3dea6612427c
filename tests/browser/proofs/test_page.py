"""What the page does beside judging: evidence, what it cannot do, and the file to take away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from browser.proofs.checking import (
    TARGET,
    TOLD,
    expect_alarm,
    expect_all,
    history,
    lie,
    other_past,
)
from browser.proofs.test_rows import ROW_LIES
from browser.walks import visitor
from playwright.sync_api import Browser, Page, expect
from unit.portal.paper_log import PaperLog
from unit.portal.serving import Served

from warifu.tlog.notes import Note

pytestmark = pytest.mark.browser


def test_the_evidence_is_saved_as_received(page: Page, network: Served, tmp_path: Path) -> None:
    """The evidence file holds the portal's very answer, the checkpoint of last time, the keys, and what the page showed."""
    history(page, network)
    expect_all(page, "checked")
    lie(page, ROW_LIES["another salt"][1])
    page.reload()
    expect_alarm(page, "unlogged", only=TARGET)
    with page.expect_download() as download:
        page.get_by_test_id("evidence").click()
    download.value.save_as(tmp_path / "evidence.json")
    evidence = json.loads((tmp_path / "evidence.json").read_text("utf-8"))
    keys = network.lab.log.keys
    assert evidence["keys"] == {"log": keys.log.vkey, "witness": keys.witness.vkey}
    keys.witness.check(Note.parse(evidence["remembered_checkpoint"]))
    keys.log.check(Note.parse(json.loads(evidence["received"])["checkpoint"]))
    judged = {row["id"]: row["judged"]["state"] for row in evidence["rows"]}
    assert judged.pop(TARGET) == "failed"
    assert set(judged.values()) == {"checked"}


def test_a_portal_that_gives_no_proofs_is_told(page: Page, network: Served) -> None:
    """When the portal cannot reach the log, or answers no proofs, no row is marked as checked and the page says so."""
    with network.lab.log.changed(down=True):
        history(page, network)
        expect_all(page, "unavailable")
    page.route("**/api/v1/proofs?*", lambda route: route.fulfill(body="{}", content_type="application/json"))
    page.reload()
    expect_all(page, "unavailable")


def test_a_log_that_contradicts_its_own_checkpoint_is_seen(page: Page, network: Served) -> None:
    """Tiles that do not lead to the signed root give no proof, and that is an alarm, not a pause."""
    grown = PaperLog(
        network.lab.log.clock, network.lab.log.log, network.lab.log.witness, [*network.lab.log.leaves, bytes(32)]
    )
    signed = grown.checkpoint()

    async def frozen() -> str:
        return signed

    with network.lab.log.changed(witnessed=frozen, leaves=[*other_past(network.lab.log), bytes(32)]):
        history(page, network)
        expect_alarm(page, "unprovable")
    del network.lab.log.__dict__["witnessed"]


def test_a_browser_without_the_cryptography_says_so(page: Page, network: Served) -> None:
    """Where WebCrypto has no Ed25519 every row says that it cannot be checked here; nothing passes, nothing alarms."""
    page.add_init_script(
        "crypto.subtle.importKey = () => Promise.reject(new DOMException('no Ed25519', 'NotSupportedError'))"
    )
    history(page, network)
    expect_all(page, "cannot")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_without_scripts_the_page_says_so(browser: Browser, session: dict[str, Any], network: Served) -> None:
    """Without JavaScript the rows say that they are not checked, and the page names the other way to check them."""
    with visitor(browser, storage_state=session, java_script_enabled=False) as context:
        page = context.new_page()
        history(page, network)
        expect(page.get_by_test_id("proof")).to_have_text(["未確認"] * len(TOLD))
        expect(page.get_by_test_id("proof-summary")).to_contain_text("JavaScriptが動かない")


def test_the_proof_file_is_downloaded(page: Page, network: Served, tmp_path: Path) -> None:
    """The entry's page offers the offline proof under its own name; what is saved checks against the pinned keys."""
    from warifu.exchange import offline

    page.goto(f"{network.lab.portal_origin}/history/{TARGET}")
    with page.expect_download() as download:
        page.get_by_test_id("receipt").click()
    assert download.value.suggested_filename == f"warifu-{TARGET}.tlog-proof"
    download.value.save_as(tmp_path / "proof")
    trusted = offline.trust(network.lab.log.keys)
    proven = [offline.check(proof, trusted) for proof in offline.read((tmp_path / "proof").read_bytes())]
    assert [one.record.request_id for one in proven] == [TARGET, TARGET]
