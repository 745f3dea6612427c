"""Who goes around: each of the network's people, logged in where they work, by the ways that they have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from warifu.simulator.cards.client import login

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from warifu.simulator.state import NetworkFile

PATIENCE: Final = 30_000
"""Milliseconds for one page."""
CODES: Final = 40
"""Seconds within which a new one-time code comes."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """One of the network's people at one face."""

    name: str
    ja: str
    en: str
    face: str
    """Party (or "stage") whose face it is, as in `NetworkFile.urls`."""
    start: str = "/"
    staff: str = ""
    """Login at the counter or the console; empty for who has none."""
    citizen: bool = False
    """Logs in with the card of the person whom the tour is about."""
    skipped: tuple[str, ...] = ()
    """Beginnings of paths that are another's."""
    as_proxy: bool = False
    """With the proxy's card instead."""
    crawls: bool = True
    """Looks at every page; otherwise only at the states that are this visitor's."""


def visitors(institution: str, card_office: str, provider: str = "") -> tuple[Visitor, ...]:
    """Everyone: at the counter of `institution`, at the card counter of `card_office`, at that of `provider`, and elsewhere."""
    desk, cards = f"/{institution}", f"/{card_office}"
    welfare = f"/welfare-{institution.partition('-')[2]}"
    return (
        Visitor("trainer", "研修講師（舞台）", "Trainer (stage)", "stage"),
        Visitor("drill-leader", "研修講師（訓練の間）", "Trainer (in a drill)", "stage", crawls=False),
        Visitor("passer-by", "ログインしていない人（ポータル）", "Somebody not logged in (portal)", "portal"),
        Visitor("login", "ログインする人", "Somebody who logs in", "portal", crawls=False),
        Visitor("citizen", "市民（ポータル）", "Citizen (portal)", "portal", citizen=True),
        Visitor("proxy", "代理人（ポータル）", "Proxy (portal)", "portal", citizen=True, as_proxy=True, crawls=False),
        Visitor("card-holder", "カードを持つ人（カードサービス）", "Card holder (card service)", "simulator"),
        Visitor("auditor", "ログを見る人（公開ログ）", "Reader of the public log", "gateway"),
        Visitor("front-desk", "職員（ログイン前）", "Staff before login (counter)", "counter"),
        Visitor("clerk", "窓口担当", "Counter clerk", "counter", desk, "c-0001"),
        Visitor("reviewer", "提供審査担当", "Reviewer", "counter", desk, "c-0003"),
        Visitor("chief", "係長", "Section chief", "counter", desk, "c-0004"),
        *(
            [
                Visitor(
                    "provider-reviewer",
                    "照会先の審査担当",
                    "Reviewer of the provider",
                    "counter",
                    f"/{provider}",
                    "c-0003",
                    crawls=False,
                )
            ]
            if provider
            else []
        ),
        Visitor("welfare-clerk", "福祉の窓口担当", "Clerk of welfare", "counter", welfare, "c-0001"),
        Visitor("welfare-chief", "福祉の係長", "Section chief of welfare", "counter", welfare, "c-0004"),
        Visitor("card-clerk", "カード交付担当", "Card clerk", "counter", cards, "c-0005"),
        Visitor("card-chief", "カード窓口の係長", "Section chief (cards)", "counter", cards, "c-0004", crawls=False),
        Visitor("public-reader", "ログインしていない人（監督機関）", "Somebody not logged in (supervisor)", "watchdog"),
        Visitor("examiner", "監督機関の審査官", "Supervisor's examiner", "watchdog", "/", "examiner"),
        Visitor("director", "監督課長", "Director of supervision", "watchdog", "/", "director"),
        *_later(provider),
    )


def _later(provider: str) -> tuple[Visitor, ...]:
    """Who moves the clock, and whoever sees what is overdue then: the last ones, since no clock goes back."""
    reviewer = Visitor(
        "reviewer-later",
        "照会先の審査担当（期限のあと）",
        "Reviewer of the provider (after the deadline)",
        "counter",
        f"/{provider}",
        "c-0003",
        crawls=False,
    )
    return (
        Visitor("trainer-later", "研修講師（時計を進める）", "Trainer (moves the clock)", "stage", crawls=False),
        *((reviewer,) if provider else ()),
        Visitor(
            "citizen-later", "市民（期限のあと）", "Citizen (after the deadline)", "portal", citizen=True, crawls=False
        ),
        Visitor(
            "examiner-later",
            "監督機関の審査官（期限のあと）",
            "Supervisor's examiner (after the deadline)",
            "watchdog",
            "/",
            "examiner",
            crawls=False,
        ),
    )


@contextmanager
def entered(
    browser: Browser, network: NetworkFile, visitor: Visitor, person: str, pin: str
) -> Iterator[BrowserContext]:
    """A browser's memory in which the visitor is logged in, while the block lasts; `person` and `pin` are the citizen's."""
    context = browser.new_context(locale="ja-JP", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    try:
        if visitor.citizen:
            _as_citizen(context, network, person, pin)
        elif visitor.staff:
            _as_staff(context, network, visitor)
        yield context
    finally:
        context.close()


def _as_citizen(context: BrowserContext, network: NetworkFile, person: str, pin: str) -> None:
    session = login(network.urls["portal"], network.urls["simulator"], person, pin)
    context.add_cookies([{"name": n, "value": v, "url": network.urls["portal"]} for n, v in session.cookies().items()])


def _as_staff(context: BrowserContext, network: NetworkFile, visitor: Visitor) -> None:
    """By the quick login that a simulation shows beside the form, or by what it shows there."""
    page = context.new_page()
    base = network.urls[visitor.face]
    page.goto(f"{base}{'' if visitor.start == '/' else visitor.start}/login")
    if visitor.face == "counter":
        _quickly(page, visitor.staff)
    else:
        told = page.get_by_test_id("demo-account").filter(has_text=visitor.staff).locator("code")
        page.fill("#login", told.nth(0).inner_text())
        page.fill("#password", told.nth(1).inner_text())
        page.get_by_test_id("log-in").click()
    page.wait_for_url(lambda url: not urlsplit(url).path.endswith("/login"))
    page.close()


def _quickly(page: Page, login: str) -> None:
    """Press the quick login. Where its one-time code was used already, the page offers the next one within half a minute."""
    button = page.locator(f"[data-login={login}]").get_by_test_id("quick-login")
    for _ in range(CODES):
        if button.count():
            break
        page.wait_for_timeout(1000)
        page.reload()
    button.click()
