"""Reading findings and suspicions, newest first, and keeping suspicions that parties list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, insert, select, update

from warifu.exchange.detection import BY_NAME
from warifu.kernel.instants import stamped
from warifu.kernel.store import Store
from warifu.supervision.v1.supervision_pb2 import Suspicion
from warifu.watchdog.desk import PAGE
from warifu.watchdog.schema import FINDING, SUSPICION

_FINDINGS: Final = (
    select(FINDING).where(FINDING.c.id < bindparam("before")).order_by(FINDING.c.id.desc()).limit(bindparam("most"))
)
_FINDING: Final = select(FINDING).where(FINDING.c.id == bindparam("id"))
_SUSPICIONS: Final = (
    select(SUSPICION)
    .where(SUSPICION.c.id < bindparam("before"))
    .order_by(SUSPICION.c.id.desc())
    .limit(bindparam("most"))
)
_OF_RULE: Final = _SUSPICIONS.where(SUSPICION.c.rule == bindparam("rule"))
_SUSPICION: Final = select(SUSPICION).where(SUSPICION.c.id == bindparam("id"))
_KNOWN: Final = select(SUSPICION.c.id, SUSPICION.c.listed).where(SUSPICION.c.key == bindparam("key"))
_ADD: Final = insert(SUSPICION)
_GROWN: Final = (
    update(SUSPICION)
    .where(SUSPICION.c.id == bindparam("which"))
    .values({name: bindparam(f"to_{name}") for name in ("last_at", "count", "listed")})
)
_COUNTS: Final = tuple(select(func.count()).select_from(table) for table in (FINDING, SUSPICION))


@dataclass(frozen=True, slots=True)
class Found:
    """Findings and suspicions of one supervisor."""

    store: Store

    def findings(self, before: int) -> Sequence[Any]:
        """Up to one more than a page of findings before an id."""
        values = {"before": before, "most": PAGE + 1}
        return self.store.read(lambda connection: connection.execute(_FINDINGS, values).all())

    def finding(self, number: int) -> Any | None:
        """One finding; None when there is none."""
        return self.store.read(lambda connection: connection.execute(_FINDING, {"id": number}).first())

    def suspicions(self, before: int, rule: str = "") -> Sequence[Any]:
        """Up to one more than a page of suspicions before an id, of all rules or one."""
        values: dict[str, object] = {"before": before, "most": PAGE + 1}
        statement = _SUSPICIONS
        if rule:
            statement, values = _OF_RULE, values | {"rule": rule}
        return self.store.read(lambda connection: connection.execute(statement, values).all())

    def suspicion(self, number: int) -> Any | None:
        """One suspicion; None when there is none."""
        return self.store.read(lambda connection: connection.execute(_SUSPICION, {"id": number}).first())

    def counts(self) -> tuple[int, int]:
        """How many findings and suspicions there are."""
        findings, suspicions = self.store.read(lambda connection: [connection.execute(one).scalar() for one in _COUNTS])
        return findings or 0, suspicions or 0

    async def keep(self, source: str, listed: Iterable[Suspicion]) -> int:
        """Keep what a party lists; how many are new or have grown. The same again changes nothing; what no rule made is left out."""
        good = [one for one in listed if one.rule in BY_NAME]
        if not good:
            return 0
        return await self.store.write(lambda connection: sum(_keep(connection, source, one) for one in good))


def _keep(connection: Connection, source: str, one: Suspicion) -> bool:
    key, content = f"{source[:30]}/{one.id[:32]}", one.SerializeToString(deterministic=True)
    known = connection.execute(_KNOWN, {"key": key}).first()
    if known is None:
        row = {
            "key": key,
            "rule": one.rule,
            "institution": one.institution[:64],
            "source": source,
            "first_at": stamped(one.first_at),
            "last_at": stamped(one.last_at),
            "count": one.count,
            "listed": content,
        }
        connection.execute(_ADD, row)
        return True
    if known.listed == content:
        return False
    values = {"which": known.id, "to_last_at": stamped(one.last_at), "to_count": one.count, "to_listed": content}
    connection.execute(_GROWN, values)
    return True
