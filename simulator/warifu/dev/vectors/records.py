"""Records, events and answers: their bytes, commitments, leaves and digests (docs/PROTOCOL.md §3.5, §7 and §14)."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToDict

from warifu.dev.vectors.made import EXCHANGED, PROVIDER, REQUESTER, drawn, header, permit
from warifu.exchange import answer, event, record
from warifu.exchange.header import header_hash
from warifu.exchange.permit import permit_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.items.v1 import items_pb2
from warifu.kernel.instants import milliseconds, timestamp
from warifu.log.v1 import log_pb2
from warifu.tlog import merkle


def make() -> dict[str, Any]:
    """The file records.json."""
    request = _record(pb.RECORD_KIND_REQUEST)
    outcome = _record(pb.RECORD_KIND_OUTCOME)
    outcome.outcome = pb.OUTCOME_ANSWERED
    outcome.answered_at.CopyFrom(timestamp(milliseconds(EXCHANGED) + 250))
    noted = log_pb2.NetworkEvent(version=1, at=timestamp(milliseconds(EXCHANGED)), started=log_pb2.GatewayStarted())
    return {
        "records": [_committed(one, number) for number, one in enumerate((request, outcome))],
        "events": [_event(noted)],
        "answers": [_answer(one) for one in answers()],
    }


def answers() -> list[pb.Answer]:
    """Answers of one block: one with a record, one without."""
    content = items_pb2.ItemContent(
        local_tax=items_pb2.LocalTaxInfo(
            tax_year=2026, municipality="480011", salary_revenue_yen=4_120_000, total_income_yen=0
        ),
        empty_fields=[items_pb2.EmptyField(path="pension_revenue_yen", reason=items_pb2.EMPTY_REASON_NOT_APPLICABLE)],
    )
    provided = pb.Record(record_key="2026", layout_version="2026-06", content=content)
    return [_made(0, pb.FINE_OUTCOME_PROVIDED, provided), _made(1, pb.FINE_OUTCOME_NOT_REGISTERED)]


def _made(number: int, outcome: pb.FineOutcome.ValueType, *records: pb.Record) -> pb.Answer:
    return pb.Answer(
        header_hash=header_hash(header(number)),
        permit_hash=permit_hash(permit(number)),
        provider=PROVIDER,
        requester=REQUESTER,
        outcome=outcome,
        records=records,
        salt=drawn(f"answer salt {number}"),
    )


def _record(kind: pb.RecordKind.ValueType) -> pb.AccessRecord:
    asked = pb.RequestHeader.FromString(header())
    return pb.AccessRecord(
        version=record.VERSION,
        kind=kind,
        request_id=asked.request_id,
        requester=asked.requester,
        provider=asked.provider,
        affair=asked.affair,
        procedure=asked.procedure,
        item=asked.item,
        table_version="2026.2+00000000",
        row="P07",
        requested_at=timestamp(milliseconds(EXCHANGED)),
    )


def _committed(entry: pb.AccessRecord, number: int) -> dict[str, Any]:
    data, salt = entry.SerializeToString(deterministic=True), drawn(f"record salt {number}")
    commitment = record.commitment(salt, data)
    return {
        "record": data.hex(),
        "fields": MessageToDict(entry, preserving_proto_field_name=True),
        "salt": salt.hex(),
        "commitment": commitment.hex(),
        "leaf_hash": merkle.leaf_hash(commitment).hex(),
    }


def _event(noted: log_pb2.NetworkEvent) -> dict[str, Any]:
    data, salt = noted.SerializeToString(deterministic=True), drawn("event salt")
    commitment = event.commitment(salt, data)
    return {
        "event": data.hex(),
        "fields": MessageToDict(noted, preserving_proto_field_name=True),
        "salt": salt.hex(),
        "commitment": commitment.hex(),
        "leaf_hash": merkle.leaf_hash(commitment).hex(),
    }


def _answer(one: pb.Answer) -> dict[str, Any]:
    data = answer.answer_bytes(one)
    return {
        "answer": data.hex(),
        "fields": MessageToDict(one, preserving_proto_field_name=True),
        "digest": answer.answer_digest(data).hex(),
        "leaf": answer.answer_leaf(one.header_hash, one.permit_hash).hex(),
    }
