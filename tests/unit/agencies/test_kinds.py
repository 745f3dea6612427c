"""Kinds of agency: their tables agree with the law book and the contracts, their rules with what they say; a new one is a folder."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import warifu.agencies
from warifu import law
from warifu.agencies.kind import Case, Kept, Kind, Office, Original, find, item_content, reached, read_table
from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import LinkageError, Reason

TODAY = date(2026, 4, 6)
KINDS = ("residency", "tax", "health_insurance", "welfare")
ASKS_ONLY = "welfare"


def case(role: str = "nhi", born: str = "1980-05-01", **originals: tuple[str, str | None]) -> Case:
    """A person of an office, with records by key as (first day, last day)."""
    items = common_pb2.BasicItems(name="名", address="所", birth_date=born, sex=common_pb2.SEX_MALE)
    held = {
        key: Original(key, items_pb2.ItemContent(), first, last)
        for key, (first, last) in {k.lstrip("_").replace("_", "-"): v for k, v in originals.items()}.items()
    }
    return Case(Office("x", role, "480011", "480012", TODAY), items, held)


def insured(first: date, end: date | None = None) -> agency_pb2.Change:
    """A qualification of the office."""
    return agency_pb2.Change(
        qualification=items_pb2.MedicalInsuranceInfo(
            insurer_number="480012",
            number="1",
            insured_kind=items_pb2.INSURED_KIND_INSURED,
            qualified_on=first.isoformat(),
            disqualified_on=end.isoformat() if end else None,
            loss_reason=items_pb2.INSURANCE_LOSS_REASON_OTHER if end else None,
        )
    )


@pytest.mark.parametrize("name", KINDS)
def test_a_table_agrees_with_law_book_and_contracts(name: str) -> None:
    """Item, message, branch, field paths and roles that a table names all exist and belong together."""
    table, book = find(name).table, law.packaged()
    if (records := table.records) is not None:
        item = book.items[records.item]
        assert item.content == records.content
        assert records.branch in agency_pb2.Change.DESCRIPTOR.fields_by_name
        message = items_pb2.ItemContent.DESCRIPTOR.fields_by_name[records.content].message_type
        assert message.name == item.message
        optional = {field.name for field in message.fields if field.has_presence}
        assert set(records.empty) <= optional
    assert all(use.role in book.register.roles and use.item in book.items for use in table.local_uses)
    assert all(use.purpose_ja and use.purpose_en for use in table.local_uses)
    own_roles = {role.code for role in book.register.roles.values() if role.kind == name}
    assert set(table.own.get("roles", own_roles)) == own_roles


def test_a_kind_is_a_provider_exactly_when_it_keeps_records() -> None:
    """No row lets anybody ask a kind that keeps nothing, and every kind that keeps records is asked for its item."""
    book = law.packaged()
    for name in KINDS:
        roles = {role.code for role in book.register.roles.values() if role.kind == name}
        asked = {row.item for row in book.rows.values() if roles & set(row.provider_roles)}
        records = find(name).table.records
        assert asked == (set() if records is None else {records.item}), name
    assert find(ASKS_ONLY).table.records is None


@pytest.mark.parametrize("lacking", ["branch", "item", "content", "layout", "empty"])
def test_a_table_that_names_half_of_a_record_is_refused(tmp_path: Path, lacking: str) -> None:
    """What a kind keeps is said whole or not at all; a table with a part of it names its file."""
    whole = (Path(__file__).parent / "toys" / "library" / "kind.toml").read_text(encoding="utf-8")
    values = tomllib.loads(whole)
    kept = [key for key in values if key != lacking]
    lines = {
        "branch": 'branch = "qualification"',
        "item": 'item = "TM90000000000003"',
        "content": 'content = "medical_insurance"',
        "layout": 'layout = [{ from = 2020-04-01, version = "2020-04" }]',
        "empty": "empty = {}",
    }
    (tmp_path / "kind.toml").write_text("\n".join(lines[key] for key in kept), encoding="utf-8")
    with pytest.raises(ValueError, match=r"kind\.toml"):
        read_table(tmp_path)


def test_a_kind_without_records_keeps_nothing() -> None:
    """A table without records has no `keep`, and one with records has one; anything else is no kind."""
    with pytest.raises(ValueError, match="both or neither"):
        Kind(find(ASKS_ONLY).table, find("tax").keep)
    with pytest.raises(ValueError, match="both or neither"):
        Kind(find("tax").table)


def test_every_kind_of_the_register_has_its_folder() -> None:
    """Each kind of agency that the register names is a folder here."""
    kinds = {role.kind for role in law.packaged().register.roles.values()} - {"portal"}
    assert kinds == set(KINDS)
    for kind in kinds:
        assert find(kind)


def test_a_further_kind_is_one_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a table and a KIND, put beside the others, is a kind; nothing else knows of it."""
    toys = Path(__file__).parent / "toys"
    monkeypatch.setattr(warifu.agencies, "__path__", [*warifu.agencies.__path__, str(toys)])
    library = find("library")
    kept = library.keep(insured(date(2026, 4, 1)), case())
    content = item_content(kept, library.table.records)
    assert content.medical_insurance.number == "1"
    assert {empty.path: empty.reason for empty in content.empty_fields}["symbol"] == items_pb2.EMPTY_REASON_NOT_HELD
    assert library.table.records.layout(TODAY) == "2020-04"


