"""Deliveries: believed only when everything fits, stored once, acknowledged when durable."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.portal.lab import Lab, Told, sealed, shown, subject

from warifu.control.v1 import control_pb2
from warifu.exchange import record
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.portal.deliveries import DeliveryError, entry_of
from warifu.portal.holdings import holdings
from warifu.portal.v1 import portal_pb2

KEYS = InstitutionKeys.generate("portal-main")
WHOSE = subject("987650432101")
LOG = "00c0ffee"


def changed(told: Told, **changes: object) -> portal_pb2.ShownRecord:
    """A delivery whose outcome record differs in some fields and is committed to anew."""
    plain = shown(told, WHOSE)
    outcome = record.check(exchange_pb2.CommittedRecord.FromString(plain.outcome))
    for name, value in changes.items():
        setattr(outcome, name, value)
    plain.outcome = record.commit(outcome).SerializeToString()
    return plain


async def test_a_stored_delivery_is_on_the_disk_when_it_is_acknowledged(lab: Lab, tmp_path) -> None:
    """An acknowledged request id is found by another connection to the file."""
    stored = await lab.deliver([Told(), Told()])
    with closing(sqlite3.connect(tmp_path / "portal-main.db")) as other, other:
        found = {row[0] for row in other.execute("SELECT request_id FROM entries")}
    assert found == set(stored)
    assert len(stored) == 2


async def test_the_same_delivery_again_has_no_effect(lab: Lab) -> None:
    """Delivered twice, also sealed anew, an exchange is acknowledged twice and stored once."""
    told = Told()
    plain = shown(told, subject("987650432101"))
    for _ in range(2):
        assert set(await lab.deliver_shown(plain, plain)) == {told.request_id}
    assert len(holdings(lab.store, lab.seals, told.request_id)) == 1


async def test_other_content_for_a_stored_exchange_is_not_acknowledged(lab: Lab) -> None:
    """A second, different record of an exchange neither replaces the first nor is acknowledged, and hinders no other."""
    told, other = Told(), Told()
    await lab.deliver([told])
    held = holdings(lab.store, lab.seals, told.request_id)
    changed_too = Told(request_id=told.request_id, provider="tax-490016")
    assert await lab.deliver([changed_too, other]) == [other.request_id]
    assert holdings(lab.store, lab.seals, told.request_id) == held


async def test_a_call_of_which_nothing_can_be_stored_fails(lab: Lab) -> None:
    """When the block does not open, or no record in it can be believed, the caller learns it: its copy of the portal's key may be an old one."""
    for request in (
        sealed(KEYS, shown(Told(), WHOSE)),
        sealed(lab.keys),
        sealed(lab.keys, shown(Told(withheld=True), WHOSE)),
    ):
        with pytest.raises(LinkageError) as failure:
            await lab.servicer.Deliver(request, None)
        assert failure.value.reason is Reason.CLIENT_DELIVERY_INVALID


async def test_too_many_deliveries_are_refused_whole(lab: Lab) -> None:
    """More than 500 deliveries in a call are refused."""
    with pytest.raises(LinkageError) as failure:
        await lab.deliver_shown(*[portal_pb2.ShownRecord()] * 501)
    assert failure.value.reason is Reason.CLIENT_TOO_MANY_ITEMS


def test_a_withheld_record_is_never_kept() -> None:
    """A record marked as not to be disclosed is refused, in whichever of the two records the mark stands."""
    with pytest.raises(DeliveryError, match="not to be disclosed"):
        entry_of(shown(Told(withheld=True), WHOSE), LOG)
    with pytest.raises(DeliveryError, match="not to be disclosed"):
        entry_of(changed(Told(), non_disclosure=True), LOG)


@pytest.mark.parametrize("outcome", [exchange_pb2.OUTCOME_PENDING, exchange_pb2.OUTCOME_UNSPECIFIED])
def test_only_final_outcomes_are_kept(outcome: int) -> None:
    """An exchange that is not final yet is refused."""
    with pytest.raises(DeliveryError, match="not final"):
        entry_of(shown(Told(outcome=outcome), WHOSE), LOG)


@pytest.mark.parametrize(
    "changes",
    [
        {"requester": "tax-490016"}, {"provider": "tax-490016"}, {"item": "TM90000000000009"}, {"procedure": "JT90000000000999"},
        {"request_id": "00000000-0000-4000-8000-000000000000"}, {"kind": exchange_pb2.RECORD_KIND_REQUEST}, {"version": 2},
    ],
)  # fmt: skip
def test_records_that_contradict_each_other_are_refused(changes: dict[str, object]) -> None:
    """The outcome record must be of the same exchange and say the same of it as the request record."""
    with pytest.raises(DeliveryError):
        entry_of(changed(Told(), **changes), LOG)


async def test_a_block_with_any_bit_changed_is_refused_whole(lab: Lab) -> None:
    """At either end or in the middle: nothing of it is kept."""
    told = Told()
    for place in (0, 700, -1):
        request = sealed(lab.keys, shown(told, WHOSE))
        altered = bytearray(request.sealed)
        altered[place] ^= 1
        request.sealed = bytes(altered)
        with pytest.raises(LinkageError) as failure:
            await lab.servicer.Deliver(request, None)
        assert failure.value.reason is Reason.CLIENT_DELIVERY_INVALID
    assert holdings(lab.store, lab.seals, told.request_id) == []


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(part=st.sampled_from(["request", "outcome"]), place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_bit_of_a_record_is_under_its_commitment(part: str, place: int, bit: int) -> None:
    """A committed record with any one bit changed is refused."""
    told = Told()
    plain = shown(told, WHOSE)
    data = bytearray(getattr(plain, part))
    data[place % len(data)] ^= 1 << bit
    setattr(plain, part, bytes(data))
    with pytest.raises(DeliveryError):
        entry_of(plain, LOG)


async def test_the_view_shows_what_is_held_and_nothing_else(lab: Lab) -> None:
    """For a delivered exchange the view names the row with both records as received; for any other, nothing."""
    told = Told()
    await lab.deliver([told])
    (holding,) = holdings(lab.store, lab.seals, told.request_id)
    values = {value.name: value for value in holding.values}
    assert holding.where == "portal-main/entries"
    assert values["request_id"].text == told.request_id
    assert values["request_record"].decodes_to == "warifu.exchange.v1.CommittedRecord"
    committed = exchange_pb2.CommittedRecord.FromString(values["request_record"].raw)
    assert record.check(committed).requester == told.requester
    assert isinstance(holding, control_pb2.Holding)
    assert holdings(lab.store, lab.seals, Told().request_id) == []
