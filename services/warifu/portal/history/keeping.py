"""Keeping new entries with all that lists, finds and counts them, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from warifu.kernel.bulk import Bulk
from warifu.portal.history import holds, lines, marks
from warifu.portal.kept import ROW, Kept, Seals
from warifu.portal.schema import entries

_ADD: Final = Bulk(entries, *ROW)


def keep_all(connection: Connection, seals: Seals, new: Sequence[Kept]) -> None:
    """Each whole, as a line, with its marks, and its month noted.

    Raises:
        ErasedError: the term of one is over.
    """
    _ADD.add(connection, [seals.values(one) for one in new])
    lines.add_all(connection, seals, new)
    marks.add_all(connection, seals.vault, new)
    holds.note(connection, new)
