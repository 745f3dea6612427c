"""The party `portal`: deliveries from the gateway, the web face for citizens."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from warifu.exchange.lawbook import CurrentLaw
from warifu.exchange.logkeys import LogKeys
from warifu.interim.face import Faces, InterimAuditServicer
from warifu.interim.institution import open_interim
from warifu.interim.logreader import LogAccess
from warifu.interim.v1 import interim_pb2_grpc
from warifu.kernel import places
from warifu.kernel.config import Config
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.kernel.limits import OWN_INFORMATION, RETENTION
from warifu.kernel.months import month_of
from warifu.kernel.party import Context, Party, Service
from warifu.kernel.store import Store
from warifu.kernel.vault import Vault
from warifu.portal.app import assemble
from warifu.portal.audit import AuditServicer
from warifu.portal.deliveries import DeliveryServicer
from warifu.portal.holdings import holdings
from warifu.portal.information.requester import InterimRequester
from warifu.portal.kept import Seals
from warifu.portal.lawbook import ToldLaw
from warifu.portal.notices.queries import Notices
from warifu.portal.ports import IDENTITY, EnrolmentCalls, LogCalls, NumberingCalls
from warifu.portal.post.applications import ApplicationPost
from warifu.portal.post.letters import LetterPost
from warifu.portal.post.service import PostServicer
from warifu.portal.procedures.sealing import DirectoryKeys
from warifu.portal.tables import metadata
from warifu.portal.v1 import portal_pb2_grpc, post_pb2_grpc
from warifu.web.face import Face

STORE_NAME = f"{IDENTITY}.db"
VAULT_NAME = f"{IDENTITY}.months.json"
ASKING: Final = ("directory", "superseded", "inquiries", "promises", "retention")
"""What an interim server that only asks, for people whose codes the portal has, must do from time to time."""


async def build(context: Context) -> Party:
    """The portal, with keys and store in its own folder.

    Raises:
        ValueError: the configuration has no web face or names no card service, or a kept key is damaged.
        LogKeyError: the keys of log and witness are not pinned here, or damaged.
        LinkageError: the law book does not verify.
    """
    config, clock = context.config, context.clock
    if config.web is None or "card" not in config.web.origins:
        raise ValueError("the portal needs a web face and the origin of the card service (web, web.origins.card)")
    store = open_store(config)
    seals = Seals(Vault.open(config.folder / "secrets" / VAULT_NAME, month_of(clock.today()) - RETENTION))
    ids = Ids.of(config)
    interim = open_interim(
        context,
        IDENTITY,
        CurrentLaw(context.trust, Reason.PROVIDER_TRUST_UNAVAILABLE),
        ids,
        LogAccess(LogKeys.load(config.folder)),
        answers_kept=int(OWN_INFORMATION),
    )
    keys = interim.ground.keys
    law = ToldLaw(context.trust)
    pinned = LogKeys.load(config.folder)
    numbering, enrolment, log = NumberingCalls(context.peers), EnrolmentCalls(context.peers), LogCalls(context.peers)
    portal = assemble(
        Face.of(config.web, "portal"), store, seals, clock, law.book, numbering, enrolment, log, pinned,
        InterimRequester(interim), ids,
        DirectoryKeys(interim.ground.directory),
        simulation=config.simulation is not None,
    )  # fmt: skip
    await portal.jobs["retention"]()  # before anything looks at what came back without its keys
    notices = Notices(store, seals, clock, ids)
    with suppress(LinkageError):  # while the gateway is away the job sees to it
        await interim.jobs["directory"]()

    async def close() -> None:
        await interim.close()
        store.close()

    return Party(
        services=(
            Service(
                "warifu.portal.v1.DeliveryService",
                portal_pb2_grpc.add_DeliveryServiceServicer_to_server,
                DeliveryServicer(store, seals, keys, pinned.log.key_id.hex()),
            ),
            Service(
                "warifu.portal.v1.PortalAuditService",
                portal_pb2_grpc.add_PortalAuditServiceServicer_to_server,
                AuditServicer(store, seals),
            ),
            Service(
                "warifu.interim.v1.InterimAuditService",
                interim_pb2_grpc.add_InterimAuditServiceServicer_to_server,
                InterimAuditServicer(Faces({IDENTITY: interim})),
            ),
            Service(
                "warifu.portal.v1.PostService",
                post_pb2_grpc.add_PostServiceServicer_to_server,
                PostServicer(ApplicationPost(store, seals, notices), LetterPost(store, seals, clock, notices)),
            ),
        ),
        jobs={**{f"interim-{name}": interim.jobs[name] for name in ASKING}, **portal.jobs},
        asking=("interim-superseded",),
        checks={
            STORE_NAME: store.check,
            "law": law.check,
            **{f"interim {name}": check for name, check in interim.checks.items()},
        },
        view=lambda request_id: [*holdings(store, seals, request_id), *interim.view(request_id)],
        close=close,
        web=portal.web,
    )


def open_store(config: Config) -> Store:
    """The portal's store, with its tables."""
    return places.open_store(config, STORE_NAME, metadata)
