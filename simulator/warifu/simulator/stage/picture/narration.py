"""What happens in each step, in words, with nothing in them that the parties' holdings do not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.law import Text
from warifu.simulator.stage.picture import words
from warifu.simulator.stage.picture.model import (
    DECIDED,
    LOGGED,
    OPENED,
    PREPARED,
    PROVIDED,
    RELAYED,
    SHOWN,
    Held,
    State,
)

TITLES: Final = {
    PREPARED: Text("照会者が照会をつくり、封をする", "The requester prepares the inquiry and seals the query"),
    DECIDED: Text("ゲートウェイが判断し、符号を変え、記録する", "The gateway decides, converts the code and records"),
    PROVIDED: Text(
        "提供者が許可証を確かめ、副本を探し、封をする",
        "The provider checks the permit, looks up its copy and seals the answer",
    ),
    RELAYED: Text("ゲートウェイが結果を記録し、回答を渡す", "The gateway records the outcome and relays the answer"),
    OPENED: Text("照会者が開けて、記録する", "The requester opens the answer and records it"),
    LOGGED: Text("公開ログに載り、証人が副署する", "The public log takes it up and the witness cosigns"),
    SHOWN: Text("本人の履歴に届く", "The entry reaches the person's history"),
}
OTHERWISE: Final[dict[tuple[int, State | str], Text]] = {
    (DECIDED, "denied"): Text("ゲートウェイが認めず、記録する", "The gateway refuses, and records it"),
    (PROVIDED, State.NEVER): Text("提供者は聞かれない", "The provider is not asked"),
    (PROVIDED, State.WAITING): Text("提供者の答えを待つ", "The provider's answer is waited for"),
    (RELAYED, "denied"): Text("ゲートウェイが結果を記録する", "The gateway records the outcome"),
    (OPENED, "denied"): Text("照会者が結果を受け取り、記録する", "The requester gets the outcome and records it"),
    (SHOWN, State.NEVER): Text("本人の履歴には届かない", "Nothing reaches the person's history"),
}
"""Titles of steps that go another way."""
SHORT: Final = {
    PREPARED: Text("つくる", "Prepare"),
    DECIDED: Text("判断", "Decide"),
    PROVIDED: Text("探す", "Look up"),
    RELAYED: Text("渡す", "Relay"),
    OPENED: Text("開ける", "Open"),
    LOGGED: Text("ログ", "Log"),
    SHOWN: Text("履歴", "History"),
}
"""The steps in a word each."""
STATES: Final = {
    State.DONE: Text("済み", "done"),
    State.WAITING: Text("待っている", "waiting"),
    State.NEVER: Text("行われない", "does not happen"),
    State.UNSEEN: Text("見られない", "cannot be looked at"),
}
_UNANSWERED: Final = frozenset({pb.OUTCOME_DENIED, pb.OUTCOME_ERROR, pb.OUTCOME_EXPIRED})
INQUIRY_TRAVELS: Final = Text("見出しと照会者の符号", "Header and the requester's code")
ENTRY_TRAVELS: Final = Text("二つの記録（ポータルへの封）", "Two records, sealed to the portal")
_UNSEEN: Final = Text(
    "この機関の手もとは、いま見ることができない。止まっていないか確かめてください。",
    "What this party holds cannot be read now. See whether it is running.",
)


@dataclass(frozen=True, slots=True)
class Story:
    """What the sentences are made of."""

    requester: Text
    provider: Text
    item: Text
    row: str
    """Of the permit; empty without one."""
    reason: Text | None
    """Of a denial, as a sentence."""
    failure: Text | None
    """As a sentence."""
    addressee: Held | None
    found: Held | None
    """The provider's addressee number."""
    fine: int
    opened: int
    reviewed: Held | None
    outcome: int
    leaves: Sequence[Held]
    until: Text | None
    """Until when an answer may wait."""


def title(story: Story, step: int, state: State) -> Text:
    """What a step is called, by the way that it went."""
    unanswered = state is State.DONE and story.outcome in _UNANSWERED
    refused = story.outcome == pb.OUTCOME_DENIED and not story.row
    way: State | str = "denied" if (refused if step == DECIDED else unanswered) else state
    return OTHERWISE.get((step, way), TITLES[step])


def prepared(story: Story, state: State) -> Text:
    """Step 1."""
    if state is not State.DONE:
        return _otherwise(
            state, Text("照会者の手もとには、この照会が見つからない。", "The requester holds nothing of this inquiry.")
        )
    number = story.addressee.value if story.addressee is not None else Text("", "")
    return Text(
        f"{story.requester.ja}の職員が、宛名番号 {number.ja} の人の「{story.item.ja}」を{story.provider.ja}に照会する。"
        "中間サーバーは宛名番号を自分の符号に置きかえ、照会内容を提供者だけが開けられるように封をし、送る前に全部を保存する。",
        f"A clerk of {story.requester.en} asks {story.provider.en} for “{story.item.en}” of the person with addressee number {number.en}. "
        "The interim server puts its own code in the number's place, seals the query so that only the provider can open it, and stores all of it before sending.",
    )


