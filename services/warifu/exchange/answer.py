"""Answers: sealed to the requester, signed by the provider, bound to header and permit (docs/PROTOCOL.md §6).

The leaf of an answer is the Merkle leaf hash of header hash ‖ permit hash. The provider signs tag ‖ number of answers (32 bits,
big-endian) ‖ root over the leaves ‖ SHA-256 of the ciphertext ‖ the recipient's key id.

Both institutions enter the digest of a final answer into their own records, so that neither can later say that it was another. The salt
inside the answer keeps the digest from telling what it says: nobody but the two could try values out against it.

Size: a block of n answers is padded to the class of max(4 KiB, n KiB), whatever the outcomes. Only content that is really larger
than that reaches a higher class; one answer has room for several years of any item within 4 KiB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from warifu.exchange import domains, sealing
from warifu.exchange.form import FormError, parse_whole
from warifu.exchange.keys import InstitutionKeys, OpenError, SealingKey, Signer, VerifyingKey
from warifu.exchange.sealing import LeavesError, Purpose
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.tlog import merkle

SALT_SIZE: Final = 32
"""Bytes of an answer's salt."""


def answer_bytes(answer: exchange_pb2.Answer) -> bytes:
    """An answer as it is digested and stored: known fields alone, in the order of their numbers (no map among them, so one form only)."""
    return answer.SerializeToString(deterministic=True)


def answer_digest(answer: bytes) -> bytes:
    """The 32-byte digest of an answer's bytes, salt included."""
    return sha256(domains.ANSWER_DIGEST + answer).digest()


def answer_leaf(header_hash: bytes, permit_hash: bytes) -> bytes:
    """The 32-byte leaf by which a block names one answer."""
    return merkle.leaf_hash(header_hash + permit_hash)


def seal_answers(
    answers: Sequence[exchange_pb2.Answer], recipient: SealingKey, key_id: str, sign: Signer
) -> exchange_pb2.SealedAnswer:
    """Seal a provider's answers to one requester and sign the block with the provider's key `key_id`.

    Raises:
        ValueError: no answers, more than a batch, or over 16 MiB.
    """
    leaves = [answer_leaf(answer.header_hash, answer.permit_hash) for answer in answers]
    plaintext = exchange_pb2.AnswerBlock(answers=answers).SerializeToString()
    block = sealing.seal(Purpose.ANSWER, recipient, leaves, plaintext)
    return exchange_pb2.SealedAnswer(block=block, key_id=key_id, signature=sign(_signed(block)))


def signed_by(sealed: exchange_pb2.SealedAnswer, provider: VerifyingKey) -> bool:
    """Did this provider's key sign the block. Needs no key of the recipient: the gateway can check it too."""
    try:
        message = _signed(sealed.block)
    except LeavesError:
        return False
    return sealed.key_id == provider.key_id and provider.fits(message, sealed.signature)


@dataclass(frozen=True, slots=True)
class OpenedAnswers:
    """An answer block whose signature was checked and which opened. `answer` checks one answer in it."""

    provider: str
    requester: str
    leaves: tuple[bytes, ...]
    answers: tuple[exchange_pb2.Answer, ...]

    def answer(self, index: int, header_hash: bytes, permit_hash: bytes) -> exchange_pb2.Answer:
        """The answer at `index`, when it answers this header under this permit.

        Raises:
            LinkageError: PROVIDER_ANSWER_INVALID: no such place, another header or permit, other institutions inside, no outcome or salt.
        """
        if not 0 <= index < len(self.answers) or self.leaves[index] != answer_leaf(header_hash, permit_hash):
            raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
        answer = self.answers[index]
        inside = (answer.header_hash, answer.permit_hash, answer.provider, answer.requester)
        if inside != (header_hash, permit_hash, self.provider, self.requester):
            raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
        if answer.outcome == exchange_pb2.FINE_OUTCOME_UNSPECIFIED or len(answer.salt) != SALT_SIZE:
            raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
        return answer


def open_answers(sealed: exchange_pb2.SealedAnswer, own: InstitutionKeys, provider: VerifyingKey) -> OpenedAnswers:
    """Check the provider's signature and open the block.

    Raises:
        LinkageError: PROVIDER_ANSWER_INVALID (unsigned, signed by another, altered); PROVIDER_ANSWER_UNREADABLE (sealed for
            another, or a key that is no longer held).
    """
    if not signed_by(sealed, provider):
        raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
    try:
        block = parse_whole(exchange_pb2.AnswerBlock, sealing.open_block(Purpose.ANSWER, sealed.block, own), "answers")
    except OpenError as error:
        raise LinkageError(Reason.PROVIDER_ANSWER_UNREADABLE) from error
    except FormError as error:
        raise LinkageError(Reason.PROVIDER_ANSWER_INVALID) from error
    if len(block.answers) != len(sealed.block.leaves):
        raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
    return OpenedAnswers(provider.owner, own.owner, tuple(sealed.block.leaves), tuple(block.answers))


def open_answer(
    sealed: exchange_pb2.SealedAnswer,
    index: int,
    own: InstitutionKeys,
    provider: VerifyingKey,
    header_hash: bytes,
    permit_hash: bytes,
) -> exchange_pb2.Answer:
    """Check and open a block and one answer in it; see `open_answers` and `OpenedAnswers.answer`."""
    return open_answers(sealed, own, provider).answer(index, header_hash, permit_hash)


def _signed(block: exchange_pb2.SealedBlock) -> bytes:
    sealing.check_leaves(block.leaves)
    count = len(block.leaves).to_bytes(4, "big")
    bound = sealing.root_of(tuple(block.leaves)) + sealing.block_hash(block)
    return domains.ANSWER_BATCH + count + bound + block.key_id.encode()
