"""The engine in a process of its own, started and ended by whoever tests."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from warifu.simulator.testing.linkage import Linkage

ENDS_WITHIN = 15.0


class EngineError(RuntimeError):
    """The engine did not start; the message is what it said."""


@dataclass(slots=True)
class Child:
    """A running engine. It ends with the process that started it, however that ends."""

    process: subprocess.Popen[str]
    address: str
    token: str
    state: str
    ready_seconds: float
    onboarded: Sequence[Mapping[str, Any]] = ()
    """What systems of the tester's own are to be configured with that serve institutions here."""

    @classmethod
    def start(cls, people: int = 200, seed: int = 1, elsewhere: Sequence[str] = ()) -> Self:
        """Start one and wait until it answers. The first on a machine takes some seconds more.

        `elsewhere`: institutions that systems of the tester's own serve, such as "tax-480011" or "tax-480011=127.0.0.1:9000".

        Raises:
            EngineError: it ended instead: too few people, a seed that is none, an institution that is not there, ….
        """
        at = [word for one in elsewhere for word in ("--at", one)]
        said = tempfile.TemporaryFile()  # noqa: SIM115 - never a pipe that nobody empties; it goes with the process
        process = subprocess.Popen(  # noqa: S603 - this very interpreter
            [sys.executable, "-m", "warifu.simulator.testing", "--people", str(people), "--seed", str(seed), *at],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.communicate()
            said.seek(0)
            with said:
                raise EngineError(said.read().decode().strip())
        said.close()
        return cls(process, **json.loads(line))

    def linkage(self) -> Linkage:
        """Drive it; `close` when done."""
        from warifu.simulator.testing.linkage import Linkage  # noqa: PLC0415 - gRPC takes a while to load

        return Linkage(self.address, self.token, self.onboarded)

    def stop(self) -> None:
        """Have it end."""
        try:
            self.process.communicate(timeout=ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()
