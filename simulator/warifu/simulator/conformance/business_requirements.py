"""The requirements of a business system behind an interim server as data: docs/BUSINESS.md §7."""

from __future__ import annotations

from typing import Final

from warifu.simulator.conformance import business_checks as checks
from warifu.simulator.conformance import business_registers as registers
from warifu.simulator.conformance.business_bench import BusinessBench
from warifu.simulator.conformance.frame import Requirement, Suite
from warifu.simulator.conformance.outcome import Text

_MUST: Final = "7. What a business system must do"

BUSINESS_REQUIREMENTS: Final[tuple[Requirement[BusinessBench], ...]] = (
    Requirement(
        "enrol", ("BIZ-7.1",), _MUST,
        "新しい人は宛名番号に符号を取得し、断られたらその理由を伝える。", "Whoever is new is enrolled under the addressee number, and a refusal is told.", checks.enrol,
    ),
    Requirement(
        "numbers", ("BIZ-7.2",), _MUST,
        "個人番号は符号の取得のときだけ渡し、他では宛名番号だけを使う。",
        "An individual number is given for enrolment alone; everything else speaks addressee numbers.", checks.numbers,
    ),
    Requirement(
        "inquiry", ("BIZ-7.3",), _MUST,
        "照会は求められたとおりで、部署、職員、事案の番号がある。", "An inquiry says what was asked, with office, clerk and case.", checks.inquiry,
    ),
    Requirement(
        "same_request", ("BIZ-7.4",), _MUST,
        "事案ごとに一つの要求ID（UUID）。応答が失われたら、同じ内容を同じ番号で送り直す。",
        "Each case has a request id of its own, a UUID; after a lost answer the same content is sent under the same id.", checks.same_request,
    ),
    Requirement(
        "stored", ("BIZ-7.5",), _MUST,
        "照会は送る前に保存する。強制終了の後でも同じ照会を続ける。", "An inquiry is stored before it is sent: after a kill it goes on.", checks.stored,
    ),
    Requirement(
        "under_way", ("BIZ-7.6",), _MUST,
        "結果がない間は待ち、結果のようには伝えない。", "While there is no outcome it waits, and tells none.", checks.under_way,
    ),
    Requirement(
        "pending", ("BIZ-7.7",), _MUST,
        "確認待ちは待ちとして伝え、照会し直さずに後から受け取る。", "What waits for a clerk is told as waiting, and collected later without asking anew.", checks.pending,
    ),
    Requirement(
        "outcomes", ("BIZ-7.8",), _MUST,
        "該当なし、副本未登録、提供不可、不許可、エラー、期限切れを区別し、理由とともに伝える。",
        "No record, not registered, withheld, denied, failed and expired are told apart, with the reason.", checks.outcomes,
    ),
    Requirement(
        "values", ("BIZ-7.9",), _MUST,
        "提供された記録をすべて、一円まで正しく伝える。", "Every record provided is told, to the yen.", checks.values,
    ),
    Requirement(
        "refusal", ("BIZ-7.10",), _MUST,
        "再試行できない拒否は繰り返さず、理由とともに伝える。", "What is refused for good is not sent again, and told with its reason.", checks.refusal,
    ),
    Requirement(
        "copy_kinds", ("BIZ-7.11",), _MUST,
        "副本は、新規・異動・削除のうち実際の種別で登録する。", "A copy is registered as new, as a difference or as a deletion, whichever it is.", registers.copy_kinds,
    ),
    Requirement(
        "copy_form", ("BIZ-7.12",), _MUST,
        "副本には、特定個人情報名、キー、レイアウトの版、期間と値がある。", "A copy has item, key, layout version, period and values.", registers.copy_form,
    ),
    Requirement(
        "copy_ids", ("BIZ-7.13",), _MUST,
        "副本の異動ごとに一つのレコード識別番号。応答が失われたら、同じ内容を同じ番号で送り直す。",
        "Each change of a copy has a record id of its own; after a lost answer the same is sent under the same id.", registers.copy_ids,
    ),
    Requirement(
        "copy_errors", ("BIZ-7.14",), _MUST,
        "一覧の中で断られた副本は、断られたと伝える。", "A copy that is refused within a list is told as refused.", registers.copy_errors,
    ),
    Requirement(
        "protection", ("BIZ-7.15",), _MUST,
        "一つの保護の設定を変えるとき、他の設定を変えない。", "Setting one protection flag leaves the person's others as they are.", registers.protection,
    ),
    Requirement(
        "decision", ("BIZ-7.16",), _MUST,
        "確認を待つ回答を一覧にし、職員の決定のとおりに伝える。", "Answers that wait are listed, and decided as the clerk decided.", registers.decision,
    ),
    Requirement(
        "decision_id", ("BIZ-7.17",), _MUST,
        "決定には番号を付け、応答が失われたら同じ番号で送り直す。", "A decision has an id, under which it is sent again after a lost answer.", registers.decision_id,
    ),
    Requirement(
        "publication", ("BIZ-7.18",), _MUST,
        "提供を始める日のある副本は、その日とともに登録する。", "A copy that may be provided from a day on is registered with that day.", registers.publication,
    ),
    Requirement(
        "consent", ("BIZ-7.19",), _MUST,
        "本人の同意は、その日と同意書の所在とともに照会に付ける。", "The person's consent is in the inquiry, with its day and where the form lies.", checks.consent,
    ),
)  # fmt: skip

BUSINESS: Final = Suite(
    "business",
    Text("業務システムの適合試験", "Conformance of a business system"),
    "docs/BUSINESS.md",
    BUSINESS_REQUIREMENTS,
)
