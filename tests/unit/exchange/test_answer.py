"""Answers: sealed, signed, bound to header and permit, and of one size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.exchange.samples import PROVIDER, REQUESTER, flip

from warifu.exchange import answer, sealing
from warifu.exchange.answer import open_answer, open_answers, seal_answers
from warifu.exchange.keys import SEAL_OVERHEAD, InstitutionKeys
from warifu.exchange.padding import KIB
from warifu.exchange.sealing import Purpose
from warifu.exchange.v1 import exchange_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import LinkageError, Reason

OUTCOMES = [value for value in exchange_pb2.FineOutcome.values() if value]


def full_tax():
    """A local-tax record in which every field has its longest ordinary value."""
    tax = items_pb2.LocalTaxInfo()
    for field in tax.DESCRIPTOR.fields:
        if field.name.endswith("_yen"):
            setattr(tax, field.name, 10**9)
        elif field.type == field.TYPE_STRING:
            setattr(tax, field.name, "2026-06-01")
        else:
            setattr(tax, field.name, 3)
    return items_pb2.ItemContent(local_tax=tax)


def sample(number=0, outcome=exchange_pb2.FINE_OUTCOME_PROVIDED, records=0, **changes):
    """An answer; header and permit hash follow from its number."""
    values = {
        "header_hash": bytes([number % 256, 1]) * 16,
        "permit_hash": bytes([number % 256, 2]) * 16,
        "provider": PROVIDER,
        "requester": REQUESTER,
        "outcome": outcome,
        "salt": bytes([number % 256, 3]) * 16,
        "records": [
            exchange_pb2.Record(record_key=str(2020 + n), layout_version="2026-06", content=full_tax())
            for n in range(records)
        ],
        **changes,
    }
    return exchange_pb2.Answer(**values)


def seal(answers, requester, provider):
    """Seal as the provider does."""
    return seal_answers(answers, requester.sealing_key, provider.signing_key_id, provider.sign)


def opened(sealed, index, own, verifying, of):
    """Open as the requester does, expecting the answer `of`."""
    return open_answer(sealed, index, own, verifying, of.header_hash, of.permit_hash)


def refused(*args):
    """Why it does not open."""
    with pytest.raises(LinkageError) as caught:
        opened(*args)
    return caught.value.reason


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 200))
def test_each_answer_of_a_block_opens(requester, provider, count):
    """Every answer of a block of any size opens at its own place to what the provider said."""
    answers = [sample(n, records=1) for n in range(count)]
    block = open_answers(seal(answers, requester, provider), requester, provider.verifying_key)
    assert [block.answer(n, a.header_hash, a.permit_hash) for n, a in enumerate(answers)] == answers


def test_an_unsigned_answer_is_refused(requester, provider):
    """A well-sealed answer without the provider's signature is refused."""
    sealed = seal([sample()], requester, provider)
    sealed.signature = b""
    assert refused(sealed, 0, requester, provider.verifying_key, sample()) == Reason.PROVIDER_ANSWER_INVALID


def test_an_answer_signed_by_another_is_refused(requester, provider, gateway):
    """An answer that the gateway or another provider signed again is refused, under either key id."""
    sealed = seal([sample()], requester, provider)
    for key_id in (gateway.signing_key_id, provider.signing_key_id):
        again = exchange_pb2.SealedAnswer(block=sealed.block, key_id=key_id, signature=gateway.sign(sealed.signature))
        assert refused(again, 0, requester, provider.verifying_key, sample()) == Reason.PROVIDER_ANSWER_INVALID
        own = seal_answers([sample()], requester.sealing_key, key_id, gateway.sign)
        assert refused(own, 0, requester, provider.verifying_key, sample()) == Reason.PROVIDER_ANSWER_INVALID


def test_an_answer_for_another_permit_or_header_is_refused(requester, provider):
    """A good answer does not serve another inquiry, another permit or another place in its block."""
    sealed = seal([sample(0), sample(1)], requester, provider)
    args = (requester, provider.verifying_key)
    assert refused(sealed, 1, *args, sample(0)) == Reason.PROVIDER_ANSWER_INVALID
    assert refused(sealed, 2, *args, sample(0)) == Reason.PROVIDER_ANSWER_INVALID
    assert refused(sealed, 0, *args, sample(0, permit_hash=b"p" * 32)) == Reason.PROVIDER_ANSWER_INVALID
    assert refused(sealed, 0, *args, sample(0, header_hash=b"h" * 32)) == Reason.PROVIDER_ANSWER_INVALID


