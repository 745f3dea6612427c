"""Marks: what a filter finds entries by. Equal things of one person and month have one mark, which tells nothing without the month's key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from warifu.kernel.bulk import Bulk
from warifu.kernel.months import Month
from warifu.kernel.vault import Vault
from warifu.portal.history.schema import marks
from warifu.portal.kept import Kept

INSTITUTION, PROCEDURE, OUTCOME = "institution", "procedure", "outcome"
_ADD: Final = Bulk(marks, "month", "mark", "requested_at", "request_id")


def mark(vault: Vault, month: Month, subject: bytes, kind: str, value: str) -> bytes:
    """The mark of one thing that an entry about `subject` says.

    Raises:
        ErasedError: the month's key was destroyed.
    """
    return vault.tag(month, f"{kind}/{value}/{subject.hex()}")


def add(connection: Connection, vault: Vault, kept: Kept) -> None:
    """Mark an entry, in the transaction that keeps it."""
    add_all(connection, vault, [kept])


def add_all(connection: Connection, vault: Vault, entries: Sequence[Kept]) -> None:
    """The same for many at once."""
    _ADD.add(connection, [row for kept in entries for row in _rows(vault, kept)])


def _said(kept: Kept) -> set[tuple[str, str]]:
    return {
        (INSTITUTION, kept.requester),
        (INSTITUTION, kept.provider),
        (PROCEDURE, kept.procedure),
        (OUTCOME, str(kept.outcome)),
    }


def _rows(vault: Vault, kept: Kept) -> list[tuple[object, ...]]:
    month, subject = kept.month, kept.subject
    return [
        (month, mark(vault, month, subject, kind, value), kept.requested_at, kept.request_id)
        for kind, value in _said(kept)
    ]
