"""Checks of the log itself: its head, its leaves, and the heads that were shown to others or before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from warifu.kernel.limits import WITNESS_SILENCE
from warifu.tlog.checkpoint import Checkpoint, Trust, read_checkpoint
from warifu.tlog.frontier import Frontier
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.notes import NoteError
from warifu.watchdog.audit.findings import GATEWAY, Finding, Kind
from warifu.watchdog.audit.ground import Ground

_CHUNK = 256


def head_invalid(ground: Ground) -> Iterator[Finding]:
    """The newest head has both signatures, the witness' within the time in which exchanges would stop."""
    trust, note = ground.rules.trust, ground.read.witnessed
    try:
        if note is None:
            yield Finding(Kind.HEAD_INVALID, GATEWAY, "", "no head was ever cosigned")
        else:
            read_checkpoint(note, trust, now=ground.rules.now, max_age=timedelta(seconds=int(WITNESS_SILENCE)))
    except NoteError as error:
        yield Finding(Kind.HEAD_INVALID, GATEWAY, "", str(error))


def log_altered(ground: Ground) -> Iterator[Finding]:
    """All leaves, hashed anew, give the root of the newest head."""
    head = _head(ground.read.witnessed, ground.rules.trust)
    if head is None:
        return
    if ground.read.leaves_problem is not None:
        yield Finding(Kind.LOG_ALTERED, GATEWAY, "", f"leaves cannot be read: {ground.read.leaves_problem}")
    elif _roots(ground).get(head.size) != head.root:
        yield Finding(Kind.LOG_ALTERED, GATEWAY, "", f"{head.size} leaves do not hash to the signed root")


def log_forked(ground: Ground) -> Iterator[Finding]:
    """What everyone is shown, and what we were shown last time, are beginnings of this log."""
    head = _head(ground.read.witnessed, ground.rules.trust)
    for told, note in (("everyone is shown", ground.read.published), ("we were shown last time", ground.read.previous)):
        other = _head(note, _log_alone(ground.rules.trust))
        if other is None or head is None or ground.read.leaves_problem is not None:
            continue
        if other.size > head.size:
            yield Finding(Kind.LOG_FORKED, GATEWAY, "", f"{told} {other.size} leaves, the parties {head.size}")
        elif _roots(ground).get(other.size) != other.root:
            yield Finding(Kind.LOG_FORKED, GATEWAY, "", f"{told} other {other.size} leaves than the parties")


def _head(note: str | None, trust: Trust) -> Checkpoint | None:
    try:
        return read_checkpoint(note, trust).checkpoint if note is not None else None
    except NoteError:
        return None


def _log_alone(trust: Trust) -> Trust:
    """What the log signed binds it, cosigned or not: before the first cosignature it shows heads without one."""
    return Trust(trust.origin, trust.log)


def _roots(ground: Ground) -> dict[int, bytes]:
    """The roots at the sizes of all heads, in one pass over the leaves."""
    if ground.roots is None:
        trust = _log_alone(ground.rules.trust)
        notes = (ground.read.witnessed, ground.read.published, ground.read.previous)
        sizes = sorted({head.size for note in notes if (head := _head(note, trust)) is not None})
        ground.roots = _hashed(ground, sizes)
    return dict(ground.roots)


def _hashed(ground: Ground, sizes: list[int]) -> dict[int, bytes]:
    leaves = ground.scratch.rows("SELECT idx, commitment FROM leaf ORDER BY idx")
    edge = Frontier()
    roots: dict[int, bytes] = {}
    for size in sizes:
        while edge.size < size:
            chunk = list(islice(leaves, min(_CHUNK, size - edge.size)))
            if not chunk or [index for index, _ in chunk] != list(range(edge.size, edge.size + len(chunk))):
                return roots
            edge = edge.append([leaf_hash(commitment) for _, commitment in chunk])
        roots[size] = edge.root
    return roots
