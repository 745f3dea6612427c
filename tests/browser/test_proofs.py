"""The citizen's browser checks the history itself: real keys, a real tree, a real Chromium; and every lie is seen."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.chromium import chromium
from browser.test_portal import log_in, visitor
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from unit.portal.lab import SORA, START, Told, seal, shown, subject
from unit.portal.paper_log import PaperLog
from unit.portal.serving import Served, served

from warifu.exchange import record
from warifu.exchange.logkeys import ORIGIN, WITNESS
from warifu.exchange.v1 import exchange_pb2
from warifu.portal.v1 import portal_pb2
from warifu.tlog.checkpoint import Checkpoint
from warifu.tlog.merkle import Tree, leaf_hash
from warifu.tlog.notes import LogSigner, Note, WitnessSigner
from warifu.tlog.proofs import TiledTree

pytestmark = pytest.mark.browser

TOLD = [
    Told(START - timedelta(days=1)),
    Told(START - timedelta(days=2), row="P08", provider="insurer-06480016"),
    Told(START - timedelta(days=3), outcome=exchange_pb2.OUTCOME_DENIED),
    Told(START - timedelta(days=4), outcome=exchange_pb2.OUTCOME_EXPIRED),
    Told(START - timedelta(days=5), outcome=exchange_pb2.OUTCOME_ERROR),
]
TARGET = TOLD[1].request_id
OTHER_LOG, OTHER_WITNESS = LogSigner(ORIGIN, bytes(31) + b"\1"), WitnessSigner(WITNESS, bytes(31) + b"\2")
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal whose entries lie deep in a log of some hundred leaves."""
    folder: Path = tmp_path_factory.mktemp("proofs")
    with served(folder) as running:
        running.lab.log.fill(300)
        running.run(running.lab.deliver(TOLD))
        running.lab.log.fill(41)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def session(browser: Browser, network: Served) -> dict[str, Any]:
    """Hana's cookies: every test begins with them and with an empty memory."""
    with visitor(browser) as context:
        log_in(context.new_page(), network)
        state = context.storage_state()
    return {"cookies": state["cookies"], "origins": []}


@pytest.fixture
def context(browser: Browser, session: dict[str, Any]) -> Iterator[BrowserContext]:
    """Hana, logged in, in Japanese."""
    with visitor(browser, storage_state=session) as opened:
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Hana's window."""
    return context.new_page()


def history(page: Page, network: Served) -> None:
    """Open the list."""
    page.goto(f"{network.lab.portal_origin}/history")
    expect(page.get_by_test_id("entry")).to_have_count(len(TOLD))


def expect_all(page: Page, state: str) -> None:
    """Every row has this mark, and the page says it too."""
    expect(page.get_by_test_id("proof-summary")).to_have_attribute("data-state", state)
    expect(page.locator(f"[data-exchange][data-proof={state}]")).to_have_count(page.locator("[data-exchange]").count())


def expect_alarm(page: Page, kind: str, *, only: str | None = None) -> None:
    """The failure stands at the top as an alert with its reason, and the row in question, or every row, is marked."""
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    expect(alert.get_by_role("heading", level=2)).to_have_text("記録の照合に失敗しました")
    expect(alert.get_by_role("button", name="証拠を保存")).to_be_visible()
    expect(alert).to_contain_text("信用しないでください")
    expect(alert.locator(f"[data-kind={kind}]").first).to_be_visible()
    expect(page).to_have_title("照合に失敗｜やりとりの履歴｜わりふ 市民ポータル（訓練用シミュレータ）")
    if only is None:
        expect_all(page, "failed")
        return
    failed = page.locator("[data-exchange][data-proof=failed]")
    expect(failed).to_have_count(1)
    expect(failed).to_have_attribute("data-request-id", only)
    expect(alert.locator("code")).to_have_text(only)
    expect(page.locator("[data-exchange][data-proof=checked]")).to_have_count(len(TOLD) - 1)


