"""Which network is under test now: another seed's can take its place in the same process, behind the same faces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from warifu.simulator.state import registered
from warifu.simulator.testing import template
from warifu.simulator.testing.engine import Engine
from warifu.simulator.testing.where import HERE, Where


class Switch:
    """The engine that runs. Made by `Switch.run`; use from its event loop."""

    def __init__(self, people: int, seed: int, elsewhere: Mapping[str, str], where: Where, *, listed: bool) -> None:
        self.where = where
        self.seed = seed
        """Of the network that it began with."""
        self._people, self._elsewhere, self._listed = people, elsewhere, listed
        self._engine: Engine | None = None
        self._ends = AsyncExitStack()

    @property
    def engine(self) -> Engine:
        """The network that runs now."""
        assert self._engine is not None
        return self._engine

    @classmethod
    @asynccontextmanager
    async def run(
        cls,
        people: int,
        seed: int,
        *,
        elsewhere: Mapping[str, str] | None = None,
        where: Where = HERE,
        listed: bool = False,
    ) -> AsyncIterator[Switch]:
        """Bring the first network up. `listed`: among the networks that verbs without --state find. Raises as `Engine.run`."""
        switch = cls(people, seed, elsewhere or {}, where, listed=listed)
        await switch._begin(seed)
        try:
            yield switch
        finally:
            await switch._ends.aclose()

    @property
    def is_bound(self) -> bool:
        """Systems of the tester's own serve institutions of it, under its certificates: no other network can take its place."""
        return bool(self._elsewhere)

    async def filled(self, seed: int) -> None:
        """Have the network of this seed ready to `become`: what takes long, and may fail, before anything goes. Raises as `Engine.run`."""
        await template.filled(self._people, seed)

    async def become(self, seed: int) -> None:
        """Have the network of this seed in the place of the one that runs, which goes with its snapshots.

        A second where one of this kind was filled before, and some seconds more where not. Raises as `Engine.run`; then the network that was
        there before is back at its beginning.
        """
        await self.filled(seed)
        before = self.engine.file.seed
        await self._ends.aclose()
        try:
            await self._begin(seed)
        except BaseException:
            await self._begin(before)
            raise

    async def _begin(self, seed: int) -> None:
        self._ends = AsyncExitStack()
        running = Engine.run(self._people, seed, elsewhere=self._elsewhere, where=self.where)
        self._engine = await self._ends.enter_async_context(running)
        if self._listed:
            self._ends.enter_context(registered(self._engine.state))
