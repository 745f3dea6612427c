"""Puts an agency's process together: for each institution a business system in front of its interim server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from warifu.agencies.ages import Ages
from warifu.agencies.cases.asking import Asking
from warifu.agencies.cases.desk import Cases
from warifu.agencies.cases.ports import Ground
from warifu.agencies.cases.posted import Posted
from warifu.agencies.cases.services import CaseDesk, CaseServicer
from warifu.agencies.cases.told import Telling
from warifu.agencies.deliver import Delivery
from warifu.agencies.idle import unless_idle
from warifu.agencies.kind import Kind, find
from warifu.agencies.numbering import Numbering
from warifu.agencies.office import Business
from warifu.agencies.post.fetch import PORTAL, Postman
from warifu.agencies.record import Recording
from warifu.agencies.reenrol import Reenrolment
from warifu.agencies.services import AgencyServicer, Desk
from warifu.agencies.tables import metadata
from warifu.agencies.takeover import Takeover
from warifu.agencies.visitor import Reception
from warifu.agency.v1 import agency_pb2_grpc, cases_pb2_grpc
from warifu.interim.host import InterimHost
from warifu.kernel.party import Context, Party, Service
from warifu.kernel.places import open_store

Job = Callable[[], Awaitable[int]]


async def build(context: Context) -> Party:
    """The agency that the configuration names; its kind is the folder of that name.

    Raises:
        LookupError: no kind of that name, or an institution that the register does not have.
        LinkageError: PROVIDER_TRUST_UNAVAILABLE without a law book that verifies.
    """
    kind, host = find(context.config.party), InterimHost(context)
    businesses = {code: _business(context, kind, host, code) for code in context.config.institutions}
    desks: dict[str, Desk] = {}
    case_desks: dict[str, CaseDesk] = {}
    jobs: dict[str, list[Job]] = {
        "errands": [],
        "reenrolment": [],
        "ages": [],
        "asking": [],
        "telling": [],
        "old-cases": [],
        "post-fetched": [],
        "post-told": [],
    }
    for code, business in businesses.items():
        awake = partial(unless_idle, context.faults, code)
        delivery = Delivery(business)
        recording = Recording(business, delivery)
        desks[code] = Desk(business, recording, Reception(business), Takeover(business, recording, delivery))
        jobs["errands"].append(awake(delivery.catch_up))
        jobs["reenrolment"].append(awake(Reenrolment(business, delivery).run))
        jobs["ages"].append(awake(Ages(business, recording).run))
        ground = Ground(business, host.interim(code), host.law.book)
        case_desks[code] = desk = CaseDesk(Cases(ground), Asking(ground), Posted(ground))
        jobs["asking"].append(awake(desk.asking.resume))
        jobs["telling"].append(awake(Telling(ground).run))
        jobs["old-cases"].append(desk.cases.forget)
        if PORTAL in context.config.addresses:
            postman = Postman(business, host.interim(code), context.peers)
            jobs["post-fetched"].append(awake(postman.fetch))
            jobs["post-told"].append(awake(postman.tell))

    async def close() -> None:
        await host.close()
        for business in businesses.values():
            business.store.close()

    servicer = AgencyServicer(desks, lambda: host.law.book().institutions)
    return Party(
        services=[
            Service("warifu.agency.v1.AgencyService", agency_pb2_grpc.add_AgencyServiceServicer_to_server, servicer),
            Service(
                "warifu.agency.v1.CaseService",
                cases_pb2_grpc.add_CaseServiceServicer_to_server,
                CaseServicer(case_desks),
            ),
            *host.services,
        ],
        jobs={**host.jobs, **{name: _each(each) for name, each in jobs.items()}},
        checks={**host.checks, **_checks(businesses)},
        view=host.view,
        start=host.start,
        close=close,
    )


def _business(context: Context, kind: Kind, host: InterimHost, code: str) -> Business:
    listed = host.law.book().institutions.get(code)
    if listed is None:
        raise LookupError(f"the register of institutions has no {code}")
    store = open_store(context.config, f"{code}.db", metadata, code)
    return Business(
        institution=code,
        kind=kind,
        role=listed.role.code,
        lg_code=listed.operator.lg_code,
        insurer_number=listed.insurer_number,
        store=store,
        clock=context.clock,
        ids=host.ids,
        interim=host.interim(code),
        numbering=Numbering(context.peers, code),
    )


def _checks(businesses: Mapping[str, Business]) -> Mapping[str, Callable[[], None]]:
    return {f"{code}.db": business.store.check for code, business in businesses.items()}


def _each(jobs: list[Job]) -> Job:
    """One job that runs those of all institutions, one after the other."""

    async def run() -> int:
        return sum([await job() for job in jobs])

    return run
