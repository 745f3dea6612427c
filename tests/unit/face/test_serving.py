"""The face in front of a stand-in for the agency's process: who may come in, what passes as it is, and what a broken stream loses (nothing)."""

from __future__ import annotations

import asyncio
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from google.rpc import error_details_pb2, status_pb2

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.errors import STATUS_KEY, LinkageError, Reason
from warifu.kernel.limits import STREAMS
from warifu.kernel.server import server_options
from warifu.simulator.face import Face, FaceError, Options, served
from warifu.simulator.face.batch import Batch
from warifu.simulator.launcher.ports import PortError
from warifu.simulator.state import NetworkFile, PartyEntry

NHI = "nhi-480029"
DEADLINE = 20
LINE = (
    "01,,{number},20260610093000123,3595115400          ,,nhi-480029,1,JM90000000000101,JT90000000000101,,,"
    "tax-480011      ,TM90000000000001,0,0,,\r\n"
)
MINE = "3f0f1e5c-0000-4000-8000-000000000001"


class StandIn(interim_pb2_grpc.InterimServiceServicer):
    """Answers every inquiry, but breaks the stream after `breaks` answers, once."""

    def __init__(self) -> None:
        self.asked: list[interim_pb2.InquireRequest] = []
        self.breaks: int | None = None
        self.trouble: LinkageError | None = None
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()
        """An Inquire came; it may be answered, as it is unless a test holds it."""
        self.goes_on.set()
        self.closed = asyncio.Event()
        """A stream ended, however."""

    async def Inquire(self, request: interim_pb2.InquireRequest, context: Any) -> interim_pb2.InquireResponse:  # noqa: N802
        """The receipt, or the trouble."""
        if self.trouble is not None:
            await self._fail(context, self.trouble)
        self.begun.set()
        await self.goes_on.wait()
        self.asked.append(request)
        return interim_pb2.InquireResponse(request_id=request.request_id)

    async def Collect(self, request: interim_pb2.CollectRequest, context: Any) -> interim_pb2.CollectResponse:  # noqa: N802
        """The request as it came, told as a reference."""
        return interim_pb2.CollectResponse(
            inquiry=interim_pb2.InquiryState(request_id=f"{request.institution} {request.request_id} {request.wait_ms}")
        )

    async def InquireBulk(  # noqa: N802
        self, request_iterator: AsyncIterator[interim_pb2.InquireBulkRequest], context: Any
    ) -> AsyncIterator[interim_pb2.InquireBulkResponse]:
        """An answer each."""
        try:
            async for chunk in request_iterator:
                for request in chunk.inquiries:
                    if self.breaks == 0:
                        self.breaks = None
                        await self._fail(context, LinkageError(Reason.PROVIDER_UNAVAILABLE))
                    self.breaks = None if self.breaks is None else self.breaks - 1
                    self.asked.append(request)
                    yield interim_pb2.InquireBulkResponse(results=[self._result(request)])
        finally:
            self.closed.set()

    def _result(self, request: interim_pb2.InquireRequest) -> interim_pb2.BulkResult:
        if self.trouble is not None:
            return interim_pb2.BulkResult(request_id=request.request_id, refused=self.trouble.failure())
        state = interim_pb2.InquiryState(
            request_id=request.request_id, outcome=exchange_pb2.OUTCOME_ANSWERED,
            fine_outcome=exchange_pb2.FINE_OUTCOME_NO_RECORD, request=request,
        )  # fmt: skip
        return interim_pb2.BulkResult(request_id=request.request_id, inquiry=state)

    async def _fail(self, context: Any, error: LinkageError) -> None:
        status = error.status()
        await context.abort(error.code, status.message, ((STATUS_KEY, status.SerializeToString()), ("odd", "kept")))