def truth(route: Route) -> tuple[dict[str, str], str]:
    """Headers and body of what the portal really answers. Asked from here: the test driver resolves no name below .localhost."""
    url = urlsplit(route.request.url)
    connection = HTTPConnection("127.0.0.1", url.port, timeout=10)
    headers = {**route.request.all_headers(), "host": url.netloc, "accept-encoding": "identity"}
    connection.request("GET", f"{url.path}?{url.query}" if url.query else url.path, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return {name: value for name, value in response.getheaders() if name != "content-length"}, body


def lie(page: Page, change: Change) -> None:
    """Let the portal answer what `change` makes of the truth."""

    def altered(route: Route) -> None:
        headers, body = truth(route)
        answer = json.loads(body)
        change(answer)
        route.fulfill(headers=headers, body=json.dumps(answer))

    page.route("**/api/v1/proofs?*", altered)


def flipped(text: str, place: int = 0) -> str:
    """Base64 text of the same bytes with one bit changed."""
    data = bytearray(base64.b64decode(text))
    data[place % len(data)] ^= 1
    return base64.b64encode(data).decode()


def test_what_is_in_the_log_is_marked(page: Page, network: Served) -> None:
    """Each row of the list says in words and by a sign that it is as in the public log, and nothing alarms."""
    history(page, network)
    expect_all(page, "checked")
    expect(page.get_by_test_id("proof")).to_have_text(["公開ログのとおり"] * len(TOLD))
    expect(page.get_by_test_id("proof-summary")).to_contain_text(
        "この画面のやりとりは、公開ログに、書き換えられずに載っています。"
    )
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("told", TOLD, ids=["answered", "answered too", "denied", "expired", "error"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_an_entry_s_page_is_checked_too(
    browser: Browser, session: dict[str, Any], network: Served, told: Told, language: str
) -> None:
    """The page of an entry, whatever its outcome, is checked with all names, codes and times that it shows, in both languages."""
    with visitor(browser, language, storage_state=session) as context:
        page = context.new_page()
        page.goto(f"{network.lab.portal_origin}/history/{told.request_id}")
        expect_all(page, "checked")
        expect(page.get_by_test_id("proof")).to_have_text(
            "As in the public log" if language == "en" else "公開ログのとおり"
        )


@pytest.mark.parametrize("code", ["<b>x</b>", "x  y\u3000z", "&amp;", "__proto__", "", "%(provider)s", "$&"])
def test_strange_codes_are_no_alarm(page: Page, network: Served, code: str) -> None:
    """Whatever stands in a record's codes, a page that shows it as it is passes."""
    told = Told(START, outcome=exchange_pb2.OUTCOME_DENIED)
    plain = shown(told, subject(SORA.individual_number))
    for part in ("request", "outcome"):
        changed = record.check(exchange_pb2.CommittedRecord.FromString(getattr(plain, part)))
        for name in ("requester", "provider", "affair", "procedure", "item"):
            setattr(changed, name, code)
        setattr(plain, part, record.commit(changed).SerializeToString())
    delivery = seal(network.lab.keys, told.request_id, network.lab.logged(plain).SerializeToString())
    network.run(network.lab.servicer.Deliver(portal_pb2.DeliverRequest(deliveries=[delivery]), None))
    page.context.clear_cookies()
    log_in(page, network, SORA)
    page.goto(f"{network.lab.portal_origin}/history/{told.request_id}")
    expect_all(page, "checked")


def _proof(answer: dict[str, Any], part: str = "request") -> dict[str, Any]:
    return answer["entries"][TARGET][part]


def _swap(answer: dict[str, Any]) -> None:
    one, other = _proof(answer), _proof(answer, "outcome")
    for name in ("index", "path"):
        one[name], other[name] = other[name], one[name]


def _exchange_roles(answer: dict[str, Any]) -> None:
    entry = answer["entries"][TARGET]
    entry["request"], entry["outcome"] = entry["outcome"], entry["request"]


ROW_LIES: dict[str, tuple[str, Change]] = {
    "a byte of the record": ("unlogged", lambda a: _proof(a).update(record=flipped(_proof(a)["record"], 20))),
    "a byte of the outcome": (
        "unlogged",
        lambda a: _proof(a, "outcome").update(record=flipped(_proof(a, "outcome")["record"], 60)),
    ),
    "another salt": ("unlogged", lambda a: _proof(a).update(salt=flipped(_proof(a)["salt"]))),
    "a shorter salt": ("record", lambda a: _proof(a).update(salt=base64.b64encode(bytes(31)).decode())),
    "another index": ("unlogged", lambda a: _proof(a).update(index=_proof(a)["index"] + 1)),
    "an index outside the tree": ("unlogged", lambda a: _proof(a).update(index=10**9)),
    "an index that is no number": ("unlogged", lambda a: _proof(a).update(index="1")),
    "an altered path": ("unlogged", lambda a: _proof(a)["path"].__setitem__(3, flipped(_proof(a)["path"][3]))),
    "a shorter path": ("unlogged", lambda a: _proof(a)["path"].pop()),
    "a longer path": ("unlogged", lambda a: _proof(a)["path"].append(base64.b64encode(bytes(32)).decode())),
    "two leaves swapped": ("unlogged", _swap),
    "request and outcome exchanged": ("record", _exchange_roles),
    "the outcome twice": ("record", lambda a: a["entries"][TARGET].update(request=_proof(a, "outcome"))),
    "another entry's outcome": (
        "record",
        lambda a: a["entries"][TARGET].update(outcome=a["entries"][TOLD[0].request_id]["outcome"]),
    ),
    "another entry's proof": ("differs", lambda a: a["entries"].update({TARGET: a["entries"][TOLD[0].request_id]})),
    "no proof of a row": ("missing", lambda a: a["entries"].pop(TARGET)),
    "a state that there is not": ("form", lambda a: a["entries"].update({TARGET: {"state": "fine"}})),
}


@pytest.mark.parametrize("name", ROW_LIES)
def test_a_lie_about_one_row_is_seen(page: Page, network: Served, name: str) -> None:
    """When the proof of one row does not fit, that row alone fails, by name, and the others stay as they are."""
    kind, change = ROW_LIES[name]
    lie(page, change)
    history(page, network)
    expect_alarm(page, kind, only=TARGET)


PAGE_LIES = {
    "an institution in the heading": ("青凪市 市民税課に問い合わせました", "青凪市 福祉課に問い合わせました", "見出し"),
    "a date": ("2026年4月5日（日）", "2026年4月4日（土）", "問い合わせの日時"),
    "the time for machines": ('datetime="2026-04-05T', 'datetime="2025-04-05T', "問い合わせの日時"),
    "the requester's code": ('data-requester="nhi-480029"', 'data-requester="nhi-480011"', "問い合わせた機関"),
    "the time of the answer": ('data-answered-at="', 'data-answered-at="1', "回答の日時"),
    "the outcome": ("回答あり", "認められず", "結果"),
    "the outcome's code": ('data-outcome="ANSWERED"', 'data-outcome="DENIED"', "結果"),
}


@pytest.mark.parametrize("name", PAGE_LIES)
def test_a_page_that_shows_something_else_is_seen(page: Page, network: Served, name: str) -> None:
    """When the page shows another name, time, code or result than the record, the row fails and both are told side by side."""
    true, false, field = PAGE_LIES[name]

    def altered(route: Route) -> None:
        headers, body = truth(route)
        before, article, after = body.partition(f'data-request-id="{TOLD[0].request_id}"')
        assert true in after
        route.fulfill(headers=headers, body=before + article + after.replace(true, false, 1))

    page.route("**/history", altered)
    history(page, network)
    expect_alarm(page, "differs", only=TOLD[0].request_id)
    difference = page.get_by_role("alert").locator("[data-report=difference]")
    expect(difference.locator("dt")).to_have_text([field])
    expect(difference.locator("[data-shown]")).not_to_have_text("")
    expect(difference.locator("[data-said]")).not_to_have_text("")


def test_a_portal_that_tells_another_name_by_its_law_is_not_accused(page: Page, network: Served) -> None:
    """Under a newer law book than the pinned names' the names are not compared; codes and times still are."""

    def altered(route: Route) -> None:
        headers, body = truth(route)
        body = body.replace('data-book="', 'data-book="newer-').replace("青凪市 市民税課", "青凪市 税務課")
        route.fulfill(headers=headers, body=body)

    page.route("**/history", altered)
    history(page, network)
    expect_all(page, "checked")


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
        entry = _proof(answer)
        entry["record"] = flipped(entry["record"], 20)
        data, salt = base64.b64decode(entry["record"]), base64.b64decode(entry["salt"])
        own.leaves[entry["index"]] = record.commitment(salt, data)
        tree = Tree([leaf_hash(leaf) for leaf in own.leaves])
        for proof in [part for found in answer["entries"].values() for part in found.values()]:
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
    expect(page.get_by_test_id("proof")).to_have_text(["監視機関の確認が途絶"] * len(TOLD))
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


def _other_past(log: PaperLog) -> list[bytes]:
    """The same log with one of other people's leaves exchanged."""
    return [bytes(32) if place == 7 else leaf for place, leaf in enumerate(log.leaves)]


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("smaller", lambda log: {"seen": len(log.leaves) - 1}),
        ("smaller", lambda _log: {"seen": 0}),
        ("forked", lambda log: {"leaves": _other_past(log)}),
        ("forked", lambda log: {"leaves": [*_other_past(log), bytes(32)]}),
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

    with network.lab.log.changed(witnessed=frozen, leaves=[*_other_past(network.lab.log), bytes(32)]):
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


def test_the_browser_computes_as_the_library_does(page: Page, network: Served) -> None:
    """Over random trees the script accepts each inclusion and consistency proof of `warifu.tlog`, and no altered one."""
    history(page, network)
    script = page.locator("script[type=module]").get_attribute("src").replace("page.js", "merkle.js")
    cases = network.run(_cases(random.Random(7)))
    found = page.evaluate(
        """async ([script, cases]) => {
            const { leafHash, rootFromPath, rootsFromConsistency } = await import(script);
            const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
            const hex = (found) => [...found].map((byte) => byte.toString(16).padStart(2, "0")).join("");
            const attempt = (work) => work.then((value) => value, () => null);
            return Promise.all(cases.map(async (one) => {
                const path = one.path.map(bytes);
                if (one.kind === "inclusion") {
                    const root = await attempt(leafHash(bytes(one.leaf)).then((leaf) => rootFromPath(leaf, one.index, one.size, path)));
                    return root === null ? null : [hex(root)];
                }
                const roots = await attempt(rootsFromConsistency(one.old, bytes(one.old_root), one.size, path));
                return roots === null ? null : roots.map(hex);
            }));
        }""",
        [script, [case for case, _ in cases]],
    )
    assert len(cases) >= 400
    wrong = [
        case for (case, expected), got in zip(cases, found, strict=True) if (got == expected[1]) is not expected[0]
    ]
    assert wrong == []


async def _cases(rng: random.Random) -> list[tuple[dict[str, Any], tuple[bool, list[str]]]]:
    """(case, (whether the script must reach these roots, the roots))."""
    from warifu.tlog.frontier import Frontier

    cases: list[tuple[dict[str, Any], tuple[bool, list[str]]]] = []
    for _ in range(120):
        size = rng.choice([rng.randint(1, 20), rng.randint(1, 700)])
        log = PaperLog(_no_clock(), leaves=[rng.randbytes(32) for _ in range(size)])
        hashes = [leaf_hash(leaf) for leaf in log.leaves]
        root = Frontier().append(hashes).root
        tree = TiledTree(log.tile, size, root)
        index, old = rng.randrange(size), rng.randint(1, size)
        path = [step.hex() for step in await tree.inclusion(index)]
        good = {"kind": "inclusion", "leaf": log.leaves[index].hex(), "index": index, "size": size, "path": path}
        cases.append((good, (True, [root.hex()])))
        cases.append(({**good, **_spoiled(rng, good)}, (False, [root.hex()])))
        if old == size:
            continue
        old_root = Frontier().append(hashes[:old]).root
        path = [step.hex() for step in await tree.consistency(old)]
        roots = [old_root.hex(), root.hex()]
        good = {"kind": "consistency", "old": old, "old_root": old_root.hex(), "size": size, "path": path}
        cases.append((good, (True, roots)))
        cases.append(({**good, **_spoiled(rng, good)}, (False, roots)))
    return cases


def _no_clock() -> Any:
    return None


def _spoiled(rng: random.Random, case: dict[str, Any]) -> dict[str, Any]:
    """One change after which a proof must not lead to the same roots."""
    path = list(case["path"])
    ways = ["longer"] + (["altered", "shorter"] if path else [])
    way = rng.choice(ways)
    if way == "altered":
        at = rng.randrange(len(path))
        path[at] = (bytes.fromhex(path[at])[:-1] + bytes([bytes.fromhex(path[at])[-1] ^ 1])).hex()
    elif way == "shorter":
        path.pop(rng.randrange(len(path)))
    else:
        path.insert(rng.randrange(len(path) + 1), rng.randbytes(32).hex())
    return {"path": path}


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


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_state_is_accessible(
    browser: Browser, session: dict[str, Any], network: Served, language: str, width: int
) -> None:
    """Each state of the marks, the alarm and the explanation has no finding of axe, in both languages, and none scrolls sideways."""
    problems: list[str] = []
    log = network.lab.log

    def look(page: Page, state: str) -> None:
        found = Axe().run(page).response["violations"]
        problems.extend(f"{state}: {one['id']}: {[node['html'] for node in one['nodes']]}" for one in found)
        if page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth"):
            problems.append(f"{state}: wider than the window")

    with visitor(browser, language, width, storage_state=session) as context:
        page = context.new_page()
        for state, changed in (
            ("checked", {}),
            ("silent", {"silent_since": datetime.now(UTC) - timedelta(hours=1)}),
            ("unavailable", {"down": True}),
        ):
            with log.changed(**changed):
                for path in ("/history", f"/history/{TARGET}"):
                    page.goto(network.lab.portal_origin + path)
                    expect_all(page, state)
                    look(page, state)
        page.goto(f"{network.lab.portal_origin}/checks")
        look(page, "explanation")
        for name in ("another entry's proof", "another salt"):
            lie(page, ROW_LIES[name][1])
            history(page, network)
            expect(page.get_by_role("alert")).to_be_visible()
            look(page, name)
            page.unroute_all()
    assert problems == []