def test_a_kind_without_a_folder_is_said_to_be_none() -> None:
    """A name without a folder is refused with the name."""
    with pytest.raises(LookupError, match="post_office"):
        find("post_office")


def test_a_broken_table_names_its_file(tmp_path: Path) -> None:
    """A table that lacks something is refused with the file's name."""
    (tmp_path / "kind.toml").write_text('branch = "x"\n')
    with pytest.raises(ValueError, match=r"kind\.toml"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("day", "version"), [("2017-01-01", "2018-06"), ("2025-05-31", "2018-06"), ("2025-06-01", "2025-06")]
)
def test_the_layout_follows_the_day(day: str, version: str) -> None:
    """The layout is the one in use on the day, the first one before any."""
    assert find("tax").table.records.layout(date.fromisoformat(day)) == version


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 900), st.booleans()), max_size=8),
    st.integers(0, 3000),
    st.integers(1, 900),
    st.booleans(),
)
def test_qualifications_never_share_a_day(
    held: list[tuple[int, int, bool]], start: int, length: int, is_open: bool
) -> None:
    """A qualification is refused exactly when one of its days is a day of another; days are counted one by one."""
    zero, horizon = date(2010, 1, 1), 5000
    originals = {
        (zero + timedelta(days=first)).isoformat(): (first, horizon if endless else first + days)
        for first, days, endless in held
        if first != start
    }
    records = {
        f"_{key.replace('-', '_')}": (
            key,
            None if last == horizon else (zero + timedelta(days=last)).isoformat(),
        )
        for key, (_, last) in originals.items()
    }
    first = zero + timedelta(days=start)
    change = insured(first, None if is_open else first + timedelta(days=length))
    mine = set(range(start, horizon if is_open else start + length))
    taken = {day for begin, last in originals.values() for day in range(begin, last + 1)}
    if mine & taken:
        with pytest.raises(LinkageError) as refused:
            find("health_insurance").keep(change, case(**records))
        assert refused.value.reason == Reason.CLIENT_PERIOD_OVERLAP
    else:
        assert find("health_insurance").keep(change, case(**records)).record_key == first.isoformat()


@pytest.mark.parametrize(
    ("role", "born", "first", "allowed"),
    [
        ("nhi", "1951-04-06", date(2026, 4, 5), True),
        ("nhi", "1951-04-06", date(2026, 4, 6), False),
        ("employees_insurer", "1951-04-06", date(2026, 4, 6), False),
        ("late_elderly_union", "1951-04-06", date(2026, 4, 6), True),
        ("late_elderly_union", "1961-04-06", date(2026, 4, 6), True),
        ("late_elderly_union", "1961-04-07", date(2026, 4, 6), False),
        ("nhi", "1952-02-29", date(2027, 2, 28), True),
        ("nhi", "1952-02-29", date(2027, 3, 1), False),
    ],
)
def test_age_decides_who_insures(role: str, born: str, first: date, allowed: bool) -> None:
    """Up to 75 the municipality or the employer's insurer, from then on the union, which also takes the disabled from 65."""
    keep = find("health_insurance").keep
    if allowed:
        assert keep(insured(first), case(role, born)).record_key == first.isoformat()
    else:
        with pytest.raises(LinkageError):
            keep(insured(first), case(role, born))


@given(st.dates(date(1900, 1, 1), date(2020, 12, 31)), st.integers(0, 99))
def test_an_age_is_reached_after_that_many_years(born: date, age: int) -> None:
    """The day is the birthday, at most a day off in years without 29 February, and never before the year of the age."""
    day = reached(born, age)
    assert day.year == born.year + age
    assert (day.month, day.day) in {(born.month, born.day), (3, 1)}


