"""Checks of corrections: entered by who took part, about what came to an end, and shown to whoever is shown the exchange."""

from __future__ import annotations

from collections.abc import Iterator

from warifu.watchdog.audit.cases import Case, Corrected
from warifu.watchdog.audit.findings import GATEWAY, PORTAL, Finding, Kind
from warifu.watchdog.audit.ground import Ground


def correction_unfounded(ground: Ground, case: Case) -> Iterator[Finding]:
    """Every correction is by an institution that took part in the exchange, and came after its end."""
    del ground
    for one in case.entered:
        if (problem := _problem(case, one)) is not None:
            yield Finding(Kind.CORRECTION_UNFOUNDED, GATEWAY, one.name, problem)


def correction_missing(ground: Ground, case: Case) -> Iterator[Finding]:
    """Whoever is shown an exchange is shown its corrections."""
    if PORTAL in ground.read.unreadable or not case.shown:
        return
    known = {one.commitment for one in case.told}
    for one in case.entered:
        if one.leaf is not None and one.commitment not in known:
            yield Finding(Kind.CORRECTION_MISSING, PORTAL, case.request_id, "a correction is not shown")


def correction_extra(ground: Ground, case: Case) -> Iterator[Finding]:
    """A correction that is shown is one that the gateway entered, bit by bit and at its place."""
    del ground
    entered = {one.commitment: one for one in case.entered}
    for one in case.told:
        ours = entered.get(one.commitment)
        if ours is None:
            if not one.late:
                yield Finding(Kind.CORRECTION_EXTRA, PORTAL, case.request_id, "the gateway entered no such correction")
        elif one.event != ours.event:
            yield Finding(Kind.CORRECTION_EXTRA, PORTAL, case.request_id, "another content of the correction")
        elif None not in {one.leaf, ours.leaf} and one.leaf != ours.leaf:
            detail = f"a correction said to be leaf {one.leaf}, is {ours.leaf}"
            yield Finding(Kind.CORRECTION_EXTRA, PORTAL, case.request_id, detail)


def _problem(case: Case, one: Corrected) -> str | None:
    asked, ended = case.asked, case.ended
    if asked is None:
        return "a correction of an exchange that is not recorded"
    parties = {asked.record.requester}
    if asked.permit_hash is not None:
        parties.add(asked.record.provider)
    if one.said.institution not in parties:
        return f"{one.said.institution} took no part in the exchange that it corrects"
    if ended is None or ended.position > one.position:
        return "a correction before the exchange came to its end"
    return None
