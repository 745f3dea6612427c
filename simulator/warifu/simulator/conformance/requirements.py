"""The requirements as data: number and section in docs/PROTOCOL.md, title in both languages, and the check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from warifu.simulator.conformance.bench import Bench
from warifu.simulator.conformance.checks import (
    answers,
    batches,
    callers,
    hostile,
    keys,
    permits,
    protection,
    provision,
)
from warifu.simulator.conformance.frame import Requirement, Suite
from warifu.simulator.conformance.outcome import Text

_PARTIES: Final = "1. Parties and identities"
_SEALED: Final = "3. Sealed blocks"
_INQUIRY: Final = "4. Inquiry"
_PERMIT: Final = "5. Permit"
_PROVISION: Final = "6. Provision and review"
_RECORDS: Final = "7. Answer, outcome, record, delivery"
_ERRORS: Final = "9. Errors"
_LIMITS: Final = "10. Limits"
_DIRECTORY: Final = "11. Directory"

REQUIREMENTS: Final[tuple[Requirement[Bench], ...]] = (
    Requirement(
        "certificates", ("PROTO-1.1",), _PARTIES,
        "証明書のない者、他の認証局や期限切れの証明書の者とは接続しない。",
        "Nobody connects without a certificate, or with one that is foreign or out of date.", callers.certificates,
    ),
    Requirement(
        "identity", ("PROTO-1.3",), _PARTIES,
        "名前が一つでない証明書、他の信頼ドメインの証明書を拒む。",
        "A certificate with several names, or in another trust domain, is refused.", callers.identity,
    ),
    Requirement(
        "expired", ("PROTO-1.4",), _PARTIES,
        "接続中に期限の切れた証明書を拒む。",
        "A certificate that runs out on an open connection is refused from then on.", callers.expired,
    ),
    Requirement(
        "revoked", ("PROTO-1.4",), _PARTIES,
        "接続中に失効した証明書を拒む。",
        "A certificate that is revoked on an open connection is refused from then on.", callers.revoked,
    ),
    Requirement(
        "trust", ("PROTO-1.4",), _PARTIES,
        "失効リストを確かめられない間は、誰にも応じない。",
        "While the revocation list cannot be verified, nobody is served.", callers.trust,
    ),
    Requirement(
        "callers", ("PROTO-1.5",), _PARTIES,
        "提供を求められるのはゲートウェイだけ、記録を読めるのは自機関と監視機関だけ。",
        "The gateway alone may ask for provision, and the supervisor alone, beside the institution, may read records.", callers.callers,
    ),
    Requirement(
        "sealed_query", ("PROTO-3.8", "PROTO-3.7", "PROTO-3.6", "PROTO-6.1"), _SEALED,
        "開かない問合せ、正しく詰めていない問合せ、葉と違う問合せを拒む。",
        "A query block that does not open, is not padded, or is not as its leaves say is refused.", hostile.sealed_query,
    ),
    Requirement(
        "size", ("PROTO-3.7",), _SEALED,
        "回答の大きさから内容は分からない。",
        "The size of an answer does not tell what it says.", answers.size,
    ),
    Requirement(
        "separate", ("PROTO-4.16", "PROTO-4.17"), _INQUIRY,
        "照会機関ごとに別のブロックで答え、各ブロックは一度だけ返す。",
        "Each requester is answered in blocks of its own, and a block comes once.", batches.separate,
    ),
    Requirement(
        "signature", ("PROTO-5.5", "PROTO-5.2"), _PERMIT,
        "改変された許可証、ゲートウェイ以外が署名した許可証を拒む。",
        "A permit that was altered, or that another signed, is refused.", permits.signature,
    ),
    Requirement(
        "proof", ("PROTO-5.2",), _PERMIT,
        "一括署名の位置・件数・経路が合わない許可証を拒む。",
        "A permit whose place, size and path in its batch do not fit is refused.", permits.proof,
    ),
    Requirement(
        "form", ("PROTO-5.5", "PROTO-5.3", "PROTO-1.8"), _PERMIT,
        "形式に反する許可証、知らない項目のある許可証を、署名があっても拒む。",
        "A permit that is out of form, or has a field that nobody knows, is refused, whoever signed it.", permits.form,
    ),
    Requirement(
        "audience", ("PROTO-5.5",), _PERMIT,
        "他の提供機関あての許可証を拒む。",
        "A permit for another provider is refused.", permits.audience,
    ),
    Requirement(
        "window", ("PROTO-5.3",), _PERMIT,
        "許可証を初めて受け入れるのは、その期間と時計の差の許容内だけ。",
        "A permit is accepted for the first time only within its window and the allowed difference of clocks.", permits.window,
    ),
    Requirement(
        "single_use", ("PROTO-5.4",), _PERMIT,
        "一つの許可証での参照は一度だけ。同時に来ても、強制終了の後でも同じ回答。同じ番号の別の許可証は拒む。",
        "A permit has one look-up, at the same time and across a kill; under its id nothing else is accepted.", permits.single_use,
    ),
    Requirement(
        "repeat", ("PROTO-5.4",), _PERMIT,
        "まとめて示した許可証は、一部でも、別の順でも、同じ回答になる。",
        "Permits of one call have the same answers when some come again, in any order.", permits.repeat,
    ),
    Requirement(
        "law", ("PROTO-6.1", "PROTO-6.2"), _PROVISION,
        "その日に、自らの法令表の同じ行が認めない照会は、誰が署名していても拒む。",
        "What the provider's own law book does not allow on that day by the same row is refused, whoever signed it.", provision.law,
    ),
    Requirement(
        "query", ("PROTO-6.1",), _PROVISION,
        "問合せは許可証が指すものに限る（封緘ブロックとヘッダーの両方）。",
        "The query must be the one that the permit names, in its block and of its header.", provision.query,
    ),
    Requirement(
        "batch", ("PROTO-6.1",), _PROVISION,
        "一件の許可証の誤りは、ほかの許可証を妨げない。",
        "A permit that is wrong fails alone and hinders no other of the call.", batches.batch,
    ),
    Requirement(
        "requester_key", ("PROTO-6.6", "PROTO-6.1", "PROTO-11.6"), _PROVISION,
        "照会機関の鍵が変わっても、許可証が指す鍵で封緘し、知らない鍵は拒む。",
        "Answers are sealed to the key that the permit names, also after the requester changed its keys; a key that nobody has is refused.", keys.requester_key,
    ),
    Requirement(
        "lookup", ("PROTO-6.3",), _PROVISION,
        "求められた期間について、その日に提供できる副本だけを使い、ないときはどうないかを答える。",
        "The copies about the span that may be provided that day are used, and what there is not is told as what it is.", provision.lookup,
    ),
    Requirement(
        "most", ("PROTO-6.3",), _PROVISION,
        "一つの回答で提供する記録は100件まで。", "At most 100 records are provided in one answer.", provision.most,
    ),
    Requirement(
        "fields", ("PROTO-6.4",), _PROVISION,
        "行が認める項目だけを出す。",
        "Only fields that the row releases leave.", provision.fields,
    ),
    Requirement(
        "wanted", ("PROTO-6.4",), _PROVISION,
        "問合せが項目を挙げたときは、そのうち行が認めるものだけを出す。",
        "When the query wants some fields, only those leave, as far as the row releases them.", provision.wanted,
    ),
    Requirement(
        "flags", ("PROTO-6.10", "PROTO-6.8", "PROTO-6.9"), _PROVISION,
        "不開示は回答と結果に印を付け、自己情報提供不可なら本人の求めにも提供せず、確認の指示があれば待つ。",
        "Non-disclosure marks answer and result, a blocked person's own request is withheld, ordered review waits.", protection.flags,
    ),
    Requirement(
        "unmarked", ("PROTO-6.10",), _PROVISION,
        "自己情報提供不可の人の求めは、確認の指示があっても、抜き取りのほかには待たせない。",
        "A blocked person's own request waits by no flag, and looks to the gateway like any other.", protection.unmarked,
    ),
    Requirement(
        "sample", ("PROTO-6.8",), _PROVISION,
        "約40件に1件が、誰についての照会でも確認待ちになる。",
        "About 1 answer in 40 waits, whoever it is about, known here or not.", protection.sample,
    ),
    Requirement(
        "corrected", ("PROTO-6.8",), _PROVISION,
        "訂正から7日未満の記録は確認を待つ。",
        "A record that was corrected less than 7 days before waits.", protection.corrected,
    ),
    Requirement(
        "waits", ("PROTO-6.11", "PROTO-6.8"), _PROVISION,
        "待つ回答は、職員の決定で一度だけ確定し、その後は変わらない。",
        "An answer that waits becomes final once, as a clerk decides, and never changes again.", protection.waits,
    ),
    Requirement(
        "overdue", ("PROTO-6.11",), _PROVISION,
        "確認の期間が終わった許可証には答えない。",
        "After its review period a permit is not answered any more.", protection.overdue,
    ),
    Requirement(
        "layout", ("PROTO-6.3",), _PROVISION,
        "回答の記録は、副本を登録したときのレイアウトの版を示す。",
        "A record names the layout version in which its copy was registered.", provision.layout,
    ),
    Requirement(
        "seal", ("PROTO-6.6", "PROTO-3.6"), _PROVISION,
        "回答は照会機関の鍵で、中の回答に結び付けて封緘する。",
        "An answer is sealed to the requester's key and bound to the answers in it.", answers.seal,
    ),
    Requirement(
        "signed", ("PROTO-6.7",), _PROVISION,
        "回答に、名簿にある提供機関の鍵で署名する。",
        "An answer is signed by the provider's key of the directory.", answers.signed,
    ),
    Requirement(
        "record", ("PROTO-6.5", "PROTO-7.4", "PROTO-7.11", "PROTO-13.1"), _RECORDS,
        "回答を出す前に、要求と結果が、許可証・約束・要約値とともに記録されている。",
        "Request and outcome are on record, with permit, promise and digest, before the answer leaves.", answers.record,
    ),
    Requirement(
        "wish", ("PROTO-7.9",), _RECORDS,
        "照会側が不開示を求めたことは、提供側の二つの記録に残る。", "The requester's wish that an exchange be not shown stands in both of the provider's records.", answers.wish,
    ),
    Requirement(
        "errors", ("PROTO-9.1", "PROTO-9.3"), _ERRORS,
        "失敗は、理由、両言語の文言、再試行の可否とともに伝える。",
        "A failure is told with its reason, in both languages, and whether the same may succeed later.", hostile.errors,
    ),
    Requirement(
        "unreadable", ("PROTO-9.2", "PROTO-6.1"), _ERRORS,
        "読めない呼び出しは呼んだ側の誤りとして拒み、次の正しい許可証に答える。",
        "A call that cannot be read is refused as its caller's fault, and the next good permit is answered.", hostile.unreadable,
    ),
    Requirement(
        "limits", ("PROTO-10.1", "PROTO-10.2"), _LIMITS,
        "上限を超えるものは、項目と上限を示して拒む。",
        "What exceeds a limit is refused, naming field and limit.", hostile.limits,
    ),
    Requirement(
        "entry", ("PROTO-11.2",), _DIRECTORY,
        "本人の証明書で署名されていない名簿の項目を信じない。",
        "An entry of the directory that its owner's certificate did not sign is not believed.", keys.entry,
    ),
    Requirement(
        "newest_entry", ("PROTO-11.4",), _DIRECTORY,
        "一度見た版より古い、または同じ版の別の項目を信じない。",
        "An entry older than one that was seen, or another of the same version, is not believed.", keys.newest_entry,
    ),
    Requirement(
        "keys", ("PROTO-11.6", "PROTO-11.5"), _DIRECTORY,
        "再起動の後も、前の鍵あての問合せを読み、名簿に項目がある。",
        "After a start, what was sealed to the key before is read, and the entry is in the directory.", keys.keys,
    ),
)  # fmt: skip


PROVIDER: Final = Suite(
    "provider", Text("提供機関の適合試験", "Conformance of a provider"), "docs/PROTOCOL.md", REQUIREMENTS
)


def chosen(only: Sequence[str]) -> tuple[Requirement[Bench], ...]:
    """Those with any of these numbers or names; all when none is given.

    Raises:
        ConformanceError: a number or name that no requirement has.
    """
    return PROVIDER.chosen(only)
