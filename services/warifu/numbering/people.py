"""Who is behind items, a number or a certificate: the reads that everything else here is built of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from warifu.common.v1 import common_pb2
from warifu.kernel.bulk import padded
from warifu.kernel.store import Store
from warifu.numbering.schema import CURRENT_CODE, FORMER_ITEMS, INDIVIDUAL_NUMBER, PERSON, RESIDENT_CODE
from warifu.numbering.vault import Vault

CHUNK = 500
"""Most values in one IN list: below every database's limit of parameters."""

_BY_ITEMS = select(PERSON.c.digest, PERSON.c.id).where(PERSON.c.digest.in_(bindparam("keys", expanding=True)))
_BY_FORMER = select(FORMER_ITEMS.c.digest, FORMER_ITEMS.c.person).where(
    FORMER_ITEMS.c.digest.in_(bindparam("keys", expanding=True))
)
_BY_NUMBER = select(INDIVIDUAL_NUMBER).where(INDIVIDUAL_NUMBER.c.sealed.in_(bindparam("keys", expanding=True)))
_CODES = (
    select(RESIDENT_CODE.c.person, RESIDENT_CODE.c.sealed)
    .where(RESIDENT_CODE.c.person.in_(bindparam("keys", expanding=True)))
    .where(CURRENT_CODE)
)
_PERSON = select(PERSON).where(PERSON.c.id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class Numbered:
    """Whose an individual number is."""

    person: int
    counter: int
    """Changes before this number."""
    retired: bool


class People:
    """The register, for reading."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def by_items(self, digests: Collection[bytes]) -> Mapping[bytes, list[int]]:
        """The people with each of these digests as their items now."""
        return self._store.read(lambda connection: people_by_items(connection, digests))

    def by_items_ever(self, digests: Collection[bytes]) -> Mapping[bytes, list[int]]:
        """The people with each digest now; where there are none, those who had it once."""
        found = dict(self.by_items(digests))
        if missing := [digest for digest in digests if digest not in found]:
            found.update(self._store.read(lambda connection: _grouped(connection, _BY_FORMER, missing)))
        return found

    def by_numbers(self, numbers: Collection[str]) -> Mapping[str, Numbered]:
        """Whose these individual numbers are or were."""
        sealed = {self._vault.seal_number(number): number for number in numbers}
        rows = self._store.read(lambda connection: in_chunks(connection, _BY_NUMBER, list(sealed)))
        return {sealed[row.sealed]: Numbered(row.person, row.counter, retired=row.ended_at is not None) for row in rows}

    def codes(self, people: Collection[int]) -> Mapping[int, str]:
        """The current resident codes of these people."""
        rows = self._store.read(lambda connection: in_chunks(connection, _CODES, list(people)))
        return {row.person: self._vault.open_code(row.sealed) for row in rows}

    def digest(self, person: int) -> bytes:
        """The digest of the person's items now."""
        digest: bytes = self._row(person).digest
        return digest

    def registered(self, person: int) -> common_pb2.BasicItems:
        """The items as registered now."""
        row = self._row(person)
        return common_pb2.BasicItems(
            name=row.name, kana=row.kana, address=row.address, birth_date=row.birth_date, sex=row.sex
        )

    def is_alive(self, person: int) -> bool:
        """No death is noted."""
        return self._row(person).died_on is None

    def _row(self, person: int) -> Row[Any]:
        return self._store.read(lambda connection: connection.execute(_PERSON, {"id": person}).one())


def people_by_items(connection: Connection, digests: Collection[bytes]) -> Mapping[bytes, list[int]]:
    """See `People.by_items`; for use inside a write."""
    return _grouped(connection, _BY_ITEMS, list(digests))


def in_chunks(connection: Connection, query: Select[Any], keys: Sequence[object]) -> list[Row[Any]]:
    """All rows of `query`, whose `keys` are asked for some hundred at a time."""
    rows: list[Row[Any]] = []
    for start in range(0, len(keys), CHUNK):
        rows += connection.execute(query, {"keys": padded(keys[start : start + CHUNK])})
    return rows


def _grouped(connection: Connection, query: Select[Any], digests: Sequence[bytes]) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = defaultdict(list)
    for digest, person in (tuple(row) for row in in_chunks(connection, query, digests)):
        found[digest].append(person)
    return dict(found)
