"""Between two resets of the kit: a party that nobody called is not built anew, nor an institution that nobody touched; who was is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from warifu.agencies import party as agencies
from warifu.interim import host
from warifu.simulator.testing import parties
from warifu.simulator.testing.desk import Desk
from warifu.simulator.testing.engine import Engine
from warifu.testing.v1 import testing_pb2 as pb

NHI, TAX, PEOPLE = "nhi-480011", "tax-491004", 60


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """A network whose clock stands still."""
    async with Engine.run(PEOPLE, stopped=True) as running:
        yield running


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Whose interim server ("interim") and whose business system ("business") were opened."""
    found: set[tuple[str, str]] = set()

    def noting(what: str, where: Any, name: str, position: int) -> None:
        before = getattr(where, name)

        def note(*given: Any) -> Any:
            found.add((what, given[position]))
            return before(*given)

        monkeypatch.setattr(where, name, note)

    noting("interim", host, "open_interim", 1)
    noting("business", agencies, "_business", 3)
    return found


def seated(engine: Engine) -> set[str]:
    """Parties that are there."""
    return {name for name, one in engine.parties.running.items() if not one.seat.is_free}


async def ask(engine: Engine) -> pb.AskResponse:
    """Have a clerk ask, to the end."""
    desk = Desk(engine)
    listed = pb.ListPeopleRequest(institution=NHI, limit=1)
    listed.wanted.update({"row": "P07", "provider": TAX, "fine": "PROVIDED"})
    (card,) = desk.people(listed)
    wanted = pb.AskRequest(requester=NHI, provider=TAX, row="P07", person=card["person"], year=2025)
    return await desk.ask(wanted)


async def test_after_a_reset_nobody_is_there_until_they_are_called(
    engine: Engine, opened: set[tuple[str, str]]
) -> None:
    """A reset builds no party. An inquiry has those built whom it passes, and opens the two institutions between which it goes."""
    await engine.reset(stopped=True)
    assert (seated(engine), opened) == (set(), set())

    answer = await ask(engine)

    assert answer.outcome == "PROVIDED"
    assert seated(engine) <= {"health_insurance", "tax", "gateway", "watchdog"}
    assert opened == {("interim", NHI), ("business", NHI), ("interim", TAX)}


async def test_who_was_touched_is_built_anew_and_remembers_nothing(
    engine: Engine, opened: set[tuple[str, str]]
) -> None:
    """After a reset the same inquiry opens the same institutions once more, and is the same inquiry with the same end."""
    await engine.reset(stopped=True)
    first = await ask(engine)
    before = {name: engine.parties.running[name].party for name in ("tax", "gateway")}
    opened.clear()

    await engine.reset(stopped=True)
    again = await ask(engine)

    assert opened == {("interim", NHI), ("business", NHI), ("interim", TAX)}
    assert again == first
    assert all(engine.parties.running[name].party is not one for name, one in before.items())
    held = await engine.parties.running["tax"].seat.view(first.request_id)
    assert [one.where for one in held if one.where.endswith("/provisions")] == [f"{TAX}/provisions"]


async def test_what_is_due_is_done_by_whom_nobody_called_too(engine: Engine, opened: set[tuple[str, str]]) -> None:
    """To settle opens every institution of every party: what is due may be due anywhere."""
    await engine.reset(stopped=True)

    await engine.doors.settle()

    codes = set(engine.file.extra["kinds"])
    assert seated(engine) == set(engine.parties.running)
    assert opened >= {(what, code) for what in ("interim", "business") for code in codes}


async def test_everybody_is_there_a_moment_after_a_reset(
    engine: Engine, opened: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs run by themselves soon after a reset, and those of parties that nobody called with them; the next reset ends them."""
    monkeypatch.setattr(parties, "JOBS_AFTER", 0.0)
    await engine.reset(stopped=True)
    awake = engine.parties.awake
    assert awake is not None

    await awake

    assert seated(engine) == set(engine.parties.running)
    assert all((await engine.doors.all_healthy()).values())
    await engine.reset(stopped=True)
    assert (await ask(engine)).outcome == "PROVIDED"


async def test_a_party_that_cannot_be_built_is_told_of_and_tried_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a provider cannot be built inquiries end with its side's error; once it can they are answered, without a reset."""
    await engine.reset(stopped=True)

    def broken(*_: Any) -> Any:
        raise ValueError("a kept key is damaged")

    with monkeypatch.context() as patch:
        patch.setattr(agencies, "find", broken)
        assert not await engine.doors.healthy("tax")
    assert "tax" not in seated(engine)

    assert (await ask(engine)).outcome == "PROVIDED"
