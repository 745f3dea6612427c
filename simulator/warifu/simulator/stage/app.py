"""The stage's web application, put together from its features."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from warifu.law import packaged
from warifu.simulator.doors import Doors
from warifu.simulator.stage.front import FrontViews
from warifu.simulator.stage.ground import Ground
from warifu.simulator.stage.people.crowd import Crowd
from warifu.simulator.stage.scenarios.plays import Plays
from warifu.simulator.state import NetworkFile
from warifu.web.face import Face, application
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
    pages = Pages.of(HERE, DOMAIN)
    ground = Ground(face, pages, network, state, doors, packaged(), plays, crowd)
    features = (FrontViews(ground),)
    routes = [route for feature in features for route in feature.routes()]
    return StageFace(application(replace(face, policy=POLICY), pages, routes), plays.close)
