"""The witness: what it cosigns, what it refuses, and that it remembers before it answers (c2sp.org/tlog-witness).

`decide` is the whole rule, as values. `Witness` applies it within one transaction with the head it stands on, of which a store lets only one
write at a time, in whatever process: of two calls at once the second is judged by what the first left. The cosignature is made after the
head is durable.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.exchange.logkeys import LogKeyError, LogKeys
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.tlog.checkpoint import Checkpoint, Trust, Witnessed, read_checkpoint
from warifu.tlog.merkle import EMPTY_ROOT
from warifu.tlog.notes import MalformedNoteError, NoteError, WitnessSigner
from warifu.tlog.proofs import ProofError, check_consistency
from warifu.watchdog.evidence import Contradiction
from warifu.watchdog.findings import Finding, Findings, Kind, Told
from warifu.watchdog.schema import HEAD

_LOG: Final = logging.getLogger(__name__)
GATEWAY: Final = "gateway"

_READ: Final = select(HEAD.c.size, HEAD.c.root, HEAD.c.note, HEAD.c.cosigned_at).where(HEAD.c.log == bindparam("log"))
_BEGIN: Final = insert(HEAD)
_MOVE: Final = (
    update(HEAD)
    .where(HEAD.c.log == bindparam("of"))
    .values({name: bindparam(f"to_{name}") for name in ("size", "root", "note", "cosigned_at")})
)
_REASONS: Final = {
    Kind.SMALLER_TREE: Reason.CLIENT_CHECKPOINT_SMALLER,
    Kind.FORK: Reason.CLIENT_CHECKPOINT_FORKED,
    Kind.ALTERED_PAST: Reason.CLIENT_CHECKPOINT_INCONSISTENT,
}


@dataclass(frozen=True, slots=True)
class Head:
    """The head that was cosigned last."""

    size: int
    root: bytes
    note: str
    """Signed note of the log."""
    cosigned_at: int = 0
    """Machine milliseconds."""


@dataclass(frozen=True, slots=True)
class Cosign:
    """The checkpoint continues what was cosigned, or is the same."""


@dataclass(frozen=True, slots=True)
class Behind:
    """The caller does not know what was cosigned last: nothing is judged by a proof from elsewhere."""

    known_size: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """The checkpoint contradicts what was cosigned."""

    kind: Kind


Decision = Cosign | Behind | Refuse


def decide(known: Head | None, old_size: int, shown: Checkpoint, proof: Sequence[bytes]) -> Decision:
    """What to answer a log that shows `shown`, with a proof from `old_size`, after `known` was cosigned.

    Two roots of one size are a fork wherever the caller believes us to be. A smaller tree is held against the log only when it knows that
    we cosigned a larger one: a call that was overtaken by another is no misconduct.
    """
    size, root = (known.size, known.root) if known is not None else (0, EMPTY_ROOT)
    if known is not None and shown.size == size:
        return Cosign() if shown.root == root else Refuse(Kind.FORK)
    if old_size != size:
        return Behind(size)
    if shown.size < size:
        return Refuse(Kind.SMALLER_TREE)
    try:
        check_consistency(size, root, shown.size, shown.root, proof)
    except ProofError:
        return Refuse(Kind.ALTERED_PAST)
    return Cosign()


def contradiction(
    kind: Kind, known: Head | None, shown: Witnessed, proof: Sequence[bytes] = (), **told: Told
) -> Finding:
    """The finding that a log, or the witness' own memory, contradicts what was cosigned."""
    evidence = Contradiction(known.note if known is not None else None, shown.note.raw, tuple(proof))
    sizes = {"known": str(known.size if known is not None else 0), "shown": str(shown.checkpoint.size)}
    party = GATEWAY if kind != Kind.OWN_MEMORY else "watchdog"
    return Finding(kind, party, shown.note.text.encode(), evidence.to_bytes(), sizes | told)


