"""Records, their commitments, and the gateway's receipt."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.exchange.samples import NOW, flip

from warifu.exchange import receipt, record
from warifu.exchange.record import RecordError
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.linkage.v1 import linkage_pb2

TEXT = st.text(max_size=20)


def sample(**changes):
    """A record."""
    return exchange_pb2.AccessRecord(
        **{"version": 1, "kind": exchange_pb2.RECORD_KIND_REQUEST, "request_id": "r", "requester": "a", **changes}
    )


@given(TEXT, TEXT, st.none() | TEXT)
def test_a_committed_record_opens_to_itself(requester, item, row):
    """Whatever a record says comes back from its committed form."""
    message = sample(requester=requester, item=item, row=row)
    assert record.check(record.commit(message)) == message


@given(st.sampled_from(["record", "salt", "commitment"]), st.integers(0, 10_000))
def test_any_flipped_bit_is_noticed(part, bit):
    """A flipped bit in record, salt or commitment no longer fits."""
    committed = record.commit(sample())
    setattr(committed, part, flip(getattr(committed, part), bit))
    with pytest.raises(RecordError):
        record.check(committed)


def test_equal_records_have_different_commitments():
    """The salt is new each time, so that equal records cannot be recognised by their commitments."""
    assert record.commit(sample()).commitment != record.commit(sample()).commitment


@pytest.mark.parametrize("data", [b"\xff", sample(version=2).SerializeToString(), b"\xf8\x07\x01"])
def test_committed_bytes_that_are_no_known_record_are_refused(data):
    """A fitting commitment over bytes that are no record of version 1 is refused."""
    salt = b"s" * 32
    committed = exchange_pb2.CommittedRecord(record=data, salt=salt, commitment=record.commitment(salt, data))
    with pytest.raises(RecordError):
        record.check(committed)


def test_a_receipt_verifies_and_survives_the_wire(gateway):
    """A receipt verifies against the gateway's key after it was serialised; its time is whole milliseconds."""
    at = NOW + timedelta(microseconds=1999)
    issued = receipt.issue(b"c" * 32, NOW, at, gateway.signing_key_id, gateway.sign)
    received = linkage_pb2.Receipt.FromString(issued.SerializeToString())
    receipt.check(received, gateway.verifying_key)
    assert received.recorded_at.ToDatetime() == (NOW + timedelta(milliseconds=1)).replace(tzinfo=None)


def test_an_altered_receipt_is_refused(gateway, provider):
    """Another commitment, time, key id, signature or signer is refused."""

    def issued():
        return receipt.issue(b"c" * 32, NOW, NOW, gateway.signing_key_id, gateway.sign)

    changed = [issued() for _ in range(6)]
    changed[0].commitment = b"d" * 32
    changed[1].recorded_at.seconds += 1
    changed[2].signature.key_id = provider.signing_key_id
    changed[3].signature.signature = flip(changed[3].signature.signature, 7)
    changed[4].commitment = b""
    changed[5].recorded_at.seconds = 10**12
    changed.append(receipt.issue(b"c" * 32, NOW, NOW, gateway.signing_key_id, provider.sign))
    for bad in changed:
        with pytest.raises(LinkageError) as caught:
            receipt.check(bad, gateway.verifying_key)
        assert caught.value.reason == Reason.GATEWAY_RECEIPT_INVALID
