"""Places of entries in the log: noted with the delivery, never taken for content, learnt anew for a new log; and what the supervisor reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from unit.portal.lab import HANA, Lab, Told, open_lab, shown, subject
from unit.portal.paper_log import PaperLog

from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError
from warifu.portal import places
from warifu.portal.audit import AuditServicer
from warifu.portal.schema import entries
from warifu.portal.v1 import portal_pb2

WHOSE = subject(HANA.individual_number)


def noted(lab: Lab, request_id: str) -> tuple[int | None, int | None, str | None]:
    """Both places and the log key's id of an entry."""
    statement = select(entries.c.request_leaf, entries.c.outcome_leaf, entries.c.log_key)
    row = lab.store.read(lambda c: c.execute(statement.where(entries.c.request_id == request_id)).one())
    return tuple(row)


async def deliver(lab: Lab, request_id: str, plain: portal_pb2.ShownRecord) -> list[str]:
    """Deliver a plaintext."""
    return await lab.deliver_shown(plain)


@pytest.fixture
async def restored(lab: Lab, tmp_path: Path) -> AsyncIterator[Lab]:
    """The same portal after a restore: its log is a new one under a new key."""
    lab.close()
    opened = await open_lab(tmp_path)
    yield replace(opened, keys=lab.keys)
    opened.close()


async def test_places_are_noted_with_the_log_s_key(lab: Lab) -> None:
    """An entry has the places that the gateway told, and the id of the key of the log that they are in."""
    told = Told()
    await lab.deliver([told])
    assert noted(lab, told.request_id) == (1, 3, lab.log.keys.log.key_id.hex())


async def test_places_are_no_content(lab: Lab) -> None:
    """The same records with other places are the same delivery: acknowledged, stored once, and the newer places are noted."""
    told = Told()
    plain = lab.logged(shown(told, WHOSE))
    assert await deliver(lab, told.request_id, plain) == [told.request_id]
    plain.request_leaf, plain.outcome_leaf = 7, 9
    assert await deliver(lab, told.request_id, plain) == [told.request_id]
    assert noted(lab, told.request_id)[:2] == (7, 9)
    plain.request_leaf = plain.outcome_leaf = 0
    assert await deliver(lab, told.request_id, plain) == [told.request_id]
    assert noted(lab, told.request_id)[:2] == (7, 9)


@pytest.mark.parametrize("leaves", [(0, 0), (3, 3), (4, 3)], ids=["none told", "equal", "backwards"])
async def test_places_that_cannot_be_are_asked_for(lab: Lab, leaves: tuple[int, int]) -> None:
    """An outcome is logged after its request: places that say otherwise are not noted but asked of the log."""
    told = Told()
    plain = lab.logged(shown(told, WHOSE))
    plain.request_leaf, plain.outcome_leaf = leaves
    await deliver(lab, told.request_id, plain)
    assert noted(lab, told.request_id) == (None, None, None)
    assert await lab.portal.jobs["places"]() == 1
    assert noted(lab, told.request_id)[:2] == (1, 3)
    assert await lab.portal.jobs["places"]() == 0


async def test_a_new_log_s_places_are_learnt(lab: Lab, restored: Lab) -> None:
    """After a restore the places of the log before are forgotten, and those in the new one are found by their commitments."""
    del lab
    told = [Told(), Told()]
    # What is stored was stored for another log:
    other = PaperLog(restored.clock)
    old = replace(restored, log=other)
    await old.deliver(told)
    assert noted(restored, told[0].request_id)[2] == other.keys.log.key_id.hex()
    assert await restored.portal.jobs["places"]() == 0
    assert noted(restored, told[0].request_id) == (None, None, None)
    restored.log.fill(10)
    restored.log.leaves += other.leaves
    assert await restored.portal.jobs["places"]() == 2
    assert noted(restored, told[0].request_id) == (11, 13, restored.log.keys.log.key_id.hex())
    assert noted(restored, told[1].request_id)[:2] == (15, 17)


async def test_what_the_log_does_not_hold_does_not_hold_up_the_rest(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that the log does not know are asked for again and again, page after page, and the others are placed meanwhile."""
    monkeypatch.setattr(places, "AT_ONCE", 2)
    monkeypatch.setattr(places, "_UNPLACED", places._UNPLACED.limit(2))
    lost, found = [Told(), Told(), Told()], Told()
    for one in lost:
        await deliver(lab, one.request_id, shown(one, WHOSE))
    plain = lab.logged(shown(found, WHOSE))
    plain.request_leaf = plain.outcome_leaf = 0
    await deliver(lab, found.request_id, plain)
    assert [await lab.portal.jobs["places"]() for _ in range(3)] == [0, 1, 0]
    assert noted(lab, found.request_id)[:2] == (1, 3)
    assert noted(lab, lost[0].request_id) == (None, None, None)


async def test_while_the_log_is_down_nothing_is_forgotten(lab: Lab) -> None:
    """A log that cannot be asked leaves the entries as they are, for the next time."""
    told = Told()
    await deliver(lab, told.request_id, shown(told, WHOSE))
    with lab.log.changed(down=True), pytest.raises(LinkageError):
        await lab.portal.jobs["places"]()
    assert noted(lab, told.request_id) == (None, None, None)


async def listed(lab: Lab, after: int = 0, limit: int = 0) -> portal_pb2.ListRecordsResponse:
    """A page for the supervisor."""
    return await AuditServicer(lab.store, lab.seals).ListRecords(
        portal_pb2.ListRecordsRequest(after=after, limit=limit), None
    )


async def test_the_supervisor_reads_what_is_shown_and_not_of_whom(lab: Lab) -> None:
    """Records come in the order of arrival with both committed records and their places, and nothing that says whose they are."""
    told = [Told() for _ in range(3)]
    for one in told:
        await lab.deliver([one])
    answer = await listed(lab)
    requests = [record.check(one.request) for one in answer.records]
    outcomes = [record.check(one.outcome) for one in answer.records]
    assert [one.request_id for one in requests] == [one.request_id for one in told]
    assert [one.kind for one in outcomes] == [exchange_pb2.RECORD_KIND_OUTCOME] * 3
    assert [(one.request_leaf, one.outcome_leaf) for one in answer.records] == [(1, 3), (5, 7), (9, 11)]
    assert not answer.HasField("next")
    assert WHOSE not in answer.SerializeToString()
    assert exchange_pb2.SubjectReference.FromString(WHOSE).code not in answer.SerializeToString()


async def test_pages_join_into_the_whole(lab: Lab) -> None:
    """Page by page one reads each record once, in order, up to the end; more than 500 at once are not given."""
    await lab.deliver([Told() for _ in range(7)])
    whole = [one.position for one in (await listed(lab, limit=9999)).records]
    assert whole == list(range(1, 8))
    found, after = [], 0
    while True:
        answer = await listed(lab, after, 3)
        found += [one.position for one in answer.records]
        if not answer.HasField("next"):
            break
        after = answer.next
    assert found == whole


async def test_a_position_is_never_used_twice(lab: Lab) -> None:
    """Also when the newest entries were erased, the next one gets a position after theirs."""
    await lab.deliver([Told(), Told()])
    await lab.store.write(lambda c: c.execute(entries.delete()))
    await lab.deliver([Told(), Told()])
    assert [one.position for one in (await listed(lab)).records] == [3, 4]
