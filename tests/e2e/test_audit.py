"""`warifu audit` on a real network: nothing after a thousand exchanges of every outcome, and each of ten lies in the parties' stores.

Lies are planted in the files of running parties, audited through their own faces by the command, and taken back.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from e2e.conftest import Running, start, stop

from warifu import law
from warifu.authority import open_authority
from warifu.exchange import record as records
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.record import Records
from warifu.gateway.record import _context as context_of
from warifu.interim import kept_inquiries
from warifu.interim import records as interim_records
from warifu.interim.contents import Contents
from warifu.interim.kept_inquiries import Inquiry
from warifu.interim.v1 import interim_pb2
from warifu.kernel.vault import Vault
from warifu.simulator.clerk import Clerk, Question
from warifu.simulator.doors import Doors, doors
from warifu.simulator.scenarios.stage import Stage, tax_year

pytestmark = [pytest.mark.timeout(600)]
slow = pytest.mark.slow

EXCHANGES = 1000
CLERKS = 24
SEED = 17
HOUR_SECONDS = 3600
LOOKED_UP_WITHIN = 60


@dataclass(frozen=True)
class Asked:
    """One exchange that was done."""

    request_id: str
    requester: str
    provider: str


@dataclass
class Audited:
    """A network with exchanges done, and how to lie in it."""

    running: Running
    provided: list[Asked]
    """Answered with values, whose parties' files the lies are in."""
    outcomes: dict[str, int]

    def findings(self, *words: str) -> list[dict[str, str]]:
        """What the command finds; its exit code says that there is something."""
        document = self.running.json("audit", *words, code=1)
        assert set(document) == {"entries", "findings"}
        return document["findings"]

    def interim(self, code: str) -> Path:
        """An institution's interim database."""
        return self.running.state / self.running.file.extra["kinds"][code] / f"{code}.interim.db"

    @property
    def gateway(self) -> Path:
        """The gateway's database."""
        return self.running.state / "gateway" / "gateway.db"


# --- traffic ------------------------------------------------------------------------------------------------------------


async def questions(stage: Stage) -> list[tuple[str, str, Question]]:
    """Requester, addressee number and question: allowed and refused, about what there is and is not, shown and withheld."""
    found = []
    for person in stage.people.all():
        insured = person.insured_on(stage.people.start)
        if insured is None or not insured.institution.startswith("nhi-"):
            continue
        cities = [a.municipality for a in person.assessments if a.municipality != insured.institution[4:]]
        if not cities:
            continue
        addressee = await stage.clerk(insured.institution).find(stage.people.items(person.person))
        assert addressee is not None
        provider = f"tax-{cities[0]}"
        variants = [
            stage.question("P07", provider, tax_year(year), non_disclosure=hidden)
            for year, hidden in ((2025, False), (2024, False), (1999, False), (2025, True))
        ]
        variants.append(stage.question("P07", "tax-" + insured.institution[4:], tax_year(2025)))  # its own body
        variants.append(Question(provider, variants[0].affair, variants[0].procedure, "TM90000000000003"))
        found += [(insured.institution, addressee, question) for question in variants]
    return found


