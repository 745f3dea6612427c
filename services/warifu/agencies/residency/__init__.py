"""Residency: resident records with households, relationships and moves; tells the numbering body of births, moves and deaths."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from warifu.agencies.kind import Case, Kept, Kind, Notices, day_before, read_table
from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.basic_items import parse_day
from warifu.kernel.limits import FREE_TEXT, check_text, malformed

__all__ = ["KIND"]

_FIELD: Final = "change.residency"
_ABROAD: Final = "99999"
_TABLE: Final = read_table(Path(__file__).parent)
_REASONS: Final[dict[str, str]] = _TABLE.own["reasons"]
_REASON_LENGTH: Final = 20


def _keep(change: agency_pb2.Change, case: Case) -> Kept:
    """One record a stay in the municipality, by the day on which it began; a return after a move-out is another."""
    del case
    moved = change.residency
    record = moved.record
    check_text(moved.reason, f"{_FIELD}.reason", _REASON_LENGTH)
    check_text(record.household_id, f"{_FIELD}.record.household_id", FREE_TEXT)
    check_text(record.relationship, f"{_FIELD}.record.relationship", FREE_TEXT)
    if not record.resident_kind:
        raise malformed(f"{_FIELD}.record.resident_kind", "missing")
    moved_on = parse_day(moved.moved_on, f"{_FIELD}.moved_on")
    since = moved_on
    if record.HasField("resident_since"):
        since = parse_day(record.resident_since, f"{_FIELD}.record.resident_since")
    return Kept(
        record_key=since.isoformat(),
        values={"resident_record": record},
        first_day=since.isoformat(),
        last_day=_last_day(record, since),
        empty=_empty(record),
    )


def _last_day(record: items_pb2.ResidentRecordInfo, since: date) -> str | None:
    """The last day as a resident: the one before the removal."""
    if not record.HasField("removed_on"):
        return None
    removed = parse_day(record.removed_on, f"{_FIELD}.record.removed_on")
    if removed < since:
        raise malformed(f"{_FIELD}.record.removed_on", "before the first day as a resident")
    return max(day_before(removed), since).isoformat()


def _empty(record: items_pb2.ResidentRecordInfo) -> dict[str, items_pb2.EmptyReason.ValueType]:
    """For foreign residents the fields that are theirs do apply; permanent residents have no end of stay."""
    if record.resident_kind != items_pb2.RESIDENT_KIND_FOREIGN:
        return {}
    return {"nationality": items_pb2.EMPTY_REASON_NO_VALUE, "residence_status": items_pb2.EMPTY_REASON_NO_VALUE}


def _notices(change: agency_pb2.Change, case: Case) -> Notices:
    moved = change.residency
    meaning = _REASONS.get(moved.reason, "")
    from_abroad = meaning == "arrive" and moved.record.previous_municipality == _ABROAD
    after = _new_items(change)
    register = meaning == "register" or from_abroad
    # Whoever moves out is registered at the new address by the city that takes the move-in; whoever is new, as what is given.
    told = after if after is not None and after != case.subject and meaning != "leave" and not register else None
    return Notices(
        register=register,
        after=told,
        died_on=moved.moved_on if meaning == "death" else None,
    )


def _new_items(change: agency_pb2.Change) -> common_pb2.BasicItems | None:
    return change.residency.basic_items if change.residency.HasField("basic_items") else None


KIND = Kind(_TABLE, _keep, notices=_notices, new_items=_new_items, numbers=True)
