"""What a provider's refusal means for the exchange: an end with a reason, or an exchange that stays open."""

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata
from unit.gateway.samples import PROVIDER, StandingClock, stored

from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.forward import Forwarder
from warifu.kernel.errors import STATUS_KEY, LinkageError, Reason
from warifu.kernel.limits import PERMIT_LIFE
from warifu.provision.v1 import provision_pb2

ENDS = {
    Reason.CLIENT_PERMIT_EXPIRED: (pb.OUTCOME_EXPIRED, Reason.GATEWAY_EXPIRED),
    Reason.CLIENT_EXCHANGE_CLOSED: (pb.OUTCOME_EXPIRED, Reason.GATEWAY_EXPIRED),
    Reason.CLIENT_PERMIT_INVALID: (pb.OUTCOME_ERROR, Reason.GATEWAY_PERMIT_REFUSED),
    Reason.CLIENT_PERMIT_CHANGED: (pb.OUTCOME_ERROR, Reason.GATEWAY_PERMIT_REFUSED),
    Reason.CLIENT_PERMIT_MISMATCH: (pb.OUTCOME_ERROR, Reason.GATEWAY_PERMIT_REFUSED),
    Reason.CLIENT_MALFORMED: (pb.OUTCOME_ERROR, Reason.GATEWAY_PERMIT_REFUSED),
    Reason.PROVIDER_PERMIT_INVALID: (pb.OUTCOME_ERROR, Reason.PROVIDER_PERMIT_INVALID),
    Reason.CLIENT_QUERY_UNREADABLE: (pb.OUTCOME_ERROR, Reason.CLIENT_QUERY_UNREADABLE),
    Reason.CLIENT_QUERY_MISMATCH: (pb.OUTCOME_ERROR, Reason.CLIENT_QUERY_MISMATCH),
}
STAYS_OPEN = {
    Reason.PROVIDER_UNAVAILABLE: Reason.PROVIDER_UNAVAILABLE,
    Reason.PROVIDER_TIMEOUT: Reason.PROVIDER_TIMEOUT,
    Reason.PROVIDER_STORE_UNAVAILABLE: Reason.PROVIDER_STORE_UNAVAILABLE,
    Reason.PROVIDER_TRUST_UNAVAILABLE: Reason.PROVIDER_TRUST_UNAVAILABLE,
    Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN: Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN,
    Reason.PROVIDER_INTERNAL: Reason.PROVIDER_INTERNAL,
    Reason.GATEWAY_UNAVAILABLE: Reason.PROVIDER_UNAVAILABLE,  # it could not reach us in turn
    # Towards the provider the gateway is the client: this is never the requester's fault.
    Reason.CLIENT_CERTIFICATE_EXPIRED: Reason.GATEWAY_INTERNAL,
    Reason.CLIENT_CERTIFICATE_REVOKED: Reason.GATEWAY_INTERNAL,
    Reason.CLIENT_CALLER_NOT_ALLOWED: Reason.GATEWAY_INTERNAL,
    Reason.CLIENT_METHOD_UNKNOWN: Reason.GATEWAY_INTERNAL,
}
KEYS = InstitutionKeys.generate("gateway")


class Peer:
    """A provider that fails as told: the whole call, or its one item."""

    def __init__(self, reason, *, whole_call):
        self.error, self.whole_call = LinkageError(reason), whole_call
        self.request = None

    def server_of(self, party, institution):
        """See `Peers`: it has a server of its own."""
        assert (party, institution) == ("tax", PROVIDER)
        return f"{PROVIDER}.tax"

    def stub(self, factory, party, identity="main"):
        """See `Peers`; it is its own stub."""
        assert party == f"{PROVIDER}.tax"
        return self

    async def Provide(self, request, **_options):  # noqa: N802 - the contract's name
        """Fail."""
        self.request = request
        if self.whole_call:
            details = Metadata((STATUS_KEY, self.error.status().SerializeToString()))
            raise AioRpcError(self.error.code, Metadata(), details)
        result = provision_pb2.ProvideResult(outcome=pb.OUTCOME_ERROR, error=self.error.failure(), non_disclosure=True)
        return provision_pb2.ProvideResponse(results=[result])


class Register:
    """Knows one provider."""

    def kind_of(self, institution):
        """See `Decisions`."""
        assert institution == PROVIDER
        return "tax"


def ask(peer, clock=None):
    """What the gateway makes of it."""
    return one(Forwarder(peer, KEYS, Register(), clock or StandingClock()).ask([stored()]))


async def one(asking):
    """The only reply."""
    (reply,) = await asking
    if isinstance(reply, LinkageError):
        raise reply
    return reply


@pytest.mark.parametrize("whole_call", [True, False], ids=["call", "item"])
@pytest.mark.parametrize("reason", ENDS)
async def test_a_refusal_that_would_be_repeated_is_the_end(reason, whole_call):
    """What the provider would say again however often it were asked ends the exchange, with a reason that blames the right side."""
    reply = await ask(Peer(reason, whole_call=whole_call))
    assert (reply.outcome, reply.failure.reason) == ENDS[reason]
    assert reply.non_disclosure is not whole_call
    assert reply.answer is None


@pytest.mark.parametrize("whole_call", [True, False], ids=["call", "item"])
@pytest.mark.parametrize("reason", STAYS_OPEN)
async def test_a_refusal_that_may_pass_leaves_the_exchange_open(reason, whole_call):
    """What may be otherwise next time is raised and ends nothing."""
    with pytest.raises(LinkageError) as raised:
        await ask(Peer(reason, whole_call=whole_call))
    assert raised.value.reason == STAYS_OPEN[reason]


async def test_a_provider_that_keeps_failing_ends_the_exchange_after_the_permits_window():
    """An unexplained failure counts as an accident while the permit could still be accepted, and as the outcome afterwards."""
    clock = StandingClock()
    clock.pass_machine(seconds=PERMIT_LIFE + 31)
    reply = await ask(Peer(Reason.PROVIDER_INTERNAL, whole_call=True), clock)
    assert (reply.outcome, reply.failure.reason) == (pb.OUTCOME_ERROR, Reason.PROVIDER_INTERNAL)


async def test_a_failure_without_details_is_the_providers():
    """A bare gRPC failure, such as of a crashed process, is told as the provider's."""

    class Bare(Peer):
        async def Provide(self, request, **_options):  # noqa: N802 - the contract's name
            raise AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata())

    with pytest.raises(LinkageError) as raised:
        await ask(Bare(Reason.PROVIDER_INTERNAL, whole_call=True))
    assert raised.value.reason == Reason.PROVIDER_UNAVAILABLE


async def test_every_try_carries_the_very_same_permit():
    """Asking again signs the stored permit anew: the same bytes and, since Ed25519 is deterministic, the same signature."""
    exchange, requests = stored(), []
    for _ in range(2):
        peer = Peer(Reason.PROVIDER_UNAVAILABLE, whole_call=True)
        with pytest.raises(LinkageError):
            await one(Forwarder(peer, KEYS, Register(), StandingClock()).ask([exchange]))
        requests.append(peer.request)
    assert requests[0] == requests[1]
    assert requests[0].permits[0].permit == exchange.permit
