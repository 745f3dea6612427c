"""Which epochs of code keys are valid, and which one an institution's codes are made under."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

EPOCHS_NAME = "epochs.json"
FIRST = 1
LARGEST = 255
"""An epoch is one byte of a code."""


@dataclass(frozen=True, slots=True)
class Epochs:
    """Accepted epochs and the present one.

    An institution compares codes byte by byte, so all codes that it is given at one time are of one epoch: the newest, or an earlier
    one while `lagging` names the institution, which has then not yet renewed the codes that it holds. Codes of any accepted epoch
    are understood when it sends them.
    """

    accepted: tuple[int, ...] = (FIRST,)
    lagging: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse epochs that could not work."""
        if not self.accepted or not all(FIRST <= epoch <= LARGEST for epoch in self.accepted):
            raise ValueError(f"epochs run from {FIRST} to {LARGEST}: {self.accepted}")
        if not set(self.lagging.values()) <= set(self.accepted):
            raise ValueError(f"institutions lag at epochs that are not accepted: {dict(self.lagging)}")

    def of(self, institution: str) -> int:
        """The epoch of the codes that `institution` is given now."""
        return self.lagging.get(institution, max(self.accepted))

    @classmethod
    def load(cls, folder: Path) -> Epochs:
        """Read `epochs.json` in a party's folder; without one, only the first epoch exists.

        Raises:
            ValueError: the file is not valid.
        """
        path = folder / EPOCHS_NAME
        if not path.exists():
            return cls()
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(tuple(values["accepted"]), dict(values.get("lagging", {})))
