"""Proofs for the citizen's browser and for files: of own entries alone, each of them good, and of nothing that is not witnessed."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from unit.portal.browser import Browser
from unit.portal.lab import BOOK, HANA, SORA, START, Lab, Told, open_lab, shown, subject
from unit.portal.paper_log import PaperLog

from warifu.exchange import offline, record
from warifu.exchange.v1 import exchange_pb2
from warifu.portal import app
from warifu.portal.history.proofs import MOST
from warifu.portal.history.tiles import Tiles
from warifu.tlog.checkpoint import read_checkpoint
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.proofs import check_consistency, check_inclusion


async def proofs(browser: Browser, *ids: str, old_size: int | str = 0) -> dict[str, object]:
    """The portal's answer."""
    query = "&".join([*(f"request_id={one}" for one in ids), f"old_size={old_size}"])
    response = await browser.get(f"/api/v1/proofs?{query}")
    assert response.status_code == 200, response.text
    return response.json()


def check(lab: Lab, answer: dict, request_id: str) -> list[exchange_pb2.AccessRecord]:
    """The records of an entry, when everything about their proofs is good: the library's own check, apart from the portal's code."""
    head = read_checkpoint(answer["checkpoint"], offline.trust(lab.log.keys)).checkpoint
    records = []
    for name in ("request", "outcome"):
        part = answer["entries"][request_id][name]
        data, salt = base64.b64decode(part["record"]), base64.b64decode(part["salt"])
        path = [base64.b64decode(step) for step in part["path"]]
        leaf = leaf_hash(record.commitment(salt, data))
        check_inclusion(leaf, part["index"], head.size, path, head.root)
        records.append(exchange_pb2.AccessRecord.FromString(data))
    return records


@pytest.mark.parametrize("others", [0, 1, 255, 256, 700])
async def test_own_entries_are_proved(lab: Lab, others: int) -> None:
    """Whatever the log's size, both records of each entry asked for come with paths that lead to the witnessed checkpoint."""
    told = [Told(START - timedelta(days=n)) for n in range(3)]
    lab.log.fill(others)
    await lab.deliver(told)
    lab.log.fill(others)
    browser = Browser(lab)
    await browser.log_in()
    answer = await proofs(browser, *(one.request_id for one in told))
    assert set(answer["entries"]) == {one.request_id for one in told}
    for one in told:
        request, outcome = check(lab, answer, one.request_id)
        assert (request.kind, outcome.kind) == (exchange_pb2.RECORD_KIND_REQUEST, exchange_pb2.RECORD_KIND_OUTCOME)
        assert {request.request_id, outcome.request_id} == {one.request_id}


async def test_somebody_else_s_entry_is_missing_like_one_that_never_was(lab: Lab) -> None:
    """For another person's id, a withheld exchange's and an invented one the answers are the same, byte for byte."""
    mine, theirs, hidden = Told(), Told(), Told(withheld=True)
    await lab.deliver([mine])
    await lab.deliver([theirs], SORA)
    await lab.deliver_shown(shown(hidden, subject(HANA.individual_number)), shown(Told(), b"x"))
    browser = Browser(lab)
    await browser.log_in()
    answers = [await proofs(browser, one.request_id) for one in (theirs, hidden, Told())]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["entries"] == {}
    mixed = await proofs(browser, mine.request_id, theirs.request_id, hidden.request_id)
    assert set(mixed["entries"]) == {mine.request_id}
    pages = [await browser.get(f"/history/{one.request_id}/proof") for one in (theirs, hidden, Told())]
    assert [page.status_code for page in pages] == [404] * 3
    assert pages[0].text == pages[1].text == pages[2].text


async def test_without_a_login_there_is_nothing(lab: Lab) -> None:
    """Proofs need a session: the document is refused, the file leads to the login."""
    told = Told()
    await lab.deliver([told])
    browser = Browser(lab)
    assert (await browser.get(f"/api/v1/proofs?request_id={told.request_id}")).status_code == 401
    response = await browser.get(f"/history/{told.request_id}/proof")
    assert response.status_code == 303
    assert response.headers["location"].startswith("/login")


@pytest.mark.parametrize("old_size", [1, 2, 5, 6])
async def test_the_checkpoint_continues_the_old_one(lab: Lab, old_size: int) -> None:
    """The consistency proof leads from the old size to the new; for the same size and for none it is empty."""
    await lab.deliver([Told()])
    lab.log.fill(2)
    browser = Browser(lab)
    await browser.log_in()
    answer = await proofs(browser, old_size=old_size)
    head = read_checkpoint(answer["checkpoint"], offline.trust(lab.log.keys)).checkpoint
    assert head.size == 6
    older = read_checkpoint(lab.log.checkpoint(old_size), offline.trust(lab.log.keys)).checkpoint
    check_consistency(old_size, older.root, head.size, head.root, [base64.b64decode(s) for s in answer["consistency"]])
    assert (await proofs(browser, old_size=0))["consistency"] == []


