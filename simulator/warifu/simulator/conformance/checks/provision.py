"""What is looked up, and what of it leaves (docs/PROTOCOL.md §6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from warifu.common.v1 import common_pb2
from warifu.exchange.permit import stamp
from warifu.exchange.sealing import block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.simulator.conformance.bench import Bench
from warifu.simulator.conformance.folder import LAYOUT, MOST_RECORDS
from warifu.simulator.conformance.outcome import Text, UnmetError, expect, plain

RELEASED = frozenset({"tax_year", "salary_revenue_yen", "tax_class"})
"""What row P07 releases of the copy that was given, which holds a field more."""
_BEFORE_THE_ROW = datetime(2016, 6, 1, tzinfo=UTC)
_BEFORE_THE_ASSESSMENTS = datetime(2018, 6, 1, tzinfo=UTC)
"""The row is in force, and no institution's impact assessment is published."""
_BY_CONSENT: Final[Mapping[str, Any]] = {
    "requester": "insurer-06480016",
    "affair": "JM90000000000201",
    "procedure": "JT90000000000201",
}
"""What row P10 allows with the person's consent."""


async def law(bench: Bench) -> None:
    """A procedure that no row allows, a row that is not the one that allows it, an exchange before the row was in force or the impact assessments were published, and consent that is missing or of a later day."""
    await bench.refused(bench.ask(procedure="JT90000000000103"), "PROVIDER_PERMIT_INVALID")
    await bench.refused(bench.ask(permit={"row": "P08"}), "PROVIDER_PERMIT_INVALID")
    await bench.told(bench.ask())  # whoever judges by the last known day knows today
    for day in (_BEFORE_THE_ROW, _BEFORE_THE_ASSESSMENTS):
        await bench.refused(bench.ask(permit={"exchange_time": stamp(day)}), "PROVIDER_PERMIT_INVALID")
    for consent, reason in (
        (None, "PROVIDER_PERMIT_INVALID"),
        (_consent("2026-06-02"), "PROVIDER_PERMIT_INVALID"),
        (_consent("2026-06-01"), "CLIENT_DIRECTORY_ENTRY_UNKNOWN"),  # allowed, by somebody without keys
    ):
        await bench.refused(bench.ask(permit={"row": "P10"}, **_BY_CONSENT, consent=consent), reason)


def _consent(day: str) -> pb.Consent:
    return pb.Consent(given_on=day, reference="case-1")


async def query(bench: Bench) -> None:
    """A block that is not there, and a block with another header's query."""
    await bench.refused(bench.ask(permit={"query_block_hash": bytes(32)}), "CLIENT_QUERY_MISMATCH")
    another = bench.ask()
    swapped = bench.ask(permit={"query_block_hash": block_hash(another.block)})
    swapped.block = another.block
    await bench.refused(swapped, "CLIENT_QUERY_MISMATCH")


async def lookup(bench: Bench) -> None:
    """Spans that a copy is about and others, a copy that may not be provided that day, someone without copies, and someone unknown."""
    period = common_pb2.Period(first_day="2026-01-01", last_day="2026-04-01")
    for who, span, wanted, keys in (
        ("several", _year(2026), "PROVIDED", ["2026"]),
        ("several", _year(2025), "PROVIDED", ["2025"]),
        ("several", common_pb2.Span(period=period), "PROVIDED", ["2025", "2026"]),
        ("several", common_pb2.Span(), "PROVIDED", ["2026"]),
        ("several", _year(2024), "NO_RECORD", []),
        ("lapsed", _year(2026), "NO_RECORD", []),
        ("empty", _year(2026), "NOT_REGISTERED", []),
        ("stranger", _year(2026), "NOT_REGISTERED", []),
    ):
        _, _, answer = await bench.final(who, span=span)
        got = pb.FineOutcome.Name(answer.outcome).removeprefix("FINE_OUTCOME_")
        what = Text(f"{who} の結果と記録の鍵", f"fine outcome and record keys of {who}")
        expect(what, (got, sorted(one.record_key for one in answer.records)), (wanted, keys))


async def most(bench: Bench) -> None:
    """Somebody with more records about the span than one answer may hold."""
    _, _, answer = await bench.final("many")
    count = len(answer.records)
    if not 0 < count <= MOST_RECORDS:
        what = Text(f"1件以上{MOST_RECORDS}件以下の記録", f"1 to {MOST_RECORDS} records")
        raise UnmetError(what, plain(count))


def _year(year: int) -> common_pb2.Span:
    return common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=year))


async def fields(bench: Bench) -> None:
    """An ordinary inquiry; the copy has a field that the row does not release."""
    _, _, answer = await bench.final()
    expect(Text("項目", "fields"), _named(answer), RELEASED)


async def wanted(bench: Bench) -> None:
    """A query that wants one field that the row releases, and one that it does not."""
    _, _, answer = await bench.final(fields=("salary_revenue_yen", "dependants"))
    expect(Text("項目", "fields"), _named(answer), {"salary_revenue_yen"})


def _named(answer: pb.Answer) -> set[str]:
    return {one.name for record in answer.records for one, _ in record.content.local_tax.ListFields()}


async def layout(bench: Bench) -> None:
    """An ordinary inquiry."""
    _, _, answer = await bench.final()
    expect(
        Text("記録の鍵とレイアウトの版", "record key and layout version"),
        [f"{one.record_key} {one.layout_version}" for one in answer.records],
        [f"2026 {LAYOUT}"],
    )
