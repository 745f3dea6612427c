"""What a refusal says: message, advice and the law behind it, for every reason. Data in code, because the checker sees a gap.

Placeholders: requester, provider, unknown, affair, procedure, item, on, nearest, from, until.
"""

from __future__ import annotations

from warifu.law.decide import Reason
from warifu.law.model import Text

MESSAGE: dict[Reason, Text] = {
    Reason.CLIENT_INSTITUTION_UNKNOWN: Text(
        "機関「{unknown}」は登録されていません。", "The institution {unknown} is not in the register."
    ),
    Reason.CLIENT_SAME_BODY: Text(
        "{requester}と{provider}は同じ団体の機関です。団体の中での利用は情報連携ではありません。",
        "{requester} and {provider} belong to one body. Use inside one body is not linkage.",
    ),
    Reason.CLIENT_REQUESTER_NOT_PERMITTED: Text(
        "{requester}は、この手続で照会できる機関ではありません。最も近い行は {nearest} です。",
        "{requester} is not one that may ask in this procedure. The nearest row is {nearest}.",
    ),
    Reason.CLIENT_AFFAIR_NOT_PERMITTED: Text(
        "事務 {affair} では、この照会は認められていません。最も近い行は {nearest} です。",
        "Affair {affair} does not allow this inquiry. The nearest row is {nearest}.",
    ),
    Reason.CLIENT_PROCEDURE_NOT_PERMITTED: Text(
        "手続 {procedure} では、この照会は認められていません。最も近い行は {nearest} です。",
        "Procedure {procedure} does not allow this inquiry. The nearest row is {nearest}.",
    ),
    Reason.CLIENT_PROVIDER_NOT_PERMITTED: Text(
        "{provider}は、この手続で情報を提供する機関ではありません。最も近い行は {nearest} です。",
        "{provider} is not one that provides in this procedure. The nearest row is {nearest}.",
    ),
    Reason.CLIENT_ITEM_NOT_PERMITTED: Text(
        "特定個人情報「{item}」の照会は、この手続では認められていません。最も近い行は {nearest} です。",
        "Item {item} may not be asked for in this procedure. The nearest row is {nearest}.",
    ),
    Reason.CLIENT_NOT_IN_FORCE: Text(
        "行 {nearest} は {on} には効力がありません（{from} から {until} まで）。",
        "Row {nearest} is not in force on {on} (from {from}, last day {until}).",
    ),
    Reason.CLIENT_CONSENT_MISSING: Text(
        "行 {nearest} の照会には、本人の同意が必要です。",
        "An inquiry under row {nearest} needs the person's consent.",
    ),
    Reason.CLIENT_PIA_MISSING: Text(
        "照会者 {requester} は、必要な特定個人情報保護評価を {on} までに公表していません。",
        "The requester, {requester}, had not published the impact assessment it needs by {on}.",
    ),
    Reason.CLIENT_PIA_EXPIRED: Text(
        "照会者 {requester} の特定個人情報保護評価は、{on} には期限が切れています。",
        "The impact assessment of the requester, {requester}, has expired by {on}.",
    ),
    Reason.PROVIDER_PIA_MISSING: Text(
        "提供者 {provider} は、必要な特定個人情報保護評価を {on} までに公表していません。",
        "The provider, {provider}, had not published the impact assessment it needs by {on}.",
    ),
    Reason.PROVIDER_PIA_EXPIRED: Text(
        "提供者 {provider} の特定個人情報保護評価は、{on} には期限が切れています。",
        "The impact assessment of the provider, {provider}, has expired by {on}.",
    ),
    Reason.CLIENT_ORDINANCE_NOT_APPROVED: Text(
        "行 {nearest} は条例による独自利用事務です。{requester}の届出は、{on} には監督機関（個人情報保護委員会）に承認されていません。",
        "Row {nearest} is an independent use under an ordinance. The filing of {requester} is not approved by the supervisor on {on}.",
    ),
    Reason.CLIENT_PIA_BREACH: Text(
        "照会者 {requester} のファイルについて、監督機関が特定個人情報保護評価の義務違反（第28条）を記録しています。",
        "The supervisor has recorded that files of the requester, {requester}, breach the duty of impact assessment (Article 28).",
    ),
    Reason.PROVIDER_PIA_BREACH: Text(
        "提供者 {provider} のファイルについて、監督機関が特定個人情報保護評価の義務違反（第28条）を記録しています。",
        "The supervisor has recorded that files of the provider, {provider}, breach the duty of impact assessment (Article 28).",
    ),
    Reason.CLIENT_STOPPED: Text(
        "照会者 {requester} の情報連携は、監督機関の画面から手動で止められています（このシミュレータだけの機能）。",
        "Exchanges of the requester, {requester}, were stopped by hand in the supervisor's console (a power that only this simulator has).",
    ),
    Reason.PROVIDER_STOPPED: Text(
        "提供者 {provider} の情報連携は、監督機関の画面から手動で止められています（このシミュレータだけの機能）。",
        "Exchanges of the provider, {provider}, were stopped by hand in the supervisor's console (a power that only this simulator has).",
    ),
}

_CHECK_CODES = Text(
    "コードを確かめてください。照会できる手続の一覧は「permissions list」で見られます。",
    "Check the codes. `permissions list` shows what may be asked.",
)

