"""Whatever parties show, the picture is drawn, the page is rendered and the document is made: nothing raises, and nothing escapes."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from unit.stage.sample import ID, PARTIES, PROVIDER, REQUESTER, Sample, Views, drawn, holding

from warifu.control.v1.control_pb2 import HeldValue, Holding
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.simulator.stage.app import DOMAIN, HERE
from warifu.simulator.stage.exchange.document import document
from warifu.simulator.stage.exchange.views import TEMPLATE, values
from warifu.simulator.stage.picture import STEPS, Picture
from warifu.web.pages import Pages

PAGES = Pages.of(HERE, DOMAIN)
FRAME = {"here": "map", "projector": False, "projector_link": "?", "faces": {}, "running": None, "digest": "0"}


def page(picture: Picture, step: int = 1, language: str = "ja", *, playing: bool = False) -> str:
    """The page of a picture at one step."""
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": f"lang={language}".encode()}
    response = PAGES.render(Request(scope), TEMPLATE, **FRAME, **values(picture, step, playing=playing))
    return bytes(response.body).decode()


TABLES = [
    *(f"{code}/{table}" for code in (REQUESTER, PROVIDER, "portal-main") for table in (
        "inquiries", "addressees", "provisions", "copies", "reviews", "answer_blocks", "records", "promises", "entries",
    )),
    "gateway/exchange", "gateway/record", "gateway/log_head", "gateway/outbox", "watchdog/head", "numbering/lookup", "", "/", "odd",
]  # fmt: skip
COLUMNS = sorted({value.name for rows in Sample(reviewed=1).views().values() for row in rows for value in row.values})
TEXTS = st.one_of(
    st.text(max_size=40),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(["True", "False", "", "19", "<b>x</b>"]),
)
MESSAGES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([value.raw for rows in Sample().views().values() for row in rows for value in row.values if value.raw]),
    st.builds(lambda code: pb.SubjectReference(code=code).SerializeToString(), st.binary(max_size=40)),
    st.builds(
        lambda seconds, nanos, header: pb.Permit(
            permit_id=ID, header=header, exchange_time={"seconds": seconds, "nanos": nanos}, review_until={"seconds": seconds}
        ).SerializeToString(),
        st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1), st.binary(max_size=30),
    ),
)  # fmt: skip
VALUES = st.one_of(
    st.builds(lambda name, raw: HeldValue(name=name, raw=raw), st.sampled_from(COLUMNS), MESSAGES),
    st.builds(lambda name, text: HeldValue(name=name, text=text), st.sampled_from(COLUMNS), TEXTS),
    st.builds(lambda name: HeldValue(name=name), st.sampled_from(COLUMNS)),
)
HOLDINGS = st.builds(
    lambda where, held: Holding(where=where, values=held), st.sampled_from(TABLES), st.lists(VALUES, max_size=8)
)
VIEWS = st.dictionaries(st.sampled_from([*PARTIES, "other"]), st.lists(HOLDINGS, max_size=5), max_size=6)
ANY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def survives(views: Views, step: int, language: str) -> None:
    """Drawn, rendered, and made a document."""
    picture = drawn(views=views)
    assert 'data-testid="picture-board"' in page(picture, step, language)
    json.dumps(document(picture))


@ANY
@given(VIEWS, st.sampled_from(STEPS), st.sampled_from(["ja", "en"]))
def test_any_holdings_are_drawn(views: Views, step: int, language: str) -> None:
    """Rows of any table with any values in any columns are drawn and rendered at every step in both languages."""
    survives(views, step, language)


@ANY
@given(st.data(), st.sampled_from(STEPS))
def test_damaged_holdings_are_drawn(data: st.DataObject, step: int) -> None:
    """A real exchange in which any one value was replaced, cut or altered is drawn and rendered."""
    views = copy.deepcopy(Sample(reviewed=1).views())
    every = [value for rows in views.values() for row in rows for value in row.values]
    value = data.draw(st.sampled_from(every))
    raw = bytearray(value.raw)
    if raw and data.draw(st.booleans()):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        value.raw = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    else:
        value.text = data.draw(TEXTS)
    survives(views, step, "en")


@pytest.mark.parametrize("outcome", pb.Outcome.values())
@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_outcome_has_a_page_at_every_step(outcome: int, language: str) -> None:
    """Whatever an exchange came to, each of its steps has a page with one heading, its sentence, and the links on to its neighbours."""
    picture = drawn(Sample(outcome=outcome))
    for step in STEPS:
        told = page(picture, step, language)
        assert told.count("<h1") == 1
        assert picture.step(step).text.to(language).replace("'", "&#39;").replace('"', "&#34;") in told
        assert ('data-testid="prev"' in told) == (step > 1)
        assert ('data-testid="next"' in told) == (step < 7)


def test_english_pages_have_no_japanese() -> None:
    """On an English page nothing is Japanese but the notice, the language link and what the parties themselves wrote."""
    for outcome in (pb.OUTCOME_ANSWERED, pb.OUTCOME_PENDING, pb.OUTCOME_DENIED):
        for step in STEPS:
            body = (
                page(drawn(Sample(outcome=outcome, reviewed=1)), step, "en")
                .partition('<div id="picture"')[2]
                .partition("<footer")[0]
            )
            assert not [letter for letter in body if "\u3040" <= letter <= "\u30ff" or "\u4e00" <= letter <= "\u9fff"]


def test_what_parties_hold_cannot_become_markup() -> None:
    """Text in a view that looks like markup is shown as text."""
    planted = "<script>alert(1)</script>"
    told = page(drawn(Sample(more={"portal": [holding(f"portal-main/{planted}", note=planted)]})), 7)
    assert planted not in told
    assert "&lt;script&gt;" in told


def test_a_step_that_plays_goes_on_without_a_script() -> None:
    """While it plays, a browser without scripts is told to go to the next step, the last of which does not go on."""
    picture = drawn()
    assert f'content="8;url=/exchange/{ID}?step=3&amp;play=1"' in page(picture, 2, playing=True)
    assert f'content="8;url=/exchange/{ID}?step=7"' in page(picture, 6, playing=True)
    assert "http-equiv" not in page(picture, 7, playing=True)
    assert "http-equiv" not in page(picture, 2)


def test_the_document_has_every_byte() -> None:
    """The JSON document has the whole of what each party holds, with where it stands."""
    told = document(drawn())
    gateway = next(one for one in told["parties"] if one["role"] == "gateway")
    answer = next(one for one in gateway["held"] if one["name"] == "answer")
    assert bytes.fromhex(answer["bytes"]) == pb.SealedAnswer.FromString(Sample().sealed_answer()).block.ciphertext
    assert answer["source"] == "gateway/exchange.answer"
    assert [step["state"] for step in told["steps"]] == ["done"] * 7
