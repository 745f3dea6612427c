"""What the acts of staff are called. Every feature has its own here; an act without a row is shown by its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from warifu.law import Text

ACTS: Final[Mapping[str, Text]] = {
    "login": Text("ログイン", "Logged in"),
    "logout": Text("ログアウト", "Logged out"),
    "off-duty": Text("勤務時間外のログイン（拒否）", "Login outside duty hours (refused)"),
    "grant-hour": Text("勤務時間の延長を許可", "Granted an hour"),
    "receive": Text("来庁者の本人確認", "Identified a visitor"),
    "look-up": Text("宛名の基本情報を開いた", "Opened an addressee's particulars"),
    "end-visit": Text("来庁者の対応を終えた", "Ended a visit"),
    "open-case": Text("案件を開いた", "Opened a case"),
    "see-case": Text("案件を見た", "Looked at a case"),
    "ask": Text("ほかの機関に照会した", "Asked another institution"),
    "fill": Text("様式に手で記入した", "Filled a form by hand"),
    "request-paper": Text("本人に書類をお願いした", "Asked the person for a paper"),
    "decide": Text("案件を決定した", "Decided a case"),
    "see-applications": Text("オンライン申請の一覧を開いた", "Opened the applications"),
    "see-reviews": Text("審査を待つ回答の一覧を開いた", "Opened the answers that wait"),
    "provide": Text("回答を提供した", "Provided an answer"),
    "withhold": Text("回答を提供しないことにした", "Withheld an answer"),
    "read-letter": Text("市民からの手紙を開いた", "Opened a letter of a citizen"),
    "answer-letter": Text("市民からの手紙に答えた", "Answered a letter of a citizen"),
    "propose": Text("承認を求めた", "Asked for approval"),
    "approve": Text("承認した", "Approved"),
    "refuse": Text("承認しなかった", "Refused approval"),
    "withdraw": Text("申請を取り下げた", "Withdrew a proposal"),
    "see-cards": Text("カードの状態を開いた", "Opened somebody's cards"),
    "unlock-card": Text("カードの暗証番号を初期化", "Unlocked a card"),
    "order-card": Text("カードの再開・再発行・廃止", "Released, reissued or revoked a card"),
    "change-number": Text("個人番号の変更", "Changed an individual number"),
    "protect": Text("保護の設定・解除", "Set or lifted protection"),
    "file-use": Text("独自利用事務の届出", "Filed an ordinance use"),
    "report-leak": Text("漏えい等の報告", "Reported a leak"),
    "reply": Text("指導・勧告・命令への回答", "Replied to a measure"),
    "list-filings": Text("届出と措置の一覧を開いた", "Opened filings and measures"),
}


def named(act: str, language: str) -> str:
    """What an act is called."""
    return ACTS[act].to(language) if act in ACTS else act
