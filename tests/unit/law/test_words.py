"""What people read: refusals, rows, citations, what may be asked."""

import re
from dataclasses import replace
from datetime import date

import pytest

from warifu.law import (
    Ask,
    Deny,
    LawBook,
    Permit,
    Reason,
    askable,
    citation_text,
    decide,
    explain_denial,
    explain_row,
    legal_basis,
    packaged_files,
    read_book,
    unverified,
)
from warifu.law.refusals import ADVICE, MESSAGE

DAY = date(2026, 5, 7)
JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
MOVED = Ask("nhi-491004", "tax-480011", "JM90000000000101", "JT90000000000101", "TM90000000000001", DAY)


def _deny(book: LawBook, ask: Ask) -> Deny:
    decision = decide(book, ask)
    assert isinstance(decision, Deny)
    return decision


def test_every_reason_has_a_message_and_advice_in_both_languages() -> None:
    """No reason is without words, and English words hold no Japanese beyond a named term in brackets."""
    for texts in (MESSAGE, ADVICE):
        assert set(texts) == set(Reason)
        for text in texts.values():
            assert JAPANESE.search(text.ja)
            assert not JAPANESE.search(text.en.replace("庁内連携", ""))


def test_a_refusal_of_one_city_explains_the_local_way(book: LawBook) -> None:
    """Asked of an office of its own city, the clerk reads what to do instead, and under which law."""
    refusal = explain_denial(_deny(book, replace(MOVED, provider="tax-491004")), book)

    assert "庁内連携" in refusal.what_to_do.ja
    assert "local path" in refusal.what_to_do.en
    assert "大澪市 市民税課 (tax-491004)" in refusal.message.ja
    assert refusal.citation.ja.startswith("番号法第9条第2項")
    assert refusal.citation.ja.endswith("【要確認】")


def test_a_refusal_names_the_code_the_nearest_row_and_its_law(book: LawBook) -> None:
    """An item that is not permitted is named with its code, with the row that came nearest and the marked citation of that row."""
    refusal = explain_denial(_deny(book, replace(MOVED, item="TM90000000000002")), book)

    assert "住民票関係情報（TM90000000000002）" in refusal.message.ja
    assert '"Resident record information" (TM90000000000002)' in refusal.message.en
    assert "P07" in refusal.message.en
    assert refusal.citation.en.endswith("[to be verified]")


def test_a_row_of_last_year_is_explained_with_its_dates(book: LawBook) -> None:
    """The refusal says from when to when the row held, and that it is invented."""
    ask = Ask("nhi-491004", "residency-480011", "JM90000000000801", "JT90000000000801", "TM90000000000002", DAY)
    refusal = explain_denial(_deny(book, ask), book)

    assert "2019-04-01 から 2026-03-31 まで" in refusal.message.ja
    assert "2026-03-31" in refusal.message.en
    assert "架空" in refusal.citation.ja


def test_texts_given_by_the_caller_are_shown_and_never_interpreted(book: LawBook) -> None:
    """Braces and markup in a code come out as they went in."""
    wild = "{requester.__class__}<script>{0}"
    refusal = explain_denial(_deny(book, replace(MOVED, item=wild)), book)

    assert wild in refusal.message.ja
    assert wild in refusal.message.en


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_row_is_explained_in_one_language(book: LawBook, language: str) -> None:
    """Each row's explanation is whole in either language: every line has a label and says something."""
    for row in book.rows.values():
        lines = explain_row(book, row, DAY, language)
        assert len(lines) >= 12
        assert all(label and value for label, value in lines)
        if language == "en":
            assert not [line for line in lines if JAPANESE.search("".join(line))]


def test_the_history_shows_the_law_of_the_day(book: LawBook) -> None:
    """The basis of an exchange is the citation in force on its day, with a mark only while it is not verified."""
    row = book.rows["P16"]

    assert legal_basis(row, date(2020, 1, 1)).ja == "番号法第19条第7号・別表第二の27の項"
    assert legal_basis(row, date(2023, 1, 1)).ja == "番号法第19条第8号・別表第二の27の項"
    assert legal_basis(row, DAY).ja.endswith("第2条の表【要確認】")


def test_every_unverified_citation_is_marked_and_no_other(book: LawBook) -> None:
    """要確認 stands beside each citation that is listed as unverified, and beside no verified one."""
    open_questions = list(unverified(book))
    for row in book.rows.values():
        for citation in row.citations:
            marked = "要確認" in citation_text(citation, row).ja
            assert marked == ((row, citation) in open_questions)


def test_open_questions_of_a_day_are_those_in_force_on_it(book: LawBook) -> None:
    """Asked for one day, the list holds one citation a row at most."""
    rows = [row.id for row, _ in unverified(book, DAY)]

    assert len(rows) == len(set(rows))
    assert "P16" in rows
    assert "P16" not in [row.id for row, _ in unverified(book, date(2023, 1, 1))]


def test_what_may_be_asked_leaves_out_ones_own_body(book: LawBook) -> None:
    """A city's insurance sees the rows of its role and, under each, the providers of other bodies only."""
    mine = {one.row.id: {provider.code for provider in one.providers} for one in askable(book, "nhi-491004", DAY)}

    assert set(mine) == {"P07", "P08", "P09"}
    assert mine["P07"] == {"tax-480011", "tax-480029", "tax-490016"}
    assert mine["P08"] == {"nhi-480011", "nhi-480029", "nhi-490016", "insurer-06480016", "union-39480017"}


def test_what_may_be_asked_depends_on_role_and_day(book: LawBook) -> None:
    """The ended row was open to the same institution last year; a residency office and a stranger may ask nothing."""
    assert "X01" in {one.row.id for one in askable(book, "nhi-491004", date(2026, 3, 31))}
    assert askable(book, "residency-480011", DAY) == ()
    assert askable(book, "tax-131041", DAY) == ()


def test_a_further_kind_is_data_alone() -> None:
    """A housing office that only asks is added by entries in the data files, and may then do what its row says."""
    files = packaged_files()
    files["institutions.toml"] += """
[[role]]
code = "housing"
kind = "housing"
ja = "市町村（公営住宅）"
en = "Municipality (public housing)"
[[institution]]
code = "housing-491004"
role = "housing"
operator = "city-491004"
ja = "大澪市 住宅課"
en = "Omio City, Housing"
declared_size = 52000
handlers = 80
serious_accident = false
pia = { level = "BASIC", published_on = 2025-04-01, term_years = 5 }
""".encode()
    text = files["permissions.toml"].decode()
    row = "[[row]]" + text.split("[[row]]")[1]
    codes = (
        '[[affair]]\ncode = "JM90000000000601"\nja = "公営住宅"\nen = "Public housing"\n'
        '[[procedure]]\ncode = "JT90000000000601"\naffair = "JM90000000000601"\nja = "所得の確認"\nen = "Income"\n'
    )
    changed = (
        row.replace("P07", "P26").replace('["nhi"]', '["housing"]').replace("JT90000000000101", "JT90000000000601")
    )
    files["permissions.toml"] = (text + changed + codes).encode()

    book = read_book(files)
    permit = decide(
        book, Ask("housing-491004", "tax-480011", "JM90000000000601", "JT90000000000601", "TM90000000000001", DAY)
    )

    assert isinstance(permit, Permit)
    assert permit.row.id == "P26"
    assert [one.code for one in book.register.of_kind("housing")] == ["housing-491004"]
    assert {one.row.id for one in askable(book, "housing-491004", DAY)} == {"P26"}
