"""Rules of detection: what they point at, what not, and that a group keeps its name."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from warifu.exchange.detection import (
    BY_NAME,
    GATEWAY,
    RULES,
    TOLD,
    Group,
    Seen,
    by_gateway,
    by_requester,
    is_off_hours,
    listed,
    table_changes,
)
from warifu.kernel.clock import JAPAN
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import SUSPICIONS

MONDAY = datetime(2026, 6, 1, 10, tzinfo=JAPAN)
MINUTE = 60_000


def at(moment: datetime = MONDAY, **later: float) -> int:
    """An instant."""
    return milliseconds(moment + timedelta(**later))


def requests(count: int, step: int, institution: str = "nhi-1", start: int | None = None, **more: object) -> list[Seen]:
    """`count` requests, `step` milliseconds apart."""
    first = at() if start is None else start
    return [Seen(f"{n}", first + n * step, institution, n, **more) for n in range(count)]  # type: ignore[arg-type]


def rules_of(groups: list[Group]) -> Counter[str]:
    """How many groups of each rule."""
    return Counter(group.rule for group in groups)


def test_a_hundred_within_ten_minutes_are_a_burst_and_ninety_nine_are_none() -> None:
    """The threshold is exact, and so is the width: the last one exactly ten minutes after the first does not count."""
    assert rules_of(by_gateway(requests(100, 6_000))) == {"burst": 1}
    assert not by_gateway(requests(99, 6_000))
    assert not by_gateway(requests(100, 6_061))


def test_bursts_of_two_institutions_are_not_added_up() -> None:
    """Sixty of each within the same minutes are none."""
    seen = requests(60, 1_000) + requests(60, 1_000, "nhi-2")
    assert not by_gateway(seen)


@given(st.lists(st.integers(0, 60 * MINUTE), max_size=300))
def test_a_burst_is_found_when_and_only_when_some_ten_minutes_hold_enough(offsets: list[int]) -> None:
    """Compared with a count over every window that begins with a request."""
    seen = [Seen(str(n), at() + offset, "nhi-1", n) for n, offset in enumerate(offsets)]
    expected = any(sum(start <= other < start + 10 * MINUTE for other in offsets) >= 100 for start in offsets)
    assert bool([one for one in by_gateway(seen) if one.rule == "burst"]) == expected


def test_office_hours_are_weekdays_from_eight_to_eight() -> None:
    """The first and last minute of a Friday, and any hour of a Saturday."""
    friday, saturday = MONDAY + timedelta(days=4), MONDAY + timedelta(days=5)
    assert [is_off_hours(at(friday.replace(hour=h, minute=m))) for h, m in ((7, 59), (8, 0), (19, 59), (20, 0))] == [
        True, False, False, True,
    ]  # fmt: skip
    assert is_off_hours(at(saturday))


def test_night_work_counts_from_three_a_day() -> None:
    """Three of one night before midnight are pointed at; two before and two after are not."""
    night = at(MONDAY.replace(hour=23, minute=50))
    assert rules_of(by_gateway(requests(3, MINUTE, start=night))) == {"off-hours": 1}
    assert not by_gateway(requests(4, 6 * MINUTE, start=night))


def test_refusals_count_from_five_a_day() -> None:
    """Five denied ones of a day, whatever lies between them."""
    seen = requests(20, 20 * MINUTE, denied=False)
    denied = [Seen(f"d{n}", at(minutes=n), "nhi-1", 100 + n, denied=True) for n in range(5)]
    assert rules_of(by_gateway(seen + denied)) == {"refusals": 1}
    assert not by_gateway(seen + denied[:4])


def test_curiosity_is_of_one_clerk_about_one_person_on_one_day() -> None:
    """Four are pointed at; with another clerk, another person or another day among them, none."""
    same = [Seen(f"r{n}", at(hours=n), "nhi-1", n, clerk="c", case="k", person=b"p") for n in range(4)]
    assert rules_of(by_requester(same)) == {"curiosity": 1}
    others = (
        Seen("r9", at(), "nhi-1", 9, clerk="d", case="k", person=b"p"),
        Seen("r9", at(), "nhi-1", 9, clerk="c", case="k", person=b"q"),
        Seen("r9", at(days=1), "nhi-1", 9, clerk="c", case="k", person=b"p"),
    )
    for other in others:
        assert not by_requester([*same[:3], other])


def test_inquiries_without_a_case_are_one_group_a_day() -> None:
    """Those with a case are not in it."""
    seen = [Seen(f"r{n}", at(hours=n), "nhi-1", n, case="" if n % 2 else "k", person=bytes([n])) for n in range(6)]
    (group,) = by_requester(seen)
    assert (group.rule, [one.reference for one in group.seen]) == ("no-case", ["r1", "r3", "r5"])


def test_every_change_of_the_table_is_a_group() -> None:
    """Two changes are two suspicions, of the gateway."""
    changes = [Seen("7", at(), GATEWAY, 7), Seen("9", at(), GATEWAY, 9)]
    assert [group.seen[0].reference for group in table_changes(changes)] == ["7", "9"]


@given(st.randoms(use_true_random=False))
def test_the_order_in_which_records_come_changes_nothing(dice: random.Random) -> None:
    """The same groups under the same names, also of records of one instant."""
    seen = requests(30, 0, denied=True, start=at(MONDAY.replace(hour=22)))
    mixed = seen[:]
    dice.shuffle(mixed)
    assert [one.id for one in by_gateway(mixed)] == [one.id for one in by_gateway(seen)]


def test_a_group_that_grows_keeps_its_name() -> None:
    """More records of the same day leave it; another day, rule or institution has another."""
    names = {tuple(one.id for one in by_gateway(requests(count, 1_000, denied=True))) for count in (5, 6, 50)}
    assert len(names) == 1
    (name,) = names
    for other in (requests(5, 1_000, "nhi-2", denied=True), requests(5, 1_000, start=at(days=1), denied=True)):
        assert tuple(one.id for one in by_gateway(other)) != name


def test_what_is_told_is_bounded_and_names_nobody() -> None:
    """At most 100 references a group and 200 groups a rule, the newest; the count is whole; clerk, case and person are in no message."""
    large = listed(by_gateway(requests(500, 1, denied=True)))
    assert {(one.rule, one.count, len(one.leaves)) for one in large} == {
        ("burst", 500, TOLD),
        ("refusals", 500, TOLD),
    }
    days = [Seen(f"r{n}", at(days=n), "nhi-1", n, clerk="secret-clerk", person=b"secret-person") for n in range(300)]
    told = listed(by_requester(days))
    assert [one.request_ids[0] for one in told] == [f"r{n}" for n in range(300 - SUSPICIONS, 300)]
    assert not any(b"secret" in one.SerializeToString() for one in told)


def test_the_table_of_rules_is_what_runs() -> None:
    """Every rule is reached by one of the functions, each has its own name and words, and every threshold stands in both sentences."""
    night = requests(120, 1, denied=True, start=at(MONDAY.replace(hour=22)))
    reached = {one.rule for one in (*by_gateway(night), *table_changes(night[:1]))}
    reached |= {one.rule for one in by_requester(requests(9, 1))}
    assert reached == set(BY_NAME)
    assert len(BY_NAME) == len(RULES)
    for rule in RULES:
        if rule.threshold > 1:
            assert str(rule.threshold) in rule.says.ja
            assert str(rule.threshold) in rule.says.en
    assert all(len(list(same)) == 1 for _, same in groupby(sorted(rule.title.en for rule in RULES)))
