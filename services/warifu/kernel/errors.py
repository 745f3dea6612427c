"""Every error that may cross the wire, as one closed list of reasons (docs/PROTOCOL.md §9).

`errors.toml` beside this file has one row a reason: the gRPC status and the texts. A call fails as `google.rpc.Status` with `ErrorInfo`
(reason, domain, metadata), a `LocalizedMessage` in each language and, when the same call may succeed later, `RetryInfo`. One item of a
call fails as `warifu.common.v1.Failure`. A receiver takes texts from its own table, never from the wire.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Final, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from warifu.common.v1 import common_pb2

DOMAIN: Final = "warifu.example"
STATUS_KEY: Final = "grpc-status-details-bin"
VALUE_LIMIT: Final = 200
"""Characters of one metadata value: a peer must not be able to make us show or log a novel."""


class Reason(StrEnum):
    """Why a call or one item of it failed. The prefix says whose side: the caller's, the gateway's, the called or other party's."""

    CLIENT_CERTIFICATE_MISSING = "CLIENT_CERTIFICATE_MISSING"
    CLIENT_CERTIFICATE_INVALID = "CLIENT_CERTIFICATE_INVALID"
    CLIENT_CERTIFICATE_EXPIRED = "CLIENT_CERTIFICATE_EXPIRED"
    CLIENT_CERTIFICATE_REVOKED = "CLIENT_CERTIFICATE_REVOKED"
    CLIENT_CALLER_NOT_ALLOWED = "CLIENT_CALLER_NOT_ALLOWED"
    CLIENT_NOT_YOURS = "CLIENT_NOT_YOURS"
    CLIENT_MALFORMED = "CLIENT_MALFORMED"
    CLIENT_TOO_LARGE = "CLIENT_TOO_LARGE"
    CLIENT_TOO_MANY_ITEMS = "CLIENT_TOO_MANY_ITEMS"
    CLIENT_METHOD_UNKNOWN = "CLIENT_METHOD_UNKNOWN"
    CLIENT_RATE_LIMITED = "CLIENT_RATE_LIMITED"
    CLIENT_CANCELLED = "CLIENT_CANCELLED"
    CLIENT_CLOCK_BACKWARD = "CLIENT_CLOCK_BACKWARD"
    CLIENT_CODE_UNKNOWN = "CLIENT_CODE_UNKNOWN"
    CLIENT_CODE_SUPERSEDED = "CLIENT_CODE_SUPERSEDED"
    CLIENT_REQUEST_CHANGED = "CLIENT_REQUEST_CHANGED"
    CLIENT_REQUEST_UNKNOWN = "CLIENT_REQUEST_UNKNOWN"
    CLIENT_TILE_UNKNOWN = "CLIENT_TILE_UNKNOWN"
    CLIENT_INSTITUTION_UNKNOWN = "CLIENT_INSTITUTION_UNKNOWN"
    CLIENT_QUERY_MISMATCH = "CLIENT_QUERY_MISMATCH"
    CLIENT_QUERY_UNREADABLE = "CLIENT_QUERY_UNREADABLE"
    CLIENT_EXCHANGE_CLOSED = "CLIENT_EXCHANGE_CLOSED"
    CLIENT_EXCHANGE_OPEN = "CLIENT_EXCHANGE_OPEN"
    CLIENT_SAME_BODY = "CLIENT_SAME_BODY"
    CLIENT_REQUESTER_NOT_PERMITTED = "CLIENT_REQUESTER_NOT_PERMITTED"
    CLIENT_AFFAIR_NOT_PERMITTED = "CLIENT_AFFAIR_NOT_PERMITTED"
    CLIENT_PROCEDURE_NOT_PERMITTED = "CLIENT_PROCEDURE_NOT_PERMITTED"
    CLIENT_PROVIDER_NOT_PERMITTED = "CLIENT_PROVIDER_NOT_PERMITTED"
    CLIENT_ITEM_NOT_PERMITTED = "CLIENT_ITEM_NOT_PERMITTED"
    CLIENT_NOT_IN_FORCE = "CLIENT_NOT_IN_FORCE"
    CLIENT_CONSENT_MISSING = "CLIENT_CONSENT_MISSING"
    CLIENT_PIA_MISSING = "CLIENT_PIA_MISSING"
    CLIENT_PIA_EXPIRED = "CLIENT_PIA_EXPIRED"
    PROVIDER_PIA_MISSING = "PROVIDER_PIA_MISSING"
    PROVIDER_PIA_EXPIRED = "PROVIDER_PIA_EXPIRED"
    CLIENT_ORDINANCE_NOT_APPROVED = "CLIENT_ORDINANCE_NOT_APPROVED"
    CLIENT_PIA_BREACH = "CLIENT_PIA_BREACH"
    PROVIDER_PIA_BREACH = "PROVIDER_PIA_BREACH"
    CLIENT_STOPPED = "CLIENT_STOPPED"
    PROVIDER_STOPPED = "PROVIDER_STOPPED"
    CLIENT_RULINGS_INVALID = "CLIENT_RULINGS_INVALID"
    CLIENT_RULINGS_OLD = "CLIENT_RULINGS_OLD"
    PROVIDER_RULINGS_UNAVAILABLE = "PROVIDER_RULINGS_UNAVAILABLE"
    CLIENT_PERMIT_INVALID = "CLIENT_PERMIT_INVALID"
    CLIENT_PERMIT_EXPIRED = "CLIENT_PERMIT_EXPIRED"
    CLIENT_PERMIT_CHANGED = "CLIENT_PERMIT_CHANGED"
    CLIENT_PERMIT_MISMATCH = "CLIENT_PERMIT_MISMATCH"
    PROVIDER_PERMIT_INVALID = "PROVIDER_PERMIT_INVALID"
    PROVIDER_ANSWER_INVALID = "PROVIDER_ANSWER_INVALID"
    PROVIDER_ANSWER_UNREADABLE = "PROVIDER_ANSWER_UNREADABLE"
    CLIENT_DIRECTORY_ENTRY_INVALID = "CLIENT_DIRECTORY_ENTRY_INVALID"
    CLIENT_DIRECTORY_VERSION_OLD = "CLIENT_DIRECTORY_VERSION_OLD"
    CLIENT_DIRECTORY_ENTRY_UNKNOWN = "CLIENT_DIRECTORY_ENTRY_UNKNOWN"
    CLIENT_PROVIDER_UNKNOWN = "CLIENT_PROVIDER_UNKNOWN"
    PROVIDER_DIRECTORY_ENTRY_INVALID = "PROVIDER_DIRECTORY_ENTRY_INVALID"
    CLIENT_ACQUISITION_REFUSED = "CLIENT_ACQUISITION_REFUSED"
    CLIENT_ACQUISITION_CHANGED = "CLIENT_ACQUISITION_CHANGED"
    CLIENT_NUMBER_MALFORMED = "CLIENT_NUMBER_MALFORMED"
    CLIENT_NUMBER_CHECK_DIGIT = "CLIENT_NUMBER_CHECK_DIGIT"
    CLIENT_NUMBER_NOT_SYNTHETIC = "CLIENT_NUMBER_NOT_SYNTHETIC"
    CLIENT_NUMBER_RETIRED = "CLIENT_NUMBER_RETIRED"
    CLIENT_NUMBER_ALONE = "CLIENT_NUMBER_ALONE"
    CLIENT_LOOKUP_TOO_FEW_ITEMS = "CLIENT_LOOKUP_TOO_FEW_ITEMS"
    CLIENT_PERSON_NOT_MATCHED = "CLIENT_PERSON_NOT_MATCHED"
    CLIENT_PERSON_AMBIGUOUS = "CLIENT_PERSON_AMBIGUOUS"
    CLIENT_PERSON_REGISTERED = "CLIENT_PERSON_REGISTERED"
    CLIENT_RESIDENT_CODE_INVALID = "CLIENT_RESIDENT_CODE_INVALID"
    CLIENT_RESIDENT_CODE_TAKEN = "CLIENT_RESIDENT_CODE_TAKEN"
    CLIENT_CARD_UNKNOWN = "CLIENT_CARD_UNKNOWN"
    CLIENT_CARD_CERTIFICATE_NOT_GOOD = "CLIENT_CARD_CERTIFICATE_NOT_GOOD"
    CLIENT_CARD_RENEWAL_EARLY = "CLIENT_CARD_RENEWAL_EARLY"
    CLIENT_CARD_UNDER_AGE = "CLIENT_CARD_UNDER_AGE"
    CLIENT_CARD_LOCKED = "CLIENT_CARD_LOCKED"
    CLIENT_PIN_WRONG = "CLIENT_PIN_WRONG"
    CLIENT_SIGNATURE_PASSWORD_WRONG = "CLIENT_SIGNATURE_PASSWORD_WRONG"  # noqa: S105 - a reason, not a password
    CLIENT_SIGNATURE_LOCKED = "CLIENT_SIGNATURE_LOCKED"
    CLIENT_CHALLENGE_INVALID = "CLIENT_CHALLENGE_INVALID"
    CLIENT_ACCOUNT_UNKNOWN = "CLIENT_ACCOUNT_UNKNOWN"
    CLIENT_DELIVERY_INVALID = "CLIENT_DELIVERY_INVALID"
    CLIENT_DELIVERY_CHANGED = "CLIENT_DELIVERY_CHANGED"
    CLIENT_ADDRESSEE_UNKNOWN = "CLIENT_ADDRESSEE_UNKNOWN"
    CLIENT_NOT_ENROLLED = "CLIENT_NOT_ENROLLED"
    CLIENT_ALREADY_BOUND = "CLIENT_ALREADY_BOUND"
    CLIENT_ALREADY_ENROLLED = "CLIENT_ALREADY_ENROLLED"
    CLIENT_COPY_EXISTS = "CLIENT_COPY_EXISTS"
    CLIENT_COPY_MISSING = "CLIENT_COPY_MISSING"
    CLIENT_COPY_CHANGED = "CLIENT_COPY_CHANGED"
    CLIENT_LAYOUT_UNKNOWN = "CLIENT_LAYOUT_UNKNOWN"
    CLIENT_REVIEW_UNKNOWN = "CLIENT_REVIEW_UNKNOWN"
    CLIENT_REVIEW_CLOSED = "CLIENT_REVIEW_CLOSED"
    CLIENT_CHANGE_NOT_KEPT = "CLIENT_CHANGE_NOT_KEPT"
    CLIENT_REFERENCE_CHANGED = "CLIENT_REFERENCE_CHANGED"
    CLIENT_PERIOD_OVERLAP = "CLIENT_PERIOD_OVERLAP"
    CLIENT_CASE_UNKNOWN = "CLIENT_CASE_UNKNOWN"
    CLIENT_CASE_CLOSED = "CLIENT_CASE_CLOSED"
    CLIENT_APPLICATION_UNKNOWN = "CLIENT_APPLICATION_UNKNOWN"
    CLIENT_APPLICATION_HAS_CASE = "CLIENT_APPLICATION_HAS_CASE"
    CLIENT_APPLICATION_INVALID = "CLIENT_APPLICATION_INVALID"
    CLIENT_LETTER_UNKNOWN = "CLIENT_LETTER_UNKNOWN"
    CLIENT_LETTER_ANSWERED = "CLIENT_LETTER_ANSWERED"
    CLIENT_CHECKPOINT_INVALID = "CLIENT_CHECKPOINT_INVALID"
    CLIENT_CHECKPOINT_SMALLER = "CLIENT_CHECKPOINT_SMALLER"
    CLIENT_CHECKPOINT_FORKED = "CLIENT_CHECKPOINT_FORKED"
    CLIENT_CHECKPOINT_INCONSISTENT = "CLIENT_CHECKPOINT_INCONSISTENT"
    CLIENT_RECEIPT_INVALID = "CLIENT_RECEIPT_INVALID"
    GATEWAY_LOG_UNAVAILABLE = "GATEWAY_LOG_UNAVAILABLE"
    GATEWAY_TABLE_INVALID = "GATEWAY_TABLE_INVALID"
    GATEWAY_RECEIPT_INVALID = "GATEWAY_RECEIPT_INVALID"
    GATEWAY_PERMIT_REFUSED = "GATEWAY_PERMIT_REFUSED"
    GATEWAY_EXPIRED = "GATEWAY_EXPIRED"
    GATEWAY_UNAVAILABLE = "GATEWAY_UNAVAILABLE"
    GATEWAY_TIMEOUT = "GATEWAY_TIMEOUT"
    GATEWAY_STORE_UNAVAILABLE = "GATEWAY_STORE_UNAVAILABLE"
    GATEWAY_TRUST_UNAVAILABLE = "GATEWAY_TRUST_UNAVAILABLE"
    GATEWAY_INTERNAL = "GATEWAY_INTERNAL"
    PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
    PROVIDER_TIMEOUT = "PROVIDER_TIMEOUT"
    PROVIDER_STORE_UNAVAILABLE = "PROVIDER_STORE_UNAVAILABLE"
    PROVIDER_TRUST_UNAVAILABLE = "PROVIDER_TRUST_UNAVAILABLE"
    PROVIDER_INTERNAL = "PROVIDER_INTERNAL"

    @property
    def side(self) -> Side:
        """Whose side failed."""
        return Side(self.split("_", 1)[0])


