"""Trees and logs by the letter of the RFC and of tlog-tiles, slow and plain: what the package under test is held against."""

import asyncio
from functools import cache, lru_cache
from hashlib import sha256

from warifu.tlog.proofs import TileMissingError

MOST = 2000
ENTRIES = [sha256(str(n).encode()).digest() for n in range(MOST)]
LEAVES = [sha256(b"\0" + entry).digest() for entry in ENTRIES]


def split(n):
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


@cache
def mth(lo, hi):
    """MTH(D[lo:hi]) of RFC 9162 §2.1.1, over LEAVES."""
    if hi - lo < 2:
        return LEAVES[lo] if hi > lo else sha256().digest()
    k = split(hi - lo)
    return sha256(b"\1" + mth(lo, lo + k) + mth(lo + k, hi)).digest()


def path(m, lo, hi):
    """PATH(m, D[lo:hi]) of RFC 9162 §2.1.3.1."""
    if hi - lo == 1:
        return []
    k = split(hi - lo)
    if m < k:
        return [*path(m, lo, lo + k), mth(lo + k, hi)]
    return [*path(m - k, lo + k, hi), mth(lo, lo + k)]


def proof(m, n):
    """PROOF(m, D_n) of RFC 9162 §2.1.4.1, 0 < m <= n."""
    return subproof(m, 0, n, whole=True)


def subproof(m, lo, hi, *, whole):
    """SUBPROOF(m, D[lo:hi], b) of RFC 9162 §2.1.4.1."""
    if m == hi - lo:
        return [] if whole else [mth(lo, hi)]
    k = split(hi - lo)
    if m <= k:
        return [*subproof(m, lo, lo + k, whole=whole), mth(lo + k, hi)]
    return [*subproof(m - k, lo + k, hi, whole=False), mth(lo, lo + k)]


@lru_cache(maxsize=64)
def tiles(size):
    """Path to content of every tile and bundle of a tree, by the formula of c2sp.org/tlog-tiles; index below 1,000."""
    served = {}
    for level in (0, 1):
        span = 256**level
        hashes = [mth(i * span, (i + 1) * span) for i in range(size // span)]
        for n in range(0, len(hashes), 256):
            row = hashes[n : n + 256]
            part = f".p/{len(row)}" if len(row) < 256 else ""
            served[f"tile/{level}/{n // 256:03d}{part}"] = b"".join(row)
            if level == 0:
                entries = ENTRIES[n : min(n + 256, size)]
                served[f"tile/entries/{n // 256:03d}{part}"] = b"".join(b"\x00\x20" + entry for entry in entries)
    return served


class Log:
    """Serves tiles, and remembers which were read."""

    def __init__(self, served):
        self.served = dict(served)
        self.asked = []

    async def __call__(self, path):
        """What lies at a path."""
        self.asked.append(path)
        if path not in self.served:
            raise TileMissingError(path)
        return self.served[path]


def run(awaitable):
    """Wait for what a test asks."""
    return asyncio.run(awaitable)


async def gathered(parts):
    """All that an asynchronous iterator of lists yields."""
    return [item async for part in parts for item in part]


def flipped(data, at, bit=0):
    """The bytes with one bit changed."""
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