ADVICE: dict[Reason, Text] = {
    Reason.CLIENT_INSTITUTION_UNKNOWN: Text(
        "機関コードを、大文字・小文字・全角・半角まで確かめてください。",
        "Check the institution code, letter by letter, including case and width.",
    ),
    Reason.CLIENT_SAME_BODY: Text(
        "庁内連携（条例による団体の中での利用）を使ってください。相手の部署の窓口へ直接依頼し、公表される一覧に載せます。",
        "Use the local path (庁内連携, use inside the body under its ordinance): ask the other office directly; "
        "the use goes on the published list.",
    ),
    Reason.CLIENT_REQUESTER_NOT_PERMITTED: Text(
        "その手続を行う機関から照会するか、本人に書類を出してもらってください。",
        "Have the institution that runs the procedure ask, or ask the person for the paper.",
    ),
    Reason.CLIENT_AFFAIR_NOT_PERMITTED: _CHECK_CODES,
    Reason.CLIENT_PROCEDURE_NOT_PERMITTED: _CHECK_CODES,
    Reason.CLIENT_PROVIDER_NOT_PERMITTED: Text(
        "この情報を持つ機関を選び直してください。", "Choose the institution that holds this item."
    ),
    Reason.CLIENT_ITEM_NOT_PERMITTED: Text(
        "この手続に要らない情報は照会できません。要る場合は本人に書類を出してもらってください。",
        "What the procedure does not need cannot be asked for. If it is needed, ask the person for the paper.",
    ),
    Reason.CLIENT_NOT_IN_FORCE: Text(
        "効力のある行があるか確かめ、なければ本人に書類を出してもらってください。",
        "Look for a row that is in force; if there is none, ask the person for the paper.",
    ),
    Reason.CLIENT_CONSENT_MISSING: Text(
        "本人に説明して同意を得て、同意の日と書面の番号を付けて照会し直してください。",
        "Explain it to the person, obtain consent, and ask again with its day and the reference of the form.",
    ),
    Reason.CLIENT_PIA_MISSING: Text(
        "自分の機関の評価を実施して公表してください。それまでは本人に書類を出してもらってください。",
        "Carry out and publish your institution's assessment. Until then ask the person for the paper.",
    ),
    Reason.CLIENT_PIA_EXPIRED: Text(
        "自分の機関の評価を再実施して公表してください。それまでは本人に書類を出してもらってください。",
        "Repeat and publish your institution's assessment. Until then ask the person for the paper.",
    ),
    Reason.PROVIDER_PIA_MISSING: Text(
        "提供者に連絡してください。評価が公表されるまでは本人に書類を出してもらってください。",
        "Tell the provider. Until its assessment is published, ask the person for the paper.",
    ),
    Reason.PROVIDER_PIA_EXPIRED: Text(
        "提供者に連絡してください。評価が再実施されるまでは本人に書類を出してもらってください。",
        "Tell the provider. Until its assessment is repeated, ask the person for the paper.",
    ),
    Reason.CLIENT_ORDINANCE_NOT_APPROVED: Text(
        "監督機関に独自利用事務を届け出て、承認と公表を待ってください。それまでは本人に書類を出してもらってください。",
        "File the ordinance use with the supervisor and wait until it is approved and published. Until then ask the person for the paper.",
    ),
    Reason.CLIENT_PIA_BREACH: Text(
        "評価を直して監督機関に報告してください。解かれるまでは本人に書類を出してもらってください。",
        "Mend the assessment and report to the supervisor. Until the record is lifted, ask the person for the paper.",
    ),
    Reason.PROVIDER_PIA_BREACH: Text(
        "提供者に連絡してください。解かれるまでは本人に書類を出してもらってください。",
        "Tell the provider. Until the record is lifted, ask the person for the paper.",
    ),
    Reason.CLIENT_STOPPED: Text(
        "訓練の進行役に確かめてください。解かれるまでは本人に書類を出してもらってください。",
        "Ask the trainer. Until the stop is lifted, ask the person for the paper.",
    ),
    Reason.PROVIDER_STOPPED: Text(
        "訓練の進行役に確かめてください。解かれるまでは本人に書類を出してもらってください。",
        "Ask the trainer. Until the stop is lifted, ask the person for the paper.",
    ),
}

_LINKAGE = Text("番号法第19条第8号", "Number Act, Article 19(viii)"), True
_ASSESSMENT = Text("番号法第21条第2項・第28条", "Number Act, Articles 21(2) and 28"), True

_BY_HAND = Text("実在する規定はない（訓練用の手動停止）", "No rule exists: a stop by hand, for training"), True

GROUND: dict[Reason, tuple[Text, bool]] = {
    Reason.CLIENT_INSTITUTION_UNKNOWN: _LINKAGE,
    Reason.CLIENT_REQUESTER_NOT_PERMITTED: _LINKAGE,
    Reason.CLIENT_SAME_BODY: (
        Text("番号法第9条第2項（条例による利用）", "Number Act, Article 9(2) (use under an ordinance)"),
        False,
    ),
    Reason.CLIENT_PIA_MISSING: _ASSESSMENT,
    Reason.CLIENT_PIA_EXPIRED: _ASSESSMENT,
    Reason.PROVIDER_PIA_MISSING: _ASSESSMENT,
    Reason.PROVIDER_PIA_EXPIRED: _ASSESSMENT,
    Reason.CLIENT_PIA_BREACH: _ASSESSMENT,
    Reason.PROVIDER_PIA_BREACH: _ASSESSMENT,
    Reason.CLIENT_ORDINANCE_NOT_APPROVED: (Text("番号法第19条第9号", "Number Act, Article 19(ix)"), False),
    Reason.CLIENT_STOPPED: _BY_HAND,
    Reason.PROVIDER_STOPPED: _BY_HAND,
}
"""The law behind a refusal and whether it was verified; the other reasons cite their nearest row."""
