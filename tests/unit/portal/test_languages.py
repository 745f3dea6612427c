"""Both languages are complete, and each visitor gets the right one."""

from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from unit.portal.browser import Browser, visible
from unit.portal.lab import Lab, Told

from warifu.counter.app import ROOT as COUNTER
from warifu.portal.app import HERE as PORTAL
from warifu.simulator.cards.app import HERE as CARDS
from warifu.simulator.stage.app import HERE as STAGE
from warifu.watchdog.app import HERE as CONSOLE
from warifu.web import languages

WEB = Path(languages.__file__).parent


@pytest.mark.parametrize(
    ("folder", "domain"),
    [(PORTAL, "portal"), (CARDS, "cards"), (CONSOLE, "console"), (COUNTER, "counter"), (STAGE, "stage"), (WEB, "web")],
)
def test_the_english_catalogue_has_every_message_and_no_other(folder: Path, domain: str) -> None:
    """Every Japanese text of the templates has an English one, none is fuzzy or left over, and their places agree."""
    methods = [("templates/**.html", "jinja2.ext:babel_extract")]
    used = {message for _, _, message, _, _ in extract_from_dir(folder, methods)}
    paths = languages.files(folder / "locale", "en", domain)
    catalogues = [read_po(BytesIO(path.read_bytes()), locale="en") for path in paths]
    known = {message.id: (message, catalogue) for catalogue in catalogues for message in catalogue if message.id}
    assert used == set(known)
    assert len(known) == sum(1 for catalogue in catalogues for message in catalogue if message.id), "one text twice"
    for text, (message, catalogue) in known.items():
        assert message.string, text
        assert not message.fuzzy, text
        assert not list(message.check(catalogue)), text
        assert not any("\u3040" <= letter <= "\u9fff" for letter in message.string), text


async def test_japanese_comes_first(lab: Lab) -> None:
    """Who states no preference gets Japanese."""
    response = await Browser(lab, "fr").get("/")
    assert response.headers["content-language"] == "ja"
    assert '<html lang="ja">' in response.text


async def test_a_chosen_language_stays(lab: Lab) -> None:
    """A language chosen by link is remembered over the browser's preference."""
    browser = Browser(lab, "ja")
    assert '<html lang="en">' in (await browser.get("/?lang=en")).text
    assert '<html lang="en">' in (await browser.get("/login")).text


async def test_english_pages_have_no_japanese_left(lab: Lab) -> None:
    """On English pages only the notice, the language link and names that have no English are Japanese."""
    browser = Browser(lab, "en")
    await lab.deliver([told := Told()])
    await browser.log_in()
    for path in ("/", "/history", f"/history/{told.request_id}", "/nothing"):
        text = visible((await browser.get(path)).text).replace("これは訓練用シミュレータです", "").replace("日本語", "")
        assert not [letter for letter in text if "\u3040" <= letter <= "\u9fff"], path


async def test_every_page_says_that_it_is_a_simulator(lab: Lab) -> None:
    """The notice stands in both languages on every page, refused ones too."""
    browser = Browser(lab)
    for path in ("/", "/login", "/nothing", lab.card_origin + "/", lab.card_origin + "/pin"):
        text = (await browser.get(path)).text
        assert "これは訓練用シミュレータです" in text
        assert "Simulator — not a government service" in text


@given(st.text(max_size=60))
def test_any_accept_language_header_gives_a_language(header: str) -> None:
    """Whatever a browser sends, the answer is one of our languages."""
    scope = {"type": "http", "headers": [(b"accept-language", header.encode("utf-8"))], "query_string": b""}
    assert languages.of(Request(scope)) in languages.LANGUAGES


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("en-GB,en;q=0.9,ja;q=0.8", "en"),
        ("de,ja;q=0.5,en;q=0.4", "ja"),
        ("en;q=0,ja", "ja"),
        ("en;q=x", "ja"),
        ("*", "ja"),
    ],
)
def test_the_browser_s_weights_count(header: str, expected: str) -> None:
    """Of our languages the one with the greatest weight is taken."""
    scope = {"type": "http", "headers": [(b"accept-language", header.encode())], "query_string": b""}
    assert languages.of(Request(scope)) == expected
