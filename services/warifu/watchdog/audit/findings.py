"""What the audit can find, each kind in words; `kinds.toml` says them in both languages and is the table of docs/AUDIT.md."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

GATEWAY: Final = "gateway"
PORTAL: Final = "portal"
WATCHDOG: Final = "watchdog"


class Kind(StrEnum):
    """What can be found. The values are stable: programs read them."""

    HEAD_INVALID = "head-invalid"
    LOG_ALTERED = "log-altered"
    LOG_FORKED = "log-forked"
    COMMITMENT_BROKEN = "commitment-broken"
    LEAF_DIFFERS = "leaf-differs"
    LEAF_WITHOUT_RECORD = "leaf-without-record"
    RECORD_WITHOUT_LEAF = "record-without-leaf"
    ERASED_EARLY = "erased-early"
    TABLE_UNLOGGED = "table-unlogged"
    DIRECTORY_UNLOGGED = "directory-unlogged"
    RIGHTS_UNLOGGED = "rights-unlogged"
    RULINGS_FORGED = "rulings-forged"
    BASIS_UNLAWFUL = "basis-unlawful"
    RECORDED_TWICE = "recorded-twice"
    MISSING_AT_GATEWAY = "missing-at-gateway"
    MISSING_AT_REQUESTER = "missing-at-requester"
    MISSING_AT_PROVIDER = "missing-at-provider"
    EXTRA_AT_PROVIDER = "extra-at-provider"
    FIELD_DIFFERS = "field-differs"
    BASIS_DIFFERS = "basis-differs"
    TIME_DIFFERS = "time-differs"
    OUTCOME_DIFFERS = "outcome-differs"
    ANSWER_DIFFERS = "answer-differs"
    CONTENT_ALTERED = "content-altered"
    PROMISE_BROKEN = "promise-broken"
    PORTAL_MISSING = "portal-missing"
    PORTAL_DIFFERS = "portal-differs"
    PORTAL_WITHHELD = "portal-withheld"
    PORTAL_EXTRA = "portal-extra"
    CORRECTION_UNFOUNDED = "correction-unfounded"
    CORRECTION_MISSING = "correction-missing"
    CORRECTION_EXTRA = "correction-extra"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be."""

    kind: Kind
    party: str
    """Whose records or conduct it is about: an institution's code, "gateway", "portal"."""
    entry: str
    """The log's leaf index, or the request id; empty when it is about no single entry. Never a person's name, number or code."""
    detail: str
    """What differs, in a few words of English; made of field names, codes of institutions and rows, times and hashes."""

    def document(self) -> dict[str, str]:
        """As `warifu audit --json` prints it."""
        return {"kind": self.kind.value, "party": self.party, "entry": self.entry, "detail": self.detail}


def _texts() -> dict[Kind, Mapping[str, str]]:
    path = Path(__file__).with_name("kinds.toml")
    rows = tomllib.loads(path.read_text(encoding="utf-8"))
    if differing := set(rows).symmetric_difference(Kind):
        raise RuntimeError(f"{path} and Kind differ: {sorted(differing)}")
    return {Kind(name): row for name, row in rows.items()}


TEXTS: Final = _texts()
"""Of each kind: "ja" and "en", what it says; "who", whom it points to."""
