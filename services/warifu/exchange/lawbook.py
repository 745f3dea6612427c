"""The law book in force: a party's signed copy, read again when a new one was put there."""

from __future__ import annotations

import os
from typing import Final
from weakref import WeakKeyDictionary

from warifu import law
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.trust import Trust

Stamp = tuple[int, int]
"""When a signature file was written, and which file it is."""
_VERIFIED: Final[WeakKeyDictionary[Trust, tuple[Stamp, law.LawBook]]] = WeakKeyDictionary()
"""The book that was read last of each party's folder."""


class CurrentLaw:
    """The newest law book that the root of trust signed."""

    def __init__(self, trust: Trust, refusal: Reason) -> None:
        """`refusal` is the reason with which whoever depends on the book is refused while none verifies."""
        self._trust, self._refusal = trust, refusal
        self._signature = os.fspath(trust.law_folder / law.SIGNATURE_FILE)
        self._stamp: Stamp | None = None
        self._book: law.LawBook | None = None

    def book(self) -> law.LawBook:
        """The book, after one look at its signature file.

        Raises:
            LinkageError: `refusal`: there is none that verifies, and nothing may be decided.
        """
        try:
            status = os.stat(self._signature)  # noqa: PTH116 - asked for every exchange: a Path costs five times the look
            stamp = (status.st_mtime_ns, status.st_ino)
            if self._book is None or stamp != self._stamp:
                self._book, self._stamp = self._read(stamp), stamp
        except (OSError, law.LawSignatureError, law.LawDataError) as error:
            self._book = None
            raise LinkageError(self._refusal) from error
        return self._book

    def _read(self, stamp: Stamp) -> law.LawBook:
        """What verified once for this trust need not be read again by those who are built later in its process."""
        known = _VERIFIED.get(self._trust)
        if known is None or known[0] != stamp:
            known = _VERIFIED[self._trust] = (stamp, law.load(self._trust.law_folder, self._trust.root_public_key))
        return known[1]

    def check(self) -> None:
        """Raise when there is no usable book."""
        self.book()
