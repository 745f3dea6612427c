"""Offline proofs of records: what citizens and institutions download and anyone checks without the network (c2sp.org/tlog-proof).

A file holds one proof or several, one after the other; each is a whole tlog-proof by itself and begins with that format's first line, so
that other people's tools check the parts (docs/PROTOCOL.md §14). Its `extra` is the serialised CommittedRecord: record, salt, commitment;
of a correction the CommittedEvent, which has the same form under another tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from warifu.exchange import event as events
from warifu.exchange import record
from warifu.exchange.logkeys import ORIGIN, LogKeys
from warifu.exchange.v1.exchange_pb2 import AccessRecord, CommittedRecord
from warifu.log.v1.log_pb2 import CommittedEvent, NetworkEvent
from warifu.tlog.bundle import LARGEST_BUNDLE, MalformedBundleError, ProofBundle
from warifu.tlog.checkpoint import Trust, Witnessed

LARGEST_FILE: Final = 4 * LARGEST_BUNDLE
"""Bytes of the longest file that is read."""
_BEGIN: Final = re.compile(r"^(?=c2sp\.org/tlog-proof@v1$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Proven:
    """A record that is in the log, as far as the file and the keys tell."""

    record: AccessRecord
    index: int
    """Its place, from 0."""
    head: Witnessed
    """The checkpoint that its path leads to, and when the witness cosigned it."""


@dataclass(frozen=True, slots=True)
class ProvenCorrection:
    """A correcting entry that is in the log, as far as the file and the keys tell."""

    event: NetworkEvent
    index: int
    """Its place, from 0."""
    head: Witnessed
    """See `Proven.head`."""


def trust(keys: LogKeys) -> Trust:
    """What a proof must be signed with: the log's key and its one witness'."""
    return Trust(ORIGIN, keys.log, (keys.witness,), 1)


def write(proofs: Iterable[ProofBundle]) -> str:
    """The content of a file."""
    return "".join(proof.raw for proof in proofs)


def read(raw: bytes) -> Sequence[ProofBundle]:
    """The proofs of a file, at least one; nothing of them is checked.

    Raises:
        MalformedBundleError: too long, not UTF-8, or something in it is no proof.
    """
    if len(raw) > LARGEST_FILE:
        raise MalformedBundleError(f"longer than {LARGEST_FILE} bytes")
    try:
        text = raw.decode()
    except UnicodeError as error:
        raise MalformedBundleError("not UTF-8") from error
    before, *parts = _BEGIN.split(text)
    if before or not parts:
        raise MalformedBundleError("a proof begins with c2sp.org/tlog-proof@v1")
    return [ProofBundle.parse(part) for part in parts]


def check(proof: ProofBundle, trusted: Trust) -> Proven:
    """The record of a proof, when commitment, path, checkpoint, signature and cosignature all fit.

    Raises:
        RecordError: the file brings no record, or one that its commitment does not fit.
        ProofError: the path does not lead from it to the checkpoint.
        NoteError: the checkpoint is not signed by the log and cosigned by the witness.
    """
    try:
        committed = CommittedRecord.FromString(proof.extra or b"")
    except DecodeError as error:
        raise record.RecordError("not a committed record") from error
    found = record.check(committed)
    return Proven(found, proof.index, proof.verify(committed.commitment, trusted))


def check_any(proof: ProofBundle, trusted: Trust) -> Proven | ProvenCorrection:
    """The same of a record or a correction.

    Raises:
        RecordError, ProofError, NoteError: see `check`.
    """
    try:
        committed = CommittedEvent.FromString(proof.extra or b"")
        found = events.check(committed)
    except (DecodeError, record.RecordError):
        return check(proof, trusted)
    if not found.HasField("correction"):
        raise record.RecordError("an event that is no correction")
    return ProvenCorrection(found, proof.index, proof.verify(committed.commitment, trusted))
