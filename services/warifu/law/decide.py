"""May this be asked? One pure function over the law book and what the supervisor rules (articles 19, 21 and 28; docs/GLOSSARY.md §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from warifu.law.book import LawBook
from warifu.law.model import Citation, Institution, Origin, Row
from warifu.law.pia import PiaState, pia_state


class Reason(StrEnum):
    """Every way in which the law book refuses. The prefix says whose side has to act."""

    CLIENT_INSTITUTION_UNKNOWN = "CLIENT_INSTITUTION_UNKNOWN"
    CLIENT_SAME_BODY = "CLIENT_SAME_BODY"
    CLIENT_REQUESTER_NOT_PERMITTED = "CLIENT_REQUESTER_NOT_PERMITTED"
    CLIENT_AFFAIR_NOT_PERMITTED = "CLIENT_AFFAIR_NOT_PERMITTED"
    CLIENT_PROCEDURE_NOT_PERMITTED = "CLIENT_PROCEDURE_NOT_PERMITTED"
    CLIENT_PROVIDER_NOT_PERMITTED = "CLIENT_PROVIDER_NOT_PERMITTED"
    CLIENT_ITEM_NOT_PERMITTED = "CLIENT_ITEM_NOT_PERMITTED"
    CLIENT_NOT_IN_FORCE = "CLIENT_NOT_IN_FORCE"
    CLIENT_ORDINANCE_NOT_APPROVED = "CLIENT_ORDINANCE_NOT_APPROVED"
    CLIENT_CONSENT_MISSING = "CLIENT_CONSENT_MISSING"
    CLIENT_PIA_MISSING = "CLIENT_PIA_MISSING"
    CLIENT_PIA_EXPIRED = "CLIENT_PIA_EXPIRED"
    PROVIDER_PIA_MISSING = "PROVIDER_PIA_MISSING"
    PROVIDER_PIA_EXPIRED = "PROVIDER_PIA_EXPIRED"
    CLIENT_PIA_BREACH = "CLIENT_PIA_BREACH"
    PROVIDER_PIA_BREACH = "PROVIDER_PIA_BREACH"
    CLIENT_STOPPED = "CLIENT_STOPPED"
    PROVIDER_STOPPED = "PROVIDER_STOPPED"


class Condition(StrEnum):
    """What an inquiry must satisfy; the names are those of warifu.linkage.v1.Denial.failed_condition."""

    REQUESTER = "requester"
    AFFAIR = "affair"
    PROCEDURE = "procedure"
    PROVIDER = "provider"
    ITEM = "item"
    DATE = "date"
    ORDINANCE = "ordinance"
    CONSENT = "consent"
    PIA = "pia"
    OPERATOR = "operator"
    STOP = "stop"


class Stopped(StrEnum):
    """Why the supervisor stopped an institution."""

    ART_28 = "art_28"
    """Its files breach article 28: the law's own ground to close the gate (article 21)."""
    BY_HAND = "by_hand"
    """No such power exists in law: the simulator's own."""


@dataclass(frozen=True, slots=True)
class Rulings:
    """What the supervisor has in force. By default nothing: nobody is stopped, and no ordinance use is approved."""

    stops: Mapping[str, tuple[Stopped, date]] = field(default_factory=dict)
    """By institution: why, and from which day on."""
    approvals: Mapping[tuple[str, str], date] = field(default_factory=dict)
    """By requester and row: from which day on the ordinance use counts."""

    def stopped(self, institution: Institution, day: date) -> Stopped | None:
        """Why the institution is stopped on `day`; None when it is not."""
        ground, since = self.stops.get(institution.code, (None, day))
        return ground if since <= day else None

    def approves(self, institution: Institution, row: Row, day: date) -> bool:
        """Whether the institution may use the row on `day`; a statutory row needs no approval."""
        since = self.approvals.get((institution.code, row.id))
        return row.origin is not Origin.ORDINANCE or (since is not None and since <= day)


