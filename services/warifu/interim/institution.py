"""One institution's interim server: its steps put together, with the plain face for its business system."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import grpc

from warifu.exchange import domains
from warifu.exchange.directory import Directory, Issuer
from warifu.exchange.keys import InstitutionKeys, write_secret
from warifu.exchange.lawbook import CurrentLaw
from warifu.exchange.own_entry import OwnEntry
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.addressees import Addressees
from warifu.interim.applications import Applications
from warifu.interim.approvals import Approvals
from warifu.interim.audit import Audit
from warifu.interim.collect import Collection
from warifu.interim.connect import Connector
from warifu.interim.contents import Contents
from warifu.interim.copies import Copies
from warifu.interim.correct import Corrections
from warifu.interim.drive import Driver
from warifu.interim.enrol import Enrolment
from warifu.interim.ground import Ground, VersionMark
from warifu.interim.inquire import Inquiries, Known, Sent
from warifu.interim.logged import Promises
from warifu.interim.logreader import LogAccess, LogReader
from warifu.interim.mishaps import Mishaps, mishaps
from warifu.interim.proofs import Proofs
from warifu.interim.provide import Provision
from warifu.interim.receive import Receiver
from warifu.interim.retention import Retention
from warifu.interim.review import Reviews
from warifu.interim.schema import DIRECTORY, metadata
from warifu.interim.send import Sender
from warifu.interim.supersede import Superseded
from warifu.interim.suspicions import Suspicions
from warifu.interim.v1 import interim_pb2 as pb
from warifu.interim.view import View
from warifu.kernel.coalesce import Coalescer
from warifu.kernel.config import Config
from warifu.kernel.errors import LinkageError
from warifu.kernel.ids import Ids
from warifu.kernel.limits import BATCH, CALL_DEADLINE, RETENTION
from warifu.kernel.months import month_of
from warifu.kernel.party import Context
from warifu.kernel.peers import Peers
from warifu.kernel.places import open_store
from warifu.kernel.vault import Vault
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc

SAMPLE_KEY_BYTES: Final = 32
Pause = Callable[[float], Awaitable[None]]
JOBS: Final = ("directory", "superseded", "enrolments", "inquiries", "reviews", "promises", "retention")
"""Periodic jobs of every institution."""
CHECKS: Final = ("store", "directory")
"""Health checks of every institution."""


class Interim:
    """The interim server of one institution. Every method of the plain face takes and gives messages of warifu.interim.v1.

    Raises everywhere: LinkageError, CLIENT_NOT_YOURS for another institution's request among them. For use from one event loop.
    """

    def __init__(
        self,
        ground: Ground,
        identity: Path,
        log: LogAccess,
        issuer: Issuer,
        pause: Pause = asyncio.sleep,
        planted: Mishaps | None = None,
    ) -> None:
        self.ground = ground
        planted = planted or Mishaps()
        addressees = Addressees(ground)
        copies, enrolment, reviews = Copies(ground), Enrolment(ground), Reviews(ground)
        superseded = Superseded(ground)
        self._inquiries = Inquiries(ground, addressees)
        self._storing: Coalescer[pb.InquireRequest, Sent | Known] = Coalescer(self._inquiries.store, int(BATCH))
        self._driver = Driver(ground, Sender(ground, Receiver(ground), superseded), pause)
        collection = Collection(ground, self._driver)
        self.connector = Connector(self._inquiries, self._driver, collection)
        own_entry = OwnEntry(ground.institution, ground.keys, ground.clock, ground.peers, identity, VersionMark(ground))
        reader = LogReader(ground.peers, ground.institution, log.tiles)
        promises = Promises(ground, log.keys, reader)
        approvals = Approvals(ground, issuer)
        self.provision = Provision(ground, own_entry, approvals, planted)

        self.acquaint = addressees.acquaint
        self.unbind = addressees.unbind
        self.list_unbound = addressees.list_unbound
        self.set_protection = addressees.set_protection
        self.enrol = enrolment.enrol
        self.register_copies = planted.register(copies.register)
        self.collect = collection.collect
        self.known = collection.known
        self.rulings_for = approvals.rulings_for
        self.list_inquiries = collection.list_inquiries
        self.list_reviews = reviews.list_reviews
        self.release_review = reviews.release
        self.list_records = Audit(ground).list_records
        self.list_promises = promises.list_promises
        self.get_proof = Proofs(ground, log.keys, reader).get_proof
        self.list_suspicions = Suspicions(ground).pointed_at
        self.correct = Corrections(ground).correct
        self.open_application = Applications(ground).open
        self.view = View(ground).holdings

        self.jobs: dict[str, Callable[[], Awaitable[int]]] = {
            "directory": _calm(own_entry.tend),
            "superseded": _calm(superseded.poll),
            "enrolments": enrolment.resume,
            "inquiries": self._driver.resume,
            "reviews": reviews.expire,
            "promises": promises.run,
            "retention": Retention(ground).run,
        }
        assert tuple(self.jobs) == JOBS
        self.checks: dict[str, Callable[[], None]] = {"store": ground.store.check, "directory": own_entry.check}
        assert tuple(self.checks) == CHECKS

    async def inquire(self, request: pb.InquireRequest) -> pb.InquireResponse:
        """Store an inquiry and send it; the receipt comes at once, the answer by `collect`."""
        stored = await self._storing(request)
        if isinstance(stored, Sent):
            self._driver.take_on(stored)
        return pb.InquireResponse(request_id=stored.inquiry.request_id)

    async def close(self) -> None:
        """Stop driving and close the store; what is not final is taken up at the next start."""
        await self._driver.close()
        self.ground.store.close()


def open_interim(
    context: Context,
    institution: str,
    law_book: CurrentLaw,
    ids: Ids,
    log: LogAccess,
    pause: Pause = asyncio.sleep,
    *,
    answers_kept: int | None = None,
) -> Interim:
    """The interim server of `institution`, with its keys, store and identity in the party's folder.

    `answers_kept`: simulated days after which answers to its own inquiries cannot be read any more; with their exchanges' month otherwise.

    Raises:
        ValueError: a kept key is damaged, the month keys among them.
    """
    config, secrets = context.config, context.config.folder / "secrets"
    store = open_store(config, f"{institution}.interim.db", metadata, institution)

    async def fetch(owner: str) -> exchange_pb2.SignedDirectoryEntry:
        return await fetch_entry(context.peers, institution, owner)

    ground = Ground(
        institution=institution,
        store=store,
        keys=InstitutionKeys.load_or_create(secrets, institution),
        directory=Directory(store, DIRECTORY, context.trust, context.clock, fetch),
        law=law_book,
        clock=context.clock,
        peers=context.peers,
        ids=ids,
        sample_key=_sample_key(config, institution),
        contents=_contents(context, institution, answers_kept),
    )
    identity = config.folder / "identities" / institution
    return Interim(ground, identity, log, context.trust, pause, mishaps(institution, context.faults))


def _contents(context: Context, institution: str, answers_kept: int | None) -> Contents:
    """The keys under which contents lie. Those of days are in no archive: what is kept briefly must not outlive its term in a backup."""
    secrets, today = context.config.folder / "secrets", context.clock.today()
    oldest = month_of(today) - RETENTION
    if answers_kept is None:
        return Contents(Vault.open(secrets / f"{institution}.months.json", oldest))
    days = Vault.open(secrets / f"{institution}.days.json", today.toordinal() - answers_kept)
    # The party that asks for itself has month keys of its own under its name.
    return Contents(Vault.open(secrets / f"{institution}-interim.months.json", oldest), days, answers_kept)


def _sample_key(config: Config, institution: str) -> bytes:
    """The key of the review sample: of the seed in a simulation, so that a run can be repeated; else made once and kept.

    Raises:
        ValueError: the kept key is damaged.
    """
    if config.simulation is not None:
        return hmac.digest(f"{config.simulation.seed}".encode(), domains.REVIEW_SAMPLE + institution.encode(), sha256)
    path = config.folder / "secrets" / f"{institution}.sample.key"
    if not path.exists():
        write_secret(path, os.urandom(SAMPLE_KEY_BYTES))
    key = path.read_bytes()
    if len(key) != SAMPLE_KEY_BYTES:
        raise ValueError(f"{path} is damaged: {len(key)} bytes instead of {SAMPLE_KEY_BYTES}")
    return key


async def fetch_entry(peers: Peers, institution: str, owner: str) -> exchange_pb2.SignedDirectoryEntry:
    """An owner's entry from the gateway's directory.

    Raises:
        LinkageError: CLIENT_DIRECTORY_ENTRY_UNKNOWN, or why the gateway cannot be asked.
    """
    stub = peers.stub(linkage_pb2_grpc.DirectoryServiceStub, "gateway", institution)
    try:
        response = await stub.GetEntry(linkage_pb2.GetEntryRequest(owner=owner), timeout=CALL_DEADLINE / 1000)
    except grpc.aio.AioRpcError as error:
        raise LinkageError.from_rpc(error, party="gateway") from error
    return response.entry


def _calm(job: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
    """A job that needs the gateway does nothing while it cannot be reached: parties come up in any order."""

    async def run() -> int:
        try:
            return await job()
        except grpc.aio.AioRpcError as error:
            told = LinkageError.from_rpc(error, party="gateway")
            if told.retryable:
                return 0
            raise told from error

    return run


def merged(jobs: Sequence[Callable[[], Awaitable[int]]]) -> Callable[[], Awaitable[int]]:
    """One job that runs several at once and counts what all did; one that fails keeps none of the others from its turn."""

    async def run() -> int:
        results = await asyncio.gather(*(job() for job in jobs), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return sum(result for result in results if isinstance(result, int))

    return run
