"""Views of one exchange as real parties give them, made by hand of the contracts' messages, so that every way it can go is at hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from warifu.common.v1 import common_pb2
from warifu.control.v1.control_pb2 import HeldValue, Holding
from warifu.exchange import record as records
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.v1 import interim_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.instants import timestamp
from warifu.law import LawBook, packaged
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.stage.picture import Picture, draw

BOOK: LawBook = packaged()
ID = "11e34031-e3ff-4162-87d6-4fb75742265a"
REQUESTER, PROVIDER = "nhi-480029", "tax-480011"
KINDS = {REQUESTER: "health_insurance", PROVIDER: "tax", "portal-main": "portal"}
PARTIES = ("numbering", "gateway", "health_insurance", "tax", "portal", "watchdog", "simulator")
ROW = BOOK.rows["P07"]
THEIR_CODE, OUR_CODE, PORTAL_CODE = (bytes([1]) + sha256(name).digest() for name in (b"asks", b"is asked", b"shows"))
ASKED_ABOUT, FOUND = "478838809497093", "651987787488112"
AT = 1_775_433_614_195
Views = dict[str, list[Holding]]


def holding(where: str, **values: object) -> Holding:
    """A row as views give it: bytes as they are, everything else as text, nothing for None."""
    told = []
    for name, value in values.items():
        if isinstance(value, bytes):
            told.append(HeldValue(name=name, raw=value))
        elif value is not None:
            told.append(HeldValue(name=name, text=str(value)))
    return Holding(where=where, values=told)


def subject(code: bytes) -> pb.SubjectReference:
    """A reference by code."""
    return pb.SubjectReference(code=code)


@dataclass
class Sample:
    """One exchange. Change a field, then ask for the views."""

    outcome: int = int(pb.OUTCOME_ANSWERED)
    fine: int = int(pb.FINE_OUTCOME_PROVIDED)
    withheld: bool = False
    reviewed: int | None = None
    """A clerk's decision, where one was asked; 0 while there is none."""
    bound: bytes = OUR_CODE
    """What the provider's addressee is bound to now."""
    leaf: int | None = 19
    witnessed: int = 56
    salary: int = 5_755_200
    more: Views = field(default_factory=dict)

    @property
    def permitted(self) -> bool:
        """There is a permit."""
        return self.outcome != pb.OUTCOME_DENIED

    @property
    def pending(self) -> bool:
        """It waits for a clerk."""
        return self.outcome == pb.OUTCOME_PENDING

    @property
    def final(self) -> bool:
        """It came to an outcome."""
        return self.outcome not in {int(pb.OUTCOME_UNSPECIFIED), int(pb.OUTCOME_PENDING)}

    @property
    def provided(self) -> bool:
        """The provider has used the permit."""
        return self.outcome in {int(pb.OUTCOME_ANSWERED), int(pb.OUTCOME_PENDING)}

    def header(self) -> bytes:
        """What is asked."""
        return pb.RequestHeader(
            request_id=ID, requester=REQUESTER, provider=PROVIDER, affair=ROW.affair.code, procedure=ROW.procedure.code,
            item=ROW.item, span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025)), office="window-1", clerk="c-0001",
        ).SerializeToString()  # fmt: skip

    def query(self) -> bytes:
        """The query in the clear."""
        return pb.Query(header_hash=sha256(self.header()).digest(), fields=["tax_year"]).SerializeToString()

    def sealed(self, recipient: str, size: int) -> pb.SealedBlock:
        """A sealed block: bytes that say nothing."""
        noise = b"".join(sha256(f"{recipient}{n}".encode()).digest() for n in range(size // 32 + 1))[:size]
        return pb.SealedBlock(recipient=recipient, key_id="17aa", leaves=[sha256(noise).digest()], ciphertext=noise)

    def permit(self) -> bytes:
        """The gateway's permit."""
        made = pb.Permit(
            permit_id=ID, header=self.header(), subject=subject(OUR_CODE), table_version=BOOK.version, row="P07",
            commitment=self.record("gateway", 1).commitment, exchange_time=timestamp(AT), review_until=timestamp(AT + 2_592_000_000),
        )  # fmt: skip
        return made.SerializeToString() if self.permitted else b""

    def content(self) -> items_pb2.ItemContent:
        """What the copy says."""
        return items_pb2.ItemContent(
            local_tax=items_pb2.LocalTaxInfo(tax_year=2025, municipality="480011", salary_revenue_yen=self.salary)
        )

    def answer(self) -> bytes:
        """The answer, opened."""
        found = [pb.Record(record_key="2025", content=self.content())] if self.fine == pb.FINE_OUTCOME_PROVIDED else []
        return pb.Answer(
            header_hash=sha256(self.header()).digest(), provider=PROVIDER, requester=REQUESTER,
            outcome=self.fine, records=found, salt=bytes(32),  # type: ignore[arg-type] # values of the enum
        ).SerializeToString()  # fmt: skip

    def sealed_answer(self) -> bytes:
        """The answer as it left."""
        return pb.SealedAnswer(block=self.sealed(REQUESTER, 5232), key_id="k", signature=bytes(64)).SerializeToString()

    def record(self, side: str, kind: int) -> pb.CommittedRecord:
        """One party's access record."""
        told = pb.AccessRecord(
            version=1, kind=kind, request_id=ID, requester=REQUESTER, provider=PROVIDER, affair=ROW.affair.code,  # type: ignore[arg-type]
            procedure=ROW.procedure.code, item=ROW.item, table_version=BOOK.version, row="P07", requested_at=timestamp(AT),
            outcome=self.outcome if kind == pb.RECORD_KIND_OUTCOME else 0, non_disclosure=self.withheld,  # type: ignore[arg-type]
        ).SerializeToString()  # fmt: skip
        salt = sha256(f"{side}{kind}".encode()).digest()
        return pb.CommittedRecord(record=told, salt=salt, commitment=records.commitment(salt, told))

    def views(self) -> Views:
        """What every party shows."""
        told: Views = {name: [] for name in PARTIES}
        told["health_insurance"] = self.requester()
        told["gateway"] = self.gateway()
        told["tax"] = self.provider() if self.provided else []
        told["portal"] = self.portal() if self.final and not self.withheld else []
        told["watchdog"] = [
            holding("watchdog/head", size=self.witnessed, root=bytes(32), note="origin\n56\n", cosigned_at=1)
        ]
        for party, rows in self.more.items():
            told[party] = told[party] + rows
        return told

    def requester(self) -> list[Holding]:
        """The requester's rows."""
        inquiry = pb.Inquiry(header=self.header(), subject=subject(THEIR_CODE)).SerializeToString()
        asked = interim_pb2.InquireRequest(
            institution=REQUESTER, addressee_no=ASKED_ABOUT, provider=PROVIDER, fields=["tax_year"]
        )
        sent = linkage_pb2.InquireRequest(inquiry=inquiry, query=self.sealed(PROVIDER, 2160))
        rows = [
            holding(
                f"{REQUESTER}/inquiries", request_id=ID, request=asked.SerializeToString(), sent=sent.SerializeToString(),
                outcome=self.outcome, fine_outcome=self.fine if self.provided else 0, state=self.state(),
                answer=self.answer() if self.provided else None, failure=self.failure(), made_at=1,
            ),
            holding(f"{REQUESTER}/addressees", addressee_no=ASKED_ABOUT, subject=subject(THEIR_CODE).SerializeToString()),
        ]  # fmt: skip
        return rows + self.kept_records(f"{REQUESTER}/records", "requester")

    def state(self) -> bytes | None:
        """What the gateway told the requester."""
        if self.outcome == pb.OUTCOME_UNSPECIFIED:
            return None
        receipt = linkage_pb2.Receipt(
            commitment=self.record("gateway", 1).commitment, signature={"key_id": "g", "signature": b"\7" * 64}
        )
        state = linkage_pb2.ExchangeState(request_id=ID, outcome=self.outcome, receipt=receipt)  # type: ignore[arg-type]
        if self.provided:
            state.answer.ParseFromString(self.sealed_answer())
            state.permit_hash = sha256(self.permit()).digest()
        if not self.permitted:
            state.denial.CopyFrom(self.denial())
        return state.SerializeToString()

    def denial(self) -> linkage_pb2.Denial:
        """Why not."""
        message = common_pb2.LocalizedText(ja="この手続では認められていません。", en="Not in this procedure.")
        return linkage_pb2.Denial(
            reason="CLIENT_ITEM_NOT_PERMITTED", failed_condition="item", nearest_row="P07", message=message
        )

    def failure(self) -> bytes | None:
        """What failed."""
        message = common_pb2.LocalizedText(ja="許可証が拒まれました。", en="The permit was refused.")
        failed = common_pb2.Failure(reason="GATEWAY_PERMIT_REFUSED", message=message)
        return failed.SerializeToString() if self.outcome == pb.OUTCOME_ERROR else None

    def kept_records(self, where: str, side: str) -> list[Holding]:
        """Records with what opens them; the second once it is final."""
        kinds = (1, 2) if self.final else (1,)
        leaves = {1: self.leaf, 2: self.leaf + 1 if self.leaf is not None else None} if side == "gateway" else {}
        return [
            holding(
                where, request_id=ID, kind=kind, side=side if side != "gateway" else None, leaf_index=leaves.get(kind),
                record=made.record, salt=made.salt, commitment=made.commitment,
            )
            for kind in kinds
            if (made := self.record(side, kind))
        ]  # fmt: skip

    def gateway(self) -> list[Holding]:
        """The gateway's rows."""
        inquiry = pb.Inquiry(header=self.header(), subject=subject(THEIR_CODE)).SerializeToString()
        exchange = holding(
            "gateway/exchange", request_id=ID, requester=REQUESTER, provider=PROVIDER, inquiry=inquiry,
            query=self.sealed(PROVIDER, 2160).SerializeToString(), permit=self.permit() or None,
            denial=None if self.permitted else self.denial().SerializeToString(), outcome=self.outcome, withheld=self.withheld,
            answer=self.sealed_answer() if self.provided else None, failure=self.failure(),
            outcome_commitment=self.record("gateway", 2).commitment if self.final else None,
        )  # fmt: skip
        head = holding(
            "gateway/log_head", size=56, checkpoint="origin\n56\n", witnessed_size=self.witnessed, witnessed="cosigned"
        )
        return [exchange, *self.kept_records("gateway/record", "gateway"), head]

    def provider(self) -> list[Holding]:
        """The provider's rows."""
        rows = [
            holding(
                f"{PROVIDER}/provisions", permit_id=ID, permit=self.permit(), fields=self.query(), addressee_no=FOUND,
                outcome=self.outcome, fine_outcome=self.fine, non_disclosure=self.withheld,
            ),
            holding(f"{PROVIDER}/addressees", addressee_no=FOUND, subject=subject(self.bound).SerializeToString()),
            *(
                holding(
                    f"{PROVIDER}/copies", addressee_no=FOUND, item=ROW.item, record_key=year, first_day=f"{year}-04-01",
                    last_day=f"{year + 1}-03-31", content=self.content().SerializeToString(),
                )
                for year in (2024, 2025)
            ),
        ]  # fmt: skip
        if self.reviewed is not None:
            rows.append(holding(f"{PROVIDER}/reviews", permit_id=ID, decision=self.reviewed or None, clerk="c-0002"))
        rows.append(holding(f"{PROVIDER}/answer_blocks", block=1, sealed=self.sealed_answer()))
        return rows + self.kept_records(f"{PROVIDER}/records", "provider")

    def portal(self) -> list[Holding]:
        """The portal's entry."""
        return [
            holding(
                "portal-main/entries", request_id=ID, requested_at=AT, subject=subject(PORTAL_CODE).SerializeToString(),
                requester=REQUESTER, provider=PROVIDER, procedure=ROW.procedure.code, item=ROW.item, outcome=self.outcome,
                request_record=self.record("gateway", 1).SerializeToString(),
                outcome_record=self.record("gateway", 2).SerializeToString(), request_leaf=19, outcome_leaf=20,
            )
        ]  # fmt: skip


def drawn(sample: Sample | None = None, views: Views | None = None) -> Picture:
    """The picture of an exchange."""
    return draw(ID, views if views is not None else (sample or Sample()).views(), KINDS, BOOK)
