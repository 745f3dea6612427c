"""Filters: what is left is exactly what fits, in pages that cost the same however much lies behind them; nothing is counted."""

from __future__ import annotations

import html
import re
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.portal.browser import Browser, visible
from unit.portal.lab import BOOK, HANA, SORA, START, Lab, Told

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.clock import JAPAN
from warifu.kernel.instants import datetime_at, milliseconds
from warifu.kernel.months import month_at
from warifu.kernel.store import Store
from warifu.kernel.vault import Vault
from warifu.portal.history import keeping
from warifu.portal.history.entries import Entry, Page, Position
from warifu.portal.history.filters import EVERYTHING, Filter
from warifu.portal.history.queries import LOOKED, History
from warifu.portal.kept import Kept, Seals
from warifu.portal.tables import metadata

ME, ALSO_ME, OTHER = b"me", b"me too", b"other"
MONTH = 31 * 24 * 3600 * 1000
BEGIN = milliseconds(START)
INSTITUTIONS, PROCEDURES = ("nhi", "tax", "city"), ("p1", "p2")
OUTCOMES = (pb.OUTCOME_ANSWERED, pb.OUTCOME_DENIED)


def kept(number: int, subject: bytes, time: int, requester: str, provider: str, procedure: str, outcome: int) -> Kept:
    """One stored entry."""
    return Kept(
        f"{number:036}", BEGIN + time, subject, None, requester, provider, "a", procedure, "i", None, outcome,
        b"", b"", None, None, None, number + 1,
    )  # fmt: skip


def stored(rows: list[Kept]) -> History:
    """A history in memory."""
    seals = Seals(Vault(Path("nowhere"), month_at(0), bytes(32)))
    store = Store("sqlite://", metadata)
    store.lines._write_engine = store.lines._read_engine
    store.create()
    store.read(lambda c: keeping.keep_all(c, seals, rows))
    return History(store, seals)


def everything(history: History, subjects: list[bytes], wanted: Filter, size: int) -> list[str]:
    """All request ids, page after page."""
    page, found = history.page(subjects, size=size, wanted=wanted), []
    for _ in range(200):
        found += [entry.request_id for entry in page.entries]
        if page.older is None:
            return found
        page = history.page(subjects, before=page.older, size=size, wanted=wanted)
    raise AssertionError("it never ends")


ROWS = st.lists(
    st.tuples(
        st.sampled_from([ME, ALSO_ME, OTHER]),
        st.sampled_from([0, 1, 2, MONTH, MONTH + 1, 4 * MONTH]),
        st.sampled_from(INSTITUTIONS),
        st.sampled_from(INSTITUTIONS),
        st.sampled_from(PROCEDURES),
        st.sampled_from(OUTCOMES),
    ),
    max_size=25,
)
DAYS = st.one_of(
    st.none(), st.sampled_from([datetime_at(BEGIN + at).astimezone(JAPAN).date() for at in (0, MONTH, 5 * MONTH)])
)
WANTED = st.builds(
    Filter,
    st.sampled_from([None, *INSTITUTIONS, "nobody"]),
    st.sampled_from([None, *PROCEDURES]),
    st.sampled_from([None, "ANSWERED", "DENIED", "EXPIRED"]),
    DAYS,
    DAYS,
)


def fits(wanted: Filter, one: Kept) -> bool:
    """The meaning of a filter, said once more and otherwise."""
    day = datetime_at(one.requested_at).astimezone(JAPAN).date()
    return (
        (wanted.institution is None or wanted.institution in (one.requester, one.provider))
        and (wanted.procedure is None or wanted.procedure == one.procedure)
        and (wanted.outcome is None or pb.Outcome.Value(f"OUTCOME_{wanted.outcome}") == one.outcome)
        and (wanted.first is None or day >= wanted.first)
        and (wanted.last is None or day <= wanted.last)
    )


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(given_rows=ROWS, wanted=WANTED, size=st.integers(1, 5))
def test_a_filter_leaves_what_fits_in_order_and_once(given_rows, wanted: Filter, size: int) -> None:
    """Whatever is wanted, the pages are the sorted list of one's own entries that fit, cut up; and back again they are the same."""
    rows = [kept(number, *row) for number, row in enumerate(given_rows)]
    history = stored(rows)
    own = [one for one in rows if one.subject != OTHER and fits(wanted, one)]
    expected = [one.request_id for one in sorted(own, key=lambda one: (one.requested_at, one.request_id), reverse=True)]
    assert everything(history, [ME, ALSO_ME], wanted, size) == expected
    page = history.page([ME, ALSO_ME], size=100, wanted=wanted)
    if len(page.entries) > size:
        mark = page.entries[size].position
        back = history.page([ME, ALSO_ME], after=mark, size=size, wanted=wanted)
        assert [one.request_id for one in back.entries] == expected[:size]


