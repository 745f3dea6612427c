"""The plain faces of a network under test that were asked for. Another network behind them finds them where they were, with their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from warifu.simulator.face import Face, served
from warifu.simulator.face.secrets import keep_token
from warifu.simulator.face.serving import FOLDER, Options
from warifu.simulator.testing.engine import Engine
from warifu.simulator.testing.where import Where


class Faces:
    """Use as a context manager, which closes them."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._opened: dict[str, Face] = {}
        self._ends = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, engine: Engine, institution: str, options: Options | None = None) -> Face:
        """The face of an institution, which is opened when it is first asked for.

        Raises:
            FaceError: there is no such institution.
            PortError: its port is taken.
        """
        if institution not in self._opened:
            face = served(
                engine.file, institution, opened=engine.outside, options=options or self._where.face(len(self._opened))
            )
            self._opened[institution] = await self._ends.enter_async_context(face)
        return self._opened[institution]

    async def forget(self) -> None:
        """The network was put back: no face remembers a batch."""
        for face in self._opened.values():
            await face.forget()

    async def close(self) -> Sequence[Face]:
        """Close them all; which there were, for `reopen`."""
        before, self._opened = list(self._opened.values()), {}
        ends, self._ends = self._ends, AsyncExitStack()
        await ends.aclose()
        return before

    async def reopen(self, engine: Engine, faces: Sequence[Face]) -> None:
        """Open these again before another network, at the same ports and for the same tokens."""
        for face in faces:
            keep_token(engine.state / FOLDER / face.institution, face.token or "")
            http, grpc = (int(address.rpartition(":")[2]) for address in (face.http, face.grpc))
            await self.open(engine, face.institution, self._where.again(http, grpc))
