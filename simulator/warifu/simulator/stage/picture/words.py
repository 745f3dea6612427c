"""The words of the picture in both languages, by docs/GLOSSARY.md."""

from __future__ import annotations

from typing import Final

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.law import Text

REQUESTER: Final = Text("照会者", "Requester")
PROVIDER: Final = Text("提供者", "Provider")
GATEWAY: Final = Text("ゲートウェイ", "Gateway")
LOG: Final = Text("公開ログ", "Public log")
WATCHDOG: Final = Text("監督機関（証人）", "Supervisor (witness)")
PORTAL: Final = Text("市民ポータル", "Citizen portal")
NUMBERING: Final = Text("付番機関", "Numbering body")

PROCEDURE: Final = Text("手続", "Procedure")
ITEM: Final = Text("情報", "Item")
SPAN: Final = Text("期間", "Span")
CLERK: Final = Text("部署・職員", "Office, clerk")
ROW: Final = Text("照合リストの行", "Permission row")
TABLE: Final = Text("照合リストの版", "Table version")
OUTCOME: Final = Text("結果", "Outcome")
FINE: Final = Text("くわしい結果", "Fine outcome")
REASON: Final = Text("理由", "Reason")
CONDITION: Final = Text("合わない条件", "Failed condition")
HIDDEN: Final = Text("不開示", "Non-disclosure")
PRESENT: Final = Text("現在", "the present")
WHEN: Final = Text("日時", "Time")
SIZE: Final = Text("大きさ", "Size")
HASH: Final = Text("ハッシュ", "Hash")
COMMITMENT: Final = Text("約束値", "Commitment")
SALT: Final = Text("ソルト", "Salt")
LEAF: Final = Text("ログの中の位置", "Place in the log")
PERMIT_HASH: Final = Text("許可証のハッシュ", "Hash of the permit")
RECIPIENT: Final = Text("開けられるのは", "Only this can open it")
KEY: Final = Text("鍵", "Key")
ANSWER_DIGEST: Final = Text("開けた回答のダイジェスト", "Digest of the opened answer")
WANTED: Final = Text("欲しい項目", "Fields wanted")
ALL_FIELDS: Final = Text("行が認める項目すべて", "all that the row releases")
CASE: Final = Text("案件", "Case")

ADDRESSEE: Final = Text("宛名番号", "Addressee number")
OWN_CODE: Final = Text("自分の符号", "Own code")
BOUND_CODE: Final = Text("宛名番号に結ばれた符号", "Code bound to the addressee number")
INQUIRY: Final = Text("照会の見出し", "Inquiry, in the clear")
SEALED_QUERY: Final = Text("封をした照会内容", "Sealed query")
RECEIPT: Final = Text("受付証", "Receipt")
SEALED_ANSWER: Final = Text("封をした回答", "Sealed answer")
OPENED_ANSWER: Final = Text("開けた回答", "Opened answer")
DENIAL: Final = Text("認めなかった理由", "Denial")
FAILURE: Final = Text("失敗", "Failure")
REQUEST_RECORD: Final = Text("要求の記録", "Record of the request")
OUTCOME_RECORD: Final = Text("結果の記録", "Record of the outcome")
PROMISE: Final = Text("ログに載る約束", "Promise that it is logged")
PERMIT: Final = Text("許可証", "Permit")
REQUESTER_CODE: Final = Text("照会者の符号", "Requester's code")
PROVIDER_CODE: Final = Text("提供者の符号", "Provider's code")
PORTAL_CODE: Final = Text("ポータルの符号", "Portal's code")
REQUESTER_ADDRESSEE: Final = Text("照会者の宛名番号", "Requester's addressee number")
PROVIDER_ADDRESSEE: Final = Text("提供者の宛名番号", "Provider's addressee number")
OPENED_QUERY: Final = Text("開けた照会内容", "Opened query")
COPY: Final = Text("副本", "Copy")
OTHER_COPIES: Final = Text("ほかの期間の副本", "Copies about other spans")
REVIEW: Final = Text("職員の確認", "Clerk's review")
ENTRY: Final = Text("履歴の1件", "Entry of the history")
REQUEST_LEAF: Final = Text("要求の約束値", "Commitment to the request")
OUTCOME_LEAF: Final = Text("結果の約束値", "Commitment to the outcome")
CHECKPOINT: Final = Text("チェックポイント", "Checkpoint")
COSIGNED: Final = Text("副署付きチェックポイント", "Cosigned checkpoint")
HEAD: Final = Text("副署した先頭", "Head that was cosigned")
WAITS: Final = Text("届けるのを待つ", "Waits for delivery")
OTHER: Final = Text("ほかに持つもの", "Also held")
UNREADABLE: Final = Text("読めないバイト列", "Bytes of no known form")

