"""The plain face as HTTP and JSON. A call that was sent is done even when its caller goes away: request, record and decision ids make retries safe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from warifu.interim.v1 import interim_pb2_grpc
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import BATCH, COLLECT_WAIT, malformed
from warifu.simulator.face.batches import Batches, Running
from warifu.simulator.face.forward import TOKEN_REFUSED, TOLD, Dial, granted
from warifu.simulator.face.index import assets, index
from warifu.simulator.face.mapping import from_query, parsed, problem, shown, told
from warifu.simulator.face.openapi import document
from warifu.simulator.face.operations import OPERATIONS, Operation

LARGEST_BODY: Final = 32 << 20
"""Bytes: some 100,000 lines of a batch inquiry file."""
OPEN: Final = ("/", "/openapi.json")
"""What needs no token: they say how to use the face, and nothing of anybody."""
_DEADLINE: Final = 30.0


class Application:
    """The ASGI application of one institution's face."""

    def __init__(self, institution: str, dial: Dial, token: str | None) -> None:
        self.institution, self.dial, self.token = institution, dial, token
        self.url = ""
        """Where it is served; known once it listens."""
        self.batches = Batches(self.institution, lambda: interim_pb2_grpc.InterimServiceStub(self.dial()))
        routes = [
            Route("/", self._index),
            Route("/openapi.json", self._openapi),
            Route("/v1/batch-inquiries", self._start, methods=["POST"]),
            Route("/v1/batch-inquiries/{batch}", self._batch),
            Route("/v1/batch-inquiries/{batch}/result", self._result),
            *(Route(operation.path, self._endpoint(operation), methods=[operation.method]) for operation in OPERATIONS),
            assets().route(),
        ]
        self.web: ASGIApp = Starlette(
            routes=routes,
            middleware=[Middleware(_Gate, token=self.token)],
            exception_handlers={
                LinkageError: _refused,
                grpc.aio.AioRpcError: _failed,
                HTTPException: _no_such,
                Exception: _broken,
            },
        )

    async def _index(self, request: Request) -> Response:
        return index(self.url, self.institution, request.query_params.get("lang"), token=self.token is not None)

    async def _openapi(self, _: Request) -> Response:
        return JSONResponse(document(self.url, self.institution, token=self.token is not None))

    def _endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            if operation.lists is not None:
                return JSONResponse(await self._streamed(operation, operation.lists, await _json(request)))
            if operation.method == "GET":
                message = from_query(operation.request, {**request.query_params, **request.path_params})
            else:
                message = parsed(operation.request, {**await _json(request), **request.path_params})
            return JSONResponse(shown(await self._unary(operation, self._own(message))))

        return serve

    async def _unary(self, operation: Operation, message: Message) -> Message:
        call = self.dial().unary_unary(
            operation.full_name,
            request_serializer=type(message).SerializeToString,
            response_deserializer=GetMessageClass(operation.response).FromString,
        )
        waits = min(getattr(message, "wait_ms", 0), COLLECT_WAIT) / 1000
        answer: Message = await call(message, timeout=_DEADLINE + waits)
        return answer

    async def _streamed(self, operation: Operation, lists: tuple[str, str], body: dict[str, Any]) -> dict[str, Any]:
        """A list of requests through a stream, and a list of what came back."""
        name, back = lists
        if set(body) != {name} or not isinstance(body[name], list):
            raise malformed("body", f"not an object with one list, {name}")
        if name in operation.request.fields_by_name:  # a message of the stream holds a list itself
            requests = [self._own(parsed(operation.request, {name: part})) for part in _parts(body[name])]
            answers = [one async for message in self._stream(operation, requests) for one in getattr(message, back)]
        else:
            requests = [self._own(parsed(operation.request, one)) for one in body[name]]
            answers = [message async for message in self._stream(operation, requests)]
        return {back: [shown(answer) for answer in answers]}

    async def _stream(self, operation: Operation, requests: Sequence[Message]) -> AsyncIterator[Any]:
        call = self.dial().stream_stream(
            operation.full_name,
            request_serializer=GetMessageClass(operation.request).SerializeToString,
            response_deserializer=GetMessageClass(operation.response).FromString,
        )

        async def each() -> AsyncIterator[Message]:
            for request in requests:
                yield request

        async for answer in call(each()):
            yield answer

    def _own(self, message: Any) -> Message:
        """Fill in the institution where it was left out."""
        for one in (message, *getattr(message, "inquiries", ())):
            if "institution" in one.DESCRIPTOR.fields_by_name and not one.institution:
                one.institution = self.institution
        own: Message = message
        return own

    async def _start(self, request: Request) -> Response:
        running = self.batches.start(await _body(request))
        shown_as = running.shown()
        return JSONResponse(shown_as, HTTPStatus.ACCEPTED, {"location": f"/v1/batch-inquiries/{running.id}"})

    async def _batch(self, request: Request) -> Response:
        running = self._found(request)
        wait = request.query_params.get("waitMs", "0")
        if not (wait.isascii() and wait.isdecimal()):
            raise malformed("waitMs", "not a number")
        await asyncio.wait([running.task], timeout=min(int(wait), COLLECT_WAIT) / 1000)
        return JSONResponse(running.shown())

    async def _result(self, request: Request) -> Response:
        running = self._found(request)
        if running.state == "RUNNING":
            return told(
                HTTPStatus.CONFLICT,
                "BATCH_RUNNING",
                "まだ照会中です。進み具合を確かめ、終わってから取りに来てください。",
                "It still runs. Look at its progress, and come for the result when it is done.",
                retryable=True,
            )
        if running.failure is not None:
            raise running.failure
        text = await self.batches.result(running)
        named = {"content-disposition": f'attachment; filename="result-{running.id}.csv"'}
        return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=named)

    def _found(self, request: Request) -> Running:
        running = self.batches.find(request.path_params["batch"])
        if running is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return running


