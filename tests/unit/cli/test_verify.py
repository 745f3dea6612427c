"""`warifu verify`: good proofs pass without a network, every altered one fails with the reason, and no more is claimed than was checked."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from unit.portal.lab import Told, shown
from unit.portal.paper_log import PaperLog

from warifu.cli.__main__ import app
from warifu.exchange import offline
from warifu.exchange.v1.exchange_pb2 import CommittedRecord
from warifu.tlog.bundle import ProofBundle
from warifu.tlog.checkpoint import Checkpoint
from warifu.tlog.proofs import TiledTree

TOLD = Told()


class Now:
    """A clock that stands."""

    def machine(self) -> datetime:
        """Always the same."""
        return datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def log() -> PaperLog:
    """A log with other people's leaves."""
    made = PaperLog(Now())
    made.fill(5)
    return made


async def proofs(log: PaperLog, told: Told = TOLD) -> list[ProofBundle]:
    """The proofs of an exchange's two records, which are logged."""
    plain = shown(told, b"whose")
    committed = [CommittedRecord.FromString(part) for part in (plain.request, plain.outcome)]
    places = log.add(*(one.commitment for one in committed))
    log.fill(3)
    note = log.checkpoint()
    head = Checkpoint.parse(note.partition("\n\n")[0] + "\n")
    tree = TiledTree(log.tile, head.size, head.root)
    return [
        ProofBundle(place, tuple(await tree.inclusion(place)), note, one.SerializeToString())
        for place, one in zip(places, committed, strict=True)
    ]


def run(log: PaperLog, *arguments: str | Path, language: str = "ja_JP.UTF-8") -> Result:
    """Call the command with the log's keys."""
    keys = ["--log-key", log.keys.log.vkey, "--witness-key", log.keys.witness.vkey]
    return CliRunner().invoke(app, ["verify", *map(str, arguments), *keys], env={"LC_ALL": language, "COLUMNS": "300"})


async def test_a_good_file_passes(log: PaperLog, tmp_path: Path) -> None:
    """A file with the two records of an exchange passes, says what it is about, what was checked and what was not."""
    file = tmp_path / "one.tlog-proof"
    file.write_text(offline.write(await proofs(log)))
    result = run(log, file)
    assert result.exit_code == 0, result.output
    for words in (
        "合格",
        TOLD.request_id,
        "榧野町",
        "青凪市",
        "5 番（大きさ 10）",
        "確かめていないこと",
        log.keys.log.vkey,
    ):
        assert words in result.output
    english = run(log, file, language="en_GB.UTF-8")
    for words in ("good", "leaf 5 of 10", "Not checked: that there are no other records"):
        assert words in english.output


async def test_the_document_says_the_same(log: PaperLog, tmp_path: Path) -> None:
    """With --json there is one document with what each record says, where it is, and by which keys it was checked."""
    file = tmp_path / "one.tlog-proof"
    file.write_text(offline.write(await proofs(log)))
    document = json.loads(run(log, file, "--json").stdout)
    assert document["passed"] is True
    assert document["keys"] == {"log": log.keys.log.vkey, "witness": log.keys.witness.vkey, "source": "options"}
    (found,) = document["files"]
    request, outcome = found["records"]
    assert (request["kind"], request["outcome"], request["index"]) == ("request", None, 5)
    assert (outcome["kind"], outcome["outcome"], outcome["index"]) == ("outcome", "ANSWERED", 6)
    assert outcome["answered_at"] == "2026-04-06T09:05:02.000+09:00"
    assert outcome["cosigned_at"] == "2026-11-22T03:04:05+00:00"
    assert {request["requester"], outcome["requester"]} == {TOLD.requester}


def _line(text: str, number: int, change: Callable[[str], str]) -> str:
    lines = text.split("\n")
    lines[number] = change(lines[number])
    return "\n".join(lines)


def _flip(encoded: str, at: int = 10) -> str:
    head, _, tail = encoded.rpartition(" ")
    data = bytearray(base64.b64decode(tail))
    data[at % len(data)] ^= 1
    return f"{head} {base64.b64encode(data).decode()}".lstrip()


