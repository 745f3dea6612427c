"""What an exception in a handler is to the caller: a reason from the closed list, never details of ours."""

from __future__ import annotations

import errno
from typing import Final

import grpc
from sqlalchemy.exc import DatabaseError, InternalError, OperationalError

from warifu.kernel.errors import LinkageError, Side
from warifu.kernel.seat import GoneError
from warifu.kernel.trust import TrustError

_DISK_TROUBLES: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM})


def explain(error: Exception, side: Side) -> LinkageError:
    """The error to tell the caller of a party on `side`. Disk and database troubles are retryable, what is unexpected is INTERNAL."""
    match error:
        case LinkageError():
            return error
        case grpc.aio.AioRpcError():  # a handler's own call failed and it said no more
            return LinkageError.from_rpc(error)
        case _:
            return LinkageError(side.reason(_kind(error)))


def _kind(error: Exception) -> str:
    """The end of the reason's name."""
    match error:
        case TrustError():
            return "TRUST_UNAVAILABLE"
        case GoneError():
            return "UNAVAILABLE"
        case TimeoutError():
            return "TIMEOUT"
        case _ if is_store_trouble(error):
            return "STORE_UNAVAILABLE"
        case _:
            return "INTERNAL"


def is_store_trouble(error: BaseException) -> bool:
    """Whether the disk or database is at fault: full, read-only, damaged, gone; not a statement that breaks a constraint."""
    if isinstance(error, OSError):
        return error.errno in _DISK_TROUBLES
    # InternalError: a transaction that the server ended, or a standby that takes no writes.
    return isinstance(error, (OperationalError, InternalError)) or type(error) is DatabaseError
