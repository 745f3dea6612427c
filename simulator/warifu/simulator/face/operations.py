"""The plain face's operations over HTTP: one for each RPC of the interim server's contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor

from warifu.interim.v1 import interim_pb2

SERVICES: Final[tuple[ServiceDescriptor, ...]] = tuple(interim_pb2.DESCRIPTOR.services_by_name.values())


@dataclass(frozen=True, slots=True)
class Operation:
    """One RPC as an HTTP call."""

    rpc: str
    method: str
    path: str
    ja: str
    en: str
    lists: tuple[str, str] | None = None
    """Of a streamed RPC: the names under which the requests come and the responses go, as lists of one JSON object."""
    example: Mapping[str, Any] = field(default_factory=dict)
    """A body."""

    @property
    def descriptor(self) -> MethodDescriptor:
        """The RPC in the contract."""
        return next(s.methods_by_name[self.rpc] for s in SERVICES if self.rpc in s.methods_by_name)

    @property
    def full_name(self) -> str:
        """As gRPC calls it."""
        return f"/{self.descriptor.containing_service.full_name}/{self.rpc}"

    @property
    def request(self) -> Descriptor:
        """Message that is sent; of a stream, each."""
        return self.descriptor.input_type

    @property
    def response(self) -> Descriptor:
        """Message that comes back; of a stream, each."""
        return self.descriptor.output_type

    @property
    def parameters(self) -> tuple[str, ...]:
        """Fields of the request that stand in the path, by their name in the contract."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


_ADDRESSEE: Final = "000000000000001"
_RECORD: Final = {
    "recordId": "copy-2026-0001",
    "change": "COPY_CHANGE_NEW",
    "addresseeNo": _ADDRESSEE,
    "item": "TM90000000000001",
    "recordKey": "2025",
    "layoutVersion": "2025-06",
    "about": {"firstDay": "2025-04-01", "lastDay": "2026-03-31"},
    "content": {
        "localTax": {
            "taxYear": 2025,
            "municipality": "480011",
            "returnKind": "TAX_RETURN_KIND_RETURN",
            "totalIncomeYen": "2400000",
            "taxClass": "TAX_CLASS_TAXED",
        }
    },
}
_INQUIRY: Final = {
    "requestId": "3f0f1e5c-0000-4000-8000-000000000001",
    "addresseeNo": _ADDRESSEE,
    "provider": "tax-480011",
    "affair": "JM90000000000101",
    "procedure": "JT90000000000101",
    "item": "TM90000000000001",
    "span": {"fiscalYear": {"year": 2025}},
    "office": "window-1",
    "clerk": "c-0001",
    "caseReference": "case-1",
}
_ITEMS: Final = {
    "name": "架空 花子",
    "address": "架空県見本市中央1-1",
    "birthDate": "1990-04-01",
    "sex": "SEX_FEMALE",
}

OPERATIONS: Final = (
    Operation(
        "Enrol", "POST", "/v1/enrolments", "宛名番号に符号を結び付ける（符号の取得）。同じ内容を送り直しても変わらない。",
        "Binds addressee numbers to codes. The same again changes nothing.", ("enrolments", "results"),
        {"enrolments": [{"addresseeNo": _ADDRESSEE, "basicItems": _ITEMS}]},
    ),
    Operation(
        "Unbind", "POST", "/v1/unbindings", "誤って結び付けた宛名番号を符号から外す。",
        "Unbinds a mislinked addressee number from its code.", example={"addresseeNo": _ADDRESSEE, "reason": "mislinked"},
    ),
    Operation(
        "ListUnbound", "GET", "/v1/unbound", "符号の取得が要る宛名番号の一覧。", "Addressee numbers that need enrolment.",
    ),
    Operation(
        "RegisterCopies", "POST", "/v1/copies", "副本を登録する（新規・異動・版改定・削除）。レコード識別番号が同じなら二度は効かない。",
        "Registers copies: new, difference, revision, deletion. One record id takes effect once.", ("copies", "results"),
        {"copies": [_RECORD]},
    ),
    Operation(
        "SetProtection", "POST", "/v1/protections", "不開示・自己情報提供不可・自動応答不可を設定または解除する。",
        "Sets or lifts the protection flags of an addressee.",
        example={"addresseeNo": _ADDRESSEE, "manualReview": True, "reason": "asked for"},
    ),
    Operation(
        "Inquire", "POST", "/v1/inquiries", "照会する。保存して送り、受付だけをすぐ返す。要求ID（requestId）を付ければ、送り直しても照会は一つ。",
        "Inquires: stores, sends and answers with a receipt at once. With a requestId of yours a retry is the same inquiry.",
        example=_INQUIRY,
    ),
    Operation(
        "InquireBulk", "POST", "/v1/inquiries/bulk", "まとめて照会し、すべてが何かになるまで待つ。要求IDは必須。",
        "Inquires about many and waits until each came to something. Each needs a requestId.", ("inquiries", "results"),
        {"inquiries": [_INQUIRY]},
    ),
    Operation(
        "ListInquiries", "GET", "/v1/inquiries", "照会の一覧（新しい順、内容なし）。", "Inquiries, newest first, without their records.",
    ),
    Operation(
        "Collect", "GET", "/v1/inquiries/{request_id}", "照会の状態と回答。waitMs（20000まで）の間、変わるのを待つ。",
        "State and answer of an inquiry. Waits up to waitMs (20000) for a change.",
    ),
    Operation(
        "GetProof", "GET", "/v1/inquiries/{request_id}/proof", "やりとりの記録が公開ログにあることの、オフラインの証明。",
        "An offline proof that the records of an exchange are in the public log.",
    ),
    Operation(
        "Correct", "POST", "/v1/inquiries/{request_id}/corrections", "やりとりの記録に訂正を添える。",
        "Enters a correction beside the records of an exchange.",
        example={"statement": "The inquiry was about the year 2024."},
    ),
    Operation(
        "ListReviews", "GET", "/v1/reviews", "職員の確認を待つ回答の一覧。", "Answers of yours that wait for a clerk.",
    ),
    Operation(
        "ReleaseReview", "POST", "/v1/reviews/{permit_id}/decision", "確認を待つ回答を、提供するか、しないか決める。",
        "Provides or withholds an answer that waits.",
        example={"decision": "REVIEW_DECISION_PROVIDE", "clerk": "c-0003", "decisionId": "d-1"},
    ),
    Operation(
        "ListPromises", "GET", "/v1/promises", "ゲートウェイの約束と、それが公開ログにあるかどうか。",
        "What the gateway promised to have logged, and whether the log has it.",
    ),
    Operation(
        "ListRecords", "GET", "/v1/records", "情報提供等の記録（自機関のもの）。", "Access records of the institution's own interim server.",
    ),
)  # fmt: skip
