"""After its term nothing of an exchange is left at either institution, in a network of real parties."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from canaries import Finder
from contract.interim_world import (
    NHI,
    NO_RECORD,
    PARTY_OF,
    PENDING,
    PROVIDED,
    REQUESTED,
    TAX,
    TAX_ITEM,
    World,
    copy,
    count,
    outcomes,
    reason_of,
)
from sqlalchemy import create_engine, text

from warifu.interim import kept_inquiries
from warifu.interim.contents import Contents
from warifu.interim.logged import GATHER, SLACK
from warifu.interim.schema import ADDRESSEES, BLOCKS, COPIES, INQUIRIES, PROMISES, PROVISIONS, RECORDS, REVIEWS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import Reason
from warifu.kernel.limits import MERGE_DELAY, RETENTION
from warifu.kernel.months import text as month_text
from warifu.kernel.vault import ErasedError, Vault

TERM = timedelta(days=365 * 7 + 62)
"""A little more than the term and the rest of the month."""
OF_EXCHANGES = (INQUIRIES, PROVISIONS, REVIEWS, RECORDS, PROMISES)
OFFICE, CLERK, PROVIDING_CLERK, NUMBER = "canary-office", "canary-clerk", "canary-releases", "739264815"


def database(world: World, code: str) -> Path:
    """An institution's file."""
    return world.state / PARTY_OF[code] / f"{code}.interim.db"


def keys(world: World, code: str) -> Path:
    """An institution's month keys."""
    return world.state / PARTY_OF[code] / "secrets" / f"{code}.months.json"


async def settled(world: World, passed: timedelta = timedelta(0)) -> None:
    """Let simulated time pass, and the machine's until promises can be looked up; do all that is due."""
    world.clock.set(world.clock.network() + passed, stopped=True)
    world.clock.offset += timedelta(milliseconds=MERGE_DELAY + SLACK + GATHER)
    await world.settle()


async def exchanged(world: World) -> list[str]:
    """Two exchanges, one of which waited for a clerk, about somebody with a long number; their ids."""
    await world.enrol(NHI, NUMBER, 1)
    await world.enrol(TAX, NUMBER, 1)
    await world.interim(TAX).register_copies([copy("r-2", NUMBER)])
    ids = []
    for waits in (False, True):
        await world.interim(TAX).set_protection(
            pb.SetProtectionRequest(institution=TAX, addressee_no=NUMBER, reason="-", manual_review=waits)
        )
        state = await world.ask(world.question(NUMBER, office=OFFICE, clerk=CLERK))
        ids.append(state.request_id)
        if waits:
            assert state.fine_outcome == PENDING
            decided = pb.ReleaseReviewRequest(
                institution=TAX,
                permit_id=state.request_id,
                decision=pb.REVIEW_DECISION_PROVIDE,
                clerk=PROVIDING_CLERK,
            )
            await world.interim(TAX).release_review(decided)
            state = await world.collect(NHI, state.request_id)
        assert state.fine_outcome == PROVIDED
    return ids


async def test_contents_are_gone_at_both_institutions(world: World) -> None:
    """Rows, keys and every trace in the files are gone; addressees and copies stay, and new exchanges are done."""
    ids = await exchanged(world)
    await settled(world)
    finder = Finder(ids)
    assert all(finder.in_folder(world.state / PARTY_OF[code]) for code in (NHI, TAX))
    await settled(world, TERM)
    for code in (NHI, TAX):
        assert not any(count(world, code, table) for table in (*OF_EXCHANGES, BLOCKS)), code
        found = [hit for hit in finder.in_folder(world.state / PARTY_OF[code]) if hit[0].name.startswith(code)]
        assert found == []
        assert month_text(Vault.open(keys(world, code), 0).first) == "2026-08"
        assert not world.interim(code).view(ids[0])
        assert await world.records(code) == []
        assert count(world, code, ADDRESSEES) == 2
    assert count(world, TAX, COPIES) == 2
    request = pb.CollectRequest(institution=NHI, request_id=ids[0])
    assert await reason_of(world.interim(NHI).collect(request)) == Reason.CLIENT_REQUEST_UNKNOWN
    assert (await world.ask(world.question(NUMBER))).outcome
    assert len(await world.records(NHI)) == 2


