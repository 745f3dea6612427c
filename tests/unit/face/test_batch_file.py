"""The batch inquiry file: 18 fields in the real order, lines that come back as they were, and bad lines that harm no other."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.face.batch import FIELDS, InquiryLine, Malformed, format_line, read_file, result_file
from warifu.simulator.face.batch.inquiry import request_of
from warifu.simulator.face.batch.lines import read_line
from warifu.simulator.face.batch.messages import wide
from warifu.simulator.face.batch.row import Row

NHI = "nhi-480029"
NUMBER = "000000014689427"
# A line as a city's public tool writes it, with this network's codes: blank fields have no width, two are filled up with spaces.
REAL = (
    f"01,{NUMBER},,20260610093000123,3595115400          ,,{NHI},1,JM90000000000101,JT90000000000101,,,"
    "tax-480011      ,TM90000000000001,0,0,,"
)
ANSWERED = Timestamp(seconds=int(datetime(2026, 5, 31, 15, tzinfo=UTC).timestamp()))
"""1 June 2026, 0:00 in Japan."""
CODES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=16, max_size=16)
DIGITS = st.text("0123456789", min_size=1, max_size=15)
WORDS = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=16)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.strftime("%Y%m%d%H%M%S%f")[:17])  # noqa: DTZ001
DAYS = st.dates(datetime(2000, 1, 1).date(), datetime(2099, 12, 31).date()).map(lambda day: day.strftime("%Y%m%d"))  # noqa: DTZ001
SPANS = st.one_of(
    st.just(("0", "0", "", "")),
    DAYS.map(lambda day: ("0", "1", day, "")),
    st.tuples(DAYS, DAYS).map(lambda days: ("1", "0", min(days), max(days))),
    DAYS.map(lambda day: ("1", "0", "", day)),
)


@st.composite
def lines(draw: st.DrawFn) -> InquiryLine:
    """Any line that can be read."""
    condition, year, first, last = draw(SPANS)
    return InquiryLine(
        "01", draw(st.one_of(st.just(""), DIGITS)), draw(DIGITS), draw(TIMES), draw(WORDS), draw(st.one_of(st.just(""), WORDS)),
        draw(WORDS), draw(st.sampled_from("12")), draw(CODES), draw(CODES), "", "", draw(WORDS), draw(CODES), condition, year,
        first, last,
    )  # fmt: skip


def told(*rows: Row) -> list[list[str]]:
    """The result file as a reader of CSV has it."""
    return list(csv.reader(io.StringIO("".join(result_file(rows)), newline="")))


def row(**changes: object) -> Row:
    """The real line's row, as it stands after `changes`."""
    line = read_line(REAL)
    assert isinstance(line, InquiryLine)
    return Row(3, line, request_of(NHI, line), **changes)


def answered(fine: int, *records: exchange_pb2.Record, span: common_pb2.Span | None = None) -> Row:
    """The row after an answer."""
    made = row()
    assert made.request is not None
    if span is not None:
        made.request.span.CopyFrom(span)
    made.state = interim_pb2.InquiryState(
        outcome=exchange_pb2.OUTCOME_ANSWERED, fine_outcome=fine, records=records, request=made.request, answered_at=ANSWERED
    )  # fmt: skip
    return made


def closed() -> Row:
    """The row of an exchange that was closed without an answer, as the network tells it: the reason is an error."""
    error = LinkageError(Reason.GATEWAY_EXPIRED).failure()
    return row(state=interim_pb2.InquiryState(outcome=exchange_pb2.OUTCOME_EXPIRED, error=error))


def test_the_fields_are_the_real_eighteen() -> None:
    """Names and widths are those of the real layout, in its order."""
    real = (
        "番号体系(2) 宛名番号(15) 統合宛名番号(15) 照会依頼日時(17) 情報照会者部署コード(20) 情報照会者ユーザーID(20) "
        "情報照会者機関コード(16) 照会側不開示コード(1) 事務コード(16) 事務手続コード(16) 情報照会者機関コード（委任元）(16) "
        "情報提供者機関コード（委任元）(16) 情報提供者機関コード(16) 特定個人情報名コード(16) 照会条件区分(1) 照会年度区分(1) "
        "照会開始日付(8) 照会終了日付(8)"
    )
    assert " ".join(f"{field.ja}({field.width})" for field in FIELDS) == real


