"""What is kept of exchanges opens as it was put in, and goes with its month."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim import kept_blocks, kept_inquiries, kept_provisions, kept_reviews
from warifu.interim.kept_inquiries import Change, Inquiry, Settling
from warifu.interim.kept_provisions import Provided, Told
from warifu.interim.kept_reviews import Review
from warifu.interim.retention import Retention
from warifu.interim.schema import INQUIRIES, PROMISES, PROVISIONS, REVIEWS
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import month_of
from warifu.kernel.vault import ErasedError, Vault, VaultError

JUNE = 2026 * 12 + 5
SECRET = b"canary: income 1234567"
contents_only = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
optional = st.none() | st.binary(max_size=40)


def inquiry(request_id: str = "a", month: int = JUNE, **values) -> Inquiry:
    """An inquiry that was answered."""
    known = {"made_at": 1, "request": SECRET, "inquiry": b"inquiry", "outcome": ex.OUTCOME_ANSWERED, **values}
    return Inquiry(request_id, month, **known)


async def settle(ground, before: Inquiry, after: Inquiry) -> None:
    """Write what an answer changed."""
    await ground.store.write(Settling(ground.contents, [Change(before, after)]).write)


async def keep(ground, *inquiries: Inquiry) -> None:
    """Store inquiries."""
    for one in inquiries:
        row = kept_inquiries.row_of(ground.contents, one)
        block = kept_blocks.row_of(ground.contents, one.month, b"query")
        await ground.store.write(lambda connection, row=row, block=block: kept_inquiries.add(connection, block, [row]))


async def provide(ground, month: int, *, waiting: bool, permit_id: str = "p") -> None:
    """Store a provision that waits, or waited, for a clerk."""
    contents = ground.contents
    told = Told(ex.OUTCOME_PENDING if waiting else ex.OUTCOME_ANSWERED, ex.FINE_OUTCOME_PENDING, True)
    provided = Provided(permit_id, bytes(32), month, SECRET, b"fields", "12345", told)
    review = Review(permit_id, month, 1, 2, rule=1, decision=None if waiting else 1, clerk=None if waiting else "t-3")

    def write(connection) -> None:
        block = kept_provisions.add_block(connection, kept_provisions.block_row(contents, month, b""))
        kept_provisions.add(connection, block, [kept_provisions.row_of(contents, provided)])
        kept_reviews.add(connection, [kept_reviews.row_of(contents, review)])

    await ground.store.write(write)


def months(ground) -> set[int]:
    """Months of which there are inquiries."""
    return set(ground.store.read(lambda connection: connection.execute(select(INQUIRIES.c.month)).scalars()))


def count(ground, table) -> int:
    """Rows of a table."""
    return ground.store.read(
        lambda connection: connection.execute(select(func.count()).select_from(table)).scalar_one()
    )


def move_to(ground, month: int) -> None:
    """Let the clock show the first day of a month."""
    now = ground.clock.now
    ground.clock.now = now.replace(year=month // 12, month=month % 12 + 1, day=2)


@contents_only
@given(answer=optional, state=optional, failure=optional, review_until=st.none() | st.integers(0, 2**60))
def test_an_inquiry_opens_as_it_was_sealed(ground, answer, state, failure, review_until):
    """Every part of an inquiry comes back as it was, and nothing of its contents is in the row."""
    made = inquiry(answer=answer, state=state, failure=failure, review_until=review_until)
    row = kept_inquiries.row_of(ground.contents, made)
    assert SECRET not in b"".join(value for value in row.values() if isinstance(value, bytes))
    assert kept_inquiries.opened(ground.contents, _Row(row)) == made


class _Row:
    """A row that was not stored."""

    def __init__(self, values) -> None:
        self.__dict__.update(values, position=0)


def test_parts_do_not_open_in_another_row_or_place(ground):
    """A sealed part that was moved into another inquiry, or taken for the other part, is refused."""
    one, other = (kept_inquiries.row_of(ground.contents, inquiry(name)) for name in ("a", "b"))
    for moved in ({**one, "asked": other["asked"]}, {**one, "answered": one["asked"]}):
        with pytest.raises(VaultError):
            kept_inquiries.opened(ground.contents, _Row(moved))


async def test_an_inquiry_moves_into_the_month_of_its_exchange(ground):
    """When the gateway's time is in another month than the own clock's was, all of the inquiry lies under that month's key."""
    before = inquiry(outcome=ex.OUTCOME_UNSPECIFIED)
    await keep(ground, before)
    before = ground.store.read(lambda connection: kept_inquiries.find(connection, ground.contents, "a"))
    after = before._replace(month=JUNE + 1, outcome=ex.OUTCOME_ANSWERED, answer=b"answer")
    await settle(ground, before, after)
    ground.contents.vault.forget_before(JUNE + 1)
    found = ground.store.read(lambda connection: kept_inquiries.find(connection, ground.contents, "a"))
    assert found == after
    blocks = ground.store.read(lambda connection: kept_blocks.find(connection, ground.contents, [found.query_block]))
    assert blocks == {found.query_block: b"query"}


