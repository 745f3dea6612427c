"""Reports of receipts over the wire: what is kept, what is looked into, what is found (PROTO §14)."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta

import pytest
from contract.watchdog_world import NHI, TAX, World, error_of, reason_of
from google.protobuf.message import Message
from sqlalchemy import create_engine, text

from warifu.exchange import receipt as receipts
from warifu.exchange.keys import InstitutionKeys
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import MERGE_DELAY, RECEIPT_BYTES, WITNESS_REFRESH, WITNESS_SILENCE
from warifu.linkage.v1.linkage_pb2 import Receipt

LOST = b"\x11" * 32
"""Commitment of a record that no log holds."""
DELAY = MERGE_DELAY / 1000


def reports(world: World) -> list:
    """Rows of the table of reports."""
    engine = create_engine(f"sqlite:///{world.state / 'watchdog' / 'watchdog.db'}")
    with engine.connect() as connection:
        rows = list(connection.execute(text("SELECT * FROM report ORDER BY received_at")))
    engine.dispose()
    return rows


async def test_a_record_that_the_log_does_not_hold_is_found(world: World) -> None:
    """A receipt whose record is twice, a merge delay apart, not in the log is misconduct; the signed receipt is the evidence."""
    await world.cosign(0)
    receipt = world.receipt(LOST, ago=timedelta(seconds=9))
    await world.report(receipt)
    await world.settle()
    assert world.findings() == []

    await world.pass_time(seconds=DELAY)

    (finding,) = world.findings()
    assert (finding.kind, finding.party, finding.entry) == ("unlogged-record", "gateway", None)
    evidence = Receipt.FromString(finding.evidence)
    receipts.check(evidence, world.entries.keys.verifying_key)
    assert evidence == receipt
    assert NHI in finding.detail_en
    assert receipt.recorded_at.ToDatetime(UTC).isoformat(timespec="milliseconds") in finding.detail_ja


async def test_a_false_alarm_is_looked_into_and_closed(world: World) -> None:
    """A receipt whose record the log proves to hold, under a head that was cosigned, is no finding and is not looked for again."""
    await world.cosign(0)
    await world.report(world.receipt(world.log.leaves[4], ago=timedelta(seconds=9)))
    await world.settle()

    assert world.findings() == []
    (report,) = reports(world)
    assert (report.state, report.leaf_index, report.due_at) == ("logged", 4, None)


async def test_what_is_not_overdue_yet_is_looked_into_when_it_is(world: World) -> None:
    """A receipt that is reported before its merge delay is over is kept, and the log is asked once that is over, not before."""
    await world.cosign(0)
    await world.report(world.receipt(LOST))
    await world.settle()
    assert reports(world)[0].state == "open"
    await world.pass_time(seconds=DELAY)
    assert (reports(world)[0].state, world.findings()) == ("missed", [])
    await world.pass_time(seconds=DELAY)
    assert world.found() == ["unlogged-record"]


async def test_a_record_that_turns_up_between_two_looks_is_not_held_against_the_log(world: World) -> None:
    """A record that a log which had just come up again integrates before the second look is logged, not missing."""
    await world.cosign(0)
    await world.report(world.receipt(LOST, ago=timedelta(seconds=9)))
    await world.settle()
    world.log.leaves.append(LOST)
    await world.cosign(7)

    await world.pass_time(seconds=DELAY)
    assert (reports(world)[0].state, world.findings()) == ("logged", [])


async def test_a_record_that_is_logged_late_is_found_late(world: World) -> None:
    """A record found missing that appears afterwards is a finding of its own, with its place; the first one stays."""
    await world.cosign(0)
    await world.report(world.receipt(LOST, ago=timedelta(seconds=9)))
    await world.settle()
    await world.pass_time(seconds=DELAY)
    world.log.leaves.append(LOST)
    await world.cosign(7)

    await world.pass_time(seconds=WITNESS_REFRESH)

    missing, late = world.findings()
    assert (missing.kind, late.kind, late.entry) == ("unlogged-record", "late-record", 7)
    assert (reports(world)[0].state, reports(world)[0].leaf_index) == ("late", 7)


async def test_a_place_that_the_log_cannot_prove_is_no_place(world: World) -> None:
    """A log that says where a record is and holds another there, or promises a tree that nobody ever cosigns, is found out."""
    await world.cosign(0)
    world.shown.pretended = {LOST: 3, bytes(32): 99}
    for commitment in world.shown.pretended:
        await world.report(world.receipt(commitment, ago=timedelta(seconds=9)))
    await world.settle()
    await world.pass_time(seconds=DELAY)
    assert world.findings() == []

    await world.pass_time(seconds=WITNESS_SILENCE + 1)
    assert world.found() == ["unlogged-record"] * 2


async def test_a_forged_receipt_is_refused(world: World) -> None:
    """A receipt with any part altered, signed with another key, or under a key that the gateway never had, is refused and not kept."""
    sound = world.receipt(LOST)
    other = InstitutionKeys.generate("gateway")
    now = world.clock.machine()
    cases = {
        "commitment": {"commitment": bytes(32)},
        "shorter": {"commitment": bytes(31)},
        "time": {"recorded_at": sound.exchange_time},
        "signature": {"signature": altered(sound, signature=bytes(64))},
        "no signature": {"signature": altered(sound, signature=b"")},
        "place": {"signature": altered(sound, index=1)},
    }
    forged = {name: Receipt(**{**fields(sound), **changes}) for name, changes in cases.items()}
    forged["another key"] = receipts.issue(LOST, now, now, other.signing_key_id, other.sign)
    forged["its id"] = receipts.issue(LOST, now, now, world.entries.keys.signing_key_id, other.sign)
    forged["far time"] = Receipt(**{**fields(sound), "recorded_at": {"seconds": 1 << 62}})

    for name, receipt in forged.items():
        assert await reason_of(world.report(receipt)) == Reason.CLIENT_RECEIPT_INVALID, name
    assert reports(world) == []


def fields(receipt: Message) -> dict:
    """Its fields, to be changed."""
    return {descriptor.name: value for descriptor, value in receipt.ListFields()}


def altered(receipt: Receipt, **changes: object) -> dict:
    """Its signature, with some fields changed."""
    return {**fields(receipt.signature), **changes}


async def test_a_report_out_of_form_is_refused_by_field(world: World) -> None:
    """No receipt, a bloated one, a key id that is no id: each is refused with its field's name."""
    sound = world.receipt(LOST)
    cases = [
        (None, Reason.CLIENT_MALFORMED, "receipt"),
        (
            Receipt(**{**fields(sound), "signature": altered(sound, signature=bytes(RECEIPT_BYTES))}),
            Reason.CLIENT_TOO_LARGE,
            "receipt",
        ),
        (
            Receipt(**{**fields(sound), "signature": altered(sound, key_id="")}),
            Reason.CLIENT_MALFORMED,
            "receipt.signature.key_id",
        ),
    ]

    for receipt, reason, field in cases:
        error = await error_of(world.report(receipt))
        assert (error.reason, error.metadata["field"]) == (reason, field)
    assert reports(world) == []


