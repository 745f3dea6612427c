"""Calls by name: a call that fails says which it was and to whom it was made, which gRPC's own error does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc

from warifu.kernel.errors import LinkageError


class CallError(grpc.aio.AioRpcError):
    """The error of a failed call, as it came, with the call's name and whom it was made to: a party or an institution."""

    def __init__(self, call: str, called: str, error: grpc.aio.AioRpcError) -> None:
        super().__init__(
            error.code(),
            error.initial_metadata(),
            error.trailing_metadata(),
            error.details(),
            error.debug_error_string(),
        )
        self.call: Final = call
        self.called: Final = called

    @property
    def linkage(self) -> LinkageError:
        """Its reason, on the side of whom it was made to."""
        return LinkageError.from_rpc(self, party=self.called)

    def text(self, language: str) -> str:
        """Call, whom it was made to, reason, and what the reason says."""
        error = self.linkage
        if language == "ja":
            return f"{self.called} への呼出し {self.call} が失敗しました。{error.reason}: {error.text('ja')}"
        return f"the call {self.call} to {self.called} failed. {error.reason}: {error.text('en')}"


@contextmanager
def calling(call: str, called: str) -> Iterator[None]:
    """Name the calls of the block.

    Raises:
        CallError: one failed.
    """
    try:
        yield
    except CallError:
        raise
    except grpc.aio.AioRpcError as error:
        raise CallError(call, called, error) from error
