"""A citizen's history as a test speaks of it: `history.has(requester="tax-480011", outcome="ANSWERED")`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
SHOWN = ("at", "requester", "provider", "procedure", "item", "outcome")


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
        """The newest entry with these values: `request_id`, `requester` and `provider` by code, `procedure`, `item`, `outcome`, ….

        Raises:
            AssertionError: there is none; it shows the entry that comes nearest and what is different in it.
        """
        __tracebackhide__ = True
        found = self.first(**wanted)
        if found is None:
            raise AssertionError(self._missing(wanted))
        return found

    def first(self, **wanted: object) -> Entry | None:
        """As `has`, but None when there is none."""
        return next((entry for entry in self._entries if not _different(entry, wanted)), None)

    def has_not(self, **unwanted: object) -> None:
        """No entry has these values.

        Raises:
            AssertionError: one has; it is shown.
        """
        __tracebackhide__ = True
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
    """A value by name; of institutions, procedures and items their code."""
    value = entry.get(name)
    return value["code"] if isinstance(value, Mapping) and "code" in value else value


def _different(entry: Entry, wanted: Mapping[str, object]) -> list[str]:
    return [name for name, value in wanted.items() if value_of(entry, name) != value]


def _told(wanted: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in wanted.items())


def _line(entry: Entry) -> str:
    return "  ".join(str(value_of(entry, name)) for name in SHOWN if entry.get(name) is not None)
