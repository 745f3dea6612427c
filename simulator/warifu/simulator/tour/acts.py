"""What people do in their own faces before the pictures are taken, so that what waits for somebody is there to be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from warifu.simulator.tour.visitors import Visitor, entered

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from warifu.simulator.state import NetworkFile

ALLOWANCE: Final = "JT90000000000501"
CLERK, REVIEWER, CHIEF = "c-0001", "c-0003", "c-0004"
_LONG: Final = "条例の趣旨は、子どもの健康を守ることであり、法定の事務と同じです。"


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

    @property
    def city(self) -> str:
        """The municipality of that institution."""
        return self.institution.partition("-")[2]

    @property
    def card_office(self) -> str:
        """The residency office of that city."""
        return f"residency-{self.city}"

    @property
    def welfare(self) -> str:
        """Its welfare office."""
        return f"welfare-{self.city}"


def prepare(browser: Browser, network: NetworkFile, scene: Scene) -> None:
    """Everything that waits: a proposal, a review, an application, a filing, a report of a leak, a finished play."""
    _protect(browser, network, scene)
    with entered(browser, network, _citizen(), scene.person, scene.pin) as context:
        page = context.new_page()
        portal = network.urls["portal"]
        _apply(page, portal, scene)
        _ask(page, portal, scene)
    with entered(browser, network, _staff(scene.welfare, CHIEF), scene.person, scene.pin) as context:
        _file(context.new_page(), f"{network.urls['counter']}/{scene.welfare}")
    with entered(browser, network, Visitor("trainer", "", "", "stage"), scene.person, scene.pin) as context:
        _play(context.new_page(), network.urls["stage"])


def choose_card(page: Page, person: str) -> None:
    """Take somebody's card out of the tray."""
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


def _protect(browser: Browser, network: NetworkFile, scene: Scene) -> None:
    """A review by hand that the chief approved, and another protection that waits for the chief."""
    base = f"{network.urls['counter']}/{scene.institution}"
    clerk, chief = _staff(scene.institution, CLERK), _staff(scene.institution, CHIEF)
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


def _apply(page: Page, portal: str, scene: Scene) -> None:
    """An application that an office has and nobody has decided."""
    page.goto(f"{portal}/procedures/{ALLOWANCE}/apply")
    page.select_option("#institution", scene.welfare)
    page.fill("#child_name", "汐見　さくら")
    page.fill("#child_birth_date", "2021-05-30")
    page.locator("input[name=lives_together][value='0']").check()
    page.locator("#january_1_municipality").select_option(index=1)
    page.get_by_test_id("procedures-confirm").click()
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
    for field in ("same_aim", "similar_content", "no_wider"):
        page.fill(f"#{field}", _LONG)
    page.get_by_test_id("filing-use-send").click()
    page.get_by_test_id("done").wait_for()
    page.goto(f"{base}/filings/leaks/new")
    page.fill("#persons", "2")
    page.fill("#what", "窓口で別の人の書類を渡した。")
    page.get_by_test_id("filing-leak-send").click()
    page.get_by_test_id("done").wait_for()


def _play(page: Page, stage: str) -> None:
    """A play to its end, with its checks."""
    page.goto(f"{stage}/scenarios/refused")
    page.get_by_test_id("play-button").click()
    page.get_by_test_id("to-picture").wait_for(timeout=120_000)


def _citizen() -> Visitor:
    return Visitor("citizen", "", "", "portal", citizen=True)


def _staff(institution: str, login: str) -> Visitor:
    return Visitor("staff", "", "", "counter", f"/{institution}", login)