NOTHING_RULED = Rulings()


@dataclass(frozen=True, slots=True)
class Ask:
    """One inquiry as the law sees it. Codes are exact: no case, width or space is forgiven."""

    requester: str
    """Institution code."""
    provider: str
    """Institution code."""
    affair: str
    procedure: str
    item: str
    on: date
    """The network's day in Japan."""
    consent: bool = False
    """The requester states that the person consented."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Allowed, by this row."""

    row: Row
    requester: Institution
    provider: Institution
    citation: Citation
    """The law in force on the day."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A row that came near, and the conditions of it that the inquiry failed, in the order of `Condition`."""

    row: Row
    failed: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Deny:
    """Refused. `warifu.law.explain.explain_denial` says it to a person."""

    reason: Reason
    failed_condition: Condition
    nearest: NearMiss | None
    """The row that came nearest; None when no row meets any condition."""
    also_near: tuple[NearMiss, ...]
    """Other rows that came just as near, when there are any."""
    ask: Ask
    requester: Institution | None
    provider: Institution | None

    @property
    def nearest_row(self) -> Row | None:
        """The row that came nearest."""
        return self.nearest.row if self.nearest else None


Decision = Permit | Deny

_REFUSED = {
    Condition.REQUESTER: Reason.CLIENT_REQUESTER_NOT_PERMITTED,
    Condition.AFFAIR: Reason.CLIENT_AFFAIR_NOT_PERMITTED,
    Condition.PROCEDURE: Reason.CLIENT_PROCEDURE_NOT_PERMITTED,
    Condition.PROVIDER: Reason.CLIENT_PROVIDER_NOT_PERMITTED,
    Condition.ITEM: Reason.CLIENT_ITEM_NOT_PERMITTED,
    Condition.DATE: Reason.CLIENT_NOT_IN_FORCE,
}
_NOTHING_MET = frozenset(_REFUSED) - {Condition.DATE}


def decide(book: LawBook, ask: Ask, rulings: Rulings = NOTHING_RULED) -> Decision:
    """Whether `ask` is allowed.

    Known and different bodies, a row in force and, where an ordinance is its origin, approved; consent where it needs one, assessments of
    both, and neither stopped.
    """
    requester = book.register.institutions.get(ask.requester)
    provider = book.register.institutions.get(ask.provider)
    if requester is None or provider is None:
        unknown = Condition.REQUESTER if requester is None else Condition.PROVIDER
        return _deny(book, ask, Reason.CLIENT_INSTITUTION_UNKNOWN, unknown, requester, provider)
    if requester.operator.code == provider.operator.code:
        return _deny(book, ask, Reason.CLIENT_SAME_BODY, Condition.OPERATOR, requester, provider)
    row = _row(book, ask, requester, provider)
    if row is None:
        return _not_allowed(book, ask, requester, provider)
    failure = _failure(row, ask, rulings, requester, provider)
    if failure is not None:
        return _fails(row, ask, *failure, requester, provider)
    return Permit(row, requester, provider, row.citation_on(ask.on))


def near_misses(book: LawBook, ask: Ask) -> list[NearMiss]:
    """Rows by how many conditions the inquiry fails, fewest first; rows of which it meets nothing but the date are left out.

    Among equals those come first whose requester, affair and procedure match: the caller meant one of its own. Then by id.
    """
    requester = book.register.institutions.get(ask.requester)
    provider = book.register.institutions.get(ask.provider)
    roles = (requester.role.code if requester else "", provider.role.code if provider else "")
    misses = [NearMiss(row, _failed(row, ask, *roles)) for row in book.table.rows.values()]
    return sorted((miss for miss in misses if not _NOTHING_MET.issubset(miss.failed)), key=_nearness)


def _row(book: LawBook, ask: Ask, requester: Institution, provider: Institution) -> Row | None:
    key = (requester.role.code, ask.affair, ask.procedure, provider.role.code, ask.item)
    for row in book.table.by_key.get(key, ()):
        if row.in_force(ask.on):
            return row
    return None