def decided(story: Story, state: State) -> Text:
    """Step 2."""
    if state is not State.DONE:
        return _otherwise(state, Text("ゲートウェイにはまだ何も届いていない。", "Nothing has reached the gateway yet."))
    if story.reason is not None and not story.row:
        return Text(
            f"ゲートウェイは見出しを読み、照合リストに照らし、認めない。{story.reason.ja}認めなかったことも記録する。許可証は作られない。",
            f"The gateway reads the header, looks into the permission table and refuses. {story.reason.en} The refusal is recorded as well. There is no permit.",
        )
    if not story.row:
        return Text(
            "ゲートウェイは見出しを読み、要求を記録した。許可証はない。",
            "The gateway read the header and recorded the request. There is no permit.",
        )
    return Text(
        f"ゲートウェイは見出しを読み、照合リストの行 {story.row} により認める。照会者の符号を提供者の符号に変え、要求を記録してから、1回だけ使える許可証に署名する。照会内容は封をされたまま。",
        f"The gateway reads the header and allows it by row {story.row} of the permission table. It converts the requester's code into the provider's, records the request, "
        "and only then signs a permit that serves once. The query stays sealed.",
    )


def provided(story: Story, state: State, *, held: bool) -> Text:
    """Step 3."""
    match state:
        case State.DONE:
            return _joined(_checked(story), _FINE.get(story.fine, _FINE_UNKNOWN), _reviewed(story), _SEALED)
        case State.NEVER if not held:
            return Text(
                f"{story.provider.ja}は聞かれていない。手もとを探しても、このやりとりのものは何もない。",
                f"{story.provider.en} was not asked. Looked through, it holds nothing of this exchange.",
            )
        case State.WAITING if held:
            until = story.until or Text("", "")
            return _joined(
                _checked(story),
                Text(
                    f"回答は職員が確かめるまで待つ（{until.ja}まで）。いま出て行くのは「待ち」という知らせだけ。",
                    f"The answer waits for a clerk (until {until.en}). All that leaves now is the word that it waits.",
                ),
            )
        case _:
            return _otherwise(state, Text("提供者の手もとには、まだ何もない。", "The provider holds nothing yet."))


_FINE: Final = {
    int(pb.FINE_OUTCOME_PROVIDED): Text("副本があった。", "There is a copy."),
    int(pb.FINE_OUTCOME_NO_RECORD): Text(
        "この期間の副本はない（該当者なし）。", "There is no copy about the span (no record)."
    ),
    int(pb.FINE_OUTCOME_NOT_REGISTERED): Text(
        "この符号の人、またはその副本は登録されていない（副本未登録）。",
        "The code, or a copy for its person, is not registered here.",
    ),
    int(pb.FINE_OUTCOME_WITHHELD): Text(
        "職員が提供しないと決めた（提供不可）。", "A clerk decided not to provide it (withheld)."
    ),
}
_FINE_UNKNOWN: Final = Text("", "")
_SEALED: Final = Text(
    "記録を書き、回答を照会者だけが開けられるように封をする。",
    "It writes its record and seals the answer so that only the requester can open it.",
)


def _checked(story: Story) -> Text:
    if story.found is None:
        return Text(
            "提供者は許可証を自分でも確かめ、そこに書かれた符号の人を探す。",
            "The provider checks the permit for itself and looks for the person of the code in it.",
        )
    number = story.found.value
    return Text(
        f"提供者は許可証を自分でも確かめ、そこに書かれた自分の符号から宛名番号 {number.ja} の人を見つける。",
        f"The provider checks the permit for itself and finds, by its own code in it, the person with its addressee number {number.en}.",
    )


def _reviewed(story: Story) -> Text:
    if story.reviewed is None:
        return Text("", "")
    decision = story.reviewed.value
    return Text(f"職員が確かめた（{decision.ja}）。", f"A clerk looked at it first ({decision.en}).")


def relayed(story: Story, state: State) -> Text:
    """Step 4."""
    if state is State.UNSEEN:
        return _UNSEEN
    outcome = words.outcome(story.outcome)
    if state is not State.DONE:
        return Text(
            f"結果は「{outcome.ja}」。結果の記録は、決まってから書かれる。",
            f"The outcome is {outcome.en}. Its record is written once it is settled.",
        )
    match story.outcome:
        case pb.OUTCOME_ANSWERED:
            return Text(
                f"ゲートウェイは「{outcome.ja}」とだけ記録してから、封をされたままの回答を渡す。",
                f"The gateway records {outcome.en} and no more, then relays the answer, still sealed.",
            )
        case pb.OUTCOME_ERROR if story.failure is not None:
            return Text(
                f"ゲートウェイは結果「{outcome.ja}」を記録する。{story.failure.ja}",
                f"The gateway records the outcome {outcome.en}. {story.failure.en}",
            )
        case _:
            return Text(
                f"ゲートウェイは結果「{outcome.ja}」を記録する。渡す回答はない。",
                f"The gateway records the outcome {outcome.en}. There is no answer to relay.",
            )


