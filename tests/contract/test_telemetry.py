"""What an operator's monitoring is told: OpenMetrics, traces, lines of the log; and that nothing about anybody is in it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from canaries import search
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from ports import free_port
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from town import INSTITUTIONS, NOW, SEED, TAX, Town, code_of, person

from warifu.kernel.config import Config, Simulation, Telemetry
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.log import WRITTEN
from warifu.kernel.metrics import GAUGES, REASONS
from warifu.kernel.scrape import CONNECTIONS, REQUEST_BYTES
from warifu.kernel.server import Running, serve
from warifu.kernel.traces import Traces
from warifu.numbering.party import build as build_numbering
from warifu.numbering.v1 import numbering_pb2

LABELS = {"service", "method", "reason", "le", "job", "result", "check", "certificate", "level", "party", "version"}
"""Every label that there is."""


@dataclass
class Watched:
    """A numbering party with people in it, and what was asked of it."""

    town: Town
    running: Running
    metrics: str
    numbers: list[str] = field(default_factory=list)

    async def get(self, request: str = "GET /metrics HTTP/1.1") -> tuple[str, str]:
        """Head and body of what the listener answers."""
        reader, writer = await asyncio.open_connection(*self.metrics.split(":"))
        writer.write(f"{request}\r\nHost: localhost\r\n\r\n".encode())
        try:
            head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        except ConnectionResetError:
            return "", ""
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        return head, body

    @property
    def secrets(self) -> list[str]:
        """Numbers, resident codes, names and addresses of everyone in it."""
        people = [person(n) for n in range(3)]
        said = [text for one in people for text in (one.name, one.kana, one.address)]
        return [*self.numbers, *(code_of(n) for n in range(3)), *said]


@asynccontextmanager
async def watched(state: Path, otlp: str | None = None) -> AsyncIterator[Watched]:
    """Three people are registered, matched by number and by name, rightly and wrongly."""
    town = Town.make(state)
    metrics = f"127.0.0.1:{free_port()}"
    telemetry = Telemetry(metrics=metrics, otlp=otlp, sampled=1.0)
    simulation = Simulation(SEED, NOW, stopped=True)
    for party in ("numbering", "tax"):
        config = Config(party, town.addresses[party], town.addresses, INSTITUTIONS.get(party, ()), simulation)
        Config(**{**{name: getattr(config, name) for name in config.__slots__ if name != "folder"}, "telemetry": telemetry}).save(state / party)  # fmt: skip
    async with serve(state / "numbering", build_numbering) as running:
        town.running["numbering"] = running
        made = Watched(town, running, metrics)
        made.numbers = await town.people(person(n) for n in range(3))
        stub = town.numbering("tax", TAX)
        for number, n in zip(made.numbers, (0, 0, 2), strict=True):
            items = person(n)
            await stub.Match(numbering_pb2.MatchRequest(institution=TAX, individual_number=number, basic_items=items))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Match(numbering_pb2.MatchRequest(institution="tax-490016", individual_number=made.numbers[0]))
        assert LinkageError.from_rpc(refused.value).reason == Reason.CLIENT_NOT_YOURS
        yield made
        await town.close()


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Values by name and label values (in the order of the labels' names), by an OpenMetrics reader that we did not write."""
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


async def test_metrics_are_openmetrics_that_another_reader_takes(tmp_path: Path) -> None:
    """Calls by method and reason, their times, jobs, commits, health, certificates and the process are told as OpenMetrics."""
    async with watched(tmp_path) as party:
        head, body = await party.get()
        told = samples(body)
        service = "warifu.numbering.v1.NumberingService"
        assert head.startswith("HTTP/1.1 200 OK")
        assert "application/openmetrics-text; version=1.0.0" in head
        assert body.endswith("# EOF\n")
        assert told["warifu_calls_total", "Match", "OK", service] == 3
        assert told["warifu_calls_total", "Match", "CLIENT_NOT_YOURS", service] == 1
        assert told["warifu_call_seconds_count", "Match", service] == 4
        assert told["warifu_call_seconds_bucket", "+Inf", "Match", service] == 4
        assert told["warifu_store_commit_seconds_count",] >= 1
        assert told["warifu_store_writes_total",] >= told["warifu_store_commit_seconds_count",]
        assert told["warifu_serving",] == 1
        assert told["warifu_certificate_not_after_seconds", "server"] > 1.7e9
        assert told["process_resident_memory_bytes",] > 1 << 20
        assert any(name[0] == "warifu_job_runs_total" for name in told)


async def test_metrics_tell_nothing_about_anybody(tmp_path: Path) -> None:
    """No number, code, name or address of a person is in the metrics or the log in any form, and every label is one of the closed list."""
    async with watched(tmp_path) as party:
        _, body = await party.get()
        labels = {
            name for family in text_string_to_metric_families(body) for one in family.samples for name in one.labels
        }
        assert search(body.encode(), party.secrets) == []
        assert labels <= LABELS
        assert search(b"x" + party.secrets[0].encode(), party.secrets) != []