async def exchange_all(opened: Doors, stage: Stage) -> list[tuple[Asked, str]]:
    """A thousand exchanges, many clerks at once; then the answers that waited are provided or withheld, and all is settled."""
    choice, dice = await questions(stage), random.Random(SEED)
    assert choice
    done: list[tuple[Asked, str]] = []
    plan = iter([dice.choice(choice) for _ in range(EXCHANGES)])

    async def clerk() -> None:
        for requester, addressee, question in plan:
            made = await Clerk(opened, requester).inquire(addressee, question)
            done.append((Asked(made.request_id, requester, question.provider), made.outcome))

    await asyncio.gather(*(clerk() for _ in range(CLERKS)))
    for number, (asked, outcome) in enumerate(done):
        if outcome == "PENDING" and number % 3:  # some go on waiting
            decision = (interim_pb2.REVIEW_DECISION_PROVIDE, interim_pb2.REVIEW_DECISION_WITHHOLD)[number % 2]
            await Clerk(opened, asked.provider).review(asked.request_id, decision)
            await Clerk(opened, asked.requester).collect(asked.request_id)
    await opened.settle()
    return done


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """A network in which a thousand exchanges were done."""
    running = start(tmp_path_factory.mktemp("audited") / "state", "--people", "100", "--seed", "5")

    async def traffic() -> list[tuple[Asked, str]]:
        async with doors(running.file) as opened:
            return await exchange_all(opened, Stage(running.file, running.state, opened))

    try:
        done = asyncio.run(traffic())
        outcomes = {outcome: sum(one == outcome for _, one in done) for _, outcome in done}
        yield Audited(running, [asked for asked, outcome in done if outcome == "PROVIDED"], outcomes)
    finally:
        stop(running)


# --- lies ---------------------------------------------------------------------------------------------------------------


@contextmanager
def planted(
    database: Path, *statements: tuple[str, tuple[Any, ...]], undo: list[tuple[str, tuple[Any, ...]]]
) -> Iterator[None]:
    """Statements run in the file of a running party, taken back at the end."""
    for run in (statements, undo):
        with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
            for statement, values in run:
                connection.execute(statement, values)
        if run is not undo:
            yield


def query(database: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows of a party's file."""
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        return connection.execute(statement, values).fetchall()


def replaced(database: Path, table: str, key: tuple[str, object], **changes: object) -> AbstractContextManager[None]:
    """One row with other values."""
    names = list(changes)
    (old,) = query(database, f"SELECT {', '.join(names)} FROM {table} WHERE {key[0]} = ?", key[1])
    put = f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in names)} WHERE {key[0]} = ?"
    return planted(database, (put, (*changes.values(), key[1])), undo=[(put, (*old, key[1]))])


def removed(database: Path, table: str, key: tuple[str, object]) -> AbstractContextManager[None]:
    """Rows that are gone."""
    rows = query(database, f"SELECT * FROM {table} WHERE {key[0]} = ?", key[1])
    assert rows
    undo = [(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row) for row in rows]
    return planted(database, (f"DELETE FROM {table} WHERE {key[0]} = ?", (key[1],)), undo=undo)


def changed(record: bytes, **fields: object) -> pb.CommittedRecord:
    """A record with other values, well committed to."""
    made = pb.AccessRecord.FromString(record)
    for name, value in fields.items():
        setattr(made, name, value)
    return records.commit(made)


def at_institution(
    database: Path, asked: Asked, side: str, kind: int, **fields: object
) -> AbstractContextManager[None]:
    """An institution's own record with other values, well committed to."""
    statement = "SELECT * FROM records WHERE request_id = ? AND side = ? AND kind = ?"
    (row,) = named(database, statement, asked.request_id, side, kind)
    contents = contents_of(database)
    made = changed(interim_records.opened(contents, row).record, **fields)
    sealed = contents.seal(row.month, f"record/{side}/{kind}/{row.request_id}", [made.record, made.salt])
    return replaced(database, "records", ("position", row.position), sealed=sealed, commitment=made.commitment)


def named(database: Path, statement: str, *values: object) -> list[SimpleNamespace]:
    """Rows of a party's file, as the party's own program sees them."""
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        return [SimpleNamespace(**dict(row)) for row in connection.execute(statement, values)]


def contents_of(database: Path) -> Contents:
    """What opens and seals the exchanges in an interim database: its keys lie beside it."""
    institution = database.name.removesuffix(".interim.db")
    return Contents(Vault.open(database.parent / "secrets" / f"{institution}.months.json", 0))


def inquiry_of(database: Path, request_id: str) -> Inquiry:
    """An inquiry as its requester stores it."""
    (row,) = named(database, "SELECT * FROM inquiries WHERE request_id = ?", request_id)
    return kept_inquiries.opened(contents_of(database), row)


