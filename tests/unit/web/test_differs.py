"""本物との違い: every face tells, in both languages and with a source, how the real one differs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import httpx2
import pytest
from starlette.routing import Route

from warifu.law import packaged
from warifu.simulator.launcher.plan import STAGE, plan
from warifu.web import differs
from warifu.web.face import Face, application
from warifu.web.pages import Pages

FACES = [*sorted(party.web.name for party in plan(packaged()) if party.web is not None), STAGE.name]
FILE = Path(differs.__file__).with_name("differs.toml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A face with an error page in a frame of its own."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "static").mkdir()
    catalogue = tmp_path / "locale" / "en" / "LC_MESSAGES" / "face.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n', encoding="utf-8")
    frame = '{% extends "layout.html" %}{% block brand %}own frame{% endblock %}{% block main %}{{ status_code }}{% endblock %}'
    (tmp_path / "templates" / "error.html").write_text(frame, encoding="utf-8")
    return tmp_path


def visitor(folder: Path, host: str) -> httpx2.AsyncClient:
    """A browser in front of a face at `host`."""
    origin = f"http://{host}:8100"
    pages = Pages.of(folder, "face")

    async def page(request):
        return pages.render(request, "error.html", status_code=200)

    app = application(Face(host, origin, {}), pages, [Route("/", page)])
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=origin)


def test_the_file_speaks_of_every_face_and_of_no_other() -> None:
    """A face that is added or renamed without saying how it differs is noticed here."""
    assert set(tomllib.loads(FILE.read_text(encoding="utf-8"))) == set(FACES)


@pytest.mark.parametrize("face", FACES)
def test_each_difference_is_told_whole_in_both_languages(face: str) -> None:
    """Topic, real and here have a Japanese and an English text, the English without Japanese letters; so has its source."""
    for one in differs.differences(f"{face}.localhost"):
        for texts in (one.topic, one.real, one.here, one.source):
            assert set(texts) == {"ja", "en"}
            assert all(texts.values())
            assert not any("\u3040" <= letter <= "\u9fff" for letter in texts["en"])


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_the_page_stands_in_the_face_s_own_frame_and_is_linked_from_its_foot(folder: Path, language: str) -> None:
    """From any page of the face a link in the foot leads to all its differences, with doubtful ones marked."""
    async with visitor(folder, "portal.localhost") as client:
        assert 'href="/differs"' in (await client.get("/")).text
        page = await client.get(f"/differs?lang={language}")
    listed = differs.differences("portal.localhost")
    assert page.status_code == 200
    assert "own frame" in page.text
    assert page.text.count('data-testid="difference"') == len(listed)
    assert page.text.count("mark doubt") == sum(one.unsure for one in listed) > 0


async def test_a_face_that_the_file_does_not_know_has_no_such_page(folder: Path) -> None:
    """Neither link nor page."""
    async with visitor(folder, "face.localhost") as client:
        assert "/differs" not in (await client.get("/")).text
        assert (await client.get("/differs")).status_code == 404


def test_as_plain_text_it_says_the_same_in_both_languages() -> None:
    """The log, whose face has no pages, tells it as text."""
    text = differs.plain("log.localhost")
    for one in differs.differences("log.localhost"):
        assert one.real["ja"] in text
        assert one.here["en"] in text
        assert one.source["en"] in text
