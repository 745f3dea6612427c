"""An asker who keeps answers for days: they open until their day's key is destroyed, and then for nobody, from no copy of the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from warifu.exchange.v1 import exchange_pb2
from warifu.interim import kept_blocks, kept_inquiries
from warifu.interim.addressees import Addressees
from warifu.interim.contents import Contents
from warifu.interim.ground import Ground
from warifu.interim.kept_inquiries import Change, Inquiry, Settling
from warifu.interim.retention import Retention
from warifu.interim.schema import ADDRESSEES, BLOCKS, INQUIRIES
from warifu.kernel.instants import milliseconds
from warifu.kernel.vault import Vault
from warifu.linkage.v1 import linkage_pb2

KEPT = 7
SECRET = b"1234567-yen"
SEALED = b"sealed " + SECRET


@pytest.fixture
def brief(ground: Ground, tmp_path: Path) -> Ground:
    """A ground with keys of days."""
    days = Vault.open(tmp_path / "days.json", ground.clock.today().toordinal() - KEPT)
    return replace(ground, contents=Contents(ground.contents.vault, days, KEPT))


async def answered(ground: Ground, request_id: str = "r-1") -> Inquiry:
    """An inquiry that was answered now, stored."""
    contents, now = ground.contents, milliseconds(ground.clock.network())
    state = linkage_pb2.ExchangeState(request_id=request_id, outcome=exchange_pb2.OUTCOME_ANSWERED)
    state.receipt.commitment = b"commitment"
    asked = Inquiry(request_id, contents.month(now), now, b"request", b"inquiry")
    done = asked._replace(
        outcome=exchange_pb2.OUTCOME_ANSWERED,
        fine_outcome=exchange_pb2.FINE_OUTCOME_PROVIDED,
        state=state.SerializeToString(),
        answer=SECRET,
        requested_at=now,
        answered_at=now,
    )

    def write(connection: Connection) -> None:
        number = kept_inquiries.add(
            connection, kept_blocks.row_of(contents, asked.month, b"query"), [kept_inquiries.row_of(contents, asked)]
        )
        change = Change(asked._replace(query_block=number), done._replace(query_block=number), SEALED)
        assert Settling(contents, [change]).write(connection) == {request_id}

    await ground.store.write(write)
    return done


def found(ground: Ground, request_id: str = "r-1") -> Inquiry:
    """The inquiry as it is read."""
    inquiry = ground.store.read(lambda c: kept_inquiries.find(c, ground.contents, request_id))
    assert inquiry is not None
    return inquiry._replace(position=0, query_block=0, answer_block=None)


def sealed(ground: Ground, request_id: str = "r-1") -> bytes | None:
    """The answer as it came, as it is read."""
    contents = ground.contents

    def read(connection: Connection) -> bytes | None:
        inquiry = kept_inquiries.find(connection, contents, request_id)
        assert inquiry is not None
        assert inquiry.answer_block is not None
        kept = kept_blocks.find(connection, contents, [inquiry.answer_block])[inquiry.answer_block]
        return kept_inquiries.answer_block(contents, inquiry, kept)

    return ground.store.read(read)


async def test_an_answer_opens_through_its_last_day(brief: Ground) -> None:
    """On each of the seven days after it came the answer is read as it was put in, sealed form and all."""
    done = await answered(brief)
    for _ in range(KEPT + 1):
        await Retention(brief).run()
        assert found(brief) == done
        assert sealed(brief) == SEALED
        brief.clock.pass_days(1)


async def test_afterwards_it_opens_for_nobody(brief: Ground) -> None:
    """After that day answer and sealed answer are gone, for an older copy of the row too; receipt, outcome and times stay."""
    done = await answered(brief)
    before = brief.store.read(lambda c: c.execute(select(INQUIRIES)).one())
    brief.clock.pass_days(KEPT + 1)
    await Retention(brief).run()
    for inquiry in (found(brief), kept_inquiries.opened(brief.contents, before)):
        assert inquiry.answer is None
        state = linkage_pb2.ExchangeState.FromString(inquiry.state or b"")
        assert state.receipt.commitment == b"commitment"
        assert (inquiry.outcome, inquiry.answered_at) == (done.outcome, done.answered_at)
    assert sealed(brief) is None


async def test_the_month_s_key_alone_opens_no_answer(brief: Ground) -> None:
    """Whoever has database and month keys, as from a backup, finds no value: not in the rows, not in what the month's key opens."""
    await answered(brief)
    row = brief.store.read(lambda c: c.execute(select(INQUIRIES)).one())
    plain = brief.contents.vault.unseal(row.month, row.answered, b"inquiry/answered/r-1")
    assert SECRET not in plain
    assert SECRET not in row.answered + row.asked
    blocks = brief.store.read(lambda c: c.execute(select(BLOCKS)).all())
    opened = [brief.contents.vault.unseal(block.month, block.sealed, b"block") for block in blocks]
    assert len(opened) == 2
    assert not any(SECRET in content for content in opened)


async def test_other_days_keys_show_nothing(brief: Ground, tmp_path: Path) -> None:
    """With keys made anew, as after a backup was laid back, an answer is gone instead of an error."""
    await answered(brief)
    fresh = Vault.open(tmp_path / "fresh.json", brief.clock.today().toordinal() - KEPT)
    other = Contents(brief.contents.vault, fresh, KEPT)
    inquiry = brief.store.read(lambda c: kept_inquiries.find(c, other, "r-1"))
    assert inquiry is not None
    assert inquiry.answer is None


async def test_an_institution_keeps_its_answers_with_the_month(ground: Ground) -> None:
    """Without keys of days an answer is kept as before."""
    done = await answered(ground)
    ground.clock.now += timedelta(days=400)
    assert found(ground) == done


async def test_a_code_has_one_addressee_number(brief: Ground) -> None:
    """Whoever brings a person's own code gets the same number each time, another person another, of 15 digits."""
    addressees = Addressees(brief)
    first, second = (exchange_pb2.SubjectReference(code=code) for code in (b"a", b"b"))
    numbers = [await addressees.acquaint(one) for one in (first, second, first)]
    assert numbers[0] == numbers[2] != numbers[1]
    assert all(len(number) == 15 and number.isdecimal() for number in numbers)
    assert addressees.asked_about(numbers)[numbers[0]].subject == first
    assert len(brief.store.read(lambda c: c.execute(select(ADDRESSEES)).all())) == 2
