"""A citizen's history as a test speaks of it: `history.has(requester="tax-480011", outcome="ANSWERED")`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

Entry = Mapping[str, Any]
VALUES: Final = (
    "request_id", "requester", "provider", "procedure", "item", "outcome", "requested_at", "answered_at", "legal_basis",
    "legal_basis_verified",
)  # fmt: skip
"""What an entry can be asked for. Institutions, procedures and items are codes; times are ISO 8601, as `/api/v1/history` has them."""
SHOWN: Final = ("requested_at", "requester", "provider", "procedure", "item", "outcome")


class UnknownValueError(ValueError):
    """No entry of any history has a value of this name; the message says which there are."""


def check(names: Iterable[str]) -> None:
    """Refuse what no entry can have: an assertion about it could only fail, or only pass.

    Raises:
        UnknownValueError: a name is none of `VALUES`.
    """
    for name in names:
        if name not in VALUES:
            raise UnknownValueError(f"no entry of a history has {name!r}; there are: {', '.join(VALUES)}")


class History(Sequence[Entry]):
    """Entries, newest first, as `/api/v1/history` gives them."""

    def __init__(self, person: str, entries: Sequence[Entry]) -> None:
        self.person, self._entries = person, entries

    def __getitem__(self, index: Any) -> Any:
        return self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def has(self, **wanted: object) -> Entry:
        """The newest entry with these values, of `VALUES`.

        Raises:
            AssertionError: there is none; it shows the entry that comes nearest and what is different in it.
            UnknownValueError: no entry can have one of them.
        """
        __tracebackhide__ = True
        found = self.first(**wanted)
        if found is None:
            raise AssertionError(self._missing(wanted))
        return found

    def first(self, **wanted: object) -> Entry | None:
        """As `has`, but None when there is none."""
        check(wanted)
        return next((entry for entry in self._entries if not _different(entry, wanted)), None)

    def has_not(self, **unwanted: object) -> None:
        """No entry has these values.

        Raises:
            AssertionError: one has; it is shown.
            UnknownValueError: no entry can have one of them.
        """
        __tracebackhide__ = True
        check(unwanted)
        for entry in self._entries:
            if not _different(entry, unwanted):
                raise AssertionError(
                    f"the history of {self.person} has an entry with {_told(unwanted)}: {_line(entry)}"
                )

    def nearest(self, wanted: Mapping[str, object]) -> str:
        """What there is instead of an entry with these values, in words."""
        if not self._entries:
            return "the history is empty"
        nearest = min(self._entries, key=lambda entry: len(_different(entry, wanted)))
        lines = ["the nearest of its entries:"]
        lines += [
            f"  {name}: expected {wanted[name]!r}, is {value_of(nearest, name)!r}"
            for name in _different(nearest, wanted)
        ]
        lines += [f"all {len(self._entries)}, newest first:", *(f"  {_line(entry)}" for entry in self._entries)]
        return "\n".join(lines)

    def _missing(self, wanted: Mapping[str, object]) -> str:
        if not self._entries:
            return f"the history of {self.person} is empty; expected an entry with {_told(wanted)}"
        return f"the history of {self.person} has no entry with {_told(wanted)}\n{self.nearest(wanted)}"


def value_of(entry: Entry, name: str) -> Any:
    """One of `VALUES`. An entry tells of one exchange, which is about one item."""
    return entry["items"][0] if name == "item" else entry[name]


def _different(entry: Entry, wanted: Mapping[str, object]) -> list[str]:
    return [name for name, value in wanted.items() if value_of(entry, name) != value]


def _told(wanted: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in wanted.items())


def _line(entry: Entry) -> str:
    return "  ".join(str(value_of(entry, name)) for name in SHOWN)
