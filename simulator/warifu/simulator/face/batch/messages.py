"""Statuses and messages of a result row.

`09` (normal end, of the line), `01` (normal, of the item) and three messages are known from a real file; they are marked `real`. Every
other code and message is this project's, docs/BUSINESS.md §4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.clock import JAPAN
from warifu.kernel.errors import Reason
from warifu.simulator.face.batch.lines import Malformed

_VERSION: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])", re.ASCII)
_WIDE: Final = {ord(narrow): ord(narrow) + 0xFEE0 for narrow in map(chr, range(0x21, 0x7F))}


def wide(text: str) -> str:
    """ASCII in full width, as the real messages have codes and numbers."""
    return text.translate(_WIDE)


class Status(Enum):
    """How a line stands: status of the line, status of the item, message, meaning in English. {addressee} and {item} are in full width."""

    PROVIDED = ("09", "01", "", "Provided.")
    NO_RECORD = ("09", "02", "該当者なし。", "The person has no such record.")
    NO_YEAR = ("09", "02", "年度該当なし。", "The person has no such record for the year asked about.")
    NOT_REGISTERED = ("09", "03", "副本未登録。", "The provider has no copy for this person.")
    WITHHELD = ("09", "04", "提供不可（不開示）。", "The provider's clerk withheld it.")
    OTHER_LAYOUT = (
        "09",
        "05",
        "版不一致。",
        "Provided, but a record's layout version (column 30) is none that was in force at the time of the answer.",
    )
    UNDER_WAY = ("01", "", "照会中。", "Sent; no answer yet.")
    WAITING = (
        "02",
        "",
        "自動応答不可（確認中）。",
        "A clerk of the provider must look first; fetch the result again later.",
    )
    DENIED = (
        "11",
        "",
        "指定された特定個人情報名「{item}」の照会は許可されていません。",
        "The inquiry is not permitted; column 23 says by which condition.",
    )
    NO_CODE = (
        "12",
        "",
        "指定された団体内統合宛名番号「{addressee}」は符号が未取得です。",
        "The addressee number has no code here: enrol it first.",
    )
    DUPLICATE = (
        "13",
        "",
        "「レコード識別番号」が既に存在しています。",
        "The same line stands in the file twice; it was asked once.",
    )
    EXPIRED = (
        "14",
        "",
        "回答期限切れ。",
        "No final answer came in time. To ask again, give field 4 another time.",
    )
    DOWN = ("15", "", "システム停止。", "Somebody could not be reached; send the same file again.")
    FAILED = ("19", "", "{told}", "Anything else; column 23 has the reason.")
    MALFORMED = ("21", "", "{told}", "The line cannot be read; nothing was asked.")

    @property
    def line(self) -> str:
        """照会ステータス（明細単位）."""
        return self.value[0]

    @property
    def item(self) -> str:
        """照会ステータス（特定個人情報名単位）."""
        return self.value[1]

    @property
    def ja(self) -> str:
        """照会処理結果メッセージ（明細単位）, before its places are filled."""
        return self.value[2]

    @property
    def en(self) -> str:
        """What it means."""
        return self.value[3]

    @property
    def real(self) -> bool:
        """Both codes, or the message, are known from a real file."""
        return self in {Status.PROVIDED, Status.DENIED, Status.NO_CODE, Status.DUPLICATE}


@dataclass(frozen=True, slots=True)
class Told:
    """What a row says of its line."""

    status: Status
    message: str = ""
    outcome: str = ""
    """Fine outcome where there is one, else the gateway's."""
    reason: str = ""


_FINE: Final = {
    exchange_pb2.FINE_OUTCOME_PROVIDED: Status.PROVIDED,
    exchange_pb2.FINE_OUTCOME_NO_RECORD: Status.NO_RECORD,
    exchange_pb2.FINE_OUTCOME_NOT_REGISTERED: Status.NOT_REGISTERED,
    exchange_pb2.FINE_OUTCOME_WITHHELD: Status.WITHHELD,
}
_OUTCOMES: Final = {
    exchange_pb2.OUTCOME_UNSPECIFIED: Status.UNDER_WAY,
    exchange_pb2.OUTCOME_PENDING: Status.WAITING,
    exchange_pb2.OUTCOME_DENIED: Status.DENIED,
    exchange_pb2.OUTCOME_ERROR: Status.FAILED,
}
_REASONS: Final[Mapping[str, Status]] = {
    Reason.CLIENT_NOT_ENROLLED: Status.NO_CODE,
    Reason.CLIENT_ADDRESSEE_UNKNOWN: Status.NO_CODE,
    Reason.CLIENT_REQUEST_CHANGED: Status.DUPLICATE,
}


def told_of(state: interim_pb2.InquiryState) -> Told:
    """What is told of an inquiry that was stored."""
    request = state.request
    if state.outcome == exchange_pb2.OUTCOME_ANSWERED:
        status = _FINE.get(state.fine_outcome, Status.FAILED)
        if status is Status.NO_RECORD and request.span.HasField("fiscal_year"):
            status = Status.NO_YEAR
        if status is Status.PROVIDED and not all(_in_force(one.layout_version, state) for one in state.records):
            status = Status.OTHER_LAYOUT
        return _told(status, request, exchange_pb2.FineOutcome.Name(state.fine_outcome).removeprefix("FINE_OUTCOME_"))
    outcome = "" if not state.outcome else exchange_pb2.Outcome.Name(state.outcome).removeprefix("OUTCOME_")
    if state.outcome == exchange_pb2.OUTCOME_EXPIRED:  # the network gives its reason as an error
        return _told(Status.EXPIRED, request, outcome, state.error.reason)
    if state.HasField("error"):
        return refused(state.error, request, outcome)
    reason = state.denial.reason if state.HasField("denial") else ""
    return _told(_OUTCOMES[state.outcome], request, outcome, reason)


def refused(failure: common_pb2.Failure, request: interim_pb2.InquireRequest, outcome: str = "") -> Told:
    """What is told of an inquiry that failed, or was not stored at all."""
    status = _REASONS.get(failure.reason) or (Status.DOWN if failure.retryable else Status.FAILED)
    return _told(status, request, outcome, failure.reason, failure.message.ja)


def malformed(line: Malformed) -> Told:
    """What is told of a line that cannot be read, in both languages."""
    return Told(Status.MALFORMED, f"{line.ja} / {line.en}", "", str(Reason.CLIENT_MALFORMED))


def duplicate(request: interim_pb2.InquireRequest) -> Told:
    """What is told of a line that stands in the file a second time."""
    return _told(Status.DUPLICATE, request)


def _in_force(version: str, state: interim_pb2.InquiryState) -> bool:
    """A version is the month of the standard data layouts' revision, and not of one that is still to come."""
    answered = state.answered_at.ToDatetime(tzinfo=JAPAN)
    return _VERSION.fullmatch(version) is not None and version <= f"{answered:%Y-%m}"


def _told(
    status: Status, request: interim_pb2.InquireRequest, outcome: str = "", reason: str = "", told: str = ""
) -> Told:
    message = status.ja.format(addressee=wide(request.addressee_no), item=wide(request.item), told=told)
    return Told(status, message, outcome, reason)
