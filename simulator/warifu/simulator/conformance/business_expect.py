"""What several checks of a business system say and expect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from warifu.simulator.conformance.folder import ITEM
from warifu.simulator.conformance.outcome import Text, UnmetError
from warifu.simulator.conformance.requester_gateway import Failing

SALARY = 9_876_543_210
"""More than 32 bits: amounts are texts in JSON."""
NUMBER = "999000000016"
"""An individual number as a clerk types it, of the simulator's block."""


def lost() -> Failing:
    """What was sent has arrived, and its answer is lost."""
    return Failing("PROVIDER_UNAVAILABLE", retryable=True)


def same(messages: Sequence[Message], what: Text) -> None:
    """They came twice or more, and always the same.

    Raises:
        UnmetError: they did not.
    """
    different = {one.SerializeToString(deterministic=True) for one in messages}
    if len(messages) < 2 or len(different) > 1:  # noqa: PLR2004 - again means twice
        raise UnmetError(
            Text(f"{what.ja}を同じ内容で二度", f"{what.en} twice, unchanged"),
            Text(f"{len(messages)} 回、{len(different)} 通り", f"{len(messages)} times, {len(different)} different"),
        )


def copy_of(number: str, salary: int | None) -> dict[str, Any]:
    """An errand: the books say now this of a record; None when it is gone."""
    content = None if salary is None else {"localTax": {"taxYear": 2025, "salaryRevenueYen": str(salary)}}
    return {
        "op": "copy",
        "addresseeNo": number,
        "item": ITEM,
        "recordKey": "2025",
        "layoutVersion": "2025-06",
        "firstDay": "2025-04-01",
        "lastDay": "2026-03-31",
        "content": content,
    }