async def test_an_older_copy_of_the_database_is_unreadable(world: World, tmp_path: Path) -> None:
    """After the term a copy of the file that was made before opens with no key that is left, not even with the destroyed file's successor."""
    (first, _) = await exchanged(world)
    await settled(world)
    ground = world.interim(NHI).ground
    await ground.store.truncate_log()
    shutil.copy(database(world, NHI), tmp_path / "copy.db")
    shutil.copy(keys(world, NHI), tmp_path / "copy.months.json")
    await settled(world, TERM)

    def opened(path: Path) -> kept_inquiries.Inquiry:
        engine = create_engine(f"sqlite:///{tmp_path / 'copy.db'}")
        with engine.connect() as connection:
            row = connection.execute(text("SELECT * FROM inquiries WHERE request_id = :asked"), {"asked": first}).one()
        engine.dispose()
        return kept_inquiries.opened(Contents(Vault.open(path, 0)), row)

    assert OFFICE.encode() in opened(tmp_path / "copy.months.json").request, "a copy of the keys does open it"
    Vault.open(tmp_path / "copy.months.json", 0).forget_before(ground.contents.vault.first)
    for path in (tmp_path / "copy.months.json", keys(world, NHI)):
        with pytest.raises(ErasedError):
            opened(path)


async def test_what_is_within_its_term_stays(world: World) -> None:
    """A month before the term is over nothing is erased."""
    ids = await exchanged(world)
    await settled(world)
    await settled(world, timedelta(days=30 * (int(RETENTION) - 2)))
    for code, rows in ((NHI, [2, 0, 0, 4, 2]), (TAX, [0, 2, 1, 4, 2])):
        assert [count(world, code, table) for table in OF_EXCHANGES] == rows
        assert world.interim(code).view(ids[0])


async def test_no_content_is_plain_in_the_database(world: World) -> None:
    """Office, clerks, number, institutions and item of an exchange are in none of the tables of exchanges, but in what their keys open."""
    ids = await exchanged(world)
    await settled(world)
    for code, told in (
        (NHI, [OFFICE, CLERK, NUMBER, TAX_ITEM]),
        (TAX, [OFFICE, CLERK, PROVIDING_CLERK, NUMBER, TAX_ITEM]),
    ):
        store, tables = world.interim(code).ground.store, (*OF_EXCHANGES, "answer_blocks", "blocks")
        rows = [store.read(lambda c, t=t: c.execute(text(f"SELECT * FROM {t}")).all()) for t in tables]
        stored = b"\0".join(
            value if isinstance(value, bytes) else str(value).encode()
            for table in rows
            for row in table
            for value in row
        )
        finder = Finder([*told, NHI, TAX])
        assert finder.find(stored) == set()
        seen = b"".join(
            value.raw + value.text.encode()
            for one in ids
            for held in world.interim(code).view(one)
            for value in held.values
        )
        assert {secret for secret, _ in finder.find(seen)} >= set(told)


async def test_an_inquiry_that_was_never_sent_outlives_its_month(world: World) -> None:
    """What is unfinished is not erased; sent at last, it belongs to the month of its exchange, with its records."""
    await world.interim(NHI).ground.directory.entry(TAX)
    await world.down("gateway")
    question = world.question()
    await world.interim(NHI).inquire(question)
    world.clock.set(world.clock.network() + TERM, stopped=True)
    for code in (NHI, TAX):
        await world.running[PARTY_OF[code]].jobs.settle()
    assert count(world, NHI, INQUIRIES) == 1
    await world.up("gateway")
    await world.settle()
    state = await world.collect(NHI, question.request_id)
    assert state.fine_outcome in {PROVIDED, NO_RECORD} or state.denial.reason
    assert outcomes(await world.records(NHI))[0] == REQUESTED
    await settled(world)
    assert world.interim(NHI).view(question.request_id)
    assert month_text(Vault.open(keys(world, NHI), 0).first) == "2026-08"
