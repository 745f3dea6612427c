"""The whole tour: something to see on every page first, then everyone's pages and the states behind forms, each photographed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from playwright.sync_api import Error, sync_playwright

from warifu.simulator.cards.labels import ROLE
from warifu.simulator.doors import doors
from warifu.simulator.lives import lives
from warifu.simulator.people import People, card_expired
from warifu.simulator.population import age_on
from warifu.simulator.scenarios import Stage
from warifu.simulator.stage.people.views import slip_of
from warifu.simulator.state import NetworkFile
from warifu.simulator.tour import acts, drilled, tampered, windows
from warifu.simulator.tour import furnish as filling
from warifu.simulator.tour.acts import Act, Person, Scene, prepare
from warifu.simulator.tour.crawl import Crawl, Visit
from warifu.simulator.tour.shots import Camera, Shot, camera, write_index
from warifu.simulator.tour.state import Deed
from warifu.simulator.tour.states import states
from warifu.simulator.tour.visitors import Visitor, entered, visitors

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_BROKEN: Final = 400
"""Statuses from here on are problems."""
_DENIED: Final = "DENIED"
_GROWN, _NEEDED = 18, 6
_PROTECTED: Final = "protected"
BEFORE: Final[Mapping[Act, Collection[str]]] = MappingProxyType(
    {
        acts.protect: ("clerk", "reviewer", "chief", "citizen"),
        acts.welfare: ("citizen", "welfare-clerk", "reviewer"),
        drilled.solve: ("drill-leader", "examiner", "director"),
        tampered.change_a_leaf: ("examiner", "director"),
        acts.filings: ("welfare-chief", "examiner", "director", "public-reader"),
        acts.play: ("trainer",),
        acts.mandate: ("citizen", "proxy"),
        windows.lose: ("login", "card-clerk", "card-chief"),
        drilled.lead: ("drill-leader",),
    }
)
"""What is done before pictures are taken, and who would else see empty pages."""


@dataclass(slots=True)
class Toured:
    """What was seen."""

    index: Path
    pages: int = 0
    pictures: int = 0
    problems: list[str] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        """The shape of `warifu tour --json`."""
        return {"index": str(self.index), "pages": self.pages, "pictures": self.pictures, "problems": self.problems}


async def furnish(network: NetworkFile, state: Path) -> Scene:
    """Do what fills the pages, and say whom and where to look at."""
    async with doors(network) as opened:
        stage = Stage(network, state, opened)
        await filling.play(stage)
        written, provider = await filling.letters(stage)
        await filling.own_information(stage)
    people, first = People.of(network), stage.exchanges[0]
    expired = card_expired(people.all())
    taken = stage.played() | {stage.person} | ({expired.person} if expired else set())
    others = _others(people, taken, first.requester.partition("-")[2])
    stage.has_played(*others)  # else a drill would take one whose card the tour locks
    holder, proxy, forgetful, worn, loser, handy = others
    return Scene(
        person=stage.person,
        pin=people.demo(stage.person).pin,
        institution=first.requester,
        papers=slip_of(people, stage.person, lives(state).get(stage.person, {})),
        answered=first.request_id,
        refused=next(one.request_id for one in stage.exchanges if one.outcome == _DENIED),
        letters=tuple(written),
        provider=provider,
        state=state,
        holder=_person(people, state, holder),
        proxy=_person(people, state, proxy),
        forgetful=_person(people, state, forgetful),
        worn=_person(people, state, worn),
        loser=_person(people, state, loser),
        handy=_person(people, state, handy),
        expired=_person(people, state, expired.person) if expired else None,
    )


def _others(people: People, taken: Collection[str], city: str) -> list[str]:
    """Six grown people of a city who play in nothing.

    Raises:
        LookupError: there are not so many.
    """
    free = [
        one.person
        for one in people.all()
        if one.present is not None
        and str(one.present.municipality) == city
        and one.person not in taken
        and age_on(one.birth_date, people.start) >= _GROWN
        and not any(trait.startswith(ROLE) or trait == _PROTECTED for trait in one.traits)
    ]
    if len(free) < _NEEDED:
        raise LookupError(f"fewer than six people of {city} play in nothing: begin with more people")
    return free[-_NEEDED:]


def _person(people: People, state: Path, handle: str) -> Person:
    return Person(handle, people.demo(handle).pin, dict(slip_of(people, handle, lives(state).get(handle, {}))))


def photograph(
    network: NetworkFile,
    scene: Scene,
    folder: Path,
    executable: str,
    only: Collection[str],
    progress: Callable[[str, int], None],
) -> Toured:
    """Everyone's pages, or those of the visitors named in `only`, photographed into `folder`."""
    toured, shots = Toured(folder / "index.html"), list[Shot]()
    everyone = [
        one for one in visitors(scene.institution, scene.card_office, scene.provider) if not only or one.name in only
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        prepare(browser, network, scene, BEFORE, only)
        for who in everyone:
            shots += _visited(browser, network, scene, folder, who, toured, progress)
        browser.close()
    names = {one.name: f"{one.ja} / {one.en}" for one in everyone}
    toured.index = write_index(folder, shots, names)
    toured.pages, toured.pictures = len(shots), sum(len(shot.files) for shot in shots)
    return toured


def _visited(
    browser: Browser,
    network: NetworkFile,
    scene: Scene,
    folder: Path,
    who: Visitor,
    toured: Toured,
    progress: Callable[[str, int], None],
) -> Sequence[Shot]:
    """One visitor's pictures; what could not be had is among the problems."""
    origin = network.urls[who.face]
    with (
        entered(browser, network, who, *scene.card(who)) as context,
        camera(browser, who.name, folder, context) as taking,
    ):
        found = list(Crawl(context, origin, who.skipped).run(who.start)) if who.crawls else []
        toured.problems += [_problem(who, visit) for visit in found if visit.status >= _BROKEN]
        for visit in (one for one in found if one.is_page):
            toured.problems += _taken(taking, who, visit.url, visit.pattern)
            progress(who.name, len(taking.taken))
        for one in (state for state in states(scene) if state.who == who.name):
            pattern = f"{urlsplit(origin).netloc}/{one.name}"
            toured.problems += _taken(taking, who, origin + one.path, pattern, one.act)
            progress(who.name, len(taking.taken))
        return taking.taken


def _taken(taking: Camera, who: Visitor, url: str, pattern: str, act: Deed | None = None) -> list[str]:
    """Take a picture; what is in the way is a problem of this one page."""
    try:
        taking.take(url, pattern, act)
    except Error as error:
        return [f"{who.name}: {pattern} cannot be reached: {str(error).splitlines()[0]}"]
    return []


def _problem(who: Visitor, visit: Visit) -> str:
    return f"{who.name}: {visit.url} answers {visit.status}, linked from {visit.linked_from or 'the start'}"