def _failure(
    row: Row, ask: Ask, rulings: Rulings, requester: Institution, provider: Institution
) -> tuple[Reason, Condition] | None:
    """What stands in the way of an inquiry for which there is a row."""
    if not rulings.approves(requester, row, ask.on):
        return Reason.CLIENT_ORDINANCE_NOT_APPROVED, Condition.ORDINANCE
    if row.consent_required and not ask.consent:
        return Reason.CLIENT_CONSENT_MISSING, Condition.CONSENT
    if (pia := _pia_problem(requester, provider, ask.on)) is not None:
        return pia, Condition.PIA
    return _stop(rulings, requester, provider, ask.on)


def _stop(
    rulings: Rulings, requester: Institution, provider: Institution, day: date
) -> tuple[Reason, Condition] | None:
    match rulings.stopped(requester, day):
        case Stopped.ART_28:
            return Reason.CLIENT_PIA_BREACH, Condition.PIA
        case Stopped.BY_HAND:
            return Reason.CLIENT_STOPPED, Condition.STOP
    match rulings.stopped(provider, day):
        case Stopped.ART_28:
            return Reason.PROVIDER_PIA_BREACH, Condition.PIA
        case Stopped.BY_HAND:
            return Reason.PROVIDER_STOPPED, Condition.STOP
    return None


def _pia_problem(requester: Institution, provider: Institution, day: date) -> Reason | None:
    match pia_state(requester, day):
        case PiaState.MISSING:
            return Reason.CLIENT_PIA_MISSING
        case PiaState.EXPIRED:
            return Reason.CLIENT_PIA_EXPIRED
    match pia_state(provider, day):
        case PiaState.MISSING:
            return Reason.PROVIDER_PIA_MISSING
        case PiaState.EXPIRED:
            return Reason.PROVIDER_PIA_EXPIRED
    return None


def _failed(row: Row, ask: Ask, requester_role: str, provider_role: str) -> tuple[Condition, ...]:
    met = (
        (Condition.REQUESTER, requester_role in row.requester_roles),
        (Condition.AFFAIR, ask.affair == row.affair.code),
        (Condition.PROCEDURE, ask.procedure == row.procedure.code),
        (Condition.PROVIDER, provider_role in row.provider_roles),
        (Condition.ITEM, ask.item == row.item),
        (Condition.DATE, row.in_force(ask.on)),
    )
    return tuple(condition for condition, holds in met if not holds)


def _nearness(miss: NearMiss) -> tuple[int, bool, bool, bool, str]:
    failed = miss.failed
    return (
        len(failed),
        Condition.REQUESTER in failed,
        Condition.AFFAIR in failed,
        Condition.PROCEDURE in failed,
        miss.row.id,
    )


def _not_allowed(book: LawBook, ask: Ask, requester: Institution, provider: Institution) -> Deny:
    deny = _deny(book, ask, Reason.CLIENT_REQUESTER_NOT_PERMITTED, Condition.REQUESTER, requester, provider)
    if deny.nearest is None:
        return deny
    condition = deny.nearest.failed[0]
    return replace(deny, reason=_REFUSED[condition], failed_condition=condition)


def _deny(
    book: LawBook,
    ask: Ask,
    reason: Reason,
    condition: Condition,
    requester: Institution | None,
    provider: Institution | None,
) -> Deny:
    misses = near_misses(book, ask)
    ties = tuple(miss for miss in misses[1:] if len(miss.failed) == len(misses[0].failed))
    return Deny(reason, condition, misses[0] if misses else None, ties, ask, requester, provider)


def _fails(
    row: Row, ask: Ask, reason: Reason, condition: Condition, requester: Institution, provider: Institution
) -> Deny:
    return Deny(reason, condition, NearMiss(row, (condition,)), (), ask, requester, provider)
