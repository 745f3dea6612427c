"""Test cards as documents: JSON for programs, rows of a table for a spreadsheet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from google.protobuf.message import Message

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.items.v1 import items_pb2
from warifu.simulator.testcards.cards import TestCard
from warifu.simulator.testcards.expect import Expectation

COLUMNS: Final = (
    "person", "name", "kana", "address", "birth_date", "sex", "individual_number", "addressee_no", "card", "pin", "requester",
    "row", "affair", "procedure", "item", "provider", "year", "consent", "outcome", "fine", "reason", "records",
)  # fmt: skip


def card_document(card: TestCard) -> dict[str, Any]:
    """A card as JSON."""
    return {
        "person": card.person,
        "name": card.name,
        "kana": card.kana,
        "individual_number": card.individual_number,
        "basic_items": _items(card.basic_items),
        "traits": list(card.traits),
        "addressees": dict(card.addressees),
        "insured": [
            {
                "institution": one.institution,
                "insurer_number": one.insurer_number,
                "symbol": one.symbol,
                "number": one.number,
                "branch": one.branch,
                "qualified_on": one.qualified_on.isoformat(),
            }
            for one in card.insured
        ],
        "card": card.card,
        "pin": card.pin,
        "day": card.day.isoformat(),
        "expected": [expectation_document(one) for one in card.expected],
    }


def expectation_document(one: Expectation) -> dict[str, Any]:
    """What an inquiry must come to, as JSON."""
    return {
        "row": one.row.id,
        "affair": one.row.affair.code,
        "procedure": one.row.procedure.code,
        "item": one.row.item,
        "requester": one.requester,
        "provider": one.provider,
        "year": one.year,
        "consent": one.row.consent_required,
        "outcome": one.outcome,
        "fine": one.fine,
        "reason": one.reason,
        "non_disclosure": one.non_disclosure,
        "sampled_too": one.sampled_too,
        "records": [record_document(record) for record in one.records],
        "released": None if one.released is None else expectation_document(one.released),
    }


def record_document(record: exchange_pb2.Record) -> dict[str, Any]:
    """A record with its values by field path, and why the others are empty."""
    content = record.content
    which = content.WhichOneof("content")
    return {
        "record_key": record.record_key,
        "layout_version": record.layout_version,
        "values": _values(getattr(content, which)) if which else {},
        "empty": {
            one.path: items_pb2.EmptyReason.Name(one.reason).removeprefix("EMPTY_REASON_")
            for one in content.empty_fields
        },
    }


def csv_rows(cards: Iterable[TestCard]) -> Iterator[Mapping[str, object]]:
    """A row for each card and expectation, by `COLUMNS`; one for a card without any."""
    for card in cards:
        person = {
            "person": card.person, "name": card.name, "kana": card.kana, "individual_number": card.individual_number,
            "card": card.card, "pin": card.pin, "address": card.basic_items.address, "birth_date": card.basic_items.birth_date,
            "sex": _items(card.basic_items)["sex"],
        }  # fmt: skip
        for one in card.expected:
            told = expectation_document(one)
            known = {name: told[name] for name in COLUMNS if name in told and name not in person}
            records = json.dumps(told["records"], ensure_ascii=False)
            yield person | known | {"addressee_no": card.addressees.get(one.requester), "records": records}
        if not card.expected:
            yield person


def _items(items: common_pb2.BasicItems) -> dict[str, str]:
    sex = common_pb2.Sex.Name(items.sex).removeprefix("SEX_")
    return {
        "name": items.name,
        "kana": items.kana,
        "address": items.address,
        "birth_date": items.birth_date,
        "sex": sex,
    }


def _values(message: Message) -> dict[str, Any]:
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: Any, value: Any) -> Any:
    if field.is_repeated:
        return [_values(one) for one in value]
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return value
