"""Copies of the month keys, which backups keep apart from their archives; they follow the network, so that what is erased stays erased.

A copy is one JSON file: {"network": fingerprint of the root of trust, "keys": {path in the state folder: {"first": month, "link": hex}}}.
An archive is never changed. What it holds of a month becomes unreadable when the copy's links are moved beyond that month, as the living
network's were: `network.json` lists the copies, and each one that can be reached is moved whenever the network runs or is backed up.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from warifu.kernel.limits import RETENTION
from warifu.kernel.months import Month
from warifu.kernel.vault import LINK_SIZE, later, replace_secret
from warifu.simulator.launcher import setup
from warifu.simulator.state import NetworkFile, StateError

SUFFIX: Final = ".keys"
"""After an archive's name: where its copy of the keys lies, when nobody says otherwise."""
_LOG: Final = logging.getLogger(__name__)
_ENDING: Final = ".months.json"
_PLACE: Final = re.compile(r"[a-z0-9_][a-z0-9_-]*(\.[a-z0-9_]+)?/secrets/[A-Za-z0-9-]+\.months\.json", re.ASCII)


@dataclass(frozen=True, slots=True)
class Copy:
    """Month keys of all parties of one network."""

    network: str
    """Fingerprint of its root of trust, in hexadecimal."""
    keys: dict[str, tuple[Month, bytes]]
    """First month and link, by path in the state folder."""

    @classmethod
    def of(cls, state: Path) -> Copy:
        """The keys that a network holds now."""
        found = sorted(str(path.relative_to(state)) for path in state.glob(f"*/secrets/*{_ENDING}"))
        places = [place for place in found if _PLACE.fullmatch(place)]
        return cls(fingerprint(state), {place: _link(json.loads((state / place).read_bytes())) for place in places})

    @classmethod
    def load(cls, path: Path) -> Copy:
        """Read a copy.

        Raises:
            OSError: it cannot be reached.
            ValueError: it is none.
        """
        try:
            values = json.loads(path.read_text(encoding="ascii"))
            copy = cls(str(values["network"]), {place: _link(key) for place, key in values["keys"].items()})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} holds no month keys") from error
        if not all(map(_PLACE.fullmatch, copy.keys)):
            raise ValueError(f"{path} names a place where no month keys belong")
        return copy

    def text(self) -> str:
        """As the file has it."""
        keys = {place: {"first": first, "link": link.hex()} for place, (first, link) in self.keys.items()}
        return json.dumps({"network": self.network, "keys": keys}, indent=1) + "\n"

    def after(self, living: Copy) -> Copy:
        """These keys, moved on to what the living network still holds."""
        firsts = {place: max(first, living.keys.get(place, (0, b""))[0]) for place, (first, _) in self.keys.items()}
        moved = {place: later(link, firsts[place] - first) for place, (first, link) in self.keys.items()}
        return Copy(self.network, {place: (firsts[place], link) for place, link in moved.items()})

    @property
    def first(self) -> Month:
        """The oldest month of which something can be opened; 0 without keys."""
        return min((first for first, _ in self.keys.values()), default=0)

    @property
    def last(self) -> Month:
        """The month before which some party has destroyed its keys; 0 without keys."""
        return max((first for first, _ in self.keys.values()), default=0)


def is_left_out(name: str) -> bool:
    """Whether a file of a state folder is month or day keys, by its name: those are never in an archive. Days' keys are in no copy either."""
    return name.endswith((_ENDING, ".days.json"))


def make(state: Path, file: NetworkFile, path: Path) -> None:
    """Copy the keys of a network that does not run to a new file, readable by the owner alone, and remember where.

    Raises:
        StateError: the file exists or cannot be written.
    """
    copy, before = Copy.of(state), dict(file.key_copies)
    file.key_copies = {**before, str(path.absolute()): copy.first}
    file.save(state)  # before there is a copy that nobody knows of
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        file.key_copies = before
        file.save(state)
        raise StateError(
            f"{path} に書き込めません: {error.strerror}", f"cannot write {path}: {error.strerror}"
        ) from error
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(copy.text())
        out.flush()
        os.fsync(out.fileno())