CHANGES: dict[str, tuple[str, Callable[[str], str]]] = {
    "a byte of the record": ("record", lambda text: _line(text, 1, lambda line: _flip(line, 30))),
    "another index": ("not-in-log", lambda text: _line(text, 2, lambda _: "index 6")),
    "a hash of the path": ("not-in-log", lambda text: _line(text, 3, _flip)),
    "a hash left out": ("not-in-log", lambda text: "\n".join(text.split("\n")[:3] + text.split("\n")[4:])),
    "another size": ("forged", lambda text: text.replace("\n10\n", "\n11\n", 1)),
    "no cosignature": (
        "unwitnessed",
        lambda text: "\n".join(line for line in text.split("\n") if not line.startswith("— warifu.example/watchdog")),
    ),
    "no record": ("record", lambda text: "\n".join(text.split("\n")[:1] + text.split("\n")[2:])),
    "no proof": ("malformed", lambda _: "all is well\n"),
    "nothing": ("malformed", lambda _: ""),
    "something before": ("malformed", lambda text: f"\n{text}"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_an_altered_file_fails(log: PaperLog, tmp_path: Path, name: str) -> None:
    """Each change of a file fails it by name, with exit code 1, and hinders no other file of the call."""
    kind, change = CHANGES[name]
    good, bad = tmp_path / "good.tlog-proof", tmp_path / "bad.tlog-proof"
    text = offline.write(await proofs(log))
    good.write_text(text)
    bad.write_text(change(text))
    result = run(log, bad, good, "--json")
    assert result.exit_code == 1
    failed, passed = json.loads(result.stdout)["files"]
    assert (failed["passed"], failed["error"]["kind"], failed["records"]) == (False, kind, [])
    assert passed["passed"] is True
    told = run(log, bad, good)
    assert told.exit_code == 1
    assert "失敗" in told.output
    assert "合格" in told.output


async def test_keys_decide(log: PaperLog, tmp_path: Path) -> None:
    """A proof of another log, and one that another witness cosigned, fail; keys may also come from files."""
    file = tmp_path / "one.tlog-proof"
    file.write_text(offline.write(await proofs(log)))
    other = PaperLog(Now())
    foreign = PaperLog(Now(), log.log)
    for keys, kind in ((other, "unsigned"), (foreign, "unwitnessed")):
        assert json.loads(run(keys, file, "--json").stdout)["files"][0]["error"]["kind"] == kind
    (tmp_path / "log.vkey").write_text(log.keys.log.vkey + "\n")
    (tmp_path / "witness.vkey").write_text(log.keys.witness.vkey + "\n")
    arguments = ["--log-key", str(tmp_path / "log.vkey"), "--witness-key", str(tmp_path / "witness.vkey")]
    assert CliRunner().invoke(app, ["verify", str(file), *arguments]).exit_code == 0


async def test_records_of_two_exchanges_in_one_file_fail(log: PaperLog, tmp_path: Path) -> None:
    """Two good proofs that are not of one exchange, or the same one twice, are no proof of an exchange."""
    one, other = await proofs(log), await proofs(log, Told())
    for name, parts in (("mixed", [one[0], other[1]]), ("twice", [one[0], one[0]])):
        file = tmp_path / name
        file.write_text(offline.write(parts))
        assert json.loads(run(log, file, "--json").stdout)["files"][0]["error"]["kind"] == "contradiction"


async def test_one_record_alone_passes(log: PaperLog, tmp_path: Path) -> None:
    """A file with one of the two records is a proof of that one."""
    file = tmp_path / "outcome.tlog-proof"
    file.write_text(offline.write((await proofs(log))[1:]))
    (found,) = json.loads(run(log, file, "--json").stdout)["files"]
    assert [one["kind"] for one in found["records"]] == ["outcome"]


@pytest.mark.parametrize("key", ["nonsense", "warifu.example/access-log+00000000+AAAA", ""])
def test_keys_that_are_none_end_the_command(tmp_path: Path, key: str) -> None:
    """What is no verifier key and no file is said so, with exit code 2."""
    result = CliRunner().invoke(app, ["verify", str(tmp_path), "--log-key", key, "--witness-key", key])
    assert result.exit_code == 2


def test_a_file_that_is_not_there_fails(log: PaperLog, tmp_path: Path) -> None:
    """A missing file fails with its name, and nothing raises."""
    result = run(log, tmp_path / "missing", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["files"][0]["error"]["kind"] == "unreadable"
