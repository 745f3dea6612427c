"""The log's tree: places, heads and tiles are always those of one growing tree, whoever writes and however often it starts anew."""

import asyncio
import tempfile
from pathlib import Path

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from unit.gateway.samples import StandingClock, new_store

from warifu.exchange.logkeys import ORIGIN
from warifu.gateway.log import entries, heads, sequencer, tiles
from warifu.gateway.log.events import Events
from warifu.gateway.log.face import face
from warifu.gateway.log.gate import Gate, Shut
from warifu.gateway.log.heads import LostRaceError
from warifu.gateway.log.lease import Lease
from warifu.gateway.log.sequencer import LogDamagedError, Sequencer, read_head
from warifu.gateway.schema import ENTRY, EVENT
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import MERGE_DELAY, WITNESS_SILENCE
from warifu.tlog.checkpoint import Trust, read_checkpoint
from warifu.tlog.merkle import EMPTY_ROOT, Tree, leaf_hash
from warifu.tlog.notes import LogSigner
from warifu.tlog.proofs import TiledTree, TileMissingError, check_inclusion
from warifu.tlog.tiles import bundles_of, tiles_of

SIGNER = LogSigner(ORIGIN, bytes(range(32)))
OTHER_SIGNER = LogSigner(ORIGIN, bytes(range(1, 33)))


def commitment(index: int) -> bytes:
    """32 bytes, others for each index."""
    return index.to_bytes(32, "big")


class Lab:
    """A store with a sequencer on it."""

    def __init__(self, folder: Path, signer: LogSigner = SIGNER) -> None:
        self.store, self.clock, self.moves = new_store(folder), StandingClock(), 0
        self.lease = Lease()
        self.sequencer = Sequencer(self.store, signer, self.moved, lease=self.lease)

    def moved(self) -> None:
        """Count new heads."""
        self.moves += 1

    async def commit(self, *indexes: int) -> None:
        """Let entries wait."""

        def write(connection) -> None:
            for index in indexes:
                entries.add(connection, commitment(index), 0)

        await self.store.write(write)

    def head(self) -> heads.Head:
        """The stored head."""
        return self.store.read(heads.read)

    def expected_root(self, size: int) -> bytes:
        """What an independent tree over the same leaves gives."""
        return Tree([leaf_hash(commitment(index)) for index in range(size)]).root if size else EMPTY_ROOT

    async def read(self, path: str) -> bytes:
        """A tile, as served."""
        try:
            return self.store.read(lambda connection: tiles.content(connection, path, self.head().size)[0])
        except tiles.TileMissingError as error:
            raise TileMissingError(path) from error


@pytest.fixture
def lab(tmp_path):
    """A log that is still empty."""
    made = Lab(tmp_path)
    yield made
    made.store.close()


def checked(head: heads.Head, key=SIGNER.key):
    """The head's checkpoint, its signature verified."""
    return read_checkpoint(head.checkpoint, Trust(ORIGIN, key)).checkpoint


async def test_a_new_log_is_empty_and_signed(lab):
    """Before its first entry a log has the signed root of the empty tree."""
    assert await lab.sequencer.begin()
    assert (checked(lab.head()).size, checked(lab.head()).root) == (0, EMPTY_ROOT)
    assert not await lab.sequencer.begin()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 300), st.booleans()), max_size=6))
