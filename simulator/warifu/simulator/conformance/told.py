"""What a requester or a business system says became of a question, and what a report shows of an inquiry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from warifu.exchange.sealing import block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.simulator.conformance.outcome import Text, UnmetError, plain, shown
from warifu.simulator.conformance.requester_gateway import Asked


@dataclass(frozen=True, slots=True)
class Told:
    """What a requester says became of a question."""

    outcome: str
    fine: str
    reason: str
    salaries: tuple[int, ...]
    """Of the records told."""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Told:
        """Read a line.

        Raises:
            UnmetError: its records are no records.
        """
        try:
            listed = list(said.get("records") or ())
            if not all(isinstance(one, dict) for one in listed):
                raise TypeError("a record is an object")  # noqa: TRY301 - as ParseDict would, did it look
            records = [ParseDict(one, pb.Record(), ignore_unknown_fields=True) for one in listed]
        except (ParseError, TypeError, AttributeError) as error:
            raise UnmetError(Text("JSON の形の記録", "records as JSON"), plain(f"{error}")) from error
        return cls(
            str(said.get("outcome") or ""),
            str(said.get("fineOutcome") or ""),
            str(said.get("reason") or ""),
            tuple(one.content.local_tax.salary_revenue_yen for one in records),
        )

    @property
    def is_believed(self) -> bool:
        """An answer was told, or that one waits."""
        return self.outcome in {"ANSWERED", "PENDING"} or bool(self.salaries)

    def __str__(self) -> str:
        told = [f"outcome {self.outcome or '–'}"]
        told += [f"{name} {value}" for name, value in (("fineOutcome", self.fine), ("reason", self.reason)) if value]
        return ", ".join([*told, *(f"salary_revenue_yen {one}" for one in self.salaries)])


def shown_inquiry(asked: Asked) -> dict[str, Any]:
    """An inquiry as a report shows it."""
    parsed, block = asked.parsed, asked.block
    header = MessageToDict(asked.header, preserving_proto_field_name=True)
    return {
        "inquiry": {
            "header": header,
            "subject": parsed.subject.code.hex(),
            "query_block_hash": parsed.query_block_hash.hex(),
            "query_index": parsed.query_index,
        },
        "query": {
            "recipient": block.recipient,
            "key_id": block.key_id,
            "leaves": shown([bytes(one) for one in block.leaves]),
            "bytes": len(block.ciphertext),
            "sha256": block_hash(block).hex(),
        },
    }
