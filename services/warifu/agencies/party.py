"""Puts an agency's process together: for each institution a business system in front of its interim server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

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
from warifu.kernel.opened import Opened
from warifu.kernel.party import Context, Party, Service
from warifu.kernel.places import open_store

Job = Callable[[], Awaitable[int]]
JOBS: Final = (
    "errands",
    "reenrolment",
    "ages",
    "asking",
    "telling",
    "old-cases",
    "post-fetched",
    "post-told",
)
"""Periodic jobs of every business system."""


@dataclass(frozen=True, slots=True)
class _Served:
    """One institution's business system, put together."""

    business: Business
    desk: Desk
    cases: CaseDesk
    jobs: Mapping[str, Job]
    """Of `JOBS` those that there are here."""


async def build(context: Context) -> Party:
    """The agency that the configuration names; its kind is the folder of that name.

    Raises:
        LookupError: no kind of that name, or an institution that the register does not have.
        LinkageError: PROVIDER_TRUST_UNAVAILABLE without a law book that verifies.
    """
    kind, host = find(context.config.party), InterimHost(context)
    codes = context.config.institutions
    served = Opened(codes, lambda code: _serve(context, kind, host, code), lazily=context.lazily)
    desks = Opened(codes, lambda code: served[code].desk, lazily=True)
    case_desks = Opened(codes, lambda code: served[code].cases, lazily=True)

    async def close() -> None:
        await host.close()
        for one in served.made.values():
            one.business.store.close()

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
        jobs={**host.jobs, **{name: partial(_each, served, name) for name in JOBS}},
        asking=("interim-superseded", "post-fetched"),
        checks={**host.checks, **{f"{code}.db": partial(_check, served, code) for code in codes}},
        view=host.view,
        start=host.start,
        close=close,
    )


def _serve(context: Context, kind: Kind, host: InterimHost, code: str) -> _Served:
    business, awake = _business(context, kind, host, code), partial(unless_idle, context.faults, code)
    delivery = Delivery(business)
    recording = Recording(business, delivery)
    ground = Ground(business, host.interim(code), host.law.book)
    cases = CaseDesk(Cases(ground), Asking(ground), Posted(ground))
    jobs = {
        "errands": awake(delivery.catch_up),
        "reenrolment": awake(Reenrolment(business, delivery).run),
        "ages": awake(Ages(business, recording).run),
        "asking": awake(cases.asking.resume),
        "telling": awake(Telling(ground).run),
        "old-cases": cases.cases.forget,
    }
    if PORTAL in context.config.addresses:
        postman = Postman(business, host.interim(code), context.peers)
        jobs |= {"post-fetched": awake(postman.fetch), "post-told": awake(postman.tell)}
    desk = Desk(business, recording, Reception(business), Takeover(business, recording, delivery))
    return _Served(business, desk, cases, jobs)


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


def _check(served: Opened[_Served], code: str) -> None:
    """Of a business system that nobody opened there is nothing that could be ill."""
    if (one := served.made.get(code)) is not None:
        one.business.store.check()


async def _each(served: Mapping[str, _Served], name: str) -> int:
    """A job of every institution that has it, one after the other."""
    return sum([await one.jobs[name]() for one in served.values() if name in one.jobs])
