"""What several checks of a requester expect, and what they have said to it."""

from __future__ import annotations

from collections.abc import Callable

from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.sealing import block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.conformance.outcome import Text, UnmetError, plain
from warifu.simulator.conformance.requester_bench import RequesterBench
from warifu.simulator.conformance.requester_gateway import Asked, Failing, Reply
from warifu.simulator.conformance.told import Told

SALARY = 4_120_000
Sealed = Callable[[Asked, bytes], tuple[pb.SealedAnswer, int]]
"""An answer block for an inquiry and its permit's hash, and the answer's place in it."""


def failing(reason: str, *, retryable: bool = False) -> Reply:
    """The gateway says no."""

    async def reply(_: Asked) -> linkage_pb2.ExchangeState:
        raise Failing(reason, retryable=retryable)

    return reply


def signed_by(bench: RequesterBench, provider: str, signer: InstitutionKeys | None = None) -> Sealed:
    """An answer of a provider, by its own key or another."""

    def sealed(asked: Asked, permit_hash: bytes) -> tuple[pb.SealedAnswer, int]:
        return bench.seal([bench.answer(asked, permit_hash)], provider=provider, signer=signer), 0

    return sealed


def same_bytes(bench: RequesterBench, request_id: str) -> None:
    """It was asked more than once, and always the same.

    Raises:
        UnmetError: it was not.
    """
    came = bench.gateway.of(request_id)
    different = len({(one.inquiry, block_hash(one.block)) for one in came})
    if len(came) < 2 or different > 1:  # noqa: PLR2004 - again means twice
        raise UnmetError(
            Text("同じバイト列が二度以上", "the same bytes, twice or more"),
            Text(f"{len(came)} 回、{different} 通り", f"{len(came)} times, {different} different"),
        )


def is_told(told: Told, salary: int = SALARY) -> None:
    """The answer was told, with its value.

    Raises:
        UnmetError: it was not.
    """
    wanted = Told("ANSWERED", "PROVIDED", "", (salary,))
    if (told.outcome, told.fine, told.salaries) != (wanted.outcome, wanted.fine, wanted.salaries):
        raise UnmetError(plain(wanted), plain(told))


def refused(told: Told, *reasons: str) -> None:
    """It was told with one of these reasons, and no value.

    Raises:
        UnmetError: it was believed, or told with another.
    """
    if told.is_believed or told.reason not in reasons:
        named = " / ".join(reasons)
        raise UnmetError(Text(f"理由 {named}、値なし", f"the reason {named}, and no value"), plain(told))
