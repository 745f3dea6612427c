"""The request header: what the requester asks, in the clear for the gateway and the provider (docs/PROTOCOL.md §4).

A header is bytes: its author's bytes are hashed, relayed and stored, and never serialised again.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Final

from warifu.common.v1 import common_pb2
from warifu.exchange import form
from warifu.exchange.form import FormError
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import malformed

LARGEST_HEADER: Final = 4096
"""Bytes of a serialised header, at most."""
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2200


def header_hash(header: bytes) -> bytes:
    """SHA-256 of the header bytes, by which queries, answers and seals name an inquiry."""
    return sha256(header).digest()


def build(header: exchange_pb2.RequestHeader) -> bytes:
    """Check and serialise a header.

    Raises:
        LinkageError: CLIENT_MALFORMED, naming the field.
    """
    data = header.SerializeToString(deterministic=True)
    parse(data)
    return data


def parse(data: bytes) -> exchange_pb2.RequestHeader:
    """Read and check header bytes.

    Raises:
        LinkageError: CLIENT_MALFORMED, naming the field; CLIENT_TOO_LARGE above 4,096 bytes.
    """
    if len(data) > LARGEST_HEADER:
        raise LinkageError(Reason.CLIENT_TOO_LARGE, metadata={"field": "header", "limit": str(LARGEST_HEADER)})
    try:
        header = form.parse_whole(exchange_pb2.RequestHeader, data, "header")
        _check(header)
    except FormError as error:
        raise malformed(error.field, error.problem) from error
    return header


def check_span(span: common_pb2.Span) -> None:
    """Check what is asked for in time; an unset span means the present.

    Raises:
        FormError: a year out of range, a day that is none, a period that ends before it begins.
    """
    which = span.WhichOneof("span")
    if which == "fiscal_year" and not _FIRST_YEAR <= span.fiscal_year.year <= _LAST_YEAR:
        raise FormError("span.fiscal_year.year", f"not between {_FIRST_YEAR} and {_LAST_YEAR}")
    if which == "period":
        check_period("span.period", span.period)


def check_period(field: str, period: common_pb2.Period) -> None:
    """Check a span of days.

    Raises:
        FormError: a day that is none, or the last day before the first.
    """
    days = [
        form.check_day(f"{field}.{name}", getattr(period, name))
        for name in ("first_day", "last_day")
        if period.HasField(name)
    ]
    if days != sorted(days):
        raise FormError(field, "ends before it begins")


@lru_cache(maxsize=4096)  # a clerk asks the same of many people, and three parties read each header
def _check_named(
    requester: str, provider: str, affair: str, procedure: str, item: str, office: str, clerk: str
) -> None:
    form.check_institution("requester", requester)
    form.check_institution("provider", provider)
    form.check_code("affair", affair)
    form.check_code("procedure", procedure)
    form.check_code("item", item)
    form.check_text("office", office, 40)
    form.check_text("clerk", clerk, 40)


def _check(header: exchange_pb2.RequestHeader) -> None:
    form.check_uuid("request_id", header.request_id)
    _check_named(
        header.requester,
        header.provider,
        header.affair,
        header.procedure,
        header.item,
        header.office,
        header.clerk,
    )
    check_span(header.span)
    if header.HasField("consent"):
        form.check_day("consent.given_on", header.consent.given_on)
        form.check_text("consent.reference", header.consent.reference, 60)
