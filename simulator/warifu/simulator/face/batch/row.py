"""One line of a batch and how it stands."""

from __future__ import annotations

from dataclasses import dataclass

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.simulator.face.batch.fields import InquiryLine
from warifu.simulator.face.batch.lines import Malformed


@dataclass(slots=True)
class Row:
    """One line; `state` and `refused` become known while the batch runs."""

    number: int
    """Place in the file, from 1."""
    line: InquiryLine | Malformed
    request: interim_pb2.InquireRequest | None = None
    """None of a line that cannot be read."""
    duplicate: bool = False
    """The same line stands further up, and was asked there."""
    state: interim_pb2.InquiryState | None = None
    refused: common_pb2.Failure | None = None

    @property
    def asks(self) -> bool:
        """Something is sent for it."""
        return self.request is not None and not self.duplicate

    @property
    def outstanding(self) -> bool:
        """It is to be sent: there is no inquiry of it yet. Whatever it was refused for, somebody may have mended it since."""
        return self.asks and self.state is None

    @property
    def answered(self) -> bool:
        """The provider answered, whatever it said; not that a clerk of it must look first."""
        return self.state is not None and self.state.outcome == exchange_pb2.OUTCOME_ANSWERED

    @property
    def waiting(self) -> bool:
        """It may still change: under way, or with a clerk of the provider."""
        return self.state is not None and self.state.outcome in {
            exchange_pb2.OUTCOME_UNSPECIFIED,
            exchange_pb2.OUTCOME_PENDING,
        }
