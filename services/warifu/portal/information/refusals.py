"""Why own information is not asked for, in words for a person and a name for a program."""

from __future__ import annotations

from enum import Enum

from warifu.law import Text


class Refusal(Enum):
    """The reasons."""

    PROVIDERS = Text(
        "取り寄せ先の機関を、1つから3つまで選んでください。",
        "Choose one to three institutions to ask.",
    )
    YEAR = Text("年度を、一覧から選んでください。", "Choose a year from the list.")
    CONSENT = Text(
        "取り寄せるには、説明を読んで「求めます」に印を付けてください。",
        "To go on, read the explanation and tick the box.",
    )
    TOO_MANY = Text(
        "返事を待っている取り寄せが10件あります。返事が届いてから、もう一度操作してください。",
        "Ten requests are still waiting for an answer. Try again when answers have come.",
    )


class RefusedError(Exception):
    """Nothing was asked, for this reason."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal
