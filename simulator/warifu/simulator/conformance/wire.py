"""Failed calls as they came over the wire (PROTO-9.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from warifu.kernel.errors import DOMAIN, STATUS_KEY


def status_of(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The status with its details; empty when none came, or none that can be read."""
    value = cast("Mapping[str, bytes]", error.trailing_metadata() or {}).get(STATUS_KEY)
    try:
        return status_pb2.Status.FromString(value) if value else status_pb2.Status()
    except DecodeError:
        return status_pb2.Status()


def info_of(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """The reason with its metadata; empty when none came."""
    info = error_details_pb2.ErrorInfo()
    for detail in status_of(error).details:
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == DOMAIN:
            return info
    return error_details_pb2.ErrorInfo()


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """Why, in the protocol's words; empty when the callee said none."""
    reason: str = info_of(error).reason
    return reason


def has_reason(error: grpc.aio.AioRpcError) -> bool:
    """Did the callee say why: what gRPC says by itself has no reason."""
    return bool(reason_of(error))


def locales_of(error: grpc.aio.AioRpcError) -> dict[str, str]:
    """Texts by language."""
    found = {}
    for detail in status_of(error).details:
        message = error_details_pb2.LocalizedMessage()
        if detail.Is(message.DESCRIPTOR) and detail.Unpack(message):
            found[message.locale] = message.message
    return found
