"""Sealed blocks: one or more items, padded and sealed by HPKE to one recipient, bound to the leaves that name them.

HPKE info = tag of the purpose ‖ length and recipient ‖ key id ‖ number of leaves (32 bits, big-endian) ‖ Merkle root over the
leaves. An item can therefore not be moved to another block, another place or another recipient (docs/PROTOCOL.md §3).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from typing import Final

from warifu.exchange import domains
from warifu.exchange.keys import SEAL_OVERHEAD, InstitutionKeys, OpenError, SealingKey
from warifu.exchange.padding import KIB, LARGEST, PaddingError, pad, unpad
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.limits import BATCH
from warifu.tlog import merkle

MOST_ITEMS: Final = int(BATCH)
"""Items in one block, at most."""


class Purpose(Enum):
    """What a block carries. The floor makes its size class depend on the number of items alone, unless the content is really larger.

    A value is (tag, floor of a block, floor per item), bytes.
    """

    QUERY = (domains.QUERY_SEAL, 1 * KIB, KIB // 2)
    ANSWER = (domains.ANSWER_SEAL, 4 * KIB, 1 * KIB)

    @property
    def tag(self) -> bytes:
        """Its domain-separation tag."""
        return self.value[0]

    def floor(self, items: int) -> int:
        """Bytes below which a block of so many items never falls."""
        return max(self.value[1], items * self.value[2])


def block_hash(block: exchange_pb2.SealedBlock) -> bytes:
    """SHA-256 of the ciphertext: how headers, permits and signatures name a block."""
    return sha256(block.ciphertext).digest()


def seal(
    purpose: Purpose, recipient: SealingKey, leaves: Sequence[bytes], plaintext: bytes
) -> exchange_pb2.SealedBlock:
    """Pad and seal `plaintext`, the serialised items that the 32-byte `leaves` name in order.

    Raises:
        ValueError: no leaves, too many, or one that is not 32 bytes; content over 16 MiB.
    """
    info = _info(purpose, recipient.owner, recipient.key_id, leaves)
    padded = pad(plaintext, floor=purpose.floor(len(leaves)))
    return exchange_pb2.SealedBlock(
        recipient=recipient.owner, key_id=recipient.key_id, leaves=leaves, ciphertext=recipient.seal(padded, info)
    )


def open_block(purpose: Purpose, block: exchange_pb2.SealedBlock, own: InstitutionKeys) -> bytes:
    """The plaintext of a block that is for `own`, without its padding. The caller compares the items with the leaves.

    Raises:
        OpenError: for another recipient or an unknown key, a wrong number or size of leaves, altered in any bit.
    """
    if block.recipient != own.owner:
        raise OpenError("sealed for another recipient")
    if len(block.ciphertext) > LARGEST + SEAL_OVERHEAD:
        raise OpenError("too large")
    try:
        info = _info(purpose, block.recipient, block.key_id, block.leaves)
        return unpad(own.open(block.key_id, block.ciphertext, info))
    except (PaddingError, LeavesError) as error:
        raise OpenError("not a sealed block") from error


class LeavesError(ValueError):
    """No leaves, too many, or one that is not 32 bytes."""


def check_leaves(leaves: Sequence[bytes]) -> None:
    """Check number and size of a block's leaves.

    Raises:
        LeavesError: no leaves, too many, or one that is not 32 bytes.
    """
    if not 0 < len(leaves) <= MOST_ITEMS or set(map(len, leaves)) != {merkle.HASH_SIZE}:
        raise LeavesError(f"a block has 1 to {MOST_ITEMS} leaves of {merkle.HASH_SIZE} bytes")


def _info(purpose: Purpose, recipient: str, key_id: str, leaves: Sequence[bytes]) -> bytes:
    check_leaves(leaves)
    named = b"".join(len(part).to_bytes(2, "big") + part for part in (recipient.encode(), key_id.encode()))
    return purpose.tag + named + len(leaves).to_bytes(4, "big") + root_of(tuple(leaves))


root_of: Final = lru_cache(maxsize=8)(merkle.root)
"""The root over a tuple of leaves. A block's is asked for when it is sealed and when it is signed, and so when both are checked."""
