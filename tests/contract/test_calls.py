"""What a caller sees of a party: errors in both languages, limits, health, control, drain. Over real mTLS."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ports import free_port
from sqlalchemy.exc import OperationalError
from tiny import DEADLINE, SIMULATION, TAX, Tiny, error_of, reason_of

from warifu.authority import Lifetimes
from warifu.authority.authority import Authority
from warifu.control.v1 import control_pb2, control_pb2_grpc
from warifu.kernel import limits
from warifu.kernel.control import control_address
from warifu.kernel.errors import STATUS_KEY, LinkageError, Reason
from warifu.kernel.log import Lines
from warifu.kernel.server import AddressOccupiedError

LIST = "/warifu.linkage.v1.LinkageService/ListPermissions"
DECIDE = "/warifu.linkage.v1.LinkageService/Decide"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def test_an_error_crosses_the_wire_whole(tiny: Tiny) -> None:
    """Reason, metadata, status and both texts that the handler raised are those that the caller reads."""
    sent = LinkageError(Reason.CLIENT_MALFORMED, metadata={"field": "氏名", "problem": "missing"})
    tiny.linkage.trouble = sent
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        received = await error_of(caller.who())
    assert (received.reason, received.metadata, received.code) == (sent.reason, sent.metadata, sent.code)
    assert "氏名" in received.text("ja")
    assert "氏名" in received.text("en")


async def test_the_status_is_readable_without_our_code(tiny: Tiny) -> None:
    """A foreign client finds google.rpc.Status with ErrorInfo and a LocalizedMessage in each language, by public types alone."""
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    tiny.linkage.trouble = LinkageError(Reason.GATEWAY_LOG_UNAVAILABLE)
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await caller.who()
    status = rpc_status.from_call(failed.value)
    kinds = {}
    for detail in status.details:
        kinds.setdefault(detail.TypeName(), []).append(detail)
    info = error_details_pb2.ErrorInfo()
    kinds["google.rpc.ErrorInfo"][0].Unpack(info)
    assert (info.reason, info.domain) == ("GATEWAY_LOG_UNAVAILABLE", "warifu.example")
    assert len(kinds["google.rpc.LocalizedMessage"]) == 2
    assert "google.rpc.RetryInfo" in kinds
    assert failed.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_the_unexpected_is_told_without_details(tiny: Tiny, caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected exception is GATEWAY_INTERNAL to the caller; its message reaches neither wire nor log."""
    tiny.linkage.trouble = RuntimeError("名簿 123456789018 taro")
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        with caplog.at_level(logging.ERROR), pytest.raises(grpc.aio.AioRpcError) as failed:
            await caller.who()
        assert running.counts[LIST, Reason.GATEWAY_INTERNAL] == 1
    told = failed.value.details().encode() + dict(failed.value.trailing_metadata())[STATUS_KEY]
    logged = "\n".join(Lines().format(record) for record in caplog.records)
    assert LinkageError.from_rpc(failed.value).reason == Reason.GATEWAY_INTERNAL
    assert "RuntimeError at" in logged
    for secret in ("taro", "123456789018", "名簿"):
        assert secret.encode() not in told
        assert secret not in logged


@pytest.mark.parametrize(
    "trouble",
    [
        OSError(28, "No space left on device"),
        OSError(30, "Read-only file system"),
        OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full")),
    ],
    ids=["disk full", "read-only", "database full"],
)
async def test_a_full_or_read_only_disk_is_the_callees_trouble(tiny: Tiny, trouble: Exception) -> None:
    """What the disk refuses is told as a retryable STORE_UNAVAILABLE of the called side."""
    tiny.linkage.trouble = trouble
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        error = await error_of(caller.who())
    assert error.reason == Reason.GATEWAY_STORE_UNAVAILABLE
    assert error.retryable