def lay(path: Path, state: Path) -> None:
    """Lay the keys of a copy into a state folder that an archive was laid into; its clock goes on no earlier than they allow.

    Raises:
        StateError: the copy is missing, damaged, or another network's.
    """
    try:
        copy = Copy.load(path)
    except FileNotFoundError:
        raise StateError(
            f"月の鍵の写し {path} がありません。バックアップと一緒に作られたファイルを --keys で指定してください。鍵がなければ照会の内容は誰にも読めません。",
            f"{path}, the copy of the month keys, is missing. Name the file that was made with the backup: --keys FILE. Without it nobody can read what exchanges were about.",
        ) from None
    except (OSError, ValueError) as error:
        raise StateError(
            f"{path} を月の鍵として読めません: {error}", f"{path} cannot be read as month keys: {error}"
        ) from error
    if copy.network != fingerprint(state):
        raise StateError(
            f"{path} は別のネットワークの鍵です。このバックアップと一緒に作られたファイルを --keys で指定してください。",
            f"{path} holds the keys of another network. Name the file that was made with this backup: --keys FILE.",
        )
    for place, (first, link) in copy.keys.items():
        (state / place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_secret(state / place, json.dumps({"first": first, "link": link.hex()}))


def follow(state: Path, file: NetworkFile) -> None:
    """Move every copy that can be reached on to what the network still holds."""
    if not file.key_copies:
        return
    living, known = Copy.of(state), dict(file.key_copies)
    for name in known:
        copy = _reached(Path(name), living.network)
        if copy is None:
            continue
        moved = copy.after(living)
        if moved != copy:
            try:
                replace_secret(Path(name), moved.text())
            except OSError as error:
                _LOG.warning("a copy of the month keys cannot be written", extra={"file": name}, exc_info=error)
                continue
        known[name] = moved.first
    if known != file.key_copies:
        file.key_copies = known
        file.save(state)


def forget(state: Path, file: NetworkFile, path: Path) -> None:
    """Strike a copy that was destroyed from the list.

    Raises:
        StateError: the network knows of no such copy.
    """
    if file.key_copies.pop(str(path.absolute()), None) is None:
        listed = ", ".join(file.key_copies) or "–"
        raise StateError(
            f"{path} という写しはありません。ある写し: {listed}", f"no copy is known as {path}; there are: {listed}"
        )
    file.save(state)


def behind(state: Path, file: NetworkFile) -> Sequence[tuple[str, Month]]:
    """Copies that cannot be reached although something was erased that they open: path, and the month from which they open."""
    living = Copy.of(state)
    lagging = [(name, first) for name, first in file.key_copies.items() if first < living.last]
    return [(name, first) for name, first in lagging if _reached(Path(name), living.network) is None]


def due(state: Path) -> datetime | None:
    """When what the network's keys do not open any more was to be erased at the earliest: its clock has been there. None without keys."""
    if not (last := Copy.of(state).last):
        return None
    month = last + RETENTION
    return datetime.combine(date(month // 12, month % 12 + 1, 1), setup.OFFICE_OPENS)


def _reached(path: Path, network: str) -> Copy | None:
    try:
        copy = Copy.load(path)
    except (OSError, ValueError):
        return None
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return copy if writable and copy.network == network else None


def _link(values: dict[str, object]) -> tuple[Month, bytes]:
    first, link = int(str(values["first"])), bytes.fromhex(str(values["link"]))
    if len(link) != LINK_SIZE:
        raise ValueError(f"a link has {LINK_SIZE} bytes")
    return first, link


def fingerprint(state: Path) -> str:
    """What tells networks apart: the digest of the root of trust, which stays through backups."""
    return sha256((state / "ca" / "root.pem").read_bytes()).hexdigest()
