"""Room for inquiries: it grows while it is wanted and answers come soon, and halves when they come late."""

from __future__ import annotations

import pytest

from warifu.simulator.traffic.room import FIRST, LATE, SOON, Room


def full(room: Room) -> int:
    """Take all the room there is; how much."""
    taken = 0
    while room.take():
        taken += 1
    return taken


def test_it_doubles_with_each_round_of_answers_that_come_soon() -> None:
    """Each answer that comes soon while there is too little room makes room for one more, up to the most."""
    room = Room(1_000)
    assert full(room) == FIRST
    for _ in range(FIRST):
        room.give(SOON)
    assert full(room) == 2 * FIRST
    for _ in range(2 * FIRST):
        room.give(SOON)
    assert full(room) == 1_000


def test_it_does_not_grow_where_nobody_wants_more() -> None:
    """Answers alone make no room: somebody must have found none."""
    room = Room(1_000)
    for _ in range(500):
        assert room.take()
        room.give(SOON)
    assert room.size == FIRST


def test_it_halves_once_for_one_crowd_of_late_answers() -> None:
    """The first late answer halves it, and the others that were under way then do not halve it again; afterwards it may grow."""
    room = Room(1_000)
    for _ in range(full(room)):
        room.give(LATE)
    assert room.size == FIRST // 2
    assert full(room) == FIRST // 2
    room.give(SOON)
    assert room.size == FIRST // 2 + 1


def test_there_is_always_room_for_one() -> None:
    """However late answers come, one inquiry can be under way."""
    room = Room(8)
    for _ in range(20):
        for _ in range(full(room)):
            room.give(LATE)
    assert (room.size, room.take()) == (1, True)


def test_a_fixed_room_is_of_one_size() -> None:
    """With a rate the room is as large as was said, whatever answers do."""
    room = Room(400, fixed=True)
    assert full(room) == 400
    for _ in range(400):
        room.give(LATE)
    assert room.size == 400


async def test_who_found_no_room_is_told_of_it() -> None:
    """Whoever waits goes on when one is answered, and is told when none was in that time."""
    room = Room(1)
    assert room.take()
    assert not room.take()
    assert not await room.freed(0.001)
    room.give(SOON)
    assert await room.freed(1.0)
    assert room.take()


@pytest.mark.parametrize("most", [1, 5, FIRST])
def test_it_begins_with_no_more_than_the_most(most: int) -> None:
    """A smaller most is kept from the beginning."""
    assert full(Room(most)) == most
