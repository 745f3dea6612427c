"""What is done between steps, and how what the rules told is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from unit.traffic import lab

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.limits import SUSPICIONS
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.traffic import desks, run
from warifu.simulator.traffic.detectors import Detectors
from warifu.simulator.traffic.drive import Made
from warifu.supervision.v1 import supervision_pb2 as pb


class Fake:
    """Doors and inspector at once: notes what is asked of them."""

    def __init__(self) -> None:
        self.looks: list[tuple[str, ...]] = []
        self.reviewed: list[list[str]] = []

    async def settle(self, parties: Sequence[str]) -> tuple[str, ...]:
        """Nothing is due."""
        return ()

    async def look(self, _first: object, institutions: Sequence[str]) -> None:
        """Note a look at the rules."""
        self.looks.append(tuple(institutions))

    async def review(self, _doors: object, made: Sequence[Made]) -> int:
        """Note a round of the clerks."""
        self.reviewed.append([one.request_id for one in made])
        return len(made)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """In place of network and clerks."""
    found = Fake()
    monkeypatch.setattr(desks, "look", found.review)
    monkeypatch.setattr(run, "LOOK_AFTER", 3)
    return found


class Driving:
    """As much of a driver as is looked at."""

    def __init__(self) -> None:
        self.made: list[Made] = []


def between(fake: Fake, driver: Driving) -> run._Between:
    """What is tried."""
    return run._Between(fake, fake, driver, lab.NOW.date())  # type: ignore[arg-type]


async def test_clerks_look_once_when_a_day_is_over(fake: Fake) -> None:
    """Within a day nobody looks; before the next day's first inquiry, and after the last, clerks look at what they have not looked at."""
    driver = Driving()
    tried = between(fake, driver)
    await tried(lab.intended())
    driver.made = [lab.made(1), lab.made(2)]
    await tried(lab.intended())
    assert fake.reviewed == []
    await tried(lab.intended(at=lab.NOW + timedelta(days=1)))
    driver.made += [lab.made(3)]
    await tried(None)
    assert fake.reviewed == [["id-1", "id-2"], ["id-3"]]
    assert tried.reviews == 3


async def test_rules_are_asked_before_they_forget(fake: Fake) -> None:
    """The rules are asked after so many inquiries, then again after as many more, and in the end; each requester once."""
    driver = Driving()
    tried = between(fake, driver)
    for number in range(7):
        driver.made.append(lab.made(number))
        await tried(lab.intended())
    assert len(fake.looks) == 2
    await tried(None)
    assert fake.looks == [("gateway", "nhi-480029")] * 3


async def test_an_institution_is_asked_by_its_own_number(fake: Fake) -> None:
    """While an institution asked little it is not looked at again with each look at the gateway, and in the end once."""
    driver = Driving()
    tried = between(fake, driver)
    for number in range(4):
        driver.made += [lab.made(number), lab.made(number)]
        driver.made.append(replace(lab.made(number), intended=lab.intended(requester="tax-490016")))
        await tried(lab.intended())
    assert fake.looks == [("gateway",), ("gateway", "nhi-480029"), ("gateway", "tax-490016"), ("gateway", "nhi-480029")]
    await tried(None)
    assert fake.looks[4:] == [("tax-490016",)]


class Inspector(Detectors):
    """With a gateway of so many records."""

    def __init__(self, count: int) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.count, self.calls = count, 0

    async def _records(self, after: int, limit: int) -> linkage_pb2.ListRecordsResponse:
        self.calls += 1
        places = range(after + 1, min(after + limit, self.count) + 1)
        response = linkage_pb2.ListRecordsResponse()
        for place in places:
            record = exchange_pb2.AccessRecord(request_id=f"id-{place}").SerializeToString()
            response.records.add(
                position=place, leaf_index=place + 100, record=exchange_pb2.CommittedRecord(record=record)
            )
        if after + limit < self.count:
            response.next = after + limit
        return response


def suspicion(one: str, count: int, **more: object) -> pb.Suspicion:
    """One that is listed."""
    return pb.Suspicion(id=one, rule="burst", count=count, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, 1, 1499])
async def test_the_end_of_the_records_is_found(count: int) -> None:
    """Where the records end is found in a few calls, and what comes after it is all that is read."""
    inspector = Inspector(count)
    await inspector.begin()
    assert inspector._begun == count
    assert inspector.calls < 60
    inspector.count += 1200
    inspector._keep("gateway", [suspicion("a", 2, leaves=[count + 101, count + 1300, 7])])
    (found,) = await inspector.pointed_at()
    assert found.told == {f"id-{count + 1}", f"id-{count + 1200}"}


async def test_the_longest_listing_of_a_group_counts() -> None:
    """A group that grew counts as it grew; one whose old records dropped out of a later look keeps what was told; two sources do not mix."""
    inspector = Inspector(0)
    inspector._keep("tax-1", [suspicion("a", 4, request_ids=["1", "2", "3", "4"])])
    inspector._keep("tax-1", [suspicion("a", 5, request_ids=["1", "2", "3", "4", "5"])])
    inspector._keep("tax-1", [suspicion("a", 2, request_ids=["4", "5"])])
    inspector._keep("tax-2", [suspicion("a", 1, request_ids=["9"])])
    found = await inspector.pointed_at()
    assert sorted(one.count for one in found) == [1, 5]
    assert frozenset().union(*(one.told for one in found)) == {"1", "2", "3", "4", "5", "9"}


async def test_a_full_listing_is_remembered() -> None:
    """Where a party told as many groups of a rule as it tells at once, that rule and party are noted; with one fewer they are not."""
    inspector = Inspector(0)
    inspector._keep("tax-1", [suspicion(str(number), 1) for number in range(int(SUSPICIONS))])
    inspector._keep("tax-2", [suspicion(str(number), 1) for number in range(int(SUSPICIONS) - 1)])
    assert inspector.full == {("burst", "tax-1")}
