"""The three protection flags, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from warifu.interim.v1 import interim_pb2
from warifu.law import Text


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag."""

    code: str
    """Its field in SetProtectionRequest."""
    name: Text
    about: Text


FLAGS: Final = (
    Flag(
        "non_disclosure",
        Text("不開示", "Non-disclosure"),
        Text(
            "この人についてのやりとりを、本人のポータルの履歴に出さない。履歴から居場所が分かるおそれのあるとき。",
            "Exchanges about the person are not shown in the portal's history: where it could tell somebody where they are.",
        ),
    ),
    Flag(
        "self_disclosure_blocked",
        Text("自己情報提供不可", "Own information blocked"),
        Text(
            "ポータルからの「自分の情報」の請求に答えない。本人のカードをほかの人が使うおそれのあるとき。",
            "Requests for own information through the portal are not answered: where somebody else may use the card.",
        ),
    ),
    Flag(
        "manual_review",
        Text("自動応答不可", "No automatic answer"),
        Text(
            "ほかの機関からの照会に、職員が確かめてから答える。",
            "Inquiries of other institutions are answered after somebody here has looked.",
        ),
    ),
)
_NONE: Final = Text("なし（すべて解除）", "none (all lifted)")


def names_of(request: interim_pb2.SetProtectionRequest, language: str) -> Sequence[str]:
    """The flags that a request sets."""
    return [flag.name.to(language) for flag in FLAGS if getattr(request, flag.code)]


def told(content: bytes, language: str) -> Sequence[tuple[str, str]]:
    """What a proposed request does, in words."""
    request = interim_pb2.SetProtectionRequest.FromString(content)
    names = "、".join if language != "en" else ", ".join
    return [
        (Text("宛名番号", "Addressee number").to(language), request.addressee_no),
        (
            Text("設定する保護", "Protection to be set").to(language),
            names(names_of(request, language)) or _NONE.to(language),
        ),
    ]
