"""Mandates: made with a pairing word, used by a session, ended by either side. Each change is one write, so that two at once cannot both win."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.portal.notices.queries import Notices
from warifu.portal.proxies import words
from warifu.portal.proxies.refusals import Refusal, RefusedError
from warifu.portal.proxies.scopes import TERMS, Kind, Scope
from warifu.portal.proxies.traces import Act, leave
from warifu.portal.schema import mandates, proxy_guesses, proxy_words, sessions, traces
from warifu.portal.sessions import Session

WORD_LIFE: Final = timedelta(minutes=10)
"""Machine time: enough to log out of a child's login and into one's own."""
GUESS_WINDOW: Final = timedelta(minutes=15)
MOST_GUESSES: Final = 5
"""Words that were none, an account and window; after that not even the right one is looked at."""
MOST_PROXIES: Final = 5
MOST_PRINCIPALS: Final = 10
LONGEST_LABEL: Final = 40


@dataclass(frozen=True, slots=True)
class Mandate:
    """A living mandate, for one of its sides."""

    mandate: str
    label: str
    """What the reader calls the other side."""
    kind: Kind
    scope: Scope
    since: int
    """Simulated time, milliseconds."""
    until: int
    """Simulated time, milliseconds: from then on it is over."""


@dataclass(frozen=True, slots=True)
class _Terms:
    kind: Kind
    scope: Scope
    days: int


@dataclass(frozen=True, slots=True)
class Circle:
    """Everyone whom a person's mandates connect them with."""

    proxies: Sequence[Mandate]
    """Who may read the person's history."""
    principals: Sequence[Mandate]
    """Whose history the person may read."""


_LIVING: Final = mandates.c.ended_at.is_(None) & (mandates.c.until > bindparam("today"))
_WORD: Final = select(proxy_words.c.principal, proxy_words.c.label, proxy_words.c.scope, proxy_words.c.days).where(
    proxy_words.c.word_hash == bindparam("hash"), proxy_words.c.made_at > bindparam("since")
)
_KEEP_WORD: Final = insert(proxy_words)
_USE_WORD: Final = delete(proxy_words).where(proxy_words.c.principal == bindparam("account"))
_PURGE_WORDS: Final = delete(proxy_words).where(proxy_words.c.made_at <= bindparam("words"))
_PURGE_GUESSES: Final = delete(proxy_guesses).where(proxy_guesses.c.first_at <= bindparam("guesses"))
_GUESSES: Final = select(proxy_guesses.c.guesses).where(
    proxy_guesses.c.account == bindparam("who"), proxy_guesses.c.first_at > bindparam("since")
)
_FORGET_GUESSES: Final = delete(proxy_guesses).where(proxy_guesses.c.account == bindparam("who"))
_FIRST_GUESS: Final = insert(proxy_guesses)
_GUESS: Final = (
    update(proxy_guesses).where(proxy_guesses.c.account == bindparam("who")).values(guesses=proxy_guesses.c.guesses + 1)
)
_BETWEEN: Final = select(mandates.c.mandate).where(
    mandates.c.principal == bindparam("principal"), mandates.c.proxy == bindparam("proxy"), _LIVING
)
_COUNT_PROXIES: Final = (
    select(func.count()).select_from(mandates).where(mandates.c.principal == bindparam("account"), _LIVING)
)
_COUNT_PRINCIPALS: Final = (
    select(func.count()).select_from(mandates).where(mandates.c.proxy == bindparam("account"), _LIVING)
)
_MAKE: Final = insert(mandates)
_TOLD: Final = (mandates.c.kind, mandates.c.scope, mandates.c.since, mandates.c.until)
_PROXIES: Final = (
    select(mandates.c.mandate, mandates.c.proxy_label, *_TOLD)
    .where(mandates.c.principal == bindparam("account"), _LIVING)
    .order_by(mandates.c.since, mandates.c.mandate)
)
_PRINCIPALS: Final = (
    select(mandates.c.mandate, mandates.c.principal_label, *_TOLD)
    .where(mandates.c.proxy == bindparam("account"), _LIVING)
    .order_by(mandates.c.since, mandates.c.mandate)
)
_HELD: Final = select(mandates.c.mandate).where(
    mandates.c.mandate == bindparam("which"), mandates.c.proxy == bindparam("account"), _LIVING
)
_SIDE: Final = select(mandates.c.principal).where(
    mandates.c.mandate == bindparam("which"),
    or_(mandates.c.principal == bindparam("account"), mandates.c.proxy == bindparam("account")),
    _LIVING,
)
_OVER: Final = select(mandates).where(mandates.c.ended_at.is_(None), mandates.c.until <= bindparam("now"))
_LAST_TRACE: Final = (
    update(mandates).where(mandates.c.mandate == bindparam("which")).values(traced=mandates.c.traced + 1)
)
_TRACE: Final = insert(traces)
_END: Final = update(mandates).where(mandates.c.mandate == bindparam("which")).values(ended_at=bindparam("now"))
_ACT: Final = update(sessions).where(sessions.c.token_hash == bindparam("hash")).values(acting=bindparam("which"))


