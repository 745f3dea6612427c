"""A requester of paper: takes questions, and answers what a test lays in its hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from warifu.exchange.v1 import exchange_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.portal.information.requester import Answer, Asked, State


@dataclass
class PaperRequester:
    """See `warifu.portal.information.requester.Requester`."""

    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    down: bool = False

    async def ask(self, asked: Asked) -> None:
        """Take it, once."""
        if self.down:
            raise LinkageError(Reason.PROVIDER_UNAVAILABLE)
        if asked.request_id not in {one.request_id for one in self.asked}:
            self.asked.append(asked)

    def answer(self, request_id: str) -> Answer:
        """What was laid ready; nothing yet otherwise."""
        return self.answers.get(request_id, Answer(State.WAITING))

    def provide(self, request_id: str, at: int, records: Sequence[exchange_pb2.Record] | None = None) -> None:
        """Answer with records; by default one tax record."""
        self.answers[request_id] = Answer(State.ARRIVED, at, [tax_record()] if records is None else records)


def tax_record(**changes: object) -> exchange_pb2.Record:
    """A record of tax information."""
    values: dict[str, object] = {
        "tax_year": 2025,
        "municipality": "480011",
        "return_kind": items_pb2.TAX_RETURN_KIND_RETURN,
        "corrected_on": "2025-07-01",
        "total_income_yen": 3_210_400,
        "dependants": 2,
        "tax_class": items_pb2.TAX_CLASS_TAXED,
    }
    content = items_pb2.ItemContent(local_tax=items_pb2.LocalTaxInfo(**values | changes))
    content.empty_fields.add(path="housing_loan_credit_yen", reason=items_pb2.EMPTY_REASON_NO_VALUE)
    return exchange_pb2.Record(record_key="2025", layout_version="1", content=content)
