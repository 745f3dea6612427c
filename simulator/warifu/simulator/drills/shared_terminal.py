"""shared-terminal: somebody left a session open at a public terminal, and the next person made themself their proxy."""

from __future__ import annotations

import asyncio
import unicodedata
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from warifu.simulator.cards.client import LoginError, Session
from warifu.simulator.drills import looks
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.model import Drill, Facts, Finding, Task, done, missed
from warifu.simulator.drills.portal import (
    ask_about,
    enter,
    grown_up,
    lives,
    name_of,
    office_of,
    pin_changed,
    spellings,
    tray,
    worker,
)
from warifu.simulator.scenarios.stage import NotPlayableError

ASKED, READ = 3, 2
LABELS = ("いもうと", "あね")
"""What the two sides of the mandate call each other: the stranger took names that look harmless."""
_OK = 200


async def plant(ground: Ground) -> Facts:
    """Leave a session open; from it make a word, take it with the stranger's own card, and read some of the history."""
    person = ground.take(worker)
    stranger = ground.take(lambda one: grown_up(one) and one.name.family != person.name.family, person)
    ground.taken(person, stranger)
    handle, pin = person.person, (await tray(ground, person.person))["pin"]
    requests = await ask_about(ground, person, ASKED)
    await ground.stage.doors.settle(["gateway", "portal"])
    terminal, own = await enter(ground, handle), await enter(ground, stranger.person)
    mandate = await asyncio.to_thread(_pair_and_read, terminal, own, requests[:READ])
    return Facts(
        {"person": handle, "name": name_of(person), "office": office_of(person)},
        {
            "stranger": stranger.person,
            "mandate": mandate,
            "read": READ,
            "pin": pin,
            "cookies": [list(one) for one in terminal.cookies().items()],
        },
    )


def _pair_and_read(terminal: Session, own: Session, requests: list[str]) -> str:
    word = terminal.submit("/proxies/word", {"label": LABELS[0]})["word"]
    mandate = str(own.submit("/proxies/accept", {"word": word, "label": LABELS[1]})["mandate"])
    own.submit("/proxies/act", {"mandate": mandate})
    for path in ("/history", *(f"/history/{one}" for one in requests)):
        status, _, _ = own.get(urljoin(own.portal_url, path))
        if status != _OK:
            raise NotPlayableError("ポータルが応答しません。", "the portal does not answer")
    own.submit("/proxies/back", {})
    return mandate


async def ended(ground: Ground) -> Finding:
    """The session at the terminal was ended by its holder, from elsewhere; that it ran out by itself does not count."""
    if await lives(ground, dict(ground.fact("cookies"))):
        return missed(
            "窓口に置かれた端末の画面は、まだ開いている。次に座った人が、また操作できる。",
            "The session at the terminal is still open: whoever sits down next can go on.",
        )
    if await _told_why(ground) or await _logged_out_everywhere(ground):
        return done("開いたままの画面は、すべて終わった。", "Whatever was left open has been ended.")
    return missed(
        "端末の画面は時間切れで終わっただけで、だれも終わらせていない。次はそれまで待っていられない。",
        "The session only ran out by itself; nobody ended it. There will be no time to wait for that.",
    )


async def _told_why(ground: Ground) -> bool:
    """Whether the terminal is told that its session was ended from elsewhere; it is for an hour."""
    portal = ground.stage.network.urls["portal"]
    browser = Session.resumed(portal, dict(ground.fact("cookies")))
    _, _, page = await asyncio.to_thread(browser.get, urljoin(portal, "/login"))
    return 'data-testid="session-ended"' in page


async def _logged_out_everywhere(ground: Ground) -> bool:
    """Whether the holder's operations say so; told by their own login alone."""
    document = await _own(ground, ground.fact("person"), "/api/v1/operations")
    ends = (one["at"] for one in document["operations"] if one["act"] == "logout-everywhere")
    return any(datetime.fromisoformat(at) >= ground.begun for at in ends)


async def unproxied(ground: Ground) -> Finding:
    """The stranger is nobody's proxy any more, as their own login sees it."""
    stranger, mandate = ground.fact("stranger"), ground.fact("mandate")
    if any(one["mandate"] == mandate for one in (await _own(ground, stranger, "/api/v1/proxies"))["principals"]):
        return missed(
            "見知らぬ人が、まだ代理人として履歴を見られる。画面を終わらせても、代理の登録は残る。",
            "The stranger still reads the history as a proxy: ending a session does not end a mandate.",
        )
    return done("代理人の登録は終わった。", "The mandate has ended.")


async def _own(ground: Ground, person: str, path: str) -> dict[str, Any]:
    """A document of somebody's own portal, under one login for the whole look."""
    try:
        return await asyncio.to_thread((await ground.stage.session(person)).document, path)
    except LoginError:  # the login has run out or was ended, or the PIN is another one by now
        session = await enter(ground, person)
        return await asyncio.to_thread(session.document, path)


async def pin(ground: Ground) -> Finding:
    """The PIN that was watched is no longer the card's."""
    return await pin_changed(ground, ground.fact("person"), ground.fact("pin"))


async def read(ground: Ground) -> Finding:
    """It was found out how much the stranger read."""
    given = unicodedata.normalize("NFKC", ground.answer("read") or "").removesuffix("件").strip()
    if given != str(ground.fact("read")):
        return missed(
            f"記録では、一覧のほかに {ground.fact('read')} 件のやりとりが開かれた。答えは {given}。",
            f"The traces show that {ground.fact('read')} entries were opened beside the list. The answer was {given}.",
        )
    return done("見られた件数を突き止めた。", "It was found how many entries were read.")


async def prevent(ground: Ground) -> Finding:
    """It was understood how a public terminal is set up."""
    if ground.answer("prevent") != "kiosk":
        return missed(
            "共用端末の設定なら、3分で画面が終わり、「終わる」を押せば何も残らない。",
            "Set up as a shared terminal it ends by itself after three minutes, and leaves nothing when somebody finishes.",
        )
    return done("共用端末の設定にすると答えた。", "The answer: set it up as a shared terminal.")


async def reported(ground: Ground) -> Finding:
    """The office that keeps the terminal reported the leak, with a wrongful purpose possible."""
    names = [*spellings(ground.fact("name")), ground.fact("person")]
    return await looks.leak_reported(ground, ground.fact("office"), persons=1, wrongful=True, names=names)


SHARED_TERMINAL = Drill(
    "shared-terminal",
    plant,
    (
        Task("sessions", ended),
        Task("mandate", unproxied),
        Task("pin", pin),
        Task("read", read, question=True),
        Task("prevent", prevent, question=True),
        Task("reported", reported),
    ),
    shown=frozenset({"person", "name", "office"}),
    hidden=frozenset({"stranger", "mandate", "read", "pin", "cookies"}),
)