class OneDoor:
    """Doors that lead to the stand-in."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    def counter(self, institution: str) -> grpc.aio.Channel:
        """See `Doors.counter`."""
        assert institution == NHI
        return self._channel


@asynccontextmanager
async def faced(folder: Path, options: Options = Options()) -> AsyncIterator[tuple[StandIn, Face]]:  # noqa: B008 - frozen
    """A face before a stand-in."""
    agency, process = StandIn(), grpc.aio.server(options=server_options())
    interim_pb2_grpc.add_InterimServiceServicer_to_server(agency, process)
    port = process.add_insecure_port("127.0.0.1:0")
    await process.start()
    network = NetworkFile(
        1, 1, 0, True, 0, str(folder / "ca" / "root.pem"), [PartyEntry("health_insurance", "127.0.0.1:1", "h.internal", "")],
        {NHI: {"cert": "cert.pem", "key": "key.pem"}}, {}, extra={"kinds": {NHI: "health_insurance"}},
    )  # fmt: skip
    try:
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
            served(network, NHI, opened=OneDoor(channel), options=options) as face,  # type: ignore[arg-type]
        ):
            yield agency, face
    finally:
        await process.stop(0)


def bearer(face: Face) -> dict[str, str]:
    """The header that lets in."""
    return {"authorization": f"Bearer {face.token}"}


def mode(path: str) -> int:
    """Who may read a file."""
    return stat.S_IMODE(Path(path).stat().st_mode)


def content(path: str) -> bytes:
    """A file."""
    return Path(path).read_bytes()


def lines(*numbers: int) -> bytes:
    """A batch inquiry file."""
    return "".join(LINE.format(number=number) for number in numbers).encode()


async def test_errors_pass_grpc_as_they_are(tmp_path: Path) -> None:
    """Status, words, details and trailing metadata of a failed call are, to the byte, those of the agency's process."""
    async with faced(tmp_path) as (agency, face), grpc.aio.insecure_channel(face.grpc) as channel:
        agency.trouble = LinkageError(Reason.CLIENT_MALFORMED, metadata={"field": "x", "problem": "y"})
        stub = interim_pb2_grpc.InterimServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.Inquire(interim_pb2.InquireRequest(), metadata=tuple(bearer(face).items()), timeout=DEADLINE)
    trailing = dict(failed.value.trailing_metadata() or ())
    assert failed.value.code() is agency.trouble.code
    assert failed.value.details() == agency.trouble.text("en")
    assert trailing[STATUS_KEY] == agency.trouble.status().SerializeToString()
    assert trailing["odd"] == "kept"


@pytest.mark.parametrize("sent", [(), (("authorization", "Bearer wrong"),), (("authorization", "Basic x"),)])
async def test_grpc_lets_nobody_in_without_the_token(tmp_path: Path, sent: tuple[tuple[str, str], ...]) -> None:
    """Without the token, or with another, a call is refused with a reason in both languages and never reaches the agency."""
    async with faced(tmp_path) as (agency, face), grpc.aio.insecure_channel(face.grpc) as channel:
        stub = interim_pb2_grpc.InterimServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Inquire(interim_pb2.InquireRequest(), metadata=sent, timeout=DEADLINE)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    status = status_pb2.Status.FromString(dict(refused.value.trailing_metadata() or ())[STATUS_KEY])
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.reason == "TOKEN_REFUSED"
    assert agency.asked == []


async def test_as_many_calls_at_once_as_anybody_likes_are_answered(tmp_path: Path) -> None:
    """Calls beyond those that one connection has room for wait, at the face and behind it; none is refused."""
    async with faced(tmp_path) as (_, face), grpc.aio.insecure_channel(face.grpc) as channel:
        stub, shown = interim_pb2_grpc.InterimServiceStub(channel), tuple(bearer(face).items())
        request = interim_pb2.CollectRequest(institution=NHI, request_id=MINE)
        calls = (stub.Collect(request, metadata=shown, timeout=DEADLINE) for _ in range(6 * STREAMS))
        told = await asyncio.gather(*calls, return_exceptions=True)
    assert [one for one in told if isinstance(one, BaseException)][:1] == []


