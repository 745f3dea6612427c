"""The picture of an exchange on a running network, as a trainer uses it; what it shows is what the parties' own files hold."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.chromium import chromium
from browser.walks import look, tab_to, visitor
from e2e.conftest import Running, start, stop
from playwright.sync_api import Browser, Page, expect

from warifu.exchange.v1 import exchange_pb2

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STEPS = range(1, 8)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A network of its own, since one of its files is changed."""
    running = start(tmp_path_factory.mktemp("picture"), "--people", "120")
    yield running
    stop(running)


@pytest.fixture(scope="module")
def played(network: Running) -> dict[str, dict]:
    """The exchanges of three plays, by what they are here: tax, denied, withheld."""
    moved = network.json("play", "moved-household")["exchanges"]
    refused = network.json("play", "refused")["exchanges"]
    protected = network.json("play", "protected-person")["exchanges"]
    return {"tax": moved[0], "denied": refused[0], "withheld": protected[-1]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the module."""
    with chromium() as opened:
        yield opened


def address(network: Running, exchange: dict, step: int = 1, more: str = "") -> str:
    """Where an exchange is drawn at a step."""
    return f"{network.file.stage}/exchange/{exchange['request_id']}?step={step}{more}"


def document(network: Running, exchange: dict) -> dict:
    """The picture as JSON, by any program."""
    host = network.file.stage.removeprefix("http://")
    url = f"http://127.0.0.1:{host.rpartition(':')[2]}/exchange/{exchange['request_id']}.json"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host}), timeout=30) as answer:
        return json.loads(answer.read())


def held(told: dict, role: str, name: str) -> dict:
    """One thing that a party holds, in the document."""
    party = next(one for one in told["parties"] if one["role"] == role)
    return next(one for one in party["held"] if one["name"] == name)


def show(page: Page, url: str) -> None:
    """Open a page and wait until it is whole."""
    page.goto(url)
    page.wait_for_load_state()


def test_every_step_is_drawn_and_accessible(network: Running, played: dict, browser: Browser) -> None:
    """Each step of an answered exchange, and what is particular to a denied and a withheld one, has no finding of axe and fits the window."""
    problems: list[str] = []
    looks = (
        ("ja", 1280, "tax", STEPS),
        ("en", 390, "tax", (1, 3, 6)),
        ("en", 1280, "denied", (2, 3)),
        ("ja", 390, "withheld", (7,)),
    )
    for language, width, kind, steps in looks:
        with visitor(browser, language, width, reduced_motion="reduce") as context:
            page = context.new_page()
            for step in steps:
                show(page, address(network, played[kind], step))
                look(page, problems)
            show(page, f"{network.file.stage}/map?still=1")
            look(page, problems)
            show(page, f"{network.file.stage}/exchange?id=wrong")
            look(page, problems)
    assert problems == []


def test_the_keyboard_steps_plays_and_stops(network: Running, played: dict, browser: Browser) -> None:
    """Arrow keys step, space plays and stops, what changed is told to a screen reader, and each step has an address."""
    with visitor(browser, "en") as context:
        page = context.new_page()
        show(page, address(network, played["tax"]))
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(address(network, played["tax"], 2))
        expect(page.get_by_test_id("picture-title")).to_contain_text("The gateway decides")
        expect(page.locator("#told")).to_contain_text("signs a permit")
        page.keyboard.press("Space")
        expect(page.locator("#picture[data-playing]")).to_be_visible()
        page.keyboard.press("Space")
        expect(page.get_by_test_id("play")).to_be_visible()
        page.keyboard.press("ArrowLeft")
        expect(page).to_have_url(address(network, played["tax"], 1))
        tab_to(page, "Next →")
        page.keyboard.press("Enter")
        expect(page).to_have_url(address(network, played["tax"], 2))


def test_it_plays_to_its_end_by_itself(network: Running, played: dict, browser: Browser) -> None:
    """Once started, the steps go on by themselves to the last one, and there it stops."""
    with visitor(browser, "ja") as context:
        page = context.new_page()
        page.clock.install()
        show(page, address(network, played["tax"], 5, "&play=1"))
        for step in (6, 7):
            page.clock.run_for(8_500)
            expect(page).to_have_url(address(network, played["tax"], step, "&play=1" if step < 7 else ""))
        expect(page.get_by_test_id("play")).to_have_text("初めから再生")


def test_without_scripts_all_of_it_is_there(network: Running, played: dict, browser: Browser) -> None:
    """With scripts off the links lead from step to step, and what a sign leads to is found below it."""
    with visitor(browser, "ja", java_script_enabled=False) as context:
        page = context.new_page()
        show(page, address(network, played["tax"]))
        page.get_by_test_id("next").click()
        expect(page.get_by_test_id("picture-title")).to_contain_text("ゲートウェイが判断し")
        page.get_by_test_id("step-7").click()
        expect(page.get_by_test_id("held-portal-entry")).to_be_visible()


def test_a_sign_leads_to_its_bytes(network: Running, played: dict, browser: Browser) -> None:
    """The permit's sign unfolds the permit's bytes, which are the document's, with the row and column that they stand in."""
    told = document(network, played["tax"])
    with visitor(browser, "ja") as context:
        page = context.new_page()
        show(page, address(network, played["tax"], 3))
        page.get_by_test_id("held-provider-permit").get_by_role("link").click()
        thing = page.locator("#b-provider-permit")
        expect(thing).to_be_visible()
        expect(thing).to_contain_text(f"{played['tax']['provider']}/provisions.permit")
        digits = held(told, "provider", "permit")["bytes"][:64]
        assert digits in (thing.locator(".hex").text_content() or "").replace(" ", "")


def test_a_stored_code_that_is_changed_changes_the_picture(network: Running, played: dict, browser: Browser) -> None:
    """Other bytes in the provider's own database file, in place of its code for the person, are drawn as another code; put back, it is gone."""
    exchange = played["tax"]
    told = document(network, exchange)
    number = held(told, "provider", "addressee")["value"]["ja"]
    code = bytes.fromhex(held(told, "provider", "code")["bytes"])
    other = exchange_pb2.SubjectReference(code=b"\xee" * len(code)).SerializeToString()
    with visitor(browser, "en") as context:
        page = context.new_page()
        show(page, address(network, exchange, 3))
        expect(page.get_by_test_id("held-provider-code")).to_contain_text(code.hex()[:4])
        expect(page.get_by_test_id("held-provider-bound-0")).to_have_count(0)
        stored = rebind(network, exchange["provider"], number, other)
        assert exchange_pb2.SubjectReference.FromString(stored).code == code
        page.reload()
        expect(page.get_by_test_id("held-provider-bound-0")).to_contain_text("eeee eeee eeee")
        expect(page.locator(".codes")).to_contain_text("eeee eeee eeee")
        assert rebind(network, exchange["provider"], number, stored) == other
        page.reload()
        expect(page.get_by_test_id("held-provider-bound-0")).to_have_count(0)


def rebind(network: Running, institution: str, number: str, subject: bytes) -> bytes:
    """Write another code into an institution's database file; what stood there before."""
    path = network.state / network.file.extra["kinds"][institution] / f"{institution}.interim.db"
    with sqlite3.connect(path, timeout=30) as database:
        (before,) = database.execute("SELECT subject FROM addressees WHERE addressee_no = ?", (number,)).fetchone()
        database.execute("UPDATE addressees SET subject = ? WHERE addressee_no = ?", (subject, number))
    database.close()
    return bytes(before)


def test_what_is_called_absent_is_in_none_of_the_partys_files(network: Running, played: dict) -> None:
    """Codes and addressee numbers that the picture says a party does not hold are in no database file of that party's folder."""
    told = document(network, played["tax"])
    codes = {role: bytes.fromhex(held(told, role, "code")["bytes"]) for role in ("requester", "provider", "portal")}
    numbers = {role: bytes.fromhex(held(told, role, "addressee")["bytes"]) for role in ("requester", "provider")}
    never = {
        "requester": [codes["provider"], codes["portal"], numbers["provider"]],
        # The portal's code may still lie in the gateway's deposits, from the enrolment and for a few minutes; it is in nothing of the exchange.
        "gateway": [numbers["requester"], numbers["provider"]],
        "provider": [codes["requester"], codes["portal"], numbers["requester"]],
        "portal": [codes["requester"], codes["provider"], *numbers.values()],
        "watchdog": [*codes.values(), *numbers.values()],
        "numbering": [*codes.values(), *numbers.values()],
    }
    for party in told["parties"]:
        assert not any(one["found"] for one in party["not_held"]), party["role"]
        stored = files(network.state / party["party"])
        assert stored
        for needle in never.get(party["role"], []):
            assert needle not in stored, party["role"]
    assert codes["provider"] in files(network.state / "tax")


def files(folder: Path) -> bytes:
    """Everything in a party's databases."""
    return b"\0".join(path.read_bytes() for path in sorted(folder.glob("*.db*")))


def test_denied_and_withheld_say_who_holds_nothing(network: Running, played: dict, browser: Browser) -> None:
    """A denied exchange's provider and a withheld one's portal are shown holding nothing, as their own views say."""
    with visitor(browser, "en") as context:
        page = context.new_page()
        show(page, address(network, played["denied"], 3))
        expect(page.get_by_test_id("picture-text")).to_contain_text("was not asked")
        expect(page.get_by_test_id("nothing-provider")).to_be_visible()
        show(page, address(network, played["withheld"], 7))
        expect(page.get_by_test_id("picture-text")).to_contain_text("the portal holds nothing")
        expect(page.get_by_test_id("nothing-portal")).to_be_visible()
        expect(page.get_by_test_id("held-portal-entry")).to_have_count(0)
        show(page, address(network, played["tax"], 7))
        expect(page.get_by_test_id("held-portal-entry")).to_be_visible()


def test_the_map_leads_to_the_newest_exchange(network: Running, played: dict, browser: Browser) -> None:
    """The map shows every party as well, lists exchanges with their outcome, and an exchange's line leads to its picture."""
    with visitor(browser, "en") as context:
        page = context.new_page()
        show(page, f"{network.file.stage}/map")
        for party in network.file.parties:
            expect(page.get_by_test_id(f"party-{party.name}")).to_contain_text("well")
        line = page.get_by_test_id(f"exchange-{played['withheld']['request_id']}")
        line.click()
        expect(page.get_by_test_id("picture-id")).to_have_text(played["withheld"]["request_id"])


def test_an_unknown_exchange_is_a_page_that_helps(network: Running, browser: Browser) -> None:
    """An id that nobody knows gets a page with status 404 that leads on, and what is no id at all a page not found."""
    with visitor(browser, "en") as context:
        page = context.new_page()
        unknown = page.goto(f"{network.file.stage}/exchange/00000000-0000-4000-8000-000000000000")
        assert unknown is not None
        assert unknown.status == 404
        expect(page.get_by_role("heading", level=1)).to_contain_text("No party holds anything")
        none = page.goto(f"{network.file.stage}/exchange/nonsense")
        assert none is not None
        assert none.status == 404
