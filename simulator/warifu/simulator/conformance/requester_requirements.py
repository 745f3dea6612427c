"""The requirements of a requester as data."""

from __future__ import annotations

from typing import Final

from warifu.simulator.conformance import requester_answers as answers
from warifu.simulator.conformance import requester_checks as checks
from warifu.simulator.conformance import requester_enrol as enrol
from warifu.simulator.conformance.frame import Requirement, Suite
from warifu.simulator.conformance.outcome import Text
from warifu.simulator.conformance.requester_bench import RequesterBench

_PARTIES, _ENROLMENT, _SEALED, _INQUIRY, _RECORDS, _OUTCOMES, _ERRORS, _LIMITS, _DIRECTORY = (
    "1. Parties and identities",
    "2. Enrolment (符号の取得)",
    "3. Sealed blocks",
    "4. Inquiry",
    "7. Answer, outcome, record, delivery",
    "8. Outcomes, and what each party learns",
    "9. Errors",
    "10. Limits",
    "11. Directory",
)

REQUESTER_REQUIREMENTS: Final[tuple[Requirement[RequesterBench], ...]] = (
    Requirement(
        "server_name", ("PROTO-1.2",), _PARTIES,
        "別の名前の証明書を示すサーバーには何も送らない。", "Nothing is sent to a server whose certificate has another name than the gateway's.", checks.server_name,
    ),
    Requirement(
        "acquisition", ("PROTO-2.1",), _ENROLMENT,
        "取得番号は一人ごとに新しい16バイトの乱数。断られた後も、強制終了の後も、二度使わない。",
        "Each person is enrolled under 16 random bytes of their own, never used again, also not after a refusal or a kill.", enrol.acquisition,
    ),
    Requirement(
        "named", ("PROTO-2.2",), _ENROLMENT,
        "自機関の名で、与えられた個人番号か基本4情報のすべてを、そのまま住基ネット役に伝える。",
        "Numbering is told, in the own institution's name, the individual number or all four basic items, just as they were given.", enrol.named,
    ),
    Requirement(
        "alone", ("PROTO-2.2",), _ENROLMENT,
        "個人番号、4情報、宛名番号は、取得でも照会でもゲートウェイに渡さない。",
        "Neither individual number nor basic items nor addressee number ever go to the gateway.", enrol.alone,
    ),
    Requirement(
        "enrol_refusal", ("PROTO-2.2", "PROTO-2.5"), _ENROLMENT,
        "住基ネット役やゲートウェイに断られたら、その理由を伝え、その人については照会しない。",
        "What numbering or the gateway refuses is told with its reason, and nothing is asked about that person.", enrol.refusal,
    ),
    Requirement(
        "claim", ("PROTO-2.5",), _ENROLMENT,
        "符号を受け取るまでは取得できたと伝えない。ゲートウェイが一時応じなくても、後で取得する。",
        "Nobody is told as enrolled before the code is claimed; while the gateway is away for a moment, it is claimed later.", enrol.claim,
    ),
    Requirement(
        "opaque", ("PROTO-2.7",), _ENROLMENT,
        "受け取った符号は、どのような値と長さでも、一バイトも変えずに使う。",
        "A code that was claimed is used as it is, byte by byte, whatever its bytes and length.", enrol.opaque,
    ),
    Requirement(
        "superseded", ("PROTO-2.9", "PROTO-2.10"), _ENROLMENT,
        "使えなくなったと一覧にある符号では照会しない。取得し直せば新しい符号を使う。",
        "A code that the list of superseded ones names is not used any more; enrolled anew, the person has another.", enrol.superseded,
    ),
    Requirement(
        "not_held", ("PROTO-2.10", "PROTO-2.7"), _ENROLMENT,
        "その一覧に自らの持たない符号があっても、何も変えない。",
        "Codes in that list that it does not hold, however like its own, change nothing.", enrol.not_held,
    ),
    Requirement(
        "query_seal", ("PROTO-3.6", "PROTO-3.4"), _SEALED,
        "問合せは名簿にある提供機関の鍵あてに、問合せとして封緘する。", "A query is sealed as a query, to the provider's key of the directory.", checks.query_seal,
    ),
    Requirement(
        "query_size", ("PROTO-3.7",), _SEALED,
        "問合せの大きさから内容は分からない。", "The size of a query does not tell what it wants.", checks.query_size,
    ),
    Requirement(
        "padding", ("PROTO-3.7",), _SEALED,
        "零で埋められていない回答を拒む。", "An answer whose padding is not zero is refused.", answers.padding,
    ),
    Requirement(
        "seal", ("PROTO-3.6", "PROTO-3.10"), _SEALED,
        "回答として封緘されていないブロックを拒む。", "A block that is not sealed as an answer is refused.", answers.seal,
    ),
    Requirement(
        "header", ("PROTO-4.2",), _INQUIRY,
        "ヘッダーは求められた照会のとおり。照会側不開示も伝える。", "The header says what was asked, non-disclosure included.", checks.header,
    ),
    Requirement(
        "bound", ("PROTO-4.4", "PROTO-3.9"), _INQUIRY,
        "照会はヘッダー、自らの符号、問合せブロックのハッシュと位置を結び付ける。",
        "An inquiry binds header, its own code, and hash and place of the query block.", checks.bound,
    ),
    Requirement(
        "query", ("PROTO-4.3", "PROTO-3.5"), _INQUIRY,
        "問合せはヘッダーをハッシュで指し、求める項目を示す。", "The query names its header by hash, and the fields that are wanted.", checks.query,
    ),
    Requirement(
        "clear", ("PROTO-4.3", "PROTO-4.2"), _INQUIRY,
        "求める項目は平文で出ず、本人を指すものは照会の符号欄だけにある。",
        "Wanted fields are never in clear, and nothing but the inquiry's reference names the person.", checks.clear,
    ),
    Requirement(
        "stored", ("PROTO-4.1", "PROTO-4.5"), _INQUIRY,
        "照会は送る前に保存する。強制終了の後でも同じバイト列を送る。", "An inquiry is stored before it is sent: after a kill the same bytes are sent.", checks.stored,
    ),
    Requirement(
        "refusal", ("PROTO-4.19",), _INQUIRY,
        "再試行できない拒否は繰り返さず、理由とともに伝える。", "What is refused for good is not sent again, and told with its reason.", checks.refusal,
    ),
    Requirement(
        "receipt", ("PROTO-4.10",), _INQUIRY,
        "ゲートウェイが署名していない受領証を拒む。", "A receipt that the gateway did not sign is refused.", answers.receipt,
    ),
    Requirement(
        "place", ("PROTO-4.17",), _INQUIRY,
        "回答ブロックの中の、示された位置の回答を取る。", "Of a block of several answers it takes the one at its place.", answers.place,
    ),
    Requirement(
        "outcomes", ("PROTO-4.6", "PROTO-2.9"), _INQUIRY,
        "不許可（住民票コード変更後の符号を含む）、エラー、期限切れを、理由とともに伝える。",
        "What is denied (a superseded code included), failed or expired is told as that, with its reason.", answers.outcomes,
    ),
    Requirement(
        "signature", ("PROTO-7.1", "PROTO-6.7"), _RECORDS,
        "照会先の提供機関が署名していない回答を拒む。", "An answer that the provider asked did not sign is refused.", answers.signature,
    ),
    Requirement(
        "permit", ("PROTO-7.1", "PROTO-5.7"), _RECORDS,
        "別の許可証による回答を拒む。", "An answer under another permit is refused.", answers.permit,
    ),
    Requirement(
        "other_answer", ("PROTO-7.1", "PROTO-3.8"), _RECORDS,
        "別の照会への回答を拒む。", "An answer to another inquiry is refused.", answers.other_answer,
    ),
    Requirement(
        "parties", ("PROTO-7.1",), _RECORDS,
        "中の提供機関・照会機関が違う回答、結果や乱数のない回答を拒む。",
        "An answer that names other institutions inside, or has no outcome or salt, is refused.", answers.parties,
    ),
    Requirement(
        "record", ("PROTO-7.4", "PROTO-7.11", "PROTO-13.2", "PROTO-13.4"), _RECORDS,
        "要求と結果が、許可証のハッシュ・約束・要約値とともに記録されている。",
        "Request and outcome are on record, with permit hash, promise and digest.", answers.record,
    ),
    Requirement(
        "waiting_record", ("PROTO-7.4",), _RECORDS,
        "確認待ちの間、要求はもう記録されている。記録は変わらない。",
        "While an answer waits the request is on record already, and the record never changes.", answers.waiting_record,
    ),
    Requirement(
        "pending", ("PROTO-8.5",), _OUTCOMES,
        "確認待ちは待ちとして伝え、同じ番号で後から受け取る。", "An answer that waits is told as waiting, and collected later under the same id.", answers.pending,
    ),
    Requirement(
        "final", ("PROTO-8.1",), _OUTCOMES,
        "確定した結果は変わらない。", "What is final does not change.", answers.final,
    ),
    Requirement(
        "retry", ("PROTO-9.4", "PROTO-9.1"), _ERRORS,
        "再試行できる失敗の後は、同じバイト列を送り直す。", "After a failure that may pass the same bytes are sent again.", checks.retry,
    ),
    Requirement(
        "unknown_reason", ("PROTO-9.3",), _ERRORS,
        "知らない理由はゲートウェイの内部エラーとして伝える。", "A reason that it does not know counts as the gateway's internal failure.", checks.unknown_reason,
    ),
    Requirement(
        "typed", ("PROTO-10.3", "PROTO-10.1"), _LIMITS,
        "制御文字を含むか長すぎる入力は、黙って直さずに断り、照会しない。",
        "What somebody typed with control characters, or too long, is refused and not asked: nothing is cut or cleaned silently.", checks.typed,
    ),
    Requirement(
        "published", ("PROTO-11.5", "PROTO-11.1", "PROTO-11.3"), _DIRECTORY,
        "照会の前に、自らの証明書で署名した項目を名簿に公開し、版は上がるだけ。",
        "Its entry, signed with its own certificate, is published before it asks, under versions that only rise.", checks.published,
    ),
    Requirement(
        "directory_entry", ("PROTO-11.2", "PROTO-3.4"), _DIRECTORY,
        "署名、所有者、期限の正しくない項目の鍵には封緘しない。", "Nothing is sealed to keys of an entry with a wrong signature, owner or date.", checks.directory_entry,
    ),
    Requirement(
        "directory_version", ("PROTO-11.4",), _DIRECTORY,
        "見たことのある版より低い版、同じ版の別の項目を拒む。再起動の後も。",
        "A lower version than was seen, or another entry of the same, is refused, across restarts.", checks.directory_version,
    ),
    Requirement(
        "rotation", ("PROTO-11.6",), _DIRECTORY,
        "鍵の変更後は、新しい鍵の回答も前の鍵の回答も受け入れる。", "After a change of keys answers by the new key and by the one before are accepted.", checks.rotation,
    ),
)  # fmt: skip
"""In the order of docs/PROTOCOL.md."""

REQUESTER: Final = Suite(
    "requester",
    Text("照会機関の適合試験", "Conformance of a requester"),
    "docs/PROTOCOL.md",
    REQUESTER_REQUIREMENTS,
)
