"""The 18 fields of a line, in the order of the real file, with their widths.

Order, names, widths and padding are those of a file that a city's public tool writes for its interim server. What a value means where that
tool always writes the same one is not known from it; `Field.ours` says so, and docs/BUSINESS.md §3 says what it means here.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the file."""

    name: str
    """Attribute of `InquiryLine`."""
    ja: str
    en: str
    width: int
    """Characters, at most; a value that is there may be filled up with spaces on the right."""
    filled: bool = False
    """The real file fills it up with spaces to its width."""
    ours: bool = False
    """What its values mean is this project's decision."""


FIELDS: Final = (
    Field("number_system", "番号体系", "number system", 2),
    Field("subject_no", "宛名番号", "business-side addressee number", 15),
    Field("addressee_no", "統合宛名番号", "addressee number", 15),
    Field("asked_at", "照会依頼日時", "time of asking", 17),
    Field("office", "情報照会者部署コード", "office", 20, filled=True),
    Field("user", "情報照会者ユーザーID", "clerk", 20),
    Field("institution", "情報照会者機関コード", "requester", 16),
    Field("non_disclosure", "照会側不開示コード", "non-disclosure", 1, ours=True),
    Field("affair", "事務コード", "affair", 16),
    Field("procedure", "事務手続コード", "procedure", 16),
    Field("requester_delegator", "情報照会者機関コード（委任元）", "who delegated to the requester", 16),
    Field("provider_delegator", "情報提供者機関コード（委任元）", "who delegated to the provider", 16),
    Field("provider", "情報提供者機関コード", "provider", 16, filled=True),
    Field("item", "特定個人情報名コード", "item", 16),
    Field("condition", "照会条件区分", "kind of condition", 1, ours=True),
    Field("year", "照会年度区分", "kind of year", 1, ours=True),
    Field("first_day", "照会開始日付", "first day", 8),
    Field("last_day", "照会終了日付", "last day", 8),
)


@dataclass(frozen=True, slots=True)
class InquiryLine:
    """One line as text, without the spaces that fill it up. Blank fields are empty."""

    number_system: str
    subject_no: str
    addressee_no: str
    asked_at: str
    office: str
    user: str
    institution: str
    non_disclosure: str
    affair: str
    procedure: str
    requester_delegator: str
    provider_delegator: str
    provider: str
    item: str
    condition: str
    year: str
    first_day: str
    last_day: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The fields in the file's order."""
        return astuple(self)

    @property
    def about(self) -> str:
        """The addressee number that the inquiry is about: the integrated one where it is there, else the business-side one."""
        return self.addressee_no or self.subject_no
