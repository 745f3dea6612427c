"""Medical insurers: qualifications with their dates; one kind for municipal 国保, employees' insurers and the late-elderly union."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final

from warifu.agencies.kind import Case, Kept, Kind, Office, Original, day_before, reached, read_table
from warifu.agency.v1 import agency_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.basic_items import parse_day
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import FREE_TEXT, check_text, malformed

__all__ = ["KIND"]

_FIELD: Final = "change.qualification"
_FOREVER: Final = "9999-12-31"
_TABLE: Final = read_table(Path(__file__).parent)


def _keep(change: agency_pb2.Change, case: Case) -> Kept:
    """One record a qualification, by its first day."""
    info = change.qualification
    first, end = _check(info, case)
    last = None if end is None else max(day_before(end), first).isoformat()
    if _overlaps(first.isoformat(), last, case):
        raise LinkageError(Reason.CLIENT_PERIOD_OVERLAP)
    return Kept(
        record_key=first.isoformat(),
        values={"medical_insurance": info},
        first_day=first.isoformat(),
        last_day=last,
    )


def _check(info: items_pb2.MedicalInsuranceInfo, case: Case) -> tuple[date, date | None]:
    """First day, and first day without; what cannot be is refused."""
    if info.insurer_number != case.office.insurer_number:
        raise malformed(f"{_FIELD}.insurer_number", "not this insurer's")
    check_text(info.number, f"{_FIELD}.number", FREE_TEXT)
    if not info.insured_kind:
        raise malformed(f"{_FIELD}.insured_kind", "missing")
    first = parse_day(info.qualified_on, f"{_FIELD}.qualified_on")
    _check_age(first, case)
    if info.HasField("disqualified_on") != info.HasField("loss_reason"):
        raise malformed(f"{_FIELD}.loss_reason", "given with the day of loss and only then")
    if not info.HasField("disqualified_on"):
        return first, None
    end = parse_day(info.disqualified_on, f"{_FIELD}.disqualified_on")
    if end < first:
        raise malformed(f"{_FIELD}.disqualified_on", "before the first day")
    return first, end


def _check_age(first: date, case: Case) -> None:
    rules, born = _rules(case.office), date.fromisoformat(case.subject.birth_date)
    if "ends_at" in rules and first >= reached(born, rules["ends_at"]):
        raise malformed(f"{_FIELD}.qualified_on", f"from {rules['ends_at']} on the late-elderly union insures")
    if "from" in rules and first < reached(born, rules["from"]):
        raise malformed(f"{_FIELD}.qualified_on", f"before {rules['from']} another insurer insures")


def _overlaps(first: str, last: str | None, case: Case) -> bool:
    return any(
        (other.first_day or "") <= (last or _FOREVER) and first <= (other.last_day or _FOREVER)
        for other in case.originals.values()
        if other.record_key != first
    )


def _rules(office: Office) -> dict[str, Any]:
    rules: dict[str, Any] = _TABLE.own["roles"].get(office.role, {})
    return rules


def _ages(office: Office) -> int | None:
    age: int | None = _rules(office).get("ends_at")
    return age


def _ended(original: Original, day: date) -> agency_pb2.Change:
    """Whoever turns 75 goes over to the union."""
    info = items_pb2.MedicalInsuranceInfo()
    info.CopyFrom(original.content.medical_insurance)
    info.disqualified_on = day.isoformat()
    info.loss_reason = items_pb2.INSURANCE_LOSS_REASON_OTHER_INSURANCE
    return agency_pb2.Change(qualification=info)


KIND = Kind(_TABLE, _keep, ages=_ages, ended=_ended)
