"""Was this allowed? Each condition of the law on that day, and how it was met, told by the row that the record names.

The portal judges by the same signed law book as the gateway, and says which conditions only the gateway could see: what the supervisor ruled,
and whether consent was stated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from warifu import law
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel import errors
from warifu.kernel.errors import LinkageError
from warifu.law import Condition, Institution, LawBook, PiaState, Row, Rulings, pia_state
from warifu.portal.history.entries import Entry
from warifu.portal.history.story import DENIED, day_of


class Verdict(StrEnum):
    """What the page says first."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN_ROW = "unknown-row"
    """The law book at hand does not have the row."""
    DOUBTFUL = "doubtful"
    """By the law book at hand it would not have been allowed, or by another row."""


class How(StrEnum):
    """How a condition stands."""

    MET = "met"
    """The law book says so."""
    NOT_NEEDED = "not-needed"
    BY_GATEWAY = "by-gateway"
    """The gateway checked it; what it checked it by is not in the record."""
    FAILED = "failed"
    OPEN = "open"
    """Not decided: another condition failed."""


ORDER: Final = (
    Condition.OPERATOR,
    Condition.REQUESTER,
    Condition.AFFAIR,
    Condition.PROCEDURE,
    Condition.PROVIDER,
    Condition.ITEM,
    Condition.DATE,
    Condition.ORDINANCE,
    Condition.CONSENT,
    Condition.PIA,
    Condition.STOP,
)
_OF_REASON: Final = {
    "CLIENT_INSTITUTION_UNKNOWN": Condition.REQUESTER,
    "CLIENT_SAME_BODY": Condition.OPERATOR,
    "CLIENT_REQUESTER_NOT_PERMITTED": Condition.REQUESTER,
    "CLIENT_AFFAIR_NOT_PERMITTED": Condition.AFFAIR,
    "CLIENT_PROCEDURE_NOT_PERMITTED": Condition.PROCEDURE,
    "CLIENT_PROVIDER_NOT_PERMITTED": Condition.PROVIDER,
    "CLIENT_ITEM_NOT_PERMITTED": Condition.ITEM,
    "CLIENT_NOT_IN_FORCE": Condition.DATE,
    "CLIENT_ORDINANCE_NOT_APPROVED": Condition.ORDINANCE,
    "CLIENT_CONSENT_MISSING": Condition.CONSENT,
    "CLIENT_PIA_MISSING": Condition.PIA,
    "CLIENT_PIA_EXPIRED": Condition.PIA,
    "PROVIDER_PIA_MISSING": Condition.PIA,
    "PROVIDER_PIA_EXPIRED": Condition.PIA,
    "CLIENT_PIA_BREACH": Condition.PIA,
    "PROVIDER_PIA_BREACH": Condition.PIA,
    "CLIENT_STOPPED": Condition.STOP,
    "PROVIDER_STOPPED": Condition.STOP,
}


@dataclass(frozen=True, slots=True)
class Checked:
    """One condition, and how it stands."""

    condition: Condition
    how: How


@dataclass(frozen=True, slots=True)
class Allowed:
    """The answer for one entry and one reader's language."""

    verdict: Verdict
    row: str | None
    """The row that the record names; of a refused inquiry the nearest one."""
    checks: tuple[Checked, ...]
    day: str
    """The day of the request, ISO: the law of that day counts."""
    first: str
    """First day on which the row was in force, ISO; empty without one."""
    last: str
    """Last day, ISO; empty while open."""
    requester_body: str
    provider_body: str
    requester_role: str
    provider_role: str
    assessed: tuple[tuple[str, str, str], ...]
    """Of each side: its name, the day of its published assessment and the first day on which it no longer counts."""
    law: str
    """The citation of that day."""
    verified: bool
    invented: bool
    ordinance: bool
    consent: bool
    table_version: str
    """In the record."""
    same_version: bool
    """The law book at hand is the one that decided."""
    reason: str
    """Why it was refused, in words; empty when it was not."""


