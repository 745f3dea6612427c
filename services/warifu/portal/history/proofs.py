"""What the citizen's browser checks the history with, as JSON, and the same in one file to be checked offline.

Own entries only, or a principal's: the history that the session reads. An entry of somebody else is missing in the same way as one that
never was. What a proxy's browser checks by itself is no act of the proxy: it can name only what the proxy has read, which is traced.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.exchange import offline
from warifu.kernel.errors import LinkageError
from warifu.portal.accounts import Accounts
from warifu.portal.history.entries import Placed
from warifu.portal.history.prover import Head, Proven, ProvenCorrection, Prover, UnprovableError
from warifu.portal.history.queries import History
from warifu.portal.login.views import to_login
from warifu.portal.proxies.traces import Act, Traces
from warifu.portal.sessions import Session, Sessions
from warifu.tlog.bundle import SUFFIX
from warifu.tlog.merkle import LARGEST_SIZE
from warifu.web.pages import Pages

MOST: Final = 100
"""Entries in one question."""
WAITING: Final = {"state": "not-yet-witnessed"}
UNPROVABLE: Final[Mapping[str, object]] = {
    "problem": "unprovable",
    "checkpoint": None,
    "consistency": None,
    "entries": {},
}
"""The log's checkpoint and tiles contradict each other, which is not for the portal to hide."""
_LONGEST_SIZE: Final = len(str(LARGEST_SIZE))


@dataclass(frozen=True, slots=True)
class ProofViews:
    """Proofs of entries."""

    pages: Pages
    sessions: Sessions
    accounts: Accounts
    history: History
    prover: Prover
    traces: Traces

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/api/v1/proofs", self.proofs, methods=["GET"]),
            Route("/history/{request_id}/proof", self.file, methods=["GET"]),
            Route("/checks", self.explained, methods=["GET"]),
        ]

    async def proofs(self, request: Request) -> Response:
        """Checkpoint, its consistency with the one of `old_size` leaves, and of each `request_id` both records, and each correction, with paths."""
        session = await self.sessions.of(request)
        if session is None:
            raise HTTPException(401)
        ids, old_size = _asked(request)
        placed = self.history.placed(self._subjects(session), ids)
        try:
            head = await self.prover.head()
            return JSONResponse(await _document(head, old_size, placed))
        except UnprovableError:
            return JSONResponse(UNPROVABLE)
        except LinkageError as error:
            raise HTTPException(503) from error

    async def file(self, request: Request) -> Response:
        """The proof of one entry in one file, for `warifu verify` and other people's tools."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        request_id = request.path_params["request_id"]
        placed = self.history.placed(self._subjects(session), [request_id])
        if not placed:
            raise HTTPException(404)
        await self.traces.note(session, Act.READ_ENTRY)
        try:
            head = await self.prover.head()
            bundles = await head.bundles(placed[0]) if head else None
        except (UnprovableError, LinkageError):
            bundles = None
        if bundles is None:
            page = self.pages.render(request, "not_yet.html", status=503, request_id=request_id, session=session)
            page.headers["retry-after"] = "5"
            return page
        headers = {"content-disposition": f'attachment; filename="warifu-{placed[0].request_id}{SUFFIX}"'}
        return Response(offline.write(bundles), media_type="text/plain; charset=utf-8", headers=headers)

    async def explained(self, request: Request) -> Response:
        """What a mark shows and what it does not."""
        return self.pages.render(request, "checks.html", session=await self.sessions.of(request))

    def _subjects(self, session: Session) -> Sequence[bytes]:
        return self.accounts.subjects(session.whose)


def _asked(request: Request) -> tuple[Sequence[str], int]:
    ids, old_size = request.query_params.getlist("request_id"), request.query_params.get("old_size", "0")
    if len(ids) > MOST or not (old_size.isascii() and old_size.isdecimal() and len(old_size) <= _LONGEST_SIZE):
        raise HTTPException(400)
    return ids, int(old_size)


async def _document(head: Head | None, old_size: int, placed: Sequence[Placed]) -> Mapping[str, object]:
    if head is None:
        return {"checkpoint": None, "consistency": None, "entries": {one.request_id: WAITING for one in placed}}
    consistency = await head.consistency(old_size)
    return {
        "checkpoint": head.note,
        "consistency": None if consistency is None else list(map(_text, consistency)),
        "entries": {one.request_id: await _proof(head, one) for one in placed},
    }


async def _proof(head: Head, placed: Placed) -> Mapping[str, object]:
    proven = await head.prove(placed)
    if proven is None:
        return WAITING
    corrected = [await head.prove_correction(one) for one in placed.corrections]
    return {**_records(proven), "corrections": [_correction(one) for one in corrected]}


def _correction(proven: ProvenCorrection | None) -> Mapping[str, object]:
    if proven is None:
        return WAITING
    return {
        "event": _text(proven.committed.event),
        "salt": _text(proven.committed.salt),
        "index": proven.index,
        "path": list(map(_text, proven.path)),
    }


def _records(proven: tuple[Proven, Proven]) -> Mapping[str, object]:
    return {
        name: {
            "record": _text(one.committed.record),
            "salt": _text(one.committed.salt),
            "index": one.index,
            "path": list(map(_text, one.path)),
        }
        for name, one in zip(("request", "outcome"), proven, strict=True)
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
