"""The head of the log, as the browser checks it: signatures, freshness, growth, and what it remembers."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from browser.proofs.checking import (
    OTHER_LOG,
    OTHER_WITNESS,
    TOLD,
    expect_alarm,
    expect_all,
    flipped,
    history,
    lie,
    other_past,
    proof_of,
    truth,
)
from playwright.sync_api import BrowserContext, Page, Route, expect
from unit.portal.lab import Told
from unit.portal.paper_log import PaperLog
from unit.portal.serving import Served

from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2
from warifu.tlog.checkpoint import Checkpoint
from warifu.tlog.merkle import Tree, leaf_hash
from warifu.tlog.notes import LogSigner, Note

pytestmark = pytest.mark.browser


def _noted(source: PaperLog, **parts: Any) -> str:
    """The newest checkpoint with other signatures: `log` and `witness` signers, None for no signature."""
    text = Note.parse(source.checkpoint()).text
    signatures = []
    if (signer := parts.get("log", source.log)) is not None:
        signatures.append(signer.sign(text))
    if (witness := parts.get("witness", source.witness)) is not None:
        signatures.append(witness.sign(text, parts.get("at", datetime.now(UTC))))
    return Note(text, tuple(signatures)).raw


def _damaged(log: PaperLog, line: int) -> str:
    """The newest checkpoint with one bit of a signature changed."""
    note = Note.parse(log.checkpoint())
    content = bytearray(note.signatures[line].content)
    content[-1] ^= 1
    changed = replace(note.signatures[line], content=bytes(content))
    return replace(note, signatures=tuple(changed if n == line else s for n, s in enumerate(note.signatures))).raw


CHECKPOINT_LIES: dict[str, tuple[str, Callable[[PaperLog], str]]] = {
    "signed by another key": ("unsigned", lambda log: _noted(log, log=OTHER_LOG)),
    "not signed": ("unsigned", lambda log: _noted(log, log=None)),
    "a damaged signature": ("forged", lambda log: _damaged(log, 0)),
    "not cosigned": ("unwitnessed", lambda log: log.checkpoint(witness=False)),
    "cosigned by another key": ("unwitnessed", lambda log: _noted(log, witness=OTHER_WITNESS)),
    "a damaged cosignature": ("miswitnessed", lambda log: _damaged(log, 1)),
    "another log's": (
        "note",
        lambda log: Checkpoint("else.example/log", 1, bytes(32)).signed(log.log).with_signature(
            log.witness.sign(Checkpoint("else.example/log", 1, bytes(32)).text, datetime.now(UTC))
        ).raw,
    ),
    "no note": ("note", lambda _log: "all is well\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKPOINT_LIES)
def test_a_checkpoint_that_is_not_to_be_relied_on_fails_the_page(page: Page, network: Served, name: str) -> None:
    """Without a good signature by the log and a good cosignature by the witness no row passes, and the page says why."""
    kind, make = CHECKPOINT_LIES[name]
    note = make(network.lab.log)
    lie(page, lambda answer: answer.update(checkpoint=note))
    history(page, network)
    expect_alarm(page, kind)


def test_a_portal_with_a_log_of_its_own_is_seen(page: Page, network: Served) -> None:
    """A portal that makes up a log under the right names, with altered records in it and proofs that fit, fails for its keys."""
    own = PaperLog(network.lab.log.clock, leaves=list(network.lab.log.leaves))

    def made_up(answer: dict[str, Any]) -> None:
        entry = proof_of(answer)
        entry["record"] = flipped(entry["record"], 20)
        data, salt = base64.b64decode(entry["record"]), base64.b64decode(entry["salt"])
        own.leaves[entry["index"]] = record.commitment(salt, data)
        tree = Tree([leaf_hash(leaf) for leaf in own.leaves])
        for proof in [found[part] for found in answer["entries"].values() for part in ("request", "outcome")]:
            proof["path"] = [base64.b64encode(step).decode() for step in tree.path(proof["index"])]
        answer["checkpoint"] = own.checkpoint()

    lie(page, made_up)
    history(page, network)
    expect_alarm(page, "unsigned")


@pytest.mark.parametrize(
    "since", [timedelta(minutes=11), timedelta(days=200), timedelta(minutes=-2)], ids=["11 min", "200 days", "future"]
)
def test_a_silent_witness_is_told(page: Page, network: Served, since: timedelta) -> None:
    """A cosignature older than ten minutes, or of the future, gives no mark: rows and page say that the witness is silent."""
    with network.lab.log.changed(silent_since=datetime.now(UTC) - since):
        history(page, network)
        expect_all(page, "silent")
    expect(page.get_by_test_id("proof")).to_have_text(["監督機関の確認が途絶"] * len(TOLD))
    expect(page.get_by_test_id("proof-summary")).to_contain_text("この一覧が最新だとは考えないでください")


def test_nine_minutes_are_no_silence(page: Page, network: Served) -> None:
    """A cosignature of nine minutes ago is fresh."""
    with network.lab.log.changed(silent_since=datetime.now(UTC) - timedelta(minutes=9)):
        history(page, network)
        expect_all(page, "checked")


def test_a_row_that_waits_is_checked_by_itself_later(page: Page, network: Served) -> None:
    """Beyond the witnessed tree a row waits, without alarm; once it is witnessed the open page checks it by itself."""
    newest = max(network.lab.log.leaves.index(leaf) for leaf in _leaves(network, TOLD[4]))
    with network.lab.log.changed(seen=newest):
        history(page, network)
        expect(page.locator("[data-exchange][data-proof=waiting]")).to_have_count(1)
        expect(page.locator("[data-exchange][data-proof=checked]")).to_have_count(len(TOLD) - 1)
        expect(page.get_by_test_id("proof-summary")).to_have_attribute("data-state", "waiting")
        expect(page.get_by_role("alert")).to_be_hidden()
    expect_all(page, "checked")


def test_before_the_first_witnessing_every_row_waits(page: Page, network: Served) -> None:
    """While nothing was ever witnessed every row waits."""
    with network.lab.log.changed(seen=0):
        history(page, network)
        expect_all(page, "waiting")


def _leaves(network: Served, told: Told) -> list[bytes]:
    (holding,) = _holdings(network, told)
    values = {value.name: value.raw for value in holding.values}
    return [
        exchange_pb2.CommittedRecord.FromString(values[name]).commitment
        for name in ("request_record", "outcome_record")
    ]


def _holdings(network: Served, told: Told) -> Any:
    from warifu.portal.holdings import holdings

    async def read() -> Any:
        return holdings(network.lab.store, network.lab.seals, told.request_id)

    return network.run(read())


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("smaller", lambda log: {"seen": len(log.leaves) - 1}),
        ("smaller", lambda _log: {"seen": 0}),
        ("forked", lambda log: {"leaves": other_past(log)}),
        ("forked", lambda log: {"leaves": [*other_past(log), bytes(32)]}),
    ],
    ids=["smaller", "none at all", "equal size", "larger"],
)
def test_a_log_that_does_not_continue_is_seen(page: Page, network: Served, kind: str, changed: Any) -> None:
    """A log that signs and has cosigned a tree that does not continue the one of the last visit fails every row."""
    history(page, network)
    expect_all(page, "checked")
    with network.lab.log.changed(**changed(network.lab.log)):
        history(page, network)
        expect_alarm(page, kind)
    page.reload()
    expect_all(page, "checked")


def test_a_log_that_grows_is_followed(page: Page, network: Served) -> None:
    """Over several visits to a growing log each is consistent with the one before, and the newest is remembered."""
    before = list(network.lab.log.leaves)
    try:
        for more in (0, 1, 2, 60, 200):
            network.lab.log.fill(more)
            history(page, network)
            expect_all(page, "checked")
            kept = page.evaluate("Object.values(localStorage)")
            assert [Note.parse(note).text for note in kept] == [Note.parse(network.lab.log.checkpoint()).text]
    finally:
        network.lab.log.leaves = before


@pytest.mark.parametrize("signer", [None, OTHER_LOG], ids=["nonsense", "another key's"])
def test_a_damaged_memory_is_no_alarm(page: Page, network: Served, signer: LogSigner | None) -> None:
    """What is remembered and is no checkpoint of this log is dropped: the check begins anew and remembers the newest."""
    kept = (
        "nonsense"
        if signer is None
        else PaperLog(network.lab.log.clock, signer, OTHER_WITNESS, [bytes(32)] * 9999).checkpoint()
    )
    history(page, network)
    expect_all(page, "checked")
    page.evaluate("note => Object.keys(localStorage).forEach(key => localStorage.setItem(key, note))", kept)
    page.reload()
    expect_all(page, "checked")
    page.wait_for_function("note => !Object.values(localStorage).includes(note)", arg=kept)


def test_a_late_answer_does_not_take_the_memory_back(context: BrowserContext, network: Served) -> None:
    """An answer that arrives after another window has seen a larger tree is checked, and the larger tree stays remembered."""
    late, other = context.new_page(), context.new_page()
    waiting: list[tuple[Route, dict[str, str], str]] = []
    late.route("**/api/v1/proofs?*", lambda route: waiting.append((route, *truth(route))))
    history(late, network)
    late.wait_for_function("document.getElementById('proof-summary')")
    with network.lab.log.changed(leaves=[*network.lab.log.leaves, bytes(32)]):
        history(other, network)
        expect_all(other, "checked")
        newest = Note.parse(network.lab.log.checkpoint()).text
    while not waiting:
        late.wait_for_timeout(10)
    route, headers, body = waiting[0]
    route.fulfill(headers=headers, body=body)
    expect_all(late, "checked")
    assert [Note.parse(note).text for note in late.evaluate("Object.values(localStorage)")] == [newest]


def test_a_false_proof_of_growth_is_seen(page: Page, network: Served) -> None:
    """A log that did grow honestly still fails when the consistency proof is altered or left out."""
    for change in (
        lambda answer: answer["consistency"].__setitem__(0, flipped(answer["consistency"][0])),
        lambda answer: answer["consistency"].__setitem__(-1, flipped(answer["consistency"][-1])),
        lambda answer: answer.update(consistency=[]),
        lambda answer: answer.update(consistency=None),
    ):
        page.evaluate("localStorage.clear()") if page.url.startswith("http") else None
        history(page, network)
        expect_all(page, "checked")
        # So much that the last step of the proof leads to the new root alone.
        with network.lab.log.changed(leaves=[*network.lab.log.leaves, *[bytes(32)] * 400]):
            lie(page, change)
            history(page, network)
            expect_alarm(page, "forked")
            page.unroute_all()
