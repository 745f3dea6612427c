"""What was issued to whom, when, and what was revoked: JSON lines in the authority's folder, only ever added to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from warifu.authority.files import SECRET


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate."""

    serial: int
    name: str
    """SPIFFE URI of a client, DNS name of a server."""
    issued_at: datetime
    not_after: datetime
    revoked_at: datetime | None = None


class Register:
    """The register in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add_issued(self, entries: Iterable[Issued]) -> None:
        """Note certificates, durable before they are handed out."""
        self._append(
            {
                "event": "issued",
                "serial": f"{entry.serial:x}",
                "name": entry.name,
                "issued_at": entry.issued_at.isoformat(),
                "not_after": entry.not_after.isoformat(),
            }
            for entry in entries
        )

    def add_revoked(self, serial: int, revoked_at: datetime) -> None:
        """Note a revocation, durable."""
        self._append([{"event": "revoked", "serial": f"{serial:x}", "revoked_at": revoked_at.isoformat()}])

    def entries(self) -> list[Issued]:
        """Everything issued, in order, each with its revocation if there was one.

        Raises:
            ValueError: the file is damaged; the message names the line.
        """
        issued: dict[int, Issued] = {}
        for number, line in enumerate(self._lines(), 1):
            try:
                _apply(issued, json.loads(line))
            except (ValueError, KeyError) as error:
                raise ValueError(f"{self._path}, line {number}: not an entry of the register") from error
        return list(issued.values())

    def _lines(self) -> list[str]:
        return self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []

    def _append(self, events: Iterable[Mapping[str, str]]) -> None:
        content = "".join(json.dumps(event) + "\n" for event in events).encode()
        descriptor = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, SECRET)
        with os.fdopen(descriptor, "ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _apply(issued: dict[int, Issued], event: Mapping[str, Any]) -> None:
    serial = int(event["serial"], 16)
    if event["event"] == "issued":
        dates = (datetime.fromisoformat(event["issued_at"]), datetime.fromisoformat(event["not_after"]))
        issued[serial] = Issued(serial, event["name"], *dates)
        return
    before = issued[serial]
    issued[serial] = Issued(
        serial, before.name, before.issued_at, before.not_after, datetime.fromisoformat(event["revoked_at"])
    )
