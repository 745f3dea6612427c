"""The gateway's way in: `ProvisionService`, for every institution of the process, each by its own keys and store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc

from warifu.interim.provide import Provision
from warifu.kernel.errors import LinkageError, Reason
from warifu.provision.v1 import provision_pb2 as pb
from warifu.provision.v1 import provision_pb2_grpc


class ProvisionServicer(provision_pb2_grpc.ProvisionServiceServicer):
    """See the contract, warifu/provision/v1/provision.proto."""

    def __init__(self, provisions: Mapping[str, Provision]) -> None:
        """`provisions` by institution code."""
        self._provisions = provisions

    async def Provide(  # noqa: N802 - the contract's name
        self, request: pb.ProvideRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.ProvideResponse:
        """Answers of the provider that is asked; CLIENT_INSTITUTION_UNKNOWN when it is not served here."""
        del context
        provision = self._provisions.get(request.provider)
        if provision is None:
            raise LinkageError(Reason.CLIENT_INSTITUTION_UNKNOWN, metadata={"institution": request.provider})
        return await provision.provide(request)
