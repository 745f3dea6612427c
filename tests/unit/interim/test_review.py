"""Which answers wait for a clerk."""

import hmac
from datetime import date, timedelta
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.lookup import Found, Person
from warifu.interim.review import Rule, rule_for, sampled

TODAY = date(2026, 6, 10)
KEY = b"k" * 32
PLAIN = Person("1", non_disclosure=False, self_disclosure_blocked=False, manual_review=False)
FOUND = Found(ex.FINE_OUTCOME_PROVIDED)


def unsampled():
    """A permit id outside the sample."""
    return next(str(n) for n in range(100) if not sampled(KEY, str(n)))


@given(st.binary(min_size=32, max_size=32), st.text(max_size=36))
def test_the_sample_is_what_the_protocol_page_says(key, permit_id):
    """The draw is the first 8 bytes of HMAC-SHA-256(sample key, tag ‖ permit id), divisible by 40."""
    digest = hmac.new(key, b"warifu/review-sample/v1\0" + permit_id.encode(), sha256).digest()
    assert sampled(key, permit_id) == (int.from_bytes(digest[:8], "big") % 40 == 0)


def test_about_1_in_40_is_drawn():
    """Of 40,000 ids about 1,000 are drawn (4 standard deviations allowed), and other ones with another key."""
    one, other = ({n for n in range(40_000) if sampled(key, str(n))} for key in (KEY, bytes(32)))
    for drawn in (one, other):
        assert abs(len(drawn) - 1000) < 125
    assert len(one & other) < 60


def test_the_sample_knows_no_person():
    """A drawn exchange about somebody unknown waits like any other."""
    drawn = next(str(n) for n in range(1000) if sampled(KEY, str(n)))
    assert rule_for(KEY, drawn, None, Found(ex.FINE_OUTCOME_NOT_REGISTERED), TODAY) == Rule.SAMPLE
    assert rule_for(KEY, unsampled(), None, Found(ex.FINE_OUTCOME_NOT_REGISTERED), TODAY) is None


@given(st.integers(0, 30))
def test_a_fresh_correction_waits_for_7_days(days):
    """A record corrected less than 7 days ago waits, one corrected 7 days ago does not."""
    found = Found(ex.FINE_OUTCOME_PROVIDED, (), TODAY - timedelta(days=days))
    rule = rule_for(KEY, unsampled(), PLAIN, found, TODAY)
    assert rule == (Rule.FRESH if days < 7 else None)


def test_an_ordered_review_waits_whatever_was_found():
    """With manual review ordered, every answer about the person waits, also when there is nothing to provide."""
    person = Person("1", non_disclosure=False, self_disclosure_blocked=False, manual_review=True)
    for outcome in (ex.FINE_OUTCOME_PROVIDED, ex.FINE_OUTCOME_NO_RECORD, ex.FINE_OUTCOME_NOT_REGISTERED):
        assert rule_for(KEY, unsampled(), person, Found(outcome), TODAY) == Rule.ORDERED


def test_non_disclosure_alone_makes_nobody_wait():
    """The flag that hides an exchange from the history is no reason to wait, or waiting would show it."""
    hidden = Person("1", non_disclosure=True, self_disclosure_blocked=True, manual_review=False)
    assert rule_for(KEY, unsampled(), hidden, FOUND, TODAY) is None