OLDEST = ("city", "tax", "p1", pb.OUTCOME_DENIED)


def many(count: int) -> History:
    """One person's entries of one procedure, of which only the oldest was refused, and asked by another institution."""
    rows = [
        kept(number, ME, number, *(("nhi", "tax", "p1", pb.OUTCOME_ANSWERED) if number else OLDEST))
        for number in range(count)
    ]
    return stored(rows)


def test_a_second_condition_is_looked_for_a_bounded_way() -> None:
    """Where one condition is common and the other rare, a page looks at so many entries, says that it goes on, and the pages lead there."""
    history = many(LOOKED + 500)
    wanted = Filter(institution="city", procedure="p1")
    page = history.page([ME], wanted=wanted)
    assert (list(page.entries), page.cut) == ([], True)
    assert page.older is not None
    rest = history.page([ME], before=page.older, wanted=wanted)
    assert [one.request_id for one in rest.entries] == [f"{0:036}"]
    assert rest.older is None
    back = history.page([ME], after=rest.entries[0].position, wanted=wanted)
    assert (list(back.entries), back.cut) == ([], True)


def statements(history: History, wanted: Filter) -> tuple[Page, int, int]:
    """A page, how many statements it took and how many contents were opened for it."""
    asked: list[str] = []
    driver = history.store.lines._reader.connection.driver_connection
    driver.set_trace_callback(asked.append)
    calls = []
    vault = type(history.seals.vault)
    vault.unseal = lambda *given: calls.append(1) or _UNSEAL(*given)
    vault.unseal_all = lambda self, given: calls.extend(given) or _UNSEAL_ALL(self, given)
    try:
        page = history.page([ME], wanted=wanted)
    finally:
        vault.unseal, vault.unseal_all = _UNSEAL, _UNSEAL_ALL
        driver.set_trace_callback(None)
    return page, len(asked), len(calls)


_UNSEAL, _UNSEAL_ALL = Vault.unseal, Vault.unseal_all


def test_a_rare_thing_is_found_without_opening_the_others() -> None:
    """Of hundreds of entries only the one that was refused is opened, and no statement counts."""
    page, asked, opened = statements(many(600), Filter(outcome="DENIED"))
    assert [one.request_id for one in page.entries] == [f"{0:036}"]
    assert opened == 1
    assert asked <= 5


def test_no_filter_opens_one_page() -> None:
    """Without a filter one page and the entry after it are opened."""
    page, _, opened = statements(many(600), EVERYTHING)
    assert (len(page.entries), opened) == (20, 21)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, EVERYTHING),
        ({"institution": "nhi-480029", "outcome": "DENIED"}, Filter("nhi-480029", None, "DENIED")),
        ({"from": "2026-04-01", "to": "2026-04-30"}, Filter(first=date(2026, 4, 1), last=date(2026, 4, 30))),
        ({"outcome": "PENDING", "from": "yesterday", "to": "2026-02-30", "institution": "x" * 65}, EVERYTHING),
        ({"procedure": " "}, EVERYTHING),
        ({"from": "0001-01-01", "to": "9999-12-31"}, EVERYTHING),
        ({"from": "1900-01-01", "to": "2999-12-31"}, Filter(first=date(1900, 1, 1), last=date(2999, 12, 31))),
    ],
)
def test_a_filter_is_read_from_the_address(query: dict[str, str], expected: Filter) -> None:
    """What is well-formed is a condition, what is not is none, and the far ends of the calendar break nothing."""
    wanted = Filter.read(query)
    assert wanted == expected
    assert stored([kept(0, ME, 0, "nhi", "tax", "p1", pb.OUTCOME_ANSWERED)]).page([ME], wanted=wanted) is not None


@given(WANTED)
def test_an_address_says_the_filter_again(wanted: Filter) -> None:
    """What a page's links carry is the filter that it was asked with."""
    assert Filter.read(dict(parse_qsl(wanted.query().removeprefix("?")))) == wanted
    assert wanted.query(before="x").endswith("before=x")


