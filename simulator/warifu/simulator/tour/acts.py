"""What people do in their own faces before the pictures are taken, so that what waits for somebody is there to be seen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from warifu.simulator.tour.visitors import Visitor, entered

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from warifu.simulator.state import NetworkFile

ALLOWANCE: Final = "JT90000000000501"
CLERK, REVIEWER, CHIEF = "c-0001", "c-0003", "c-0004"
_LONG: Final = "条例の趣旨は、子どもの健康を守ることであり、法定の事務と同じです。"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody else than the person whom the tour is about."""

    person: str
    pin: str
    papers: dict[str, str] = field(default_factory=dict)
    """As `Scene.papers`; the individual number changes when it is changed at the counter."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the tour looks at."""

    person: str
    pin: str
    institution: str
    """Where the play's case is."""
    papers: Mapping[str, str]
    """What the person's papers say now: `name`, `address`, `birth_date`, `sex`, `individual_number`, as a visitor's slip has it."""
    answered: str = ""
    """An exchange that was answered."""
    refused: str = ""
    """One that was not allowed."""
    letters: tuple[str, ...] = ()
    """Answered, without an answer, to the supervisor."""
    provider: str = ""
    """To whom the letter without an answer went."""
    state: Path = Path()
    """The network's folder, as whoever runs its parties has it."""
    holder: Person | None = None
    """Whose card is lost, found and released."""
    worn: Person | None = None
    """Whose card is worn, and is made out anew."""
    loser: Person | None = None
    """Whose card is lost, and for which nobody has asked yet."""
    handy: Person | None = None
    """Whose phone becomes a second card, and who mistypes the password for signatures."""
    forgetful: Person | None = None
    """Who does not know the PIN any more."""
    proxy: Person | None = None
    """Who may read the person's history."""
    expired: Person | None = None
    """Whose card has run out."""

    @property
    def city(self) -> str:
        """The municipality of that institution."""
        return self.institution.partition("-")[2]

    @property
    def card_office(self) -> str:
        """The residency office of that city."""
        return f"residency-{self.city}"

    def card(self, visitor: Visitor) -> tuple[str, str]:
        """Handle and PIN of the card with which a visitor logs in."""
        own = self.proxy if visitor.as_proxy and self.proxy else None
        return (own.person, own.pin) if own else (self.person, self.pin)

    @property
    def welfare(self) -> str:
        """Its welfare office."""
        return f"welfare-{self.city}"


Act = Callable[["Browser", "NetworkFile", Scene], None]


def prepare(
    browser: Browser, network: NetworkFile, scene: Scene, acts: Mapping[Act, Collection[str]], only: Collection[str]
) -> None:
    """Do what is there to be seen by the visitors named in `only`, or by everyone; `acts` says who sees which."""
    for act, seen_by in acts.items():
        if not only or set(only) & set(seen_by):
            act(browser, network, scene)


def welfare(browser: Browser, network: NetworkFile, scene: Scene) -> None:
    """An application, own information that a clerk looks at."""
    with entered(browser, network, citizen(), scene.person, scene.pin) as context:
        page = context.new_page()
        portal = network.urls["portal"]
        _apply(page, portal, scene)
        _ask(page, portal, scene)


def filings(browser: Browser, network: NetworkFile, scene: Scene) -> None:
    """What an institution sent to the supervisor, and a measure that waits for its reply; a run of reconciliation."""
    with entered(browser, network, staff(scene.welfare, CHIEF), scene.person, scene.pin) as context:
        _file(context.new_page(), f"{network.urls['counter']}/{scene.welfare}")
    with entered(browser, network, Visitor("director", "", "", "watchdog", staff="director"), "", "") as context:
        _supervise(context.new_page(), network.urls["watchdog"], scene)


def play(browser: Browser, network: NetworkFile, scene: Scene) -> None:
    """A play to its end, with its checks."""
    with entered(browser, network, Visitor("trainer", "", "", "stage"), scene.person, scene.pin) as context:
        page = context.new_page()
        page.goto(f"{network.urls['stage']}/scenarios/refused")
        page.get_by_test_id("play-button").click()
        page.get_by_test_id("to-picture").wait_for(timeout=120_000)


def mandate(browser: Browser, network: NetworkFile, scene: Scene) -> None:
    """A proxy, who was given the word."""
    assert scene.proxy is not None
    portal = network.urls["portal"]
    with (
        entered(browser, network, citizen(), scene.person, scene.pin) as own,
        entered(browser, network, citizen(), scene.proxy.person, scene.proxy.pin) as others,
    ):
        page, theirs = own.new_page(), others.new_page()
        page.goto(f"{portal}/proxies")
        page.fill("#proxy-label", "姉")
        page.select_option("#scope", "INFORMATION")
        page.get_by_test_id("make-word").click()
        theirs.goto(f"{portal}/proxies")
        theirs.fill("#word", page.get_by_test_id("word").inner_text())
        theirs.fill("#principal-label", "弟")
        theirs.get_by_test_id("accept").click()
        theirs.wait_for_load_state()


