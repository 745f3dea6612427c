"""The registry: one check a kind of finding. Each is needed; a test takes each away and sees its lie go unnoticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from warifu.watchdog.audit import corrections, entries, portal, promises, rules, sides, tree
from warifu.watchdog.audit.cases import Case
from warifu.watchdog.audit.findings import Finding, Kind
from warifu.watchdog.audit.ground import Ground


def unreadable(ground: Ground) -> Iterator[Finding]:
    """Every party shows its records."""
    for party, why in sorted(ground.read.unreadable.items()):
        yield Finding(Kind.UNREADABLE, party, "", why)


WHOLE: Final[Mapping[Kind, Callable[[Ground], Iterator[Finding]]]] = {
    Kind.UNREADABLE: unreadable,
    Kind.HEAD_INVALID: tree.head_invalid,
    Kind.LOG_ALTERED: tree.log_altered,
    Kind.LOG_FORKED: tree.log_forked,
    Kind.COMMITMENT_BROKEN: entries.commitment_broken,
    Kind.LEAF_DIFFERS: entries.leaf_differs,
    Kind.LEAF_WITHOUT_RECORD: entries.leaf_without_record,
    Kind.RECORD_WITHOUT_LEAF: entries.record_without_leaf,
    Kind.ERASED_EARLY: entries.erased_early,
    Kind.TABLE_UNLOGGED: rules.table_unlogged,
    Kind.DIRECTORY_UNLOGGED: rules.directory_unlogged,
    Kind.RIGHTS_UNLOGGED: rules.rights_unlogged,
    Kind.RULINGS_FORGED: rules.rulings_forged,
}
"""Checks of the network as a whole."""
EACH: Final[Mapping[Kind, Callable[[Ground, Case], Iterator[Finding]]]] = {
    Kind.BASIS_UNLAWFUL: rules.basis_unlawful,
    Kind.RECORDED_TWICE: sides.recorded_twice,
    Kind.MISSING_AT_GATEWAY: sides.missing_at_gateway,
    Kind.MISSING_AT_REQUESTER: sides.missing_at_requester,
    Kind.MISSING_AT_PROVIDER: sides.missing_at_provider,
    Kind.EXTRA_AT_PROVIDER: sides.extra_at_provider,
    Kind.FIELD_DIFFERS: sides.field_differs,
    Kind.BASIS_DIFFERS: sides.basis_differs,
    Kind.TIME_DIFFERS: sides.time_differs,
    Kind.OUTCOME_DIFFERS: sides.outcome_differs,
    Kind.ANSWER_DIFFERS: sides.answer_differs,
    Kind.CONTENT_ALTERED: sides.content_altered,
    Kind.PROMISE_BROKEN: promises.promise_broken,
    Kind.PORTAL_MISSING: portal.portal_missing,
    Kind.PORTAL_DIFFERS: portal.portal_differs,
    Kind.PORTAL_WITHHELD: portal.portal_withheld,
    Kind.PORTAL_EXTRA: portal.portal_extra,
    Kind.CORRECTION_UNFOUNDED: corrections.correction_unfounded,
    Kind.CORRECTION_MISSING: corrections.correction_missing,
    Kind.CORRECTION_EXTRA: corrections.correction_extra,
}
"""Checks of one exchange."""
LAGGING: Final = frozenset(
    {Kind.MISSING_AT_REQUESTER, Kind.MISSING_AT_PROVIDER, Kind.PORTAL_MISSING, Kind.CORRECTION_MISSING}
)
"""What a living network mends by itself within a moment: read once more before it counts."""
