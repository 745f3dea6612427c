"""Wrong data files are refused, with the file, the entry and the field in the message."""

from datetime import date

import pytest

from warifu.law import LawDataError, packaged_files, read_book

PERMISSIONS, ITEMS, REGISTER, LEFT_OUT = "permissions.toml", "items.toml", "institutions.toml", "left_out.toml"


def _read_with(file: str, old: str, new: str, count: int = 1) -> None:
    files = packaged_files()
    text = files[file].decode()
    assert old in text, "the test no longer changes anything"
    files[file] = text.replace(old, new, count).encode()
    read_book(files)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (PERMISSIONS, 'version = "2026.2"', "", r"permissions\.toml: file: version: missing"),
        (PERMISSIONS, "dated = 2026-03-25", 'dated = "soon"', r"permissions\.toml: file: dated: must be a date"),
        (PERMISSIONS, "dated = 2026-03-25", "dated = 2026-03-25T00:00:00", r"file: dated: must be a date"),
        (PERMISSIONS, 'id = "P08"', 'id = "P07"', r"row P07: id: P07 appears twice"),
        (PERMISSIONS, 'procedure = "JT90000000000101"', 'procedure = "JT9"', r"row P07: procedure: unknown: JT9"),
        (PERMISSIONS, 'code = "JT90000000000101"', 'code = "JT9x"', r"procedure JT9x: code: must be 16 characters"),
        (
            PERMISSIONS,
            'code = "JM90000000000101"',
            'code = "JM01000000121000"',
            r"must be 16 characters beginning with JM9",
        ),
        (
            PERMISSIONS,
            'affair = "JM90000000000101"',
            'affair = "JM9"',
            r"procedure JT90000000000101: affair: unknown: JM9",
        ),
        (PERMISSIONS, 'item = "TM90000000000001"', 'item = "TM9"', r"row P07: item: unknown: TM9"),
        (
            PERMISSIONS,
            'requester_roles = ["nhi"]',
            'requester_roles = ["nihi"]',
            r"row P07: requester_roles: unknown: nihi",
        ),
        (PERMISSIONS, 'provider_roles = ["tax"]', "provider_roles = []", r"row P07: provider_roles: names nothing"),
        (PERMISSIONS, 'provider_roles = ["tax"]', 'provider_roles = "tax"', r"row P07: provider_roles: must be a list"),
        (
            PERMISSIONS,
            '"tax_year", "municipality"',
            '"tax_yeer", "municipality"',
            r"row P07: fields: unknown: tax_yeer",
        ),
        (
            PERMISSIONS,
            '"tax_year", "municipality"',
            '"tax_year", "tax_year"',
            r"row P07: fields: names something twice",
        ),
        (PERMISSIONS, 'origin = "statute"', 'origin = "habit"', r"row P07: origin: must be one of"),
        (
            PERMISSIONS,
            "consent_required = false",
            'consent_required = "no"',
            r"row P07: consent_required: must be true or",
        ),
        (PERMISSIONS, "consent_required = false", "", r"row P07: consent_required: missing"),
        (PERMISSIONS, "papers = [{", "papers = [{ kind = 1,", r"row P07: papers 1: kind: unknown field"),
        (PERMISSIONS, "papers = [{ ja", "papers = [{ jp", r"row P07: papers 1: ja: missing"),
        (
            PERMISSIONS,
            "consent_required = false",
            "consent_required = false\nconcent = 1",
            r"row P07: concent: unknown field",
        ),
        (PERMISSIONS, 'law = "number-act"', 'law = "old-act"', r"row P07: citation 1: law: unknown: old-act"),
        (
            PERMISSIONS,
            "valid_to = 2021-08-31",
            "valid_to = 2021-08-30",
            r"row P07: citation: one must begin on 2021-08-31",
        ),
        (
            PERMISSIONS,
            "valid_to = 2021-08-31",
            "valid_to = 2021-09-01",
            r"row P07: citation: one must begin on 2021-09-02",
        ),
        (
            PERMISSIONS,
            "effective_from = 2017-11-13",
            "effective_from = 2017-11-12",
            r"citation: one must begin on 2017-11-12",
        ),
        (
            PERMISSIONS,
            "effective_to = 2026-03-31",
            "effective_to = 2026-04-01",
            r"row X01: citation: the last one must end",
        ),
        (PERMISSIONS, "effective_to = 2026-03-31", "effective_to = 2018-04-01", r"row X01: effective_to: lies before"),
        (ITEMS, 'code = "TM90000000000002"', 'code = "TM00000000000002"', r"must be 16 characters beginning with TM9"),
        (ITEMS, 'code = "TM90000000000002"', 'code = "TM90000000000001"', r"code: TM90000000000001 appears twice"),
        (ITEMS, 'path = "tax_year"', 'path = "municipality"', r"field municipality: path: municipality appears twice"),
        (LEFT_OUT, 'id = "P04"', 'id = "P03"', r"left_out\.toml: left_out P03: id: P03 appears twice"),
        (LEFT_OUT, 'missing = ["pension"]', "", r"left_out P03: missing: missing"),
        (REGISTER, 'role = "residency"', 'role = "registry"', r"institution residency-480011: role: unknown: registry"),
        (REGISTER, 'operator = "city-480011"', 'operator = "city"', r"institution residency-480011: operator: unknown"),
        (
            REGISTER,
            "declared_size = 214000",
            "declared_size = -1",
            r"residency-480011: declared_size: must be a whole number",
        ),
        (
            REGISTER,
            "declared_size = 214000",
            "declared_size = true",
            r"residency-480011: declared_size: must be a whole",
        ),
        (REGISTER, 'level = "FULL"', 'level = "MOST"', r"institution residency-480011: pia: level: must be one of"),
        (
            REGISTER,
            'level = "FULL"',
            'level = "NOT_REQUIRED"',
            r"pia: level: an assessment that is not required is left out",
        ),
        (REGISTER, "term_years = 5", "term_years = 0", r"pia: term_years: must be a whole number from 1 up"),
        (
            REGISTER,
            'corporate_number = "4',
            'corporate_number = "４',
            r"operator city-480011: corporate_number: must be 13",
        ),
        (REGISTER, 'lg_code = "480011"', 'lg_code = "48001"', r"operator city-480011: lg_code: must be 6 digits"),
        (
            REGISTER,
            'insurer_number = "480012"',
            'insurer_number = "4800"',
            r"nhi-480011: insurer_number: must be 6 or 8",
        ),
        (REGISTER, "[[role]]", "[[roll]]", r"institutions\.toml: .*unknown"),
    ],
)
def test_a_wrong_value_is_named_with_file_entry_and_field(file: str, old: str, new: str, message: str) -> None:
    """One wrong, missing, doubled or misspelt value stops the loading with a message that points at it."""
    with pytest.raises(LawDataError, match=message):
        _read_with(file, old, new)


