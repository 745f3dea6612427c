"""Leaks by their reports.

Terms from the day on which the institution learnt of it: a preliminary report at once, taken as within 5 days (the commission's guide says
"about 3 to 5 days"); the final one within 30 days, 60 where a wrongful purpose is possible (rules of the general law on personal
information; docs/GLOSSARY.md §4: the numbers are not verified for the Number Act).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import FILED_TEXT, ID, check_text, malformed
from warifu.kernel.store import Store
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.watchdog.schema import LEAK

PRELIMINARY: Final = timedelta(days=5)
FINAL: Final = timedelta(days=30)
FINAL_WRONGFUL: Final = timedelta(days=60)
_MOST_PERSONS: Final = 200_000_000

_ADD: Final = insert(LEAK)
_ALL: Final = select(LEAK).order_by(LEAK.c.id.desc()).limit(500)
_OF: Final = _ALL.where(LEAK.c.institution == bindparam("institution"))
_ONE: Final = select(LEAK).where(LEAK.c.id == bindparam("id"))
_SAME: Final = select(LEAK).where(
    LEAK.c.institution == bindparam("institution"), LEAK.c.reference == bindparam("reference")
)
_MOVE: Final = (
    update(LEAK)
    .where(LEAK.c.id == bindparam("which"))
    .values(
        {name: bindparam(f"to_{name}") for name in ("wrongful", "preliminary", "preliminary_on", "final", "final_on")}
    )
)


@dataclass(frozen=True, slots=True)
class Terms:
    """By when what is due, and whether it is late."""

    preliminary_due: date
    final_due: date
    preliminary_late: bool
    final_late: bool


def terms(known_on: date, *, wrongful: bool, preliminary: bool, final: bool, today: date) -> Terms:
    """The rule. `preliminary`, `final`: these reports have come. A final report serves as a preliminary one too."""
    first, last = known_on + PRELIMINARY, known_on + (FINAL_WRONGFUL if wrongful else FINAL)
    return Terms(first, last, not (preliminary or final) and today > first, not final and today > last)


class Leaks:
    """The leaks that one supervisor was told of."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def report(self, institution: str, report: pb.ReportLeakRequest) -> pb.Leak:
        """Take a report, durable on return; the same again changes nothing.

        Raises:
            LinkageError: CLIENT_MALFORMED, CLIENT_TOO_LARGE naming the field; CLIENT_REFERENCE_CHANGED: that report was given in other
                words.
        """
        self._check(report)
        row = await self._store.write(lambda connection: self._keep(connection, institution, report))
        return self.told(row)

    def of(self, institution: str) -> Sequence[Any]:
        """An institution's own, newest first."""
        return self._store.read(lambda connection: connection.execute(_OF, {"institution": institution}).all())

    def all(self) -> Sequence[Any]:
        """The newest 500, newest first."""
        return self._store.read(lambda connection: connection.execute(_ALL).all())

    def one(self, number: int) -> Any | None:
        """One leak; None when there is none."""
        return self._store.read(lambda connection: connection.execute(_ONE, {"id": number}).first())

    def terms(self, row: Any) -> Terms:
        """A leak's terms on the network's day."""
        return terms(
            date.fromisoformat(row.known_on),
            wrongful=row.wrongful,
            preliminary=row.preliminary_on is not None,
            final=row.final_on is not None,
            today=self._clock.today(),
        )

    def late(self) -> int:
        """How many wait for a report that is overdue."""
        due = [self.terms(row) for row in self.all()]
        return sum(one.preliminary_late or one.final_late for one in due)

    def told(self, row: Any) -> pb.Leak:
        """A leak as its institution is told."""
        due = self.terms(row)
        return pb.Leak(
            reference=row.reference,
            known_on=row.known_on,
            preliminary_due=due.preliminary_due.isoformat(),
            preliminary_on=row.preliminary_on,
            final_due=due.final_due.isoformat(),
            final_on=row.final_on,
        )

    def _check(self, report: pb.ReportLeakRequest) -> None:
        check_text(report.reference, "reference", ID)
        for name in ("what", "cause", "done"):
            required = name == "what" or report.is_final
            check_text(getattr(report, name).replace("\n", ""), name, FILED_TEXT, required=required)
        if report.persons > _MOST_PERSONS:
            raise malformed("persons", "more than there are")
        try:
            known = date.fromisoformat(report.known_on)
        except ValueError as error:
            raise malformed("known_on", "not a day") from error
        if known > self._clock.today():
            raise malformed("known_on", "in the future")

    def _keep(self, connection: Connection, institution: str, report: pb.ReportLeakRequest) -> Any:
        key = {"institution": institution, "reference": report.reference}
        known = connection.execute(_SAME, key).first()
        if known is None:
            values = {"known_on": report.known_on, "wrongful": report.wrongful_purpose}
            connection.execute(_ADD, key | values)
            known = connection.execute(_SAME, key).one()
        self._add(connection, known, report)
        return connection.execute(_SAME, key).one()

    def _add(self, connection: Connection, row: Any, report: pb.ReportLeakRequest) -> None:
        if row.known_on != report.known_on:
            raise malformed("known_on", "not the day of the first report")
        content, today = report.SerializeToString(deterministic=True), self._clock.today().isoformat()
        kept = row.final if report.is_final else row.preliminary
        if kept is not None:
            if kept != content:
                raise LinkageError(Reason.CLIENT_REFERENCE_CHANGED)
            return
        values = {
            "which": row.id,
            "to_wrongful": row.wrongful or report.wrongful_purpose,
            "to_preliminary": row.preliminary if report.is_final else content,
            "to_preliminary_on": row.preliminary_on if report.is_final else today,
            "to_final": content if report.is_final else row.final,
            "to_final_on": today if report.is_final else row.final_on,
        }
        connection.execute(_MOVE, values)
