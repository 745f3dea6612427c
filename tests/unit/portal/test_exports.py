"""The history taken away: whole, in order, harmless to spreadsheets, noted; and told in easy Japanese on wish."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from unit.portal.browser import Browser, visible
from unit.portal.lab import BOOK, SORA, START, Lab, Told

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.portal.app import HERE
from warifu.portal.history.documents import HEADINGS, cell
from warifu.web import languages


def read(content: bytes) -> list[list[str]]:
    """The rows of a CSV file as a spreadsheet reads it."""
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(StringIO(content.decode("utf-8-sig"))))


async def test_the_files_hold_every_entry_in_order(lab: Lab) -> None:
    """More than a page of entries stands in both files, newest first, each once, with the same fields as in the API."""
    told = [Told(START - timedelta(minutes=n)) for n in range(230)]
    await lab.deliver(told)
    browser = Browser(lab)
    await browser.log_in()
    response = await browser.get("/history.csv")
    heads, *rows = read(response.content)
    assert tuple(heads) == HEADINGS["ja"]
    assert [row[0] for row in rows] == [one.request_id for one in told]
    assert 'filename="warifu-history.csv"' in response.headers["content-disposition"]
    document = (await browser.get("/history.json")).json()
    assert [one["request_id"] for one in document["entries"]] == [one.request_id for one in told]
    one = (await browser.get(f"/api/v1/history/{told[0].request_id}")).json()
    one.pop("corrections")
    assert document["entries"][0] == one


async def test_the_language_of_the_page_is_the_file_s(lab: Lab) -> None:
    """In English headings, names and outcomes are English, and nothing Japanese is left."""
    await lab.deliver([Told(outcome=pb.OUTCOME_DENIED), Told()])
    browser = Browser(lab, "en")
    await browser.log_in()
    text = (await browser.get("/history.csv")).text
    assert not any("\u3040" <= letter <= "\u9fff" for letter in text)
    assert tuple(read(text.encode())[0]) == HEADINGS["en"]


async def test_a_filter_is_the_file_s_too(lab: Lab) -> None:
    """What a filter leaves out is in no file."""
    kept, left = Told(outcome=pb.OUTCOME_DENIED), Told()
    await lab.deliver([kept, left])
    browser = Browser(lab)
    await browser.log_in()
    for path in ("/history.csv?outcome=DENIED", "/history.json?outcome=DENIED"):
        text = (await browser.get(path)).text
        assert kept.request_id in text
        assert left.request_id not in text


@pytest.mark.parametrize("code", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1＋1", "＠x"])
async def test_no_text_becomes_a_formula(lab: Lab, code: str) -> None:
    """A code that a spreadsheet would compute stands there as text, behind an apostrophe."""
    await lab.deliver([Told(requester="x", procedure=code, outcome=pb.OUTCOME_DENIED)])
    browser = Browser(lab)
    await browser.log_in()
    _, row = read((await browser.get("/history.csv")).content)
    assert f"'{code}" in row
    assert code not in row


@given(st.text(max_size=20))
def test_a_cell_is_its_text_or_its_text_behind_an_apostrophe(text: str) -> None:
    """Nothing is lost, and nothing begins as formulas begin."""
    made = cell(text)
    assert made.removeprefix("'") == text.removeprefix("'")
    assert not made.startswith(("=", "+", "-", "@", "\t", "\r"))


async def test_an_empty_history_is_an_empty_file(lab: Lab) -> None:
    """Who has no entries gets the headings, and a document with an empty list."""
    browser = Browser(lab)
    await browser.log_in(SORA)
    assert len(read((await browser.get("/history.csv")).content)) == 1
    assert (await browser.get("/history.json")).json() == {"entries": []}


async def test_taking_away_is_noted_and_needs_a_login(lab: Lab) -> None:
    """The operation history tells of each file, and nobody else gets one."""
    browser = Browser(lab)
    for path in ("/history.csv", "/history.json"):
        assert (await browser.get(path)).status_code == 303
    await browser.log_in()
    await browser.get("/history.csv")
    acts = [one["act"] for one in (await browser.get("/api/v1/operations")).json()["operations"]]
    assert acts.count("history-exported") == 1
    assert "やりとりの履歴をファイルに保存しました" in visible((await browser.get("/operations")).text)


async def test_easy_japanese_is_chosen_and_stays(lab: Lab) -> None:
    """The choice changes purpose and words, is kept by a cookie, is taken back, and is none in English."""
    told = Told()
    await lab.deliver([told])
    browser = Browser(lab)
    await browser.log_in()
    plain = BOOK.rows["P07"].purpose.plain
    assert plain not in (await browser.get(f"/history/{told.request_id}")).text
    assert plain in (await browser.get(f"/history/{told.request_id}?easy=1")).text
    assert plain in (await browser.get("/history")).text
    english = (await browser.get("/history?lang=en")).text
    assert plain not in english
    assert 'data-testid="easy"' not in english
    assert plain not in (await browser.get("/history?lang=ja&easy=0")).text
    assert plain not in (await browser.get("/history")).text


def test_every_easy_text_says_a_text_that_there_is_and_fills_the_same_places() -> None:
    """The catalogue of easy Japanese has no text that no template shows, and each names the same values."""
    used = {m for _, _, m, _, _ in extract_from_dir(HERE, [("templates/**.html", "jinja2.ext:babel_extract")])}
    for path in sorted((HERE / "locale" / languages.EASY / "LC_MESSAGES").glob("*.po")):
        catalogue = read_po(BytesIO(path.read_bytes()), locale="ja")
        for message in catalogue:
            if message.id:
                assert message.id in used
                assert message.string
                places = {place for place in str(message.string).split("%(")[1:] if place}
                assert {place.split(")")[0] for place in places} <= {
                    place.split(")")[0] for place in str(message.id).split("%(")[1:]
                }
