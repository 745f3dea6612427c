"""Reading and writing lines. A line that cannot be read is a value with the reason: it becomes a result row, and no other line is touched."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from warifu.simulator.face.batch.fields import FIELDS, InquiryLine

END: Final = "\r\n"
"""After every line, the last one too."""
_NUMBER_SYSTEM: Final = "01"
_CODE: Final = 16
ORDINARY: Final = "1"
"""照会側不開示コード: the only value seen in a real file; here, to be shown to the person."""
HIDDEN: Final = "2"
"""照会側不開示コード: not to be shown in the person's history."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that asks nothing, and why, for a person."""

    cells: tuple[str, ...]
    """As many fields as could be read."""
    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Numbered:
    """A line with its place in the file, from 1."""

    number: int
    line: InquiryLine | Malformed


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, ja: str, en: str) -> None:
        self.ja, self.en = ja, en


def read_file(content: bytes) -> Iterator[Numbered]:
    """The lines of a file: UTF-8, CRLF or LF between them, no header. Empty lines are passed over."""
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        text = raw.removesuffix(b"\r")
        if text.strip():
            yield Numbered(number, _read(text))


def read_line(text: str) -> InquiryLine | Malformed:
    """One line without its end."""
    cells = _cells(text)
    if cells is None:
        return Malformed((text,), "引用符が閉じていません。", "A quotation mark is not closed.")
    try:
        return _checked(cells)
    except _Wrong as wrong:
        return Malformed(cells, wrong.ja, wrong.en)


def format_line(line: InquiryLine) -> str:
    """The line as the real file has it, without its end: filled up where that one is, blank fields of no width."""
    return ",".join(
        value.ljust(field.width) if field.filled and value else value
        for field, value in zip(FIELDS, line.cells, strict=True)
    )


def written(cells: tuple[str, ...] | list[str]) -> str:
    """Any cells as one line with its end; quoted only where a comma, a quotation mark or a line's end would break it."""
    out = io.StringIO()
    csv.writer(out, lineterminator=END).writerow(cells)
    return out.getvalue()


def _read(raw: bytes) -> InquiryLine | Malformed:
    try:
        return read_line(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return Malformed(
            (raw.decode("utf-8", "replace"),), "文字コードがUTF-8ではありません。", "The line is not in UTF-8."
        )


def _cells(text: str) -> tuple[str, ...] | None:
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        return None
    return tuple(cell.rstrip(" ") for cell in rows[0]) if len(rows) == 1 else None


def _checked(cells: tuple[str, ...]) -> InquiryLine:
    if len(cells) != len(FIELDS):
        raise _Wrong(
            f"項目が{len(cells)}個あります。{len(FIELDS)}個必要です。", f"{len(cells)} fields instead of {len(FIELDS)}."
        )
    for place, (field, cell) in enumerate(zip(FIELDS, cells, strict=True)):
        if len(cell) > field.width:
            raise _wrong(place, f"{field.width}文字を超えています", f"longer than {field.width} characters")
        if not cell.isprintable():
            raise _wrong(place, "制御文字があります", "has control characters")
    line = InquiryLine(*cells)
    for place, (field, check) in enumerate(zip(FIELDS, _CHECKS, strict=True)):
        check(place, getattr(line, field.name))
    if not line.about:
        raise _wrong(2, "空です（宛名番号も空です）", "empty, and so is the business-side one")
    _check_span(line)
    return line


def _wrong(place: int, ja: str, en: str) -> _Wrong:
    field = FIELDS[place]
    return _Wrong(f"第{place + 1}項目（{field.ja}）が、{ja}。", f"Field {place + 1} ({field.en}) is wrong: {en}.")


def _constant(place: int, value: str) -> None:
    if value != _NUMBER_SYSTEM:
        raise _wrong(place, "01 ではありません（見出しの行は付けません）", "not 01 (the file has no header line)")


def _digits(place: int, value: str) -> None:
    if value and not (value.isascii() and value.isdecimal()):
        raise _wrong(place, "数字ではありません", "not digits")


def _time(place: int, value: str) -> None:
    try:
        good = len(value) == FIELDS[place].width and value.isascii() and value.isdecimal()
        good = good and datetime.strptime(value + "000", "%Y%m%d%H%M%S%f").year > 0  # noqa: DTZ007 - only the form is looked at
    except ValueError:
        good = False
    if not good:
        raise _wrong(place, "yyyyMMddHHmmssSSS の日時ではありません", "no time as yyyyMMddHHmmssSSS")


def _there(place: int, value: str) -> None:
    if not value.strip():
        raise _wrong(place, "空です", "empty")


def _code(place: int, value: str) -> None:
    if len(value) != _CODE:
        raise _wrong(place, f"{_CODE}文字ではありません", f"not {_CODE} characters")


def _disclosure(place: int, value: str) -> None:
    if value not in {ORDINARY, HIDDEN}:
        raise _wrong(
            place,
            "1（本人に表示する）でも 2（表示しない）でもありません",
            "neither 1 (shown to the person) nor 2 (not shown)",
        )


def _blank(place: int, value: str) -> None:
    if value:
        raise _wrong(place, "空ではありません（委任は模擬していません）", "not empty; delegation is not simulated")


def _flag(place: int, value: str) -> None:
    if value not in {"0", "1"}:
        raise _wrong(place, "0 でも 1 でもありません", "neither 0 nor 1")


def _day(place: int, value: str) -> None:
    if value and day_of(value) is None:
        raise _wrong(place, "yyyyMMdd の日付ではありません", "no day as yyyyMMdd")


def _anything(_place: int, _value: str) -> None:
    """Blank in the real file."""


def day_of(text: str) -> date | None:
    """The day that yyyyMMdd names."""
    if len(text) != len("yyyyMMdd") or not (text.isascii() and text.isdecimal()):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def _check_span(line: InquiryLine) -> None:
    first, last = line.first_day, line.last_day
    match line.condition, line.year:
        case "0", "0" if first or last:
            raise _wrong(16, "条件なしでは空にします", "not empty although there is no condition")
        case "0", "1" if not first or last:
            raise _wrong(16, "年度を表す開始日付だけが必要です", "a year needs a first day in it, and no last day")
        case "1", "0" if not (first or last):
            raise _wrong(16, "期間の開始か終了が必要です", "a period needs a first or a last day")
        case "1", "0" if first and last and last < first:
            raise _wrong(17, "開始日付より前です", "before the first day")
        case "1", "1":
            raise _wrong(15, "期間と年度は同時に指定できません", "a period and a year at once")


_CHECKS: Final[tuple[Callable[[int, str], None], ...]] = (
    _constant, _digits, _digits, _time, _there, _anything, _there, _disclosure, _code, _code, _blank, _blank, _there, _code,
    _flag, _flag, _day, _day,
)  # fmt: skip
"""One for each field, in order."""
