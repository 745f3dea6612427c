"""Cards in a real Chromium over the whole network: lost, found, stopped and released; PIN and signature password; a shared terminal.

Each walk ends by reading the effect in the numbering body's own database.
"""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from browser.chromium import chromium
from browser.test_counter import quick_login, receive
from browser.walks import look, visitor
from playwright.sync_api import Browser, Page, expect
from running import Running
from unit.counter.lab import CARD_CLERK, CHIEF, CITY

from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.simulator.cards.words import first_password
from warifu.simulator.people import People
from warifu.simulator.population.model import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]
DIGEST = base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium() as opened:
        yield opened


def citizens(network: Running) -> list[Person]:
    """Grown-up people of the first city, in no scenario's cast; each walk takes one of its own.

    From the end, since plays take theirs from the beginning, and what a walk does to a card stays. Nobody whom a drill has taken: their PIN
    may be another one.
    """
    people, played = People.of(network.file), network.state / "simulator" / "played.json"
    changed = set(json.loads(played.read_text(encoding="utf-8"))) if played.exists() else set()
    return [
        one
        for one in reversed(people.all())
        if one.present is not None
        and one.present.municipality == "480011"
        and one.birth_date.year < 2005
        and one.person not in changed
        and not any(trait.startswith("cast:") for trait in one.traits)
    ]


def log_in(page: Page, network: Running, card: str, pin: str) -> None:
    """From the portal over the card service and back, as far as that leads."""
    page.goto(f"{network.file.urls['portal']}/login")
    page.get_by_test_id("to-card").click()
    page.fill("#q", card.removesuffix(".phone"))
    page.locator("form.seek button").click()
    page.locator(f"button[value='{card}']").click()
    page.fill("#pin", pin)
    page.get_by_test_id("sign").click()
    page.wait_for_load_state()


def standing(network: Running, number: str) -> int:
    """The card's status as the numbering body keeps it."""
    with closing(sqlite3.connect(f"file:{network.state}/numbering/numbering.db?mode=ro", uri=True)) as database:
        query = "SELECT status FROM card WHERE number = ?"
        (status,) = database.execute(query, (number.replace(" ", ""),)).fetchone()
    return status


def kinds(network: Running, number: str) -> set[int]:
    """What the good certificates of a card are for, as the numbering body keeps it."""
    with closing(sqlite3.connect(f"file:{network.state}/numbering/numbering.db?mode=ro", uri=True)) as database:
        query = "SELECT kind FROM certificate WHERE card = ? AND status = ?"
        return {kind for (kind,) in database.execute(query, (number.replace(" ", ""), pb.CERTIFICATE_STATUS_GOOD))}


def at_card_window(page: Page, network: Running, person: Person) -> None:
    """Log in as card clerk, receive the holder and open their cards."""
    people, counter = People.of(network.file), network.file.urls["counter"]
    quick_login(page, counter, CITY, CARD_CLERK)
    receive(page, f"{counter}/{CITY}", people.items(person.person), people.demo(person.person).individual_number)
    page.get_by_test_id("step-cards").click()


def propose_release(page: Page, receipt: str) -> str:
    """Ask for the release of the suspended card on the page; the proposal's address."""
    suspended = page.locator("[data-testid=card]").filter(has=page.get_by_test_id("propose-release"))
    expect(suspended.get_by_test_id("card-receipt").first).to_have_text(receipt)
    suspended.get_by_test_id("open-release").click()
    suspended.get_by_test_id("why-release").fill("拾得物として届き、本人に返した")
    suspended.get_by_test_id("propose-release").click()
    expect(page.get_by_test_id("proposal-state")).to_have_attribute("data-state", "waiting")
    return page.url


