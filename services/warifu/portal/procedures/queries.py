"""Drafts and applications of accounts: a draft is what is about to be signed, an application what was, sealed for its institution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.months import month_of
from warifu.kernel.store import Store
from warifu.kernel.vault import ErasedError
from warifu.portal.kept import Seals
from warifu.portal.operations.queries import Operations
from warifu.portal.post.applications import told_context
from warifu.portal.post.schema import applications, drafts
from warifu.portal.procedures.sealing import Sealed
from warifu.portal.v1 import post_pb2

LIFE: Final = timedelta(hours=1)
"""Machine time for which a draft is kept."""
MOST_DRAFTS: Final = 5
"""Of one account; the oldest goes when there is another."""
PAGE_SIZE: Final = 20
ACT: Final = "application"
"""Of the operation history."""

_ADD_DRAFT: Final = insert(drafts)
_DRAFT: Final = select(drafts).where(
    drafts.c.application_id == bindparam("which"),
    drafts.c.account == bindparam("account"),
    drafts.c.made_at > bindparam("since"),
)
_OLDER_DRAFTS: Final = (
    select(drafts.c.application_id)
    .where(drafts.c.account == bindparam("account"))
    .order_by(drafts.c.made_at.desc(), drafts.c.application_id)
    .offset(MOST_DRAFTS)
)
_DROP_DRAFT: Final = delete(drafts).where(drafts.c.application_id == bindparam("which"))
_PURGE: Final = delete(drafts).where(drafts.c.made_at <= bindparam("since"))
_LAST: Final = select(func.max(applications.c.position)).where(applications.c.institution == bindparam("institution"))
_ADD: Final = insert(applications)
_ONE: Final = select(applications).where(
    applications.c.application_id == bindparam("which"), applications.c.account == bindparam("account")
)
_NEWEST: Final = (
    select(applications)
    .where(applications.c.account == bindparam("account"))
    .order_by(applications.c.submitted_at.desc(), applications.c.application_id.desc())
    .limit(bindparam("limit"))
)
_MARKED: Final = applications.alias("marked")
_MARK_AT: Final = (
    select(_MARKED.c.submitted_at)
    .where(_MARKED.c.application_id == bindparam("before"), _MARKED.c.account == bindparam("account"))
    .scalar_subquery()
)
_OLDER: Final = _NEWEST.where(
    (applications.c.submitted_at < _MARK_AT)
    | ((applications.c.submitted_at == _MARK_AT) & (applications.c.application_id < bindparam("before")))
)


@dataclass(frozen=True, slots=True)
class Draft:
    """Filled in and not signed yet."""

    application_id: str
    institution: str
    procedure: str
    form: bytes
    """Serialised ApplicationForm: what is signed."""

    @property
    def values(self) -> Mapping[str, str]:
        """What stands in the form, by place."""
        return {field.name: field.value for field in post_pb2.ApplicationForm.FromString(self.form).fields}

    @property
    def fingerprint(self) -> str:
        """By which a person sees that the card signs this very form: the first 16 hexadecimal digits of its SHA-256, in fours."""
        shown = sha256(self.form).hexdigest()[:16]
        return " ".join(shown[start : start + 4] for start in range(0, len(shown), 4))


@dataclass(frozen=True, slots=True)
class Application:
    """Sent, and where it stands. Times are simulated, milliseconds since 1970."""

    application_id: str
    institution: str
    procedure: str
    submitted_at: int
    state: post_pb2.ApplicationState.ValueType
    state_at: int
    told: post_pb2.TellProgressRequest
    """What the institution told; empty before it did."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some applications, newest first."""

    applications: Sequence[Application]
    older: str | None
    """Pass as `before` for the page of older ones; None at the end."""


