"""Traces of calls between parties, by OpenTelemetry (OTLP): extra `warifu[otlp]`, off by default, and then nothing of it is loaded or called.

A span says which party called which method when, how long it took, and its status: what the contract's name says and nothing of what is in the
message. No exception's text is recorded, since it may quote data. What traces join is said in docs/OPERATIONS.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import grpc

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

Behaviour = Callable[[Any, Any], Any]
FLUSH_MS: Final = 2_000
"""What a stopping party waits for a collector."""


class TracesUnavailableError(RuntimeError):
    """Traces are asked for, and the extra is not installed."""


class Traces:
    """Spans of one party."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - loaded when asked for
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._tracer = provider.get_tracer("warifu")
        self._propagator = TraceContextTextMapPropagator()

    @classmethod
    def open(
        cls,
        party: str,
        version: str,
        endpoint: str,
        ratio: float,
        exporter: SpanExporter | None = None,
        within: str | None = None,
    ) -> Traces:
        """Sent to the collector at `endpoint` ("http://127.0.0.1:4317"; https for TLS), one in 1/`ratio` of those that begin here.

        `exporter`: where they go instead. `within`: which of several processes of the party it is, as in its configuration.

        Raises:
            TracesUnavailableError: `warifu[otlp]` is not installed.
        """
        try:
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - loaded when asked for
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
            from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415

            if exporter is None:
                from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

                exporter = OTLPSpanExporter(endpoint=endpoint)
        except ModuleNotFoundError as error:
            raise TracesUnavailableError("traces need an extra: pip install 'warifu[otlp]'") from error
        # Said here and nowhere else: the library's own defaults would add the process' arguments and paths.
        resource = Resource(
            {"service.name": f"warifu-{party}", "service.version": version, "service.instance.id": within or "1"}
        )
        provider = TracerProvider(sampler=ParentBasedTraceIdRatio(ratio), resource=resource)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    def traced(self, method: str, behaviour: Behaviour) -> Behaviour:
        """The behaviour of one method within a span, the child of the caller's."""
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - loaded when asked for

        name, told = method.removeprefix("/"), _attributes(method)

        async def within(request: Any, context: Any) -> Any:
            carrier = {key: value for key, value in context.invocation_metadata() or () if key == "traceparent"}
            parent = self._propagator.extract(carrier)
            with self._tracer.start_as_current_span(
                name, parent, SpanKind.SERVER, told, record_exception=False, set_status_on_exception=False
            ) as span:
                try:
                    return await behaviour(request, context)
                finally:
                    _tell(span, context.code() or grpc.StatusCode.OK)

        return within

    @property
    def client(self) -> Sequence[grpc.aio.ClientInterceptor]:
        """Interceptors of channels on which calls are to carry their span with them."""
        return (_Outgoing(self),)

    async def call(self, continuation: Any, details: Any, request: Any) -> Any:
        """A unary call that goes out within a span."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415 - loaded when asked for

        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        span = self._tracer.start_span(method.removeprefix("/"), kind=SpanKind.CLIENT, attributes=_attributes(method))
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, set_span_in_context(span))
        metadata = (*(details.metadata or ()), *carrier.items())
        try:
            made = await continuation(details._replace(metadata=grpc.aio.Metadata(*metadata)), request)
            _tell(span, await made.code())
        finally:
            span.end()
        return made

    def close(self) -> None:
        """Send what is left, for a moment."""
        self._provider.force_flush(FLUSH_MS)
        self._provider.shutdown()


class _Outgoing(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await self._traces.call(continuation, client_call_details, request)


def _attributes(method: str) -> dict[str, str]:
    service, _, name = method.removeprefix("/").rpartition("/")
    return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}


def _tell(span: Any, code: Any) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - loaded when asked for

    number = code.value[0] if isinstance(code, grpc.StatusCode) else int(code)
    span.set_attribute("rpc.grpc.status_code", number)
    if number:
        span.set_status(Status(StatusCode.ERROR))
