"""Rules of detection: what the supervisor has looked out for, stated, with thresholds as data (docs/SUPERVISION.md §3).

The rules run where the records are: `gateway` rules by the gateway's records, `requester` rules by what only the requester's interim server
records (clerk, case). What they point at is a suspicion and proves nothing. A group is told by places in the log or request ids alone. Where a
rule needs to know that two inquiries are about one person it gets a pseudonym, made with a key of that day and that run, which nobody keeps.

Days and hours are Japan's, by simulated time. Groups never cross midnight, so that a look that begins a day later finds the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from hashlib import sha256
from itertools import groupby
from typing import Final, TypeVar

from warifu.kernel.clock import JAPAN
from warifu.kernel.instants import datetime_at, day_at, timestamp
from warifu.kernel.limits import SUSPICIONS
from warifu.law import Text
from warifu.supervision.v1 import supervision_pb2 as pb

_MINUTE: Final = 60_000
GATEWAY: Final = "gateway"
REQUESTER: Final = "requester"
OPENS, CLOSES = time(8), time(20)
"""Office hours, Monday to Friday."""
_SATURDAY: Final = 5
TOLD: Final = 100
"""References that are told of one group."""
T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, as it runs and as it is shown."""

    name: str
    where: str
    """GATEWAY or REQUESTER: by whose records."""
    threshold: int
    """From so many records on."""
    minutes: int | None
    """Within so many minutes; None means within a day."""
    title: Text
    says: Text


RULES: Final = (
    Rule(
        "burst",
        GATEWAY,
        100,
        10,
        Text("短時間の集中", "Burst"),
        Text(
            "一つの機関が10分以内に100件以上を照会した。",
            "One institution made 100 inquiries or more within 10 minutes.",
        ),
    ),
    Rule(
        "off-hours",
        GATEWAY,
        3,
        None,
        Text("時間外の照会", "Off hours"),
        Text(
            "一つの機関が、平日の8時から20時までの外で、1日に3件以上を照会した。",
            "One institution made 3 inquiries or more on one day outside 8:00 to 20:00 from Monday to Friday.",
        ),
    ),
    Rule(
        "refusals",
        GATEWAY,
        5,
        None,
        Text("拒否の多発", "Refusals"),
        Text(
            "一つの機関の照会が、1日に5件以上、認められなかった。",
            "5 inquiries or more of one institution were refused on one day.",
        ),
    ),
    Rule(
        "table-change",
        GATEWAY,
        1,
        None,
        Text("照合リスト・権限の変更", "Change of the permission table or of rights"),
        Text(
            "照会許可用照合リスト、または呼出し権限の表が、運用の途中で変わった。",
            "The permission table, or the table of who may call what, changed while the network ran.",
        ),
    ),
    Rule(
        "no-case",
        REQUESTER,
        1,
        None,
        Text("案件のない照会", "Inquiry without a case"),
        Text(
            "照会に、それを必要とする案件の番号が付いていない。",
            "An inquiry names no case that would need it.",
        ),
    ),
    Rule(
        "curiosity",
        REQUESTER,
        4,
        None,
        Text("同じ職員による同じ人への照会", "One clerk's curiosity about one person"),
        Text(
            "一人の職員が、同じ人について1日に4件以上を照会した。",
            "One clerk made 4 inquiries or more about one person on one day.",
        ),
    ),
)
BY_NAME: Final = {rule.name: rule for rule in RULES}


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as a rule sees it."""

    reference: str
    """Place in the log, or request id: all that is ever told of it."""
    at: int
    """Simulated time, milliseconds."""
    institution: str
    order: int
    """Place among records of one time, that never changes."""
    denied: bool = False
    clerk: str = ""
    case: str = ""
    person: bytes = b""
    """Pseudonym of the day."""


@dataclass(frozen=True, slots=True)
class Group:
    """Records that a rule points at, oldest first."""

    rule: str
    institution: str
    seen: tuple[Seen, ...]

    @property
    def id(self) -> str:
        """The same as long as the group begins with the same record."""
        first = self.seen[0]
        text = "\0".join((self.rule, self.institution, day_at(first.at).isoformat(), first.reference))
        return sha256(text.encode()).hexdigest()[:32]


def by_gateway(seen: Iterable[Seen]) -> list[Group]:
    """What the rules over requests at the gateway point at."""
    ordered = _ordered(seen)
    found: list[Group] = []
    for (institution, _), of_a_day in _grouped(ordered, lambda one: (one.institution, day_at(one.at))):
        found += bursts(institution, of_a_day)
        found += _at_least("off-hours", institution, [one for one in of_a_day if is_off_hours(one.at)])
        found += _at_least("refusals", institution, [one for one in of_a_day if one.denied])
    return found


def table_changes(seen: Iterable[Seen]) -> list[Group]:
    """Each change is a group of its own."""
    return [Group("table-change", one.institution, (one,)) for one in _ordered(seen)]


def by_requester(seen: Iterable[Seen]) -> list[Group]:
    """What the rules over a requester's own inquiries point at."""
    ordered = _ordered(seen)
    found: list[Group] = []
    for (institution, _), of_a_day in _grouped(ordered, lambda one: (one.institution, day_at(one.at))):
        found += _at_least("no-case", institution, [one for one in of_a_day if not one.case])
    for (institution, _, _, _), about_one in _grouped(ordered, _clerk_and_person):
        found += _at_least("curiosity", institution, about_one)
    return found


