"""Proofs of the log's growth, head after head."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from unit.gateway.test_log import OTHER_SIGNER, Lab, checked, commitment

from warifu.gateway.log import growth, tiles
from warifu.gateway.log.growth import Growth
from warifu.gateway.schema import ENTRY
from warifu.tlog.checkpoint import Checkpoint
from warifu.tlog.proofs import ProofError, check_consistency


@pytest.fixture
async def lab(tmp_path):
    """A log that is still empty."""
    made = Lab(tmp_path)
    await made.sequencer.begin()
    yield made
    made.store.close()


async def grown(lab: Lab, count: int) -> Checkpoint:
    """The head after so many entries more."""
    size = lab.head().size
    await lab.commit(*range(size, size + count))
    await lab.sequencer.run()
    return checked(lab.head())


def proven(old: Checkpoint, new: Checkpoint, path: list[bytes]) -> bool:
    """The path proves it."""
    check_consistency(old.size, old.root, new.size, new.root, path)
    return True


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 600), st.booleans(), st.booleans()), min_size=1, max_size=6), st.integers(1, 600)
)
def test_every_head_is_proven_from_the_one_that_was_shown(batches, most):
    """Whichever heads were shown, after a restart too and by whatever way, the path leads from the one known to the newest."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(growth, "MOST", most)
        asyncio.run(_show(Path(folder), batches))


async def _show(folder, batches):
    lab = Lab(folder)
    await lab.sequencer.begin()
    shown, told = checked(lab.head()), Growth(lab.store)
    for count, restarts, silent in batches:
        head = await grown(lab, count)
        told = Growth(lab.store) if restarts else told
        assert proven(shown, head, await told.proof(shown.size, head))
        assert proven(head, head, await told.proof(head.size, head))
        shown = shown if silent else head
    lab.store.close()


async def test_the_usual_head_is_proven_without_the_tree(lab, monkeypatch):
    """When the last head was shown by this process, no tile is read for the next."""
    told = Growth(lab.store)
    first = await grown(lab, 700)
    await told.proof(0, first)

    def unwanted(*_: object) -> None:
        raise AssertionError("a tile is read")

    monkeypatch.setattr(tiles, "content", unwanted)
    second = await grown(lab, 45)
    assert proven(first, second, await told.proof(first.size, second))


async def test_a_changed_leaf_is_not_proven(lab):
    """Where a leaf since the last head is another than was signed, there is no proof, and there is one again when it is put right."""
    told = Growth(lab.store)
    first = await grown(lab, 10)
    await told.proof(0, first)
    second = await grown(lab, 10)

    async def put(content: bytes) -> None:
        change = update(ENTRY).where(ENTRY.c.leaf_index == 12).values(commitment=content)
        await lab.store.write(lambda connection: connection.execute(change))

    await put(b"x" * 32)
    with pytest.raises(ProofError):
        await told.proof(first.size, second)
    await put(commitment(12))
    assert proven(first, second, await told.proof(first.size, second))


async def test_what_is_remembered_of_a_log_before_is_not_held_against_the_new_one(tmp_path, lab):
    """A process that proved a log's growth proves a new log's that has the same number of other entries."""
    told = Growth(lab.store)
    await told.proof(0, await grown(lab, 5))
    new = Lab(tmp_path, OTHER_SIGNER)
    await new.sequencer.begin()
    swapped = update(ENTRY).where(ENTRY.c.leaf_index.is_(None), ENTRY.c.position == 2).values(commitment=b"x" * 32)
    await new.store.write(lambda connection: connection.execute(swapped))
    await new.sequencer.run()
    first = checked(new.head(), OTHER_SIGNER.key)
    await new.commit(20)
    await new.sequencer.run()
    second = checked(new.head(), OTHER_SIGNER.key)
    assert proven(first, second, await told.proof(first.size, second))
    new.store.close()
