"""Permits: issued by the batch, checked one by one."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.exchange.samples import NOW, PROVIDER, flip, permit_bytes, permit_message, request

from warifu.exchange import header, permit
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.permit import PermitChecker, check_window
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason


def checker(gateway, provider=PROVIDER):
    """A provider's checker that knows the gateway's key."""
    keys = {gateway.signing_key_id: gateway.verifying_key}
    return PermitChecker(provider, keys.get)


def issue(gateway, *permits):
    """Permits signed by the gateway."""
    return permit.issue(permits, gateway.signing_key_id, gateway.sign)


def refused(gateway, signed, provider=PROVIDER):
    """Why a permit is refused."""
    with pytest.raises(LinkageError) as caught:
        checker(gateway, provider).check(signed)
    return caught.value.reason


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 200))
def test_each_permit_of_a_batch_stands_alone(gateway, count):
    """Every permit of a batch of any size verifies on its own, and gives back what was permitted."""
    permits = [permit_bytes() for _ in range(count)]
    for data, signed in zip(permits, issue(gateway, *permits), strict=True):
        checked = checker(gateway).check(signed)
        assert checked.permit == exchange_pb2.Permit.FromString(data)
        assert checked.permit_hash == permit.permit_hash(data)
        assert checked.header_hash == header.header_hash(checked.permit.header)
        assert checked.header.request_id == checked.permit.permit_id
        assert (checked.issued_at, checked.exchange_time) == (NOW, NOW)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_flipped_bit_is_refused(gateway, data):
    """A flipped bit anywhere in a signed permit's bytes, its proof included, is refused."""
    signed = issue(gateway, *(permit_bytes() for _ in range(5)))[3]
    wire = signed.SerializeToString()
    bad = flip(wire, data.draw(st.integers(0, 99_999)))
    try:
        changed = exchange_pb2.SignedPermit.FromString(bad)
    except Exception:  # noqa: BLE001 - the transport refuses it before we see it
        return
    changed.DiscardUnknownFields()
    assert changed != signed or bad != wire
    assert refused(gateway, changed) in {Reason.CLIENT_PERMIT_INVALID, Reason.CLIENT_TOO_LARGE}


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.data())
def test_permits_that_came_together_are_judged_as_each_alone(gateway, count, data):
    """Of permits of one call, with any bit of any of them flipped, just those are accepted that are accepted alone."""
    signed = issue(gateway, *(permit_bytes() for _ in range(count)))
    place = data.draw(st.integers(0, count - 1))
    try:
        signed[place].ParseFromString(flip(signed[place].SerializeToString(), data.draw(st.integers(0, 99_999))))
    except Exception:  # noqa: BLE001 - the transport refuses it before we see it
        return
    keys = {gateway.signing_key_id: gateway.verifying_key}
    together = PermitChecker(PROVIDER, keys.get, signed)

    def judged(by, one):
        try:
            return by.check(one).permit_hash
        except LinkageError as error:
            return error.reason

    assert [judged(together, one) for one in signed] == [judged(checker(gateway), one) for one in signed]
    assert [isinstance(judged(together, one), Reason) for one in signed] == [here == place for here in range(count)]


def test_a_whole_batch_under_another_key_is_refused(gateway, provider):
    """Permits that came together are refused when not the gateway signed their root, and when two claim one place."""
    keys = {gateway.signing_key_id: gateway.verifying_key}
    forged = permit.issue([permit_bytes() for _ in range(3)], gateway.signing_key_id, provider.sign)
    doubled = issue(gateway, permit_bytes(), permit_bytes())
    doubled[1].signature.CopyFrom(doubled[0].signature)
    for signed, good in ((forged, 0), (doubled, 1)):
        together = PermitChecker(PROVIDER, keys.get, signed)
        for one in signed[good:]:
            with pytest.raises(LinkageError):
                together.check(one)


def test_permits_cannot_lend_each_other_their_proofs(gateway):
    """The proof of one permit of a batch does not serve another."""
    first, second = issue(gateway, permit_bytes(), permit_bytes())
    first.signature.CopyFrom(second.signature)
    assert refused(gateway, first) == Reason.CLIENT_PERMIT_INVALID