def test_a_lost_card_is_stopped_and_released(browser: Browser, network: Running) -> None:
    """A finder stops a card while its holder is logged in: the next click ends at a page that says why, and no login helps.

    At the counter two people release it; the holder logs in, and the numbering body says that the card is good.
    """
    person, urls = citizens(network)[0], network.file.urls
    pin = People.of(network.file).demo(person.person).pin
    with visitor(browser) as home, visitor(browser) as street, visitor(browser) as window, visitor(browser) as desk:
        holder, finder, clerk, chief = home.new_page(), street.new_page(), window.new_page(), desk.new_page()
        log_in(holder, network, person.person, pin)
        holder.get_by_test_id("nav-card").click()
        expect(holder.get_by_test_id("card-status")).to_have_text("有効")
        finder.goto(f"{urls['simulator']}/cards/{person.person}")  # what is printed on the card in the finder's hand
        number = finder.get_by_test_id("card-number").inner_text()
        finder.goto(f"{urls['portal']}/helpline")
        expect(finder.get_by_test_id("helpline-scam")).to_be_visible()
        finder.fill("#number", number)
        finder.get_by_test_id("suspend-finder").click()
        receipt = finder.get_by_test_id("receipt").inner_text()
        assert standing(network, number) == pb.CERTIFICATE_STATUS_SUSPENDED
        holder.get_by_test_id("nav-history").click()
        expect(holder.get_by_test_id("session-ended")).to_contain_text("一時停止")
        log_in(holder, network, person.person, pin)
        expect(holder.get_by_test_id("login-suspended")).to_be_visible()

        at_card_window(clerk, network, person)
        proposal = propose_release(clerk, receipt)
        assert standing(network, number) == pb.CERTIFICATE_STATUS_SUSPENDED
        quick_login(chief, urls["counter"], CITY, CHIEF)
        chief.goto(proposal)
        chief.get_by_test_id("proposal-approve").click()
        expect(chief.get_by_test_id("proposal-state")).to_have_attribute("data-state", "done")
        log_in(holder, network, person.person, pin)
        expect(holder).to_have_url(f"{urls['portal']}/history")
        assert standing(network, number) == pb.CERTIFICATE_STATUS_GOOD


def change(page: Page, form: str, old: str, new: str) -> None:
    """Open a form of one's own card and send it."""
    if page.locator(f"#{form}-old").is_hidden():
        page.get_by_test_id(f"change-{form}").locator("summary").click()
    for field, value in (("old", old), ("new", new), ("again", new)):
        page.fill(f"#{form}-{field}", value)
    page.get_by_test_id(f"change-{form}-submit").click()


def sign(page: Page, password: str) -> None:
    """Type a signature password and sign."""
    page.fill("#password", password)
    page.get_by_test_id("sign-application").click()
    page.wait_for_load_state()


def test_pin_and_signature_password(browser: Browser, network: Running) -> None:
    """A changed PIN logs in and the old one does not; five wrong signature passwords lock signing alone, and a counter unlocks it.

    The first signature has a certificate issued, which the numbering body knows as one for signatures.
    """
    person, urls = citizens(network)[1], network.file.urls
    pin = People.of(network.file).demo(person.person).pin
    other, first = "7351" if pin != "7351" else "7352", first_password(person.person, pin)
    wish = f"{urls['simulator']}/signature?origin={urls['portal']}&digest={DIGEST}&session={DIGEST}&return=/procedures"
    with visitor(browser) as home, visitor(browser) as window:
        holder, clerk = home.new_page(), window.new_page()
        log_in(holder, network, person.person, pin)
        holder.goto(f"{urls['simulator']}/cards")
        number = holder.get_by_test_id("card-number").inner_text()
        change(holder, "pin", pin, other)
        expect(holder.get_by_test_id("care-done")).to_be_visible()
        holder.context.clear_cookies()
        log_in(holder, network, person.person, pin)
        expect(holder.get_by_test_id("pin-wrong")).to_be_visible()
        holder.fill("#pin", other)
        holder.get_by_test_id("sign").click()
        expect(holder).to_have_url(f"{urls['portal']}/history")

        holder.goto(f"{urls['simulator']}/cards")
        change(holder, "password", first, "short1")
        expect(holder.get_by_test_id("care-problem")).to_be_visible()
        change(holder, "password", first, "NEWPASS9")
        expect(holder.get_by_test_id("care-done")).to_be_visible()
        assert kinds(network, number) == {pb.CERTIFICATE_KIND_AUTHENTICATION}
        holder.goto(wish)
        sign(holder, "NEWPASS9")
        expect(holder).to_have_url(re.compile(r"/procedures\?certificate=.+&signature="))
        assert kinds(network, number) == {pb.CERTIFICATE_KIND_AUTHENTICATION, pb.CERTIFICATE_KIND_SIGNATURE}
        holder.goto(wish)
        for _ in range(5):
            sign(holder, "WRONG123")
        expect(holder.get_by_test_id("signature-locked")).to_be_visible()

        at_card_window(clerk, network, person)
        clerk.get_by_test_id("unlock-signature").click()
        expect(clerk.get_by_test_id("done")).to_be_visible()
        expect(opened(holder, wish).locator("#password")).to_be_visible()
        sign(holder, first)
        expect(holder).to_have_url(re.compile(r"/procedures\?certificate="))