def test_a_real_line_is_read_and_written_as_it_is() -> None:
    """A line of the real form gives its inquiry, and writes back to the same bytes."""
    line = read_line(REAL)
    assert isinstance(line, InquiryLine)
    assert format_line(line) == REAL
    asked = request_of(NHI, line)
    assert (asked.addressee_no, asked.provider, asked.office) == (NUMBER, "tax-480011", "3595115400")
    assert not asked.non_disclosure
    assert not asked.HasField("span")
    assert str(uuid.UUID(asked.request_id)) == asked.request_id


@given(st.lists(lines(), max_size=5), st.sampled_from(["\r\n", "\n"]))
def test_lines_come_back_as_they_were(some: list[InquiryLine], end: str) -> None:
    """Whatever can be written is read again, with either end of line, in the same order."""
    written = [format_line(one) for one in some if not set('",') & set("".join(one.cells))]
    kept = [one for one in some if not set('",') & set("".join(one.cells))]
    content = "".join(text + end for text in written).encode()
    assert [one.line for one in read_file(content)] == kept


@given(st.binary(max_size=300))
def test_any_bytes_are_lines_or_told_errors(content: bytes) -> None:
    """No content of a file is lost or breaks the reader: each line that says anything is one row, read or malformed in two languages."""
    found = list(read_file(content))
    said = [part for part in content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if part.removesuffix(b"\r").strip()]
    assert len(found) == len(said)
    assert all(isinstance(one.line, InquiryLine) or (one.line.ja and one.line.en) for one in found)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (1, "番号体系"), (2, "12345678901234X"), (3, "0" * 16), (4, "20260230093000123"), (4, "2026061009300012"), (5, ""), (7, ""),
        (8, "0"), (9, "JM9"), (11, "tax-480011"), (13, ""), (14, ""), (15, "2"), (16, "1"), (17, "20260401"), (18, "2026"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(place: int, value: str) -> None:
    """A line with one wrong field is malformed, and the text names the field by its place."""
    cells = REAL.split(",")
    cells[place - 1] = value
    found = read_line(",".join(cells))
    assert isinstance(found, Malformed)
    expected = 17 if place == 16 else place  # a year without a day in it: the day is what is missing
    assert f"第{expected}項目" in found.ja
    assert f"Field {expected} " in found.en


def test_too_few_fields_are_counted() -> None:
    """A line of 17 fields says so."""
    found = read_line(REAL.rsplit(",", 1)[0])
    assert isinstance(found, Malformed)
    assert "17" in found.ja


@pytest.mark.parametrize(
    ("condition", "year", "first", "last", "expected"),
    [
        ("0", "0", "", "", ""),
        ("0", "1", "20250401", "", "fiscal_year { year: 2025 }"),
        ("0", "1", "20260331", "", "fiscal_year { year: 2025 }"),
        ("1", "0", "20250101", "20251231", 'period { first_day: "2025-01-01" last_day: "2025-12-31" }'),
        ("1", "0", "", "20251231", 'period { last_day: "2025-12-31" }'),
    ],
)
def test_the_last_four_fields_are_the_span(condition: str, year: str, first: str, last: str, expected: str) -> None:
    """Present state, a fiscal year by a day in it, or a period."""
    line = read_line(",".join([*REAL.split(",")[:14], condition, year, first, last]))
    assert isinstance(line, InquiryLine)
    assert " ".join(str(request_of(NHI, line).span).split()) == expected


def test_a_line_is_the_same_inquiry_for_ever() -> None:
    """The request id comes of the whole line: the same again is the same, another millisecond or another institution's file is not."""
    line, later = read_line(REAL), read_line(REAL.replace("000123", "000124"))
    assert isinstance(line, InquiryLine)
    assert isinstance(later, InquiryLine)
    ids = [request_of(NHI, line), request_of(NHI, line), request_of(NHI, later), request_of("nhi-490016", line)]
    assert ids[0] == ids[1]
    assert len({one.request_id for one in ids}) == 3


@given(st.text(st.characters(codec="ascii", exclude_characters=" "), max_size=20))
def test_wide_is_what_compatibility_normalises_back(text: str) -> None:
    """Full width is the form that Unicode's compatibility normalisation takes back to ASCII."""
    import unicodedata

    printable = "".join(one for one in text if one.isprintable())
    assert unicodedata.normalize("NFKC", wide(printable)) == printable
    assert not any(one.isascii() for one in wide(printable))


def test_the_real_messages_are_word_for_word() -> None:
    """The three messages known from a real file stand in column 25 as there, numbers in full width."""
    denied = row(state=interim_pb2.InquiryState(outcome=exchange_pb2.OUTCOME_DENIED, request=row().request))
    assert denied.state is not None
    denied.state.denial.CopyFrom(linkage_pb2.Denial(reason="CLIENT_ITEM_NOT_PERMITTED"))
    unbound = row(refused=LinkageError(Reason.CLIENT_NOT_ENROLLED).failure())
    said = [one[24] for one in told(denied, unbound, row(duplicate=True))]
    assert said == [
        "指定された特定個人情報名「ＴＭ９００００００００００００１」の照会は許可されていません。",
        "指定された団体内統合宛名番号「０００００００１４６８９４２７」は符号が未取得です。",
        "「レコード識別番号」が既に存在しています。",
    ]
    assert told(denied)[0][22] == "CLIENT_ITEM_NOT_PERMITTED"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (answered(exchange_pb2.FINE_OUTCOME_NO_RECORD), ("09", "02", "NO_RECORD")),
        (answered(exchange_pb2.FINE_OUTCOME_NOT_REGISTERED), ("09", "03", "NOT_REGISTERED")),
        (answered(exchange_pb2.FINE_OUTCOME_WITHHELD), ("09", "04", "WITHHELD")),
        (row(), ("01", "", "")),
        (row(state=interim_pb2.InquiryState(outcome=exchange_pb2.OUTCOME_PENDING)), ("02", "", "PENDING")),
        (closed(), ("14", "", "EXPIRED")),
        (row(refused=LinkageError(Reason.GATEWAY_UNAVAILABLE).failure()), ("15", "", "")),
        (row(refused=LinkageError(Reason.CLIENT_NOT_YOURS).failure()), ("19", "", "")),
        (Row(9, Malformed(("x",), "誤り", "wrong")), ("21", "", "")),
    ],
)
def test_each_end_has_its_statuses(made: Row, expected: tuple[str, str, str]) -> None:
    """However a line ends there is one row, with the status of the line, of the item, and our word for it."""
    (cells,) = told(made)
    assert (cells[23], cells[25], cells[21]) == expected


