"""The lease: by the database's clock there is never more than one leader, and each has a greater number than the one before."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from unit.gateway.samples import new_store
from unit.gateway.test_log import Lab, checked

from warifu.gateway.log import entries, sequencer
from warifu.gateway.log.heads import LostRaceError
from warifu.gateway.log.lease import TERM, HeldElsewhereError, Lease, LeaseLostError, database_time


class Desk:
    """A store, the time of its database, and processes that stand for election."""

    def __init__(self, folder: Path, processes: int = 3) -> None:
        self.store, self.now = new_store(folder), 1_000_000
        self.processes = [Lease(str(number), self.time) for number in range(processes)]

    def time(self, _connection: object) -> int:
        """What the database's clock says."""
        return self.now

    async def take(self, number: int, floor: int = 0) -> int | None:
        """A process tries to lead; its number if it does."""
        try:
            return await self.store.write(lambda connection: self.processes[number].take(connection, floor))
        except (HeldElsewhereError, LeaseLostError):
            return None


@pytest.fixture
def desk(tmp_path):
    """Nobody leads yet."""
    made = Desk(tmp_path)
    yield made
    made.store.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "give up", "wait"]), st.integers(0, 2), st.integers(1, 1500)), max_size=25
    )
)
def test_there_is_never_more_than_one_leader_and_numbers_grow(acts):
    """Whoever tries when: within a term nobody else leads, a new leader's number is greater than all before, and a kept one's is its own."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_elect(Desk(Path(folder)), acts))


async def _elect(desk, acts):
    leader, until, numbers = None, 0, [0]
    for act, process, pause in acts:
        if act == "wait":
            desk.now += pause
        elif act == "give up":
            await desk.store.write(desk.processes[process].give_up)
            until = desk.now if process == leader else until
        elif (number := await desk.take(process)) is not None:
            assert process == leader or desk.now >= until
            assert number == numbers[-1] if process == leader and number in numbers else number > numbers[-1]
            leader, until = process, desk.now + TERM
            numbers.append(number)
        for other, one in enumerate(desk.processes):
            led = desk.store.read(one.elsewhere)
            assert led == (leader is not None and other != leader and desk.now < until)
    desk.store.close()


async def test_a_leader_that_was_followed_is_told_so_once_and_then_stands_like_everyone(desk):
    """After another led, its next transaction fails whether or not that one's term is over; the one after leads under a new number."""
    assert await desk.take(0) == 1
    desk.now += TERM
    assert await desk.take(1) == 2
    desk.now += TERM
    with pytest.raises(LeaseLostError):
        await desk.store.write(lambda connection: desk.processes[0].take(connection, 0))
    assert await desk.take(0) == 3


async def test_a_leader_whose_commit_failed_leads_nobody(desk):
    """What it believed to have taken in a transaction that was undone is not taken: it is told so, and its number is given anew."""

    def undone(connection):
        desk.processes[0].take(connection, 0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await desk.store.write(undone)
    assert await desk.take(1) == 1
    assert await desk.take(0) is None


async def test_numbers_go_on_from_the_head_when_the_lease_is_lost(desk):
    """Where the row is gone, as after a repair by hand, the next leader's number is still above the head's."""
    assert await desk.take(0, floor=7) == 8
    await desk.store.write(lambda connection: connection.execute(text("DELETE FROM log_lease")))
    assert await desk.take(1, floor=8) == 9


async def test_the_clock_is_the_database_s(desk, monkeypatch):
    """A process whose own clock is wrong reads the same time as the others."""
    before = desk.store.read(database_time)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert 0 <= desk.store.read(database_time) - before < 60_000


async def test_who_does_not_lead_waits_for_the_leader_s_placing(tmp_path, lab, monkeypatch):
    """Its run returns when what it committed stands in the log, without having placed anything itself."""
    other = Lab(tmp_path)
    await lab.sequencer.begin()
    await lab.commit(0)
    assert await lab.sequencer.run() == 1
    await other.commit(1, 2)
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)
        await lab.sequencer.run()

    monkeypatch.setattr(sequencer.asyncio, "sleep", pause)
    assert await other.sequencer.run() == 0
    assert other.store.read(entries.first_waiting) is None
    assert pauses == [sequencer.PACE]
    other.store.close()


async def test_a_leader_looks_out_for_what_others_commit(tmp_path, lab, monkeypatch):
    """For a term after it placed something it finds entries that it was not woken for."""
    other = Lab(tmp_path)
    await lab.sequencer.begin()
    await lab.commit(0)
    found = asyncio.Event()

    async def pause(_seconds):
        if lab.head().size == 1:
            await other.commit(1)
        elif lab.head().size == 2:
            found.set()

    monkeypatch.setattr(sequencer.asyncio, "sleep", pause)
    lab.sequencer.wake()
    await asyncio.wait_for(found.wait(), 20)
    await lab.sequencer.close()
    other.store.close()