class Side(StrEnum):
    """Whose side failed."""

    CLIENT = "CLIENT"
    GATEWAY = "GATEWAY"
    PROVIDER = "PROVIDER"

    @classmethod
    def of(cls, party: str) -> Side:
        """The side that a called party is on: the gateway's, or the called party's."""
        return cls.GATEWAY if party == "gateway" else cls.PROVIDER

    def reason(self, kind: str) -> Reason:
        """This side's reason of a kind that both have: UNAVAILABLE, TIMEOUT, STORE_UNAVAILABLE, TRUST_UNAVAILABLE, INTERNAL."""
        return Reason(f"{self}_{kind}")


@dataclass(frozen=True, slots=True)
class Row:
    """What the table says of one reason."""

    code: grpc.StatusCode
    ja: str
    en: str
    retryable: bool = False


def _table() -> dict[Reason, Row]:
    path = Path(__file__).with_name("errors.toml")
    rows = tomllib.loads(path.read_text(encoding="utf-8"))
    if differing := set(rows).symmetric_difference(Reason):
        msg = f"{path} and Reason differ: {sorted(differing)}"
        raise RuntimeError(msg)
    return {Reason(name): Row(**{**row, "code": grpc.StatusCode[row["code"]]}) for name, row in rows.items()}


class _Filler(Formatter):
    """Fills {places} from metadata; what is missing shows as a dash, so that a text is never lost to a missing value."""

    def get_value(self, key: int | str, args: object, kwargs: Mapping[str, str]) -> str:
        del args
        return kwargs.get(str(key), "–")