def test_an_expired_exchange_has_its_message_and_reason() -> None:
    """What was closed without an answer is 回答期限切れ with the network's reason, whatever that is called (BIZ §4)."""
    (cells,) = told(closed())
    assert (cells[24], cells[22]) == ("回答期限切れ。", "GATEWAY_EXPIRED")


def test_the_provider_is_named_where_it_answered() -> None:
    """Column 13 is the provider of an answer, and blank where none came, as in the real file; the other columns are the line's (BIZ §3)."""
    pending = row(state=interim_pb2.InquiryState(outcome=exchange_pb2.OUTCOME_PENDING))
    refused = row(refused=LinkageError(Reason.CLIENT_NOT_YOURS).failure())
    cells = [cell.strip() for cell in REAL.split(",")]
    malformed = Row(9, Malformed(tuple(cells), "誤り", "wrong"))
    nobody = told(row(), pending, refused, closed(), row(duplicate=True), malformed)
    assert [one[12] for one in nobody] == [""] * 6
    assert all([*one[:12], *one[13:18]] == [*cells[:12], *cells[13:]] for one in nobody)
    somebody = told(answered(exchange_pb2.FINE_OUTCOME_PROVIDED), answered(exchange_pb2.FINE_OUTCOME_WITHHELD))
    assert [one[12] for one in somebody] == ["tax-480011"] * 2


