"""What the watchdog found, with the evidence by which others can check it. Never a code or a name of a person."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, func, insert, select

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import FINDINGS, check_page
from warifu.kernel.store import Store
from warifu.watchdog.schema import FINDING

_LOG: Final = logging.getLogger(__name__)
_ADD: Final = insert(FINDING)
_SAME: Final = select(FINDING.c.id).where(
    FINDING.c.kind == bindparam("kind"), FINDING.c.subject == bindparam("subject")
)
_COUNT: Final = select(func.count()).select_from(FINDING).where(FINDING.c.kind == bindparam("kind"))
_PAGE: Final = select(FINDING).where(FINDING.c.id > bindparam("after")).order_by(FINDING.c.id).limit(bindparam("most"))


class Kind(StrEnum):
    """What can be found; `findings.toml` says each in words."""

    SMALLER_TREE = "smaller-tree"
    """Evidence: `evidence.Contradiction`."""
    FORK = "fork"
    """Evidence: `evidence.Contradiction`; the two signed notes alone prove it."""
    ALTERED_PAST = "altered-past"
    """Evidence: `evidence.Contradiction`, with the proof that was shown."""
    WRONG_TILES = "wrong-tiles"
    """Evidence: `evidence.Contradiction`."""
    UNLOGGED_RECORD = "unlogged-record"
    """Evidence: the signed receipt, serialised."""
    LATE_RECORD = "late-record"
    """Evidence: the signed receipt, serialised."""
    OWN_MEMORY = "own-memory"
    """Evidence: `evidence.Contradiction`; the note shown carries the watchdog's own cosignature."""


Told = str | Mapping[str, str]
"""What fills a place of a text: the same in every language, or by language."""


def _texts() -> dict[Kind, Mapping[str, Any]]:
    path = Path(__file__).with_name("findings.toml")
    rows = tomllib.loads(path.read_text(encoding="utf-8"))
    if differing := set(rows).symmetric_difference(Kind):
        msg = f"{path} and Kind differ: {sorted(differing)}"
        raise RuntimeError(msg)
    return {Kind(name): row for name, row in rows.items()}


_TEXTS: Final = _texts()


def wrong_tiles(problem: str, path: str = "") -> Mapping[str, str]:
    """What is wrong with the tiles of a log, by language: `problem` is a name of `findings.toml`, `path` names the tile."""
    return {
        language: text.format(path=path) for language, text in _TEXTS[Kind.WRONG_TILES]["problems"][problem].items()
    }


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, before it is kept."""

    kind: Kind
    party: str
    """Whose side it is on."""
    subject: bytes
    """What it is about: found again for the same, it is the same finding."""
    evidence: bytes
    told: Mapping[str, Told] = field(default_factory=dict)
    """Fills the places of its texts."""
    entry: int | None = None
    """Place in the log, where it is about one entry."""

    def text(self, language: str) -> str:
        """What a person is told, in "ja" or "en"."""
        told = {name: one if isinstance(one, str) else one[language] for name, one in self.told.items()}
        text: str = _TEXTS[self.kind][language]
        return text.format(**told)


class Findings:
    """The table of findings."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def add(self, connection: Connection, finding: Finding) -> bool:
        """Keep a finding within a transaction; False when it is known, or when too many of its kind are kept already."""
        same = {"kind": finding.kind, "subject": sha256(finding.subject).digest()}
        if connection.execute(_SAME, same).first() is not None:
            return False
        _LOG.critical("finding", extra={"kind": finding.kind, "detail": finding.text("en")})
        if connection.execute(_COUNT, {"kind": finding.kind}).scalar_one() >= FINDINGS:
            return False
        values = same | {
            "found_at": milliseconds(self._clock.machine()),
            "network_at": milliseconds(self._clock.network()),
            "party": finding.party,
            "entry": finding.entry,
            "detail_ja": finding.text("ja"),
            "detail_en": finding.text("en"),
            "evidence": finding.evidence,
        }
        connection.execute(_ADD, values)
        return True

    async def keep(self, finding: Finding) -> bool:
        """`add`, durable on return."""
        return await self._store.write(lambda connection: self.add(connection, finding))

    def page(self, after: int = 0, limit: int = 0) -> Sequence[Row[tuple[object, ...]]]:
        """Rows of the table, oldest first, after the one with id `after`; up to `limit`, 0 for the usual."""
        values = {"after": after, "most": check_page(limit)}
        return self._store.read(lambda connection: connection.execute(_PAGE, values).all())