async def test_a_smaller_tree_gives_no_consistency(lab: Lab) -> None:
    """When the browser remembers a larger tree than the log's, there is no proof, and the answer says so."""
    await lab.deliver([Told()])
    browser = Browser(lab)
    await browser.log_in()
    assert (await proofs(browser, old_size=5))["consistency"] is None
    assert (await proofs(browser, old_size=2**63 - 1))["consistency"] is None


async def test_what_is_beyond_the_witnessed_tree_waits(lab: Lab) -> None:
    """An entry of which a record is beyond the witnessed checkpoint is not yet witnessed; before the first everything is."""
    told = Told()
    await lab.deliver([told])
    browser = Browser(lab)
    await browser.log_in()
    for seen in (0, 1, 2, 3):
        with lab.log.changed(seen=seen):
            assert (await proofs(browser, told.request_id))["entries"] == {
                told.request_id: {"state": "not-yet-witnessed"}
            }
            page = await browser.get(f"/history/{told.request_id}/proof")
            assert (page.status_code, page.headers["retry-after"]) == (503, "5")
    check(lab, await proofs(browser, told.request_id), told.request_id)


@pytest.mark.parametrize(
    "query",
    [
        "old_size=-1", "old_size=x", "old_size=１", "old_size=" + "9" * 20,
        "&".join(f"request_id={n:036}" for n in range(MOST + 1)),
    ],
)  # fmt: skip
async def test_questions_that_make_no_sense_are_refused(lab: Lab, query: str) -> None:
    """A size that is none, or more than a hundred ids, is refused."""
    browser = Browser(lab)
    await browser.log_in()
    assert (await browser.get(f"/api/v1/proofs?{query}")).status_code == 400


async def test_a_hundred_entries_fit_in_one_question(lab: Lab) -> None:
    """A whole page of a hundred entries is proved at once, within the longest address that the portal takes."""
    told = [Told(START - timedelta(hours=n)) for n in range(MOST)]
    await lab.deliver(told)
    browser = Browser(lab)
    await browser.log_in()
    assert len((await proofs(browser, *(one.request_id for one in told)))["entries"]) == MOST


async def test_a_log_that_cannot_be_asked_is_no_proof_and_no_alarm(lab: Lab) -> None:
    """While the log is down proofs are refused for now, and the history itself is shown."""
    told = Told()
    await lab.deliver([told])
    browser = Browser(lab)
    await browser.log_in()
    with lab.log.changed(down=True):
        assert (await browser.get(f"/api/v1/proofs?request_id={told.request_id}")).status_code == 503
        assert (await browser.get("/history")).status_code == 200


async def test_tiles_that_contradict_the_checkpoint_are_told(lab: Lab) -> None:
    """When the log's tiles do not lead to its signed root the answer says so instead of proofs; mended, it proves again."""
    told = Told()
    lab.log.fill(300)
    await lab.deliver([told])
    browser = Browser(lab)
    await browser.log_in()
    signed = lab.log.checkpoint()

    async def frozen() -> str:
        return signed

    true = lab.log.leaves
    with lab.log.changed(witnessed=frozen, leaves=[bytes(32), *true[1:]]):
        assert (await proofs(browser, told.request_id))["problem"] == "unprovable"
    check(lab, await proofs(browser, told.request_id), told.request_id)


async def test_a_remembered_tile_that_does_not_fit_is_read_anew(lab: Lab) -> None:
    """After the log served a wrong complete tile under its true head, or another history, the true one is proved at once."""
    told = Told()
    lab.log.fill(300)
    await lab.deliver([told])
    browser = Browser(lab)
    await browser.log_in()
    true = lab.log.leaves
    with lab.log.changed(leaves=[bytes(32), *true[1:]]):
        await proofs(browser, told.request_id, old_size=100)
    for _ in range(2):
        check(lab, await proofs(browser, told.request_id, old_size=100), told.request_id)


async def test_complete_tiles_are_read_once() -> None:
    """A complete tile is asked of the log once, a partial one each time."""
    log = PaperLog(None)  # type: ignore[arg-type]
    log.fill(300)
    tiles = Tiles(log)
    for _ in range(3):
        for path in ("tile/0/000", "tile/0/001.p/44"):
            assert await tiles.read(path) == await log.tile(path)
    assert log.asked.count("tile/0/000") == 1 + 3
    assert log.asked.count("tile/0/001.p/44") == 3 + 3


async def test_the_file_is_checked_without_the_portal(lab: Lab) -> None:
    """The file has both records, each a whole tlog-proof by itself, and checks against the keys alone."""
    told = Told()
    await lab.deliver([told])
    browser = Browser(lab)
    await browser.log_in()
    response = await browser.get(f"/history/{told.request_id}/proof")
    assert response.headers["content-disposition"] == f'attachment; filename="warifu-{told.request_id}.tlog-proof"'
    trusted = offline.trust(lab.log.keys)
    first, second = [offline.check(proof, trusted) for proof in offline.read(response.content)]
    assert (first.record.request_id, second.record.request_id) == (told.request_id, told.request_id)
    assert (first.record.outcome, second.record.outcome) == (0, told.outcome)
    parts = response.text.split("c2sp.org/tlog-proof@v1\n")[1:]
    assert len(parts) == 2
    for part in parts:
        assert len(offline.read(f"c2sp.org/tlog-proof@v1\n{part}".encode())) == 1


