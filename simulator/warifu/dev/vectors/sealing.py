"""Sealed blocks, padding and signed answers (docs/PROTOCOL.md §3, §6.6 and §6.7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from warifu.dev.vectors import records
from warifu.dev.vectors.made import PROVIDER, REQUESTER, header, keys, permit, xwing_seed
from warifu.exchange import answer, domains, sealing
from warifu.exchange.header import header_hash
from warifu.exchange.keys import InstitutionKeys, OpenError
from warifu.exchange.padding import KIB, pad
from warifu.exchange.permit import permit_hash
from warifu.exchange.sealing import Purpose
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.tlog import merkle

Kept = dict[str, Any]


def padding() -> dict[str, Any]:
    """The file padding.json: which class content of a length falls into."""
    sizes = (0, 1, KIB - 4, KIB - 3, 4 * KIB - 4, 16 * KIB, 64 * KIB, 256 * KIB - 4, 256 * KIB - 3, 600 * KIB)
    floors = [
        {"purpose": purpose.name, "items": items, "floor": purpose.floor(items)}
        for purpose in Purpose
        for items in (1, 2, 3, 4, 5, 8, 9, 200)
    ]
    wrong = {
        "padding that is not zero": pad(b"content")[:-1] + b"\x01",
        "a size that is no class": pad(b"content") + b"\0",
        "a length beyond the end": b"\x00\x00\x04\x00" + bytes(KIB - 4),
        "too short for a length": b"\0\0",
        "empty": b"",
    }
    return {
        "classes": [{"content": size, "padded": len(pad(bytes(size)))} for size in sizes],
        "floors": floors,
        "padded": {"content": b"content".hex(), "bytes": pad(b"content").hex()},
        "refused": [{"name": name, "bytes": content.hex()} for name, content in wrong.items()],
    }


def make(kept: Kept) -> dict[str, Any]:
    """The file sealing.json; seals of `kept` that still hold what they should are taken over."""
    provider, requester = keys(PROVIDER), keys(REQUESTER)
    hashes = [header_hash(header(number)) for number in range(2)]
    queries = pb.QueryBlock(
        queries=[
            pb.Query(header_hash=hashes[0]),
            pb.Query(header_hash=hashes[1], fields=["tax_class", "total_income_yen"]),
        ]
    ).SerializeToString()
    answers = pb.AnswerBlock(answers=records.answers()).SerializeToString()
    leaves = [answer.answer_leaf(header_hash(header(number)), permit_hash(permit(number))) for number in range(2)]
    before = kept.get("blocks") or [{}, {}]
    blocks = [
        _block(Purpose.QUERY, provider, hashes, queries, before[0]),
        _block(Purpose.ANSWER, requester, leaves, answers, before[-1]),
    ]
    return {
        "suite": {"kem_id": 0x647A, "kdf_id": 1, "aead_id": 2, "encapsulated_key_bytes": 1120, "tag_bytes": 16},
        "recipients": [_recipient(one) for one in (provider, requester)],
        "blocks": blocks,
        "refused": [{"name": name, **wrong(blocks[0])} for name, wrong in _WRONG.items()],
        "sealed_answers": _answers(pb.SealedBlock.FromString(bytes.fromhex(blocks[1]["block"])), provider),
    }


def _recipient(one: InstitutionKeys) -> dict[str, Any]:
    return {
        "owner": one.owner,
        "hpke_key_id": one.hpke_key_id,
        "hpke_public_key": one.hpke_public.hex(),
        "xwing_seed": xwing_seed(one.owner).hex(),
        "signing_key_id": one.signing_key_id,
        "signing_public_key": one.signing_public.hex(),
    }


def _block(
    purpose: Purpose, to: InstitutionKeys, leaves: Sequence[bytes], plaintext: bytes, before: Kept
) -> dict[str, Any]:
    block = _still_good(purpose, to, leaves, plaintext, before) or sealing.seal(
        purpose, to.sealing_key, leaves, plaintext
    )
    root, padded = merkle.root(leaves), pad(plaintext, floor=purpose.floor(len(leaves)))
    named = b"".join(len(part).to_bytes(2, "big") + part for part in (to.owner.encode(), to.hpke_key_id.encode()))
    return {
        "purpose": purpose.name,
        "recipient": to.owner,
        "key_id": to.hpke_key_id,
        "leaves": [leaf.hex() for leaf in leaves],
        "root": root.hex(),
        "info": (purpose.tag + named + len(leaves).to_bytes(4, "big") + root).hex(),
        "aad": "",
        "plaintext": plaintext.hex(),
        "padded_bytes": len(padded),
        "block": block.SerializeToString(deterministic=True).hex(),
        "block_hash": sealing.block_hash(block).hex(),
    }


def _still_good(
    purpose: Purpose, to: InstitutionKeys, leaves: Sequence[bytes], plaintext: bytes, before: Kept
) -> pb.SealedBlock | None:
    try:
        block = pb.SealedBlock.FromString(bytes.fromhex(before["block"]))
        fits = list(block.leaves) == list(leaves) and sealing.open_block(purpose, block, to) == plaintext
    except (KeyError, ValueError, OpenError):
        return None
    return block if fits else None


def _changed(change: Callable[[pb.SealedBlock], None]) -> Callable[[Kept], dict[str, Any]]:
    def make_wrong(good: Kept) -> dict[str, Any]:
        block = pb.SealedBlock.FromString(bytes.fromhex(good["block"]))
        change(block)
        return {"purpose": good["purpose"], "block": block.SerializeToString(deterministic=True).hex()}

    return make_wrong


def _swap(block: pb.SealedBlock) -> None:
    block.leaves[0], block.leaves[1] = block.leaves[1], block.leaves[0]


def _drop(block: pb.SealedBlock) -> None:
    del block.leaves[-1]


def _to_another(block: pb.SealedBlock) -> None:
    block.recipient = REQUESTER


def _to_another_key(block: pb.SealedBlock) -> None:
    block.key_id = keys(REQUESTER).hpke_key_id


def _flip(block: pb.SealedBlock) -> None:
    block.ciphertext = block.ciphertext[:-1] + bytes((block.ciphertext[-1] ^ 1,))


def _cut(block: pb.SealedBlock) -> None:
    block.ciphertext = block.ciphertext[:1100]


_WRONG: Final[dict[str, Callable[[Kept], dict[str, Any]]]] = {
    "leaves swapped": _changed(_swap),
    "a leaf left out": _changed(_drop),
    "for another recipient": _changed(_to_another),
    "another key id": _changed(_to_another_key),
    "one bit altered": _changed(_flip),
    "cut short": _changed(_cut),
    "another purpose": lambda good: {"purpose": Purpose.ANSWER.name, "block": good["block"]},
}


def _answers(block: pb.SealedBlock, provider: InstitutionKeys) -> dict[str, Any]:
    """The answer block as the provider signs it, and signatures that do not count."""
    root = merkle.root(block.leaves)
    message = (
        domains.ANSWER_BATCH
        + len(block.leaves).to_bytes(4, "big")
        + root
        + sealing.block_hash(block)
        + block.key_id.encode()
    )
    good = pb.SealedAnswer(block=block, key_id=provider.signing_key_id, signature=provider.sign(message))
    other = keys(REQUESTER)
    wrong = {
        "unsigned": pb.SealedAnswer(block=block, key_id=provider.signing_key_id),
        "signed by another": pb.SealedAnswer(
            block=block, key_id=provider.signing_key_id, signature=other.sign(message)
        ),
        "signed over the tag of permits": pb.SealedAnswer(
            block=block,
            key_id=provider.signing_key_id,
            signature=provider.sign(domains.PERMIT_BATCH + message.removeprefix(domains.ANSWER_BATCH)),
        ),
    }
    return {
        "provider": provider.owner,
        "requester": block.recipient,
        "signed": message.hex(),
        "sealed_answer": good.SerializeToString(deterministic=True).hex(),
        "refused": [
            {
                "name": name,
                "reason": "PROVIDER_ANSWER_INVALID",
                "sealed_answer": one.SerializeToString(deterministic=True).hex(),
            }
            for name, one in wrong.items()
        ],
    }
