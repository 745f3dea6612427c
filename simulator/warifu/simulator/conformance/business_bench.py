"""What the checks of a business system stand on: errands that it is given, and the calls that it then makes at the plain face that we play."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.config import Web
from warifu.kernel.web import serve_web
from warifu.simulator.conformance.business_face import Answer, PlayedFace, shown_call
from warifu.simulator.conformance.folder import ITEM, ConformanceError, check_address
from warifu.simulator.conformance.lines import Speaker
from warifu.simulator.conformance.outcome import Text, UnmetError, plain
from warifu.simulator.conformance.told import Told
from warifu.simulator.face.app import Application
from warifu.simulator.face.forward import server

FACE_OF: Final = "nhi-480011"
"""Whose interim server is played, in the messages that may leave it out."""
PROVIDER: Final = "tax-480029"
_HOST: Final = "127.0.0.1"


@dataclass(slots=True)
class BusinessBench:
    """A business system under test."""

    face: PlayedFace
    speaker: Speaker
    sent: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)
    people: int = 0
    """How many were thought of."""

    @property
    def side(self) -> str:
        """Whose failures are told."""
        return "business"

    def person(self) -> str:
        """The addressee number of somebody of whom no other check knows."""
        self.people += 1
        return f"9{self.people:014}"

    def case(self, **changes: Any) -> dict[str, Any]:
        """An errand: ask for a case."""
        return {
            "op": "ask",
            "case": f"case-{uuid.uuid4().hex[:12]}",
            "addresseeNo": self.person(),
            "provider": PROVIDER,
            "affair": "JM90000000000101",
            "procedure": "JT90000000000101",
            "item": ITEM,
            "year": 2025,
            "office": "国保年金課",
            "clerk": "c-0017",
            "waitMs": 10_000,
            **changes,
        }

    async def errand(self, errand: Mapping[str, Any]) -> dict[str, Any]:
        """Give an errand and hear what is said of it; what it calls meanwhile is in the report."""
        before, told = len(self.face.calls), {"question": str(uuid.uuid4()), **errand}
        self.sent.append({"errand": told})
        try:
            return await self.speaker.say(told)
        finally:
            self.sent += [shown_call(one) for one in self.face.calls[before:][-3:]]

    async def ask(self, errand: Mapping[str, Any], answer: Answer) -> Told:
        """Give a case while inquiries come to `answer`."""
        self.face.answer = answer
        return Told.of(await self.errand(errand))

    def inquiries(self, errand: Mapping[str, Any]) -> list[pb.InquireRequest]:
        """What was asked about the person of a case.

        Raises:
            UnmetError: nothing.
        """
        found = [one for one in self.face.of("Inquire") if one.addressee_no == errand["addresseeNo"]]
        if not found:
            raise UnmetError(
                Text("この宛名番号の照会", "an inquiry about this addressee number"),
                plain(", ".join(name for name, _ in self.face.calls[-3:]) or "–"),
            )
        return found

    async def restart(self) -> bool:
        """Kill it and start it again; False, with a note, when it is not ours to kill."""
        if not self.speaker.can_be_killed:
            self.notes.append(
                Text(
                    "強制終了をまたぐ試験は未実施：--command の指定なし",
                    "across a kill not tried: --command was not given",
                )
            )
            return False
        await self.speaker.kill()
        await self.speaker.start()
        return True


@asynccontextmanager
async def opened_business(
    *, address: str = "", command: Sequence[str] = (), token: str, port: int = 8190
) -> AsyncIterator[BusinessBench]:
    """A bench for a business system, with the face that it calls.

    Args:
        address: where one that runs already takes errands, "host:port".
        command: starts one that takes them by its standard input; it is told the face by WARIFU_FACE, WARIFU_GRPC and WARIFU_TOKEN.
        token: what lets it in at the face.
        port: of the face's HTTP; 0 for any. gRPC is at the next port, or any.

    Raises:
        ConformanceError: it cannot be reached, or a port is taken.
    """
    if bool(command) == bool(address):
        raise ConformanceError(
            "--command か --target のどちらか一つを指定してください。", "give either --command or --target."
        )
    if address:
        check_address(address)
    face = PlayedFace()
    async with AsyncExitStack() as stack:
        behind, at = face.server()
        await behind.start()
        stack.push_async_callback(behind.stop, 0)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(at))
        application = Application(FACE_OF, lambda: channel, token)
        stack.push_async_callback(application.batches.forget)
        plain_grpc = server(lambda: channel, token)
        stack.push_async_callback(plain_grpc.stop, 0)
        try:
            http = await stack.enter_async_context(serve_web(application.web, Web(_HOST, port, bind=_HOST)))
            bound = plain_grpc.add_insecure_port(f"{_HOST}:{port + 1 if port else 0}")
        except (OSError, RuntimeError) as error:
            raise ConformanceError(
                f"ポート {port} か次のポートは使われています。--port で別の番号を選んでください。",
                f"port {port} or the next one is taken; choose another with --port.",
            ) from error
        await plain_grpc.start()
        application.url = f"http://{_HOST}:{http}"
        surroundings = {"WARIFU_FACE": application.url, "WARIFU_GRPC": f"{_HOST}:{bound}", "WARIFU_TOKEN": token}
        speaker = Speaker(command, address, surroundings, key="question")
        try:
            await speaker.start()
            yield BusinessBench(face, speaker)
        finally:
            await asyncio.shield(speaker.kill())
