"""Every limit of the network's calls, in one table; docs/PROTOCOL.md shows the same table and a test compares the two.

A `Limit` is an int, so `limits.PAGE` can be used wherever a number is. The `check_…` helpers refuse a value over its limit with an
error that names the field.
"""

from __future__ import annotations

import re
from collections.abc import Sized
from typing import Final, Self

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from warifu.kernel.errors import LinkageError, Reason


class Limit(int):
    """A limit with its unit and what it is for."""

    unit: str
    meaning: str

    def __new__(cls, value: int, unit: str, meaning: str) -> Self:
        """A limit of `value` `unit`s."""
        limit = super().__new__(cls, value)
        limit.unit, limit.meaning = unit, meaning
        return limit


MESSAGE_BYTES: Final = Limit(
    4 * 1024 * 1024, "bytes", "one message, either way; a larger one is refused with CLIENT_TOO_LARGE"
)
TRANSPORT_BYTES: Final = Limit(
    8 * 1024 * 1024, "bytes", "one message that gRPC reads at all; between the two limits the error can say why"
)
STREAMS: Final = Limit(256, "calls", "in progress on one connection; more wait")
BATCH: Final = Limit(200, "items", "one batch: inquiries in a call, a chunk or a block, permits in a Provide")
CHUNKS: Final = Limit(
    4, "chunks", "of one InquireBulk that the gateway works on at once; it reads no further meanwhile"
)
BULK: Final = Limit(1_000, "items", "deposits, claims in one call")
STREAM_ITEMS: Final = Limit(1_000_000, "items", "one streamed call; open another for more")
PAGE: Final = Limit(500, "items", "one page of a list")
PAGE_DEFAULT: Final = Limit(50, "items", "one page when the caller does not say")
ID: Final = Limit(64, "characters", "identifiers that the caller chooses: request id, record id, reference")
CODE: Final = Limit(64, "characters", "codes of institutions, affairs, procedures, items, fields")
ADDRESSEE_NO: Final = Limit(15, "characters", "an addressee number (団体内統合宛名番号)")
NAME: Final = Limit(100, "characters", "a person's name or its reading")
ADDRESS: Final = Limit(200, "characters", "an address")
FREE_TEXT: Final = Limit(200, "characters", "a reason or note that a clerk types")
OFFICE: Final = Limit(60, "characters", "an office, staff code or reference to a consent form")
FIELDS: Final = Limit(100, "items", "field paths in one query")
RECORDS: Final = Limit(100, "items", "records in one answer")
ACQUISITION_BYTES: Final = Limit(16, "bytes", "an acquisition number, exactly")
SUBJECT_BYTES: Final = Limit(128, "bytes", "a subject reference")
ACQUISITION_LIFE: Final = Limit(3_600, "seconds", "machine time in which an acquisition number can be claimed")
PERMIT_LIFE: Final = Limit(60, "seconds", "machine time in which a provider may first accept a permit")
REVIEW_LIFE: Final = Limit(30, "days", "simulated time in which an answer that waits for a clerk may become final")
RETENTION: Final = Limit(84, "months", "simulated time for which contents of a month's exchanges are kept")
OWN_INFORMATION: Final = Limit(
    7, "days", "simulated time for which a person can read their own information at the portal"
)
EXCHANGE_DEADLINE: Final = Limit(10_000, "milliseconds", "an Inquire call from requester to gateway")
PROVIDE_DEADLINE: Final = Limit(5_000, "milliseconds", "a Provide call from gateway to provider")
CALL_DEADLINE: Final = Limit(5_000, "milliseconds", "any other unary call between parties")
COLLECT_WAIT: Final = Limit(20_000, "milliseconds", "a Collect that waits for a change")
LOOKUPS_A_MINUTE: Final = Limit(600, "calls", "look-ups by basic items, an institution and minute")
MERGE_DELAY: Final = Limit(2_000, "milliseconds", "from committed to logged; older waiting records stop exchanges")
CHECKPOINT_BYTES: Final = Limit(8_192, "bytes", "a signed checkpoint that is shown to the witness")
PROOF: Final = Limit(63, "hashes", "a consistency proof that is shown to the witness (c2sp.org/tlog-witness)")
RECEIPT_BYTES: Final = Limit(1_024, "bytes", "a receipt that is reported")
FINDINGS: Final = Limit(
    1_000, "findings", "of one kind that the watchdog keeps; it counts further ones in its log file alone"
)
WITNESS_REFRESH: Final = Limit(
    60, "seconds", "after which an unchanged log is cosigned again, so that cosignatures stay fresh"
)
WITNESS_SILENCE: Final = Limit(600, "seconds", "machine time without a word of the witness, after which exchanges stop")
RULINGS: Final = Limit(1_000, "items", "stops, and approvals, that the supervisor has in force at one time")
RULINGS_LIFE: Final = Limit(
    600, "seconds", "machine time in which a provider counts on an approval; the supervisor signs anew every minute"
)
SEARCHED: Final = Limit(20_000, "records", "that one call of a search, or of a look for suspicions, looks at")
SUSPICIONS: Final = Limit(200, "items", "of one rule that a party lists at once")
CORRECTIONS: Final = Limit(20, "items", "correcting entries of one exchange")
FORM_VALUE: Final = Limit(500, "characters", "one place of a form, filled in an application or at the counter")
LETTER_TEXT: Final = Limit(1_000, "characters", "a citizen's letter, or the answer to it")
FILED_TEXT: Final = Limit(2_000, "characters", "a text that an institution files with the supervisor, or is sent by it")
HEALTH_INTERVAL: Final = Limit(1_000, "milliseconds", "between two looks at a party's own health")
CONNECTION_AGE: Final = Limit(900, "seconds", "after which a connection is renewed, and with it the certificate shown")
DRAIN: Final = Limit(5, "seconds", "that a party which stops gives to the calls in progress")