def judge(book: LawBook, entry: Entry, outcome: bytes, language: str) -> Allowed:
    """The answer for an entry; `outcome` is its serialised CommittedRecord of the outcome."""
    record = exchange_pb2.AccessRecord.FromString(exchange_pb2.CommittedRecord.FromString(outcome).record)
    row = book.rows.get(entry.row) if entry.row is not None else None
    requester, provider = book.institutions.get(entry.requester), book.institutions.get(entry.provider)
    day = day_of(entry)
    denied = entry.outcome_name == DENIED
    checks = _denied(record.reason) if denied else _permitted(row, requester, provider, day)
    citation = row.citation_on(day) if row is not None else None
    return Allowed(
        verdict=Verdict.DENIED if denied else _verdict(book, entry, row, day),
        row=entry.row,
        checks=checks,
        day=day.isoformat(),
        first=row.effective_from.isoformat() if row else "",
        last=row.effective_to.isoformat() if row and row.effective_to else "",
        requester_body=requester.operator.name.to(language) if requester else entry.requester,
        provider_body=provider.operator.name.to(language) if provider else entry.provider,
        requester_role=requester.role.name.to(language) if requester else "",
        provider_role=provider.role.name.to(language) if provider else "",
        assessed=tuple(_assessed(one, language) for one in (requester, provider) if one is not None),
        law=citation.text.to(language) if citation else "",
        verified=bool(citation and citation.verified) or bool(row and row.invented),
        invented=bool(row and row.invented),
        ordinance=row is not None and row.origin is law.Origin.ORDINANCE,
        consent=row is not None and row.consent_required,
        table_version=record.table_version,
        same_version=record.table_version == book.version,
        reason=_reason(record.reason, language) if denied else "",
    )


def _verdict(book: LawBook, entry: Entry, row: Row | None, day: date) -> Verdict:
    """What the law book says of the same question on the same day. What only the gateway saw is taken as met."""
    if row is None:
        return Verdict.UNKNOWN_ROW
    ask = law.Ask(entry.requester, entry.provider, entry.affair, entry.procedure, entry.item, day, consent=True)
    decision = law.decide(book, ask, Rulings(approvals={(entry.requester, row.id): day}))
    fits = isinstance(decision, law.Permit) and decision.row.id == row.id
    return Verdict.ALLOWED if fits else Verdict.DOUBTFUL


def _permitted(
    row: Row | None, requester: Institution | None, provider: Institution | None, day: date
) -> tuple[Checked, ...]:
    if row is None or requester is None or provider is None:
        return ()
    met = {
        Condition.OPERATOR: requester.operator.code != provider.operator.code,
        Condition.REQUESTER: requester.role.code in row.requester_roles,
        Condition.PROVIDER: provider.role.code in row.provider_roles,
        Condition.DATE: row.in_force(day),
        Condition.PIA: {pia_state(one, day) for one in (requester, provider)} == {PiaState.IN_ORDER},
    }
    told = {condition: How.MET if holds else How.FAILED for condition, holds in met.items()}
    told[Condition.ORDINANCE] = How.BY_GATEWAY if row.origin is law.Origin.ORDINANCE else How.NOT_NEEDED
    told[Condition.CONSENT] = How.BY_GATEWAY if row.consent_required else How.NOT_NEEDED
    told[Condition.STOP] = How.BY_GATEWAY
    return tuple(Checked(condition, told.get(condition, How.MET)) for condition in ORDER)


def _denied(reason: str) -> tuple[Checked, ...]:
    failed = _OF_REASON.get(reason)
    return tuple(Checked(one, How.FAILED if one is failed else How.OPEN) for one in ORDER) if failed else ()


def _assessed(institution: Institution, language: str) -> tuple[str, str, str]:
    filing = institution.pia
    days = (filing.published_on.isoformat(), filing.expires_on.isoformat()) if filing else ("", "")
    return institution.name.to(language), *days


def _reason(reason: str, language: str) -> str:
    return LinkageError(errors.Reason(reason)).text(language) if reason in set(errors.Reason) else reason
