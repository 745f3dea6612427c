"""Things by name of which each is made when it is first asked for: all at once in a process that serves, and in a test kit what a test touches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class Opened(Mapping[str, T]):
    """A mapping whose values are made by a function, each once."""

    def __init__(self, names: Iterable[str], make: Callable[[str], T], *, lazily: bool = False) -> None:
        """Makes all of them now, or, `lazily`, each when it is first asked for. Raises whatever `make` raises, then or now."""
        self._names, self._make = tuple(names), make
        self._made: dict[str, T] = {}
        for name in () if lazily else self._names:
            self[name]

    def __getitem__(self, name: str) -> T:
        """What goes by the name, made now if it was not yet.

        Raises:
            KeyError: it is none of the names.
        """
        if name in self._made:
            return self._made[name]
        if name not in self._names:
            raise KeyError(name)
        made = self._made[name] = self._make(name)
        return made

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def made(self) -> Mapping[str, T]:
        """Those that were made so far."""
        return self._made
