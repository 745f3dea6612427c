"""`warifu tour`: every picture of its index is there, in both languages at both widths, with what waits behind forms."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser.chromium import ADVICE, executable
from running import Running, start, stop

from warifu.simulator.tour.acts import Person, Scene
from warifu.simulator.tour.state import State
from warifu.simulator.tour.states import states
from warifu.simulator.tour.visitors import visitors

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WHO = ("front-desk", "login", "drill-leader", "card-chief", "trainer-later", "examiner-later")
"""Who has few pages, and states that wait for what others did: the whole tour takes many minutes."""
SOMEBODY = Person("q", "0000", {})
SCENE = Scene(
    "p", "0000", "nhi-490016", {}, letters=("a", "b", "c"), provider="tax-480011",
    holder=SOMEBODY, proxy=SOMEBODY, forgetful=SOMEBODY, expired=SOMEBODY, worn=SOMEBODY, loser=SOMEBODY, handy=SOMEBODY,
)  # fmt: skip
NAME = re.compile(r"(?P<who>[a-z-]+?)-(?P<number>\d{3})-.+-(?P<language>ja|en)-(?P<width>1280|390)\.png")
PATIENCE = 900


class Links(HTMLParser):
    """What an index leads to, and what it shows."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.shown: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link or a picture."""
        found = dict(attrs)
        if tag == "a":
            self.hrefs.append(found.get("href") or "")
        elif tag == "img":
            self.shown.append(found.get("src") or "")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """So many people as the drills need, and nobody but the tour among them."""
    if executable() is None:
        pytest.skip(ADVICE)
    living = start(tmp_path_factory.mktemp("toured"), "--people", "300")
    yield living
    stop(living)


@pytest.mark.timeout(PATIENCE)
def test_the_index_shows_every_picture(network: Running, tmp_path: Path) -> None:
    """The tour of some visitors ends without a problem; each link of the index is a PNG as wide as it says, each page is there four times."""
    only = [word for who in WHO for word in ("--only", who)]
    words = ["tour", "--out", str(tmp_path), *only, "--state", str(network.state), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "warifu.cli", *words], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["problems"] == []
    index = Links(Path(told["index"]).read_text(encoding="utf-8"))
    assert index.hrefs == index.shown
    assert set(index.hrefs) == {file.name for file in tmp_path.glob("*.png")}
    assert len(index.hrefs) == told["pictures"] == 4 * told["pages"]
    kinds = Counter[tuple[str, str]]()
    for name in index.hrefs:
        said = NAME.fullmatch(name)
        assert said is not None, name
        assert width_of(tmp_path / name) == int(said["width"])
        kinds[said["language"], said["width"]] += 1
    assert kinds == dict.fromkeys([("ja", "1280"), ("ja", "390"), ("en", "1280"), ("en", "390")], told["pages"])
    for state in mine():
        assert any(f"-{state.name}-ja-1280" in name for name in index.hrefs), state.name


def test_every_state_is_somebody_s_and_has_a_name_of_its_own() -> None:
    """No state belongs to a visitor who is not sent around, no two of one visitor would overwrite each other's pictures, and whoever looks at no page has some."""
    everyone = visitors(SCENE.institution, SCENE.card_office, SCENE.provider)
    names = [(one.who, one.name) for one in states(SCENE)]
    assert len(set(names)) == len(names)
    assert {who for who, _ in names} <= {one.name for one in everyone}
    assert {one.name for one in everyone if not one.crawls} <= {who for who, _ in names}


def test_whoever_comes_after_the_clock_has_moved_comes_last() -> None:
    """A clock never goes back: nobody who is to see the day of the scenarios is sent around after the one who moves it."""
    names = [one.name for one in visitors(SCENE.institution, SCENE.card_office, SCENE.provider)]
    moved = names.index("trainer-later")
    assert all(name.endswith("-later") for name in names[moved:])
    assert not any(name.endswith("-later") for name in names[:moved])


def mine() -> list[State]:
    """The states that these visitors are photographed in."""
    found = [one for one in states(SCENE) if one.who in WHO]
    assert {one.who for one in found} == set(WHO)
    return found


def width_of(picture: Path) -> int:
    """The width in a PNG's header (W3C PNG, 11.2.1 IHDR)."""
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width: int = struct.unpack(">I", head[16:20])[0]
    return width
