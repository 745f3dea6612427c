"""Domain separation: every hash, signature and seal of the network begins with a tag of its own (docs/PROTOCOL.md §3).

So no proof made for one use can serve another. Invariant, tested: no tag is a prefix of another. A new use gets a new tag here, never a reused one.
"""

from typing import Final

PERMIT_BATCH: Final = b"warifu/permit/v1\0"
"""Signed: batch size and Merkle root of permits, by the gateway."""
QUERY_SEAL: Final = b"warifu/query/v1\0"
"""HPKE info of a query block."""
ANSWER_SEAL: Final = b"warifu/answer-seal/v1\0"
"""HPKE info of an answer block."""
DELIVERY_SEAL: Final = b"warifu/delivery/v1\0"
"""HPKE info of a delivery to the portal."""
ANSWER_BATCH: Final = b"warifu/answer/v1\0"
"""Signed: an answer block, by the provider."""
ANSWER_DIGEST: Final = b"warifu/answer-digest/v1\0"
"""Hashed: an answer with the salt inside it, for both institutions' records."""
RECEIPT: Final = b"warifu/receipt/v1\0"
"""Signed: the gateway's word that a request is recorded."""
RECORD: Final = b"warifu/record/v1\0"
"""Hashed: the salted commitment to a record."""
EVENT: Final = b"warifu/event/v1\0"
"""Hashed: the salted commitment to an event of the network."""
DIRECTORY: Final = b"warifu/directory/v1\0"
"""Signed: an institution's public keys, by its TLS key."""
REVIEW_SAMPLE: Final = b"warifu/review-sample/v1\0"
"""Keyed hash: the draw of answers that wait for a clerk."""
APPLICATION_SIGNATURE: Final = b"warifu/application-signature/v1\0"
"""Signed: the SHA-256 of an application form, by the applicant's card."""
APPLICATION_SEAL: Final = b"warifu/application/v1\0"
"""HPKE info of a signed application on its way to an institution."""
CARD_REQUEST: Final = b"warifu/card-request/v1\0"
"""Signed: the wish for one more certificate of a card, by the card's authentication key."""

ALL: Final = (
    PERMIT_BATCH,
    QUERY_SEAL,
    ANSWER_SEAL,
    DELIVERY_SEAL,
    ANSWER_BATCH,
    ANSWER_DIGEST,
    RECEIPT,
    RECORD,
    EVENT,
    DIRECTORY,
    REVIEW_SAMPLE,
    APPLICATION_SIGNATURE,
    APPLICATION_SEAL,
    CARD_REQUEST,
)
"""Every tag of the exchange."""