@pytest.mark.parametrize(
    "inner",
    [
        {"header_hash": b"h" * 32},
        {"permit_hash": b"p" * 32},
        {"provider": "tax-490016"},
        {"requester": "insurer-06480016"},
        {"outcome": 0},
    ],
    ids=lambda inner: next(iter(inner)),
)
def test_an_answer_that_names_others_inside_is_refused(requester, provider, inner):
    """The ids inside the seal must be those outside, so that nobody can forward another's answer as his own."""
    outside = sample()
    leaves = [answer.answer_leaf(outside.header_hash, outside.permit_hash)]
    plaintext = exchange_pb2.AnswerBlock(answers=[sample(**inner)]).SerializeToString()
    block = sealing.seal(Purpose.ANSWER, requester.sealing_key, leaves, plaintext)
    sealed = exchange_pb2.SealedAnswer(
        block=block, key_id=provider.signing_key_id, signature=provider.sign(answer._signed(block))
    )
    assert refused(sealed, 0, requester, provider.verifying_key, outside) == Reason.PROVIDER_ANSWER_INVALID


def test_an_answer_under_anothers_leaf_is_refused(requester, provider):
    """What the leaf outside says counts as well: by it the gateway knew which exchange it relayed."""
    leaves = [answer.answer_leaf(sample(1).header_hash, sample(1).permit_hash)]
    plaintext = exchange_pb2.AnswerBlock(answers=[sample(0)]).SerializeToString()
    block = sealing.seal(Purpose.ANSWER, requester.sealing_key, leaves, plaintext)
    sealed = exchange_pb2.SealedAnswer(
        block=block, key_id=provider.signing_key_id, signature=provider.sign(answer._signed(block))
    )
    assert refused(sealed, 0, requester, provider.verifying_key, sample(0)) == Reason.PROVIDER_ANSWER_INVALID


def test_blocks_cannot_swap_their_items(requester, provider):
    """A leaf or ciphertext moved from one block of the same provider to another is refused."""
    one, two = (seal([sample(n), sample(n + 1)], requester, provider) for n in (0, 10))
    two.block.leaves[0] = one.block.leaves[0]
    assert refused(two, 0, requester, provider.verifying_key, sample(0)) == Reason.PROVIDER_ANSWER_INVALID
    one.block.ciphertext = two.block.ciphertext
    assert refused(one, 0, requester, provider.verifying_key, sample(0)) == Reason.PROVIDER_ANSWER_INVALID


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_flipped_bit_is_refused(requester, provider, data):
    """A flipped bit anywhere in a sealed answer keeps it from being used."""
    sealed = seal([sample(0), sample(1)], requester, provider)
    wire = sealed.SerializeToString()
    try:
        changed = exchange_pb2.SealedAnswer.FromString(flip(wire, data.draw(st.integers(0, 99_999))))
    except Exception:  # noqa: BLE001 - the transport refuses it before we see it
        return
    assert refused(changed, 1, requester, provider.verifying_key, sample(1)) in {
        Reason.PROVIDER_ANSWER_INVALID,
        Reason.PROVIDER_ANSWER_UNREADABLE,
    }


def test_only_the_requester_opens(requester, provider):
    """Neither the provider nor anyone else opens an answer, and a requester without its old key says so."""
    sealed = seal([sample()], requester, provider)
    for keys in (provider, InstitutionKeys.generate(REQUESTER)):
        assert refused(sealed, 0, keys, provider.verifying_key, sample()) == Reason.PROVIDER_ANSWER_UNREADABLE


def test_fewer_answers_inside_than_leaves_outside_are_refused(requester, provider):
    """A block whose leaves promise more answers than it holds is refused."""
    leaves = [answer.answer_leaf(sample(n).header_hash, sample(n).permit_hash) for n in (0, 1)]
    plaintext = exchange_pb2.AnswerBlock(answers=[sample(0)]).SerializeToString()
    block = sealing.seal(Purpose.ANSWER, requester.sealing_key, leaves, plaintext)
    sealed = exchange_pb2.SealedAnswer(
        block=block, key_id=provider.signing_key_id, signature=provider.sign(answer._signed(block))
    )
    assert refused(sealed, 0, requester, provider.verifying_key, sample()) == Reason.PROVIDER_ANSWER_INVALID


@pytest.mark.parametrize(
    ("count", "size"), [(1, 4), (4, 4), (5, 16), (16, 16), (17, 64), (64, 64), (65, 256), (200, 256)]
)
def test_the_size_of_a_block_depends_on_its_number_alone(requester, provider, count, size):
    """Every fine outcome, hidden or not, and one full record an item give one length: the class of max(4 KiB, n KiB) (PROTO-3.7)."""
    blocks = [[sample(n, outcome) for n in range(count)] for outcome in OUTCOMES]
    blocks += [[sample(n, records=1, non_disclosure=True) for n in range(count)]]
    sizes = {len(seal(answers, requester, provider).block.ciphertext) for answers in blocks}
    assert sizes == {size * KIB + SEAL_OVERHEAD}


def test_a_single_answer_holds_seven_full_tax_years_in_the_same_size(requester, provider):
    """Seven years of a record with every field filled still fit the class of an empty answer."""
    assert len(seal([sample(records=7)], requester, provider).block.ciphertext) == 4 * KIB + SEAL_OVERHEAD
