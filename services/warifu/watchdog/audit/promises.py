"""Checks of the gateway's promises, as institutions hold them, against what it recorded."""

from __future__ import annotations

from collections.abc import Iterator

from warifu.exchange import receipt
from warifu.kernel.errors import LinkageError
from warifu.watchdog.audit.cases import Case, Held
from warifu.watchdog.audit.findings import GATEWAY, Finding, Kind
from warifu.watchdog.audit.ground import Ground


def promise_broken(ground: Ground, case: Case) -> Iterator[Finding]:
    """The commitment that receipt and permit name is that of the gateway's record, and the receipt is the gateway's.

    A receipt by a key that the gateway has replaced since cannot be checked for its signature here.
    """
    for side in case.sides():
        held = side.request
        if held is None or not held.evidence.HasField("promised"):
            continue
        if case.asked is not None and held.evidence.promised != case.asked.committed.commitment:
            detail = f"{held.party} was promised another commitment"
            yield Finding(Kind.PROMISE_BROKEN, GATEWAY, case.request_id, detail)
        if _forged(ground, held):
            yield Finding(Kind.PROMISE_BROKEN, held.party, case.request_id, "its receipt is not the gateway's")


def _forged(ground: Ground, held: Held) -> bool:
    key, shown = ground.gateway_key, held.evidence.receipt
    if key is None or not held.evidence.HasField("receipt") or shown.signature.key_id != key.key_id:
        return False
    try:
        receipt.check(shown, key)
    except LinkageError:
        return True
    return shown.commitment != held.evidence.promised
