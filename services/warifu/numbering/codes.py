"""The next resident code that nobody has or had."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.numbering.schema import COUNTER, RESIDENT_CODE
from warifu.numbering.vault import Vault
from warifu.numbers import resident_code

_NAME = "resident-codes"
_READ = select(COUNTER.c.value).where(COUNTER.c.name == _NAME)
_BEGIN = insert(COUNTER)
_GO_ON = update(COUNTER).where(COUNTER.c.name == _NAME).values(value=bindparam("next"))
_TAKEN = select(RESIDENT_CODE.c.person).where(RESIDENT_CODE.c.sealed == bindparam("sealed_code"))


class Drawing:
    """Draws codes inside a write: a keyed permutation of a running number, so that successive codes are unrelated."""

    def __init__(self, key: bytes, vault: Vault) -> None:
        """`key`: 32 bytes."""
        self._key, self._vault = key, vault

    def draw(self, connection: Connection) -> str:
        """A code that was never given. The number that was used up is stored with the caller's write.

        Raises:
            warifu.numbers.NumberError: all ten million are given.
        """
        index = connection.execute(_READ).scalar()
        if index is None:
            index = 0
            connection.execute(_BEGIN, {"name": _NAME, "value": 0})
        while True:
            code = resident_code.derive(self._key, index)
            index += 1
            if connection.execute(_TAKEN, {"sealed_code": self._vault.seal_code(code)}).first() is None:
                connection.execute(_GO_ON, {"next": index})
                return code
