"""Parts of the numbering body: allowance, vault, typed numbers, dates of certificates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel.clock import JAPAN
from warifu.kernel.errors import LinkageError, Reason
from warifu.numbering import typed
from warifu.numbering.allowance import Allowance
from warifu.numbering.authority import Authority, expiry
from warifu.numbering.keys import simulated
from warifu.numbering.vault import Vault
from warifu.numbers import individual_number, resident_code


@dataclass
class Hand:
    """A clock moved by hand."""

    time: datetime = datetime(2026, 4, 6, tzinfo=UTC)

    def machine(self) -> datetime:
        """The hand's time."""
        return self.time

    network = machine

    def today(self) -> date:
        """The hand's day."""
        return self.time.astimezone(JAPAN).date()


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 5)), max_size=60))
def test_no_span_sees_more_than_its_share(steps: list[tuple[int, int]]) -> None:
    """However uses are spread, those granted in n minutes are at most n + 1 times the minute's share."""
    clock, granted = Hand(), []
    allowance = Allowance(clock, a_minute=6)
    for seconds, tries in steps:
        clock.time += timedelta(seconds=seconds)
        for _ in range(tries):
            if allowance.left("a") >= 1:
                allowance.use("a")
                granted.append(clock.time)
    for first in granted:
        for minutes in (1, 2, 5):
            within = [time for time in granted if timedelta(0) <= time - first < timedelta(minutes=minutes)]
            assert len(within) <= 6 * (minutes + 1)


def test_an_empty_allowance_refuses_and_refills() -> None:
    """When all is used the institution is refused, others are not, and time gives back evenly."""
    clock = Hand()
    allowance = Allowance(clock, a_minute=6)
    allowance.use("a", 6)
    with pytest.raises(LinkageError) as refused:
        allowance.require("a")
    assert refused.value.reason == Reason.CLIENT_RATE_LIMITED
    allowance.require("b")
    clock.time += timedelta(seconds=10)
    assert allowance.left("a") == 1


def test_the_clock_going_back_gives_nothing() -> None:
    """A machine clock that is set back neither grants nor takes."""
    clock = Hand()
    allowance = Allowance(clock, a_minute=6)
    allowance.use("a", 6)
    clock.time -= timedelta(hours=1)
    assert allowance.left("a") == 0


def test_sealed_values_open_as_their_kind_alone() -> None:
    """Equal codes seal equally, a number's seal does not open as a code, and another key opens nothing."""
    vault, other = Vault(bytes(32)), Vault(bytes(31) + b"\1")
    assert vault.seal_code("88800000001") == vault.seal_code("88800000001")
    assert vault.open_code(vault.seal_code("88800000001")) == "88800000001"
    for sealed in (vault.seal_number("88800000001"), other.seal_code("88800000001")):
        with pytest.raises(InvalidTag):
            vault.open_code(sealed)


def test_a_number_may_be_typed_as_it_is_printed() -> None:
    """Spaces and full-width digits are taken away before the check; nothing else is."""
    number = individual_number.derive(bytes(16), resident_code.derive(bytes(16), 1), 0)
    wide = number.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert typed.number(f" {number[:4]} {number[4:8]}　{number[8:]} ") == number
    assert typed.number(wide) == number
    with pytest.raises(LinkageError) as refused:
        typed.number(number + "a")
    assert refused.value.reason == Reason.CLIENT_NUMBER_MALFORMED


@pytest.mark.parametrize(
    ("now", "born", "end"),
    [
        ("2026-04-06", "1990-05-01", "2030-05-01"),
        ("2026-05-01", "1990-05-01", "2031-05-01"),
        ("2026-05-02", "1990-05-01", "2031-05-01"),
        ("2026-04-06", "2026-04-06", "2031-04-06"),
        ("2026-02-27", "2000-02-29", "2030-02-28"),
        ("2024-02-29", "2000-02-29", "2029-02-28"),
        ("2023-12-31", "2000-02-29", "2028-02-29"),
    ],
)
def test_a_certificate_ends_on_the_fifth_birthday(now: str, born: str, end: str) -> None:
    """It is good to the end of the fifth birthday after the day of issue, in Japan."""
    issued = datetime.fromisoformat(now).replace(hour=12, tzinfo=JAPAN)
    assert expiry(issued, date.fromisoformat(born)) == datetime.fromisoformat(f"{end}T23:59:59+09:00")


@given(st.dates(date(1900, 1, 1), date(2026, 1, 1)), st.dates(date(2026, 1, 2), date(2060, 1, 1)))
def test_a_certificate_lives_four_to_five_years(born: date, issued: date) -> None:
    """Whatever the birthday, a certificate lives more than four years and at most five."""
    now = datetime(issued.year, issued.month, issued.day, 12, tzinfo=JAPAN)
    end = expiry(now, born).astimezone(JAPAN).date()
    assert timedelta(days=4 * 365) < end - issued <= timedelta(days=5 * 365 + 2)


def test_the_authority_outlives_its_process(tmp_path) -> None:
    """Key and certificate are made once and read again; both files are the owner's alone."""
    now = datetime(2026, 4, 6, tzinfo=UTC)
    first, second = (Authority.load_or_create(tmp_path, now) for _ in range(2))
    assert first.der == second.der
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o600}


def test_simulated_keys_are_apart() -> None:
    """Seed and name each make another key, and the same ones the same."""
    keys = {simulated(seed, name) for seed in (1, 2) for name in ("numbers", "codes")}
    assert len(keys) == 4
    assert simulated(1, "codes") == simulated(1, "codes")
