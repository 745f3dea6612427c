"""Merkle trees of RFC 6962 (roots, inclusion, consistency) and signed batches over them (docs/PROTOCOL.md §3 and §5.2)."""

from __future__ import annotations

from typing import Any, Final

from warifu.dev.vectors.made import GATEWAY, keys
from warifu.exchange import batch, domains
from warifu.tlog import merkle

_SIZES: Final = (1, 2, 3, 4, 5, 7, 8, 13)
_LARGEST: Final = _SIZES[-1]


def make() -> dict[str, Any]:
    """The file trees.json: a log that grows."""
    entries = [bytes((number,)) * 32 for number in range(_LARGEST)]
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    return {
        "empty_root": merkle.EMPTY_ROOT.hex(),
        "entries": [entry.hex() for entry in entries],
        "leaf_hashes": [leaf.hex() for leaf in leaves],
        "trees": [_tree(leaves[:size]) for size in _SIZES],
        "consistency": [_grown(leaves, old, new) for new in _SIZES for old in _SIZES if old < new],
    }


def batches() -> dict[str, Any]:
    """The file batches.json: signatures over many items."""
    return {
        "tag": domains.PERMIT_BATCH.hex(),
        "signing_public_key": keys(GATEWAY).signing_public.hex(),
        "batches": [_batch([f"item {number} of {size}".encode() for number in range(size)]) for size in (1, 2, 5, 200)],
    }


def _tree(leaves: list[bytes]) -> dict[str, Any]:
    tree = merkle.Tree(leaves)
    paths = [[step.hex() for step in tree.path(index)] for index in range(len(leaves))]
    return {"size": len(leaves), "root": tree.root.hex(), "inclusion": paths}


def _grown(leaves: list[bytes], old: int, new: int) -> dict[str, Any]:
    return {
        "old_size": old,
        "old_root": merkle.root(leaves[:old]).hex(),
        "new_size": new,
        "new_root": merkle.root(leaves[:new]).hex(),
        "proof": [step.hex() for step in _consistency(leaves[:new], old, complete=True)],
    }


def _consistency(leaves: list[bytes], old: int, *, complete: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2, as it stands there."""
    if old == len(leaves):
        return [] if complete else [merkle.root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*_consistency(leaves[:split], old, complete=complete), merkle.root(leaves[split:])]
    return [*_consistency(leaves[split:], old - split, complete=False), merkle.root(leaves[:split])]


def _batch(items: list[bytes]) -> dict[str, Any]:
    signer = keys(GATEWAY)
    proofs = batch.sign(domains.PERMIT_BATCH, items, signer.signing_key_id, signer.sign)
    root = merkle.root([merkle.leaf_hash(item) for item in items])
    shown = sorted({0, len(items) // 2, len(items) - 1})
    return {
        "items": [item.hex() for item in items],
        "root": root.hex(),
        "signed": (domains.PERMIT_BATCH + len(items).to_bytes(4, "big") + root).hex(),
        "signature": proofs[0].signature.hex(),
        "paths": {str(index): [step.hex() for step in proofs[index].path] for index in shown},
    }
