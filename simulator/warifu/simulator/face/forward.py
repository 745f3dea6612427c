"""The plain face as gRPC: calls go through to the agency's own process as bytes, and what comes back, errors too, comes back as it is."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection

from warifu.kernel import limits
from warifu.kernel.errors import STATUS_KEY
from warifu.simulator.face.operations import SERVICES

DOMAIN: Final = "face.warifu.example"
"""Domain of the face's own errors: the network's reasons are a closed list, and the face is no part of the network."""
TOKEN_REFUSED: Final = "TOKEN_REFUSED"  # noqa: S105 - a reason, not a token
TOLD: Final = {
    "ja": "トークンがないか、違います。起動時に表示されたものを Authorization: Bearer で送ってください。",
    "en": "The token is missing or wrong. Send the one that was printed at the start as Authorization: Bearer.",
}
Context = grpc.aio.ServicerContext[Any, Any]
Dial = Callable[[], grpc.aio.Channel]
"""The channel to the agency's process under the institution's own certificate."""


def granted(header: str | None, token: str | None) -> bool:
    """Whether an Authorization header may come in; `token` None asks for none."""
    if token is None:
        return True
    return hmac.compare_digest((header or "").encode(), f"Bearer {token}".encode())


def server(dial: Dial, token: str | None) -> grpc.aio.Server:
    """A server of the plain face, with reflection. It has no port yet."""
    options = [
        ("grpc.so_reuseport", 0),
        ("grpc.max_concurrent_streams", int(limits.STREAMS)),
        ("grpc.http.overload_protection", 0),  # as at a party
        ("grpc.max_receive_message_length", int(limits.TRANSPORT_BYTES)),
        ("grpc.max_send_message_length", int(limits.TRANSPORT_BYTES)),
    ]
    made = grpc.aio.server(options=options)
    for service in SERVICES:
        handlers = {name: _handler(rpc, _Way(dial, token)) for name, rpc in service.methods_by_name.items()}
        made.add_registered_method_handlers(service.full_name, handlers)
    reflection.enable_server_reflection([*(service.full_name for service in SERVICES), reflection.SERVICE_NAME], made)
    return made


@dataclass(frozen=True, slots=True)
class _Way:
    """From a caller to the agency."""

    dial: Dial
    token: str | None


def _handler(rpc: MethodDescriptor, way: _Way) -> grpc.RpcMethodHandler[bytes, bytes]:
    name = f"/{rpc.containing_service.full_name}/{rpc.name}"
    if rpc.client_streaming:
        return grpc.stream_stream_rpc_method_handler(_stream(name, way))
    return grpc.unary_unary_rpc_method_handler(_unary(name, way))


def _unary(name: str, way: _Way) -> Callable[[bytes, Context], Any]:
    async def handle(request: bytes, context: Context) -> bytes:
        await _admit(context, way)
        forward: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = way.dial().unary_unary(name)
        call = forward(request, timeout=context.time_remaining())
        try:
            return bytes(await call)
        except grpc.aio.AioRpcError as error:
            await _as_it_is(context, error)
            raise

    return handle


def _stream(name: str, way: _Way) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]:
    async def handle(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        await _admit(context, way)
        forward: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = way.dial().stream_stream(name)
        call = forward(requests, timeout=context.time_remaining())
        try:
            async for response in call:
                yield bytes(response)
        except grpc.aio.AioRpcError as error:
            await _as_it_is(context, error)
            raise
        finally:
            call.cancel()  # whoever went away must not keep a stream open at the agency

    return handle


async def _admit(context: Context, way: _Way) -> None:
    sent = dict(context.invocation_metadata() or ()).get("authorization")
    if granted(sent if isinstance(sent, str) else None, way.token):
        return
    status = status_pb2.Status(code=grpc.StatusCode.UNAUTHENTICATED.value[0], message=TOLD["en"])
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=TOKEN_REFUSED, domain=DOMAIN))
    for language, text in TOLD.items():
        status.details.add().Pack(error_details_pb2.LocalizedMessage(locale=language, message=text))
    await context.abort(
        grpc.StatusCode.UNAUTHENTICATED, TOLD["en"], trailing_metadata=((STATUS_KEY, status.SerializeToString()),)
    )


async def _as_it_is(context: Context, error: grpc.aio.AioRpcError) -> None:
    """End the call as the agency's process ended it: status, words and details."""
    if error.code() is grpc.StatusCode.CANCELLED and context.cancelled():
        raise asyncio.CancelledError from error
    await context.abort(error.code(), error.details() or "", trailing_metadata=tuple(error.trailing_metadata() or ()))
