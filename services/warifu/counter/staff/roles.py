"""What staff may do: each role is a set of rights, as small as its work allows. Where they work is an office."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from warifu.law import Text


class Right(StrEnum):
    """One kind of work. A page or act asks for exactly one."""

    VISITORS = "visitors"
    """Receive visitors."""
    CASES = "cases"
    """Open and work on cases, and ask other institutions for them."""
    REVIEWS = "reviews"
    """Look at answers that wait before they are provided."""
    LETTERS = "letters"
    """Answer citizens' letters."""
    CARDS = "cards"
    """Card counter."""
    PROTECT = "protect"
    """Propose that a person's protection is set or lifted."""
    APPROVE = "approve"
    """Be the second person."""
    FILE = "file"
    """File with the supervisor."""
    SUPERVISE = "supervise"
    """Read what staff did, and let somebody work an hour longer."""


class Role(StrEnum):
    """What somebody is employed as."""

    CLERK = "clerk"
    REVIEWER = "reviewer"
    CHIEF = "chief"
    CARD_CLERK = "card_clerk"


RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.CLERK: frozenset({Right.VISITORS, Right.CASES, Right.PROTECT}),
    Role.REVIEWER: frozenset({Right.REVIEWS, Right.LETTERS}),
    Role.CHIEF: frozenset({Right.APPROVE, Right.PROTECT, Right.FILE, Right.SUPERVISE}),
    Role.CARD_CLERK: frozenset({Right.VISITORS, Right.CARDS}),
}
"""Who may do what."""

NAMES: Final = {
    Role.CLERK: Text("窓口担当", "Counter clerk"),
    Role.REVIEWER: Text("提供審査担当", "Reviewer"),
    Role.CHIEF: Text("係長", "Section chief"),
    Role.CARD_CLERK: Text("カード交付担当", "Card clerk"),
}

RIGHT_NAMES: Final = {
    Right.VISITORS: Text("来庁者の本人確認", "identify visitors"),
    Right.CASES: Text("案件と照会", "cases and inquiries"),
    Right.REVIEWS: Text("回答の審査", "review of answers"),
    Right.LETTERS: Text("市民の手紙への回答", "letters of citizens"),
    Right.CARDS: Text("カードの手続", "cards"),
    Right.PROTECT: Text("保護の申請", "propose protection"),
    Right.APPROVE: Text("二人目としての承認", "approve as the second person"),
    Right.FILE: Text("監督機関への届出", "file with the supervisor"),
    Right.SUPERVISE: Text("操作の記録と勤務時間", "acts and duty hours"),
}

OFFICES: Final = {
    "window-1": Text("1番窓口", "Window 1"),
    "window-2": Text("2番窓口", "Window 2"),
    "review": Text("情報提供の審査", "Review of answers"),
    "section": Text("係長席", "Section chief's desk"),
    "card-window": Text("カード窓口", "Card window"),
}
"""The offices of an institution, by the code that requests carry."""


def may(role: Role, right: Right) -> bool:
    """Whether a role has a right."""
    return right in RIGHTS[role]


def roles_with(right: Right) -> tuple[Role, ...]:
    """Whose work it is."""
    return tuple(role for role in Role if may(role, right))
