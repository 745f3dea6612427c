"""The party `watchdog`: witness, reports, findings. Its staff's web face and the audit of the other parties stand on the same findings."""

from __future__ import annotations

from warifu.exchange.directory import Directory
from warifu.exchange.logkeys import LogKeys, witness_signer
from warifu.kernel.config import Config
from warifu.kernel.party import Context, Party, Service
from warifu.kernel.store import Store, sqlite_url
from warifu.watchdog.findings import Findings
from warifu.watchdog.look import Look
from warifu.watchdog.ports import GatewayCalls
from warifu.watchdog.reports import Reports
from warifu.watchdog.schema import DIRECTORY, metadata
from warifu.watchdog.services import ReportServicer, WitnessServicer
from warifu.watchdog.v1 import watchdog_pb2_grpc
from warifu.watchdog.view import view
from warifu.watchdog.witness import Witness, log_head

STORE_NAME = "watchdog.db"


async def build(context: Context) -> Party:
    """The watchdog, with its cosigning key and store in its own folder.

    Raises:
        LogKeyError: its key, or one that is to be pinned, is missing or damaged, or the network pins another than it has.
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

    async def start() -> None:
        log_head(witness)

    async def close() -> None:
        store.close()

    return Party(
        services=_services(WitnessServicer(witness, look), ReportServicer(reports)),
        jobs={"look": look.run, "reports": reports.run},
        checks={STORE_NAME: store.check},
        view=lambda _request_id: view(witness),
        start=start,
        close=close,
    )


def open_store(config: Config) -> Store:
    """The watchdog's store, with its tables."""
    store = Store(config.database_url or sqlite_url(config.folder / STORE_NAME), metadata)
    store.create()
    return store


def _services(witness: WitnessServicer, report: ReportServicer) -> tuple[Service, ...]:
    area = "warifu.watchdog.v1"
    return (
        Service(f"{area}.WitnessService", watchdog_pb2_grpc.add_WitnessServiceServicer_to_server, witness),
        Service(f"{area}.ReportService", watchdog_pb2_grpc.add_ReportServiceServicer_to_server, report),
    )
