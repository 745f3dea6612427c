"""What the watchdog holds of an exchange, for the trainer's view (simulation only): one root over everything, which names nothing."""

from __future__ import annotations

from collections.abc import Sequence

from warifu.control.v1.control_pb2 import HeldValue, Holding
from warifu.watchdog.witness import Witness


def view(witness: Witness) -> Sequence[Holding]:
    """The head that was cosigned last, the same whatever exchange is asked for: the watchdog cannot tell one from another by it."""
    head = witness.head()
    if head is None:
        return []
    values = [
        HeldValue(name="size", text=str(head.size)),
        HeldValue(name="root", raw=head.root),
        HeldValue(name="note", text=head.note),
        HeldValue(name="cosigned_at", text=str(head.cosigned_at)),
    ]
    return [Holding(where="watchdog/head", values=values)]
