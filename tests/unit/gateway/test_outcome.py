"""What an exchange may come to, and that its record, its state and the portal's share never disagree."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from unit.gateway.samples import PROVIDER, StandingClock, begin, new_books, new_store, stored

from warifu.exchange import record as records
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.course import Course
from warifu.gateway.forward import Reply
from warifu.gateway.outcome import Outcomes
from warifu.gateway.reconcile import Reconciler
from warifu.gateway.schema import OUTBOX, RECORD
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import REVIEW_LIFE


class Script:
    """A provider's side that says what the test wrote down: replies, or errors to raise."""

    def __init__(self, *said):
        self.said, self.asked, self.of, self.calls = list(said), [], {}, 0

    async def ask(self, batch):
        """See `Forwarder.ask`."""
        self.calls += 1
        self.asked += [exchange.request_id for exchange in batch]
        await asyncio.sleep(0)
        return [self.of.get(exchange.provider) or self.said.pop(0) for exchange in batch]


def answered(**changes):
    """A final answer."""
    return Reply(pb.OUTCOME_ANSWERED, FINAL, 0, **changes)


def pending(**changes):
    """A notice of waiting."""
    return Reply(pb.OUTCOME_PENDING, NOTICE, 0, **changes)


def failed():
    """A technical end."""
    return Reply(pb.OUTCOME_ERROR, failure=LinkageError(Reason.PROVIDER_INTERNAL).failure())


FINAL, NOTICE = (pb.SealedAnswer(signature=said).SerializeToString() for said in (b"final", b"notice"))
DOWN = LinkageError(Reason.PROVIDER_UNAVAILABLE)


class World:
    """One store with what works on it."""

    def __init__(self, folder, *said):
        self.clock, self.store, self.script = StandingClock(), new_store(folder), Script(*said)
        self.books = new_books(self.store)
        self.course = Course(self.script, Outcomes(self.books, self.clock))
        self.reconciler = Reconciler(self.books, self.clock, self.course)

    def now(self, exchange):
        """The exchange as it is stored."""
        return self.store.read(lambda connection: self.books.exchanges.find(connection, exchange.request_id))

    def outcomes(self, exchange):
        """Its outcome records."""
        query = select(RECORD).where(RECORD.c.request_id == exchange.request_id, RECORD.c.kind == 2)
        rows = self.store.read(lambda connection: connection.execute(query.order_by(RECORD.c.position)).all())
        return [records.check(self.books.records.opened(row)) for row in rows]

    def shown(self):
        """Request ids in the outbox."""
        return self.store.read(lambda connection: list(connection.execute(select(OUTBOX.c.request_id)).scalars()))


async def resume(world, exchange):
    """The exchange after its provider was asked once more; raises why nothing is known."""
    (became,) = await world.course.resume([exchange])
    if isinstance(became, Exception):
        raise became
    return became


@pytest.fixture
def world(tmp_path):
    """Makes a world in which the provider says what is given."""
    made = []

    def make(*said):
        made.append(World(tmp_path, *said))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


async def test_an_answer_is_recorded_once_and_shown(world):
    """An ANSWERED exchange has one outcome record with the time of provision, and waits for the portal."""
    here = world(answered())
    exchange = await begin(here.books, stored())
    after = await resume(here, exchange)
    (record,) = here.outcomes(exchange)
    assert after == here.now(exchange)
    assert (record.outcome, record.row, record.non_disclosure) == (pb.OUTCOME_ANSWERED, "P07", False)
    assert record.answered_at.ToDatetime(here.clock.network().tzinfo) == here.clock.network()
    assert here.shown() == [exchange.request_id]


async def test_waiting_is_kept_but_is_no_outcome(world):
    """PENDING leaves no record and nothing for the portal; the notice is kept."""
    here = world(pending())
    exchange = await begin(here.books, stored())
    after = await resume(here, exchange)
    assert (after.outcome, after.answer) == (pb.OUTCOME_PENDING, NOTICE)
    assert here.now(exchange) == after
    assert not here.outcomes(exchange)
    assert not here.shown()


async def test_waiting_becomes_final_once(world):
    """PENDING turns into the final answer; whatever the provider would say later, nobody asks it any more."""
    here = world(pending(), answered(), failed())
    exchange = await begin(here.books, stored())
    waiting = await resume(here, exchange)
    final = await resume(here, waiting)
    assert await resume(here, final) == final
    assert len(here.script.asked) == 2
    assert len(here.outcomes(exchange)) == 1


async def test_a_late_reply_never_changes_a_final_exchange(world):
    """A second reply to a stale copy of the exchange, as another replica may hold it, finds it final and returns what is stored."""
    here = world(answered(), failed())
    exchange = await begin(here.books, stored())
    first = await resume(here, exchange)
    assert await resume(here, exchange) == first
    assert [record.outcome for record in here.outcomes(exchange)] == [pb.OUTCOME_ANSWERED]


async def test_what_waited_under_non_disclosure_stays_withheld(world):
    """Once the provider asked not to show an exchange, neither a later reply nor its expiry shows it."""
    here = world(pending(non_disclosure=True), answered())
    exchange = await begin(here.books, stored())
    waiting = await resume(here, exchange)
    final = await resume(here, waiting)
    assert final.withheld
    assert [record.non_disclosure for record in here.outcomes(exchange)] == [True]
    assert not here.shown()


async def test_a_stale_copy_takes_no_wish_back(world):
    """A reply to a copy from before the provider's wish, as another replica may hold it, leaves the exchange withheld."""
    here = world(pending(non_disclosure=True), answered())
    exchange = await begin(here.books, stored())
    await resume(here, exchange)
    final = await resume(here, exchange)
    assert (final.outcome, final.withheld) == (pb.OUTCOME_ANSWERED, True)
    assert here.now(exchange) == final
    assert [record.non_disclosure for record in here.outcomes(exchange)] == [True]
    assert not here.shown()