async def test_the_listener_has_one_page(tmp_path: Path) -> None:
    """Anything but GET or HEAD of /metrics is refused; a request that is too long, or one connection too many, is closed without an answer."""
    async with watched(tmp_path) as party:
        assert (await party.get("GET / HTTP/1.1"))[0].startswith("HTTP/1.1 404")
        assert (await party.get("POST /metrics HTTP/1.1"))[0].startswith("HTTP/1.1 405")
        head, body = await party.get("HEAD /metrics HTTP/1.1")
        assert head.startswith("HTTP/1.1 200")
        assert body == ""
        assert await party.get(f"GET /metrics?{'x' * REQUEST_BYTES} HTTP/1.1") == ("", "")
        silent = [await asyncio.open_connection(*party.metrics.split(":")) for _ in range(CONNECTIONS)]
        assert await party.get() == ("", "")
        for _, writer in silent:
            writer.close()
            await writer.wait_closed()


async def test_a_store_that_is_ill_is_told(tmp_path: Path) -> None:
    """A check that fails turns its gauge and `warifu_serving` to 0."""
    async with watched(tmp_path) as party:
        (tmp_path / "numbering" / "tls" / "server.pem").unlink()
        party.running.health.look()
        told = samples((await party.get())[1])
        assert told["warifu_serving",] == 0
        assert told["warifu_well", "certificates"] == 0


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes traces as a collector does."""

    def __init__(self) -> None:
        self.requests: list[trace_service_pb2.ExportTraceServiceRequest] = []

    def Export(self, request, context) -> trace_service_pb2.ExportTraceServiceResponse:  # noqa: N802 - the contract's name
        """Keep it."""
        self.requests.append(request)
        return trace_service_pb2.ExportTraceServiceResponse()

    @property
    def spans(self) -> list:
        """All that came."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


async def test_traces_go_to_a_collector_and_tell_nothing_about_anybody(tmp_path: Path) -> None:
    """Each call is a span with method and status, also a refused one, and nothing of what was in it."""
    collector, server = Collector(), grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    async with watched(tmp_path, f"http://{address}") as party:
        secrets = party.secrets
    server.stop(None)
    codes = sorted(
        next(a.value.int_value for a in span.attributes if a.key == "rpc.grpc.status_code")
        for span in collector.spans
        if span.name.endswith("/Match")
    )
    assert codes == [0, 0, 0, grpc.StatusCode.PERMISSION_DENIED.value[0]]
    assert search(b"".join(one.SerializeToString() for one in collector.requests), secrets) == []
    keys = {attribute.key for span in collector.spans for attribute in span.attributes}
    assert keys == {"rpc.system", "rpc.service", "rpc.method", "rpc.grpc.status_code"}
    assert not any(span.events for span in collector.spans)


@pytest.mark.parametrize(("within", "instance"), [(None, "1"), ("replicas/2", "replicas/2")])
def test_a_span_tells_which_process_of_a_party_it_is_of(within: str | None, instance: str) -> None:
    """Of two gateways each has its own instance, under the one name; nothing else of the process is told."""
    kept = InMemorySpanExporter()
    traces = Traces.open("gateway", "0.1", "", 1.0, kept, within)
    with traces._tracer.start_as_current_span("x"):
        pass
    traces.close()
    (span,) = kept.get_finished_spans()
    told = {"service.name": "warifu-gateway", "service.version": "0.1", "service.instance.id": instance}
    assert dict(span.resource.attributes) == told


SERVED = """
import asyncio, sys
from pathlib import Path
from warifu.kernel.server import serve
from warifu.numbering.party import build

async def main():
    async with serve(Path(sys.argv[1]), build) as running:
        print(running.interceptor._watch)
        print(sorted(m for m in sys.modules if m.startswith(("prometheus_client", "opentelemetry"))))

asyncio.run(main())
"""


def test_what_is_not_asked_for_is_not_loaded(tmp_path: Path) -> None:
    """A party that serves without metrics and traces has loaded neither library, and nothing wraps its handlers."""
    town = Town.make(tmp_path)
    simulation = Simulation(SEED, NOW, stopped=True)
    Config("numbering", "127.0.0.1:0", town.addresses, (), simulation).save(tmp_path / "numbering")
    words = [sys.executable, "-c", SERVED, str(tmp_path / "numbering")]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.splitlines() == ["None", "[]"]


async def test_the_page_for_operators_lists_every_metric(tmp_path: Path) -> None:
    """docs/OPERATIONS.md names each metric with its kind and labels, and none that does not exist."""
    page = (Path(__file__).parents[2] / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    table = page.partition("<!-- table: metrics -->")[2].partition("<!-- end -->")[0]
    written = {}
    for line in table.strip().splitlines()[2:]:
        name, kind, labels, _ = (cell.strip() for cell in line.strip("|").split("|"))
        written[name.strip("`")] = (kind, {label.strip("` ") for label in labels.split(",") if label.strip()})
    WRITTEN["info"] += 1  # a party in a process of its own counts its lines
    async with watched(tmp_path) as party:
        families = list(text_string_to_metric_families((await party.get())[1]))
    told = {
        one.name: (one.type, {name for sample in one.samples for name in sample.labels} - {"le"}) for one in families
    }
    gauges = {f"warifu_{name}": ("gauge", set()) for name in GAUGES}
    counts = {f"warifu_{name}": ("counter", {"reason"}) for name in REASONS}
    assert written == {**told, **gauges, **counts}
