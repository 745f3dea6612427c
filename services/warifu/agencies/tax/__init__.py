"""Resident tax: assessments by tax year, first and corrected."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from warifu.agencies.kind import Case, Kept, Kind, read_table
from warifu.agency.v1 import agency_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.basic_items import parse_day
from warifu.kernel.limits import malformed

__all__ = ["KIND"]

_FIELD: Final = "change.tax_assessment"
_FIRST_YEAR: Final = 1990
_TABLE: Final = read_table(Path(__file__).parent)
_FOREST_TAX_FROM: Final[int] = _TABLE.own["forest_tax_from"]


def _keep(change: agency_pb2.Change, case: Case) -> Kept:
    """One record a tax year; the year runs from April to March."""
    info = change.tax_assessment
    _check(info, case)
    year = info.tax_year
    is_first = str(year) not in case.originals and not info.HasField("corrected_on")
    return Kept(
        record_key=str(year),
        values={"local_tax": info},
        first_day=f"{year}-04-01",
        last_day=f"{year + 1}-03-31",
        published_from=date(year, **_TABLE.own["published"]).isoformat() if is_first else None,
        empty=_empty(info),
    )


def _check(info: items_pb2.LocalTaxInfo, case: Case) -> None:
    if not _FIRST_YEAR <= info.tax_year <= case.office.today.year + 1:
        raise malformed(f"{_FIELD}.tax_year", "no tax year of this network")
    if info.municipality != case.office.lg_code:
        raise malformed(f"{_FIELD}.municipality", "not this municipality: it taxes who lived here on 1 January")
    if not info.return_kind or not info.tax_class:
        raise malformed(f"{_FIELD}.return_kind" if info.tax_class else f"{_FIELD}.tax_class", "missing")
    if info.HasField("corrected_on"):
        parse_day(info.corrected_on, f"{_FIELD}.corrected_on")
    if info.HasField("municipal_income_levy_yen") and info.HasField("municipal_per_capita_levy_yen"):
        _check_class(info)


def _check_class(info: items_pb2.LocalTaxInfo) -> None:
    """The class follows from the two levies, as offices read an answer (japan: 課税区分)."""
    income, per_capita = info.municipal_income_levy_yen > 0, info.municipal_per_capita_levy_yen > 0
    if income and not per_capita:
        raise malformed(f"{_FIELD}.municipal_per_capita_levy_yen", "an income levy comes with a per-capita levy")
    expected = {
        (False, False): items_pb2.TAX_CLASS_EXEMPT,
        (False, True): items_pb2.TAX_CLASS_PER_CAPITA_ONLY,
        (True, True): items_pb2.TAX_CLASS_TAXED,
    }[income, per_capita]
    if info.tax_class not in {expected, items_pb2.TAX_CLASS_UNDECLARED}:
        raise malformed(f"{_FIELD}.tax_class", "does not fit the levies")


def _empty(info: items_pb2.LocalTaxInfo) -> dict[str, items_pb2.EmptyReason.ValueType]:
    reasons: dict[str, items_pb2.EmptyReason.ValueType] = {}
    if info.tax_class == items_pb2.TAX_CLASS_UNDECLARED:  # nothing was filed: it may apply, nobody knows the value
        names = (field.name for field in info.DESCRIPTOR.fields if field.name.endswith("_yen"))
        reasons = dict.fromkeys(names, items_pb2.EMPTY_REASON_NO_VALUE)
    if info.tax_year < _FOREST_TAX_FROM:
        reasons["forest_tax_yen"] = items_pb2.EMPTY_REASON_NOT_APPLICABLE
    return reasons


KIND = Kind(_TABLE, _keep)