async def test_the_pinned_keys_are_a_static_file(lab: Lab) -> None:
    """The history's pages load the check as modules from this face alone, and the keys among them are those that were pinned."""
    told = Told()
    await lab.deliver([told])
    browser = Browser(lab)
    page = await browser.log_in()
    (script,) = re.findall(r'<script type="module" src="([^"]+)">', page.text)
    assert "script-src 'self'" in page.headers["content-security-policy"]
    keys = await browser.get(script.replace("page.js", "keys.js"))
    assert json.dumps(lab.log.keys.log.vkey) in keys.text
    assert json.dumps(lab.log.keys.witness.vkey) in keys.text
    assert "immutable" in keys.headers["cache-control"]
    for path in ("/", "/checks"):
        assert "script-src" not in (await browser.get(path)).headers["content-security-policy"]


async def test_every_module_is_where_the_others_look_for_it(lab: Lab) -> None:
    """Each script's imports, relative to its own address, lead to a script that is served."""
    await lab.deliver([Told()])
    browser = Browser(lab)
    page = await browser.log_in()
    (first,) = re.findall(r'<script type="module" src="([^"]+)">', page.text)
    seen, ahead = set(), [first]
    while ahead:
        script = ahead.pop()
        if script in seen:
            continue
        seen.add(script)
        response = await browser.get(script)
        assert response.status_code == 200, script
        found = re.findall(r'from "\./([a-z]+\.js)"', response.text)
        ahead += [f"{script.rpartition('/')[0]}/{name}" for name in found]
    assert {script.rpartition("/")[2] for script in seen} == {
        "page.js", "verify.js", "note.js", "merkle.js", "record.js", "bytes.js", "words.js", "keys.js", "names.js",
    }  # fmt: skip


async def test_the_pinned_names_are_those_of_the_law_book(lab: Lab) -> None:
    """Each institution, affair, procedure and item is named in the pinned file as in the law book of the version that it states."""
    await lab.deliver([Told()])
    browser = Browser(lab)
    page = await browser.log_in()
    (script,) = re.findall(r'<script type="module" src="([^"]+)">', page.text)
    text = (await browser.get(script.replace("page.js", "names.js"))).text
    found = {
        name: json.loads(value) for name, value in re.findall(r"^export const ([A-Z]+) = (.*);$", text, re.MULTILINE)
    }
    assert found["BOOK"] == BOOK.version
    assert f'data-book="{BOOK.version}"' in page.text
    for language in ("ja", "en"):
        for code, institution in BOOK.institutions.items():
            assert found["NAMES"][language][code] == institution.name.to(language)
    assert set(found["OUTCOMES"]["ja"]) == {"ANSWERED", "DENIED", "EXPIRED", "ERROR"}


async def test_a_new_log_is_a_new_address(lab: Lab, tmp_path: Path) -> None:
    """Under other keys all scripts have another address, so that no browser keeps old keys."""
    (tmp_path / "other").mkdir()
    other = await open_lab(tmp_path / "other")
    try:
        pages = []
        for one in (lab, other):
            await one.deliver([Told()])
            pages.append((await Browser(one).log_in()).text)
    finally:
        other.close()
    one, two = (re.findall(r'src="(/static/[0-9a-f]{16}/page\.js)"', page)[0] for page in pages)
    assert one != two


def test_no_script_makes_markup_of_texts() -> None:
    """No script evaluates text or makes markup of it: what is received is shown as text."""
    scripts = sorted((Path(app.__file__).parent / "static").glob("*.js"))
    assert len(scripts) == 7
    for script in scripts:
        text = script.read_text("utf-8")
        assert not re.search(r"eval\(|innerHTML|outerHTML|insertAdjacentHTML|document\.write|new Function", text), (
            script
        )


def test_the_script_knows_each_field_of_the_gateway_s_records() -> None:
    """`record.js` reads every field of an AccessRecord but those that only institutions' own records have; what is new must be decided."""
    text = (Path(app.__file__).parent / "static/record.js").read_text("utf-8")
    known = {}
    for table in ("TEXTS", "NUMBERS", "TIMES"):
        (body,) = re.findall(rf"const {table} = {{([^}}]*)}};", text)
        known |= {int(number): name for number, name in re.findall(r'(\d+): "(\w+)"', body)}
    fields = {field.number: field.name for field in exchange_pb2.AccessRecord.DESCRIPTOR.fields}
    own = {"fine_outcome", "office", "clerk", "answer_digest"}
    assert known == {number: name for number, name in fields.items() if name not in own}