@pytest.mark.parametrize(
    ("version", "item"),
    [("2018-06", "01"), ("2026-06", "01"), ("2026-07", "05"), ("2099-06", "05"), ("2026-13", "05"), ("", "05")],
)
def test_a_layout_that_is_not_in_force_is_a_mismatch(version: str, item: str) -> None:
    """A record's layout version is a month that had begun in Japan at the time of the answer; any other is 版不一致 (BIZ §4)."""
    good = exchange_pb2.Record(record_key="2025", layout_version="2025-06")
    other = exchange_pb2.Record(record_key="2026", layout_version=version)
    rows = told(answered(exchange_pb2.FINE_OUTCOME_PROVIDED, good, other))
    assert [(one[23], one[24], one[25]) for one in rows] == [("09", "" if item == "01" else "版不一致。", item)] * 2


def test_a_year_without_a_record_says_so() -> None:
    """Nothing for a fiscal year is 年度該当なし, nothing at all 該当者なし."""
    span = common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025))
    fine = exchange_pb2.FINE_OUTCOME_NO_RECORD
    assert [one[24] for one in told(answered(fine), answered(fine, span=span))] == ["該当者なし。", "年度該当なし。"]


def test_a_tax_record_has_the_real_places() -> None:
    """A provided tax record is normal end twice, 262 columns wide, its two levies where the real file has them; the line comes first."""
    tax = items_pb2.LocalTaxInfo(
        tax_year=2025, municipal_income_levy_yen=54_000, municipal_per_capita_levy_yen=3_500, total_income_yen=0,
        tax_class=items_pb2.TAX_CLASS_TAXED,
    )  # fmt: skip
    record = exchange_pb2.Record(
        record_key="2025", layout_version="2025-06", content=items_pb2.ItemContent(local_tax=tax)
    )
    made = answered(exchange_pb2.FINE_OUTCOME_PROVIDED, record, record)
    assert made.state is not None
    made.state.requested_at.CopyFrom(Timestamp())
    made.state.requested_at.FromDatetime(datetime(2026, 6, 10, 0, 30, 0, 123_000, tzinfo=UTC))
    first, second = told(made)
    assert len(first) == len(second) == 262
    assert [cell.strip() for cell in first[:18]] == [cell.strip() for cell in REAL.split(",")]
    assert (first[23], first[24], first[25]) == ("09", "", "01")
    assert first[19] == "20260610093000123"
    assert (first[26], first[27], second[27], first[28], first[29]) == ("3", "1", "2", "2025", "2025-06")
    assert (first[230], first[254]) == ("3500", "54000")
    fields = items_pb2.LocalTaxInfo.DESCRIPTOR.fields_by_name
    assert first[30 + fields["tax_year"].number - 1] == "2025"
    assert first[30 + fields["total_income_yen"].number - 1] == "0"
    assert first[30 + fields["salary_revenue_yen"].number - 1] == ""
    assert first[30 + fields["tax_class"].number - 1] == "3"


def test_members_of_a_household_are_one_column() -> None:
    """Repeated values stay within their column, without a comma."""
    resident = items_pb2.ResidentRecordInfo(household_id="h", is_head=True, relationship="世帯主")
    resident.members.add(relationship="妻", birth_date="1990-04-01")
    resident.members.add(relationship="子", birth_date="2020-01-05")
    record = exchange_pb2.Record(content=items_pb2.ItemContent(resident_record=resident))
    (cells,) = told(answered(exchange_pb2.FINE_OUTCOME_PROVIDED, record))
    assert cells[30 + 16 - 1] == "妻/1990-04-01;子/2020-01-05"
    assert cells[30 + 3 - 1] == "1"


def test_lines_end_as_the_real_file_s() -> None:
    """Every line of the result ends in CRLF, the last one too."""
    text = "".join(result_file([row(), row()]))
    assert text.count("\r\n") == text.count("\n") == 2
    assert text.endswith("\r\n")
