"""The page of faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import grpc
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.faults import kinds
from warifu.simulator.stage.faults.desk import FaultError
from warifu.simulator.stage.ground import Ground

MOST: Final = 1_000
"""Calls that a fault may be for, when it is not to stay."""


@dataclass(frozen=True, slots=True)
class FaultViews:
    """What is out of order, and putting more out of order."""

    ground: Ground

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/faults", self.list, methods=["GET"]),
            Route("/faults/plant", self.plant, methods=["POST"]),
            Route("/faults/lift", self.lift, methods=["POST"]),
            Route("/faults/lift-all", self.lift_all, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Every fault by name, and those in force."""
        return await self._page(request, done="done" in request.query_params)

    async def plant(self, request: Request) -> Response:
        """Plant the chosen one."""
        form = await request.form()
        name, institution = str(form.get("name", "")), str(form.get("institution", ""))
        try:
            await self.ground.faults.plant(name, institution, _count(str(form.get("count", ""))))
        except ValueError:
            return await self._page(request, status=422, wrong=name)
        except (FaultError, grpc.aio.AioRpcError):
            return await self._page(request, status=422, failed=True)
        return RedirectResponse("/faults?done", 303)

    async def lift(self, request: Request) -> Response:
        """Lift one."""
        form = await request.form()
        try:
            await self.ground.faults.lift(*(str(form.get(name, "")) for name in ("party", "name", "institution")))
        except (FaultError, grpc.aio.AioRpcError):
            return await self._page(request, status=422, failed=True)
        return RedirectResponse("/faults?done", 303)

    async def lift_all(self, request: Request) -> Response:
        """Lift all."""
        try:
            await self.ground.faults.lift_all()
        except grpc.aio.AioRpcError:
            return await self._page(request, status=422, failed=True)
        return RedirectResponse("/faults?done", 303)

    async def _page(
        self, request: Request, *, status: int = 200, done: bool = False, wrong: str = "", failed: bool = False
    ) -> Response:
        language, desk = self.ground.language(request), self.ground.faults
        known = [
            (kind, [(code, self.ground.name(code, language)) for code in desk.institutions(kind)])
            for kind in kinds().values()
            if desk.parties(kind)
        ]
        return await self.ground.render(
            request,
            "faults.html",
            status=status,
            here="faults",
            kinds=known,
            standing=await desk.standing(),
            name=lambda code: self.ground.name(code, language),
            most=MOST,
            done=done,
            wrong=wrong,
            failed=failed,
        )


def _count(text: str) -> int:
    """How many calls; 0, for as long as it stands, when nothing was typed.

    Raises:
        ValueError: no number from 1 to `MOST`.
    """
    typed = text.strip()
    if not typed:
        return 0
    if not (typed.isascii() and typed.isdecimal()) or not 1 <= int(typed[:9]) <= MOST:
        raise ValueError(typed)
    return int(typed)