def test_the_tree_is_that_of_all_entries_in_order(batches):
    """After any batches and restarts the signed root, each inclusion proof and each tile are those of the whole tree."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_grow(Path(folder), batches))


async def _grow(folder, batches):
    lab, size = Lab(folder), 0
    await lab.sequencer.begin()
    for count, restarts in batches:
        await lab.commit(*range(size, size + count))
        size += count
        if restarts:
            await lab.sequencer.close()
            lab.store.close()
            lab = Lab(folder)
            await lab.sequencer.begin()
        assert await lab.sequencer.run() == count
        found = checked(lab.head())
        assert (found.size, found.root) == (size, lab.expected_root(size))
        tree = TiledTree(lab.read, size, found.root)
        for index in {0, size // 2, size - 1}:
            leaf = leaf_hash(commitment(index))
            check_inclusion(leaf, index, size, await tree.inclusion(index), found.root)
    for place in (*tiles_of(size), *bundles_of(size)):
        assert await lab.read(place.path)
    lab.store.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(1, 12), min_size=1), st.integers(0, 5))
def test_places_follow_positions_over_any_gaps(chosen, first):
    """Whichever entries are placed get neighbouring leaf indexes in their order, and no other gets one."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_place(Path(folder), sorted(chosen), first))


async def _place(folder, chosen, first):
    lab = Lab(folder)
    await lab.commit(*range(12))
    await lab.store.write(lambda connection: entries.place(connection, chosen, first))
    query = select(ENTRY.c.position, ENTRY.c.leaf_index).order_by(ENTRY.c.position)
    placed = lab.store.read(lambda connection: [tuple(row) for row in connection.execute(query)])
    lab.store.close()
    index = dict(zip(chosen, range(first, first + len(chosen)), strict=True))
    assert placed == [(position, index.get(position)) for position in range(1, 13)]


async def test_entries_get_their_places_in_the_order_of_commitment(lab):
    """Leaf indexes follow positions; what waits has none."""
    await lab.sequencer.begin()
    await lab.commit(0, 1, 2)
    await lab.sequencer.run()
    await lab.commit(3)
    asked = [commitment(index) for index in (2, 0, 3, 9)]
    assert lab.store.read(lambda connection: entries.find(connection, asked)) == [2, 0, None, None]


async def test_heads_keep_a_pace(lab, monkeypatch):
    """The first entry after a quiet moment is placed at once; those that come within the pace of a head go into one more, together."""
    pauses, before, placed, sleep = [], [], asyncio.Event(), asyncio.sleep

    async def pause(seconds: float) -> None:
        await sleep(0)
        if not pauses:
            before.append((lab.moves, lab.head().size))
            for index in range(1, 5):  # what is committed while the sequencer keeps its pace
                await lab.commit(index)
                lab.sequencer.wake()
        elif lab.head().size > 1:
            placed.set()
        pauses.append(seconds)

    monkeypatch.setattr(sequencer.asyncio, "sleep", pause)
    await lab.sequencer.begin()
    await lab.commit(0)
    lab.sequencer.wake()
    await asyncio.wait_for(placed.wait(), 20)
    await lab.sequencer.close()
    assert before == [(1, 1)]
    assert (lab.moves, lab.head().size) == (2, 5)
    assert 0 < pauses[0] <= sequencer.PACE


async def test_more_than_one_transaction_s_worth_is_placed_in_several(lab, monkeypatch):
    """A backlog is worked off in parts, each with a head of its own."""
    monkeypatch.setattr(sequencer, "MOST", 10)
    await lab.sequencer.begin()
    await lab.commit(*range(25))
    assert await lab.sequencer.run() == 25
    assert lab.moves == 3
    assert checked(lab.head()).root == lab.expected_root(25)


async def test_another_key_begins_a_new_log_of_everything(tmp_path, lab):
    """With a new key every entry waits again, and all of them get into the new log in their order."""
    await lab.sequencer.begin()
    await lab.commit(*range(300))
    await lab.sequencer.run()
    lab.store.close()
    new = Lab(tmp_path, OTHER_SIGNER)
    assert await new.sequencer.begin()
    assert new.head().size == 0
    await new.sequencer.run()
    assert checked(new.head(), OTHER_SIGNER.key).root == new.expected_root(300)
    new.store.close()


async def test_a_process_with_the_key_of_before_adds_nothing_to_a_new_log(tmp_path, lab):
    """Whoever still runs with the old key after another began a new log signs nothing more; what it commits, the other places."""
    await lab.sequencer.begin()
    new = Lab(tmp_path, OTHER_SIGNER)
    await new.sequencer.begin()
    await lab.commit(0)
    assert await lab.sequencer.run() == 0
    assert await new.sequencer.run() == 1
    assert checked(lab.head(), OTHER_SIGNER.key).root == new.expected_root(1)
    new.store.close()