async def test_months_go_when_their_term_is_over(ground, tmp_path):
    """In the month after a month's term its rows, its key and its bytes in the files are gone, and the next month's stay."""
    await keep(ground, inquiry("a-request-of-june"), inquiry("b", JUNE + 1))
    await provide(ground, JUNE, waiting=False)
    files = [tmp_path / name for name in ("0.db", "0.db-wal")]
    job = Retention(ground)
    move_to(ground, JUNE + RETENTION)
    assert await job.run() == 0
    assert months(ground) == {JUNE, JUNE + 1}
    old = (tmp_path / "0.db").read_bytes() + (tmp_path / "0.db-wal").read_bytes()
    assert b"a-request-of-june" in old
    move_to(ground, JUNE + 1 + RETENTION)
    assert await job.run() == 5
    assert months(ground) == {JUNE + 1}
    assert count(ground, PROVISIONS) == count(ground, REVIEWS) == 0
    assert not any(b"a-request-of-june" in file.read_bytes() for file in files)
    for keys in (ground.contents.vault, Vault.open(tmp_path / "0.months.json", 0)):
        assert keys.first == JUNE + 1
        with pytest.raises(ErasedError):
            keys.seal(JUNE, b"", b"")
    assert await job.run() == 0


async def test_what_is_unfinished_is_waited_for(ground):
    """An open inquiry, an open review or a record whose promise is not looked up yet keeps its month and all later ones."""
    await keep(ground, inquiry("a", JUNE - 1), inquiry("b", JUNE, outcome=ex.OUTCOME_PENDING), inquiry("c", JUNE + 1))
    await provide(ground, JUNE + 1, waiting=True)
    move_to(ground, JUNE + 12 + RETENTION)
    job = Retention(ground)
    assert await job.run() == 2
    assert months(ground) == {JUNE, JUNE + 1}
    found = ground.store.read(lambda connection: kept_inquiries.find(connection, ground.contents, "b"))
    done = found._replace(outcome=ex.OUTCOME_EXPIRED)
    await settle(ground, found, done)
    assert await job.run() == 2
    assert months(ground) == {JUNE + 1}
    assert ground.contents.vault.first == JUNE + 1
    ((review, provided),) = ground.store.read(lambda c: kept_reviews.waiting(c, ground.contents))

    def decide(connection) -> None:
        kept_reviews.decide(connection, ground.contents, review, 1, "t-3", 5)
        told = replace(provided.told, outcome=ex.OUTCOME_ANSWERED)
        kept_provisions.tell(connection, ground.contents, provided, told, provided.block)

    await ground.store.write(decide)
    assert await job.run() == 5
    assert months(ground) == set()


async def test_a_promise_that_is_open_or_broken_and_not_reported_keeps_its_month(ground):
    """Evidence against the gateway is kept until the supervisor has it, whatever its age."""
    row = {
        "position": 1,
        "request_id": "a",
        "month": JUNE,
        "asked": True,
        "commitment": bytes(32),
        "receipt": b"sealed",
        "promised_at": 1,
        "look_at": 1,
    }
    move_to(ground, JUNE + 12 + RETENTION)
    for state, reported, kept in ((1, None, 1), (3, None, 1), (3, 7, 0), (2, None, 0)):
        values = {**row, "state": state, "reported_at": reported}
        vault = ground.contents.vault
        if vault.first > JUNE:  # as a new one that still has the month's key
            vault.path.unlink()
            fresh = Vault.open(vault.path, JUNE)
            vault.__dict__.update(fresh.__dict__)
        await ground.store.write(lambda connection, values=values: connection.execute(PROMISES.insert(), values))
        await Retention(ground).run()
        assert count(ground, PROMISES) == kept, (state, reported)
        await ground.store.write(lambda connection: connection.execute(PROMISES.delete()))


async def test_rows_that_came_back_without_their_key_are_dropped(ground):
    """Rows of an older copy of the database are hidden at once and dropped by the next run, also unfinished ones."""
    await keep(ground, inquiry("a", outcome=ex.OUTCOME_PENDING), inquiry("b", JUNE + 1))
    ground.contents.vault.forget_before(JUNE + 1)
    listed = ground.store.read(lambda connection: kept_inquiries.newest(connection, ground.contents, 2**62, 9))
    assert [one.request_id for one in listed] == ["b"]
    assert ground.store.read(lambda connection: kept_inquiries.find(connection, ground.contents, "a")) is None
    assert await Retention(ground).run() == 2
    assert months(ground) == {JUNE + 1}


def test_no_exchange_counts_to_a_month_without_a_key(ground):
    """A time that lies before all keys counts to the oldest month that has one, so that it can be kept at all."""
    assert ground.contents.month(0) == ground.contents.vault.first == month_of(ground.clock.today()) - RETENTION
