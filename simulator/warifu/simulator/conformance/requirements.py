"""The requirements as data: number and section in docs/PROTOCOL.md, title in both languages, and the check."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from warifu.simulator.conformance import checks
from warifu.simulator.conformance.bench import Bench
from warifu.simulator.conformance.folder import ConformanceError


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a provider must do."""

    name: str
    numbers: tuple[str, ...]
    """Numbers in docs/PROTOCOL.md, the first is the one that it is mainly about."""
    section: str
    """Heading in docs/PROTOCOL.md."""
    ja: str
    en: str
    check: Callable[[Bench], Awaitable[None]]

    @property
    def label(self) -> str:
        """For reports."""
        return ", ".join(self.numbers)


_SEALED, _PERMIT, _PROVISION, _RECORDS = (
    "3. Sealed blocks",
    "5. Permit",
    "6. Provision and review",
    "7. Answer, outcome, record, delivery",
)

REQUIREMENTS: Final = (
    Requirement(
        "signature", ("PROTO-5.5", "PROTO-5.2"), _PERMIT,
        "改変された許可証、ゲートウェイ以外が署名した許可証を拒む。", "A permit that was altered, or that another signed, is refused.", checks.signature,
    ),
    Requirement(
        "audience", ("PROTO-5.5",), _PERMIT,
        "他の提供機関あての許可証を拒む。", "A permit for another provider is refused.", checks.audience,
    ),
    Requirement(
        "window", ("PROTO-5.3",), _PERMIT,
        "許可証を初めて受け入れるのは、その期間と時計の差の許容内だけ。", "A permit is accepted for the first time only within its window and the allowed difference of clocks.", checks.window,
    ),
    Requirement(
        "single_use", ("PROTO-5.4",), _PERMIT,
        "一つの許可証での参照は一度だけ。同時に来ても、強制終了の後でも同じ回答。同じ番号の別の許可証は拒む。",
        "A permit has one look-up, at the same time and across a kill; under its id nothing else is accepted.", checks.single_use,
    ),
    Requirement(
        "law", ("PROTO-6.1", "PROTO-6.2"), _PROVISION,
        "自らの法令表の同じ行が認めない照会は、誰が署名していても拒む。", "What the provider's own law book does not allow by the same row is refused, whoever signed it.", checks.law,
    ),
    Requirement(
        "query", ("PROTO-6.1",), _PROVISION,
        "問合せは許可証が指すものに限る（封緘ブロックとヘッダーの両方）。", "The query must be the one that the permit names, in its block and of its header.", checks.query,
    ),
    Requirement(
        "fields", ("PROTO-6.4",), _PROVISION,
        "行が認める項目だけを出す。", "Only fields that the row releases leave.", checks.fields,
    ),
    Requirement(
        "flags", ("PROTO-6.10", "PROTO-6.8", "PROTO-6.9"), _PROVISION,
        "不開示は回答と結果に印を付け、自己情報提供不可なら本人の求めにも提供せず、確認の指示があれば待つ。",
        "Non-disclosure marks answer and result, a blocked person's own request is withheld, ordered review waits.", checks.flags,
    ),
    Requirement(
        "layout", ("PROTO-6.3",), _PROVISION,
        "回答の記録は、副本を登録したときのレイアウトの版を示す。", "A record names the layout version in which its copy was registered.", checks.layout,
    ),
    Requirement(
        "seal", ("PROTO-6.6", "PROTO-3.6"), _PROVISION,
        "回答は照会機関の鍵で、中の回答に結び付けて封緘する。", "An answer is sealed to the requester's key and bound to the answers in it.", checks.seal,
    ),
    Requirement(
        "signed", ("PROTO-6.7",), _PROVISION,
        "回答に、名簿にある提供機関の鍵で署名する。", "An answer is signed by the provider's key of the directory.", checks.signed,
    ),
    Requirement(
        "size", ("PROTO-3.7",), _SEALED,
        "回答の大きさから内容は分からない。", "The size of an answer does not tell what it says.", checks.size,
    ),
    Requirement(
        "record", ("PROTO-6.5", "PROTO-7.4", "PROTO-7.11", "PROTO-13.1"), _RECORDS,
        "回答を出す前に、要求と結果が、許可証・約束・要約値とともに記録されている。",
        "Request and outcome are on record, with permit, promise and digest, before the answer leaves.", checks.record,
    ),
)  # fmt: skip


def chosen(only: Sequence[str]) -> tuple[Requirement, ...]:
    """Those with any of these numbers or names; all when none is given.

    Raises:
        ConformanceError: a number or name that no requirement has.
    """
    for word in only:
        if not any(_is(one, word) for one in REQUIREMENTS):
            known = ", ".join(sorted({number for one in REQUIREMENTS for number in one.numbers}))
            raise ConformanceError(
                f"{word} という要求はありません。あるもの：{known}",
                f"there is no requirement {word}; there are {known}.",
            )
    return tuple(one for one in REQUIREMENTS if not only or any(_is(one, word) for word in only))


def _is(requirement: Requirement, word: str) -> bool:
    return word == requirement.name or word.upper().removeprefix("PROTO-") in (
        number.removeprefix("PROTO-") for number in requirement.numbers
    )