async def test_two_sequencers_on_one_store_never_fork(tmp_path, lab):
    """Run side by side, two sequencers place every entry once and sign one growing tree."""
    other = Lab(tmp_path)
    await lab.sequencer.begin()
    size = 0
    for _ in range(10):
        await lab.commit(*range(size, size + 7))
        size += 7
        await asyncio.gather(lab.sequencer.run(), other.sequencer.run())
    assert (checked(lab.head()).size, checked(lab.head()).root) == (size, lab.expected_root(size))
    other.store.close()


async def test_a_head_moves_only_from_where_it_is(lab):
    """A swap from another size, or for another log, is refused and changes nothing."""
    await lab.sequencer.begin()
    before = lab.head()
    await lab.store.write(lambda connection: heads.advance(connection, before, 5, "five", 1))
    with pytest.raises(LostRaceError):
        await lab.store.write(lambda connection: heads.advance(connection, before, 6, "six", 1))
    assert (lab.head().size, lab.head().checkpoint) == (5, "five")


@pytest.mark.parametrize("change", [{"commitment": b"\xff" * 32}, {"leaf_index": 777}])
async def test_an_altered_leaf_stops_the_log(tmp_path, lab, change):
    """When a stored leaf is changed or moved, nothing further is signed: to go on would fork the log."""
    await lab.sequencer.begin()
    await lab.commit(0, 1, 2)
    await lab.sequencer.run()
    lab.store.close()
    damaged = Lab(tmp_path)
    await damaged.store.write(
        lambda connection: connection.execute(update(ENTRY).where(ENTRY.c.leaf_index == 1).values(change))
    )
    await damaged.commit(3)
    with pytest.raises((LogDamagedError, ValueError)):
        await damaged.sequencer.run()
    assert damaged.head().size == 3
    damaged.store.close()