def opened(story: Story, state: State) -> Text:
    """Step 5."""
    match state:
        case State.DONE if story.opened:
            fine = words.fine(story.opened)
            return Text(
                f"照会者は提供者の署名を確かめ、自分の鍵で封を開ける。中は「{fine.ja}」。受付証を取っておき、自分の記録を書く。",
                f"The requester checks the provider's signature and opens the seal with its own key. Inside: {fine.en}. It keeps the receipt and writes its own records.",
            )
        case State.DONE if story.reason is not None:
            return Text(
                "照会者は受付証と、認めなかった理由を受け取る。回答はない。そのことを自分の記録に書く。",
                "The requester gets the receipt and the reason of the refusal. There is no answer. It writes that into its own records.",
            )
        case State.DONE:
            outcome = words.outcome(story.outcome)
            return Text(
                f"照会者は結果「{outcome.ja}」を受け取り、自分の記録に書く。回答はない。",
                f"The requester gets the outcome {outcome.en} and writes its own records. There is no answer.",
            )
        case State.WAITING if story.outcome == pb.OUTCOME_PENDING:
            return Text(
                "照会者が開けた回答は「待ち」としか言わない。あとでもう一度取りに行く。",
                "The answer that the requester opened says only that it waits. It collects again later.",
            )
        case _:
            return _otherwise(state, Text("照会者はまだ結果を受け取っていない。", "The requester has no outcome yet."))


def logged(story: Story, state: State, witnessed: int | None) -> Text:
    """Step 6."""
    if state is State.UNSEEN:
        return _UNSEEN
    if not story.leaves:
        return Text("記録の約束値は、まだ公開ログに載っていない。", "No commitment is in the public log yet.")
    ja, en = "、".join(held.value.ja for held in story.leaves), ", ".join(held.value.en for held in story.leaves)
    placed = Text(
        f"ゲートウェイの記録の約束値が、公開ログの {ja} に載った。だれでも読めるが、32 バイトの約束値だけである。",
        f"The commitments to the gateway's records stand in the public log: {en}. Anyone may read them, and they are 32 bytes each and nothing else.",
    )
    if witnessed is None:
        return _joined(placed, Text("証人はまだ副署していない。", "The witness has not cosigned them yet."))
    return _joined(
        placed,
        Text(
            f"証人は、ログが前のものの続きであることを確かめ、{witnessed} 件までのチェックポイントに副署した。",
            f"The witness checked that the log continues the earlier one, and cosigned the checkpoint of {witnessed} entries.",
        ),
    )


def shown(story: Story, state: State, *, hidden: bool, final: bool) -> Text:
    """Step 7."""
    del story
    if state is State.UNSEEN:
        return _UNSEEN
    if state is State.DONE:
        told = Text(
            "ゲートウェイは二つの記録を、ポータルだけが開けられるように封をして、ポータルの符号を付けて届けた。その符号はそのつど計算し、手もとには残さない。本人は履歴でこれを読み、公開ログと照らし合わせられる。",
            "The gateway delivered both records, sealed so that only the portal can open them, under the portal's code, which it computes each time and does not keep. The person reads them in the history and can check them against the public log.",
        )
        wrong = Text(
            "ゲートウェイは不開示としているのに、ポータルにある。",
            "The gateway has it as not to be shown, and yet the portal has it.",
        )
        return _joined(wrong, told) if hidden else told
    nothing = Text(
        "ポータルの手もとを探しても、このやりとりのものは何もない。",
        "Looked through, the portal holds nothing of this exchange.",
    )
    if state is State.NEVER:
        return _joined(
            nothing,
            Text(
                "ゲートウェイの控えには不開示とある。だから届けられない。",
                "The gateway's own row says non-disclosure: it is not delivered.",
            ),
        )
    if final:
        return _joined(nothing, Text("まだ届いていない。", "It has not arrived yet."))
    return _joined(nothing, Text("結果が決まってから届く。", "It is delivered once the outcome is settled."))


def _otherwise(state: State, waiting: Text) -> Text:
    return _UNSEEN if state is State.UNSEEN else waiting


def _joined(*texts: Text) -> Text:
    return Text("".join(text.ja for text in texts), " ".join(text.en for text in texts if text.en))
