"""Papers by which a visitor is identified, and when they suffice (art. 16 of the Number Act; its enforcement rules list more).

Number check: the individual number on a paper that shows it, matched by the numbering body. Identity proofing: one paper with a photo, or
two of those without. The list is a selection; the ordinance's own words were not verified.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from warifu.law import Text


@dataclass(frozen=True, slots=True)
class Paper:
    """An identity document."""

    code: str
    name: Text
    photo: bool


CARD: Final = "card"
"""The individual number card: it proves the number and, by its photo, the person."""
NUMBER_PAPERS: Final = {
    CARD: Text("個人番号カード（裏面）", "Individual number card (back)"),
    "certificate": Text("個人番号が載っている住民票の写し", "Residence certificate with the number"),
    "notice": Text("通知カード（記載が住民票と同じもの）", "Notification card that agrees with the residence record"),
}
"""Papers on which the number stands."""
PAPERS: Final = (
    Paper(CARD, Text("個人番号カード（表面）", "Individual number card (front)"), photo=True),
    Paper("licence", Text("運転免許証・運転経歴証明書", "Driving licence or driving record certificate"), photo=True),
    Paper("passport", Text("旅券（パスポート）", "Passport"), photo=True),
    Paper("residence-card", Text("在留カード・特別永住者証明書", "Residence card"), photo=True),
    Paper("disability", Text("身体障害者手帳など", "Disability certificate"), photo=True),
    Paper("insurance", Text("健康保険の資格確認書", "Health insurance certificate"), photo=False),
    Paper("pension", Text("年金手帳・基礎年金番号通知書", "Pension book or pension number notice"), photo=False),
    Paper("allowance", Text("児童扶養手当証書", "Child-rearing allowance certificate"), photo=False),
)
"""Papers that show who somebody is."""
WITH_PHOTO: Final = frozenset(paper.code for paper in PAPERS if paper.photo)
WITHOUT_PHOTO: Final = frozenset(paper.code for paper in PAPERS if not paper.photo)
_TWO: Final = 2


class Seen(StrEnum):
    """What the clerk checked with their own eyes."""

    ORIGINAL = "original"
    """No copy."""
    IN_DATE = "in-date"
    AGREES = "agrees"
    """Name, and birth date or address, are those of the paper with the number."""
    FACE = "face"
    """The photo is the visitor's."""


SEEN: Final = {
    Seen.ORIGINAL: Text("どれも原本である（コピーではない）", "All are originals, not copies"),
    Seen.IN_DATE: Text("有効期間内である", "They are in date"),
    Seen.AGREES: Text(
        "氏名と、生年月日または住所が、番号の書類と同じである",
        "Name, and birth date or address, agree with the paper that shows the number",
    ),
    Seen.FACE: Text("顔写真が来庁者本人である（写真付きのとき）", "The photo shows the visitor (where there is one)"),
}


class Lacking(StrEnum):
    """Why somebody is not identified."""

    NUMBER_PAPER = "number-paper"
    """No paper with the number, or none that is known."""
    PAPERS = "papers"
    """Neither one paper with a photo nor two without."""
    SEEN = "seen"
    """Not everything was checked."""


def lacking(number_paper: str, papers: Collection[str], seen: Collection[str]) -> frozenset[Lacking]:
    """All that is missing before somebody counts as identified; empty when nothing is. Codes that are not known count for nothing."""
    with_photo = bool(WITH_PHOTO & set(papers))
    needed = set(Seen) if with_photo else set(Seen) - {Seen.FACE}
    missing = {
        Lacking.NUMBER_PAPER: number_paper not in NUMBER_PAPERS,
        Lacking.PAPERS: not with_photo and len(WITHOUT_PHOTO & set(papers)) < _TWO,
        Lacking.SEEN: not needed <= set(seen),
    }
    return frozenset(lack for lack, is_missing in missing.items() if is_missing)