async def test_the_requesters_wish_withholds_too(world):
    """An exchange that its requester marked is never shown, whatever it came to."""
    here = world(answered())
    exchange = await begin(here.books, stored(withheld=True))
    await resume(here, exchange)
    assert [record.non_disclosure for record in here.outcomes(exchange)] == [True]
    assert not here.shown()


async def test_a_notice_after_the_review_period_is_the_end(world):
    """Waiting that goes on past its review period is EXPIRED, and the notice is gone."""
    here = world(pending())
    exchange = await begin(here.books, stored())
    here.clock.pass_network(days=REVIEW_LIFE, seconds=1)
    after = await resume(here, exchange)
    assert (after.outcome, after.answer) == (pb.OUTCOME_EXPIRED, None)
    assert [record.reason for record in here.outcomes(exchange)] == ["GATEWAY_EXPIRED"]


async def test_callers_at_the_same_time_share_one_run(world):
    """Ten callers ask the provider once and get the same."""
    here = world(answered())
    exchange = await begin(here.books, stored())
    states = await asyncio.gather(*(resume(here, exchange) for _ in range(10)))
    assert len(here.script.asked) == 1
    assert len(set(states)) == 1


async def test_a_run_goes_on_when_its_caller_leaves(world):
    """A caller that gives up does not stop what was recorded from coming to an outcome."""
    here = world(answered())
    exchange = await begin(here.books, stored())
    caller = asyncio.create_task(resume(here, exchange))
    await asyncio.sleep(0)
    caller.cancel()
    await here.course.drain()
    assert here.now(exchange).outcome == pb.OUTCOME_ANSWERED


async def test_the_reconciler_brings_every_open_exchange_to_an_end(world):
    """Exchanges that a crash left without a word are resumed; settled ones are left alone."""
    here = world(answered(), failed())
    open_ones = [await begin(here.books, stored()) for _ in range(2)]
    done = await begin(here.books, stored(outcome=pb.OUTCOME_ANSWERED))
    assert await here.reconciler.run() == 2
    assert {here.now(one).outcome for one in open_ones} == {pb.OUTCOME_ANSWERED, pb.OUTCOME_ERROR}
    assert await here.reconciler.run() == 0
    assert here.now(done) == done


async def test_the_reconciler_does_not_pester_a_provider_that_is_down(world):
    """One failed call ends the run for that provider; the others are not held up; nothing is closed before its time."""
    here = world()
    here.script.of = {PROVIDER: DOWN, "tax-490016": answered()}
    down = [await begin(here.books, stored()) for _ in range(3)]
    up = await begin(here.books, stored(provider="tax-490016"))
    assert await here.reconciler.run() == 1
    assert here.script.calls == 2
    assert here.now(up).is_final
    assert not any(here.now(one).is_final for one in down)


async def test_the_overdue_are_asked_about_once_more_then_closed(world):
    """Past the review period the provider's last word counts; without one the exchange is EXPIRED."""
    here = world(answered(), DOWN)
    waiting = [await begin(here.books, stored(provider=f"tax-{i}", outcome=pb.OUTCOME_PENDING)) for i in range(2)]
    here.clock.pass_network(days=REVIEW_LIFE, seconds=1)
    assert await here.reconciler.run() == 2
    assert sorted(here.now(one).outcome for one in waiting) == [pb.OUTCOME_ANSWERED, pb.OUTCOME_EXPIRED]


async def test_a_waiting_exchange_is_not_due_before_its_time(world):
    """PENDING is the requester's to collect; the reconciler leaves it alone until its review period is over."""
    here = world(pending())
    exchange = await begin(here.books, stored())
    await resume(here, exchange)
    assert await here.reconciler.run() == 0
    assert len(here.script.asked) == 1


replies = st.lists(
    st.sampled_from(["answered", "pending", "failed", "down", "answered hidden", "pending hidden", "a month"]),
    max_size=6,
)
MADE = {
    "answered": answered,
    "pending": pending,
    "failed": failed,
    "answered hidden": lambda: answered(non_disclosure=True),
    "pending hidden": lambda: pending(non_disclosure=True),
}


@settings(max_examples=60, deadline=None)
@given(replies, st.booleans())
def test_whatever_happens_state_record_and_outbox_agree(steps, marked):
    """Whatever comes, there is one outcome record if and only if the state is final, and it is shown unless anybody asked otherwise."""

    async def go(folder):
        here, hidden = World(folder), marked
        exchange = await begin(here.books, stored(withheld=marked))
        final = None
        for step in steps:
            if step == "a month":
                here.clock.pass_network(days=31)
                continue
            here.script.said[:] = [DOWN if step == "down" else MADE[step]()]
            before = here.now(exchange)
            hidden = hidden or ("hidden" in step and not before.is_final)
            try:
                await resume(here, before)
            except LinkageError:
                assert step == "down"
            final = final or (here.now(exchange) if here.now(exchange).is_final else None)
        now, outcomes = here.now(exchange), here.outcomes(exchange)
        here.store.close()
        assert final is None or now == final
        assert [one.outcome for one in outcomes] == ([now.outcome] if now.is_final else [])
        assert all(one.non_disclosure == now.withheld for one in outcomes)
        return now, hidden, here

    with tempfile.TemporaryDirectory() as folder:
        now, hidden, _ = asyncio.run(go(Path(folder)))
        reopened = new_store(Path(folder))
        shown = reopened.read(lambda connection: list(connection.execute(select(OUTBOX.c.request_id)).scalars()))
        reopened.close()
    assert now.withheld == hidden
    assert bool(shown) == (now.is_final and not hidden)
    assert now.provider == PROVIDER
