"""The party `watchdog`: witness, reports, findings, the supervisor's office and its console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from warifu.exchange.directory import Directory
from warifu.exchange.lawbook import CurrentLaw
from warifu.exchange.logkeys import LogKeys, witness_signer
from warifu.kernel import places
from warifu.kernel.config import Config
from warifu.kernel.errors import Reason
from warifu.kernel.party import Context, Party, Service
from warifu.kernel.store import Store
from warifu.supervision.v1 import supervision_pb2_grpc
from warifu.watchdog.app import Office, assemble
from warifu.watchdog.findings import Findings
from warifu.watchdog.letters.post import PostCalls
from warifu.watchdog.look import Look
from warifu.watchdog.ports import GatewayCalls
from warifu.watchdog.reconciliation.network import audit
from warifu.watchdog.reports import Reports
from warifu.watchdog.schema import DIRECTORY
from warifu.watchdog.services import ReportServicer, WitnessServicer
from warifu.watchdog.staff.accounts import demo_accounts
from warifu.watchdog.supervision import NetworkCalls
from warifu.watchdog.tables import metadata
from warifu.watchdog.v1 import watchdog_pb2_grpc
from warifu.watchdog.view import view
from warifu.watchdog.witness import Witness, log_head
from warifu.web.face import Face

STORE_NAME = "watchdog.db"
Jobs = Mapping[str, Callable[[], Awaitable[int]]]


async def build(context: Context) -> Party:
    """The watchdog, with its cosigning key and store in its own folder.

    Raises:
        LogKeyError: its key, or one that is to be pinned, is missing or damaged, or the network pins another than it has.
        LinkageError: PROVIDER_TRUST_UNAVAILABLE: no law book that verifies.
    """
    config, clock = context.config, context.clock
    keys, signer = LogKeys.load(config.folder), witness_signer(config.folder)
    store = open_store(config)
    calls = GatewayCalls(context.peers)
    directory = Directory(store, DIRECTORY, context.trust, clock, calls.entry)
    findings = Findings(store, clock)
    witness = Witness(store, clock, keys, signer, findings)
    look = Look(witness, findings, calls, directory, clock)
    reports = Reports(store, clock, directory, calls, witness, findings)
    law = CurrentLaw(context.trust, Reason.PROVIDER_TRUST_UNAVAILABLE)
    law.book()
    network = NetworkCalls(context.peers, config.addresses)
    post = PostCalls(context.peers, config.addresses)
    audits = partial(audit, config, clock, context.trust, law.book)
    office = Office.of(store, clock, law.book, network, config.folder / "identities" / "main", post, audits)
    web, desk_jobs = await _console(context, store, law, network, office)

    async def start() -> None:
        log_head(witness)

    async def close() -> None:
        store.close()

    return Party(
        services=_services(WitnessServicer(witness, look), ReportServicer(reports), office),
        jobs={"look": look.run, "reports": reports.run, **office.jobs, **desk_jobs},
        checks={STORE_NAME: store.check, "law": law.check},
        view=lambda _request_id: view(witness),
        start=start,
        close=close,
        web=web,
    )


def open_store(config: Config) -> Store:
    """The watchdog's store, with its tables."""
    return places.open_store(config, STORE_NAME, metadata)


async def _console(
    context: Context, store: Store, law: CurrentLaw, network: NetworkCalls, office: Office
) -> tuple[Any, Jobs]:
    """The web face, where the configuration has one, and its jobs. Accounts of its own it has in a simulation."""
    config = context.config
    if config.web is None:
        return None, {}
    demo: dict[str, str] = {}
    console = assemble(Face.of(config.web, "watchdog"), store, context.clock, law.book, network, office, demo)
    if config.simulation is not None:
        demo.update(await demo_accounts(console.accounts, config.folder / "secrets"))
    return console.web, console.jobs


def _services(witness: WitnessServicer, report: ReportServicer, office: Office) -> tuple[Service, ...]:
    area = "warifu.watchdog.v1"
    return (
        Service(f"{area}.WitnessService", watchdog_pb2_grpc.add_WitnessServiceServicer_to_server, witness),
        Service(f"{area}.ReportService", watchdog_pb2_grpc.add_ReportServiceServicer_to_server, report),
        Service(
            "warifu.supervision.v1.FilingService",
            supervision_pb2_grpc.add_FilingServiceServicer_to_server,
            office.filing,
        ),
    )