async def test_a_stream_fails_with_a_reason_too(tiny: Tiny) -> None:
    """A stream that breaks in the middle gives what came before, then the reason on the called side."""
    async with (
        tiny.party("numbering") as running,
        tiny.call(running, tiny.pair("tax", TAX), party="numbering") as caller,
    ):
        call = caller.enrol([b"one", b"boom", b"two"])
        assert (await call.read()).acquisition_number == b"one"
        assert await reason_of(call.read(), "numbering") == Reason.PROVIDER_INTERNAL


async def test_calls_beyond_those_that_a_connection_has_room_for_wait(tiny: Tiny) -> None:
    """Of many times as many calls at once as may be in progress on one connection each is answered: none is refused for coming too early."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        for _ in range(2):  # on a new connection, and on one that knows the limit
            told = await asyncio.gather(*(caller.who() for _ in range(6 * limits.STREAMS)), return_exceptions=True)
            assert [one for one in told if isinstance(one, BaseException)][:1] == []


async def test_five_megabytes_are_refused_with_a_reason(tiny: Tiny) -> None:
    """A message of 5 MB is CLIENT_TOO_LARGE, and one beyond what gRPC reads at all is so too."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        for size in (5_000_000, 9_000_000):
            content = b"\x0a" + b"\xc0\x96\xb1\x02" + bytes(size)
            assert (
                await reason_of(caller.channel.unary_unary(DECIDE)(content, timeout=DEADLINE))
                == Reason.CLIENT_TOO_LARGE
            )
        assert running.counts[DECIDE, Reason.CLIENT_TOO_LARGE] == 1
        assert await caller.who()


@pytest.mark.parametrize(
    "content", [b"\x0a\x02\xff\xfe", b"\x0a\x7fshort", b"\xff"], ids=["UTF-8", "cut short", "no tag"]
)
async def test_what_does_not_parse_is_refused_with_a_reason(tiny: Tiny, content: bytes) -> None:
    """Invalid UTF-8 and broken messages are CLIENT_MALFORMED and only counted."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        error = await error_of(caller.raw(DECIDE, content))
        assert error.reason == Reason.CLIENT_MALFORMED
        assert error.metadata["field"] == "message"
        assert running.counts[DECIDE, Reason.CLIENT_MALFORMED] == 1


async def test_an_unknown_method_has_a_reason(tiny: Tiny) -> None:
    """A method that the party does not offer is CLIENT_METHOD_UNKNOWN."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        assert (
            await reason_of(caller.raw("/warifu.linkage.v1.LinkageService/Guess", b"")) == Reason.CLIENT_METHOD_UNKNOWN
        )


