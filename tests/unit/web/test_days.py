"""Days as people read them."""

from datetime import date
from gettext import NullTranslations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from warifu.kernel.instants import datetime_at
from warifu.web.assets import Assets
from warifu.web.dates import day, iso, iso_at, iso_both
from warifu.web.pages import Pages


@pytest.mark.parametrize("when", ["2026-04-06", date(2026, 4, 6)])
def test_a_day_is_written_in_the_reader_s_language(when: date | str) -> None:
    """A day, and the same as programs write it, comes with its weekday."""
    assert day(when, "ja") == "2026年4月6日（月）"
    assert day(when, "en") == "Mon 6 April 2026"


def test_no_day_is_nothing_and_nonsense_is_refused() -> None:
    """An empty text stays empty; a text that is no day is never passed on as one."""
    assert day("", "ja") == ""
    with pytest.raises(ValueError, match="soon"):
        day("soon", "en")


def test_templates_write_days_in_the_language_of_the_page(tmp_path: Path) -> None:
    """The filter `day` knows which language its page is in."""
    (tmp_path / "page.html").write_text("{{ '2026-04-06' | day }}", encoding="utf-8")
    pages = Pages([tmp_path], {code: NullTranslations() for code in ("ja", "en")}, Assets([tmp_path], {}))
    for language, told in (("ja", "2026年4月6日（月）"), ("en", "Mon 6 April 2026")):
        scope = {
            "type": "http",
            "method": "GET",
            "headers": [],
            "query_string": f"lang={language}".encode(),
            "path": "/",
        }
        assert pages.render(Request(scope), "page.html").body.decode() == told


@given(
    instant=st.integers(-(10**12), 10**13),
    gap=st.one_of(st.just(0), st.integers(-120_000, 120_000), st.integers(-(10**11), 10**11)),
)
def test_moments_for_programs_are_written_alike(instant: int, gap: int) -> None:
    """A moment, and two at once, are written as `iso` writes them, in whichever minute, day or century they lie."""
    first, second = (iso(datetime_at(one)) for one in (instant, instant + gap))
    assert iso_at(instant) == first
    assert iso_both(instant, instant + gap) == (first, second)