def at_gateway(
    network: Audited, asked: Asked, kind: int, change: Callable[[pb.AccessRecord], None]
) -> AbstractContextManager[None]:
    """The gateway's record with other values; its commitment is in the log and cannot be changed with it."""
    statement = "SELECT position, request_id, month, sealed FROM record WHERE request_id = ? AND kind = ?"
    (row,) = query(network.gateway, statement, asked.request_id, kind)
    named = SimpleNamespace(position=row[0], request_id=row[1], month=row[2], sealed=row[3])
    vault = Vault.open(network.gateway.parent / "secrets" / "gateway.months.json", 0)
    committed = Records(vault).opened(named)
    record = pb.AccessRecord.FromString(committed.record)
    change(record)
    committed.record = record.SerializeToString(deterministic=True)
    sealed = vault.seal(named.month, committed.SerializeToString(), context_of(named.request_id))
    return replaced(network.gateway, "record", ("position", named.position), sealed=sealed)


REQUEST, OUTCOME = pb.RECORD_KIND_REQUEST, pb.RECORD_KIND_OUTCOME


def value_altered_at_requester(network: Audited, asked: Asked) -> AbstractContextManager[None]:
    """An income in the answer that the requester stores is 1 yen more."""
    database = network.interim(asked.requester)
    stored = inquiry_of(database, asked.request_id)
    answer = pb.Answer.FromString(stored.answer)
    answer.records[0].content.local_tax.total_income_yen += 1
    altered = stored._replace(answer=answer.SerializeToString())
    row = kept_inquiries.row_of(contents_of(database), altered)
    return replaced(database, "inquiries", ("request_id", asked.request_id), answered=row["answered"])


def value_altered_at_provider(network: Audited, asked: Asked) -> AbstractContextManager[None]:
    """The provider's record holds the digest of another answer than it gave."""
    return at_institution(network.interim(asked.provider), asked, "provider", OUTCOME, answer_digest=os.urandom(32))


def entry_missing_at_gateway(network: Audited, asked: Asked) -> AbstractContextManager[None]:
    """The gateway's two records of an exchange are gone."""
    return removed(network.gateway, "record", ("request_id", asked.request_id))


def extra_at_provider(network: Audited, asked: Asked) -> AbstractContextManager[None]:
    """The provider has the records of an exchange that nobody asked."""
    database, invented = network.interim(asked.provider), "00000000-0000-4000-8000-00000000f00d"
    rows = named(database, "SELECT * FROM records WHERE request_id = ? AND side = 'provider'", asked.request_id)
    put = "INSERT INTO records (request_id, kind, side, month, sealed, commitment, permit_hash) VALUES (?, ?, ?, ?, ?, ?, ?)"
    statements, contents = [], contents_of(database)
    for row in rows:
        made = changed(interim_records.opened(contents, row).record, request_id=invented)
        sealed = contents.seal(row.month, f"record/provider/{row.kind}/{invented}", [made.record, made.salt])
        values = (invented, row.kind, row.side, row.month, sealed, made.commitment, row.permit_hash)
        statements.append((put, values))
    return planted(database, *statements, undo=[("DELETE FROM records WHERE request_id = ?", (invented,))])


def outcome_contradicting(network: Audited, asked: Asked) -> AbstractContextManager[None]:
    """The requester's record says that no answer came in time."""
    return at_institution(
        network.interim(asked.requester),
        asked,
        "requester",
        OUTCOME,
        outcome=pb.OUTCOME_EXPIRED,
        reason="GATEWAY_EXPIRED",
    )


def time_shifted_by_an_hour(network: Audited, asked: Asked) -> AbstractContextManager[None]:
    """The gateway's record of the request is an hour later than it was."""

    def shift(record: pb.AccessRecord) -> None:
        record.requested_at.seconds += HOUR_SECONDS

    return at_gateway(network, asked, REQUEST, shift)


