"""A portal as far as a provider sees one: it asks for a person's own information, by its own code, under its own keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from contract.interim_world import PORTAL, WAIT, World
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from town import code_of

from warifu.common.v1 import common_pb2
from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange import header, query, sealing
from warifu.exchange.answer import open_answer
from warifu.exchange.directory import make_entry, verify_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.kernel.trust import Trust
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc


@dataclass
class Portal:
    """The portal's linkage half."""

    world: World
    keys: InstitutionKeys
    subject: ex.SubjectReference

    @classmethod
    async def begin(cls, world: World) -> Portal:
        """Keys published, person 0 enrolled."""
        keys = InstitutionKeys.generate(PORTAL)
        folder = world.state / "portal" / "identities" / PORTAL
        certificate = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
        key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
        now = world.clock.machine()
        entry = make_entry(keys, 1, (now, now + timedelta(days=1)), certificate, key)
        channel = world.channel("gateway", "portal", PORTAL)
        directory = linkage_pb2_grpc.DirectoryServiceStub(channel)
        await directory.PublishEntry(linkage_pb2.PublishEntryRequest(entry=entry), timeout=WAIT)
        number = b"portal----------"
        deposit = enrolment_pb2.Deposit(acquisition_number=number, resident_code=code_of(0))
        numbering = enrolment_pb2_grpc.EnrolmentServiceStub(world.channel("gateway", "numbering", "main"))
        request = enrolment_pb2.DepositRequest(institution=PORTAL, deposits=[deposit])
        await numbering.Deposit(request, timeout=WAIT)
        claim = enrolment_pb2.ClaimRequest(acquisition_numbers=[number])
        claimed = await enrolment_pb2_grpc.EnrolmentServiceStub(channel).Claim(claim, timeout=WAIT)
        return cls(world, keys, claimed.results[0].subject)

    async def ask(self, provider: str, row: str, item: str) -> ex.Answer:
        """The person's own request under a row, answered and opened."""
        book = self.world.hosts["tax"].law.book()
        channel = self.world.channel("gateway", "portal", PORTAL)
        relayed = await linkage_pb2_grpc.DirectoryServiceStub(channel).GetEntry(
            linkage_pb2.GetEntryRequest(owner=provider), timeout=WAIT
        )
        entry = verify_entry(relayed.entry, Trust(self.world.state / "gateway"), self.world.clock.machine())
        head = header.build(
            ex.RequestHeader(
                request_id=self.world.unsampled(provider),
                requester=PORTAL,
                provider=provider,
                affair=book.rows[row].affair.code,
                procedure=book.rows[row].procedure.code,
                item=item,
                span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025)),
                office="portal",
                clerk="self",
                consent=ex.Consent(given_on="2026-06-10", reference="own request"),
            )
        )
        wanted = ex.Query(header_hash=header.header_hash(head))
        block = query.seal_queries([wanted], entry.sealing)
        inquiry = ex.Inquiry(header=head, subject=self.subject, query_block_hash=sealing.block_hash(block))
        request = linkage_pb2.InquireRequest(inquiry=inquiry.SerializeToString(), query=block)
        response = await linkage_pb2_grpc.LinkageServiceStub(channel).Inquire(request, timeout=WAIT)
        state = response.exchange
        assert state.outcome == ex.OUTCOME_ANSWERED, state
        return open_answer(
            state.answer, state.answer_index, self.keys, entry.signing, header.header_hash(head), state.permit_hash
        )
