"""The faults that are planted in a network under test, each at every party that it fits: all that are asked for, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from warifu.control.v1 import control_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.faults import Faults, Planted, kinds
from warifu.simulator.face.alone import IDLE


class NoFaultError(ValueError):
    """It cannot be planted; the message says which, and what can be."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was planted at one moment, and how often each had struck by then."""

    planted: Mapping[str, Sequence[Planted]]
    """By party."""
    alone: frozenset[str]


class Planting:
    """What is planted."""

    def __init__(self, places: Mapping[str, Faults], institutions: Mapping[str, str]) -> None:
        """`places`: by party. `institutions`: with the party that serves each."""
        self._places, self._institutions = places, institutions
        self.alone: set[str] = set()
        """Institutions that are the system under test's alone: the simulated business system there does nothing by itself."""

    def plant(self, faults: Sequence[control_pb2.Fault]) -> None:
        """Have these and no others, whatever institutions are alone.

        Raises:
            NoFaultError: one of them cannot be planted; then what was planted stays.
        """
        for one in faults:
            self._check(one)
        made = {party: self._made(party, place, faults) for party, place in self._places.items()}
        for party, place in self._places.items():
            idle = [self._idle(party, one) for one in sorted(self.alone) if self._institutions[one] == party]
            place.plant([*made[party], *idle])

    def leave_alone(self, institution: str) -> None:
        """From now on it is the system under test's alone. What is planted besides stays, as often as it has struck."""
        if institution in self.alone:
            return
        self.alone.add(institution)
        party = self._institutions[institution]
        self._places[party].plant([*self._places[party].planted, self._idle(party, institution)])

    def lift(self) -> None:
        """Have nothing planted, and no institution alone."""
        self.alone.clear()
        for place in self._places.values():
            place.plant([])

    def kept(self) -> Kept:
        """What is planted now."""
        planted = {party: [replace(one) for one in place.planted] for party, place in self._places.items()}
        return Kept(planted, frozenset(self.alone))

    def put_back(self, kept: Kept) -> None:
        """Have that planted which was then."""
        self.alone = set(kept.alone)
        for party, place in self._places.items():
            place.plant([replace(one) for one in kept.planted[party]])

    def _check(self, fault: control_pb2.Fault) -> None:
        """Refuse what would be planted nowhere, and what would concern nobody."""
        if fault.name not in kinds():
            raise NoFaultError(f"there is no fault {fault.name!r}; there are: {', '.join(kinds())}")
        if fault.institution and fault.institution not in self._institutions:
            there = ", ".join(self._institutions)
            raise NoFaultError(f"{fault.name}: there is no institution {fault.institution!r}; there are: {there}")

    def _made(self, party: str, place: Faults, faults: Sequence[control_pb2.Fault]) -> Sequence[Planted]:
        made = []
        for one in faults:
            if kinds()[one.name].fits(party):
                try:
                    made.append(place.of_message(one))
                except LinkageError as error:
                    raise NoFaultError(f"{one.name}: {error}") from error
        return made

    def _idle(self, party: str, institution: str) -> Planted:
        return self._places[party].of(IDLE, institution)