def assessment(**fields) -> agency_pb2.Change:
    """A tax assessment."""
    values = {
        "tax_year": 2026,
        "municipality": "480011",
        "return_kind": items_pb2.TAX_RETURN_KIND_RETURN,
        "tax_class": items_pb2.TAX_CLASS_TAXED,
    }
    return agency_pb2.Change(tax_assessment=items_pb2.LocalTaxInfo(**{**values, **fields}))


def test_a_first_assessment_waits_for_june() -> None:
    """The first one of a year is published on 10 June, a correction at once."""
    keep = find("tax").keep
    assert keep(assessment(), case()).published_from == "2026-06-10"
    assert keep(assessment(corrected_on="2026-07-01"), case()).published_from is None
    assert keep(assessment(), case(_2026=("2026-04-01", "2027-03-31"))).published_from is None


@pytest.mark.parametrize(
    ("income", "per_capita", "tax_class", "allowed"),
    [
        (0, 0, items_pb2.TAX_CLASS_EXEMPT, True),
        (0, 3000, items_pb2.TAX_CLASS_PER_CAPITA_ONLY, True),
        (100, 3000, items_pb2.TAX_CLASS_TAXED, True),
        (100, 0, items_pb2.TAX_CLASS_TAXED, False),
        (0, 0, items_pb2.TAX_CLASS_TAXED, False),
        (0, 3000, items_pb2.TAX_CLASS_EXEMPT, False),
        (0, 0, items_pb2.TAX_CLASS_UNDECLARED, True),
    ],
)
def test_levies_decide_the_class(income: int, per_capita: int, tax_class: int, allowed: bool) -> None:
    """Both levies zero is exempt, the income levy zero is per capita only, both is taxed; an income levy alone cannot be."""
    change = assessment(municipal_income_levy_yen=income, municipal_per_capita_levy_yen=per_capita, tax_class=tax_class)
    if allowed:
        assert find("tax").keep(change, case()).record_key == "2026"
    else:
        with pytest.raises(LinkageError):
            find("tax").keep(change, case())


def moved(reason: str, **fields) -> agency_pb2.Change:
    """A change of the resident record."""
    values = {
        "household_id": "h",
        "relationship": "子",
        "resident_kind": items_pb2.RESIDENT_KIND_JAPANESE,
        "resident_since": "2020-04-01",
    }
    record = items_pb2.ResidentRecordInfo(**{**values, **fields})
    return agency_pb2.Change(residency=agency_pb2.ResidencyChange(reason=reason, moved_on="2026-04-01", record=record))


@pytest.mark.parametrize(
    ("reason", "fields", "register", "death", "told"),
    [
        ("出生", {}, True, False, False),
        ("転入", {"previous_municipality": "99999"}, True, False, False),
        ("転入", {"previous_municipality": "490016"}, False, False, True),
        ("転居", {}, False, False, True),
        ("転出", {}, False, False, False),
        ("死亡", {}, False, True, True),
        ("氏名変更", {}, False, False, True),
    ],
)
def test_what_the_numbering_body_hears(reason: str, fields: dict, register: bool, death: bool, told: bool) -> None:
    """Births and arrivals from abroad are registered, deaths noted, new items told by whoever takes the person in, not by who lets go."""
    change = moved(reason, **fields)
    change.residency.basic_items.CopyFrom(
        common_pb2.BasicItems(name="新", address="所", birth_date="1980-05-01", sex=common_pb2.SEX_MALE)
    )
    notices = find("residency").notices(change, case())
    assert (notices.register, notices.died_on is not None, notices.after is not None) == (register, death, told)


def test_a_stay_ends_the_day_before_the_removal() -> None:
    """A record is about the days up to the one before the removal; a removal on the first day leaves that day."""
    keep = find("residency").keep
    assert keep(moved("転出", removed_on="2026-04-01"), case()).last_day == "2026-03-31"
    assert keep(moved("職権消除", removed_on="2020-04-01"), case()).last_day == "2020-04-01"
    assert keep(moved("転居"), case()).last_day is None
    with pytest.raises(LinkageError):
        keep(moved("転出", removed_on="2020-03-31"), case())


def test_an_undeclared_year_has_no_values() -> None:
    """Where nothing was filed, amounts may apply and have no value; fields that are not held stay not held nowhere."""
    tax = find("tax")
    change = assessment(tax_class=items_pb2.TAX_CLASS_UNDECLARED, return_kind=items_pb2.TAX_RETURN_KIND_NONE)
    kept: Kept = tax.keep(change, case())
    reasons = {empty.path: empty.reason for empty in item_content(kept, tax.table.records).empty_fields}
    assert reasons["salary_income_yen"] == items_pb2.EMPTY_REASON_NO_VALUE
    assert reasons["corrected_on"] == items_pb2.EMPTY_REASON_NOT_APPLICABLE
