"""Steps 3 and 4 as the gateway sees them: the provider is asked under the permit, and what it said is judged without reading it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import grpc

from warifu.common.v1.common_pb2 import Failure
from warifu.exchange import answer, header, permit
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.decide import Decisions
from warifu.gateway.mishaps import Mishaps
from warifu.gateway.permit import ACCEPT_WITHIN
from warifu.gateway.stored import Stored
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason, Side
from warifu.kernel.limits import PROVIDE_DEADLINE
from warifu.kernel.peers import Peers
from warifu.provision.v1.provision_pb2 import ProvideRequest, ProvideResponse, ProvideResult
from warifu.provision.v1.provision_pb2_grpc import ProvisionServiceStub

Answer = tuple[pb.SealedBlock, bytes]
"""An answer block, and the whole SealedAnswer as it is relayed."""


class Reply(NamedTuple):
    """What one exchange has come to."""

    outcome: pb.Outcome.ValueType
    answer: bytes | None = None
    """SealedAnswer, serialised: one object for all that it answers."""
    answer_index: int | None = None
    non_disclosure: bool = False
    """The provider asks that the person not be shown it."""
    failure: Failure | None = None


def expired() -> Reply:
    """No final answer came in time."""
    return Reply(pb.OUTCOME_EXPIRED, failure=LinkageError(Reason.GATEWAY_EXPIRED).failure())


class Forwarder:
    """Asks providers. The same exchange may be asked any number of times: the permit is the same, and so is the provider's answer."""

    def __init__(
        self,
        peers: Peers,
        keys: InstitutionKeys,
        decisions: Decisions,
        clock: Clock,
        planted: Mishaps | None = None,
    ) -> None:
        self._peers, self._keys, self._decisions, self._clock = peers, keys, decisions, clock
        self._planted = planted or Mishaps()

    async def ask(self, batch: Sequence[Stored]) -> list[Reply | LinkageError]:
        """What a provider says of exchanges of one requester with it, in order; an error where nothing is known yet and it stays open.

        One call: one signature over the permits, each block once.

        Raises:
            LinkageError: GATEWAY_INTERNAL: the provider cannot be called from here.
        """
        provider = batch[0].provider
        blocks = [pb.SealedBlock.FromString(wire) for wire in dict.fromkeys(one.query for one in batch)]
        unsigned = self._planted.permits([_permit(one) for one in batch])
        permits = permit.issue(unsigned, self._keys.signing_key_id, self._keys.sign)
        request = ProvideRequest(provider=provider, permits=permits, queries=blocks)
        try:
            server = self._peers.server_of(self._decisions.kind_of(provider), provider)
            stub = self._peers.stub(ProvisionServiceStub, server)
            response = await self._planted.carry(request, partial(stub.Provide, timeout=PROVIDE_DEADLINE / 1000))
        except grpc.aio.AioRpcError as error:
            failed = LinkageError.from_rpc(error, party="provider")
            return [self._judge_failure(one, failed) for one in batch]
        except (
            OSError,
            LookupError,
        ) as error:  # our own certificate or the provider's address is missing: an operator must act
            raise LinkageError(Reason.GATEWAY_INTERNAL) from error
        answers = [(sealed.block, sealed.SerializeToString()) for sealed in response.answers]
        return [self._judge(one, response, answers, index) for index, one in enumerate(batch)]

    def _judge(
        self, stored: Stored, response: ProvideResponse, answers: Sequence[Answer], index: int
    ) -> Reply | LinkageError:
        if index >= len(response.results):
            return _invalid()
        result = response.results[index]
        if result.outcome == pb.OUTCOME_ERROR:
            failure = LinkageError.from_failure(result.error, party="provider")
            reply = self._judge_failure(stored, failure, non_disclosure=result.non_disclosure)
        elif result.outcome in {pb.OUTCOME_ANSWERED, pb.OUTCOME_PENDING}:
            reply = _judge_answer(stored, answers, result)
        else:
            reply = _invalid()
        return reply

    def _judge_failure(
        self, stored: Stored, failure: LinkageError, *, non_disclosure: bool = False
    ) -> Reply | LinkageError:
        """An end, or an error to raise while the exchange stays open, because the same permit may still be answered."""
        match failure.reason:
            case Reason.CLIENT_PERMIT_EXPIRED | Reason.CLIENT_EXCHANGE_CLOSED:
                return expired()._replace(non_disclosure=non_disclosure)
            case reason if reason in _NOT_THE_REQUESTERS:
                # Towards the provider the client is the gateway: its certificate or call, and nothing that the requester did.
                return LinkageError(Reason.GATEWAY_INTERNAL)
            case reason if reason in _PERMIT_REFUSED:
                failure = LinkageError(Reason.GATEWAY_PERMIT_REFUSED)
            case Reason.PROVIDER_INTERNAL if self._may_still_be_accepted(stored):
                return failure
        if failure.retryable:
            # A provider that cannot reach the gateway says so to the gateway; to the requester it is the provider that has no answer.
            return LinkageError(Reason.PROVIDER_UNAVAILABLE) if failure.reason.side == Side.GATEWAY else failure
        return Reply(pb.OUTCOME_ERROR, non_disclosure=non_disclosure, failure=failure.failure())

    def _may_still_be_accepted(self, stored: Stored) -> bool:
        skew = permit.CLOCK_SKEW.total_seconds() * 1000
        return self._clock.machine().timestamp() * 1000 <= stored.recorded_at + ACCEPT_WITHIN + skew


_NOT_THE_REQUESTERS = frozenset(
    {
        Reason.CLIENT_CERTIFICATE_MISSING,
        Reason.CLIENT_CERTIFICATE_INVALID,
        Reason.CLIENT_CERTIFICATE_EXPIRED,
        Reason.CLIENT_CERTIFICATE_REVOKED,
        Reason.CLIENT_CALLER_NOT_ALLOWED,
        Reason.CLIENT_METHOD_UNKNOWN,
    }
)
_PERMIT_REFUSED = frozenset(
    {
        Reason.CLIENT_PERMIT_INVALID,
        Reason.CLIENT_PERMIT_CHANGED,
        Reason.CLIENT_PERMIT_MISMATCH,
        Reason.CLIENT_MALFORMED,
        Reason.CLIENT_TOO_LARGE,
        Reason.CLIENT_TOO_MANY_ITEMS,
        Reason.CLIENT_NOT_YOURS,
    }
)


def _judge_answer(stored: Stored, answers: Sequence[Answer], result: ProvideResult) -> Reply:
    """The answer block must be for the requester and name this permit; whether it is genuine, the requester checks."""
    try:
        block, wire = answers[result.answer_block]
        leaf = block.leaves[result.answer_index]
    except IndexError:
        return _invalid()
    assert stored.permit_hash is not None, "only a permitted exchange is forwarded"
    issued = pb.Permit.FromString(_permit(stored))
    expected = answer.answer_leaf(header.header_hash(issued.header), stored.permit_hash)
    if block.recipient != stored.requester or leaf != expected:
        return _invalid()
    return Reply(result.outcome, wire, result.answer_index, result.non_disclosure)


def _invalid() -> Reply:
    return Reply(pb.OUTCOME_ERROR, failure=LinkageError(Reason.PROVIDER_ANSWER_INVALID).failure())


def _permit(stored: Stored) -> bytes:
    assert stored.permit is not None, "only a permitted exchange is forwarded"
    return stored.permit