async def test_the_same_report_again_has_no_effect(world: World) -> None:
    """Reporting twice, at once or after a restart or after it was found, is acknowledged and is one report and one finding."""
    await world.cosign(0)
    receipt = world.receipt(LOST, ago=timedelta(seconds=9))
    await asyncio.gather(*(world.report(receipt) for _ in range(8)))
    await world.restart()
    await world.report(receipt)
    await world.settle()
    await world.pass_time(seconds=DELAY)
    await world.report(receipt)
    await world.settle()

    assert len(reports(world)) == 1
    assert world.found() == ["unlogged-record"]


async def test_anothers_report_of_the_same_receipt_is_the_same_report(world: World) -> None:
    """Whoever else reports a receipt is acknowledged; the institution that was first stands as reporter."""
    receipt = world.receipt(LOST)
    await world.report(receipt)
    await world.report(receipt, "tax", TAX)

    (report,) = reports(world)
    assert report.reporter == f"spiffe://warifu.example/health_insurance/{NHI}"


async def test_only_institutions_report(world: World) -> None:
    """The gateway, the simulator and counters are refused."""
    for party, code in (("gateway", "main"), ("simulator", "main"), ("counter", TAX)):
        assert await reason_of(world.report(world.receipt(LOST), party, code)) == Reason.CLIENT_CALLER_NOT_ALLOWED


async def test_a_report_is_kept_though_the_gateway_is_gone(world: World) -> None:
    """Once the watchdog knows the gateway's key it takes reports without it; it waits with its judgement until the log answers."""
    await world.cosign(0)
    await world.settle()
    receipt = world.receipt(LOST, ago=timedelta(seconds=9))
    world.shown.trouble = LinkageError(Reason.GATEWAY_STORE_UNAVAILABLE)
    await world.report(receipt)
    await world.pass_time(hours=1)
    assert (reports(world)[0].state, world.findings()) == ("open", [])

    world.shown.trouble = None
    await world.settle()
    await world.pass_time(seconds=DELAY)
    assert world.found() == ["unlogged-record"]


async def test_receipts_of_a_key_before_are_still_believed(world: World) -> None:
    """A receipt signed before the gateway changed its keys is checked with the key of then, also after a restart."""
    await world.settle()
    receipt = world.receipt(LOST)
    world.entries.keys, world.entries.version = InstitutionKeys.generate("gateway"), 2
    await world.pass_time(seconds=WITNESS_REFRESH)
    await world.restart()

    await world.report(receipt)
    await world.report(world.receipt(bytes(32)))
    assert len(reports(world)) == 2


async def test_without_a_way_to_check_a_report_it_is_to_be_sent_again(world: World) -> None:
    """A watchdog that never saw the gateway's key and cannot ask for it refuses a report as one to be repeated, and keeps nothing."""
    receipt = world.receipt(LOST)
    for party in ("watchdog", "gateway"):
        await world.down(party)
    for name in ("watchdog.db", "watchdog.db-wal", "watchdog.db-shm"):  # it may have asked as soon as it was up
        (world.state / "watchdog" / name).unlink(missing_ok=True)
    await world.up("watchdog")

    error = await error_of(world.report(receipt))

    assert error.retryable
    assert reports(world) == []


@pytest.mark.parametrize("state", ["open", "missed"])
async def test_a_restart_loses_no_report(world: World, state: str) -> None:
    """A report that was acknowledged is looked into after a restart, at whatever stage it was."""
    await world.cosign(0)
    await world.report(world.receipt(LOST, ago=timedelta(seconds=9)))
    if state == "missed":
        await world.settle()
    assert reports(world)[0].state in {state, "missed"}
    await world.restart()
    await world.settle()
    await world.pass_time(seconds=DELAY)

    assert world.found() == ["unlogged-record"]
