"""The one server interceptor: who calls, may they, is the message well-formed, and what an error is on the wire.

Identity, validity and revocation are checked on each RPC, and on each message of a stream, since a live channel outlasts them. What is
checked is remembered by certificate, so a kept channel pays a dictionary look-up and one stat().
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from warifu.kernel import limits
from warifu.kernel.access import Access, Rule
from warifu.kernel.calls import Calls, Task
from warifu.kernel.clock import Clock
from warifu.kernel.errors import STATUS_KEY, LinkageError, Reason, Side
from warifu.kernel.failures import explain
from warifu.kernel.faults import Effect, Faults, Planted
from warifu.kernel.identity import Caller, parse, set_current
from warifu.kernel.trust import Trust
from warifu.kernel.watch import Watch

_LOG: Final = logging.getLogger(__name__)
Context = grpc.aio.ServicerContext[Any, Any]
Admit = Callable[[Context], Caller]


class Admission:
    """Decides who is let in. One a process."""

    def __init__(self, access: Access, trust: Trust, clock: Clock) -> None:
        self._access, self._trust, self._clock = access, trust, clock

    def for_method(self, method: str) -> Admit:
        """The check for one RPC: sets and returns the current caller, or raises.

        Raises:
            AccessError: the method has no row in the access table.
        """
        rule = self._access.rule(method)
        return lambda context: self._admit(rule, context)

    def _admit(self, rule: Rule, context: Context) -> Caller:
        caller = self.caller(context)
        self._access.check(rule, caller)
        set_current(caller)
        return caller

    def caller(self, context: Context) -> Caller:
        """Who calls, with a certificate that is good now.

        Raises:
            LinkageError: CLIENT_CERTIFICATE_…: missing, invalid, expired, revoked.
            TrustError: nobody can tell whether it was revoked.
        """
        shown = next(iter(context.auth_context().get("x509_pem_cert", ())), None)
        if shown is None:
            raise LinkageError(Reason.CLIENT_CERTIFICATE_MISSING)
        caller = parse(shown)
        self.check_good(caller)
        return caller

    def check_good(self, caller: Caller) -> None:
        """Refuse a caller whose certificate is no longer good: what can change while a call goes on.

        Raises:
            LinkageError: CLIENT_CERTIFICATE_EXPIRED, CLIENT_CERTIFICATE_REVOKED.
            TrustError: nobody can tell whether it was revoked.
        """
        if not caller.not_before <= self._clock.machine() < caller.not_after:
            raise LinkageError(Reason.CLIENT_CERTIFICATE_EXPIRED)
        if self._trust.is_revoked(caller.serial):
            raise LinkageError(Reason.CLIENT_CERTIFICATE_REVOKED)


class Interceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler, each once. Handlers raise `LinkageError`; anything else is told as what `failures.explain` makes of it."""

    def __init__(
        self,
        party: str,
        admission: Admission | None,
        faults: Faults | None = None,
        watch: Watch | None = None,
        present: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """For a server of `party`. Without `admission` everyone is let in: for the local control socket. `faults`: in a simulation.

        `present`: waited for before a handler is looked for, so that there is one.
        """
        self._side = Side.of(party)
        self._admission = admission
        self._faults = faults
        self._watch = watch
        self._present = present
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        """Calls by (full method, "OK" or reason), for status pages; refused and malformed calls are counted here and nowhere entered."""
        self.calls = Calls()
        """Those under way at the party that serves now."""
        self._areas: tuple[str, ...] = ()
        self._open: asyncio.Event | None = None
        """Set when methods of these areas can be called again; None: they can be."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """See `grpc.aio.ServerInterceptor`. An unknown method is left to gRPC, which says UNIMPLEMENTED."""
        method = handler_call_details.method
        if self._open is not None and method.startswith(self._areas):
            await self._open.wait()
        if method not in self._handlers:
            if self._present is not None:
                try:
                    await self._present()
                except Exception as error:  # noqa: BLE001 - every failure is told by its reason
                    return self._refusing(method, error)
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            self._handlers[method] = self._wrap(method, handler)
        return self._handlers[method]

    def _wrap(self, method: str, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
        call = _Call(self, method, handler.request_deserializer, self._admission, self._faults)
        inner = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        behaviour = _behaviour(call, inner, many_in=handler.request_streaming, many_out=handler.response_streaming)
        if self._watch is not None:
            behaviour = self._watch.wrap(method, behaviour)
        make: Any = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[handler.request_streaming, handler.response_streaming]
        # Requests arrive as bytes, so that a message that does not parse is told as what it is.
        return make(behaviour, None, handler.response_serializer)  # type: ignore[no-any-return]

    def shut(self, areas: Sequence[str]) -> None:
        """Have new calls of these methods, by how their full names begin, wait until `let_in`: for a party that gives way to another."""
        self._areas, self._open = tuple(areas), self._open or asyncio.Event()

    def let_in(self) -> None:
        """Have them go on."""
        if self._open is not None:
            self._open.set()
            self._open = None

    async def admitted(self) -> Calls:
        """Of a call by the web face, which is of no method: wait as long as anything is shut; the calls to count it among."""
        while self._open is not None:
            await self._open.wait()
        return self.calls

    def forget(self) -> None:
        """Find every handler anew: another party serves from now on."""
        self._handlers.clear()
        self.calls = Calls()

    def _refusing(self, method: str, error: Exception) -> grpc.RpcMethodHandler[Any, Any]:
        """For this one call: there is nobody to whom it could be handed."""

        async def answer(_request: bytes, context: Context) -> None:
            await self.refuse(method, context, error)

        return grpc.unary_unary_rpc_method_handler(answer)

    async def refuse(self, method: str, context: Context, error: Exception) -> None:
        """End the call with the error's reason. Always raises."""
        told = explain(error, self._side)
        self.counts[method, told.reason] += 1
        if told is not error:
            _LOG.error("call failed", extra={"method": method, "reason": told.reason}, exc_info=error)
        details = told.status().SerializeToString()
        await context.abort(told.code, told.text("en"), ((STATUS_KEY, details),))


class _Call:
    """One method's way in: admission and parsing."""

    __slots__ = ("_admission", "_admit", "_deserialize", "_faults", "calls", "interceptor", "method")

    def __init__(
        self,
        interceptor: Interceptor,
        method: str,
        deserialize: Callable[[bytes], Any] | None,
        admission: Admission | None,
        faults: Faults | None,
    ) -> None:
        self.interceptor, self.method = interceptor, method
        self.calls = interceptor.calls
        self._faults = faults
        self._deserialize = deserialize
        self._admission = admission
        self._admit = admission.for_method(method) if admission else None

    def enter(self, context: Context) -> Caller | None:
        return None if self._admit is None else self._admit(context)

    def message(self, raw: bytes) -> Any:
        if len(raw) > limits.MESSAGE_BYTES:
            raise LinkageError(
                Reason.CLIENT_TOO_LARGE, metadata={"field": "message", "limit": str(int(limits.MESSAGE_BYTES))}
            )
        try:
            return self._deserialize(raw) if self._deserialize else raw
        except (DecodeError, UnicodeDecodeError):
            raise limits.malformed("message", "not a valid message") from None

    async def messages(self, incoming: AsyncIterator[bytes], caller: Caller | None) -> AsyncIterator[Any]:
        count = 0
        async for raw in incoming:
            if self._admission is not None and caller is not None:
                self._admission.check_good(caller)  # who it is cannot change within a call; whether it is good can
            count += 1
            if count > limits.STREAM_ITEMS:
                raise LinkageError(
                    Reason.CLIENT_TOO_MANY_ITEMS, metadata={"field": "stream", "limit": str(int(limits.STREAM_ITEMS))}
                )
            yield self.message(raw)

    def arguments(self, request: Any, context: Context, *, many: bool) -> Any:
        caller = self.enter(context)
        return self.messages(request, caller) if many else self.message(request)

    async def meet(self, message: Any, context: Context, task: Task) -> Planted | None:
        """The fault that the call meets, if one is planted for it: what it does on the way in is done."""
        fault = None if self._faults is None else self._faults.meet(self.method, message)
        if fault is not None:
            with self.calls.waiting(task) if fault.kind.effect is Effect.SLOW else nullcontext():
                await fault.before(context)
        return fault

    async def met(self, fault: Planted, context: Context, task: Task) -> None:
        """What the fault does on the way out."""
        with self.calls.waiting(task) if fault.kind.effect is Effect.LATE else nullcontext():
            await fault.after(context)

    async def failed(self, context: Context, error: BaseException, task: Task | None) -> None:
        """Tell the caller, who is told something else when the party goes. Always raises."""
        told = self.calls.told(error, task)
        if told is None or isinstance(
            told, grpc.aio.AbortError
        ):  # the caller has gone, or the handler ended the call itself
            raise error
        await self.interceptor.refuse(self.method, context, told)

    def done(self) -> None:
        self.interceptor.counts[self.method, "OK"] += 1


def _behaviour(call: _Call, inner: Any, *, many_in: bool, many_out: bool) -> Any:
    """The wrapped handler, of the same shape as `inner`: gRPC tells coroutine from generator by its kind."""

    async def answer(request: Any, context: Context) -> Any:
        task = None
        try:
            message = call.arguments(request, context, many=many_in)
            task = call.calls.begin(waits=bool(getattr(message, "wait_ms", 0)))
            fault = await call.meet(message, context, task)
            if fault is None:
                response = await inner(message, context)
            else:
                response = await fault.through(lambda: inner(message, context))
                await call.met(fault, context, task)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - every failure is told by its reason
            await call.failed(context, error, task)
        else:
            call.done()
            return response
        finally:
            call.calls.end(task)

    async def generate(request: Any, context: Context) -> AsyncIterator[Any]:
        task = None
        try:
            message = call.arguments(request, context, many=many_in)
            task = call.calls.begin(waits=not many_in)  # who only listens waits for what may come
            fault = await call.meet(message, context, task)
            async for response in inner(message, context):
                yield response
                if fault is not None:
                    await call.met(fault, context, task)
            call.done()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - every failure is told by its reason
            await call.failed(context, error, task)
        finally:
            call.calls.end(task)

    return generate if many_out and inspect.isasyncgenfunction(inner) else answer
