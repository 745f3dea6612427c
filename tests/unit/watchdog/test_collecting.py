"""How often the supervisor asks what the rules of detection point at."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

from unit.watchdog.desk_lab import PaperClock, by_ordinance

from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.watchdog.found.collect import MOST, SHARE, Collector
from warifu.watchdog.ports import GATEWAY


class Paper:
    """Network and cabinet at once; asking the gateway takes a while."""

    def __init__(self, clock: PaperClock) -> None:
        self.clock, self.takes, self.looks, self.spent = clock, 0.0, 0, 0.0

    async def suspicions(self, party: str, institution: str, first: date) -> pb.ListSuspicionsResponse:
        """Nothing is pointed at."""
        del institution, first
        if party == GATEWAY:
            self.looks += 1
            self.spent += self.takes
        return pb.ListSuspicionsResponse()

    async def keep(self, source: str, listed: Any) -> int:
        """Nothing to keep."""
        del source, listed
        return 0


async def test_it_asks_twice_a_minute_and_less_often_when_that_takes_long() -> None:
    """What is soon answered is asked every half minute, what takes five seconds not before twenty times that is over, and nothing later than in two minutes."""
    clock = PaperClock()
    paper = Paper(clock)
    collector = Collector(cast("Any", paper), cast("Any", paper), clock, by_ordinance, lambda: paper.spent)

    async def looks(seconds: float) -> int:
        """How many after so much time."""
        clock.moment += timedelta(seconds=seconds)
        await collector.run()
        return paper.looks

    assert [await looks(0), await looks(29), await looks(1), await looks(29)] == [1, 1, 2, 2]
    paper.takes = 5.0
    assert [await looks(1), await looks(SHARE * 5 - 1), await looks(1)] == [3, 3, 4]
    paper.takes = 500.0
    assert await looks(SHARE * 5) == 5
    assert [await looks(MOST.total_seconds() - 1), await looks(1)] == [5, 6]
