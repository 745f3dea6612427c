"""What the suites of provider, requester and business system have in common: requirements as data, chosen by number or name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from warifu.simulator.conformance.folder import ConformanceError
from warifu.simulator.conformance.outcome import Text


class Bench(Protocol):
    """Whoever is under test, and everything around it that we play."""

    sent: list[dict[str, Any]]
    """What was sent since it was emptied, for the report."""
    notes: list[Text]
    """What could not be tried."""

    @property
    def side(self) -> str:
        """Party whose failed calls are told in the report."""


WAIT: Final = 20.0
"""Seconds for an answer of whoever is under test."""
B = TypeVar("B", bound=Bench)


@dataclass(frozen=True, slots=True)
class Requirement(Generic[B]):
    """One thing that whoever is under test must do."""

    name: str
    numbers: tuple[str, ...]
    """Numbers in the suite's page, the first is the one that it is mainly about."""
    section: str
    """Heading in the suite's page."""
    ja: str
    en: str
    check: Callable[[B], Awaitable[None]]

    @property
    def label(self) -> str:
        """For reports."""
        return ", ".join(self.numbers)


@dataclass(frozen=True, slots=True)
class Suite(Generic[B]):
    """The requirements of one kind of system."""

    name: str
    title: Text
    page: str
    """Where the numbers stand, such as "docs/PROTOCOL.md"."""
    requirements: tuple[Requirement[B], ...]

    def chosen(self, only: Sequence[str]) -> tuple[Requirement[B], ...]:
        """Those with any of these numbers or names; all when none is given.

        Raises:
            ConformanceError: a number or name that no requirement has.
        """
        for word in only:
            if not any(_is(one, word) for one in self.requirements):
                numbers = {number for one in self.requirements for number in one.numbers}
                known = ", ".join(sorted(numbers, key=_place))
                raise ConformanceError(
                    f"{word} という要求はありません。あるもの：{known}",
                    f"there is no requirement {word}; there are {known}.",
                )
        return tuple(one for one in self.requirements if not only or any(_is(one, word) for word in only))


def _is(requirement: Requirement[B], word: str) -> bool:
    return word == requirement.name or _bare(word) in map(_bare, requirement.numbers)


def _place(number: str) -> tuple[int, ...]:
    """Where a number stands in its page: 9.1 before 10.1."""
    return tuple(int(part) for part in _bare(number).split("."))


def _bare(number: str) -> str:
    return number.upper().removeprefix("PROTO-").removeprefix("BIZ-")