def checked_label(text: str) -> str:
    """A label as it is kept.

    Raises:
        RefusedError: LABEL_MALFORMED.
    """
    label = text.strip()
    if not 0 < len(label) <= LONGEST_LABEL or not label.isprintable():
        raise RefusedError(Refusal.LABEL_MALFORMED)
    return label


class Proxies:
    """The mandates of one portal."""

    def __init__(self, store: Store, clock: Clock, notices: Notices) -> None:
        self._store, self._clock, self._notices, self._ids = store, clock, notices, notices.ids

    async def make_word(self, principal: str, label: str, scope: Scope = Scope.HISTORY, days: int = TERMS[0]) -> str:
        """A pairing word for the proxy whom the principal calls `label`; one made before serves no longer.

        Raises:
            RefusedError: LABEL_MALFORMED, TERM_MALFORMED.
        """
        if days not in TERMS:
            raise RefusedError(Refusal.TERM_MALFORMED)
        word, label = words.make(), checked_label(label)
        row = {
            "word_hash": words.word_hash(word),
            "principal": principal,
            "label": label,
            "scope": scope.value,
            "days": days,
            "made_at": milliseconds(self._clock.machine()),
        }

        def replace(connection: Connection) -> None:
            connection.execute(_USE_WORD, {"account": principal})
            connection.execute(_KEEP_WORD, row)

        await self._store.write(replace)
        return word

    async def accept(self, proxy: str, typed: str, label: str) -> str:
        """Make `proxy` the proxy of whoever had this word made, whom it calls `label`; the mandate. The word is used up.

        Raises:
            RefusedError: LABEL_MALFORMED; WORD_UNKNOWN (wrong, expired and used words alike), TOO_MANY_GUESSES, OWN_WORD,
                ALREADY_PROXY, FULL.
        """
        label, key = checked_label(label), words.word_hash(typed)
        made = await self._store.write(lambda connection: self._accept(connection, proxy, key, label))
        if isinstance(made, Refusal):
            raise RefusedError(made)
        return made

    def _accept(self, connection: Connection, proxy: str, key: bytes | None, label: str) -> str | Refusal:
        """The mandate, or why there is none. A refusal is returned, since raising would undo the counting of guesses."""
        now = milliseconds(self._clock.machine())
        guesses = _guesses(connection, proxy, now)
        if guesses >= MOST_GUESSES:
            return Refusal.TOO_MANY_GUESSES
        found = connection.execute(_WORD, {"hash": key, "since": now - milliseconds(WORD_LIFE)}).one_or_none()
        if key is None or found is None:
            _count_guess(connection, proxy, guesses, now)
            return Refusal.WORD_UNKNOWN
        if found.principal == proxy:
            return Refusal.OWN_WORD
        if refusal := _hindered(connection, found.principal, proxy, milliseconds(self._clock.network())):
            return refusal
        connection.execute(_USE_WORD, {"account": found.principal})
        terms = _Terms(Kind.CONSENT, Scope(found.scope), found.days)
        return self._made(connection, (found.principal, label), (proxy, found.label), terms)

    async def register_child(self, child: str, parent: str, labels: tuple[str, str], days: int) -> str:
        """Make `parent` the proxy of `child`, whose card was shown as well; the mandate.

        `labels`: what the parent calls the child, and the child the parent.

        Raises:
            RefusedError: LABEL_MALFORMED, TERM_MALFORMED; OWN_CARD, ALREADY_PROXY, FULL.
        """
        label, own = checked_label(labels[0]), checked_label(labels[1])
        if days not in TERMS:
            raise RefusedError(Refusal.TERM_MALFORMED)
        if child == parent:
            raise RefusedError(Refusal.OWN_CARD)

        def make(connection: Connection) -> str | Refusal:
            refusal = _hindered(connection, child, parent, milliseconds(self._clock.network()))
            terms = _Terms(Kind.PARENT, Scope.INFORMATION, days)
            return refusal or self._made(connection, (child, label), (parent, own), terms)

        made = await self._store.write(make)
        if isinstance(made, Refusal):
            raise RefusedError(made)
        return made

    def _made(self, connection: Connection, principal: tuple[str, str], proxy: tuple[str, str], terms: _Terms) -> str:
        """Each side with what the other calls it."""
        mandate, at = self._ids.token("mandate").hex(), milliseconds(self._clock.network())
        row = {
            "mandate": mandate,
            "principal": principal[0],
            "proxy": proxy[0],
            "proxy_label": proxy[1],
            "principal_label": principal[1],
            "kind": terms.kind.value,
            "scope": terms.scope.value,
            "since": at,
            "until": at + milliseconds(timedelta(days=terms.days)),
            "traced": 0,
        }
        connection.execute(_MAKE, row)
        leave(connection, mandate, Act.REGISTERED, at)
        return mandate

    def circle(self, account: str) -> Circle:
        """The living mandates of `account`, oldest first."""
        keys = {"account": account, "today": milliseconds(self._clock.network())}
        return self._store.read(
            lambda c: Circle(
                [_mandate(row) for row in c.execute(_PROXIES, keys)],
                [_mandate(row) for row in c.execute(_PRINCIPALS, keys)],
            )
        )

    async def act(self, session: Session, mandate: str) -> bool:
        """From the session's next request on, read the principal's history; False when the session's holder has no such mandate."""
        at = milliseconds(self._clock.network())

        def switch(connection: Connection) -> bool:
            if connection.execute(_HELD, {"which": mandate, "account": session.account, "today": at}).first() is None:
                return False
            connection.execute(_ACT, {"which": mandate, "hash": session.token_hash})
            return leave(connection, mandate, Act.SWITCHED, at)

        return await self._store.write(switch)

    async def go_back(self, session: Session) -> None:
        """From the session's next request on, read its holder's own history."""
        keys = {"hash": session.token_hash, "which": None}
        await self._store.write(lambda connection: connection.execute(_ACT, keys))

    async def end(self, account: str, mandate: str) -> bool:
        """End a mandate of which `account` is a side; False when there is no such, or it has ended."""
        now = milliseconds(self._clock.network())

        def end(connection: Connection) -> bool:
            keys = {"which": mandate, "account": account, "today": now}
            principal = connection.execute(_SIDE, keys).scalar_one_or_none()
            if principal is None:
                return False
            leave(connection, mandate, Act.PRINCIPAL_ENDED if principal == account else Act.PROXY_ENDED, now)
            connection.execute(_END, {"which": mandate, "now": now})
            return True

        return await self._store.write(end)

    async def end_terms(self) -> int:
        """Note the end of mandates whose term is over, with a trace and a notice to both sides; how many. They were over already."""
        now = milliseconds(self._clock.network())
        if self._store.read(lambda c: c.execute(_OVER, {"now": now}).first()) is None:
            return 0
        return await self._store.write(lambda connection: self._end_terms(connection, now))

    def _end_terms(self, connection: Connection, now: int) -> int:
        over = connection.execute(_OVER, {"now": now}).all()
        for row in over:
            connection.execute(_LAST_TRACE, {"which": row.mandate})
            trace = {"mandate": row.mandate, "at": row.until, "number": row.traced + 1, "act": Act.TERM_ENDED.value}
            connection.execute(_TRACE, trace)
            connection.execute(_END, {"which": row.mandate, "now": row.until})
            for account, label in ((row.principal, row.proxy_label), (row.proxy, row.principal_label)):
                self._notices.add(connection, account, "proxy-term", "/proxies", {"label": label})
        return len(over)

    async def purge(self) -> int:
        """Forget words and guesses that no longer count; returns how many."""
        now = milliseconds(self._clock.machine())
        before = {"words": now - milliseconds(WORD_LIFE), "guesses": now - milliseconds(GUESS_WINDOW)}

        def forget(connection: Connection) -> int:
            return sum(connection.execute(old, before).rowcount for old in (_PURGE_WORDS, _PURGE_GUESSES))

        return await self._store.write(forget)


