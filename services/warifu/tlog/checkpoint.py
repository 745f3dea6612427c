"""Checkpoints: the head of a log's tree as a signed note, cosigned by witnesses (c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature).

A log states size and root; a witness states that this tree continued the one that it saw before. Who relies on a log demands both, by a
`Trust`, and the second to be recent, so that nobody is kept on an old head.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from warifu.tlog.merkle import EMPTY_ROOT, HASH_SIZE, LARGEST_SIZE
from warifu.tlog.notes import LogKey, LogSigner, Note, NoteError, UnsignedNoteError, WitnessKey
from warifu.tlog.strict import from_base64, to_base64

CLOCK_SKEW: Final = timedelta(seconds=30)
"""How far ahead of the reader's clock a witness' clock may be."""
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_UNPRINTED: Final = re.compile(r"[\x00-\x1f]")


class CheckpointError(NoteError):
    """A checkpoint that must not be relied on."""


class MalformedCheckpointError(CheckpointError):
    """A note that is no checkpoint, or one of another log."""


class UnwitnessedError(CheckpointError):
    """Too few witnesses have cosigned."""


class StaleCheckpointError(CheckpointError):
    """Too few witnesses have cosigned of late, or one did so in the future."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: what a log signs."""

    origin: str
    """Which log."""
    size: int
    """Leaves."""
    root: bytes
    """32 bytes."""
    extensions: tuple[str, ...] = ()
    """Further lines, which mean nothing here but are signed."""

    def __post_init__(self) -> None:
        """Refuse what cannot be written.

        Raises:
            MalformedCheckpointError: an empty line, a control character, a size or root that no tree has.
        """
        lines = (self.origin, *self.extensions)
        if not all(lines) or any(_UNPRINTED.search(line) for line in lines):
            raise MalformedCheckpointError("lines of a checkpoint are not empty and have no control characters")
        if not 0 <= self.size <= LARGEST_SIZE or len(self.root) != HASH_SIZE:
            raise MalformedCheckpointError(f"no tree has {self.size} leaves and a root of {len(self.root)} bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise MalformedCheckpointError("the root of an empty tree is the hash of nothing")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a note's text.

        Raises:
            MalformedCheckpointError: not three lines or more, a size with leading zeros or beyond 63 bits, a root that is not 32 bytes.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() != "":  # noqa: PLR2004 - origin, size, root and the end
            raise MalformedCheckpointError("a checkpoint has an origin, a size and a root, each on a line")
        origin, size, root, *extensions = lines
        if _NUMBER.fullmatch(size) is None:
            raise MalformedCheckpointError("the size of a tree is decimal, without leading zeros")
        return cls(origin, int(size), _hash(root), tuple(extensions))

    @property
    def text(self) -> str:
        """The text of the note."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    def signed(self, signer: LogSigner) -> Note:
        """The checkpoint as a note with the log's signature.

        A log signs nothing that contradicts what it signed before: that is the caller's to see to, in the transaction that stores it.
        """
        return Note(self.text, (signer.sign(self.text),))


@dataclass(frozen=True, slots=True)
class Trust:
    """Which log is believed, on whose word."""

    origin: str
    log: LogKey
    witnesses: tuple[WitnessKey, ...] = ()
    quorum: int = 0
    """How many of the witnesses have to have cosigned."""

    def __post_init__(self) -> None:
        """Refuse a policy that can never be met, or be met by one witness for two.

        Raises:
            ValueError: the quorum is not 0 to the number of witnesses, or two of them share a name or a key.
        """
        names, keys = {item.name for item in self.witnesses}, {item.public for item in self.witnesses}
        if not 0 <= self.quorum <= len(self.witnesses) or min(len(names), len(keys)) != len(self.witnesses):
            raise ValueError(f"{self.quorum} of {len(self.witnesses)} witnesses, each with a name and a key of its own")


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint that was checked against a `Trust`."""

    checkpoint: Checkpoint
    note: Note
    cosigned: Mapping[str, datetime]
    """When each trusted witness cosigned it, by the name of its key; those that did not are left out."""


def read_checkpoint(
    raw: str | bytes, trust: Trust, *, now: datetime | None = None, max_age: timedelta | None = None
) -> Witnessed:
    """The checkpoint in a signed note: the log's signature fits, and as many witnesses as trust demands have cosigned.

    With `max_age` only cosignatures of the time from `now - max_age` to `now` plus 30 seconds count.

    Raises:
        MalformedNoteError, MalformedCheckpointError: not a checkpoint, or another log's.
        UnsignedNoteError: not signed by the log.
        ForgedNoteError: a signature in the name of the log or of a trusted witness does not fit.
        UnwitnessedError: too few cosignatures.
        StaleCheckpointError: enough, but too few of the right time.
    """
    note = Note.parse(raw)
    trust.log.check(note)
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != trust.origin:
        raise MalformedCheckpointError(f"a checkpoint of {checkpoint.origin}, not of {trust.origin}")
    cosigned = _cosigned(note, trust)
    if len(cosigned) < trust.quorum:
        raise UnwitnessedError(f"cosigned by {len(cosigned)} of {trust.quorum} witnesses")
    if max_age is not None:
        if now is None:
            raise ValueError("an age is judged at a time")
        _check_fresh(cosigned, trust.quorum, now, max_age)
    return Witnessed(checkpoint, note, cosigned)


def _cosigned(note: Note, trust: Trust) -> dict[str, datetime]:
    times = {}
    for witness in trust.witnesses:
        try:
            times[witness.name] = witness.check(note)
        except UnsignedNoteError:
            continue
    return times


def _check_fresh(cosigned: Mapping[str, datetime], quorum: int, now: datetime, max_age: timedelta) -> None:
    fresh = [time for time in cosigned.values() if now - max_age <= time <= now + CLOCK_SKEW]
    if len(fresh) < quorum:
        newest = max(cosigned.values()).isoformat()
        raise StaleCheckpointError(f"last cosigned at {newest}, which is not within {max_age} before {now.isoformat()}")


def _hash(text: str) -> bytes:
    try:
        return from_base64(text)
    except ValueError as error:
        raise MalformedCheckpointError(f"the root of a tree is {error}") from error
