"""Sealed blocks, by the example of queries."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.exchange.samples import flip, request

from warifu.exchange import header, query, sealing
from warifu.exchange.keys import SEAL_OVERHEAD, InstitutionKeys, OpenError
from warifu.exchange.padding import KIB
from warifu.exchange.sealing import Purpose
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason


def queries(count, fields=("tax_class",)):
    """So many queries of different inquiries."""
    return [
        exchange_pb2.Query(header_hash=header.header_hash(header.build(request())), fields=fields) for _ in range(count)
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 200))
def test_opening_undoes_sealing(provider, count):
    """A block of any permitted number of queries opens to the same queries in the same order."""
    asked = queries(count)
    assert query.open_queries(query.seal_queries(asked, provider.sealing_key), provider) == asked


def mutations(block, other):
    """Blocks with one thing changed, by name."""

    def changed(**values):
        copy = exchange_pb2.SealedBlock()
        copy.CopyFrom(block)
        for name, value in values.items():
            if name == "leaves":
                del copy.leaves[:]
                copy.leaves.extend(value)
            else:
                setattr(copy, name, value)
        return copy

    leaves = list(block.leaves)
    yield "another recipient", changed(recipient="tax-490016")
    yield "another key", changed(key_id="f" * 16)
    yield "leaves swapped", changed(leaves=leaves[::-1])
    yield "a leaf less", changed(leaves=leaves[:-1])
    yield "a leaf more", changed(leaves=[*leaves, b"x" * 32])
    yield "no leaf", changed(leaves=[])
    yield "a short leaf", changed(leaves=[*leaves[:-1], leaves[-1][:31]])
    yield "a leaf of another block", changed(leaves=[leaves[0], other.leaves[0]])
    yield "another block's ciphertext", changed(ciphertext=other.ciphertext)
    yield "cut short", changed(ciphertext=block.ciphertext[:-1])
    yield "nothing", changed(ciphertext=b"")


def test_a_block_that_was_tampered_with_does_not_open(provider):
    """Recipient, key id, order, number and content of the leaves and the ciphertext are all bound: no change of any opens."""
    block = query.seal_queries(queries(2), provider.sealing_key)
    other = query.seal_queries(queries(2), provider.sealing_key)
    for name, bad in mutations(block, other):
        with pytest.raises(LinkageError) as caught:
            query.open_queries(bad, provider)
        assert caught.value.reason == Reason.CLIENT_QUERY_UNREADABLE, name


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_flipped_bit_of_a_block_is_refused(provider, data):
    """A flipped bit in a block's leaves or ciphertext keeps it shut."""
    block = query.seal_queries(queries(2), provider.sealing_key)
    if data.draw(st.booleans()):
        block.ciphertext = flip(block.ciphertext, data.draw(st.integers(0, 99_999)))
    else:
        block.leaves[1] = flip(block.leaves[1], data.draw(st.integers(0, 255)))
    with pytest.raises(OpenError):
        sealing.open_block(Purpose.QUERY, block, provider)


def test_a_block_opens_for_its_purpose_and_recipient_alone(provider, requester):
    """A query block is no answer block, and another institution's keys do not open it."""
    block = query.seal_queries(queries(1), provider.sealing_key)
    with pytest.raises(OpenError):
        sealing.open_block(Purpose.ANSWER, block, provider)
    for keys in (requester, InstitutionKeys.generate(provider.owner)):
        with pytest.raises(OpenError):
            sealing.open_block(Purpose.QUERY, block, keys)


def test_a_block_for_another_name_is_refused_though_the_key_fits(provider):
    """Whoever publishes our key under another name gains nothing: what is sealed for that name stays shut here."""
    other = replace(provider.sealing_key, owner="tax-490016")
    with pytest.raises(OpenError):
        sealing.open_block(Purpose.QUERY, query.seal_queries(queries(1), other), provider)


def test_queries_that_differ_from_their_leaves_are_refused(provider):
    """A sealer who names one inquiry outside and another inside is found out."""
    asked = queries(2)
    plaintext = exchange_pb2.QueryBlock(queries=asked[::-1]).SerializeToString()
    block = sealing.seal(Purpose.QUERY, provider.sealing_key, [item.header_hash for item in asked], plaintext)
    with pytest.raises(LinkageError):
        query.open_queries(block, provider)


@pytest.mark.parametrize("fields", [["x"] * 101, [""], ["x" * 65]])
def test_field_lists_out_of_form_are_refused(provider, fields):
    """More than 100 fields, an empty path or an endless one is refused though it was well sealed."""
    with pytest.raises(LinkageError):
        query.open_queries(query.seal_queries(queries(1, fields), provider.sealing_key), provider)


def test_the_size_of_a_query_does_not_tell_which_fields_are_wanted(provider):
    """A query for one field is as long as a query for thirty."""
    sizes = {
        len(query.seal_queries(queries(1, ["a_field_of_the_item"] * n), provider.sealing_key).ciphertext)
        for n in range(31)
    }
    assert sizes == {KIB + SEAL_OVERHEAD}


def test_a_block_holds_1_to_200_items(provider):
    """None or more than a batch raises before anything is sealed."""
    for count in (0, 201):
        with pytest.raises(ValueError, match="leaves"):
            query.seal_queries(queries(count), provider.sealing_key)