async def test_what_is_served_of_the_log(lab):
    """Over HTTP: the head, tiles with caching by fullness, 404 for what is not there yet, and only under the face's own name."""
    await lab.sequencer.begin()
    await lab.commit(*range(300))
    await lab.sequencer.run()
    app = face(lab.store, "log.localhost", SIGNER.key.vkey, "witness")
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://log.localhost:8172") as client:
        for path in ("/checkpoint", "/latest"):
            assert (await client.get(path)).text == lab.head().checkpoint
        full, partial = await client.get("/tile/0/000"), await client.get("/tile/0/001.p/44")
        assert len(full.content) == 256 * 32
        assert len(partial.content) == 44 * 32
        assert "immutable" in full.headers["cache-control"]
        assert partial.headers["cache-control"] == "no-cache"
        assert (await client.get("/tile/entries/001.p/44")).content.startswith(b"\x00\x20" + commitment(256))
        for path in ("/tile/0/001", "/tile/0/001.p/45", "/tile/0/1", "/tile/9/000", "/nothing"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/log.vkey")).text == SIGNER.key.vkey + "\n"
        assert (await client.get("/checkpoint", headers={"host": "portal.localhost"})).status_code == 400
        assert (await client.get("/checkpoint")).headers["access-control-allow-origin"] == "*"


async def test_the_witnessed_head_is_served_once_there_is_one(lab):
    """`/checkpoint` stays at what the witness signed while `/latest` moves on."""
    await lab.sequencer.begin()
    await lab.commit(0)
    await lab.sequencer.run()
    await lab.store.write(lambda connection: heads.witness(connection, SIGNER.key.vkey, 1, "witnessed", 5))
    await lab.commit(1)
    await lab.sequencer.run()
    transport = httpx2.ASGITransport(face(lab.store, "log.localhost", "a", "b"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://log.localhost") as client:
        assert (await client.get("/checkpoint")).text == "witnessed"
        assert read_head((await client.get("/latest")).text).size == 2


async def test_an_older_cosignature_never_replaces_a_newer_one(lab):
    """What the witness signed is kept by size, and never for a head that is not there."""
    await lab.sequencer.begin()
    await lab.commit(*range(5))
    await lab.sequencer.run()
    for size, note in ((3, "three"), (2, "two"), (9, "nine")):
        await lab.store.write(lambda c, size=size, note=note: heads.witness(c, SIGNER.key.vkey, size, note, size))
    assert (lab.head().witnessed_size, lab.head().witnessed, lab.head().witnessed_at) == (3, "three", 3)


class TestGate:
    """When exchanges stop."""

    async def test_a_new_log_is_open_at_once_and_an_old_one_when_the_witness_answered(self, lab):
        """Only a log with a past needs the witness's word for it first."""
        gate = Gate(lab.store, lab.clock)
        gate.begin(new_log=True)
        assert gate.state() is None
        gate = Gate(lab.store, lab.clock)
        gate.begin(new_log=False)
        assert gate.state() is Shut.UNWITNESSED
        gate.witness_answered()
        assert gate.state() is None

    async def test_a_silent_witness_stops_exchanges_until_it_speaks(self, lab):
        """Ten minutes of silence pass, not more; the next answer opens again."""
        gate = Gate(lab.store, lab.clock)
        gate.begin(new_log=True)
        lab.clock.pass_machine(seconds=int(WITNESS_SILENCE))
        assert gate.state() is None
        lab.clock.pass_machine(milliseconds=1)
        assert gate.state() is Shut.SILENT
        gate.witness_answered()
        assert gate.state() is None

    async def test_a_record_that_waits_too_long_stops_exchanges_until_it_is_logged(self, lab):
        """At the merge delay it is still open, beyond it shut, and open again once the log has moved."""
        gate = Gate(lab.store, lab.clock)
        gate.begin(new_log=True)
        await lab.sequencer.begin()
        now = int(lab.clock.machine().timestamp() * 1000)
        await lab.store.write(lambda connection: entries.add(connection, commitment(1), now))
        lab.clock.pass_machine(milliseconds=int(MERGE_DELAY))
        assert gate.state() is None
        lab.clock.pass_machine(milliseconds=1)
        assert gate.state() is Shut.BEHIND
        with pytest.raises(LinkageError) as refused:
            gate.check()
        assert refused.value.reason == Reason.GATEWAY_LOG_UNAVAILABLE
        await lab.sequencer.run()
        gate.check()

    async def test_a_refusal_by_the_witness_stops_exchanges(self, lab):
        """Whatever else is well."""
        gate = Gate(lab.store, lab.clock)
        gate.begin(new_log=True)
        gate.witness_refused()
        assert gate.state() is Shut.REFUSED


class TestEvents:
    """What changes the rules is entered, once."""

    async def test_a_change_is_entered_once_and_a_return_again(self, lab):
        """The same table twice is one event; another, and the first again, are two more."""
        events = Events(lab.clock)
        entered = [await lab.store.write(events.table("v", digest)) for digest in (b"a", b"a", b"b", b"a")]
        assert entered == [True, False, True, True]

    async def test_each_owner_s_entry_is_a_matter_of_its_own(self, lab):
        """Directory changes of two owners do not hide each other."""
        events = Events(lab.clock)
        entered = [await lab.store.write(events.directory(owner, 1, b"e")) for owner in ("tax-1", "nhi-1", "tax-1")]
        assert entered == [True, True, False]

    async def test_an_event_waits_for_the_log_like_a_record(self, lab):
        """Its commitment is an entry, placed with the next run."""
        await lab.sequencer.begin()
        await lab.store.write(Events(lab.clock).started(simulation=True, program="1"))
        assert await lab.sequencer.run() == 1
        assert lab.store.read(lambda connection: connection.execute(EVENT.select()).one()).kind == "started"
