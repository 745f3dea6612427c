"""lost-card: a card was lost together with its PIN, and whoever found it has logged in."""

from __future__ import annotations

import asyncio
from urllib.parse import urljoin

from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.model import Drill, Facts, Finding, Task, done, missed
from warifu.simulator.drills.portal import (
    ask_about,
    card_of,
    cards_of,
    enter,
    lives,
    name_of,
    office_of,
    pin_changed,
    tray,
    worker,
)
from warifu.simulator.scenarios.stage import NotPlayableError

_OK = 200


async def plant(ground: Ground) -> Facts:
    """Log in with the card as its finder, save the history to a file, and stay logged in."""
    person = ground.take(worker)
    ground.taken(person)
    handle = person.person
    await ask_about(ground, person, 1)
    await ground.stage.doors.settle(["gateway", "portal"])
    finder = await enter(ground, handle)
    status, _, _ = await asyncio.to_thread(finder.get, urljoin(finder.portal_url, "/history.csv"))
    if status != _OK:
        raise NotPlayableError("ポータルが応答しません。", "the portal does not answer")
    number = await _number(ground, handle)
    card = await card_of(ground, handle, number)
    return Facts(
        {"person": handle, "name": name_of(person), "office": office_of(person)},
        {
            "card": number,
            "reports": 0 if card is None else len(card.reports),
            "pin": (await tray(ground, handle))["pin"],
            "cookies": [list(one) for one in finder.cookies().items()],
        },
    )


async def _number(ground: Ground, person: str) -> str:
    """Number of the person's plastic card; it was made out with the login."""
    return next(card.card_number for card in await cards_of(ground, person) if card.form == pb.CARD_FORM_CARD)


def _reported(ground: Ground, card: pb.Card) -> bool:
    """It was reported since the drill began; somebody may have lost it before."""
    return len(card.reports) > int(ground.fact("reports"))


async def stopped(ground: Ground) -> Finding:
    """The help line stopped this card, and the finder's session ended with it."""
    card = await card_of(ground, ground.fact("person"), ground.fact("card"))
    if await lives(ground, dict(ground.fact("cookies"))):
        return missed(
            "拾った人の画面から、まだポータルが見られる。カードは止まっていない。",
            "Whoever found the card still reads the portal: the card was not stopped.",
        )
    if card is None or not _reported(ground, card):
        return missed(
            "このカードへの届出がない。拾った人は、いつでもログインし直せる。（4情報が一つでも違うと、届出は受け付けられても、どのカードも止まらない。）",
            "No report fits this card: whoever has it can log in again. (With one item wrong a report gets its receipt all the same, and stops no card.)",
        )
    return done("カードは止められ、開いていた画面も終わった。", "The card was stopped, and the session ended with it.")


async def released(ground: Ground) -> Finding:
    """The card that was found is good again."""
    card = await card_of(ground, ground.fact("person"), ground.fact("card"))
    if card is None or card.status == pb.CERTIFICATE_STATUS_REVOKED:
        return missed(
            "見つかったカードは廃止された。もう使えない。",
            "The card that was found was revoked and is of no use any more.",
        )
    if card.status == pb.CERTIFICATE_STATUS_SUSPENDED:
        return missed("カードは、まだ止まったまま。", "The card is still suspended.")
    if not _reported(ground, card):
        return missed("カードは、一度も止められていない。", "The card was never stopped.")
    return done("窓口で再開し、また使える。", "It was released at the counter and serves again.")


async def pin(ground: Ground) -> Finding:
    """The PIN that was in the case is no longer the card's."""
    return await pin_changed(ground, ground.fact("person"), ground.fact("pin"))


async def used(ground: Ground) -> Finding:
    """It was found out what was done with the card."""
    if ground.answer("used") != "exported":
        return missed(
            "操作の履歴には、ログインのあと、やりとりの履歴をファイルに保存したとある。",
            "The operations say: after the login the history was saved to a file.",
        )
    return done("履歴が保存されたことを突き止めた。", "It was found that the history was saved to a file.")


async def report(ground: Ground) -> Finding:
    """It was understood whose duty a leak report is."""
    if ground.answer("report") != "nobody":
        return missed(
            "本人がなくしたカードで、どの機関の取扱いからも漏れていない。機関が報告する漏えいには当たらない（要確認）。",
            "The holder lost the card; nothing leaked from any body's handling. No institution has a leak to report (to be confirmed).",
        )
    return done("機関の漏えいには当たらないと答えた。", "The answer: no institution has a leak to report.")


LOST_CARD = Drill(
    "lost-card",
    plant,
    (
        Task("stop", stopped),
        Task("release", released),
        Task("pin", pin),
        Task("used", used, question=True),
        Task("report", report, question=True),
    ),
    shown=frozenset({"person", "name", "office"}),
    hidden=frozenset({"card", "reports", "pin", "cookies"}),
)