class Applications:
    """The drafts and applications of one portal's accounts."""

    def __init__(self, store: Store, seals: Seals, clock: Clock, operations: Operations) -> None:
        self._store, self._seals, self._clock, self._operations = store, seals, clock, operations
        self._ids = operations.ids

    async def draft(self, account: str, institution: str, procedure: str, values: Mapping[str, str]) -> str:
        """Keep what was filled in until it is signed; returns its application id."""
        application_id = self._ids.uuid("application", milliseconds(self._clock.network()))
        month = month_of(self._clock.today())
        form = post_pb2.ApplicationForm(application_id=application_id, institution=institution, procedure=procedure)
        for name, value in values.items():
            form.fields.add(name=name, value=value)
        content = form.SerializeToString(deterministic=True)
        row = {
            "application_id": application_id,
            "account": account,
            "month": month,
            "institution": institution,
            "procedure": procedure,
            "sealed": self._seals.vault.seal(month, content, _draft_context(application_id)),
            "made_at": milliseconds(self._clock.machine()),
        }
        await self._store.write(lambda connection: _add_draft(connection, row))
        return application_id

    def drafted(self, account: str, application_id: str) -> Draft | None:
        """An account's own draft; None when there is none, or no longer."""
        keys = {"which": application_id, "account": account, "since": self._since()}
        row = self._store.read(lambda connection: connection.execute(_DRAFT, keys).one_or_none())
        if row is None:
            return None
        form = self._seals.vault.unseal(row.month, row.sealed, _draft_context(application_id))
        return Draft(row.application_id, row.institution, row.procedure, form)

    async def send(self, account: str, draft: Draft, sealed: Sealed) -> None:
        """Put a signed draft into the post. The same again has no effect."""
        now = milliseconds(self._clock.network())
        row = {
            "application_id": draft.application_id,
            "account": account,
            "institution": draft.institution,
            "procedure": draft.procedure,
            "month": month_of(self._clock.today()),
            "submitted_at": now,
            "sealed": sealed.content,
            "key_id": sealed.key_id,
            "state": post_pb2.APPLICATION_STATE_SENT,
            "state_at": now,
        }
        await self._store.write(lambda connection: self._send(connection, account, row))

    def one(self, account: str, application_id: str) -> Application | None:
        """An account's own application; None when it has no such."""
        keys = {"which": application_id, "account": account}
        row = self._store.read(lambda connection: connection.execute(_ONE, keys).one_or_none())
        return None if row is None else self._opened(row)

    def page(self, account: str, before: str | None = None, size: int = PAGE_SIZE) -> Page:
        """An account's applications, newest first."""
        keys: dict[str, object] = {"account": account, "limit": size + 1}
        if before is not None:
            keys["before"] = before
        statement = _NEWEST if before is None else _OLDER
        rows = self._store.read(lambda connection: connection.execute(statement, keys).all())
        found = [self._opened(row) for row in rows[:size]]
        return Page(found, found[-1].application_id if len(rows) > size else None)

    async def purge(self) -> int:
        """Forget drafts that nobody signed in time; how many."""
        since = {"since": self._since()}
        return await self._store.write(lambda connection: connection.execute(_PURGE, since).rowcount)

    def _send(self, connection: Connection, account: str, row: dict[str, Any]) -> None:
        if connection.execute(_ONE, {"which": row["application_id"], "account": account}).first() is not None:
            return
        last = connection.execute(_LAST, {"institution": row["institution"]}).scalar_one() or 0
        connection.execute(_ADD, {**row, "position": last + 1})
        connection.execute(_DROP_DRAFT, {"which": row["application_id"]})
        self._operations.add(connection, account, ACT, row["procedure"])

    def _opened(self, row: Any) -> Application:
        told = post_pb2.TellProgressRequest()
        if row.told is not None:
            try:
                told.ParseFromString(self._seals.vault.unseal(row.month, row.told, told_context(row.application_id)))
            except ErasedError:
                told.Clear()
        return Application(
            row.application_id, row.institution, row.procedure, row.submitted_at, row.state, row.state_at, told
        )

    def _since(self) -> int:
        return milliseconds(self._clock.machine() - LIFE)


def _add_draft(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(_ADD_DRAFT, row)
    for old in connection.execute(_OLDER_DRAFTS, {"account": row["account"]}).scalars().all():
        connection.execute(_DROP_DRAFT, {"which": old})


def _draft_context(application_id: str) -> bytes:
    return f"application-draft/{application_id}".encode()
