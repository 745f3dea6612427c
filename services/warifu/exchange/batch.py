"""One signature over a batch: Ed25519 over tag ‖ number of items (32 bits, big-endian) ‖ RFC 6962 root over the items' leaf hashes.

Each item travels with its own path to the root, so that it can be checked, kept and shown alone. A single item is a batch of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from warifu.exchange.form import FormError
from warifu.exchange.keys import Signer, VerifyingKey
from warifu.exchange.sealing import MOST_ITEMS
from warifu.exchange.v1 import exchange_pb2
from warifu.tlog import merkle


def sign(tag: bytes, items: Sequence[bytes], key_id: str, signer: Signer) -> list[exchange_pb2.BatchSignature]:
    """Sign a batch once; one proof an item, in order.

    Raises:
        ValueError: no items, or more than a batch holds.
    """
    if not 0 < len(items) <= MOST_ITEMS:
        raise ValueError(f"a batch has 1 to {MOST_ITEMS} items")
    tree = merkle.Tree([merkle.leaf_hash(item) for item in items])
    signature = signer(_signed(tag, len(items), tree.root))
    return [
        exchange_pb2.BatchSignature(index=index, size=len(items), path=path, key_id=key_id, signature=signature)
        for index, path in enumerate(tree.paths())
    ]


Signed = tuple[bytes, exchange_pb2.BatchSignature]
"""An item and its proof."""


class BatchChecker:
    """Checks items of batches under one tag, each signature and each node of a tree only once. Use one for each call: it remembers what it met."""

    __slots__ = ("_key_of", "_known", "_tag", "_verified", "_whole")

    def __init__(
        self, tag: bytes, key_of: Callable[[str], VerifyingKey | None], together: Iterable[Signed] = ()
    ) -> None:
        """`key_of(key_id)` finds a key of the expected signer that is in force.

        Of a batch that is here whole, `together`, the tree is built once from its items, and each proof compared with the one that it gives.
        """
        self._tag, self._key_of = tag, key_of
        self._verified: set[tuple[str, bytes, bytes]] = set()
        self._known: dict[tuple[bytes, bytes], bytes] = {}
        """Parents of nodes that were hashed: the items of a batch lead to its root by nearly the same nodes."""
        self._whole: dict[bytes, list[tuple[bytes, str, int, tuple[bytes, ...]]]] = {}
        """Of batches that are here whole and whose signatures were checked: item, key id, size and path at each place, by signature."""
        self._build(together)

    def check(self, item: bytes, proof: exchange_pb2.BatchSignature) -> None:
        """Was exactly this item signed, at the place that the proof says.

        Raises:
            FormError: the path does not lead from the item, or the signature is not the signer's.
        """
        signed = self._whole.get(proof.signature, ())[proof.index : proof.index + 1]
        if list(signed) != [(item, proof.key_id, proof.size, tuple(proof.path))]:
            self._check_alone(item, proof)

    def _check_alone(self, item: bytes, proof: exchange_pb2.BatchSignature) -> None:
        if proof.size > MOST_ITEMS:
            raise FormError("signature.size", "more than a batch")
        try:
            root = merkle.root_from_path(merkle.leaf_hash(item), proof.index, proof.size, proof.path, self._parent)
        except merkle.MerkleError as error:
            raise FormError("signature.path", "does not lead to a root") from error
        if not self._is_signed(proof.key_id, _signed(self._tag, proof.size, root), proof.signature):
            raise FormError("signature", "not the signer's")

    def _build(self, together: Iterable[Signed]) -> None:
        batches: dict[tuple[bytes, str, int], dict[int, bytes]] = {}
        for item, proof in together:
            batches.setdefault((proof.signature, proof.key_id, proof.size), {})[proof.index] = item
        for (signature, key_id, size), items in batches.items():
            if not 1 < size == len(items) <= MOST_ITEMS or max(items) >= size:
                continue  # each is checked by its own path
            tree = merkle.Tree([merkle.leaf_hash(items[index]) for index in range(size)])
            if self._is_signed(key_id, _signed(self._tag, size, tree.root), signature):
                self._whole[signature] = [(items[index], key_id, size, path) for index, path in enumerate(tree.paths())]

    def _is_signed(self, key_id: str, message: bytes, signature: bytes) -> bool:
        known = (key_id, message, signature)
        if known in self._verified:
            return True
        key = self._key_of(key_id)
        if key is None or not key.fits(message, signature):
            return False
        self._verified.add(known)
        return True

    def _parent(self, left: bytes, right: bytes) -> bytes:
        known = self._known.get((left, right))
        if known is None:
            known = self._known[left, right] = merkle.node_hash(left, right)
        return known


def _signed(tag: bytes, size: int, root: bytes) -> bytes:
    return tag + size.to_bytes(4, "big") + root
