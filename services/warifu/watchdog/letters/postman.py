"""Fetches letters, gives the answers, asks what is overdue. A periodic job; while the portal is away everything waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.watchdog.letters.post import Post
from warifu.watchdog.letters.queries import Letters

EVERY: Final = timedelta(seconds=5)


class Postman:
    """Between one supervisor's desk and the portal."""

    def __init__(self, post: Post, letters: Letters, clock: Clock) -> None:
        self._post, self._letters, self._clock = post, letters, clock
        self._went: datetime | None = None

    async def run(self) -> int:
        """Go when it is time, or an answer is owed; how much was fetched and given."""
        now, owed = self._clock.machine(), bool(self._letters.owed())
        if self._went is not None and now - self._went < EVERY and not owed:
            return 0
        self._went = now
        try:
            return await self.go()
        except LinkageError:  # it is away: everything waits
            return 0

    async def go(self) -> int:
        """One round; how much was fetched and given.

        Raises:
            LinkageError: the portal cannot be asked.
        """
        given = await self._give()
        fetched = await self._letters.keep(await self._post.letters(self._letters.last()))
        await self._letters.note_overdue(await self._post.overdue())
        await self._letters.purge()
        return given + fetched

    async def _give(self) -> int:
        given = 0
        for answer in self._letters.owed():
            try:
                await self._post.answer(answer)
            except LinkageError as error:
                if error.retryable:
                    raise
                # It will never be taken: the letter's term is over, or the portal lost it. What was answered stays here.
            await self._letters.paid(answer.letter_id)
            given += 1
        return given