LIMITS: Final = {name: value for name, value in globals().items() if isinstance(value, Limit)}
"""The table, in the order above."""


def check_text(value: str, name: str, limit: int, *, required: bool = True) -> str:
    """The text when it is fit to keep and show.

    Raises:
        LinkageError: CLIENT_MALFORMED when empty though required or when it holds control characters; CLIENT_TOO_LARGE when longer
            than `limit` characters. Both name the field.
    """
    if required and not value:
        raise malformed(name, "missing")
    if len(value) > limit:
        raise LinkageError(Reason.CLIENT_TOO_LARGE, metadata={"field": name, "limit": str(int(limit))})
    if _UNPRINTABLE.search(value):
        raise malformed(name, "control character")
    return value


_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Unicode categories Cc, Cs, Zl and Zp, whole."""


def check_items(items: Sized, name: str, limit: int, *, required: bool = True) -> None:
    """Refuse too many items (CLIENT_TOO_MANY_ITEMS) and, when required, none (CLIENT_MALFORMED)."""
    if required and not items:
        raise malformed(name, "missing")
    if len(items) > limit:
        raise LinkageError(Reason.CLIENT_TOO_MANY_ITEMS, metadata={"field": name, "limit": str(int(limit))})


def check_bytes(value: bytes, name: str, *, exactly: int | None = None, limit: int | None = None) -> bytes:
    """The bytes when their number is right; CLIENT_MALFORMED or CLIENT_TOO_LARGE naming the field otherwise."""
    if exactly is not None and len(value) != exactly:
        raise malformed(name, f"not {int(exactly)} bytes")
    if limit is not None and len(value) > limit:
        raise LinkageError(Reason.CLIENT_TOO_LARGE, metadata={"field": name, "limit": str(int(limit))})
    return value


def check_enum(value: int, name: str, kind: EnumTypeWrapper) -> int:
    """The value when it is one of the enumeration's, other than 0 (UNSPECIFIED); CLIENT_MALFORMED naming the field otherwise."""
    if value == 0 or value not in kind.values():
        raise malformed(name, "not a known value")
    return value


def check_page(size: int, default: int = PAGE_DEFAULT) -> int:
    """The page size to use: `default` for 0, never more than PAGE."""
    return min(size or default, PAGE)


def malformed(name: str, problem: str) -> LinkageError:
    """The error of a field that is not valid; `problem` says why, without the value."""
    return LinkageError(Reason.CLIENT_MALFORMED, metadata={"field": name, "problem": problem})