async def test_health_is_open_to_every_party(tiny: Tiny) -> None:
    """Any certificate of the network may ask for health, of one service, of all, and of none that is there."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("counter", TAX)) as caller:
        stub = health_pb2_grpc.HealthStub(caller.channel)
        for service in ("", "warifu.linkage.v1.LinkageService"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE)
            assert answer.status == SERVING
        listed = await stub.List(health_pb2.HealthListRequest(), timeout=DEADLINE)
        assert set(listed.statuses) == {"", "warifu.linkage.v1.LinkageService", "warifu.process"}
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.Check(health_pb2.HealthCheckRequest(service="nowhere"), timeout=DEADLINE)
        assert failed.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_broken_store_shows_within_two_seconds(tiny: Tiny, tmp_path: Path) -> None:
    """A watcher hears NOT_SERVING at the first look after the store's end, which comes once a second, and SERVING again once it is mended."""
    assert limits.HEALTH_INTERVAL <= 1000
    from sqlalchemy import Column, Integer, MetaData, Table

    from warifu.kernel.store import Store, sqlite_url

    metadata = MetaData()
    Table("thing", metadata, Column("id", Integer, primary_key=True))
    path = tmp_path / "gateway" / "main.db"
    store = Store(sqlite_url(path), metadata)
    store.create()
    async with (
        tiny.party(extra={"checks": {"main": store.check}}) as running,
        tiny.call(running, tiny.pair("tax", TAX)) as caller,
    ):
        watch = health_pb2_grpc.HealthStub(caller.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        path.rename(path.with_suffix(".gone"))
        assert (await asyncio.wait_for(watch.read(), DEADLINE)).status == NOT_SERVING
        path.with_suffix(".gone").rename(path)
        assert (await asyncio.wait_for(watch.read(), DEADLINE)).status == SERVING
        whole = path.read_bytes()
        path.write_bytes(b"overwritten by something" * 10)
        assert (await asyncio.wait_for(watch.read(), DEADLINE)).status == NOT_SERVING
        path.write_bytes(whole)
    store.close()


async def test_an_expired_certificate_shows_in_health(tiny: Tiny) -> None:
    """A party whose own client certificate ran out says so, though its server's is still good."""
    async with tiny.party() as running:
        running.health.look()
        assert not running.health.ill
        old = Authority.open(
            tiny.state / "ca", now=lambda: datetime(2026, 1, 1, tzinfo=UTC), lifetimes=Lifetimes(leaf=SHORT)
        ).issue_client("gateway", "main")
        (tiny.state / "gateway" / "identities" / "main" / "cert.pem").write_bytes(old.certificate)
        running.health.look()
        assert running.health.ill == {"certificates"}
        assert running.health.status == NOT_SERVING


SHORT = Lifetimes().leaf / 30


async def test_a_draining_party_says_not_serving_and_finishes(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a party stops, watchers hear NOT_SERVING and a call in progress still ends well; then it waits for nothing more."""
    monkeypatch.setattr(limits, "DRAIN", 10 * DEADLINE)
    entered, leave = asyncio.Event(), asyncio.Event()
    answer = tiny.linkage.ListPermissions

    async def slow(request, context):
        entered.set()
        await leave.wait()
        return await answer(request, context)

    tiny.linkage.ListPermissions = slow
    served = tiny.party()
    running = await served.__aenter__()
    async with tiny.call(running, tiny.pair("tax", TAX)) as caller:
        watch = health_pb2_grpc.HealthStub(caller.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        call = asyncio.ensure_future(caller.who())
        await entered.wait()
        closing = asyncio.ensure_future(served.__aexit__(None, None, None))
        assert (await watch.read()).status == NOT_SERVING
        leave.set()
        assert await call
        await asyncio.wait_for(closing, DEADLINE)


async def test_control_is_there_in_a_simulation_only(tiny: Tiny) -> None:
    """Without a simulation there is no control socket; with one it moves the clock forward and never back."""
    folder = tiny.state / "gateway"
    async with tiny.party():
        assert not (folder / "control.sock").exists()
    async with tiny.party(simulation=SIMULATION) as running:
        assert (folder / "control.sock").stat().st_mode & 0o777 == 0o600
        async with grpc.aio.insecure_channel(control_address(folder)) as channel:
            stub = control_pb2_grpc.ControlServiceStub(channel)
            request = control_pb2.SetClockRequest(stopped=True)
            request.now.FromDatetime(datetime(2026, 6, 1, tzinfo=UTC))
            await stub.SetClock(request, timeout=DEADLINE)
            assert running.context.clock.network() == datetime(2026, 6, 1, tzinfo=UTC)
            request.now.FromDatetime(datetime(2026, 5, 1, tzinfo=UTC))
            assert await reason_of(stub.SetClock(request, timeout=DEADLINE)) == Reason.CLIENT_CLOCK_BACKWARD
            now = await stub.GetClock(control_pb2.GetClockRequest(), timeout=DEADLINE)
            assert now.now.ToDatetime(tzinfo=UTC) == datetime(2026, 6, 1, tzinfo=UTC)


async def test_the_control_face_is_not_on_the_network(tiny: Tiny) -> None:
    """The mTLS port does not know the control service even in a simulation."""
    async with tiny.party(simulation=SIMULATION) as running, tiny.call(running, tiny.pair("gateway", "main")) as caller:
        method = "/warifu.control.v1.ControlService/GetClock"
        assert await reason_of(caller.raw(method, b"")) == Reason.CLIENT_METHOD_UNKNOWN


async def test_settle_runs_jobs_until_nothing_is_due(tiny: Tiny) -> None:
    """Settle repeats all jobs while any finds work, and tells what each did."""
    left = {"outbox": 3, "review": 0}

    def job(name: str):
        async def run() -> int:
            done, left[name] = min(left[name], 1), max(left[name] - 1, 0)
            left["review"] += done if name == "outbox" else 0
            return done

        return run

    jobs = {name: job(name) for name in left}
    target = control_address(tiny.state / "gateway")
    async with tiny.party(simulation=SIMULATION, extra={"jobs": jobs}), grpc.aio.insecure_channel(target) as channel:
        stub = control_pb2_grpc.ControlServiceStub(channel)
        done = dict((await stub.Settle(control_pb2.SettleRequest(), timeout=DEADLINE)).done)
    assert left == {"outbox": 0, "review": 0}
    assert done["outbox"] + done["review"] <= 6
    assert set(done) == {"outbox", "review"}


async def test_view_shows_what_the_party_holds(tiny: Tiny) -> None:
    """View answers with the holdings of one exchange, as the party names them."""
    holding = control_pb2.Holding(where="main/records", values=[control_pb2.HeldValue(name="id", text="r1")])
    view = {"r1": [holding]}
    target = control_address(tiny.state / "gateway")
    extra = {"view": lambda request_id: view.get(request_id, [])}
    async with tiny.party(simulation=SIMULATION, extra=extra), grpc.aio.insecure_channel(target) as channel:
        stub = control_pb2_grpc.ControlServiceStub(channel)
        shown = await stub.View(control_pb2.ViewRequest(request_id="r1"), timeout=DEADLINE)
        none = await stub.View(control_pb2.ViewRequest(request_id="r2"), timeout=DEADLINE)
    assert list(shown.holdings) == [holding]
    assert not none.holdings


async def test_an_occupied_port_is_a_clear_error(tiny: Tiny) -> None:
    """A party whose port is taken does not start, and says which one."""
    async with tiny.party() as running:
        with pytest.raises(AddressOccupiedError, match=running.address):
            async with tiny.party("numbering", listen=running.address):
                pytest.fail("two parties on one port")


async def test_reflection_is_there_on_request_only(tiny: Tiny) -> None:
    """Reflection lists the party's services when the configuration asks for it, and is unknown otherwise."""
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    async def listed(running) -> set[str]:
        async with tiny.call(running, tiny.pair("tax", TAX)) as caller:
            stub = reflection_pb2_grpc.ServerReflectionStub(caller.channel)
            call = stub.ServerReflectionInfo(
                iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=DEADLINE
            )
            return {service.name for service in (await call.read()).list_services_response.service}

    async with tiny.party(reflection=True) as running:
        assert "warifu.linkage.v1.LinkageService" in await listed(running)
    async with tiny.party() as running:
        assert await reason_of(listed(running)) == Reason.CLIENT_METHOD_UNKNOWN


async def test_the_web_face_answers_beside_the_rpcs(tiny: Tiny) -> None:
    """A party with a web application serves it in the same process, on its own address, and frees the port at its end."""
    from warifu.kernel.config import Web

    async def application(scope, receive, send):
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    web = Web("portal.localhost", free_port())
    async with (
        tiny.party(web=web, extra={"web": application}) as running,
        tiny.call(running, tiny.pair("tax", TAX)) as caller,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: portal.localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"server:" not in answer.lower()
        assert await caller.who()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", web.port)


def test_log_lines_are_json(caplog: pytest.LogCaptureFixture) -> None:
    """A log line is one JSON object with time, level and event."""
    with caplog.at_level(logging.INFO):
        logging.getLogger("x").info("started")
    line = json.loads(Lines().format(caplog.records[0]))
    assert {"time", "level", "event", "logger"} <= set(line)
