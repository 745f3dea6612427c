"""Has changes of copies made at the interim server, each as what is true of the copy there (BIZ-7.11).

A change says what was true when it was recorded. When the first one of a copy was refused, such as for a value that no contract knows, there is
no copy that the next could change: then the last change of it is registered as new, and a deletion has nothing left to do.
"""

from __future__ import annotations

from collections.abc import Sequence

from warifu.agencies.office import Interim
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason

Copy = interim_pb2.RegisterCopiesRequest


async def register(interim: Interim, changes: Sequence[Copy]) -> list[LinkageError | None]:
    """Make the changes in their order; of each None, or why not."""
    errors = await _made(interim, changes)
    if not any(map(_is_missing, errors)):
        return errors
    last = {_of(change): place for place, change in enumerate(changes)}
    became = {copy: errors[place] for copy, place in last.items()}
    lost = [changes[last[copy]] for copy, error in became.items() if _is_missing(error)]
    anew = [_as_new(change) for change in lost if change.change != interim_pb2.COPY_CHANGE_DELETE]
    became |= dict.fromkeys(map(_of, lost))
    became |= zip(map(_of, anew), await _made(interim, anew), strict=True)
    return [became[_of(change)] if _is_missing(error) else error for change, error in zip(changes, errors, strict=True)]


async def _made(interim: Interim, changes: Sequence[Copy]) -> list[LinkageError | None]:
    responses = await interim.register_copies(list(changes))
    return [LinkageError.from_failure(one.error) if one.HasField("error") else None for one in responses]


def _is_missing(error: LinkageError | None) -> bool:
    return error is not None and error.reason == Reason.CLIENT_COPY_MISSING


def _of(change: Copy) -> tuple[str, str]:
    return change.addressee_no, change.record_key


def _as_new(change: Copy) -> Copy:
    """The change as a first registration. Under an id of its own: should nobody hear that it was made, the change itself fits from then on."""
    new = Copy()
    new.CopyFrom(change)
    new.record_id, new.change = f"{change.record_id}/new", interim_pb2.COPY_CHANGE_NEW
    return new