TOLD = [
    Told(START - timedelta(days=1)),
    Told(START - timedelta(days=2), row="P08", provider="insurer-06480016"),
    Told(START - timedelta(days=3), outcome=pb.OUTCOME_DENIED),
    Told(START - timedelta(days=40), outcome=pb.OUTCOME_EXPIRED),
]


async def shown(browser: Browser, query: str) -> list[str]:
    """Request ids on a page of the history."""
    return re.findall(
        r'data-testid="entry"[^>]*data-request-id="([^"]+)"', (await browser.get(f"/history{query}")).text
    )


async def test_the_page_shows_what_fits(lab: Lab) -> None:
    """Institution, procedure, outcome and period leave what they say; page and document agree."""
    await lab.deliver(TOLD)
    browser = Browser(lab)
    await browser.log_in()
    ids = [told.request_id for told in TOLD]
    cases = {
        "": ids,
        "?institution=insurer-06480016": ids[1:2],
        "?institution=nhi-480029": ids,
        f"?procedure={BOOK.rows['P08'].procedure.code}": ids[1:2],
        "?outcome=DENIED": ids[2:3],
        "?outcome=ANSWERED&institution=tax-480011": ids[:1],
        "?to=2026-03-31": ids[3:],
        "?from=2026-04-04&to=2026-04-04": ids[1:2],
    }
    for query, expected in cases.items():
        assert await shown(browser, query) == expected, query
        document = (await browser.get(f"/api/v1/history{query}")).json()
        assert [entry["request_id"] for entry in document["entries"]] == expected


async def test_paging_keeps_the_filter(lab: Lab) -> None:
    """The link to older entries carries the conditions, and leads to the rest of what fits."""
    await lab.deliver([Told(START - timedelta(hours=n)) for n in range(25)])
    await lab.deliver([Told(START - timedelta(hours=n), outcome=pb.OUTCOME_DENIED) for n in range(25)])
    browser = Browser(lab)
    await browser.log_in()
    text = (await browser.get("/history?outcome=DENIED")).text
    (link,) = re.findall(r'rel="next" href="([^"]+)"', text)
    assert "outcome=DENIED" in link
    rest = (await browser.get(html.unescape(link))).text
    assert rest.count('data-outcome="DENIED"') == 5
    assert 'data-outcome="ANSWERED"' not in rest


async def test_what_is_withheld_is_nowhere(lab: Lab) -> None:
    """With a withheld exchange beside, every filter shows, and every file holds, byte for byte what it does without."""
    await lab.deliver(TOLD)
    browser = Browser(lab)
    await browser.log_in()
    paths = [
        f"/{face}{query}"
        for face in ("history", "history.csv", "history.json", "api/v1/history")
        for query in ("", "?outcome=ANSWERED", "?institution=tax-480011", "?from=2026-04-06")
    ]
    before = [(await browser.get(path)).content for path in paths]
    with pytest.raises(Exception, match="DELIVERY"):
        await lab.deliver([Told(START, withheld=True)])
    assert [(await browser.get(path)).content for path in paths] == before


async def test_choices_are_the_law_book_s_and_not_one_s_own(lab: Lab) -> None:
    """What can be filtered by is the same for everyone: it tells nothing of what lies in anybody's history."""
    await lab.deliver(TOLD)
    pages = []
    for person in (HANA, SORA):
        browser = Browser(lab)
        await browser.log_in(person)
        text = (await browser.get("/history")).text
        pages.append(re.findall(r"<select.*?</select>", text, re.DOTALL))
    assert len(pages[0]) == 3
    assert pages[0] == pages[1]


async def test_nothing_fits(lab: Lab) -> None:
    """A filter that nothing fits says so and how to go on, not that there is no history."""
    await lab.deliver(TOLD)
    browser = Browser(lab)
    await browser.log_in()
    text = visible((await browser.get("/history?outcome=ERROR")).text)
    assert "条件に合うやりとりはありません" in text
    assert "条件をすべて外す" in text


def test_positions_are_ordered() -> None:
    """An entry's place is its time and id."""
    one = Entry.of(kept(3, ME, 5, "nhi", "tax", "p1", pb.OUTCOME_ANSWERED))
    assert one.position == Position(BEGIN + 5, f"{3:036}")