def test_the_size_of_the_batch_is_signed(gateway):
    """A proof that names another size of batch is refused, also where the path would fit a tree of that size."""
    signed = issue(gateway, *(permit_bytes() for _ in range(3)))[0]
    signed.signature.size = 4
    assert refused(gateway, signed) == Reason.CLIENT_PERMIT_INVALID


def test_only_the_gateway_can_permit(gateway, provider):
    """A permit that another key signed is refused, also under the gateway's key id."""
    signed = permit.issue([permit_bytes()], provider.signing_key_id, provider.sign)[0]
    assert refused(gateway, signed) == Reason.CLIENT_PERMIT_INVALID
    signed.signature.key_id = gateway.signing_key_id
    assert refused(gateway, signed) == Reason.CLIENT_PERMIT_INVALID
    another = InstitutionKeys.generate("gateway")
    assert refused(another, issue(gateway, permit_bytes())[0]) == Reason.CLIENT_PERMIT_INVALID


def test_a_permit_for_another_provider_is_refused(gateway):
    """A permit is for the provider that its header names and no other."""
    assert refused(gateway, issue(gateway, permit_bytes())[0], "tax-490016") == Reason.CLIENT_PERMIT_MISMATCH


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"permit_id": "0" * 36}, id="permit_id-1"),
        pytest.param({"query_block_hash": b"q" * 31}, id="query_block_hash-2"),
        pytest.param({"commitment": b""}, id="commitment-3"),
        pytest.param({"subject": None}, id="subject-4"),
        pytest.param({"subject": exchange_pb2.SubjectReference(code=b"x" * 200)}, id="subject-5"),
        pytest.param({"query_index": 200}, id="query_index-6"),
        pytest.param({"row": ""}, id="row-7"),
        pytest.param({"table_version": "v" * 65}, id="table_version-8"),
        pytest.param({"requester_key_id": ""}, id="requester_key_id-9"),
        pytest.param({"issued_at": None}, id="issued_at-10"),
        pytest.param({"exchange_time": None}, id="exchange_time-11"),
        pytest.param({"review_until": None}, id="review_until-12"),
        pytest.param({"accept_by": permit.stamp(NOW + timedelta(seconds=61))}, id="accept_by-13"),
        pytest.param({"accept_by": permit.stamp(NOW - timedelta(seconds=1))}, id="accept_by-14"),
        pytest.param({"exchange_time": {"seconds": 10**12}}, id="exchange_time-15"),
        pytest.param({"header": b""}, id="header-16"),
        pytest.param({"header": request(requester="").SerializeToString()}, id="header-17"),
    ],
)
def test_a_signed_permit_out_of_form_is_refused(gateway, changes):
    """The gateway's signature does not excuse a field out of form or a permit that is not short-lived."""
    data = permit_message(**changes).SerializeToString()
    assert refused(gateway, issue(gateway, data)[0]) == Reason.CLIENT_PERMIT_INVALID


def test_unknown_fields_are_refused(gateway):
    """A permit that says more than its reader understands is refused though it is signed."""
    assert refused(gateway, issue(gateway, permit_bytes() + b"\xf8\x07\x01")[0]) == Reason.CLIENT_PERMIT_INVALID


def test_an_oversize_permit_is_refused_before_its_signature_is_looked_at(gateway):
    """A permit larger than any can be is refused by its size."""
    signed = exchange_pb2.SignedPermit(permit=b"x" * 10_000)
    assert refused(gateway, signed) == Reason.CLIENT_TOO_LARGE


@pytest.mark.parametrize(
    ("seconds", "accepted"), [(-31, False), (-30, True), (0, True), (60, True), (90, True), (91, False)]
)
def test_the_window_has_30_seconds_of_grace_on_both_sides(gateway, seconds, accepted):
    """A permit of 60 s is accepted from 30 s before its issue to 30 s after its end, and not a second beyond."""
    checked = checker(gateway).check(issue(gateway, permit_bytes())[0])
    at = NOW + timedelta(seconds=seconds)
    if accepted:
        check_window(checked, at)
        return
    with pytest.raises(LinkageError) as caught:
        check_window(checked, at)
    assert caught.value.reason == Reason.CLIENT_PERMIT_EXPIRED


def test_a_batch_has_1_to_200_permits(gateway):
    """None or more than a batch raises, and a proof that claims a larger batch is refused."""
    for count in (0, 201):
        with pytest.raises(ValueError, match="batch"):
            issue(gateway, *(b"p" for _ in range(count)))
