"""What differs between two runs of one day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from warifu.simulator.rehearsal.record import DENIED, REFUSED, Recording, Result, Step


class Aspect(StrEnum):
    """What of a result can differ."""

    DECISION = "decision"
    """Permitted or refused, and why it is refused."""
    OUTCOME = "outcome"
    """What came of a permitted inquiry."""
    VALUES = "values"
    """The records that arrived."""
    HISTORY = "history"
    """What the person reads: whether there is an entry, its outcome, legal basis, purpose, papers saved."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A step that went differently."""

    step: Step
    aspects: tuple[Aspect, ...]
    before: Result
    after: Result

    def shown(self, aspect: Aspect) -> tuple[str, str]:
        """The aspect before and after, in a few words; of values and history only what differs in them."""
        before, after = (_LOOKS[aspect](one) for one in (self.before, self.after))
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
            return _told({n: before.get(n) for n in names}), _told({n: after.get(n) for n in names})
        return _told(before), _told(after)


@dataclass(frozen=True, slots=True)
class Count:
    """A row's part in the day."""

    row: str
    asked: int
    permitted: tuple[int, int]
    """Before and after."""
    differ: int
    """Inquiries that went differently in any way."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs of one day side by side."""

    before: Recording
    after: Recording
    rows: tuple[Count, ...]
    """Every row that was asked under."""
    differences: tuple[Difference, ...]
    unasked: Mapping[str, bool]
    """Rows under which nobody asks on this day, and whether the tables differ in them."""

    @property
    def differs(self) -> bool:
        """Something went differently, or stands differently in a row that is not rehearsed."""
        return bool(self.differences) or any(self.unasked.values())


def compare(before: Recording, after: Recording, changed: Sequence[str] = ()) -> Comparison:
    """Hold one run against another. `changed`: ids of rows in which the two tables differ.

    Raises:
        ValueError: they are not of the same day.
    """
    if [one.step for one in before.results] != [one.step for one in after.results]:
        raise ValueError("these are runs of different days")
    pairs = list(zip(before.results, after.results, strict=True))
    differences = tuple(
        Difference(one.step, aspects, one, other) for one, other in pairs if (aspects := _aspects(one, other))
    )
    unasked = {row: row in changed for row in before.played.unasked}
    return Comparison(before, after, tuple(_counts(pairs, differences)), differences, unasked)


def is_permitted(result: Result) -> bool:
    """The inquiry was let through, whatever came of it."""
    return result.outcome not in (DENIED, REFUSED)


def _aspects(one: Result, other: Result) -> tuple[Aspect, ...]:
    return tuple(aspect for aspect, look in _LOOKS.items() if look(one) != look(other))


def _counts(pairs: Sequence[tuple[Result, Result]], differences: Sequence[Difference]) -> list[Count]:
    return [
        Count(
            row,
            len(of_row := [pair for pair in pairs if pair[0].step.row == row]),
            (sum(is_permitted(one) for one, _ in of_row), sum(is_permitted(other) for _, other in of_row)),
            sum(one.step.row == row for one in differences),
        )
        for row in dict.fromkeys(one.step.row for one, _ in pairs)
    ]


def _decision(result: Result) -> str:
    return "permitted" if is_permitted(result) else f"{result.outcome} {result.reason}"


def _outcome(result: Result) -> str:
    return " ".join(filter(None, (result.outcome, result.reason)))


def _values(result: Result) -> Mapping[str, Any]:
    return {
        f"{record['record_key']} {path}": value
        for record in result.values
        for path, value in [
            ("layout", record["layout_version"]), *record["values"].items(), *record["empty"].items(),
        ]
    }  # fmt: skip


def _history(result: Result) -> Mapping[str, Any]:
    return dict(result.entry or {})


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_told(one)}" for name, one in value.items() if one is not None) or "–"
    return ", ".join(map(str, value)) or "–" if isinstance(value, list | tuple) else str(value)


_LOOKS: Final[Mapping[Aspect, Callable[[Result], Any]]] = {
    Aspect.DECISION: _decision,
    Aspect.OUTCOME: _outcome,
    Aspect.VALUES: _values,
    Aspect.HISTORY: _history,
}