VALUES: Final = Text("情報の値", "the values")
QUERY_PLAIN: Final = Text("開けた照会内容", "the opened query")
THE_PERMIT: Final = Text("許可証", "the permit")
EXCHANGE_ID: Final = Text("やりとりの番号", "the exchange's id")
INSTITUTIONS: Final = Text("機関の名前", "either institution")

_OUTCOMES: Final[dict[int, Text]] = {
    pb.OUTCOME_UNSPECIFIED: Text("まだない", "none yet"),
    pb.OUTCOME_ANSWERED: Text("回答あり", "answered"),
    pb.OUTCOME_PENDING: Text("確認待ち", "waits for a clerk"),
    pb.OUTCOME_DENIED: Text("認められず", "not allowed"),
    pb.OUTCOME_ERROR: Text("完了せず", "not completed"),
    pb.OUTCOME_EXPIRED: Text("期限切れ", "expired"),
}
_FINE: Final[dict[int, Text]] = {
    pb.FINE_OUTCOME_PROVIDED: Text("情報あり", "provided"),
    pb.FINE_OUTCOME_NO_RECORD: Text("該当者なし", "no record"),
    pb.FINE_OUTCOME_NOT_REGISTERED: Text("副本未登録", "not registered"),
    pb.FINE_OUTCOME_WITHHELD: Text("提供不可", "withheld"),
    pb.FINE_OUTCOME_PENDING: Text("確認待ち", "waits for a clerk"),
}
_PROMISES: Final = {
    1: Text("まだ確かめていない", "not looked up yet"),
    2: Text("ログにあった", "found in the log"),
    3: Text("ログになかった", "not in the log"),
}
_DECISIONS: Final = {
    0: Text("期限切れ", "ran out"),
    1: Text("提供する", "provide"),
    2: Text("提供しない", "withhold"),
}


def outcome(value: int) -> Text:
    """An Outcome in words."""
    return _OUTCOMES.get(value, Text(str(value), str(value)))


def outcome_name(value: int) -> str:
    """The name of an Outcome without its prefix; UNSPECIFIED of an unknown one."""
    known = value in pb.Outcome.values()
    return pb.Outcome.Name(value if known else 0).removeprefix("OUTCOME_")  # type: ignore[arg-type] # checked


def fine(value: int) -> Text:
    """A FineOutcome in words."""
    return _FINE.get(value, _OUTCOMES[int(pb.OUTCOME_UNSPECIFIED)])


def promise(state: int | None) -> Text:
    """A PromiseState in words."""
    return _PROMISES.get(state or 0, Text("不明", "unknown"))


def decision(value: int | None) -> Text:
    """A clerk's decision in words; None while there is none."""
    return (
        Text("まだ決まっていない", "not decided") if value is None else _DECISIONS.get(value, Text("不明", "unknown"))
    )


def yes(said: bool) -> Text:
    """Yes or no."""
    return Text("はい", "yes") if said else Text("いいえ", "no")


def size(count: int) -> Text:
    """A number of bytes."""
    return Text(f"{count:,} バイト", f"{count:,} bytes")