async def test_streams_pass_grpc_and_end_with_their_caller(tmp_path: Path) -> None:
    """A bulk's answers come through while it is still being sent, and when its caller goes away the agency's stream ends too."""
    async with faced(tmp_path) as (agency, face), grpc.aio.insecure_channel(face.grpc) as channel:
        call = interim_pb2_grpc.InterimServiceStub(channel).InquireBulk(metadata=tuple(bearer(face).items()))
        await call.write(interim_pb2.InquireBulkRequest(inquiries=[interim_pb2.InquireRequest(request_id=MINE)]))
        answer = await asyncio.wait_for(call.read(), DEADLINE)
        assert answer.results[0].request_id == MINE
        call.cancel()
        await asyncio.wait_for(agency.closed.wait(), DEADLINE)


@pytest.mark.parametrize("path", ["/v1/inquiries", "/v1/batch-inquiries", "/v1/nothing"])
async def test_http_lets_nobody_in_without_the_token(tmp_path: Path, path: str) -> None:
    """Without the token even an address that does not exist is refused, as a problem document."""
    async with faced(tmp_path) as (agency, face), httpx2.AsyncClient(base_url=face.http) as client:
        told = [await client.post(path, json={}), await client.post(path, headers={"authorization": "Bearer no"})]
    assert [one.status_code for one in told] == [401, 401]
    assert told[0].headers["content-type"] == "application/problem+json"
    assert told[0].json()["reason"] == "TOKEN_REFUSED"
    assert agency.asked == []


async def test_the_page_and_the_description_need_no_token(tmp_path: Path) -> None:
    """How to use the face is there for everyone, in both languages, without the token on it and without anything from elsewhere."""
    async with faced(tmp_path) as (_, face), httpx2.AsyncClient(base_url=face.http) as client:
        pages = [(await client.get("/")).text, (await client.get("/?lang=en")).text]
        described = (await client.get("/openapi.json")).json()
    assert described["servers"] == [{"url": face.http}]
    assert 'lang="ja"' in pages[0]
    assert 'lang="en"' in pages[1]
    for page in pages:
        assert face.token not in page
        assert page.count("curl -sS") == 15 + 3
        assert "http" not in page.replace(face.http, "")


async def test_an_inquiry_by_json_names_its_institution_by_itself(tmp_path: Path) -> None:
    """The institution may be left out; what is sent is the message of the contract; a path and a query become fields."""
    async with (
        faced(tmp_path) as (agency, face),
        httpx2.AsyncClient(base_url=face.http, headers=bearer(face)) as client,
    ):
        receipt = await client.post("/v1/inquiries", json={"requestId": MINE, "addressee_no": "42"})
        state = await client.get(f"/v1/inquiries/{MINE}?waitMs=7")
    assert receipt.json() == {"requestId": MINE}
    assert agency.asked == [interim_pb2.InquireRequest(institution=NHI, request_id=MINE, addressee_no="42")]
    assert state.json() == {"inquiry": {"requestId": f"{NHI} {MINE} 7"}}


async def test_a_caller_who_goes_away_loses_nothing(tmp_path: Path) -> None:
    """An inquiry that was sent is made although its caller hung up before the answer."""
    async with faced(tmp_path) as (agency, face):
        agency.goes_on.clear()
        async with httpx2.AsyncClient(base_url=face.http, headers=bearer(face)) as client:
            sending = asyncio.create_task(client.post("/v1/inquiries", json={"requestId": MINE}, timeout=DEADLINE))
            await asyncio.wait_for(agency.begun.wait(), DEADLINE)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        agency.goes_on.set()
        async with httpx2.AsyncClient(base_url=face.http, headers=bearer(face)) as client:
            await client.get(f"/v1/inquiries/{MINE}")
    assert [one.request_id for one in agency.asked] == [MINE]


async def test_a_batch_is_gone_once_it_is_to_be_forgotten(tmp_path: Path) -> None:
    """After the network was put back to an earlier state nobody is told of a batch that was sent to the later one."""
    async with faced(tmp_path) as (_, face), httpx2.AsyncClient(base_url=face.http, headers=bearer(face)) as client:
        started = await client.post("/v1/batch-inquiries", content=lines(1))
        assert (await client.get(started.headers["location"])).status_code == 200
        await face.forget()
        assert (await client.get(started.headers["location"])).status_code == 404