def bursts(institution: str, seen: Sequence[Seen]) -> list[Group]:
    """Runs of at least the threshold's records within the rule's minutes, none overlapping; `seen` of one day, oldest first."""
    rule = BY_NAME["burst"]
    assert rule.minutes is not None
    found, start = [], 0
    while start < len(seen):
        end = start
        while end < len(seen) and seen[end].at < seen[start].at + rule.minutes * _MINUTE:
            end += 1
        if end - start >= rule.threshold:
            found.append(Group("burst", institution, tuple(seen[start:end])))
            start = end
        else:
            start += 1
    return found


def listed(groups: Iterable[Group]) -> list[pb.Suspicion]:
    """Groups as they are told, oldest first; of each rule the newest SUSPICIONS."""
    by_rule = _grouped(sorted(groups, key=lambda group: group.seen[0].at), lambda group: group.rule)
    newest = [group for _, of_a_rule in by_rule for group in of_a_rule[-SUSPICIONS:]]
    return [_told(group) for group in sorted(newest, key=lambda group: group.seen[0].at)]


def _told(group: Group) -> pb.Suspicion:
    references = [one.reference for one in group.seen[:TOLD]]
    at_gateway = BY_NAME[group.rule].where == GATEWAY
    return pb.Suspicion(
        id=group.id,
        rule=group.rule,
        institution=group.institution,
        first_at=timestamp(group.seen[0].at),
        last_at=timestamp(group.seen[-1].at),
        count=len(group.seen),
        leaves=[int(one) for one in references] if at_gateway else (),
        request_ids=() if at_gateway else references,
    )


def is_off_hours(at: int) -> bool:
    """Whether an instant lies outside office hours."""
    local = datetime_at(at).astimezone(JAPAN)
    return local.weekday() >= _SATURDAY or not OPENS <= local.time() < CLOSES


def _clerk_and_person(one: Seen) -> tuple[str, date, str, bytes]:
    return one.institution, day_at(one.at), one.clerk, one.person


def _at_least(rule: str, institution: str, seen: Sequence[Seen]) -> list[Group]:
    return [Group(rule, institution, tuple(seen))] if len(seen) >= BY_NAME[rule].threshold else []


def _ordered(seen: Iterable[Seen]) -> list[Seen]:
    return sorted(seen, key=lambda one: (one.at, one.order))


def _grouped(seen: Sequence[T], key: Callable[[T], K]) -> list[tuple[K, list[T]]]:
    return [(value, list(same)) for value, same in groupby(sorted(seen, key=lambda one: repr(key(one))), key=key)]