@dataclass(slots=True)
class _Gate:
    """Lets nobody in without the token."""

    app: ASGIApp
    token: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._open(scope["path"]):
            header = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
            if not granted(header, self.token):
                refusal = told(HTTPStatus.UNAUTHORIZED, TOKEN_REFUSED, TOLD["ja"], TOLD["en"])
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _open(self, path: str) -> bool:
        return path in OPEN or path.startswith("/static/")


async def _body(request: Request) -> bytes:
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > LARGEST_BODY:
            raise LinkageError(Reason.CLIENT_TOO_LARGE, metadata={"field": "body", "limit": str(LARGEST_BODY)})
    return bytes(found)


async def _json(request: Request) -> dict[str, Any]:
    content = await _body(request)
    try:
        values = json.loads(content)
    except ValueError as error:
        raise malformed("body", "not JSON") from error
    if not isinstance(values, dict):
        raise malformed("body", "not a JSON object")
    return values


def _parts(values: list[Any]) -> list[list[Any]]:
    return [values[start : start + int(BATCH)] for start in range(0, len(values), int(BATCH))]


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, LinkageError)  # registered for it
    return problem(error)


async def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, grpc.aio.AioRpcError)  # registered for it
    return problem(LinkageError.from_rpc(error))


async def _no_such(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # registered for it
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        return told(
            status,
            "METHOD_NOT_ALLOWED",
            "このアドレスでは、その操作はできません。",
            "This address does not take that method.",
        )
    return told(
        status,
        status.name,
        "アドレスが違うか、そのような一括照会はありません。一括照会は、同じファイルを送り直せば戻り、二度は照会されません。",
        "There is nothing at this address, or no such batch. A batch comes back when its file is sent again, and nothing is asked twice.",
    )


async def _broken(_: Request, _error: Exception) -> Response:
    return problem(LinkageError(Reason.PROVIDER_INTERNAL))