async def test_a_body_too_large_is_told_to_be_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body over the limit is 413, with a reason, and is not to be sent again as it is."""
    monkeypatch.setattr("warifu.simulator.face.app.LARGEST_BODY", 10)
    async with faced(tmp_path) as (_, face), httpx2.AsyncClient(base_url=face.http, headers=bearer(face)) as client:
        told = await client.post("/v1/batch-inquiries", content=b"x" * 11)
    assert (told.status_code, told.json()["reason"], told.json()["retryable"]) == (413, "CLIENT_TOO_LARGE", False)


async def test_a_failed_call_is_a_problem_document(tmp_path: Path) -> None:
    """Reason, both languages, and whether to try again come from the agency's error; the status follows the gRPC one."""
    async with (
        faced(tmp_path) as (agency, face),
        httpx2.AsyncClient(base_url=face.http, headers=bearer(face)) as client,
    ):
        agency.trouble = LinkageError(Reason.GATEWAY_UNAVAILABLE)
        told = await client.post("/v1/inquiries", json={})
    assert told.status_code == 503
    assert told.headers["retry-after"] == "1"
    assert told.json()["reason"] == "GATEWAY_UNAVAILABLE"
    assert told.json()["message"] == {lang: agency.trouble.text(lang) for lang in ("ja", "en")}


@pytest.mark.parametrize(
    ("body", "problem"),
    [(b"no json", "not JSON"), (b"[]", "not a JSON object"), (b'{"adressee":1}', "adressee"), (b'{"span":3}', "span")],
)
async def test_a_body_out_of_form_is_refused_here(tmp_path: Path, body: bytes, problem: str) -> None:
    """A body that is no JSON object of the message is CLIENT_MALFORMED, with what is wrong, and is not sent on."""
    async with (
        faced(tmp_path) as (agency, face),
        httpx2.AsyncClient(base_url=face.http, headers=bearer(face)) as client,
    ):
        told = await client.post("/v1/inquiries", content=body)
    assert (told.status_code, told.json()["reason"]) == (400, "CLIENT_MALFORMED")
    assert problem in told.json()["metadata"]["problem"]
    assert agency.asked == []


async def test_a_bulk_by_json_is_sent_in_chunks(tmp_path: Path) -> None:
    """More inquiries than a chunk holds go in several, and all results come back."""
    asked = [{"requestId": f"{number:08}-0000-4000-8000-000000000001"} for number in range(450)]
    async with (
        faced(tmp_path) as (agency, face),
        httpx2.AsyncClient(base_url=face.http, headers=bearer(face)) as client,
    ):
        told = await client.post("/v1/inquiries/bulk", json={"inquiries": asked}, timeout=DEADLINE)
        wrong = await client.post("/v1/inquiries/bulk", json={"inquiry": asked})
    assert [one["requestId"] for one in told.json()["results"]] == [one["requestId"] for one in asked]
    assert {one.institution for one in agency.asked} == {NHI}
    assert wrong.status_code == 400


async def test_a_broken_stream_asks_no_line_twice() -> None:
    """When the stream breaks, what was not answered is sent again under its id, after a pause; nothing is lost or asked twice."""
    agency, process, pauses = StandIn(), grpc.aio.server(), list[float]()
    agency.breaks = 3
    interim_pb2_grpc.add_InterimServiceServicer_to_server(agency, process)
    port = process.add_insecure_port("127.0.0.1:0")
    await process.start()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    batch = Batch(NHI, lines(*range(1, 11)) + b"nonsense\r\n" + lines(1), pause)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await batch.run(interim_pb2_grpc.InterimServiceStub(channel))
    await process.stop(0)
    assert [one.addressee_no for one in agency.asked] == [str(number) for number in range(1, 11)]
    assert len(pauses) == 1
    progress = batch.progress
    assert (progress.lines, progress.answered, progress.malformed, progress.duplicates, progress.left) == (
        12,
        10,
        1,
        1,
        0,
    )


