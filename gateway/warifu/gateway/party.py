"""Puts the gateway together."""

from __future__ import annotations

from warifu.enrolment.v1 import enrolment_pb2_grpc
from warifu.exchange.directory import GATEWAY
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.lawbook import CurrentLaw
from warifu.gateway.audit import Audit
from warifu.gateway.begin import Beginnings
from warifu.gateway.books import Books
from warifu.gateway.codes import Epochs, SivScheme, token_secret
from warifu.gateway.collect import Collection
from warifu.gateway.convert import Conversion
from warifu.gateway.corrections import Corrections
from warifu.gateway.course import Course
from warifu.gateway.decide import Decisions
from warifu.gateway.directory import Directory, OwnEntry
from warifu.gateway.enrolment import Enrolment
from warifu.gateway.forward import Forwarder
from warifu.gateway.gauges import gauges
from warifu.gateway.inquire import Inquiries
from warifu.gateway.log.face import face
from warifu.gateway.log.log import Log
from warifu.gateway.log.services import LogServicer
from warifu.gateway.mishaps import mishaps
from warifu.gateway.outbox import Outbox
from warifu.gateway.outcome import Outcomes
from warifu.gateway.reconcile import Reconciler
from warifu.gateway.retention import Retention
from warifu.gateway.rulings import GatewayRulings
from warifu.gateway.schema import metadata
from warifu.gateway.search import Search
from warifu.gateway.services import (
    CorrectionServicer,
    DirectoryServicer,
    EnrolmentServicer,
    GatewayAuditServicer,
    LinkageServicer,
)
from warifu.gateway.supervision import SupervisionServicer
from warifu.gateway.suspicions import Suspicions
from warifu.gateway.view import View
from warifu.kernel import places
from warifu.kernel.config import Config
from warifu.kernel.errors import Reason
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import month_of
from warifu.kernel.party import Context, Party, Service
from warifu.kernel.store import Store
from warifu.kernel.vault import Vault
from warifu.linkage.v1 import correction_pb2_grpc, linkage_pb2_grpc
from warifu.log.v1 import log_pb2_grpc
from warifu.supervision.v1 import supervision_pb2_grpc

STORE_NAME = "gateway.db"
VAULT_NAME = "gateway.months.json"


async def build(context: Context, log_type: type[Log] = Log) -> Party:
    """The gateway, with its keys and store in its own folder. Whoever serves one gives no `log_type`; a measurement may.

    Raises:
        ValueError: a kept key is damaged, the month keys among them.
        LinkageError: GATEWAY_TABLE_INVALID: the law book does not verify; a gateway that cannot decide must not start.
        LogKeyError: the log's key, or one that is to be pinned, is missing or damaged.
    """
    config, clock = context.config, context.clock
    secrets = config.folder / "secrets"
    store = open_store(config)
    keys = InstitutionKeys.load_or_create(secrets, GATEWAY)
    scheme = SivScheme(
        token_secret(secrets, config.simulation.seed if config.simulation else None), Epochs.load(config.folder)
    )
    current = CurrentLaw(context.trust, Reason.GATEWAY_TABLE_INVALID)
    current.book()

    enrolment = Enrolment(store, scheme, clock)
    conversion = Conversion(scheme, enrolment)
    log = log_type(context, store, current)
    rulings = GatewayRulings(store, context.trust, clock, log)
    decisions = Decisions(current, clock, rulings.current)
    vault = Vault.open(secrets / VAULT_NAME, month_of(clock.today()) - RETENTION)
    await log.begin()
    directory = Directory(store, context.trust, clock, log)
    own_entry = OwnEntry(log, clock, keys, config.folder / "identities" / "main")
    books = Books.open(store, vault, log)
    retention = Retention(books, clock)
    await retention.run()  # before anything looks at what came back without its keys
    forwarder = Forwarder(context.peers, keys, decisions, clock, mishaps(context.faults))
    course = Course(forwarder, Outcomes(books, clock))
    inquiries = Inquiries(books, Beginnings(books, clock, decisions, conversion, directory), course)
    search = Search(books)
    await own_entry.publish()

    async def close() -> None:
        await course.drain()
        await log.close()
        store.close()

    return Party(
        services=_services(
            LinkageServicer(inquiries, Collection(books, course), decisions, keys),
            CorrectionServicer(Corrections(books, conversion, clock), keys),
            DirectoryServicer(directory),
            GatewayAuditServicer(Audit(books)),
            EnrolmentServicer(enrolment, decisions),
            LogServicer(store),
            SupervisionServicer(books, search, Suspicions(store, search, current), rulings),
        ),
        jobs={
            **log.jobs,
            "own-entry": own_entry.publish,
            "reconcile": Reconciler(books, clock, course).run,
            "outbox": Outbox(books, context.peers, current, directory, conversion).run,
            "purge": enrolment.purge,
            "rulings": rulings.reload,
            "retention": retention.run,
        },
        checks={STORE_NAME: store.check, "law": current.check, "log": log.check},
        everywhere=("law", "log"),
        view=View(books).holdings,
        close=close,
        gauges=gauges(store, clock),
        reasons={"inquiries": inquiries.told},
        web=face(store, config.web.host, log.keys.log.vkey, log.keys.witness.vkey) if config.web else None,
    )


def open_store(config: Config) -> Store:
    """The gateway's store, with its tables."""
    return places.open_store(config, STORE_NAME, metadata)


def _services(
    linkage: LinkageServicer,
    correction: CorrectionServicer,
    directory: DirectoryServicer,
    audit: GatewayAuditServicer,
    enrolment: EnrolmentServicer,
    log: LogServicer,
    supervision: SupervisionServicer,
) -> tuple[Service, ...]:
    area = "warifu.linkage.v1"
    return (
        Service(f"{area}.LinkageService", linkage_pb2_grpc.add_LinkageServiceServicer_to_server, linkage),
        Service(f"{area}.CorrectionService", correction_pb2_grpc.add_CorrectionServiceServicer_to_server, correction),
        Service(f"{area}.DirectoryService", linkage_pb2_grpc.add_DirectoryServiceServicer_to_server, directory),
        Service(f"{area}.GatewayAuditService", linkage_pb2_grpc.add_GatewayAuditServiceServicer_to_server, audit),
        Service(
            "warifu.enrolment.v1.EnrolmentService",
            enrolment_pb2_grpc.add_EnrolmentServiceServicer_to_server,
            enrolment,
        ),
        Service("warifu.log.v1.LogService", log_pb2_grpc.add_LogServiceServicer_to_server, log),
        Service(
            "warifu.supervision.v1.GatewaySupervisionService",
            supervision_pb2_grpc.add_GatewaySupervisionServiceServicer_to_server,
            supervision,
        ),
    )