@pytest.mark.parametrize("field", ["ja", "en", "plain"])
def test_a_missing_purpose_text_stops_the_loading(field: str) -> None:
    """A row without one of its three purpose texts is refused, and so is an empty one."""
    text = packaged_files()[PERMISSIONS].decode()
    line = next(line for line in text.split("[row.purpose]", 1)[1].splitlines() if line.startswith(f"{field} = "))

    with pytest.raises(LawDataError, match=rf"row P07: purpose: {field}: missing"):
        _read_with(PERMISSIONS, line, "")
    with pytest.raises(LawDataError, match=rf"row P07: purpose: {field}: must be a text that is not empty"):
        _read_with(PERMISSIONS, line, f'{field} = " "')


@pytest.mark.parametrize(
    "words",
    [
        "番号法第19条により",
        "十九条のため",
        "第８号に従う",
        "42の項、43項",
        "別表にあるため",
        "as Article 19 says",
        "under art. 21",
        "see § 4",
        "by paragraphs 2",
        "Art. xix",
        "items 42 to 44",
    ],
)
def test_an_article_number_in_a_purpose_stops_the_loading(words: str) -> None:
    """A purpose is for the person whom it concerns: an article named in it is refused, however it is written."""
    with pytest.raises(LawDataError, match=r"row P07: purpose: ja: names an article"):
        _read_with(
            PERMISSIONS,
            'ja = "国民健康保険の保険料（税）を正しく',
            f'ja = "{words}、国民健康保険の保険料（税）を正しく',
        )


@pytest.mark.parametrize(
    "words",
    ["75歳以上", "5年に1度", "part of an article of clothing", "条件を満たすか", "一項目を見る", "art in items"],
)
def test_ordinary_words_pass_in_a_purpose(words: str) -> None:
    """Numbers and words that only look a little like an article are allowed."""
    _read_with(
        PERMISSIONS, 'ja = "国民健康保険の保険料（税）を正しく', f'ja = "{words}、国民健康保険の保険料（税）を正しく'
    )


def test_two_rows_that_allow_the_same_on_the_same_day_are_refused() -> None:
    """One combination is allowed by at most one row a day, so that a record names the one that allowed it."""
    files = packaged_files()
    text = files[PERMISSIONS].decode()
    row = "[[row]]" + text.split("[[row]]")[1]
    files[PERMISSIONS] = (text + row.replace('id = "P07"', 'id = "P99"')).encode()

    with pytest.raises(LawDataError, match=r"row P99: effective_from: overlaps row P07"):
        read_book(files)


def test_rows_that_follow_each_other_are_both_kept() -> None:
    """A combination may be ended and allowed anew: each day is decided by the row of that day."""
    files = packaged_files()
    text = files[PERMISSIONS].decode()
    row = "[[row]]" + text.split("[[row]]")[-1]
    again = (
        row.replace('id = "X01"', 'id = "X02"')
        .replace("effective_from = 2019-04-01", "effective_from = 2026-04-01")
        .replace("effective_to = 2026-03-31\n", "")
        .replace("valid_from = 2019-04-01", "valid_from = 2026-04-01")
        .replace("valid_to = 2026-03-31\n", "")
    )
    files[PERMISSIONS] = (text + again).encode()

    table = read_book(files).table

    key = ("nhi", "JM90000000000801", "JT90000000000801", "residency", "TM90000000000002")
    assert [row.id for row in table.by_key[key] if row.in_force(date(2026, 3, 31))] == ["X01"]
    assert [row.id for row in table.by_key[key] if row.in_force(date(2026, 4, 1))] == ["X02"]


@pytest.mark.parametrize("content", [b"version = ", b"\xff\xfe", b"row = 1"])
def test_a_file_that_is_not_the_expected_toml_is_refused(content: bytes) -> None:
    """Broken TOML, broken UTF-8 and another shape are refused with the file's name."""
    with pytest.raises(LawDataError, match=r"^permissions\.toml: "):
        read_book(packaged_files() | {PERMISSIONS: content})


def test_a_missing_file_is_named() -> None:
    """A law book without one of its files says which."""
    files = packaged_files()
    del files[LEFT_OUT]

    with pytest.raises(LawDataError, match=r"^left_out\.toml: file: content: missing"):
        read_book(files)
