"""The law book by which entries are told: the newest that verified, since nothing is decided by it here."""

from __future__ import annotations

import logging
from typing import Final

from warifu.exchange.lawbook import CurrentLaw
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.trust import Trust
from warifu.law import LawBook

_log: Final = logging.getLogger(__name__)


class ToldLaw:
    """If a new book does not verify, entries are told by the one before, and the health check fails."""

    def __init__(self, trust: Trust) -> None:
        """Read it for the first time.

        Raises:
            LinkageError: there is none that verifies.
        """
        self._current = CurrentLaw(trust, Reason.PROVIDER_TRUST_UNAVAILABLE)
        self._last = self._current.book()

    def book(self) -> LawBook:
        """The newest book that verified."""
        try:
            self._last = self._current.book()
        except LinkageError:
            _log.exception("the law book does not verify; entries are told by the one before")
        return self._last

    def check(self) -> None:
        """Raise when the present book does not verify."""
        self._current.check()
