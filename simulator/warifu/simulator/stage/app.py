"""The stage's web application, put together from its features."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from warifu.law import packaged
from warifu.simulator.doors import Doors
from warifu.simulator.readings import reading
from warifu.simulator.stage.clock.views import ClockViews
from warifu.simulator.stage.clock.work import Clockwork
from warifu.simulator.stage.drills.views import DrillViews
from warifu.simulator.stage.exchange import ExchangeViews
from warifu.simulator.stage.faults.desk import FaultDesk
from warifu.simulator.stage.faults.views import FaultViews
from warifu.simulator.stage.front import FrontViews
from warifu.simulator.stage.ground import Ground
from warifu.simulator.stage.map import MapViews
from warifu.simulator.stage.people.crowd import Crowd
from warifu.simulator.stage.people.views import PeopleViews
from warifu.simulator.stage.scenarios.plays import Plays
from warifu.simulator.stage.scenarios.views import ScenarioViews
from warifu.simulator.state import NetworkFile
from warifu.web.face import Face, Frame, application
from warifu.web.guard import Policy
from warifu.web.pages import Pages

HERE: Final = Path(__file__).parent
DOMAIN: Final = "stage"
POLICY: Final = Policy(scripts=True, connect=("'self'",))
"""Pages refresh parts of themselves by htmx; without it they are read anew by a link."""


@dataclass(frozen=True, slots=True)
class StageFace:
    """The stage's web face."""

    web: ASGIApp
    close: Callable[[], Awaitable[None]]
    """Ends what still plays."""


def assemble(face: Face, network: NetworkFile, state: Path, doors: Doors) -> StageFace:
    """The stage of one running network, whose folder is `state`."""
    crowd = Crowd(network)
    plays = Plays(network, state, doors, crowd)
    pages = Pages.of(HERE, DOMAIN, reading=reading)
    clockwork, faults = Clockwork(doors, plays), FaultDesk(network, doors, packaged())
    ground = Ground(face, pages, network, state, doors, packaged(), plays, crowd, clockwork, faults)
    features = (
        FrontViews(ground),
        ScenarioViews(ground),
        DrillViews(ground),
        ClockViews(ground),
        FaultViews(ground),
        PeopleViews(ground),
        ExchangeViews(ground),
        MapViews.of(ground),
    )
    routes = [route for feature in features for route in feature.routes()]

    async def close() -> None:
        await plays.close()
        await clockwork.close()

    return StageFace(application(replace(face, policy=POLICY), pages, routes, frame=Frame(ground.framed)), close)
