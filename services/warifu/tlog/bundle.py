"""A proof in one file, to be checked years later and without the network: c2sp.org/tlog-proof.

The file holds the leaf's index and path and the checkpoint that they lead to, with the signatures of log and witnesses. `extra` is the
application's: nothing authenticates it but the leaf that the application computes from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from warifu.tlog.checkpoint import Trust, Witnessed, read_checkpoint
from warifu.tlog.merkle import HASH_SIZE, LARGEST_SIZE, LONGEST_PATH, leaf_hash
from warifu.tlog.proofs import ProofError, check_inclusion
from warifu.tlog.strict import from_base64, to_base64, utf8

SUFFIX: Final = ".tlog-proof"
"""Ending of the names of such files."""
LARGEST_BUNDLE: Final = 1 << 20
"""Bytes of the longest file that is read."""
_HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")


class MalformedBundleError(ProofError):
    """Not a proof file: its form is broken."""


@dataclass(frozen=True, slots=True)
class ProofBundle:
    """That an entry is in a log, to be checked offline. None of it is checked before `verify`."""

    index: int
    """Place of the entry, from 0."""
    path: tuple[bytes, ...]
    """Audit path, lowest level first."""
    checkpoint: str
    """The signed note, word for word."""
    extra: bytes | None = None
    """What the application needs to compute the entry."""

    @classmethod
    def parse(cls, raw: str | bytes) -> Self:
        """Read a file.

        Raises:
            MalformedBundleError: too long, or not in the form that the specification wants.
        """
        head, blank, checkpoint = _decoded(raw).partition("\n\n")
        header, *lines = head.split("\n")
        if header != _HEADER or not blank:
            raise MalformedBundleError(f"a proof begins with {_HEADER} and ends with a checkpoint")
        extra = _unbase64(lines.pop(0)[len("extra ") :]) if lines and lines[0].startswith("extra ") else None
        match = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if match is None or int(match[1]) >= LARGEST_SIZE:
            raise MalformedBundleError("a proof names an index, decimal, without leading zeros")
        return cls(int(match[1]), _path(lines), checkpoint, extra)

    @property
    def raw(self) -> str:
        """The file's content."""
        extra = [] if self.extra is None else [f"extra {to_base64(self.extra)}"]
        lines = [_HEADER, *extra, f"index {self.index}", *map(to_base64, self.path), "", self.checkpoint]
        return "\n".join(lines)

    def verify(
        self, entry: bytes, trust: Trust, *, now: datetime | None = None, max_age: timedelta | None = None
    ) -> Witnessed:
        """See that `entry` is in the log that `trust` names, in a tree that log and witnesses have signed; returns that tree's head.

        The caller computes `entry` from what it holds itself, or from `extra`. Without `max_age` any age will do: a proof stays one.

        Raises:
            ProofError: the path does not lead from the entry to the checkpoint.
            NoteError: the checkpoint is not to be relied on, as for `read_checkpoint`.
        """
        head = read_checkpoint(self.checkpoint, trust, now=now, max_age=max_age)
        check_inclusion(leaf_hash(entry), self.index, head.checkpoint.size, self.path, head.checkpoint.root)
        return head


def _decoded(raw: str | bytes) -> str:
    try:
        return utf8(raw, LARGEST_BUNDLE)
    except ValueError as error:
        raise MalformedBundleError(f"a proof is {error}") from error


def _path(lines: list[str]) -> tuple[bytes, ...]:
    if len(lines) > LONGEST_PATH:
        raise MalformedBundleError(f"a path has at most {LONGEST_PATH} hashes")
    path = tuple(map(_unbase64, lines))
    if any(len(item) != HASH_SIZE for item in path):
        raise MalformedBundleError(f"a path is of hashes of {HASH_SIZE} bytes")
    return path


def _unbase64(text: str) -> bytes:
    try:
        return from_base64(text)
    except ValueError as error:
        raise MalformedBundleError(f"a line of the proof is {error}") from error
