"""The signed law book by which entries are told; read again when a new one was put there."""

from __future__ import annotations

import logging
from typing import Final

from warifu import law
from warifu.kernel.trust import Trust

_log: Final = logging.getLogger(__name__)


class CurrentLaw:
    """The newest law book that the root of trust signed.

    Nothing is decided by it here. If a new book does not verify, entries are told by the one before, and the health check fails.
    """

    def __init__(self, trust: Trust) -> None:
        """Read it for the first time.

        Raises:
            LawSignatureError, LawDataError: there is none that verifies.
        """
        self._trust = trust
        self._stamp = self._seen()
        self._book = self._load()

    def book(self) -> law.LawBook:
        """The book, after one look at its signature file's date."""
        try:
            self.check()
        except (OSError, law.LawSignatureError, law.LawDataError):
            _log.exception("the law book does not verify; entries are told by the one before")
        return self._book

    def check(self) -> None:
        """Read a new book, if there is one; raises when it does not verify."""
        stamp = self._seen()
        if stamp != self._stamp:
            self._book = self._load()
            self._stamp = stamp

    def _seen(self) -> tuple[int, int] | None:
        try:
            status = (self._trust.law_folder / law.SIGNATURE_FILE).stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _load(self) -> law.LawBook:
        return law.load(self._trust.law_folder, self._trust.root_public_key)
