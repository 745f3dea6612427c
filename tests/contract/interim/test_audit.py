"""What an interim server lists beside its records, by which other parties' words are checked; and what it lists of rows that were altered."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from contract.interim_world import NHI, TAX, World

from warifu.exchange import receipt, record
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.v1 import interim_pb2 as pb
from warifu.linkage.v1 import linkage_pb2

REQUEST, OUTCOME = ex.RECORD_KIND_REQUEST, ex.RECORD_KIND_OUTCOME


async def listed(world: World, code: str) -> dict[int, linkage_pb2.PositionedRecord]:
    """An institution's records of its one exchange, by kind; an altered one by 0."""
    response = await world.interim(code).list_records(pb.ListRecordsRequest(institution=code))
    return {ex.AccessRecord.FromString(one.record.record).kind: one for one in response.records}


def database(world: World, code: str) -> Path:
    """An institution's file."""
    return world.state / ("tax" if code == TAX else "health_insurance") / f"{code}.interim.db"


def run(path: Path, statement: str, *values: object) -> None:
    """Alter a file without its keys, as whoever has got at the disk can."""
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


async def test_both_sides_list_one_promise_and_one_answer(world: World) -> None:
    """Receipt and permit name one commitment; digest and sealed bytes of the answer are the same on both sides, and the digest is the record's."""
    await world.ask(world.question())
    asked, provided = await listed(world, NHI), await listed(world, TAX)
    promised = asked[REQUEST].evidence
    assert promised.promised == promised.receipt.commitment == provided[REQUEST].evidence.promised
    gateway = await world.interim(NHI).ground.directory.signing_key("gateway", promised.receipt.signature.key_id)
    assert gateway is not None
    receipt.check(promised.receipt, gateway)
    assert not provided[REQUEST].evidence.HasField("receipt")
    digests = {record.check(side[OUTCOME].record).answer_digest for side in (asked, provided)}
    assert digests == {asked[OUTCOME].evidence.answer_digest}
    assert asked[OUTCOME].evidence.sealed_hash == provided[OUTCOME].evidence.sealed_hash != b""
    assert not provided[OUTCOME].evidence.HasField("answer_digest")


async def test_equal_answers_have_different_digests(world: World) -> None:
    """The same values given twice have digests with nothing in common, so that nobody can try values out."""
    for _ in range(2):
        await world.ask(world.question())
    response = await world.interim(TAX).list_records(pb.ListRecordsRequest(institution=TAX))
    digests = [record.check(one.record).answer_digest for one in response.records]
    assert len({digest for digest in digests if digest}) == 2


@pytest.mark.parametrize(
    ("code", "table", "column", "what"),
    [
        (NHI, "inquiries", "answered", "evidence"),
        (TAX, "provisions", "asked", "evidence"),
        (TAX, "answer_blocks", "sealed", "evidence"),
        (TAX, "records", "sealed", "record"),
    ],
)
async def test_an_altered_row_is_evidence_of_nothing(
    world: World, code: str, table: str, column: str, what: str
) -> None:
    """A row altered without the month's key is listed without what it held; all others are listed as before."""
    await world.ask(world.question())
    before = await listed(world, code)
    run(database(world, code), f"UPDATE {table} SET {column} = ?", os.urandom(200))
    after = await listed(world, code)
    if what == "record":
        assert set(after) == {0}
        with pytest.raises(record.RecordError):
            record.check(after[0].record)
    else:
        assert after[OUTCOME].record == before[OUTCOME].record
        assert not after[OUTCOME].evidence.HasField("sealed_hash")
