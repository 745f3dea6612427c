"""The whole tour: something to see on every page first, then everyone's pages, each photographed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

from warifu.simulator.doors import doors
from warifu.simulator.people import People
from warifu.simulator.scenarios import Stage
from warifu.simulator.state import NetworkFile
from warifu.simulator.tour import furnish as filling
from warifu.simulator.tour.crawl import Crawl, Visit
from warifu.simulator.tour.shots import Shot, take, write_index
from warifu.simulator.tour.visitors import Visitor, entered, visitors

_BROKEN: Final = 400
"""Statuses from here on are problems."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the tour looks at."""

    person: str
    pin: str
    institution: str
    card_office: str


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
        await filling.letters(stage)
    first = stage.exchanges[0]
    city = first.requester.partition("-")[2]
    return Scene(stage.person, People.of(network).demo(stage.person).pin, first.requester, f"residency-{city}")


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
    everyone = [one for one in visitors(scene.institution, scene.card_office) if not only or one.name in only]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for who in everyone:
            with entered(browser, network, who, scene.person, scene.pin) as context:
                found = list(_pages(Crawl(context, network.urls[who.face], who.skipped), who))
                toured.problems += [_problem(who, visit) for visit in found if visit.status >= _BROKEN]
                pages = [visit for visit in found if visit.is_page]
                for number, visit in enumerate(pages, start=1):
                    progress(who.name, number)
                    shots.append(take(context, folder, who.name, number, visit.url, visit.pattern))
        browser.close()
    names = {one.name: f"{one.ja} / {one.en}" for one in everyone}
    toured.index = write_index(folder, shots, names)
    toured.pages, toured.pictures = len(shots), sum(len(shot.files) for shot in shots)
    return toured


def _pages(crawl: Crawl, who: Visitor) -> Sequence[Visit]:
    return list(crawl.run(who.start))


def _problem(who: Visitor, visit: Visit) -> str:
    return f"{who.name}: {visit.url} answers {visit.status}, linked from {visit.linked_from or 'the start'}"