TABLE: Final[Mapping[Reason, Row]] = _table()
_FILLER = _Filler()


class LinkageError(Exception):
    """A failure with a reason from the closed list.

    Args:
        reason: why.
        metadata: fills the places of the texts and crosses the wire; never personal data.
    """

    def __init__(self, reason: Reason, *, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(str(reason))
        self.reason: Final = reason
        self.metadata: Final[Mapping[str, str]] = {key: value[:VALUE_LIMIT] for key, value in (metadata or {}).items()}
        self._told = common_pb2.LocalizedText()

    def __str__(self) -> str:
        """Reason and English text."""
        return f"{self.reason}: {self.text('en')}"

    @property
    def code(self) -> grpc.StatusCode:
        """The gRPC status that it travels under."""
        return TABLE[self.reason].code

    @property
    def retryable(self) -> bool:
        """The same again later may succeed."""
        return TABLE[self.reason].retryable

    def text(self, language: str) -> str:
        """What a person is told: Japanese for "ja", English otherwise. The words of whoever failed, where they came along."""
        if told := (self._told.ja if language == "ja" else self._told.en):
            return told
        row = TABLE[self.reason]
        return _FILLER.vformat(row.ja if language == "ja" else row.en, (), self.metadata)

    def failure(self) -> common_pb2.Failure:
        """The failure of one item."""
        message = common_pb2.LocalizedText(ja=self.text("ja"), en=self.text("en"))
        return common_pb2.Failure(reason=self.reason, message=message, retryable=self.retryable)

    def status(self) -> status_pb2.Status:
        """The failure of a call."""
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=dict(self.metadata))
        status = status_pb2.Status(code=self.code.value[0], message=self.text("en"))
        status.details.add().Pack(info)
        for language in ("ja", "en"):
            status.details.add().Pack(error_details_pb2.LocalizedMessage(locale=language, message=self.text(language)))
        if self.retryable:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromMilliseconds(1000)
            status.details.add().Pack(retry)
        return status

    @classmethod
    def from_failure(cls, failure: common_pb2.Failure, *, party: str = "") -> LinkageError:
        """The error of a failed item that `party` told of; see `from_reason`."""
        error = cls.from_reason(failure.reason, party=party)
        error._told.CopyFrom(failure.message)  # noqa: SLF001 - our own
        return error

    @classmethod
    def from_reason(cls, name: str, *, party: str = "", metadata: Mapping[str, str] | None = None) -> LinkageError:
        """The error of a reason told by `party`; one that is not in our list becomes that party's INTERNAL with `told` in metadata."""
        try:
            return cls(Reason(name), metadata=metadata)
        except ValueError:
            return cls(Side.of(party).reason("INTERNAL"), metadata={"told": name})

    @classmethod
    def from_rpc(cls, error: grpc.aio.AioRpcError, *, party: str = "") -> LinkageError:
        """The error of a failed call to `party` ("gateway", "numbering", …), which decides whose side an unexplained failure is on."""
        info = _info_of(error)
        if info is not None:
            return cls.from_reason(info.reason, party=party, metadata=dict(info.metadata))
        return cls(_unexplained(error.code(), Side.of(party)))

    @staticmethod
    def told(error: grpc.aio.AioRpcError) -> str | None:
        """The reason that came along with a failed call; None: it failed without a word of the party that was called."""
        info = _info_of(error)
        return None if info is None else info.reason


def _info_of(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    status = _status_of(error)
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status else ():
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == DOMAIN:
            return info
    return None


def _status_of(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    value = cast("Mapping[str, bytes]", error.trailing_metadata()).get(STATUS_KEY)
    try:
        return status_pb2.Status.FromString(value) if value else None
    except DecodeError:
        return None


def _unexplained(code: grpc.StatusCode, side: Side) -> Reason:
    """The reason of a failure that came from gRPC itself, without details."""
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return side.reason("UNAVAILABLE")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return side.reason("TIMEOUT")
        case grpc.StatusCode.CANCELLED:
            return Reason.CLIENT_CANCELLED
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Reason.CLIENT_TOO_LARGE
        case grpc.StatusCode.UNIMPLEMENTED:
            return Reason.CLIENT_METHOD_UNKNOWN
        case _:
            return side.reason("INTERNAL")