class Witness:
    """The witness of the one log whose key is pinned. It remembers other logs' heads, and does not look at them."""

    def __init__(self, store: Store, clock: Clock, keys: LogKeys, signer: WitnessSigner, findings: Findings) -> None:
        """Begin from what `store` remembers.

        Raises:
            LogKeyError: the network does not pin the key that `signer` signs with.
        """
        if signer.key != keys.witness:
            raise LogKeyError(f"the network pins {keys.witness.vkey}, not the key that this witness signs with")
        self._store, self._clock, self._signer, self._findings = store, clock, signer, findings
        self._log = keys.log.vkey
        self._trust = Trust(keys.log.name, keys.log)
        self._own_trust = Trust(keys.log.name, keys.log, (keys.witness,), 1)

    def head(self) -> Head | None:
        """What was cosigned last; None before the first."""
        return self._store.read(self._stored)

    def read(self, raw: str) -> Witnessed:
        """A checkpoint that the log signed.

        Raises:
            NoteError: it is none, or not this log's.
        """
        return read_checkpoint(raw, self._trust)

    def read_own(self, raw: str) -> Witnessed:
        """A checkpoint that the log signed and this witness cosigned, whenever that was.

        Raises:
            NoteError: it is not.
        """
        return read_checkpoint(raw, self._own_trust)

    async def add(self, old_size: int, proof: Sequence[bytes], raw: str) -> str | Behind:
        """Judge a checkpoint: the line of the cosignature, or from where a proof has to begin.

        Raises:
            LinkageError: CLIENT_CHECKPOINT_…: not this log's; or it contradicts what was cosigned, which is a finding by then.
        """
        shown = self._shown(raw)
        decision = await self._store.write(lambda connection: self._judge(connection, old_size, shown, proof))
        match decision:
            case Behind():
                return decision
            case Refuse(kind):
                raise LinkageError(_REASONS[kind])
        return self._signer.sign(shown.note.text, self._clock.machine()).line

    async def recall(self, shown: Witnessed) -> bool:
        """Take up a head that carries this witness' own cosignature and that it does not remember; whether there was one.

        Without it a watchdog that was set back would go on from an older head, from which a fork could be shown to it.
        """
        return await self._store.write(lambda connection: self._take_up(connection, shown))

    def _shown(self, raw: str) -> Witnessed:
        try:
            return self.read(raw)
        except MalformedNoteError as error:
            raise LinkageError(
                Reason.CLIENT_MALFORMED, metadata={"field": "checkpoint", "problem": str(error)}
            ) from error
        except NoteError as error:
            raise LinkageError(Reason.CLIENT_CHECKPOINT_INVALID, metadata={"problem": str(error)}) from error

    def _judge(self, connection: Connection, old_size: int, shown: Witnessed, proof: Sequence[bytes]) -> Decision:
        known = self._stored(connection)
        decision = decide(known, old_size, shown.checkpoint, proof)
        match decision:
            case Cosign():
                self._move(connection, known, shown)
            case Refuse(kind):
                self._findings.add(connection, contradiction(kind, known, shown, proof))
        return decision

    def _take_up(self, connection: Connection, shown: Witnessed) -> bool:
        known = self._stored(connection)
        if known is not None and shown.checkpoint.size <= known.size:
            return False
        self._findings.add(connection, contradiction(Kind.OWN_MEMORY, known, shown))
        self._move(connection, known, shown)
        return True

    def _stored(self, connection: Connection) -> Head | None:
        row = connection.execute(_READ, {"log": self._log}).first()
        return Head(*row) if row is not None else None

    def _move(self, connection: Connection, known: Head | None, shown: Witnessed) -> None:
        head = {
            "size": shown.checkpoint.size,
            "root": shown.checkpoint.root,
            "note": shown.note.raw,
            "cosigned_at": milliseconds(self._clock.machine()),
        }
        if known is None:
            connection.execute(_BEGIN, [{"log": self._log} | head])
        else:
            connection.execute(_MOVE, {"of": self._log} | {f"to_{name}": value for name, value in head.items()})


def log_head(witness: Witness) -> None:
    """Write down where the memory stands, so that a log file tells when it went back."""
    head = witness.head()
    said = {"size": head.size, "root": head.root.hex()} if head is not None else {"size": 0}
    _LOG.info("cosigned last", extra=said)