def choose_card(page: Page, person: str) -> None:
    """Take somebody's card out of the tray, unless it lies on the reader from before."""
    page.locator("#q, #pin, #password").first.wait_for()
    if page.locator("#q").count():
        page.fill("#q", person)
        page.keyboard.press("Enter")
        page.locator(f"[data-person={person}] button").first.click()


def receive(page: Page, base: str, papers: Mapping[str, str]) -> None:
    """Receive somebody with their card, at the counter whose pages begin at `base`."""
    page.goto(f"{base}/visitors/new")
    page.select_option("#number_paper", "card")
    page.fill("#number", papers["individual_number"])
    page.check("#paper-card")
    for box in page.locator("input[id^=seen-]").all():
        box.check()
    page.fill("#name", papers["name"])
    page.fill("#address", papers["address"])
    page.fill("#born", papers["birth_date"])
    page.check(f"#sex-{papers['sex']}")
    page.get_by_test_id("visitor-receive").click()
    page.get_by_test_id("visitor-name").wait_for()


def protect(browser: Browser, network: NetworkFile, scene: Scene) -> None:
    """A review by hand that the chief approved, and another protection that waits for the chief."""
    base = f"{network.urls['counter']}/{scene.institution}"
    clerk, chief = staff(scene.institution, CLERK), staff(scene.institution, CHIEF)
    with (
        entered(browser, network, clerk, scene.person, scene.pin) as at_window,
        entered(browser, network, chief, scene.person, scene.pin) as at_desk,
    ):
        page = at_window.new_page()
        receive(page, base, scene.papers)
        visit = page.url
        approving = at_desk.new_page()
        approving.goto(_propose(page, visit, ("manual_review",)))
        approving.get_by_test_id("proposal-approve").click()
        approving.wait_for_load_state()
        _propose(page, visit, ("manual_review", "self_disclosure_blocked"))


def _propose(page: Page, visit: str, flags: tuple[str, ...]) -> str:
    page.goto(visit)
    page.get_by_test_id("step-protections").click()
    for flag in flags:
        page.check(f"#flag-{flag}")
    page.fill("#why", "支援措置の申出（令和8年第12号）")
    page.get_by_test_id("protection-propose").click()
    page.get_by_test_id("proposal-state").wait_for()
    return page.url


def draft(page: Page, portal: str, scene: Scene) -> None:
    """Fill in an application, up to where it is to be signed."""
    page.goto(f"{portal}/procedures/{ALLOWANCE}/apply")
    page.select_option("#institution", scene.welfare)
    page.fill("#child_name", "汐見　さくら")
    page.fill("#child_birth_date", "2021-05-30")
    page.locator("input[name=lives_together][value='0']").check()
    page.locator("#january_1_municipality").select_option(index=1)
    page.get_by_test_id("procedures-confirm").click()
    page.get_by_test_id("draft-sign").wait_for()


def _apply(page: Page, portal: str, scene: Scene) -> None:
    """An application that an office has and nobody has decided."""
    draft(page, portal, scene)
    page.get_by_test_id("draft-sign").click()
    choose_card(page, scene.person)
    page.fill("#password", page.get_by_test_id("password-shown").inner_text())
    page.get_by_test_id("sign-application").click()
    page.get_by_test_id("application").wait_for()


def _ask(page: Page, portal: str, scene: Scene) -> None:
    """Own information that waits for a clerk of the institution where the review was set."""
    page.goto(f"{portal}/information/ask/S03")
    page.locator(f"input[name=provider][value='{scene.institution}']").check()
    page.get_by_test_id("information-consent").check()
    page.get_by_test_id("information-ask").click()
    page.get_by_test_id("information-asked").wait_for()


def _file(page: Page, base: str) -> None:
    """A use by ordinance and the report of a leak, for the supervisor to decide and to watch."""
    page.goto(f"{base}/filings/uses/new")
    page.locator("#row").select_option(index=1)
    page.fill("#ordinance", "子ども医療費の助成に関する条例（令和2年条例第8号）")
    page.locator("#statutory_affair").select_option(index=1)
    for name in ("same_aim", "similar_content", "no_wider"):
        page.fill(f"#{name}", _LONG)
    page.get_by_test_id("filing-use-send").click()
    page.get_by_test_id("done").wait_for()
    page.goto(f"{base}/filings/leaks/new")
    page.fill("#persons", "2")
    page.fill("#what", "窓口で別の人の書類を渡した。")
    page.get_by_test_id("filing-leak-send").click()
    page.get_by_test_id("done").wait_for()


def _supervise(page: Page, console: str, scene: Scene) -> None:
    page.goto(f"{console}/measures")
    page.select_option("#institution", scene.welfare)
    page.fill("#title", "書類の受け渡しの確認")
    page.fill("#text", "窓口で書類を渡すときの確認の方法を見直し、見直した内容を報告してください。")
    page.get_by_test_id("issue").click()
    page.get_by_test_id("done").wait_for()
    page.goto(f"{console}/reconciliations")
    page.get_by_test_id("begin").click()
    page.wait_for_load_state()


def citizen() -> Visitor:
    """Somebody with a card at the portal."""
    return Visitor("citizen", "", "", "portal", citizen=True)


def staff(institution: str, login: str) -> Visitor:
    """Somebody at an institution's counter."""
    return Visitor("staff", "", "", "counter", f"/{institution}", login)