def opened(page: Page, address: str) -> Page:
    """The page, once the card service has carried out what a counter ordered; it asks once a second."""
    until = time.monotonic() + 20
    page.goto(address)
    while page.get_by_test_id("signature-locked").count() and time.monotonic() < until:
        page.goto(address)
    return page


def test_a_shared_terminal_keeps_nothing(browser: Browser, network: Running) -> None:
    """At a shared terminal no file is handed out; who finishes is logged out, the card is off the reader, and going back shows nothing."""
    person, urls = citizens(network)[2], network.file.urls
    with visitor(browser) as hall:
        page = hall.new_page()
        page.goto(f"{urls['portal']}/kiosk")
        page.get_by_test_id("kiosk-login").click()
        log_in(page, network, person.person, People.of(network.file).demo(person.person).pin)
        expect(page).to_have_url(f"{urls['portal']}/history")
        assert page.goto(f"{urls['portal']}/history.csv").status == 403
        page.goto(f"{urls['portal']}/history")
        page.get_by_test_id("kiosk-finish").click()
        expect(page.get_by_test_id("kiosk-cleared")).to_be_visible()
        page.go_back()
        page.goto(f"{urls['portal']}/history")
        expect(page).to_have_url(re.compile("/login"))
        page.goto(f"{urls['simulator']}/cards")
        expect(page).to_have_url(f"{urls['simulator']}/")
        left = {cookie["name"] for cookie in hall.cookies()}
        assert not left & {"warifu_session", "warifu_card"}


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_of_cards_as_axe_sees_it(browser: Browser, network: Running, language: str, width: int) -> None:
    """No page of the help line, of one's own card, of signing or of a shared terminal has a fault that axe finds, or runs out of the window."""
    person, urls = citizens(network)[3], network.file.urls
    problems: list[str] = []
    with visitor(browser, language, width) as home:
        page = home.new_page()
        log_in(page, network, person.person, People.of(network.file).demo(person.person).pin)
        wish = f"/signature?origin={urls['portal']}&digest={DIGEST}&session={DIGEST}&return=/procedures"
        own = ("/card", "/insurance", "/benefits", "/clinic")
        portal = (*own, "/helpline", "/helpline?large", "/helpline/fax", "/helpline/done?receipt=12345678")
        for address in (
            *(urls["portal"] + path for path in (*portal, "/login?problem=suspended", "/kiosk")),
            *(urls["simulator"] + path for path in ("/", f"/cards/{person.person}", wish)),
        ):
            page.goto(address)
            look(page, problems)
        page.goto(f"{urls['portal']}/helpline")
        page.fill("#number", "WF 1")
        page.get_by_test_id("suspend-finder").click()
        look(page, problems)
        page.goto(f"{urls['simulator']}/cards/{person.person}")
        change(page, "pin", "0000", "1111")
        look(page, problems)
    assert not problems