async def test_the_same_file_goes_on_where_it_failed(tmp_path: Path) -> None:
    """The same file is the same batch; sent again it asks for what was refused, for the moment or not, and for nothing else (BIZ §3)."""
    async with (
        faced(tmp_path) as (agency, face),
        httpx2.AsyncClient(base_url=face.http, headers=bearer(face)) as client,
    ):
        states = []
        troubles = [LinkageError(Reason.GATEWAY_UNAVAILABLE), LinkageError(Reason.CLIENT_ADDRESSEE_UNKNOWN), None, None]
        for agency.trouble in troubles:
            started = await client.post("/v1/batch-inquiries", content=lines(1, 2))
            assert started.status_code == 202
            state = (await client.get(started.headers["location"], params={"waitMs": 20_000}, timeout=30)).json()
            states.append((state["batchId"], state["state"], state["refused"], state["answered"]))
        result = await client.get(state["result"])
        missing = await client.get("/v1/batch-inquiries/00000000-0000-4000-8000-000000000000")
    name = states[0][0]
    assert states == [(name, "DONE", 2, 0), (name, "DONE", 2, 0), (name, "DONE", 0, 2), (name, "DONE", 0, 2)]
    assert len(agency.asked) == 6
    assert result.headers["content-type"] == "text/csv; charset=utf-8"
    assert [row.split(",")[23] for row in result.text.splitlines()] == ["09", "09"]
    assert missing.status_code == 404


async def test_the_token_is_kept_for_the_owner_alone(tmp_path: Path) -> None:
    """A face that is started again has the same token; its file is readable by its owner alone."""
    tokens = []
    for _ in range(2):
        async with faced(tmp_path) as (_, face):
            tokens.append(face.token)
    path = tmp_path / "simulator" / "interim" / NHI / "token"
    assert tokens == [path.read_text().strip()] * 2
    assert mode(str(path)) == 0o600


async def test_tls_lets_only_its_certificate_in(tmp_path: Path) -> None:
    """With TLS both ports serve whoever shows the certificate that was made for this face, and nobody else; the key is the owner's alone."""
    async with faced(tmp_path, Options(tls=True)) as (agency, face):
        assert face.tls is not None
        assert face.token is None
        assert mode(face.tls.key) == 0o600
        trusting = ssl.create_default_context(cafile=face.tls.ca)
        async with httpx2.AsyncClient(base_url=face.http, verify=trusting) as client:
            with pytest.raises(httpx2.TransportError):
                await client.post("/v1/inquiries", json={})
        shown = ssl.create_default_context(cafile=face.tls.ca)
        shown.load_cert_chain(face.tls.cert, face.tls.key)
        async with httpx2.AsyncClient(base_url=face.http, verify=shown) as client:
            assert (await client.post("/v1/inquiries", json={"requestId": MINE})).json() == {"requestId": MINE}
        ca, key, cert = map(content, (face.tls.ca, face.tls.key, face.tls.cert))
        for credentials, works in (
            (grpc.ssl_channel_credentials(ca), False),
            (grpc.ssl_channel_credentials(ca, key, cert), True),
        ):
            async with grpc.aio.secure_channel(face.grpc, credentials) as channel:
                call = interim_pb2_grpc.InterimServiceStub(channel).Inquire(interim_pb2.InquireRequest(), timeout=5)
                if works:
                    await call
                else:
                    with pytest.raises(grpc.aio.AioRpcError):
                        await call
    assert len(agency.asked) == 2


async def test_what_cannot_be_served_is_told(tmp_path: Path) -> None:
    """An institution that is not there, and a port that is taken, are told in both languages with what to do."""
    async with faced(tmp_path) as (_, face):
        taken = int(face.http.rsplit(":", 1)[1])
        with pytest.raises(PortError, match=f"port {taken} is in use") as told:
            async with faced(tmp_path, Options(http_port=taken)):
                pass
        assert "--port" in told.value.ja
    network = NetworkFile(1, 1, 0, True, 0, str(tmp_path / "ca" / "root.pem"), [], {NHI: {}}, {})
    with pytest.raises(FaceError, match=NHI):
        async with served(network, "nobody"):
            pass
