"""What proves that a log contradicts itself: what was cosigned, what was shown instead, and how it was said to follow.

Kept as JSON, so that an auditor needs nothing of ours to read it; the notes in it carry the log's own signatures.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two heads that cannot both be of one log."""

    known: str | None
    """Signed note of the head that the witness had cosigned; None when it remembers none."""
    shown: str
    """Signed note that contradicts it."""
    proof: Sequence[bytes] = ()
    """Consistency proof that was shown with it."""

    def to_bytes(self) -> bytes:
        """As it is kept."""
        form = {
            "known": self.known,
            "shown": self.shown,
            "proof": [base64.b64encode(one).decode() for one in self.proof],
        }
        return json.dumps(form, ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_bytes(cls, kept: bytes) -> Self:
        """Read it again."""
        form = json.loads(kept)
        return cls(form["known"], form["shown"], tuple(base64.b64decode(one) for one in form["proof"]))
