"""Between JSON and the contract's messages (the proto3 JSON mapping), and from a call's failure to a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import grpc
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.responses import JSONResponse

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import malformed

PROBLEM: Final = "application/problem+json"
STATUSES: Final[Mapping[grpc.StatusCode, HTTPStatus]] = {
    grpc.StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.OUT_OF_RANGE: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.FAILED_PRECONDITION: HTTPStatus.CONFLICT,
    grpc.StatusCode.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    grpc.StatusCode.ABORTED: HTTPStatus.CONFLICT,
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    grpc.StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    grpc.StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    grpc.StatusCode.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    grpc.StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
}
"""HTTP status of a gRPC status; 500 for every other one."""
_TOO_MUCH: Final = frozenset({Reason.CLIENT_TOO_LARGE, Reason.CLIENT_TOO_MANY_ITEMS})
"""To be made smaller, not to be sent again later."""
_SECONDS: Final = "1"


def parsed(kind: Descriptor, values: Any) -> Message:
    """A message from its JSON form; names in either spelling.

    Raises:
        LinkageError: CLIENT_MALFORMED, with what is wrong.
    """
    if not isinstance(values, Mapping):
        raise malformed("body", "not a JSON object")
    message = GetMessageClass(kind)()
    try:
        ParseDict(dict(values), message)
    except ParseError as error:
        raise malformed("body", str(error)) from error
    return message


def from_query(kind: Descriptor, texts: Mapping[str, str]) -> Message:
    """A message from a query's texts.

    Raises:
        LinkageError: CLIENT_MALFORMED.
    """
    truths = {name for f in kind.fields if f.type == f.TYPE_BOOL for name in (f.name, f.json_name)}
    words = {"true": True, "false": False}
    return parsed(kind, {name: words.get(text, text) if name in truths else text for name, text in texts.items()})


def shown(message: Message) -> dict[str, Any]:
    """The JSON form of a message."""
    return MessageToDict(message)


def problem(error: LinkageError) -> JSONResponse:
    """The failure of a call as a problem document."""
    return _response(described(error))


def described(error: LinkageError) -> dict[str, Any]:
    """The same as a value, to stand inside another answer."""
    status = STATUSES.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    if error.reason in _TOO_MUCH:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    words = {"ja": error.text("ja"), "en": error.text("en")}
    return _document(status, str(error.reason), words, retryable=error.retryable, metadata=error.metadata)


def told(status: HTTPStatus, reason: str, ja: str, en: str, *, retryable: bool = False) -> JSONResponse:
    """A failure of the face's own as a problem document."""
    return _response(_document(status, reason, {"ja": ja, "en": en}, retryable=retryable, metadata={}))


def _document(
    status: HTTPStatus, reason: str, words: Mapping[str, str], *, retryable: bool, metadata: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "type": f"urn:warifu:reason:{reason}",
        "title": status.phrase,
        "status": int(status),
        "detail": words["en"],
        "reason": reason,
        "message": dict(words),
        "retryable": retryable,
        "metadata": dict(metadata),
    }


def _response(body: dict[str, Any]) -> JSONResponse:
    headers = {"retry-after": _SECONDS} if body["retryable"] else {}
    if body["status"] == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="interim face"'
    return JSONResponse(body, body["status"], headers, media_type=PROBLEM)