def legal_basis_replaced(network: Audited, asked: Asked) -> AbstractContextManager[None]:
    """The gateway's record of the request names another row."""

    def replace(record: pb.AccessRecord) -> None:
        record.row = "P08"

    return at_gateway(network, asked, REQUEST, replace)


def leaf_without_record(network: Audited, asked: Asked) -> AbstractContextManager[None]:
    """The gateway's event of its own start is gone."""
    del asked
    ((position,),) = query(network.gateway, "SELECT min(position) FROM event WHERE kind = 'started'")
    return removed(network.gateway, "event", ("position", position))


def record_without_leaf(network: Audited, asked: Asked) -> AbstractContextManager[None]:
    """The gateway has an entry that it says is in the log, and that is not."""
    del asked
    ((position, commitment, at),) = query(
        network.gateway, "SELECT position, commitment, committed_at FROM log_entry ORDER BY position DESC LIMIT 1"
    )
    assert commitment
    put = "INSERT INTO log_entry (position, commitment, committed_at, leaf_index) VALUES (?, ?, ?, ?)"
    values = (position + 1000, os.urandom(32), at, 10**9)
    return planted(
        network.gateway, (put, values), undo=[("DELETE FROM log_entry WHERE position = ?", (position + 1000,))]
    )


@contextmanager
def table_row_changed_without_entry(network: Audited, asked: Asked) -> Iterator[None]:
    """The root of trust has signed a table with one field less in a row, the supervisor holds it, and the log was told nothing."""
    del asked
    folder = network.running.state / "watchdog" / "trust" / "law"
    files = {name: (folder / name).read_bytes() for name in (*law.LAW_FILES, law.SIGNATURE_FILE)}
    lied = {name: files[name] for name in law.LAW_FILES}
    lied["permissions.toml"] = lied["permissions.toml"].replace(b'"total_income_yen", ', b"", 1)
    assert lied["permissions.toml"] != files["permissions.toml"]
    signature = open_authority(network.running.state).sign(law.bytes_to_sign(lied))
    law.write(folder, lied, signature)
    try:
        yield
    finally:
        law.write(folder, files, files[law.SIGNATURE_FILE])


LIES: dict[Callable[[Audited, Asked], AbstractContextManager[None]], tuple[str, set[str]]] = {
    value_altered_at_requester: ("content-altered", set()),
    value_altered_at_provider: ("answer-differs", set()),
    entry_missing_at_gateway: ("missing-at-gateway", {"leaf-without-record", "portal-extra"}),
    extra_at_provider: ("extra-at-provider", set()),
    outcome_contradicting: ("outcome-differs", set()),
    time_shifted_by_an_hour: ("time-differs", {"commitment-broken", "portal-differs"}),
    legal_basis_replaced: ("basis-differs", {"basis-unlawful", "commitment-broken", "portal-differs"}),
    leaf_without_record: ("leaf-without-record", set()),
    record_without_leaf: ("record-without-leaf", set()),
    table_row_changed_without_entry: ("table-unlogged", set()),
}
"""Each lie: the kind of finding that names it, and those that it leads to besides, because it shows in several places."""


# --- tests --------------------------------------------------------------------------------------------------------------


@slow
def test_a_thousand_mixed_exchanges_leave_no_findings(audited: Audited) -> None:
    """After exchanges of every fine outcome, denials and answers that still wait, the audit finds nothing, and counts every entry."""
    assert sum(audited.outcomes.values()) == EXCHANGES
    assert {"PROVIDED", "NO_RECORD", "DENIED", "PENDING"} <= set(audited.outcomes), audited.outcomes
    document = audited.running.json("audit")
    assert document["findings"] == []
    ((leaves,),) = query(audited.gateway, "SELECT size FROM log_head")
    assert document["entries"] == leaves > EXCHANGES * 3 // 2