def _guesses(connection: Connection, account: str, now: int) -> int:
    """How many words that were none the account has typed within its window."""
    since = now - milliseconds(GUESS_WINDOW)
    return connection.execute(_GUESSES, {"who": account, "since": since}).scalar_one_or_none() or 0


def _count_guess(connection: Connection, account: str, guesses: int, now: int) -> None:
    if guesses:
        connection.execute(_GUESS, {"who": account})
        return
    connection.execute(_FORGET_GUESSES, {"who": account})
    connection.execute(_FIRST_GUESS, {"account": account, "first_at": now, "guesses": 1})


def _mandate(row: Any) -> Mandate:
    mandate, label, kind, scope, since, until = row
    return Mandate(mandate, label, Kind(kind), Scope(scope), since, until)


def _hindered(connection: Connection, principal: str, proxy: str, now: int) -> Refusal | None:
    """Why these two cannot have a mandate at network milliseconds `now`."""
    if connection.execute(_BETWEEN, {"principal": principal, "proxy": proxy, "today": now}).first() is not None:
        return Refusal.ALREADY_PROXY
    proxies = connection.execute(_COUNT_PROXIES, {"account": principal, "today": now}).scalar_one()
    principals = connection.execute(_COUNT_PRINCIPALS, {"account": proxy, "today": now}).scalar_one()
    return Refusal.FULL if proxies >= MOST_PROXIES or principals >= MOST_PRINCIPALS else None
