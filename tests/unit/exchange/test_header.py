"""The request header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.exchange.samples import request

from warifu.common.v1 import common_pb2
from warifu.exchange import header
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason

WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=40)
DAYS = st.dates().map(lambda day: day.isoformat())
SPANS = st.one_of(
    st.just(common_pb2.Span()),
    st.integers(1900, 2200).map(lambda year: common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=year))),
    st.lists(DAYS, min_size=2, max_size=2)
    .map(sorted)
    .map(lambda days: common_pb2.Span(period=common_pb2.Period(first_day=days[0], last_day=days[1]))),
)


@given(st.uuids(), WORDS, WORDS, SPANS, st.booleans(), st.none() | st.tuples(DAYS, WORDS))
def test_parse_undoes_build(uuid, office, clerk, span, hidden, consent):
    """Every well-formed header comes back as it was, and its bytes give the same hash each time."""
    message = request(
        request_id=str(uuid),
        office=office,
        clerk=clerk,
        span=span,
        non_disclosure=hidden,
        consent=exchange_pb2.Consent(given_on=consent[0], reference=consent[1]) if consent else None,
    )
    data = header.build(message)
    assert header.parse(data) == message
    assert header.header_hash(data) == header.header_hash(header.build(message))


def period(first=None, last=None):
    """A span of days."""
    return common_pb2.Span(period=common_pb2.Period(first_day=first, last_day=last))


def consent(day="2026-04-06", reference="form 7"):
    """A consent."""
    return exchange_pb2.Consent(given_on=day, reference=reference)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("request_id", {"request_id": "not-a-uuid"}),
        ("request_id", {"request_id": "A" * 36}),
        ("requester", {"requester": ""}),
        ("requester", {"requester": "NHI-480029"}),
        ("provider", {"provider": "x" * 41}),
        ("affair", {"affair": "JM9"}),
        ("procedure", {"procedure": "JT9000000000010１"}),
        ("item", {"item": "TM90000000000001X"}),
        ("span.fiscal_year.year", {"span": common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=1))}),
        ("span.period.first_day", {"span": period("2026-02-30")}),
        ("span.period.last_day", {"span": period(None, "20260406")}),
        ("span.period", {"span": period("2026-04-06", "2026-04-05")}),
        ("office", {"office": ""}),
        ("office", {"office": " "}),
        ("office", {"office": "あ" * 41}),
        ("clerk", {"clerk": "c\n17"}),
        ("consent.given_on", {"consent": consent(day="yesterday")}),
        ("consent.reference", {"consent": consent(reference="")}),
        ("consent.reference", {"consent": consent(reference="r" * 61)}),
    ],
)
def test_a_malformed_field_is_named(field, changes):
    """A field that is not as the contract says is refused as CLIENT_MALFORMED with the field's name, when built and when read."""
    message = request(**changes)
    for attempt in (lambda: header.build(message), lambda: header.parse(message.SerializeToString())):
        with pytest.raises(LinkageError) as caught:
            attempt()
        assert (caught.value.reason, caught.value.metadata["field"]) == (Reason.CLIENT_MALFORMED, field)


@pytest.mark.parametrize("tail", [b"\xf8\x07\x01", b"\xff", b"\x1a\x02\xc3\x28"])
def test_unknown_fields_and_unreadable_bytes_are_refused(tail):
    """Fields that the contract does not know, broken bytes and invalid UTF-8 are refused as a whole."""
    with pytest.raises(LinkageError) as caught:
        header.parse(header.build(request()) + tail)
    assert caught.value.reason == Reason.CLIENT_MALFORMED


def test_unknown_fields_inside_a_part_are_refused_too():
    """A field that hides inside the span is found like one at the top."""
    data = request(span=None).SerializeToString() + b"\x3a\x05\x0a\x03\xf8\x07\x01"
    with pytest.raises(LinkageError) as caught:
        header.parse(data)
    assert caught.value.metadata["field"] == "header"


def test_an_oversize_header_is_refused_before_it_is_read():
    """A header above 4,096 bytes is refused by its size."""
    with pytest.raises(LinkageError) as caught:
        header.parse(b"\xff" * 4097)
    assert caught.value.reason == Reason.CLIENT_TOO_LARGE


def test_markup_in_free_text_is_kept_as_text():
    """Angle brackets are ordinary characters here; showing them safely is the business of who shows them."""
    assert header.parse(header.build(request(office="<script>alert(1)</script>"))).office.startswith("<script>")
