"""Why something about proxies is not done, in words for a person and a name for a program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from warifu.law import Text
from warifu.portal.sessions import Session


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of the list below."""

    status: int
    """HTTP."""
    text: Text


class Refusal(Enum):
    """The reasons."""

    LABEL_MALFORMED = Reason(
        400,
        Text(
            "呼び名は1文字から40文字までで入力してください。改行などの制御文字は使えません。",
            "Enter a label of 1 to 40 characters, without line breaks or other control characters.",
        ),
    )
    WORD_UNKNOWN = Reason(
        403,
        Text(
            "この合言葉は使えません。入力を確かめてください。つくってから10分が過ぎた合言葉や、一度使った合言葉は使えません。その場合は、本人に新しい合言葉をつくってもらってください。",
            "This pairing word cannot be used. Check what you typed. A word serves once and for ten minutes; after that, ask for a new one.",
        ),
    )
    TOO_MANY_GUESSES = Reason(
        429,
        Text(
            "違う合言葉が続けて入力されたため、いまは登録できません。15分ほど待ってから、もう一度入力してください。",
            "Too many wrong words were typed. Wait for a quarter of an hour, then try again.",
        ),
    )
    OWN_WORD = Reason(
        409,
        Text(
            "これは、いまログインしている人の合言葉です。代理人になる人のカードでログインし直してから入力してください。",
            "This word was made under the very login that you are using. Log in with the proxy's card, then enter it.",
        ),
    )
    ALREADY_PROXY = Reason(
        409,
        Text("すでにこの人の代理人として登録されています。", "You are this person's proxy already."),
    )
    FULL = Reason(
        409,
        Text(
            "登録できる代理人の数（1人につき5人）、または代理できる人の数（10人）に達しています。使っていない登録を終えてから、もう一度操作してください。",
            "A person can have five proxies, and a proxy ten principals. End one that is not needed, then try again.",
        ),
    )
    TERM_MALFORMED = Reason(
        400,
        Text("期間と見せる範囲を、一覧から選んでください。", "Choose a term and a reach from the lists."),
    )
    OWN_CARD = Reason(
        409,
        Text(
            "いまログインしている人のカードが使われました。子どものカードを選んで、もう一度操作してください。",
            "This was the card that you are logged in with. Choose the child's card and try again.",
        ),
    )
    OUT_OF_SCOPE = Reason(
        403,
        Text(
            "代理人としては、この画面を使えません。自分の画面に戻ってから開くか、本人に頼んでください。",
            "A proxy cannot use this page. Go back to your own pages first, or ask the person.",
        ),
    )
    NOT_WHILE_ACTING = Reason(
        409,
        Text(
            "代理人として閲覧している間は、この操作はできません。自分の画面に戻ってから操作してください。",
            "This cannot be done while you act as a proxy. Go back to your own pages first.",
        ),
    )
    MANDATE_ENDED = Reason(
        403,
        Text(
            "代理の登録が終わったため、この人の履歴は表示できません。自分の画面に戻ってください。",
            "This mandate has ended, so the history can no longer be shown. Go back to your own pages.",
        ),
    )


class RefusedError(Exception):
    """Nothing was done, for this reason."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal


def own(session: Session) -> None:
    """Insist that the session acts for nobody.

    Raises:
        RefusedError: NOT_WHILE_ACTING.
    """
    if session.acting is not None or session.lapsed:
        raise RefusedError(Refusal.NOT_WHILE_ACTING)