async def test_a_leader_that_slept_past_its_term_signs_nothing_and_goes_on_as_one_of_many(tmp_path, lab):
    """Woken, it neither forks the log nor stops: the other's head stands, and what it commits is placed after it."""
    other = Lab(tmp_path)
    await lab.sequencer.begin()
    await lab.commit(0)
    await lab.sequencer.run()
    await expire(lab)
    await other.commit(1)
    assert await other.sequencer.run() == 1
    signed = lab.head()
    await lab.commit(2)
    with pytest.raises(LeaseLostError):
        await lab.store.write(lab.sequencer._integrate)
    assert lab.head() == signed
    await expire(lab)
    assert await lab.sequencer.run() == 1
    assert (checked(lab.head()).size, checked(lab.head()).root, lab.head().fence) == (3, lab.expected_root(3), 3)
    other.store.close()


async def expire(lab):
    """Whoever's term is over."""
    await lab.store.write(lambda connection: connection.execute(text("UPDATE log_lease SET expires_at = 0")))


async def test_an_end_lets_another_lead_at_once(tmp_path, lab):
    """A process that ends gives its term up."""
    other = Lab(tmp_path)
    await lab.sequencer.begin()
    await lab.commit(0)
    await lab.sequencer.run()
    assert other.store.read(other.lease.elsewhere)
    await lab.sequencer.close()
    assert not other.store.read(other.lease.elsewhere)
    await other.commit(1)
    assert await other.sequencer.run() == 1
    assert other.head().fence == 2
    other.store.close()


async def test_a_head_of_a_later_leader_is_not_moved_under_an_earlier_number(lab):
    """Even a leader that the lease would let pass cannot sign over what was signed under a greater number."""
    await lab.sequencer.begin()
    await lab.commit(0)
    await lab.sequencer.run()
    await lab.store.write(lambda connection: connection.execute(text("UPDATE log_head SET fence = 9")))
    await lab.commit(1)
    with pytest.raises(LostRaceError):
        await lab.store.write(lab.sequencer._integrate)
    assert (lab.head().size, lab.head().fence) == (1, 9)


class TestTurn:
    """Jobs of one process alone."""

    @pytest.fixture
    async def led(self, tmp_path, lab):
        """A store that another leads, and a sequencer of a second process."""
        await lab.sequencer.begin()
        await lab.commit(0)
        await lab.sequencer.run()
        other = Lab(tmp_path)
        yield other
        other.store.close()

    async def test_the_leader_s_turn_is_now(self, lab, led):
        """It need not wait."""
        assert await lab.sequencer.turn(lambda: True)

    async def test_what_nobody_needs_is_nobody_s_turn(self, lab, led):
        """Not even the leader's."""
        assert not await lab.sequencer.turn(lambda: False)

    async def test_another_s_turn_is_over_when_the_leader_has_done_it(self, led, monkeypatch):
        """It looks again after each pause."""
        left = [True, True, False]
        monkeypatch.setattr(sequencer.asyncio, "sleep", _no_pause)
        assert not await led.sequencer.turn(lambda: left.pop(0))

    async def test_another_waits_no_longer_than_a_term_for_a_leader_that_lives(self, led, monkeypatch):
        """Then the leader has its reasons."""
        pauses = []

        async def pause(seconds):
            pauses.append(seconds)

        monkeypatch.setattr(sequencer.asyncio, "sleep", pause)
        assert not await led.sequencer.turn(lambda: True)
        assert TERM / 1000 <= sum(pauses) <= TERM / 1000 + 2 * sequencer.PACE

    async def test_it_is_another_s_turn_when_the_leader_fell_silent(self, lab, led, monkeypatch):
        """As soon as the term is over."""

        async def pause(_seconds):
            await expire(lab)

        monkeypatch.setattr(sequencer.asyncio, "sleep", pause)
        assert await led.sequencer.turn(lambda: True)


async def _no_pause(_seconds):
    pass


@pytest.fixture
def lab(tmp_path):
    """A log that is still empty."""
    made = Lab(tmp_path)
    yield made
    made.store.close()


async def test_an_end_without_a_database_is_an_end_all_the_same(lab, monkeypatch):
    """A process whose database is gone cannot give its term up, and ends."""
    await lab.sequencer.begin()
    await lab.commit(0)
    await lab.sequencer.run()

    async def gone(_change):
        raise OSError

    monkeypatch.setattr(lab.store, "write", gone)
    await lab.sequencer.close()
