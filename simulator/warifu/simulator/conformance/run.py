"""Requirements tried one after the other, each with what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal

import grpc

from warifu.kernel.errors import LinkageError
from warifu.simulator.conformance.frame import B, Requirement
from warifu.simulator.conformance.outcome import Text, UnmetError, plain

Status = Literal["passed", "failed", "skipped"]
_NONE = Text("", "")
_LAST = 3
"""What was sent last, as many: the others only led there."""


@dataclass(frozen=True, slots=True)
class Result(Generic[B]):
    """What came of one requirement."""

    requirement: Requirement[B]
    status: Status
    seconds: float
    expected: Text = _NONE
    got: Text = _NONE
    sent: tuple[dict[str, Any], ...] = ()
    """What was sent last, when it failed: permits, questions, calls."""
    note: Text = _NONE
    """What could not be tried, or why nothing was."""

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        one = self.requirement
        return {
            "name": one.name,
            "numbers": list(one.numbers),
            "section": one.section,
            "title": {"ja": one.ja, "en": one.en},
            "status": self.status,
            "seconds": round(self.seconds, 3),
            "expected": self.expected._asdict(),
            "got": self.got._asdict(),
            "sent": list(self.sent),
            "note": self.note._asdict(),
        }


async def check(bench: B, requirement: Requirement[B]) -> Result[B]:
    """Try one requirement. Whatever is wrong with who is under test, also what no check thought of, fails it."""
    bench.sent.clear()
    bench.notes.clear()
    begun = time.monotonic()

    def result(status: Status, expected: Text = _NONE, got: Text = _NONE) -> Result[B]:
        note = Text("、".join(one.ja for one in bench.notes), "; ".join(one.en for one in bench.notes))
        sent = tuple(bench.sent[-_LAST:]) if status == "failed" else ()
        return Result(requirement, status, time.monotonic() - begun, expected, got, sent, note)

    try:
        await requirement.check(bench)
    except UnmetError as error:
        return result("failed", error.expected, error.got)
    except grpc.aio.AioRpcError as error:
        failure = LinkageError.from_rpc(error, party=bench.side)
        return result(
            "failed", Text("応答", "a response"), plain(f"{error.code().name} {failure.reason}: {error.details()}")
        )
    except Exception as error:  # noqa: BLE001 - what a wrong party sends can break its reader in any way
        return result(
            "failed", Text("読める応答", "a response that can be read"), plain(f"{type(error).__name__}: {error}")
        )
    return result("passed")


async def check_all(
    bench: B, requirements: Sequence[Requirement[B]], tell: Callable[[Result[B]], None] | None = None
) -> list[Result[B]]:
    """Try each; `tell` hears of each as soon as it is known."""
    results = []
    for one in requirements:
        results.append(await check(bench, one))
        if tell is not None:
            tell(results[-1])
    return results