@slow
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_in_a_partys_store_is_found(audited: Audited, lie) -> None:
    """The audit names the lie, the party and the exchange, and is silent again when it is taken back."""
    asked = next(one for one in audited.provided if lie_fits(audited, one))
    kind, besides = LIES[lie]
    with lie(audited, asked):
        findings = audited.findings()
    kinds = {finding["kind"] for finding in findings}
    assert kind in kinds, findings
    assert kinds <= {kind, *besides}, findings
    told = [finding for finding in findings if finding["kind"] == kind]
    assert len(told) <= 2, told
    assert not any(secret in str(findings) for secret in ("window-1", "c-0001"))


@slow
def test_an_agency_keeps_a_proof_of_its_own(audited: Audited, tmp_path: Path) -> None:
    """Requester and provider each download an offline proof of an exchange, which verifies by the pinned keys and says what it proves."""
    asked = audited.provided[0]
    for code in (asked.requester, asked.provider):
        path = tmp_path / f"{code}.tlog-proof"
        words = ("proof", asked.request_id, "--institution", code, "--out", str(path))
        until = time.monotonic() + LOOKED_UP_WITHIN
        while audited.running.command(*words, code=None).returncode == 1 and time.monotonic() < until:
            time.sleep(1)  # the institution looks it up when the merge delay and its slack are over
        verified = audited.running.json("verify", str(path))
        assert asked.request_id in json.dumps(verified)
    audited.running.command("proof", "00000000-0000-4000-8000-00000000dead", "--institution", asked.requester, code=2)


@slow
def test_nothing_is_left_of_the_lies(audited: Audited) -> None:
    """What was planted was all that was found: without it the same network has no findings again, also from a file that is resumed."""
    path = audited.running.state / "audit.state"
    for _ in range(2):
        assert audited.running.json("audit", "--resume", str(path))["findings"] == []


def lie_fits(audited: Audited, asked: Asked) -> bool:
    """The exchange had one record with an income, and is not withheld."""
    answer = pb.Answer.FromString(inquiry_of(audited.interim(asked.requester), asked.request_id).answer)
    shown = query(
        audited.running.state / "portal" / "portal-main.db",
        "SELECT 1 FROM entries WHERE request_id = ?",
        asked.request_id,
    )
    return bool(shown) and answer.records[0].content.local_tax.HasField("total_income_yen")


def test_a_sound_network_is_audited_in_either_language(network: Running) -> None:
    """A scenario's exchanges leave nothing to find; people are told in their language, programs in a document of the promised shape."""
    network.json("play", "dependant-check")
    document = network.json("audit")
    assert set(document) == {"entries", "findings"}
    assert document["findings"] == []
    assert f"{document['entries']} entries" in network.command("audit").stdout


def test_the_auditors_page_can_be_followed(network: Running, tmp_path: Path) -> None:
    """The commands of docs/AUDIT.md §5, as they stand, check the log of a running network with curl, OpenSSL and Go alone."""
    tools = ("curl", "jq", "xxd", "openssl", "go")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing or not Path("/usr/share/gocode/src/golang.org/x/mod/sumdb").is_dir():
        pytest.skip(f"other people's tools are not all here: {missing or 'golang.org/x/mod'}")
    source = Path(__file__).parents[2]
    page = (source / "docs" / "AUDIT.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    done = subprocess.run(
        ["sh", "-eu", "-c", "\n".join(blocks)], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "STATE": str(network.state), "SOURCE": str(source)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Signature Verified Successfully") == 2
    assert "it only grew" in done.stdout
    size = int((tmp_path / "log" / "checkpoint").read_text().splitlines()[1])
    assert json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))["entries"] == size > 0


def test_an_audit_of_a_network_that_is_down_says_so(tmp_path: Path) -> None:
    """Without a network there is nothing to audit: exit code 2, not a clean bill."""
    done = subprocess.run(
        [sys.executable, "-m", "warifu.cli", "audit", "--state", str(tmp_path), "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
