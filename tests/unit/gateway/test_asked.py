"""Step 1: what is no well-formed inquiry is refused with the name of the field that is wrong."""

import pytest
from unit.gateway.samples import PROVIDER, REQUESTER, header, inquire

from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1.exchange_pb2 import Inquiry, SubjectReference
from warifu.gateway import asked
from warifu.kernel.errors import LinkageError, Reason
from warifu.linkage.v1.linkage_pb2 import InquireRequest

SUBJECT = SubjectReference(code=b"\x01" * 33)


@pytest.fixture(scope="module")
def provider():
    """The provider's HPKE key."""
    return InstitutionKeys.generate(PROVIDER).sealing_key


def changed(call, **values):
    """The call with fields of its Inquiry replaced."""
    inquiry = Inquiry.FromString(call.inquiry)
    for name, value in values.items():
        if isinstance(value, SubjectReference):
            inquiry.subject.CopyFrom(value)
        else:
            setattr(inquiry, name, value)
    return InquireRequest(inquiry=inquiry.SerializeToString(), query=call.query)


def refusal(call):
    """Why the call is refused."""
    with pytest.raises(LinkageError) as refused:
        asked.read(call)
    return refused.value.reason, refused.value.metadata.get("field")


def test_a_well_formed_inquiry_is_read_as_received(provider):
    """Bytes and digest are those of what came in, so that sameness never depends on serialising anew."""
    import hashlib

    request = header()
    call = inquire(request, SUBJECT, provider)
    read = asked.read(call)
    assert read.header == request
    assert read.received == call.inquiry
    assert read.digest == hashlib.sha256(call.inquiry).digest()
    assert read.request_id == request.request_id


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subject": SubjectReference()}, "subject"),
        ({"query_block_hash": b"short"}, "query_block_hash"),
        ({"header": b"\xff\xff"}, "header"),
        ({"header": b""}, "request_id"),
    ],
)
def test_a_malformed_inquiry_names_the_field(provider, change, field):
    """Missing or broken parts are CLIENT_MALFORMED with the field's name."""
    assert refusal(changed(inquire(header(), SUBJECT, provider), **change)) == (Reason.CLIENT_MALFORMED, field)


@pytest.mark.parametrize(
    "garbage", [b"\xff\xff\xff", b"\x0a\x05ab", Inquiry(header=b"x").SerializeToString() + b"\xf8\x07\x01"]
)
def test_bytes_that_are_no_inquiry_are_refused(garbage):
    """Truncated bytes and unknown fields are CLIENT_MALFORMED."""
    assert refusal(InquireRequest(inquiry=garbage))[0] == Reason.CLIENT_MALFORMED


@pytest.mark.parametrize("bad", [{"request_id": "not-a-uuid"}, {"affair": "short"}, {"office": "x" * 41}])
def test_a_header_out_of_form_is_refused(provider, bad):
    """A header that its form does not allow is refused even when everything around it fits."""
    call = inquire(header(), SUBJECT, provider)
    data = header(**bad).SerializeToString()
    assert refusal(changed(call, header=data)) == (Reason.CLIENT_MALFORMED, next(iter(bad)))


def test_too_large_parts_are_refused(provider):
    """Oversized references, inquiries and queries are CLIENT_TOO_LARGE before anything is parsed or stored."""
    call = inquire(header(), SUBJECT, provider)
    large = changed(call, subject=SubjectReference(code=bytes(200)))
    assert refusal(large) == (Reason.CLIENT_TOO_LARGE, "subject")
    assert refusal(InquireRequest(inquiry=bytes(5000), query=call.query)) == (Reason.CLIENT_TOO_LARGE, "inquiry")
    call.query.ciphertext = bytes(300_000)
    assert refusal(call) == (Reason.CLIENT_TOO_LARGE, "query.ciphertext")


def test_a_query_that_the_inquiry_does_not_name_is_refused(provider):
    """Another block, another place, another header or another recipient is CLIENT_QUERY_MISMATCH."""
    call, other = inquire(header(), SUBJECT, provider), inquire(header(), SUBJECT, provider)
    swapped = InquireRequest(inquiry=call.inquiry, query=other.query)
    foreign = InquireRequest(inquiry=call.inquiry, query=call.query)
    foreign.query.recipient = REQUESTER
    header_of_other = changed(call, header=Inquiry.FromString(other.inquiry).header)
    for wrong in (swapped, foreign, header_of_other, changed(call, query_index=1)):
        assert refusal(wrong)[0] == Reason.CLIENT_QUERY_MISMATCH


@pytest.mark.parametrize("leaves", [[], [b"short"]])
def test_a_block_without_proper_leaves_is_refused(provider, leaves):
    """A query block has at least one leaf, and each has 32 bytes."""
    call = inquire(header(), SUBJECT, provider)
    del call.query.leaves[:]
    call.query.leaves.extend(leaves)
    assert refusal(call) == (Reason.CLIENT_MALFORMED, "query.leaves")
