"""altered-log: an operator of the gateway changed a record in its database, so that an inquiry seems to rest on another row.

Planted in the gateway's database, as only somebody with its keys can: no front door changes a record. The drill leaves the network
damaged; what stood there before is nowhere but in the two institutions, the portal and the log.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from types import SimpleNamespace

from warifu.exchange.v1 import exchange_pb2
from warifu.gateway.record import Records
from warifu.kernel.vault import Vault
from warifu.simulator.drills import looks
from warifu.simulator.drills.ground import Ground, grown_up
from warifu.simulator.drills.model import Drill, Facts, Finding, Task, done, missed
from warifu.simulator.people import People
from warifu.simulator.population import Person

INSURER = "insurer-06480016"
ROW = "P11"
LIE = "P16"
"""The row of another kind of institution."""
PEOPLE = 4
ALTERED = 1
"""Which of the exchanges, from 0."""
LETTER = (
    "履歴の「確かめる」を押すと、この記録はログと合うと出ます。監督機関でも、同じ記録になっていますか。\n"
    "My history says that this record fits the public log. Is it the same record at the supervisor's side?"
)


async def plant(ground: Ground) -> Facts:
    """Four ordinary exchanges, a citizen's question to the supervisor about one of them, and then the change."""
    people: list[Person] = []
    for _ in range(PEOPLE):
        people.append(ground.take(_insured, *people))
    ground.taken(*people)
    made = [await _exchange(ground, person) for person in people]
    altered, writer = made[ALTERED], people[ALTERED]
    letter = await ground.write_letter(writer.person, altered, looks.SUPERVISOR, LETTER, objection=False)
    await ground.stage.doors.settle()
    alter(ground, altered)
    return Facts(
        {"insurer": INSURER},
        {"request_id": altered, "row": ROW, "lie": LIE, "writer": writer.person, "letter": letter},
    )


def _insured(person: Person) -> bool:
    """Grown up, and insured there."""
    insured = person.insured_on(People.start)
    return insured is not None and insured.institution == INSURER and grown_up(person)


async def _exchange(ground: Ground, person: Person) -> str:
    stage, addressee = ground.stage, await ground.known(INSURER, person)
    assert person.present is not None
    case = await stage.clerk(INSURER).open_case(addressee, stage.book.rows[ROW].procedure.code)
    return await ground.asked(
        INSURER, addressee, stage.question(ROW, f"residency-{person.present.municipality}", case=case)
    )


def alter(ground: Ground, request_id: str) -> None:
    """Let the gateway's record of the request name another row. Its commitment is in the log and cannot be changed with it."""
    folder = ground.stage.state / "gateway"
    vault = Vault.open(folder / "secrets" / "gateway.months.json", 0)
    find = "SELECT position, request_id, month, sealed FROM record WHERE request_id = ? AND kind = ?"
    with closing(sqlite3.connect(folder / "gateway.db", timeout=10)) as database, database:
        row = database.execute(find, (request_id, exchange_pb2.RECORD_KIND_REQUEST)).fetchone()
        position, _, month, sealed = row
        committed = Records(vault).opened(SimpleNamespace(request_id=request_id, month=month, sealed=sealed))
        record = exchange_pb2.AccessRecord.FromString(committed.record)
        record.row = LIE
        committed.record = record.SerializeToString(deterministic=True)
        lie = vault.seal(month, committed.SerializeToString(), f"record/{request_id}".encode())
        database.execute("UPDATE record SET sealed = ? WHERE position = ?", (lie, position))


async def reconciled(ground: Ground) -> Finding:
    """The supervisor ran a reconciliation at the console, and it found something."""
    runs = ground.filed("reconciliation")
    if not runs:
        return missed("監督機関の画面で突合を行っていない。", "No reconciliation was run at the supervisor's console.")
    if not any(run["found"] for run in runs):
        return missed(
            "突合は行われたが、最後まで終わっていない。", "A reconciliation was begun, and did not come to its end."
        )
    kinds = sorted({one["kind"] for run in runs for one in json.loads(run["findings"])})
    return done(f"突合が指摘を残した: {', '.join(kinds)}", f"The reconciliation has findings: {', '.join(kinds)}")


async def exchange_found(ground: Ground) -> Finding:
    """The exchange was named."""
    if ground.answer("exchange") == ground.fact("request_id"):
        return done("改ざんされた記録を突き止めた。", "The altered record was found.")
    return missed("答えた照会の記録は、変えられていない。", "The record of the exchange answered was not altered.")


async def party_found(ground: Ground) -> Finding:
    """Whose record it is."""
    if ground.answer("party") == "gateway":
        return done("どこの記録が変えられたかを突き止めた。", "It was found whose record was altered.")
    return missed(
        "変えられたのは、ゲートウェイの記録である。ほかの三者の記録とログは、互いに合っている。",
        "It is the gateway's record: those of the other three, and the log, agree.",
    )


async def proof_found(ground: Ground) -> Finding:
    """Which finding proves that a record was changed after it was made."""
    if ground.answer("proof") == "commitment-broken":
        return done("改ざんの証拠になる指摘を選んだ。", "The finding that proves it was chosen.")
    return missed(
        "食い違いだけでは、どちらが正しいか決まらない。コミットメントと合わないことが、あとから変えられた証拠である。",
        "That records differ does not say which is right; that one does not open its commitment proves that it was changed later.",
    )


async def told(ground: Ground) -> Finding:
    """The citizen's question to the supervisor was answered."""
    return await looks.letter_answered(ground, ground.fact("writer"), ground.fact("letter"))


ALTERED_LOG = Drill(
    "altered-log",
    plant,
    (
        Task("reconciled", reconciled),
        Task("exchange", exchange_found, question=True),
        Task("party", party_found, question=True),
        Task("proof", proof_found, question=True),
        Task("told", told),
    ),
    shown=frozenset({"insurer"}),
    hidden=frozenset({"request_id", "row", "lie", "writer", "letter"}),
    lasting=True,
)
