"""A log by the definitions of RFC 6962 §2.1 and c2sp.org/tlog-tiles, word for word and slow: what witnesses and readers are tested with.

It shares no code with the program, and unlike a log it may say anything: shrink, fork, rewrite, serve other tiles than it signs.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise

from nacl.signing import SigningKey

ORIGIN = "warifu.example/access-log"
WIDTH = 256


def mth(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash of leaf data."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def consistency(old: int, leaves: list[bytes]) -> list[bytes]:
    """PROOF(m, D[n])."""
    return _subproof(old, leaves, whole=True) if 0 < old < len(leaves) else []


def _subproof(m: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m <= k:
        return [*_subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*_subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def leaf(number: int, branch: str = "") -> bytes:
    """Leaf data as of this network: 32 bytes."""
    return sha256(f"{branch}/{number}".encode()).digest()


@dataclass
class NaiveLog:
    """Leaves and a key."""

    seed: bytes
    leaves: list[bytes] = field(default_factory=list)
    origin: str = ORIGIN

    def grow(self, count: int, branch: str = "") -> NaiveLog:
        """Append; itself again."""
        self.leaves += [leaf(len(self.leaves) + at, branch) for at in range(count)]
        return self

    def copy(self) -> NaiveLog:
        """Another log with the same key and leaves."""
        return NaiveLog(self.seed, list(self.leaves), self.origin)

    @property
    def size(self) -> int:
        """Leaves."""
        return len(self.leaves)

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves, of all by default."""
        return mth(self.leaves[:size])

    def proof(self, old: int, size: int | None = None) -> list[bytes]:
        """That the first `size` leaves continue the first `old`."""
        return consistency(old, self.leaves[:size])

    def text(self, size: int | None = None) -> str:
        """A checkpoint's text."""
        size = self.size if size is None else size
        return f"{self.origin}\n{size}\n{base64.b64encode(self.root(size)).decode()}\n"

    def note(self, size: int | None = None, *, extra: str = "") -> str:
        """A signed checkpoint; `extra` lines are signed too."""
        text = self.text(size) + extra
        key = SigningKey(self.seed)
        key_id = sha256(f"{self.origin}\n".encode() + b"\x01" + bytes(key.verify_key)).digest()[:4]
        signature = base64.b64encode(key_id + key.sign(text.encode()).signature).decode()
        return f"{text}\n— {self.origin} {signature}\n"

    def tile(self, path: str) -> bytes:
        """What is served at a path; LookupError when the log is not that large."""
        name, _, width = path.partition(".p/")
        _, level, *groups = name.split("/")
        index = int("".join(group.removeprefix("x") for group in groups))
        first, last = index * WIDTH, index * WIDTH + int(width or WIDTH)
        if level == "entries":
            chosen = self.leaves[first:last]
            if len(chosen) < last - first:
                raise LookupError(path)
            return b"".join(len(one).to_bytes(2, "big") + one for one in chosen)
        span = WIDTH ** int(level)
        bounds = [place * span for place in range(first, last + 1)]
        if bounds[-1] > self.size:
            raise LookupError(path)
        return b"".join(mth(self.leaves[start:end]) for start, end in pairwise(bounds))


def cosigned(note: str, witness: str, seed: bytes, time: int) -> str:
    """The note with a cosignature/v1 of a witness."""
    text = note[: note.rindex("\n\n") + 1]
    key = SigningKey(seed)
    signature = key.sign(f"cosignature/v1\ntime {time}\n{text}".encode()).signature
    key_id = sha256(f"{witness}\n".encode() + b"\x04" + bytes(key.verify_key)).digest()[:4]
    line = base64.b64encode(key_id + time.to_bytes(8, "big") + signature).decode()
    return f"{note}— {witness} {line}\n"
